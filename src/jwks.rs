//! Key sets (RFC 7517): the keys that can be used, and why the others cannot.
//!
//! One bad key never costs the good ones: issuers publish keys of other uses and other algorithms beside those they
//! sign tokens with.
//!
//! From the inside out: `key` reads one key, this module a set of them. `record` is what is known of an issuer's set and
//! what is being done about it; `shared` keeps that record the same for all workers of a process, in the form of
//! `written`. `remote` asks it for one issuer, `store` for all, and `fetch` is what goes over the network.

mod fetch;
mod freshness;
mod key;
mod notice;
mod record;
mod remote;
mod shared;
mod source;
mod store;
mod uri;
mod written;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Json;

pub use fetch::{Answer, Fetch, FetchError};
pub use freshness::{LONGEST as LONGEST_CACHE, SHORTEST as SHORTEST_CACHE};
pub use key::{Jwk, KeyError};
pub use notice::Notice;
pub use remote::{Finished, Lookup, Wait};
pub use shared::{NotWritten, SharedData};
pub use source::{KeyLocation, KeySource, LONGEST_TIMEOUT, RemoteKeys};
pub use store::{Due, KeyStore};
pub use uri::HttpUri;

/// Most keys that are read of one set. Issuers publish two to ten.
pub const MAX_KEYS: usize = 64;

/// The usable keys of one issuer.
#[derive(Debug, Default)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    /// How many others there are, and what is wrong with the first of them.
    refused: Option<(usize, KeyError)>,
}

/// Why a document is no key set, or not one to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwkSetError {
    NotJson,
    NoKeys,
    TooManyKeys,
    /// What is wrong with the first key, where there is one.
    NoUsableKey(Option<KeyError>),
}

impl fmt::Display for JwkSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("not a JSON document"),
            Self::NoKeys => f.write_str("no list of keys"),
            Self::TooManyKeys => write!(f, "more than {MAX_KEYS} keys"),
            Self::NoUsableKey(None) => f.write_str("no key"),
            Self::NoUsableKey(Some(first)) => write!(f, "no key that can be used; the first: {}", first.as_str()),
        }
    }
}

/// A key set whose keys have not been read. A second `keys` is an error, other members are not looked at.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Option<&'a RawValue>,
}

/// A log says no more of what an issuer may have chosen to be long or odd.
const MOST_NAMES: usize = 8;
const LONGEST_NAME: usize = 48;

fn name(key: &Jwk) -> String {
    let shown = |c: char| if c.is_ascii_graphic() && c != ',' { c } else { '?' };
    key.kid
        .as_ref()
        .map_or_else(|| "one without name".to_owned(), |kid| kid.chars().take(LONGEST_NAME).map(shown).collect())
}

