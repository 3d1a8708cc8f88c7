//! What cannot be made is not replaced by anything: the request ends here.

use postern::crypto::{RustCrypto, Signer, SigningKey};
use serde_json::{Value, json};

use super::{asking, post, stage, tap, users_token};
use crate::world::{Request, World};

/// A host that does not sign.
struct Unsigned;

impl Signer for Unsigned {
    fn sign(&self, _: &SigningKey, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        RustCrypto.nonce()
    }
}

/// A host that has no random numbers.
struct Predictable;

impl Signer for Predictable {
    fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
        RustCrypto.sign(key, text)
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        None
    }
}

fn nothing_goes_on(world: &mut World, request: &Request, token: &str, name: &str) {
    let seen = world.send(request);
    assert_eq!(seen.in_short(), format!("500 internal:{name}"));
    assert_eq!(seen.value("authorization"), None, "{name}: the token is left for the access log");
    assert_eq!(seen.value("x-auth-request-token"), None, "{name}");
    assert!(!seen.told.contains(token), "{name}: the token is told");
    assert_eq!(seen.record["decision"], "deny", "{name}");
    assert_eq!(seen.challenges(), Vec::<&str>::new(), "{name}: it is not the client's fault");
    let made = world.news().into_iter().filter(|(name, _)| name.starts_with("postern_reissue_total")).count();
    assert_eq!(made, 0, "{name}: it is counted as made");
}

fn both_fail(world: impl Fn() -> World, token: &str, name: &str) {
    nothing_goes_on(&mut world(), &post("/tap/a", token), token, name);
    nothing_goes_on(&mut world(), &asking("").bearing(token), token, name);
}

#[test]
fn without_a_signature_or_random_numbers_nothing_goes_on() {
    let token = users_token(json!({}));
    // Neither is there a token for the service to fall back on.
    for forward in [false, true] {
        let document = stage(&json!({"headers": {"forward_token": forward}}));
        both_fail(|| World::of(&document).signing_by(Unsigned), &token, "a token cannot be signed");
        both_fail(|| World::of(&document).signing_by(Predictable), &token, "there are no random numbers");
        // Requests that get no new token are not held up.
        let mut world = World::of(&document).signing_by(Unsigned);
        assert_eq!(world.send(&Request::get("/tap/a").bearing(&token)).in_short(), "ok");
    }
}

#[test]
fn what_fails_once_is_tried_again() {
    struct Sometimes(std::cell::Cell<bool>);
    impl Signer for Sometimes {
        fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
            if self.0.replace(true) { RustCrypto.sign(key, text) } else { None }
        }
        fn nonce(&self) -> Option<[u8; 16]> {
            RustCrypto.nonce()
        }
    }
    let mut world = World::of(&stage(&json!({}))).signing_by(Sometimes(std::cell::Cell::new(false)));
    let request = post("/tap/a", &users_token(json!({})));
    let outcomes = [(); 2].map(|()| world.send(&request).in_short());
    assert_eq!(outcomes, ["500 internal:a token cannot be signed", "ok"]);
}

/// Nobody would read a token that is larger than tokens may be.
#[test]
fn a_token_that_would_be_too_long_or_too_deep_is_not_made() {
    let nested = |levels: usize| -> Value {
        serde_json::from_str(&format!("{}{}", "[".repeat(levels), "]".repeat(levels))).unwrap()
    };
    let long = |characters: usize| users_token(json!({"more": "x".repeat(characters)}));
    let longest = (1..).map(|less| long(12_288 - less)).find(|token| token.len() <= 16 * 1024).unwrap();
    assert!(longest.len() > 16 * 1024 - 4);
    for (name, token) in [
        ("longer than tokens may be", longest),
        ("deeper than tokens may be, one level below act", users_token(json!({"act": nested(15)}))),
    ] {
        let world = || World::of(&stage(&json!({})));
        let seen = World::of(&stage(&json!({"rules": [tap(&json!({"reissue": null}))]}))).send(&post("/tap/a", &token));
        assert_eq!(seen.in_short(), "ok", "{name}: the user's own is good");
        both_fail(world, &token, "a token would be too large");
    }
    for (name, token) in [
        ("as deep as tokens may be", users_token(json!({"act": nested(14)}))),
        ("as deep, elsewhere", users_token(json!({"more": nested(15)}))),
        ("almost as long", long(11_500)),
    ] {
        assert_eq!(World::of(&stage(&json!({}))).send(&post("/tap/a", &token)).in_short(), "ok", "{name}");
    }
}
