//! The whitelist of issuers (DMTN-094 §6.5) and what each one's tokens look like.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use crate::crypto::Algorithm;
use crate::json::Json;
use crate::jwks::JwkSet;
use crate::policy::is_scope_token;
use crate::token::{ClaimPath, TokenError};

/// RS256 is what DMTN-094 §6.5 names and every issuer of the field signs with; others are opted into.
pub const DEFAULT_ALGORITHMS: [Algorithm; 1] = [Algorithm::Rs256];

/// What Envoy's `jwt_authn` allows by default.
pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// More than this is a broken clock, which should be mended rather than allowed for.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// DMTN-094 §6.8: access tokens live for hours, at most 24.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Position in the whitelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId(usize);

#[derive(Debug)]
pub struct Issuer {
    /// Exactly the tokens' `iss`.
    pub issuer: String,
    pub audiences: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    pub clock_skew: Duration,
    pub max_lifetime: Duration,
    pub keys: KeySource,
    pub claims: ClaimMap,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    Inline(Rc<JwkSet>),
    Remote(RemoteKeys),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteKeys {
    pub location: KeyLocation,
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    pub timeout: Duration,
    /// How long keys are used before they are fetched anew.
    pub cache: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    Jwks(HttpUri),
    /// OIDC discovery: the document that names the key set.
    Discovery(HttpUri),
}

/// An `http` or `https` URI, split as a request needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUri {
    pub scheme: &'static str,
    pub authority: String,
    pub path: String,
}

impl HttpUri {
    /// Refuses user parts and fragments, and anything that could not stand in a request line.
    pub fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = [("https", "https://"), ("http", "http://")]
            .iter()
            .find_map(|(scheme, prefix)| uri.strip_prefix(prefix).map(|rest| (*scheme, rest)))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let host = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let plain = |b: u8| b.is_ascii_graphic() && b != b'#';
        if authority.is_empty() || !authority.bytes().all(host) || !path.bytes().all(plain) {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { scheme, authority: authority.to_ascii_lowercase(), path })
    }

    /// Whether this is reached without leaving the machine.
    pub fn is_loopback(&self) -> bool {
        let host = match self.authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next(),
            None => self.authority.split(':').next(),
        };
        host.is_some_and(|host| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        })
    }
}

/// Where in an issuer's tokens the facts are that rules and headers need.
#[derive(Debug)]
pub struct ClaimMap {
    pub user: Vec<ClaimPath>,
    pub uid: Vec<ClaimPath>,
    pub email: Vec<ClaimPath>,
    pub groups: Vec<ClaimPath>,
    pub scopes: Vec<ClaimPath>,
    pub audience: Vec<ClaimPath>,
    pub client: Vec<ClaimPath>,
    /// Renames of scopes.
    pub scope_map: BTreeMap<String, String>,
}

impl Default for ClaimMap {
    /// The claims of RFC 7519, RFC 8693 and OpenID Connect, and DMTN-094's `uidNumber` and `isMemberOf`.
    fn default() -> Self {
        let paths = |names: &[&str]| names.iter().map(|name| ClaimPath::of(name)).collect();
        Self {
            user: paths(&["sub"]),
            uid: paths(&["uidNumber"]),
            email: paths(&["email"]),
            groups: ["groups", "isMemberOf[].name"].iter().filter_map(|path| ClaimPath::parse(path)).collect(),
            scopes: paths(&["scope"]),
            audience: paths(&["aud"]),
            client: paths(&["client_id", "azp"]),
            scope_map: BTreeMap::new(),
        }
    }
}

/// Who is calling, as far as the token says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    pub user: Option<String>,
    pub uid: Option<u32>,
    pub email: Option<String>,
    pub client: Option<String>,
    pub token_id: Option<String>,
    pub groups: Vec<String>,
    pub scopes: BTreeSet<String>,
}

impl ClaimMap {
    pub fn principal(&self, payload: &Json) -> Result<Principal, TokenError> {
        Ok(Principal {
            user: printable(&self.user, payload, "user")?,
            uid: uid(&self.uid, payload)?,
            email: printable(&self.email, payload, "email")?,
            client: printable(&self.client, payload, "client")?,
            token_id: payload.get("jti").and_then(Json::as_str).map(str::to_owned),
            groups: self.groups(payload)?,
            scopes: self.scopes(payload)?,
        })
    }

    fn groups(&self, payload: &Json) -> Result<Vec<String>, TokenError> {
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
                Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Float(_) | Json::Object(_) => {
                    return Err(TokenError::InvalidClaim("groups"));
                }
            }
        }
        Ok(groups)
    }

    /// A list as one string with single spaces (RFC 6749 §3.3) or as an array. What is no scope token by that grammar
    /// can be asked by no rule and is left out.
    fn scopes(&self, payload: &Json) -> Result<BTreeSet<String>, TokenError> {
        let mut scopes = BTreeSet::new();
        for value in self.scopes.iter().flat_map(|path| path.all(payload)) {
            let names: Vec<&str> = match value {
                Json::String(list) => list.split(' ').collect(),
                Json::Array(items) => {
                    let names: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                    names.ok_or(TokenError::InvalidClaim("scope"))?
                }
                Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Float(_) | Json::Object(_) => {
                    return Err(TokenError::InvalidClaim("scope"));
                }
            };
            let renamed = |name: &str| self.scope_map.get(name).map_or_else(|| name.to_owned(), Clone::clone);
            scopes.extend(names.into_iter().filter(|name| is_scope_token(name)).map(renamed));
        }
        Ok(scopes)
    }
}

