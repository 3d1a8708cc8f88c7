//! The header fields by which the service behind learns who is calling.
//!
//! These fields are ours: a client that could send one itself could be anyone. They are taken out of every request
//! first, allowed or not, checked or not, and set afterwards from a verified token alone. Many servers make one name of
//! `x-auth-request-user` and `X_Auth_Request_User` (CGI and WSGI do; others do the same to a dot), so every look-alike
//! goes too (CVE-2025-64484).

use std::rc::Rc;

use crate::issuer::{PrincipalKind, is_printable};
use crate::json::Json;
use crate::request::{Mutation, RequestHead};
use crate::secret::Secret;
use crate::token::{ClaimPath, VerifiedToken};

/// The family of names that DMTN-094 §4.5 began. All of it is ours, whatever is configured, also names that some later
/// version may set and a service may already trust.
const FAMILY: &str = "x-auth-request-";

/// Longest group name that goes into a header (DMTN-094 §2.2: a name has to fit a UNIX or database role).
const MAX_GROUP_NAME: usize = 32;

/// A header value with all groups and capabilities must leave room in the 60 KiB that Envoy allows a request's head.
const MAX_VALUE: usize = 32 * 1024;

/// The names under which facts go upstream; `None` where one is switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    pub user: Option<Rc<str>>,
    pub uid: Option<Rc<str>>,
    pub email: Option<Rc<str>>,
    pub groups: Option<Rc<str>>,
    pub scopes: Option<Rc<str>>,
    pub token: Option<Rc<str>>,
    pub client: Option<Rc<str>>,
    /// Any other claim.
    pub claims: Vec<(Rc<str>, Vec<ClaimPath>)>,
    /// Whether the service gets the user's own token, as `authorization: Bearer` and in the token header.
    pub forward_token: bool,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        let name = |rest: &str| Some(format!("{FAMILY}{rest}").into());
        Self {
            user: name("user"),
            uid: name("uid"),
            email: name("email"),
            groups: name("groups"),
            scopes: name("token-capabilities"),
            token: name("token"),
            client: name("service"),
            claims: Vec::new(),
            // A service that does not need the token should not be able to use it or lose it. Envoy's `jwt_authn`
            // has the same default (`forward: false`).
            forward_token: false,
        }
    }
}

impl IdentityHeaders {
    /// Every configured name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.user, &self.uid, &self.email, &self.groups, &self.scopes, &self.token, &self.client]
            .into_iter()
            .flatten()
            .chain(self.claims.iter().map(|(name, _)| name))
            .map(|name| &**name)
    }

    /// All names that are ours.
    pub fn own_names(&self) -> OwnNames {
        OwnNames(self.names().filter(|name| !begins_alike(name.as_bytes(), FAMILY)).map(str::to_owned).collect())
    }

    /// What a verified token sets, for a request that [`OwnNames::removals`] went through. An absent claim leaves its header
    /// absent.
    pub fn assertions(&self, token: &VerifiedToken) -> Vec<Mutation> {
        let principal = token.principal();
        let mut set = Vec::with_capacity(self.names().count());
        let mut assert = |name: Option<&Rc<str>>, value: &str| {
            // Longer than a request's head may be, the request would fail further on without a reason given.
            if let Some(name) = name.filter(|_| value.len() <= MAX_VALUE && is_printable(value)) {
                set.push(Mutation::add(Rc::clone(name), value.as_bytes()));
            }
        };
        if let Some(user) = &principal.user {
            assert(self.user.as_ref(), user);
        }
        if let Some(uid) = principal.uid {
            assert(self.uid.as_ref(), &uid.to_string());
        }
        if let Some(email) = &principal.email {
            assert(self.email.as_ref(), email);
        }
        if let Some(client) = principal.client.as_ref().filter(|_| principal.kind == Some(PrincipalKind::Service)) {
            assert(self.client.as_ref(), client);
        }
        let groups = principal.groups.iter().map(String::as_str).filter(|name| is_role_name(name));
        assert(self.groups.as_ref(), &joined(groups, ","));
        assert(self.scopes.as_ref(), &joined(principal.capabilities.iter().map(String::as_str), " "));
        for (name, paths) in &self.claims {
            if let Some(claim) = paths.iter().filter_map(|path| path.first(token.payload())).find_map(text) {
                assert(Some(name), &claim);
            }
        }
        set
    }

    /// A token for the service: in a field of its own, for a request that [`OwnNames::removals`] went through, and in the one
    /// form that every service reads (DMTN-094 §4.5 wants both).
    pub fn carrying(&self, token: &Secret) -> Carrying {
        let token = token.expose();
        Carrying {
            own: self.token.as_ref().map(|name| Mutation::add(Rc::clone(name), token.as_bytes())),
            authorization: Mutation::set("authorization", format!("Bearer {token}").into_bytes()),
        }
    }
}

