//! An issuer that is only named: its keys are found by OpenID Connect Discovery.

use serde_json::json;

use super::harness::config::{remote_issuer, with_issuer};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token, jwks};

fn keys() -> Script {
    Script::json(&jwks(&[&Signer::rs256()]))
}

#[test]
fn discovery_finds_the_keys_and_believes_only_the_issuer_itself() {
    let journal = Journal::default();
    let elsewhere = Issuer::start(&journal);
    elsewhere.on("/keys", keys());
    // (name, what discovery says of the issuer at this URL, the status)
    type Says = fn(&Issuer, &Issuer) -> Script;
    let rows: [(&str, Says, u16); 6] = [
        ("the keys", |me, _| document(&me.url(""), &me.url("/keys")), 200),
        ("another issuer", |me, _| document("https://evil.test", &me.url("/keys")), 503),
        ("the issuer with a slash", |me, _| document(&me.url("/"), &me.url("/keys")), 503),
        ("keys on another host", |me, other| document(&me.url(""), &other.url("/keys")), 503),
        ("no place of keys", |me, _| Script::json(&json!({ "issuer": me.url("") })), 503),
        ("nothing", |_, _| Script::bytes(500, b"out of order"), 503),
    ];
    for (name, says, status) in rows {
        let issuer = Issuer::start(&journal);
        issuer.on("/.well-known/openid-configuration", says(&issuer, &elsewhere));
        issuer.on("/keys", keys());
        let mut entry = remote_issuer("");
        entry["issuer"] = json!(issuer.url(""));
        entry["jwks"] = json!({ "cluster": "issuer", "timeout": "30s" });
        let setup = Setup::new(&with_issuer(entry));
        let stage = Stage::with_issuer(&journal, &issuer, setup);
        let token = Token::new(&Signer::rs256()).claim("iss", issuer.url("")).mint();
        // Keys that came serve the second as well; where none came, when to ask again is a matter of time.
        for _ in 0..if status == 200 { 2 } else { 1 } {
            let exchange = stage.send(Protocol::Http1, &Request::get("/me").bearer(&token));
            assert_eq!(exchange.answer.status, status, "{name}: {}", exchange.answer.text());
        }
        assert_eq!(issuer.asked("/keys"), usize::from(status == 200), "{name}");
        let documents = issuer.asked("/.well-known/openid-configuration");
        assert!(if status == 200 { documents == 1 } else { documents >= 1 }, "{name}: {documents} documents");
        assert_eq!(elsewhere.asked_at_all(), 0, "{name}: asked a host that is not the issuer's");
    }
}

fn document(issuer: &str, keys: &str) -> Script {
    Script::json(&json!({ "issuer": issuer, "jwks_uri": keys }))
}
