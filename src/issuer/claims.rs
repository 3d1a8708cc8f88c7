//! From a token's payload to the facts that rules and headers need.

use std::collections::{BTreeMap, BTreeSet};

use super::{AudienceRule, Issuer, PathDialect, Principal, PrincipalKind, Profile, Services};
use crate::json::Json;
use crate::policy::is_scope_token;
use crate::time::UnixTime;
use crate::token::{ClaimPath, TokenError, TokenUse};

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

impl Issuer {
    /// Who calls with this token, which has been verified.
    pub fn principal(&self, payload: &Json, token_use: TokenUse) -> Result<Principal, TokenError> {
        let claims = &self.claims;
        // Rules decide by the user, so one that is there and cannot be used is not the same as none.
        let user = match present(&claims.user, payload) {
            None => None,
            Some(user) => Some(printable(user).ok_or(TokenError::InvalidClaim("user"))?),
        };
        let client = present(&claims.client, payload).and_then(printable);
        let kind = if self.is_service(payload, client.as_deref()) {
            Some(PrincipalKind::Service)
        } else {
            user.is_some().then_some(PrincipalKind::User)
        };
        let user = user.filter(|_| kind == Some(PrincipalKind::User));
        let auth_time = payload.get("auth_time").and_then(auth_time);
        let interactive = user.is_some() && (auth_time.is_some() || token_use == TokenUse::Id);

        let scopes = claims.scopes(payload)?;
        let mut groups = claims.groups(payload)?;
        // The WLCG profile: capabilities take precedence, and groups beside them say nothing.
        if self.profile.paths == Some(PathDialect::Wlcg) && scopes.iter().any(|scope| is_wlcg_capability(scope)) {
            groups.clear();
        }
        // DMTN-094 §2.2: everybody is in a group of their own name, which no table of groups can mean.
        let others = groups.iter().filter(|group| user.as_ref() != Some(*group));
        let granted = others.flat_map(|group| self.capability_groups.of(group)).cloned();
        let renamed = |scope: String| claims.scope_map.get(&scope).cloned().unwrap_or(scope);
        let listed: BTreeSet<String> = scopes.into_iter().map(renamed).chain(granted).collect();
        let (withheld, capabilities) =
            listed.into_iter().partition(|name| !interactive && self.capability_groups.is_interactive(name));

        Ok(Principal {
            kind,
            user,
            uid: present(&claims.uid, payload).and_then(uid),
            email: present(&claims.email, payload).and_then(printable),
            client,
            token_id: payload.get("jti").and_then(Json::as_str).map(str::to_owned),
            groups,
            capabilities,
            withheld,
            interactive,
            auth_time,
            acr: payload.get("acr").and_then(printable),
            paths: self.profile.paths,
        })
    }

    /// Any sign of it counts: who may pass for a user may do more.
    fn is_service(&self, payload: &Json, client: Option<&str>) -> bool {
        let text = |name| payload.get(name).and_then(Json::as_str);
        let subject = text("sub");
        if subject.is_some() && subject == client {
            return true;
        }
        match self.profile.services {
            Services::BySubject => false,
            Services::Keycloak => {
                let named = |name: &str| name.starts_with("service-account-");
                let added = ["clientHost", "clientAddress"].iter().any(|name| payload.get(name).is_some());
                text("preferred_username").is_some_and(named) || added
            }
            Services::Auth0 => {
                text("gty") == Some("client-credentials") || subject.is_some_and(|sub| sub.ends_with("@clients"))
            }
        }
    }
}

fn is_wlcg_capability(scope: &str) -> bool {
    scope.starts_with("storage.") || scope.starts_with("compute.")
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

    /// Whether there is a user or a uid.
    pub fn name_somebody(&self, payload: &Json) -> bool {
        present(&self.user, payload).is_some() || present(&self.uid, payload).and_then(uid).is_some()
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
    fn scopes(&self, payload: &Json) -> Result<BTreeSet<String>, TokenError> {
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
fn present<'a>(paths: &[ClaimPath], payload: &'a Json) -> Option<&'a Json> {
    let says_something = |value: &&Json| !matches!(value, Json::Null) && value.as_str() != Some("");
    paths.iter().find_map(|path| path.first(payload)).filter(says_something)
}

/// A claim that may end up in a header has to be one line of text.
fn printable(value: &Json) -> Option<String> {
    value.as_str().filter(|text| is_printable(text)).map(str::to_owned)
}

/// A header value cannot begin or end with a space, and control characters split messages and log lines.
pub fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// When the user logged in. Some Keycloaks write 0 where nobody did.
fn auth_time(value: &Json) -> Option<UnixTime> {
    let seconds = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|seconds| *seconds > 0);
    seconds.map(UnixTime::from_seconds)
}

/// A POSIX user id: some issuers write a number, others (CILogon) a string of digits.
fn uid(value: &Json) -> Option<u32> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.or_else(|| value.as_str().and_then(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(payload: &str) -> Result<Principal, TokenError> {
        let mut issuer = Issuer::for_tests("https://issuer.test", &["api"]);
        issuer.claims.scope_map = BTreeMap::from([("rs/read.tap".to_owned(), "read:tap".to_owned())]);
        issuer.principal(&Json::parse(payload.as_bytes()).unwrap(), TokenUse::Access)
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