impl JwkSet {
    /// Of keys that are known to be good.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self { keys, refused: None }
    }

    /// Reads a key set as it came from an issuer, each key on its own.
    pub fn parse(body: &[u8]) -> Result<Self, JwkSetError> {
        let document: &RawValue = serde_json::from_slice(body).map_err(|_| JwkSetError::NotJson)?;
        // A list would be read as a document whose members have no names.
        if !document.get().starts_with('{') {
            return Err(JwkSetError::NoKeys);
        }
        let Document { keys } = serde_json::from_str(document.get()).map_err(|_| JwkSetError::NotJson)?;
        let keys = keys.ok_or(JwkSetError::NoKeys)?;
        let entries: Vec<&RawValue> = serde_json::from_str(keys.get()).map_err(|_| JwkSetError::NoKeys)?;
        if entries.len() > MAX_KEYS {
            return Err(JwkSetError::TooManyKeys);
        }
        let read = |entry: &&RawValue| {
            let key = Json::parse_unique(entry.get().as_bytes()).map_err(|_| KeyError::Unreadable)?;
            Jwk::from_json(&key)
        };
        let (mut set, refused) = Self::of_distinct(entries.iter().map(read).collect());
        set.refused = refused.first().map(|(_, first)| (refused.len(), *first));
        match set.refused {
            refused if set.keys.is_empty() => Err(JwkSetError::NoUsableKey(refused.map(|(_, first)| first))),
            _ => Ok(set),
        }
    }

    /// The usable keys, and for each other one its position and what is wrong with it.
    pub fn from_json(document: &Json) -> Result<(Self, Vec<(usize, KeyError)>), JwkSetError> {
        let entries = document.get("keys").and_then(Json::as_array).ok_or(JwkSetError::NoKeys)?;
        if entries.len() > MAX_KEYS {
            return Err(JwkSetError::TooManyKeys);
        }
        Ok(Self::of_distinct(entries.iter().map(Jwk::from_json).collect()))
    }

    /// Of two keys with one name neither is used: which of them a reader takes is chance.
    fn of_distinct(read: Vec<Result<Jwk, KeyError>>) -> (Self, Vec<(usize, KeyError)>) {
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        for kid in read.iter().flatten().filter_map(|key| key.kid.clone()) {
            *named.entry(kid).or_default() += 1;
        }
        let mut keys = Vec::new();
        let mut refused = Vec::new();
        for (position, key) in read.into_iter().enumerate() {
            match key {
                Ok(Jwk { kid: Some(kid), .. }) if named.get(&kid).is_some_and(|count| *count > 1) => {
                    refused.push((position, KeyError::DuplicateKid));
                }
                Ok(key) => keys.push(key),
                Err(error) => refused.push((position, error)),
            }
        }
        (Self { keys, refused: None }, refused)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.keys.iter()
    }

    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether these are the same keys, in whatever order.
    pub fn is_same(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len() && self.keys.iter().all(|key| other.keys.contains(key))
    }

    /// The keys' names, and why the others are not among them, for a log.
    pub fn summary(&self) -> String {
        let others = self.refused.map_or_else(String::new, |(count, first)| {
            format!("; of {count} more none, the first: {}", first.as_str())
        });
        format!("{}{others}", self.names())
    }

    fn names(&self) -> String {
        let mut names: Vec<String> = self.keys.iter().take(MOST_NAMES).map(name).collect();
        if self.keys.len() > MOST_NAMES {
            names.push(format!("and {} more", self.keys.len().saturating_sub(MOST_NAMES)));
        }
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn kids(set: &JwkSet) -> Vec<&str> {
        set.iter().filter_map(|key| key.kid.as_deref()).collect()
    }

    #[test]
    fn one_bad_key_does_not_cost_the_good_ones() {
        let body = format!(
            r#"{{"keys":[{{{ED25519},"kid":"a"}},{{"kty":"oct","k":"eA","kid":"b"}},7,{{"kty":"new"}},
                {{{ED25519},"kid":"c","use":"enc"}},{{{ED25519},"kid":"d"}}]}}"#
        );
        let (set, refused) = JwkSet::from_json(&Json::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(kids(&set), ["a", "d"]);
        assert_eq!(refused.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_key_that_cannot_be_read_does_not_cost_the_good_ones_either() {
        for bad in [
            r#"{"kty":"RSA","kty":"EC"}"#.to_owned(),
            r#"{"kty":"RSA","kid":"\ud800"}"#.to_owned(),
            r#"{"kty":"RSA","iat":1e400}"#.to_owned(),
            format!(r#"{{"kty":"RSA","x":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000)),
        ] {
            let body = format!(r#"{{"x":1,"x":2,"keys":[{bad},{{{ED25519},"kid":"a"}}]}}"#);
            let name: String = bad.chars().take(40).collect();
            assert_eq!(JwkSet::parse(body.as_bytes()).map(|set| kids(&set).join(" ")), Ok("a".to_owned()), "{name}");
        }
    }

    #[test]
    fn the_names_of_keys_are_short_and_printable_whatever_they_are() {
        let named = |kids: &[&str]| {
            let key = |kid: &&str| format!(r#"{{{ED25519},"kid":{}}}"#, serde_json::to_string(kid).unwrap());
            let keys: Vec<String> = kids.iter().map(key).collect();
            JwkSet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
        };
        let long = "k".repeat(200);
        for (kids, want) in [
            (&["a"][..], "a".to_owned()),
            (&["a", "b/c="], "a, b/c=".to_owned()),
            (&["a\nb\u{1b}[0m, é"], "a?b?[0m???".to_owned()),
            (&[&long], "k".repeat(48)),
            (&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], "1, 2, 3, 4, 5, 6, 7, 8, and 2 more".to_owned()),
        ] {
            assert_eq!(named(kids).names(), want);
        }
        let with_others = format!(r#"{{"keys":[{{{ED25519},"kid":"a"}},{{{ED25519},"use":"enc"}},7]}}"#);
        assert_eq!(
            JwkSet::parse(with_others.as_bytes()).unwrap().summary(),
            "a; of 2 more none, the first: not a key for signatures"
        );
        let nameless = JwkSet::parse(format!(r#"{{"keys":[{{{ED25519}}}]}}"#).as_bytes()).unwrap();
        assert_eq!(nameless.names(), "one without name");
        assert!(named(&["a", "b"]).is_same(&named(&["b", "a"])));
        assert!(!named(&["a", "b"]).is_same(&named(&["a"])) && !named(&["a"]).is_same(&nameless));
    }

    #[test]
    fn of_two_keys_with_one_name_neither_is_used() {
        // Keys for another use do not count.
        let body = format!(
            r#"{{"keys":[{{{ED25519},"kid":"a"}},{{{ED25519},"kid":"b"}},{{{ED25519},"kid":"a"}},
                {{{ED25519},"kid":"b","use":"enc"}},{{"kty":"oct","k":"eA","kid":"b"}}]}}"#
        );
        assert_eq!(kids(&JwkSet::parse(body.as_bytes()).unwrap()), ["b"]);
    }

    #[test]
    fn what_is_no_usable_key_set_says_why() {
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["1"; MAX_KEYS + 1].join(","));
        let deep = format!(r#"{{"keys":{}"#, "[".repeat(100_000));
        let deeper = format!("{{\"keys\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for (body, want) in [
            ("", JwkSetError::NotJson),
            ("<html>", JwkSetError::NotJson),
            ("{\"keys\":[", JwkSetError::NotJson),
            ("\u{feff}{\"keys\":[]}", JwkSetError::NotJson),
            (r#"{"keys":[],"keys":[]}"#, JwkSetError::NotJson),
            (deep.as_str(), JwkSetError::NotJson),
            (deeper.as_str(), JwkSetError::NoUsableKey(Some(KeyError::Unreadable))),
            ("{\"keys\":[\"\u{1}\"]}", JwkSetError::NotJson),
            ("{}", JwkSetError::NoKeys),
            ("[]", JwkSetError::NoKeys),
            (r#"[[{"kty":"oct"}]]"#, JwkSetError::NoKeys),
            (r#"{"keys":null}"#, JwkSetError::NoKeys),
            (r#"{"keys":"[]"}"#, JwkSetError::NoKeys),
            (r#"{"keys":{}}"#, JwkSetError::NoKeys),
            (many.as_str(), JwkSetError::TooManyKeys),
            (r#"{"keys":[]}"#, JwkSetError::NoUsableKey(None)),
            (r#"{"keys":[{"kty":"oct","k":"eA"}]}"#, JwkSetError::NoUsableKey(Some(KeyError::Unsupported))),
        ] {
            let name: String = body.chars().take(20).collect();
            assert_eq!(JwkSet::parse(body.as_bytes()).err(), Some(want), "{name}");
        }
    }
}