/// The first of these claims that is there. It may end up in a header, so it has to be one line of text.
fn printable(paths: &[ClaimPath], payload: &Json, name: &'static str) -> Result<Option<String>, TokenError> {
    let Some(value) = paths.iter().find_map(|path| path.first(payload)) else {
        return Ok(None);
    };
    match value.as_str() {
        Some(text) if is_printable(text) => Ok(Some(text.to_owned())),
        _ => Err(TokenError::InvalidClaim(name)),
    }
}

/// A header value cannot begin or end with a space, and control characters split messages and log lines.
pub fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// A POSIX user id: some issuers write a number, others (CILogon) a string of digits.
fn uid(paths: &[ClaimPath], payload: &Json) -> Result<Option<u32>, TokenError> {
    let Some(value) = paths.iter().find_map(|path| path.first(payload)) else {
        return Ok(None);
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let uid =
        value.as_integer().and_then(|number| u32::try_from(number).ok()).or_else(|| value.as_str().and_then(digits));
    uid.map(Some).ok_or(TokenError::InvalidClaim("uid"))
}

/// The issuers that tokens are accepted from, found by the exact `iss`.
#[derive(Debug)]
pub struct Issuers(Vec<Rc<Issuer>>);

impl Issuers {
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self(issuers.into_iter().map(Rc::new).collect())
    }

    pub fn find(&self, iss: &str) -> Option<(IssuerId, &Rc<Issuer>)> {
        self.iter().find(|(_, issuer)| issuer.issuer == iss)
    }

    /// The issuer's name, for a log.
    pub fn name(&self, id: IssuerId) -> &str {
        self.0.get(id.0).map_or("", |issuer| issuer.issuer.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (IssuerId, &Rc<Issuer>)> {
        self.0.iter().enumerate().map(|(i, issuer)| (IssuerId(i), issuer))
    }
}

#[cfg(test)]
impl Issuer {
    pub(crate) fn for_tests(issuer: &str, audiences: &[&str]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: audiences.iter().map(|&a| a.to_owned()).collect(),
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            clock_skew: DEFAULT_CLOCK_SKEW,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            keys: KeySource::Inline(Rc::new(JwkSet::default())),
            claims: ClaimMap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(payload: &str) -> Result<Principal, TokenError> {
        let map = ClaimMap {
            scope_map: BTreeMap::from([("rs/read.tap".to_owned(), "read:tap".to_owned())]),
            ..ClaimMap::default()
        };
        map.principal(&Json::parse(payload.as_bytes()).unwrap())
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
        ] {
            let scopes = principal(&format!(r#"{{"scope":{scope}}}"#)).unwrap().scopes;
            assert_eq!(scopes.iter().map(String::as_str).collect::<Vec<_>>(), want, "{scope}");
        }
        for scope in ["1", "null", "{}", "[1]", "[[\"a\"]]"] {
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
            ("empty", ""),
        ] {
            let refused = principal(&format!(r#"{{"sub":"{value}"}}"#));
            assert_eq!(refused, Err(TokenError::InvalidClaim("user")), "{name}");
        }
        assert_eq!(principal(r#"{"sub":"Zoë K"}"#).unwrap().user.as_deref(), Some("Zoë K"));
    }

    #[test]
    fn a_uid_is_a_number_or_its_digits() {
        for (uid, want) in [("1000", Some(1000)), ("\"1000\"", Some(1000)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(principal(&format!(r#"{{"uidNumber":{uid}}}"#)).unwrap().uid, want, "{uid}");
        }
        for uid in ["-1", "4294967296", "\"+1\"", "\"\"", "\"1 \"", "1.0", "null", "\"0x1\""] {
            let refused = principal(&format!(r#"{{"uidNumber":{uid}}}"#));
            assert_eq!(refused, Err(TokenError::InvalidClaim("uid")), "{uid}");
        }
    }

    #[test]
    fn an_issuer_is_found_by_its_exact_name() {
        let issuers =
            Issuers::new(vec![Issuer::for_tests("https://a.test", &[]), Issuer::for_tests("https://b.test", &[])]);
        assert!(issuers.find("https://b.test").is_some());
        for iss in ["https://b.test/", "HTTPS://b.test", "https://b.test:443", "https://b.test ", "b.test", ""] {
            assert!(issuers.find(iss).is_none(), "{iss}");
        }
    }

    #[test]
    fn a_uri_is_split_for_a_request() {
        let parsed = |uri| HttpUri::parse(uri).map(|u| (u.scheme, u.authority, u.path));
        let uri = |scheme, authority: &str, path: &str| Some((scheme, authority.to_owned(), path.to_owned()));
        assert_eq!(parsed("https://A.test/certs"), uri("https", "a.test", "/certs"));
        assert_eq!(parsed("http://[::1]:80"), uri("http", "[::1]:80", "/"));
        assert_eq!(parsed("https://a.test?x=1"), uri("https", "a.test", "/?x=1"));
        for bad in [
            "",
            "a.test/certs",
            "ftp://a",
            "https://",
            "https:///x",
            "https://u@a/",
            "https://a/#f",
            "https://a/ b",
            "https://a/\r\n",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn loopback_is_told_from_names_that_only_look_like_it() {
        for (uri, want) in [
            ("http://127.0.0.1:9000/", true),
            ("http://127.8.9.1/", true),
            ("http://localhost/", true),
            ("http://[::1]:9000/", true),
            ("http://127.0.0.1.evil.test/", false),
            ("http://localhost.evil.test/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(HttpUri::parse(uri).unwrap().is_loopback(), want, "{uri}");
        }
    }
}
