//! Members of the JOSE header, good ones and odd ones.

use serde_json::{Value, json};

use super::case::Case;
use crate::support::mint::Signer;

/// What a member may be set to.
pub fn members() -> Vec<(&'static str, Value)> {
    let mut members = Vec::new();
    let typs = [
        "JWT",
        "jwt",
        "at+jwt",
        "application/at+jwt",
        "application/jwt",
        "JOSE",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "kb+jwt",
        "",
        "token-introspection+jwt",
        "x",
    ];
    members.extend(typs.map(|typ| ("typ", json!(typ))));
    members.extend([json!(null), json!(1), json!(["JWT"])].map(|typ| ("typ", typ)));
    let kids = [
        json!(""),
        json!(null),
        json!(7),
        json!(["test-es256"]),
        json!({}),
        json!("k".repeat(256)),
        json!("k".repeat(300)),
    ];
    members.extend(kids.map(|kid| ("kid", kid)));
    members.extend(
        [json!("a\u{0}b"), json!("TEST-ES256"), json!(" test-es256"), json!("test-es256 ")].map(|kid| ("kid", kid)),
    );
    for name in ["crit", "b64", "enc", "zip", "cty", "jwk"] {
        let values = [json!(null), json!(false), json!(true), json!("x"), json!([]), json!(["exp"]), json!({})];
        members.extend(values.map(|value| (name, value)));
    }
    members.push(("jwk", Signer::other_es256().jwk()));
    for name in ["jku", "x5u", "x5c", "x5t", "x5t#S256", "p2c", "epk", "iss", "aud", "unknown", "alg2", "ALG"] {
        members.extend([json!("https://evil.test"), json!(null), json!(["x"]), json!(1)].map(|value| (name, value)));
    }
    members.extend([json!(null), json!(1), json!(["ES256"]), json!({}), json!(true)].map(|alg| ("alg", alg)));
    members
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for signer in [Signer::es256(), Signer::rs256(), Signer::eddsa()] {
        for (name, value) in members() {
            let case = format!("{}: header {name}: {}", signer.alg(), short(&value));
            cases.push(Case::of(case, &signer, move |token| token.header(name, value.clone())));
        }
        for name in ["alg", "kid", "typ"] {
            let case = format!("{}: header without {name}", signer.alg());
            cases.push(Case::of(case, &signer, move |token| token.without_header(name)));
        }
        for length in [3000, 3100, 5000] {
            let case = format!("{}: a header of {length} bytes", signer.alg());
            cases.push(Case::of(case, &signer, move |token| token.header("x", "x".repeat(length))));
        }
    }
    cases
}

/// A value in a case's name.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(40).collect()
}
