//! Tokens of issuers that we did not write, at the built filter in a real Envoy.
//!
//! `tests/fetch-issuers` brings them from npm and PyPI, once.

use serde_json::{Value, json};

use super::harness::config::REALM;
use super::harness::request::Request;
use super::harness::stage::{BOTH, Stage};
use crate::support::challenge::{Challenge, ErrorCode, Scheme};

mod browser;
mod cognito;
mod firecrest;
mod jupyter;
mod oidc_provider;
mod scitokens;
mod shapes;
mod wlcg;

/// What becomes of a request.
#[derive(Clone, Debug)]
enum Wanted {
    /// It is let on, with exactly these identity headers.
    LetOn(Vec<(String, String)>),
    /// It is answered with this status and reason, and this challenge if any.
    Refused(u16, &'static str, Option<Challenge>),
}

/// Name, request, and what has to become of it.
type Row<'a> = (&'a str, Request, Wanted);

fn let_on(identity: &[(&str, &str)]) -> Wanted {
    Wanted::LetOn(in_order(identity.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))))
}

/// By name; and groups too, since no issuer promises any order of those.
fn in_order(identity: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut identity: Vec<(String, String)> = identity
        .map(|(name, value)| {
            let mut parts: Vec<&str> = value.split(',').collect();
            parts.sort_unstable();
            let value = if name == "x-auth-request-groups" { parts.join(",") } else { value };
            (name, value)
        })
        .collect();
    identity.sort_unstable();
    identity
}

/// 401 with `invalid_token`.
fn unauthorized(reason: &'static str) -> Wanted {
    Wanted::Refused(401, reason, Some(error(ErrorCode::InvalidToken)))
}

/// 403 that names the scope which would do.
fn insufficient(scope: &str) -> Wanted {
    let challenge = Challenge { scope: Some(scope.to_owned()), ..error(ErrorCode::InsufficientScope) };
    Wanted::Refused(403, "insufficient_scope", Some(challenge))
}

/// 403 that no scope would change.
fn forbidden(reason: &'static str) -> Wanted {
    Wanted::Refused(403, reason, None)
}

/// 401 that asks for another login (RFC 9470).
fn step_up(max_age: Option<u64>, acr: Option<&str>) -> Wanted {
    let acr_values = acr.map(str::to_owned);
    let challenge = Challenge { max_age, acr_values, ..error(ErrorCode::InsufficientUserAuthentication) };
    Wanted::Refused(401, "insufficient_user_authentication", Some(challenge))
}

fn error(code: ErrorCode) -> Challenge {
    Challenge { error: Some(code), ..Challenge::bare(Scheme::Bearer, REALM) }
}

/// Sends each request by both protocols, and holds what becomes of it to the table.
fn hold(stage: &Stage, rows: &[Row<'_>]) {
    for (name, request, wanted) in rows {
        for protocol in BOTH {
            let name = format!("{name} over {protocol:?}");
            let exchange = stage.send(protocol, request);
            match wanted {
                Wanted::LetOn(identity) => {
                    let seen = exchange.allowed(&name);
                    let fields = seen.head.fields.iter().filter(|(name, _)| name.starts_with("x-auth-request-"));
                    let told = in_order(fields.map(|(name, value)| (name.clone(), text(value))));
                    assert_eq!(&told, identity, "{name}");
                    assert_eq!(seen.values("authorization"), [""; 0], "{name}: the credential went upstream");
                }
                Wanted::Refused(status, reason, challenge) => {
                    let answer = exchange.refused(&name, *status);
                    let problem: Value = serde_json::from_slice(&answer.body).expect("a problem");
                    assert_eq!(problem["reason"], *reason, "{name}: {problem}");
                    let told: Vec<Challenge> = answer
                        .challenges()
                        .into_iter()
                        .map(|challenge| Challenge { error_description: None, ..challenge })
                        .collect();
                    assert_eq!(told.iter().collect::<Vec<_>>(), challenge.iter().collect::<Vec<_>>(), "{name}");
                }
            }
        }
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// An issuer of this profile whose keys are found by itself, through the cluster `issuer`.
fn issuer(profile: &str, name: &str, audience: &str) -> Value {
    json!({
        "issuer": name,
        "profile": profile,
        "audiences": [audience],
        "jwks": { "cluster": "issuer", "timeout": "30s" },
    })
}
