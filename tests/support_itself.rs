//! The shared test support, checked before anything rests on it: a minter that signs wrongly
//! or a parser that forgives would make every other test say nothing.

#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

mod support;

use jwt_simple::prelude::*;
use serde_json::{Value, json};
use support::challenge::{Challenge, ErrorCode, Scheme, parse_lines};
use support::mint::{Signer, Token, jwks, unsigned};

const NOW: u64 = 1_800_000_000;

fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(index).expect("a part");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn bytes(jwk: &Value, member: &str) -> Vec<u8> {
    use base64::Engine as _;
    let value = jwk[member].as_str().unwrap_or_else(|| panic!("no {member}"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(value).expect("base64url")
}

fn point(jwk: &Value) -> Vec<u8> {
    [vec![4], bytes(jwk, "x"), bytes(jwk, "y")].concat()
}

/// Verifies with the library the filter uses, from the published key alone.
fn verifies(jwk: &Value, alg: &str, token: &str) -> bool {
    let options = || {
        Some(VerificationOptions {
            artificial_time: Some(UnixTimeStamp::from_secs(NOW)),
            ..VerificationOptions::default()
        })
    };
    macro_rules! rsa {
        ($key:ident) => {
            $key::from_components(&bytes(jwk, "n"), &bytes(jwk, "e"))
                .expect("an RSA key")
                .verify_token::<NoCustomClaims>(token, options())
                .is_ok()
        };
    }
    match alg {
        "RS256" => rsa!(RS256PublicKey),
        "RS384" => rsa!(RS384PublicKey),
        "RS512" => rsa!(RS512PublicKey),
        "PS256" => rsa!(PS256PublicKey),
        "PS384" => rsa!(PS384PublicKey),
        "PS512" => rsa!(PS512PublicKey),
        "ES256" => ES256PublicKey::from_bytes(&point(jwk))
            .expect("a P-256 key")
            .verify_token::<NoCustomClaims>(token, options())
            .is_ok(),
        "ES384" => ES384PublicKey::from_bytes(&point(jwk))
            .expect("a P-384 key")
            .verify_token::<NoCustomClaims>(token, options())
            .is_ok(),
        "EdDSA" => Ed25519PublicKey::from_bytes(&bytes(jwk, "x"))
            .expect("an Ed25519 key")
            .verify_token::<NoCustomClaims>(token, options())
            .is_ok(),
        other => panic!("unknown algorithm {other}"),
    }
}

#[test]
fn every_signer_signs_what_its_published_key_verifies() {
    let mut signers = Signer::every_algorithm();
    signers.extend([Signer::rs256_4096(), Signer::other_rs256(), Signer::other_ps256(), Signer::other_es256()]);
    for signer in &signers {
        let token = Token::at(signer, NOW).mint();
        assert!(verifies(&signer.jwk(), signer.alg(), &token), "{signer:?}");
    }
}

#[test]
fn a_key_of_the_same_kid_does_not_verify_what_another_signed() {
    let rows = [
        ("RSA", Signer::rs256(), Signer::other_rs256()),
        ("RSA-PSS", Signer::ps256(), Signer::other_ps256()),
        ("P-256", Signer::es256(), Signer::other_es256()),
    ];
    for (name, published, attacker) in rows {
        let attacker = attacker.with_kid(published.kid());
        let token = Token::at(&attacker, NOW).mint();
        assert!(!verifies(&published.jwk(), published.alg(), &token), "{name}");
    }
}

#[test]
fn every_signer_is_published_under_its_own_kid() {
    let signers = Signer::every_algorithm();
    let set = jwks(&signers.iter().collect::<Vec<_>>());
    let keys = set["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), signers.len());
    for (index, key) in keys.iter().enumerate() {
        let twins = keys.iter().filter(|other| other["kid"] == key["kid"]).count();
        assert_eq!(twins, 1, "{}", signers[index].alg());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private} of {}", signers[index].alg());
        }
    }
}

#[test]
fn a_token_says_what_the_builder_was_told_and_nothing_more() {
    let signer = Signer::es256();
    let plain = Token::at(&signer, NOW).mint();
    assert_eq!(part(&plain, 0), json!({"alg": "ES256", "kid": "test-es256", "typ": "JWT"}));
    assert_eq!(
        part(&plain, 1),
        json!({
            "iss": "https://issuer.test", "aud": "https://api.test", "sub": "alice",
            "iat": NOW, "exp": NOW + 600,
        })
    );

    let bent = Token::at(&signer, NOW)
        .claim("scope", "read:tap")
        .claims(json!({"uidNumber": 1000}))
        .without("sub")
        .expires_in(-60)
        .issued_in(-120)
        .header("kid", "elsewhere")
        .without_header("typ")
        .mint();
    assert_eq!(part(&bent, 0), json!({"alg": "ES256", "kid": "elsewhere"}));
    assert_eq!(
        part(&bent, 1),
        json!({
            "iss": "https://issuer.test", "aud": "https://api.test", "scope": "read:tap",
            "uidNumber": 1000, "iat": NOW - 120, "exp": NOW - 60,
        })
    );

    let bare = unsigned(&json!({"alg": "none"}), &json!({}));
    assert!(bare.ends_with('.'), "{bare}");
}

#[test]
fn a_challenge_is_read_in_full() {
    let lines = [
        r#"Bearer realm="api \"one\"", error="insufficient_scope", error_description="no", scope="read:tap exec:portal""#,
        r#"Basic realm="api", charset="UTF-8""#,
    ];
    let challenges = parse_lines(&lines).expect("two challenges");
    assert_eq!(
        challenges,
        [
            Challenge {
                error: Some(ErrorCode::InsufficientScope),
                error_description: Some("no".to_owned()),
                scope: Some("read:tap exec:portal".to_owned()),
                ..Challenge::bare(Scheme::Bearer, r#"api "one""#)
            },
            Challenge { charset: Some("UTF-8".to_owned()), ..Challenge::bare(Scheme::Basic, "api") },
        ]
    );
}

#[test]
fn a_challenge_that_a_client_could_trip_over_is_not_read() {
    let rows = [
        ("nothing", ""),
        ("a scheme alone", "Bearer"),
        ("a scheme and a space", "Bearer "),
        ("another scheme", r#"Negotiate realm="a""#),
        ("a scheme in lower case", r#"bearer realm="a""#),
        ("no realm", r#"Bearer error="invalid_token""#),
        ("no quotes", "Bearer realm=a"),
        ("an error without quotes", r#"Bearer realm="a", error=invalid_token"#),
        ("an open quote", r#"Bearer realm="a"#),
        ("no comma", r#"Bearer realm="a" error="invalid_token""#),
        ("no space after the comma", r#"Bearer realm="a",error="invalid_token""#),
        ("a comma at the end", r#"Bearer realm="a", "#),
        ("a parameter twice", r#"Bearer realm="a", realm="b""#),
        ("an unknown parameter", r#"Bearer realm="a", hint="b""#),
        ("an unknown error", r#"Bearer realm="a", error="denied""#),
        ("a description of no error", r#"Bearer realm="a", error_description="b""#),
        ("an error of Basic", r#"Basic realm="a", error="invalid_token""#),
        ("a scope of Basic", r#"Basic realm="a", scope="b""#),
        ("two challenges in one line", r#"Bearer realm="a", Basic realm="a""#),
        ("a control byte", "Bearer realm=\"a\tb\""),
        ("a letter beyond ASCII", "Bearer realm=\"é\""),
        ("an escape of a letter", r#"Bearer realm="\a""#),
        ("something after the end", r#"Bearer realm="a"b"#),
        ("two spaces", r#"Bearer  realm="a""#),
    ];
    for (name, line) in rows {
        assert!(Challenge::parse(line).is_err(), "{name}: {line}");
    }
}
