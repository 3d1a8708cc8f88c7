//! Claims, good ones and odd ones.

use serde_json::{Value, json};

use super::case::Case;
use super::headers::short;
use crate::support::mint::{AUDIENCE, Signer};

/// Values of every kind.
fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(7),
        json!(1.5),
        json!(""),
        json!("x"),
        json!([]),
        json!(["x"]),
        json!([1]),
        json!({}),
        json!({"x": 1}),
    ]
}

pub fn values() -> Vec<(&'static str, Value)> {
    let mut claims = Vec::new();
    let names = [
        "iss",
        "sub",
        "aud",
        "jti",
        "nonce",
        "azp",
        "scope",
        "scp",
        "groups",
        "isMemberOf",
        "uidNumber",
        "email",
        "client_id",
        "typ",
        "token_use",
        "type",
        "token_type",
        "cnf",
        "events",
        "act",
        "auth_time",
        "acr",
        "at_hash",
        "c_hash",
        "state",
        "code",
        "error",
        "ver",
        "wlcg.ver",
        "permissions",
        "realm_access",
        "roles",
        "__proto__",
        "",
    ];
    for name in names {
        claims.extend(odd().into_iter().map(|value| (name, value)));
    }
    let audiences = [
        json!([AUDIENCE]),
        json!([AUDIENCE, "x"]),
        json!(["x", AUDIENCE]),
        json!([AUDIENCE, 1]),
        json!([AUDIENCE, null]),
        json!([[AUDIENCE]]),
        json!({"aud": AUDIENCE}),
        json!("https://api.test/"),
        json!("HTTPS://API.TEST"),
        json!("https://api.test "),
        json!(" https://api.test"),
        json!("http://api.test"),
        json!("https://api.tes"),
        json!("https://api.test,x"),
        json!("x https://api.test"),
        json!("https://api.test\u{0}"),
        json!(["https://api.test/"]),
        json!("api.test"),
        json!("https://api.test//"),
        json!([format!("{AUDIENCE}/"), AUDIENCE]),
    ];
    claims.extend(audiences.map(|value| ("aud", value)));
    let issuers = [
        "https://main.test/",
        "https://MAIN.test",
        "https://main.test ",
        "https://main.test\u{0}",
        "main.test",
        "https://issuer.test",
        "https://main.tes",
        "https://main.testx",
    ];
    claims.extend(issuers.map(|value| ("iss", json!(value))));
    let kinds = [
        "access",
        "id",
        "ID",
        "Bearer",
        "bearer",
        "Refresh",
        "refresh",
        "Offline",
        "Logout",
        "JWT",
        "at+jwt",
        "DPoP",
        "access_token",
        "id_token",
        "refresh_token",
        "user",
    ];
    for name in ["typ", "token_use", "type", "token_type"] {
        claims.extend(kinds.map(|value| (name, json!(value))));
    }
    let texts = ["a\u{0}b", "a\r\nx: 1", "a\u{7f}", "\u{e9}", "a b", "a,b", "\u{202e}", "root", &"u".repeat(3000)];
    for name in ["sub", "jti", "email", "scope", "uidNumber"] {
        claims.extend(texts.map(|value| (name, json!(value))));
    }
    claims.extend([json!({"jkt": "x"}), json!({"x5t#S256": "x"})].map(|value| ("cnf", value)));
    claims.push(("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})));
    claims.push(("may_act", json!({"sub": "x"})));
    claims.push(("azp", json!(AUDIENCE)));
    claims.push(("isMemberOf", json!([{"name": "g", "id": 1}])));
    claims.push(("long", json!("x".repeat(5000))));
    claims.push(("long", json!("x".repeat(8000))));
    claims.push(("long", json!("x".repeat(11_000))));
    claims.push(("long", json!("x".repeat(13_000))));
    claims.push(("deep", serde_json::from_str(&format!("{}1{}", "[".repeat(15), "]".repeat(15))).expect("JSON")));
    claims.push(("deep", serde_json::from_str(&format!("{}1{}", "[".repeat(40), "]".repeat(40))).expect("JSON")));
    claims
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for signer in [Signer::es256(), Signer::eddsa()] {
        for (name, value) in values() {
            let case = format!("{}: claim {name}: {}", signer.alg(), short(&value));
            cases.push(Case::of(case, &signer, move |token| token.claim(name, value.clone())));
        }
        for name in ["iss", "sub", "aud", "iat", "exp", "scope"] {
            let case = format!("{}: without {name}", signer.alg());
            cases.push(Case::of(case, &signer, move |token| token.without(name)));
        }
        cases.push(Case::of(format!("{}: code and state", signer.alg()), &signer, |token| {
            token.claim("code", "c").claim("state", "s")
        }));
        cases.push(Case::of(format!("{}: an ID token of a client", signer.alg()), &signer, |token| {
            token.without("scope").claim("azp", AUDIENCE)
        }));
    }
    cases
}
