//! Paths under a rule that asks for capabilities by path, held to a plain rule for the same part of the tree: where the
//! one lets on, the other does too.

use postern::crypto::RustCrypto;
use serde_json::{Value, json};

use super::door::{Checked, Decision, Door, NOW, document};
use super::mutants::{BYTES, every};
use crate::support::mint::{ISSUER, Signer, Token, jwks};

fn with_rules(signer: &Signer, rules: &Value) -> Value {
    let mut document = document(&["ES256"], &json!({"inline": jwks(&[signer])}));
    document["issuers"][0]["profile"] = json!("wlcg");
    document["rules"] = rules.clone();
    document
}

#[test]
fn a_path_of_a_mutant_is_let_on_by_a_tokens_paths_only_where_it_is_below_them() {
    let signer = Signer::es256();
    let by_token = with_rules(
        &signer,
        &json!([{"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}}]),
    );
    let signatures = Checked::new(&RustCrypto);
    let mut by_token = Door::new(&by_token, &signatures);
    for (scope, below) in [
        ("storage.read:/store/a", "/dav/store/a"),
        ("storage.read:/store/a b", "/dav/store/a"),
        ("storage.read:/st%6Fre/%61", "/dav/store/a"),
        ("storage.read:/", "/dav"),
    ] {
        let claims = json!({"iss": ISSUER, "scope": scope, "wlcg.ver": "1.0", "jti": scope, "nbf": NOW});
        let token = Token::at(&signer, NOW).claims(claims).mint();
        let authorization = format!("Bearer {token}");
        let plain = with_rules(&signer, &json!([{"name": "plain", "match": {"prefix": below}}]));
        let mut plain = Door::new(&plain, &signatures);
        for good in [
            "/dav/store/a",
            "/dav/store/a/file",
            "/dav/store/a/b/../c",
            "/dav/store/a/%2e%2e/b",
            "/dav/%73tore/a/x%20y",
            "/dav/store/a/b?x=/dav/other",
        ] {
            for (change, mutant) in every(good.as_bytes(), &BYTES) {
                let name = format!("{scope}: {good}: {change:?}");
                let decision = by_token.send(&mutant, Some(authorization.as_bytes()));
                let by_path = plain.send(&mutant, Some(authorization.as_bytes()));
                assert_eq!(decision.is_allowed(), by_path.is_allowed(), "{name}: {decision:?}, {by_path:?}");
                if decision.is_allowed() {
                    assert!(is_below(&mutant, below), "{name}");
                } else {
                    assert!(matches!(decision, Decision::Refused(400 | 403, _)), "{name}: {decision:?}");
                }
            }
        }
        assert_eq!(by_token.send(b"/dav/store/a/file", Some(authorization.as_bytes())), Decision::Allowed, "{scope}");
    }
}

/// By whole segments of what the path is with its escapes undone, and without anything that some server reads in another
/// way.
fn is_below(path: &[u8], place: &str) -> bool {
    let text = std::str::from_utf8(path).expect("text");
    let (path, _) = text.split_once('?').unwrap_or((text, ""));
    let path = path.replace("%73", "s").replace("%20", " ");
    let rest = path.strip_prefix(place);
    let odd = ["//", "/./", "/../", "\\", ";", "#"].iter().any(|odd| path.contains(odd));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) && !odd
}
