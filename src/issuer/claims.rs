//! Where an issuer's tokens keep the facts that rules and headers need, and in which forms they are read.

use std::collections::{BTreeMap, BTreeSet};

use super::{AudienceRule, Profile};
use crate::json::Json;
use crate::scope::is_scope_token;
use crate::time::UnixTime;
use crate::token::{ClaimPath, TokenError};

/// Where in an issuer's tokens the facts are that rules and headers need.
#[derive(Debug)]
pub struct ClaimMap {
    pub user: Vec<ClaimPath>,
    pub uid: Vec<ClaimPath>,
    pub email: Vec<ClaimPath>,
    pub groups: Vec<ClaimPath>,
    pub scopes: Vec<ClaimPath>,
    pub audience: Vec<ClaimPath>,
    pub audience_rule: AudienceRule,
    pub client: Vec<ClaimPath>,
    /// Renames of scopes.
    pub scope_map: BTreeMap<String, String>,
}

impl ClaimMap {
    /// What the profile's table says.
    pub fn of(profile: &Profile) -> Self {
        let paths = |names: &[&str]| names.iter().filter_map(|name| ClaimPath::parse(name)).collect();
        let claims = &profile.claims;
        Self {
            user: paths(claims.user),
            uid: paths(claims.uid),
            email: paths(claims.email),
            groups: paths(claims.groups),
            scopes: paths(claims.scopes),
            audience: paths(claims.audience),
            audience_rule: profile.audience,
            client: paths(claims.client),
            scope_map: BTreeMap::new(),
        }
    }

    /// Every name that the user may have a group by.
    pub(super) fn own_names<'a>(&self, payload: &'a Json) -> Vec<&'a str> {
        let configured = self.user.iter().filter_map(|path| path.first(payload));
        let usual = ["sub", "uid", "preferred_username", "username"].iter().filter_map(|name| payload.get(name));
        configured.chain(usual).filter_map(Json::as_str).collect()
    }

    /// Whether there is a user or a uid.
    pub fn name_somebody(&self, payload: &Json) -> bool {
        present(&self.user, payload).is_some() || present(&self.uid, payload).and_then(uid).is_some()
    }

    pub(super) fn groups(&self, payload: &Json) -> Result<Vec<String>, TokenError> {
        let mut groups = Vec::new();
        for value in self.groups.iter().flat_map(|path| path.all(payload)) {
            match value {
                Json::String(name) => groups.push(name.clone()),
                Json::Array(names) => {
                    for name in names {
                        // A list of objects is read by another path, such as `groups[].name`.
                        groups.extend(name.as_str().map(str::to_owned));
                    }
                }
                // An issuer without anything to say.
                Json::Null => {}
                Json::Bool(_) | Json::Integer(_) | Json::Float(_) | Json::Object(_) => {
                    return Err(TokenError::InvalidClaim("groups"));
                }
            }
        }
        Ok(groups)
    }

    /// A list as one string with single spaces (RFC 6749 §3.3) or as an array. What is no scope token by that grammar
    /// can be asked by no rule and is left out.
    pub(super) fn scopes(&self, payload: &Json) -> Result<BTreeSet<String>, TokenError> {
        let mut scopes = BTreeSet::new();
        for value in self.scopes.iter().flat_map(|path| path.all(payload)) {
            let names: Vec<&str> = match value {
                Json::String(list) => list.split(' ').collect(),
                Json::Array(items) => {
                    let names: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                    names.ok_or(TokenError::InvalidClaim("scope"))?
                }
                Json::Null => Vec::new(),
                Json::Bool(_) | Json::Integer(_) | Json::Float(_) | Json::Object(_) => {
                    return Err(TokenError::InvalidClaim("scope"));
                }
            };
            scopes.extend(names.into_iter().filter(|name| is_scope_token(name)).map(str::to_owned));
        }
        Ok(scopes)
    }
}

/// The first of these claims that is there. Some issuers write an empty one where they have nothing to say.
pub(super) fn present<'a>(paths: &[ClaimPath], payload: &'a Json) -> Option<&'a Json> {
    let says_something = |value: &&Json| !matches!(value, Json::Null) && value.as_str() != Some("");
    paths.iter().filter_map(|path| path.first(payload)).find(says_something)
}

/// A claim that may end up in a header has to be one line of text.
pub(super) fn printable(value: &Json) -> Option<String> {
    value.as_str().filter(|text| is_printable(text)).map(str::to_owned)
}