/// The fields that carry a token to the service.
#[derive(Clone, Debug)]
pub struct Carrying {
    /// Absent where it is switched off.
    pub own: Option<Mutation>,
    pub authorization: Mutation,
}

impl Carrying {
    pub fn fields(&self) -> impl Iterator<Item = &Mutation> {
        self.own.iter().chain([&self.authorization])
    }
}

/// The family, and what the configuration calls otherwise.
#[derive(Debug)]
pub struct OwnNames(Vec<String>);

impl OwnNames {
    /// Takes out whatever the client sent under a name of ours.
    pub fn removals(&self, head: &RequestHead) -> Vec<Mutation> {
        let mut removed: Vec<&[u8]> = Vec::new();
        for name in head.names() {
            if self.has(name) && !removed.contains(&name) {
                removed.push(name);
            }
        }
        removed.into_iter().map(|name| Mutation::remove(name.to_vec())).collect()
    }

    /// Whether some server might take this name for one of ours.
    pub fn has(&self, name: &[u8]) -> bool {
        begins_alike(name, FAMILY) || self.0.iter().any(|ours| is_alike(name, ours))
    }
}

/// Whether servers may take these for one name: they differ at most in case, and in characters that are no letter or
/// digit.
pub fn is_alike(name: &[u8], other: &str) -> bool {
    let spelt = |b: &u8| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' };
    name.len() == other.len() && name.iter().map(spelt).eq(other.as_bytes().iter().map(spelt))
}

/// Whether the name begins with a look-alike of this one.
pub fn begins_alike(name: &[u8], family: &str) -> bool {
    name.get(..family.len()).is_some_and(|start| is_alike(start, family))
}

fn joined<'a>(names: impl Iterator<Item = &'a str>, between: &str) -> String {
    let mut list = String::new();
    for name in names {
        if !list.is_empty() {
            list.push_str(between);
        }
        list.push_str(name);
    }
    list
}

/// DMTN-094 §2.2. A comma in a name would make two groups of one.
fn is_role_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_GROUP_NAME
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The text of a claim that is one value.
fn text(claim: &Json) -> Option<String> {
    match claim {
        Json::String(text) => Some(text.clone()),
        Json::Integer(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::Float(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_known_in_every_spelling() {
        let headers = IdentityHeaders { user: Some("remote-user".into()), ..IdentityHeaders::default() };
        for name in [
            "x-auth-request-user",
            "X-Auth-Request-User",
            "x_auth_request_user",
            "x-auth_request-user",
            "x.auth.request.user",
            "x-auth-request-anything-to-come",
            "remote-user",
            "REMOTE_USER",
        ] {
            assert!(headers.own_names().has(name.as_bytes()), "{name}");
        }
        for name in ["x-auth-request", "x-authrequest-user", "x-request-id", "remote-users", "user", ":path"] {
            assert!(!headers.own_names().has(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn each_spelling_that_was_sent_is_removed_once() {
        let field = |name: &str| (name.as_bytes().to_vec(), b"root".to_vec());
        let head = RequestHead::new(
            ["x-auth-request-user", "accept", "x-auth-request-user", "x_auth_request_user"].map(field).to_vec(),
        );
        let removals = IdentityHeaders::default().own_names().removals(&head);
        assert_eq!(
            removals,
            ["x-auth-request-user", "x_auth_request_user"].map(|name| Mutation::remove(name.as_bytes()))
        );
    }

    #[test]
    fn group_names_fit_a_role() {
        for (name, want) in [
            ("lsst_int_lsp_int_tap_r", true),
            ("a.b-c_D9", true),
            ("", false),
            ("a,b", false),
            ("a b", false),
            ("é", false),
            ("a\n", false),
        ] {
            assert_eq!(is_role_name(name), want, "{name:?}");
        }
        assert!(is_role_name(&"a".repeat(MAX_GROUP_NAME)));
        assert!(!is_role_name(&"a".repeat(MAX_GROUP_NAME + 1)));
    }
}
