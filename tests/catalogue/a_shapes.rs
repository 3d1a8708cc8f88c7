//! A: what the header says besides the algorithm: its shape, the name of the key, the type.

use serde_json::{Value, json};

use super::row::{Row, token};
use super::scene::{Scene, usual};
use super::world::AT_JWT;
use crate::support::mint::{Signer, base64url, compact};

pub fn rows() -> Vec<Row> {
    [shapes(), key_ids(), types()].into_iter().flatten().collect()
}

fn shapes() -> Vec<Row> {
    let jwe = r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#;
    vec![
        token("A10", "JWE of five parts", move |_| {
            format!(
                "{}.{}.{}.{}.{}",
                base64url(jwe),
                base64url([7; 256]),
                base64url([1; 12]),
                base64url("x"),
                base64url([2; 16])
            )
        })
        .is(401, "token_opaque"),
        token("A10", "JWE with an empty key", move |_| {
            format!("{}..{}.{}.{}", base64url(jwe), base64url([1; 12]), base64url("x"), base64url([2; 16]))
        })
        .is(401, "token_opaque"),
        token("A10", "enc in a signed token", |scene| scene.token().header("enc", "A256GCM").mint())
            .is(401, "token_header"),
        token("A10", "zip", |scene| scene.token().header("zip", "DEF").mint()).is(401, "token_header"),
        token("A10", "cty JWT", |scene| scene.token().header("cty", "JWT").mint()).is(401, "token_header"),
        token("A10", "a token in a token", |scene| scene.with_payload(scene.token().mint()))
            .is(401, "token_unreadable"),
        token("A10", "JSON serialization, flattened", |scene| {
            let token = scene.token().mint();
            let parts: Vec<&str> = token.split('.').collect();
            json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string()
        })
        .is(400, "several_credentials"),
        token("A10", "JSON serialization, one member", |scene| {
            format!("{{\"payload\":\"{}\"}}", base64url(scene.claims().to_string()))
        })
        .is(400, "malformed_credential"),
        token("A15", "alg twice", |scene| scene.with_header(r#"{"alg":"RS256","kid":"test-rs256","alg":"none"}"#))
            .is(401, "token_unreadable"),
        token("A15", "alg and its escaped twin", |scene| {
            scene.with_header(r#"{"alg":"RS256","kid":"test-rs256","\u0061lg":"none"}"#)
        })
        .is(401, "token_unreadable"),
        token("A15", "kid twice", |scene| scene.with_header(r#"{"alg":"RS256","kid":"test-rs256","kid":"x"}"#))
            .is(401, "token_unreadable"),
        token("A16", "alg and kid only in the payload", |scene| {
            let claims = scene.claims_after(r#""alg":"RS256","kid":"test-rs256""#);
            usual().sign_bytes(b"{\"typ\":\"JWT\"}", claims.as_bytes())
        })
        .is(401, "algorithm"),
        token("A16", "kid only in the payload", |scene| {
            scene.token().without_header("kid").claim("kid", usual().kid()).mint()
        })
        .publishing(vec![usual().jwk(), Signer::other_rs256().jwk()])
        .is(401, "unknown_key"),
    ]
}

fn key_ids() -> Vec<Row> {
    let mut rows = vec![
        token("A11", "no kid, one key fits", |scene| scene.token().without_header("kid").mint())
            .let_on()
            .pin("no choice is left open"),
        token("A11", "no kid, two keys fit", |scene| scene.token().without_header("kid").mint())
            .publishing(vec![usual().jwk(), Signer::other_rs256().jwk()])
            .is(401, "unknown_key"),
        token("A11", "kid of 8 KiB", |scene| scene.token().header("kid", "k".repeat(8192)).mint())
            .is(401, "token_too_long"),
    ];
    for (name, kid) in [
        ("null", Value::Null),
        ("7", json!(7)),
        ("[]", json!([])),
        ("empty", json!("")),
        ("of 257 bytes", json!("k".repeat(257))),
    ] {
        let row = token("A11", format!("kid {name}"), move |scene| scene.token().header("kid", kid.clone()).mint());
        rows.push(row.is(401, "token_header"));
    }
    for kid in [
        "../../../etc/passwd",
        "' OR 1=1--",
        "key\r\nx-injected: yes",
        "key-\0-nul",
        "key-\u{202e}-turned",
        "{{7*7}}-template",
        "http://127.0.0.1:9901/quitquitquit?kid",
        "%2e%2e%2fkeys",
        "|/usr/bin/id",
    ] {
        let row = token("A12", format!("kid {kid}"), move |scene| scene.token().header("kid", kid).mint());
        rows.push(row.publishing(vec![usual().jwk()]).is(401, "unknown_key").fetches(1).hides(kid));
    }
    rows.push(
        token("A13", "an invented kid", |scene| scene.token().header("kid", "no-such-key").mint())
            .publishing(vec![usual().jwk()])
            .is(401, "unknown_key")
            .fetches(1),
    );
    rows
}

fn types() -> Vec<Row> {
    let typ =
        |typ: &'static str| token("A14", format!("typ {typ}"), move |scene| scene.token().header("typ", typ).mint());
    let mut rows: Vec<Row> =
        ["at+jwt", "application/at+jwt", "JWT", "jwt", "AT+JWT"].map(|kind| typ(kind).let_on()).into();
    rows.push(token("A14", "no typ", |scene| scene.token().without_header("typ").mint()).let_on());
    let refused = [
        "secevent+jwt",
        "logout+jwt",
        "dpop+jwt",
        "kb+jwt",
        "application/logout+jwt",
        "LOGOUT+JWT",
        "token-introspection+jwt",
        "JOSE",
        "",
    ];
    rows.extend(refused.map(|kind| typ(kind).is(401, "token_kind")));
    let of_rfc_9068 = |scene: &Scene| scene.token().claim("iss", AT_JWT).claim("client_id", "c").claim("jti", "1");
    rows.extend([
        token("A14", "typ JWT, where at+jwt is asked for", move |scene| of_rfc_9068(scene).mint())
            .is(401, "token_kind"),
        token("A14", "typ at+jwt, where it is asked for", move |scene| {
            of_rfc_9068(scene).header("typ", "at+jwt").mint()
        })
        .let_on(),
        token("A14", "nobody signed it", |scene| {
            compact(usual().header().to_string().as_bytes(), scene.claims().to_string().as_bytes(), &[0x5a; 256])
        })
        .is(401, "bad_signature"),
    ]);
    rows
}
