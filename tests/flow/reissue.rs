//! The token that a service gets instead of the user's own, and the tokens that are exchanged for weaker ones.

#[path = "reissue/attacks.rs"]
mod attacks;
#[path = "reissue/claims.rs"]
mod claims;
#[path = "reissue/documents.rs"]
mod documents;
#[path = "reissue/exchange.rs"]
mod exchange;
#[path = "reissue/exchange_back.rs"]
mod exchange_back;
#[path = "reissue/exchange_refused.rs"]
mod exchange_refused;
#[path = "reissue/exchange_short.rs"]
mod exchange_short;
#[path = "reissue/failures.rs"]
mod failures;
#[path = "reissue/passage.rs"]
mod passage;
#[path = "reissue/scopes.rs"]
mod scopes;
#[path = "reissue/times.rs"]
mod times;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern::crypto::{RustCrypto, SignatureCheck, Signed};
use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, Signer, Token};
use crate::world::{Request, Seen, World, issuer, patched, token};

/// The issuer that the filter itself is.
pub const OWN: &str = "https://api.test/postern";

/// Whom the tokens of the rule `tap` are for.
pub const API: &str = "https://api.test/tap";

pub const TOKEN_PATH: &str = "/postern/token";

pub fn users() -> Signer {
    Signer::es256()
}

/// Signs as the filter does.
pub fn own() -> Signer {
    Signer::eddsa().with_kid("k1")
}

/// One rule with `reissue`, a token endpoint, and the tokens made here accepted, with these changes.
pub fn stage(change: &Value) -> Value {
    let whole = json!({
        "reissue": {
            "issuer": OWN,
            "keys": [{"env": "ED25519", "kid": "k1"}],
            "exchange": {"audiences": [AUDIENCE, "https://other.test"]},
        },
        "issuers": [issuer(&users()), {"issuer": OWN, "audiences": [AUDIENCE, API]}],
        "rules": [tap(&json!({})), {"name": "all", "match": {"prefix": "/"}}],
    });
    patched(whole, change)
}

/// The rule `tap` with these changes.
pub fn tap(change: &Value) -> Value {
    patched(json!({"name": "tap", "match": {"prefix": "/tap"}, "reissue": {"audience": API}}), change)
}

/// A world whose only rule is `tap` with these changes.
pub fn world(change: &Value) -> World {
    World::of(&stage(&json!({"rules": [tap(change)]})))
}

pub fn users_token(claims: Value) -> String {
    token(&users(), claims)
}

/// A token as one made here would be, with these claims.
pub fn own_token(claims: Value) -> String {
    Token::at(&own(), NOW).claim("iss", OWN).claim("jti", "own-1").claims(claims).mint()
}

pub fn post(path: &str, token: &str) -> Request {
    Request::new("POST", path).bearing(token)
}

/// A token that was made here, taken apart.
#[derive(Debug)]
pub struct Made {
    pub header: Value,
    pub claims: Value,
    /// The claims as they are written.
    pub payload: String,
}

pub fn payload_of(token: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Takes a token apart whose signature is good by the key that it names, which is published.
pub fn made(world: &World, token: &str) -> Made {
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    let own = world.config.reissue.as_ref().unwrap();
    let key = own.keys.iter().find(|key| header["kid"] == key.kid).unwrap_or_else(|| panic!("no such key: {header}"));
    assert_eq!(header["alg"], key.key.algorithm().name());
    let signed = Signed { token, signature: &parts[2] };
    assert!(RustCrypto.verify(key.key.algorithm(), key.key.public(), signed), "the signature is wrong");
    let payload = String::from_utf8(parts[1].clone()).unwrap();
    Made { header, claims: serde_json::from_str(&payload).unwrap(), payload }
}

/// The token that goes on, in both fields or in none.
pub fn carried(seen: &Seen) -> Option<&str> {
    assert_eq!(seen.in_short(), "ok");
    let bearer = seen.value("authorization").map(|value| value.strip_prefix("Bearer ").expect("a Bearer"));
    assert_eq!(bearer, seen.value("x-auth-request-token"), "both fields have the same token");
    bearer
}

/// The new token that goes on instead of the user's.
pub fn reissued(world: &mut World, request: &Request) -> Made {
    let seen = world.send(request);
    let token = carried(&seen).expect("a token goes on");
    assert!(!request.sent("authorization").unwrap().contains(token), "it is the user's own");
    made(world, token)
}

/// The urn of the grant, as it stands in a form.
pub const GRANT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";

/// Asks for a token, with these parameters beside the grant.
pub fn asking(parameters: &str) -> Request {
    Request::new("POST", TOKEN_PATH)
        .with("content-type", "application/x-www-form-urlencoded")
        .carrying(&format!("{GRANT}&{parameters}"))
}

/// What the endpoint says, as status and document.
pub fn answer(seen: &Seen) -> (u16, Value) {
    let refusal = seen.refusal.as_ref().expect("an answer");
    let document = serde_json::from_str(&refusal.body).unwrap_or_else(|_| panic!("no JSON: {}", refusal.body));
    (refusal.status, document)
}

/// The token that is given for this one, and what is said of it.
pub fn exchanged(world: &mut World, token: &str, parameters: &str) -> (String, Value) {
    let seen = world.send(&asking(parameters).bearing(token));
    let (status, document) = answer(&seen);
    assert_eq!(status, 200, "{document}");
    (document["access_token"].as_str().expect("a token").to_owned(), document)
}
