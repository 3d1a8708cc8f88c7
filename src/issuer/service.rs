//! Telling a client's own token (RFC 6749 §4.4) from a user's.

use super::claims::auth_time;
use super::{Issuer, Services};
use crate::json::Json;
use crate::token::TokenKind;

/// What a token says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// A client's own, and which client's, where that is said.
    Service(Option<&'a str>),
    /// Named like a service, and not like the client that it came by: users can choose such names, and tokens that were
    /// exchanged have them.
    Unclear,
    None,
}

impl Issuer {
    /// Any sign counts, for who may pass for a user may do more; where signs contradict each other, it is neither.
    pub(super) fn mark_of_service<'a>(&self, payload: &'a Json, token_kind: TokenKind) -> Mark<'a> {
        let clients: Vec<&str> = self.claims.client.iter().filter_map(|path| text(path.first(payload))).collect();
        let subject = text(payload.get("sub"));
        if let Some(client) = subject.filter(|subject| clients.contains(subject)) {
            // An ID token is of somebody who logged in, whatever name that user chose.
            return if token_kind.is_login() { Mark::Unclear } else { Mark::Service(Some(client)) };
        }
        match self.profile.services {
            Services::BySubject => Mark::None,
            Services::Keycloak => by_keycloak(payload, &clients),
            Services::Auth0 => by_auth0(payload, subject, &clients),
        }
    }
}

fn by_keycloak<'a>(payload: &'a Json, clients: &[&'a str]) -> Mark<'a> {
    let has = |names: &[&str]| names.iter().any(|name| text(payload.get(name)).is_some());
    // The claims that the client credentials flow adds.
    let added = has(&["clientHost", "clientAddress", "clientId"]);
    let account = text(payload.get("preferred_username")).and_then(|name| name.strip_prefix("service-account-"));
    let Some(account) = account else {
        return if added { Mark::Service(clients.first().copied()) } else { Mark::None };
    };
    // User names are in lower case there, and clients' need not be.
    let client = clients.iter().copied().find(|client| client.eq_ignore_ascii_case(account));
    // Who logged in is a user, under whatever name.
    let logged_in = payload.get("auth_time").and_then(auth_time).is_some();
    if client.is_none() || (logged_in && !added) { Mark::Unclear } else { Mark::Service(client) }
}

fn by_auth0<'a>(payload: &'a Json, subject: Option<&str>, clients: &[&'a str]) -> Mark<'a> {
    let grants = payload.get("gty").map(|gty| gty.as_array().unwrap_or(std::slice::from_ref(gty)));
    let granted = grants.is_some_and(|all| all.iter().any(|grant| grant.as_str() == Some("client-credentials")));
    let name = subject.and_then(|subject| subject.strip_suffix("@clients"));
    let client = name.and_then(|name| clients.iter().copied().find(|client| *client == name));
    match (granted, name, client) {
        (true, _, client) => Mark::Service(client.or(clients.first().copied())),
        (false, Some(_), Some(client)) => Mark::Service(Some(client)),
        (false, Some(_), None) => Mark::Unclear,
        (false, None, _) => Mark::None,
    }
}

/// A claim that says something.
fn text(claim: Option<&Json>) -> Option<&str> {
    claim.and_then(Json::as_str).filter(|text| !text.is_empty())
}
