//! Keys that have to be fetched, and an issuer that does not always give them.

use serde_json::json;

use super::harness::config::{make_test_config, remote_issuer, with_issuer};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::mint::{ISSUER, Signer, Token, jwks};

fn keys() -> Script {
    Script::json(&jwks(&[&Signer::rs256()]))
}

#[test]
fn what_an_issuer_may_answer_instead_of_keys_is_an_outage_and_not_a_bad_token() {
    let good = jwks(&[&Signer::rs256()]).to_string();
    let mixed = json!({ "keys": [
        { "kty": "oct", "kid": "secret", "k": "c2VjcmV0" },
        { "kty": "NEW", "kid": "future", "alg": "XX1" },
        { "kty": "RSA", "kid": "short", "alg": "RS256", "n": "AQAB", "e": "AQAB" },
        7,
        Signer::rs256().jwk(),
    ]});
    let rows: Vec<(&str, Script, u16)> = vec![
        ("the keys", keys(), 200),
        ("a header that is not text", keys().field("x-bin", b"\xff\xfe"), 200),
        ("a key among others of no use", Script::json(&mixed), 200),
        ("500", Script::bytes(500, b"out of order"), 503),
        ("404", Script::bytes(404, b"nothing here"), 503),
        ("204", Script::bytes(204, b""), 503),
        ("the keys, but with 500", Script::bytes(500, good.as_bytes()), 503),
        ("a redirect", Script::bytes(302, b"").field("location", b"/other-keys"), 503),
        ("nothing", Script::Close, 503),
        ("an empty body", Script::bytes(200, b""), 503),
        ("HTML", Script::bytes(200, b"<html>Sign in</html>"), 503),
        ("half of the keys", Script::bytes(200, &good.as_bytes()[..good.len() / 2]), 503),
        ("bytes that are not text", Script::bytes(200, b"\xff\xfe\x00"), 503),
        ("a list", Script::bytes(200, b"[]"), 503),
        ("no list of keys", Script::bytes(200, b"{\"keys\":{}}"), 503),
        ("nested too deep", Script::bytes(200, "[".repeat(100_000).as_bytes()), 503),
        ("too large", Script::bytes(200, " ".repeat(8 << 20).as_bytes()), 503),
    ];
    // An issuer for each row, so that one Envoy does for all of them.
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/other-keys", keys());
    let mut config = make_test_config();
    let local = config["issuers"][0].clone();
    config["issuers"] = json!([local]);
    for (index, (_, script, _)) in rows.iter().enumerate() {
        let path = format!("/keys-{index}");
        issuer.on(&path, script.clone());
        let mut remote = remote_issuer(&issuer.url(&path));
        remote["issuer"] = json!(name_of(index));
        config["issuers"].as_array_mut().expect("issuers").push(remote);
    }
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&config));
    let signer = Signer::rs256();
    for (index, (name, _, status)) in rows.iter().enumerate() {
        let token = Token::new(&signer).claim("iss", name_of(index)).mint();
        let exchange = stage.send(Protocol::Http1, &Request::get("/me").bearer(&token));
        assert_eq!(exchange.answer.status, *status, "{name}: {}", exchange.answer.text());
        if *status == 503 {
            assert!(exchange.answer.challenges().is_empty(), "{name}: a challenge");
            assert!(exchange.answer.value("retry-after").is_some(), "{name}: no Retry-After");
        }
        stage.still_serves(&Token::new(&signer).mint());
    }
    assert_eq!(issuer.asked("/other-keys"), 0, "the redirect was followed");
}

fn name_of(index: usize) -> String {
    format!("https://issuer-{index}.test")
}

#[test]
fn a_token_of_an_unknown_issuer_or_a_broken_one_asks_nobody() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", keys());
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&config));
    let signer = &Signer::rs256();
    let jku = issuer.url("/jku");
    let rows = [
        ("unknown issuer", Token::new(signer).claim("iss", "https://evil.test")),
        ("unknown issuer with jku", Token::new(signer).claim("iss", "https://evil.test").header("jku", jku.clone())),
        ("expired", Token::new(signer).expires_in(-3600).issued_in(-7200)),
        ("wrong audience", Token::new(signer).claim("aud", "https://other.test")),
        ("alg none", Token::new(signer).header("alg", "none")),
    ];
    for protocol in BOTH {
        for (name, token) in &rows {
            let request = Request::get("/me").bearer(&token.mint());
            stage.send(protocol, &request).refused(name, 401);
        }
    }
    assert_eq!(issuer.asked_at_all(), 1, "a token that can't be good made the filter fetch again");
    // `jku` and `x5u` are never followed, not even of a good token.
    let token = Token::new(signer).header("jku", jku.clone()).header("x5u", jku).mint();
    let answer = stage.send(Protocol::Http1, &Request::get("/me").bearer(&token)).answer;
    assert!([200, 401].contains(&answer.status), "{answer:?}");
    stage.still_serves(&Token::new(signer).mint());
    assert_eq!((issuer.asked("/keys"), issuer.asked("/jku")), (1, 0));
}

#[test]
fn a_new_key_is_fetched_when_the_first_token_it_signed_arrives() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let (old, new) = (Signer::rs256(), Signer::other_rs256());
    issuer.on("/keys", Script::json(&jwks(&[&old])));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&config));
    stage.still_serves(&Token::new(&old).mint());
    issuer.on("/keys", Script::json(&jwks(&[&old, &new])));
    for name in ["the first of the new key", "the second"] {
        let request = Request::get("/me").bearer(&Token::new(&new).mint());
        stage.send(Protocol::Http1, &request).allowed(name);
    }
    assert_eq!(issuer.asked("/keys"), 2);
    // Names that no key will ever have must not become a way to make the filter fetch.
    for index in 0..20 {
        let token = Token::new(&new).header("kid", format!("no-such-key-{index}")).mint();
        stage.send(Protocol::Http1, &Request::get("/me").bearer(&token)).refused("no such key", 401);
    }
    let asked = issuer.asked("/keys");
    assert!(asked <= 3, "{asked} fetches for unknown kids");
    stage.still_serves(&Token::new(&old).mint());
}

#[test]
fn for_a_key_that_is_not_there_the_issuer_itself_is_asked_also_after_a_failure() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let (old, new) = (Signer::rs256(), Signer::other_rs256());
    issuer.on("/keys", keys().tagged(b"\"one\""));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&config).concurrency(2));
    stage.still_serves(&Token::new(&old).mint());
    issuer.on("/keys", Script::bytes(500, b"out of order"));
    let rotated = Request::get("/me").bearer(&Token::new(&new).mint());
    stage.send(Protocol::Http1, &rotated).refused("a new key in an outage", 503);
    issuer.on("/keys", Script::json(&jwks(&[&old, &new])).tagged(b"\"two\""));
    stage.envoy.wait_for_stat(&format!("wasmcustom.postern_jwks_keys.issuer.{ISSUER}"), |keys| keys == 2);
    stage.send(Protocol::Http1, &rotated).allowed("a new key");
    let requests = issuer.requests("/keys");
    let said = |name| requests.iter().map(|head| head.text(name)).collect::<Vec<_>>();
    assert!(said("if-none-match").iter().all(Option::is_none), "{:?}", said("if-none-match"));
    let (first, others) = (&said("cache-control")[0], &said("cache-control")[1..]);
    assert!(first.is_none() && others.iter().all(|value| value.as_deref() == Some("no-cache")), "{others:?}");
}
