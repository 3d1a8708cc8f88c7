//! `require_tls` without TLS: what a client says of its connection does not count.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token};

#[test]
fn a_client_of_http2_that_says_https_without_tls_is_refused() {
    let mut config = make_test_config();
    config["require_tls"] = json!(true);
    let stage = Stage::start(&Setup::new(&config));
    let token = Token::new(&Signer::rs256()).mint();
    let plain = Request::get("/me").bearer(&token);
    let said = Request::get("https://api.test/me").bearer(&token);
    for (name, protocol, request) in [
        ("http", Protocol::Http1, plain.clone()),
        ("http", Protocol::Http2, plain.clone()),
        ("the scheme says https", Protocol::Http2, said.clone()),
    ] {
        let answer = stage.send(protocol, &request).refused(name, 400);
        assert!(answer.text().contains("insecure_transport"), "{name} over {protocol:?}: {answer:?}");
    }
    // This Envoy is no edge: it believes the proxy before it, which ended TLS.
    for (name, protocol, request) in [("http/1.1", Protocol::Http1, plain), ("http/2", Protocol::Http2, said)] {
        stage.send(protocol, &request.field("x-forwarded-proto", "https")).allowed(name);
    }
}
