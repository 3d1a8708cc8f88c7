//! Header and payload that somebody with a key has chosen: the first line is the header, the rest the payload. Signed with
//! a key of the issuer's, whichever the header names.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use postern::issuer::is_printable;
use postern::token::VerifiedToken;
use postern_fuzz::mint::{AUDIENCE, ISSUER, Signer};
use postern_fuzz::signed::{NOW, PROFILES, World, issuer_of};
use serde_json::Value;

thread_local! {
    static WORLD: World = World::new();
}

/// Far more than clocks may differ here.
const SKEW: f64 = 60.0;
const LONGEST: f64 = 24.0 * 3600.0;

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return Corpus::Reject };
    let (header, payload) = (&text[..end], &text[end + 1..]);
    WORLD.with(|world| {
        // Signatures of RSA take long to make and are the same to what is read here.
        let named = |signer: &&Signer| header.windows(5).any(|part| part == signer.alg().as_bytes());
        let cheap = |signer: &&Signer| ["ES256", "ES384", "EdDSA"].contains(&signer.alg());
        let signer = world.signers.iter().filter(cheap).find(named).unwrap_or(&world.signers[8]);
        if let Ok(token) = world.judge(&signer.sign_bytes(header, payload)) {
            check_header(header, signer);
            check_payload(payload, &token);
        }
    });
    Corpus::Keep
});

/// What another reader of JSON makes of it.
fn check_header(header: &[u8], signer: &Signer) {
    let header: Value = serde_json::from_slice(header).expect("the header is JSON");
    assert_eq!(header["alg"], signer.alg());
    assert!(header.get("kid").is_none_or(|kid| *kid == signer.kid()), "another key's name: {header}");
    for name in ["crit", "b64", "enc", "zip", "cty", "jwk"] {
        assert!(header.get(name).is_none(), "{name} stands in the header");
    }
}

fn check_payload(payload: &[u8], token: &VerifiedToken) {
    let payload: Value = serde_json::from_slice(payload).expect("the payload is JSON");
    let now = NOW as f64;
    let number = |name: &str| payload.get(name).map(|claim| claim.as_f64().expect("a number"));
    let is_generic = payload["iss"] == ISSUER;
    let profile = || PROFILES.iter().any(|profile| payload["iss"] == issuer_of(profile));
    assert!(is_generic || profile(), "nobody's token: {}", payload["iss"]);
    let exp = number("exp").expect("an end");
    assert!(exp + SKEW > now, "it is over since {exp}");
    assert!(number("nbf").is_none_or(|nbf| nbf <= now + SKEW), "it is not good yet");
    assert!(number("iat").is_none_or(|iat| iat <= now + SKEW && exp - iat <= LONGEST), "it was made some other time");
    let principal = token.principal();
    for text in [&principal.user, &principal.email, &principal.client].into_iter().flatten() {
        assert!(is_printable(text) && text.bytes().all(|b| b >= b' ' && b != 0x7f), "{text:?} would end a header");
    }
    for name in ["cnf", "events"] {
        assert!(payload.get(name).is_none(), "{name} makes it something else than an access token");
    }
    if is_generic {
        check_generic(&payload, principal.user.as_deref());
    }
}

/// Where the others look is their profiles' business.
fn check_generic(payload: &Value, user: Option<&str>) {
    let audience = &payload["aud"];
    let names_us = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|one| one == AUDIENCE));
    assert!(*audience == AUDIENCE || names_us(audience), "it is for somebody else: {audience}");
    for name in ["nonce", "at_hash"] {
        assert!(payload.get(name).is_none_or(Value::is_null), "{name} makes it an ID token");
    }
    assert!(user.is_none_or(|user| payload["sub"] == user), "the user is who the token is about");
}