/// A header value cannot begin or end with a space, and control characters split messages and log lines.
pub fn is_printable(text: &str) -> bool {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    !text.is_empty() && text.trim() == text && (is_plain || !text.chars().any(char::is_control))
}

/// When the user logged in. Some Keycloaks write 0 where nobody did.
pub(super) fn auth_time(value: &Json) -> Option<UnixTime> {
    let seconds = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|seconds| *seconds > 0);
    seconds.map(UnixTime::from_seconds)
}

/// A POSIX user id: some issuers write a number, others (CILogon) a string of digits.
pub(super) fn uid(value: &Json) -> Option<u32> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.or_else(|| value.as_str().and_then(digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::{Issuer, Principal};
    use crate::token::TokenKind;

    fn principal(payload: &str) -> Result<Principal, TokenError> {
        let mut issuer = Issuer::for_tests("https://issuer.test", &["api"]);
        issuer.claims.scope_map = BTreeMap::from([("rs/read.tap".to_owned(), "read:tap".to_owned())]);
        let now = UnixTime::from_seconds(1_800_000_000);
        issuer.principal(&Json::parse(payload.as_bytes()).unwrap(), TokenKind::PLAIN_ACCESS, now)
    }

    #[test]
    fn scopes_are_exact_elements_of_a_list() {
        for (scope, want) in [
            (r#""a b""#, &["a", "b"][..]),
            (r#"["a","b"]"#, &["a", "b"]),
            (r#""a  b ""#, &["a", "b"]),
            (r#"" a""#, &["a"]),
            (r#""a,b""#, &["a,b"]),
            (r#""a\tb c""#, &["c"]),
            (r#""é \" \\ d""#, &["d"]),
            (r#""rs/read.tap""#, &["read:tap"]),
            (r#""""#, &[]),
            ("null", &[]),
        ] {
            let scopes = principal(&format!(r#"{{"scope":{scope}}}"#)).unwrap().capabilities;
            assert_eq!(scopes.iter().map(String::as_str).collect::<Vec<_>>(), want, "{scope}");
        }
        for scope in ["1", "{}", "[1]", "[[\"a\"]]"] {
            let refused = principal(&format!(r#"{{"scope":{scope}}}"#));
            assert_eq!(refused, Err(TokenError::InvalidClaim("scope")), "{scope}");
        }
    }

    #[test]
    fn groups_are_the_union_of_all_their_claims() {
        let both = principal(r#"{"groups":["a"],"isMemberOf":[{"name":"b","id":1},{"name":"c"}]}"#).unwrap();
        assert_eq!(both.groups, ["a", "b", "c"]);
        assert_eq!(principal(r#"{"groups":7}"#), Err(TokenError::InvalidClaim("groups")));
    }

    #[test]
    fn what_goes_into_a_header_is_one_line_of_text() {
        for (name, value) in [
            ("CR LF", r"a\r\nx-admin: 1"),
            ("NUL", r"a\u0000"),
            ("DEL", r"a\u007f"),
            ("C1 control", r"a\u0085"),
            ("space after", "a "),
        ] {
            let refused = principal(&format!(r#"{{"sub":"{value}"}}"#));
            assert_eq!(refused, Err(TokenError::InvalidClaim("user")), "{name}");
        }
        assert_eq!(principal(r#"{"sub":"Zoë K"}"#).unwrap().user.as_deref(), Some("Zoë K"));
        for nothing in ["null", "\"\""] {
            assert_eq!(principal(&format!(r#"{{"sub":{nothing}}}"#)).unwrap().user, None, "{nothing}");
        }
        // Nothing is decided by these, so one that cannot be written is left out.
        let odd = principal(r#"{"sub":"a","email":"a\nb","client_id":7}"#).unwrap();
        assert_eq!((odd.email, odd.client), (None, None));
    }

    #[test]
    fn a_uid_is_a_number_or_its_digits() {
        for (uid, want) in [("1000", Some(1000)), ("\"1000\"", Some(1000)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(principal(&format!(r#"{{"uidNumber":{uid}}}"#)).unwrap().uid, want, "{uid}");
        }
        for uid in ["-1", "4294967296", "\"+1\"", "\"\"", "\"1 \"", "1.0", "null", "\"0x1\""] {
            assert_eq!(principal(&format!(r#"{{"uidNumber":{uid}}}"#)).unwrap().uid, None, "{uid}");
        }
    }
}
