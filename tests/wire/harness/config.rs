//! The plugin configuration most tests start from.

use serde_json::{Value, json};

use crate::support::mint::{AUDIENCE, ISSUER, Signer, jwks};

pub const REALM: &str = "wire.test";

/// Every algorithm the filter can be told to accept.
pub const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The headers towards the upstream that are the filter's own, by the defaults.
pub const OWN_HEADERS: [&str; 7] = [
    "x-auth-request-user",
    "x-auth-request-uid",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-token-capabilities",
    "x-auth-request-token",
    "x-auth-request-service",
];

/// One issuer whose keys stand in the configuration, and a rule for each kind of access.
pub fn make_test_config() -> Value {
    with_issuer(inline_issuer(&[&Signer::rs256()]))
}

/// The same rules with another issuer.
pub fn with_issuer(issuer: Value) -> Value {
    json!({
        "realm": REALM,
        "issuers": [issuer],
        "rules": rules(),
    })
}

/// The issuer with these keys at hand.
pub fn inline_issuer(signers: &[&Signer]) -> Value {
    json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ALGORITHMS,
        "jwks": { "inline": jwks(signers) },
    })
}

/// The issuer with its keys at a URL, fetched through the cluster `issuer`.
pub fn remote_issuer(uri: &str) -> Value {
    named_issuer(ISSUER, uri)
}

/// The same by another name.
pub fn named_issuer(name: &str, uri: &str) -> Value {
    json!({
        "issuer": name,
        "audiences": [AUDIENCE],
        "algorithms": ALGORITHMS,
        "jwks": { "uri": uri, "cluster": "issuer", "timeout": "30s" },
    })
}

fn rules() -> Value {
    json!([
        { "name": "open", "match": { "prefix": "/open" }, "access": "anonymous" },
        { "name": "optional", "match": { "prefix": "/optional" }, "access": "optional" },
        { "name": "me", "match": { "prefix": "/me" } },
        {
            "name": "basic",
            "match": { "prefix": "/basic" },
            "challenge": ["bearer", "basic"],
        },
        {
            "name": "tap",
            "match": { "prefix": "/api/tap" },
            "require": { "capabilities": { "all_of": ["read:tap"] } },
        },
        {
            "name": "exact",
            "match": { "path": "/exact" },
        },
    ])
}
