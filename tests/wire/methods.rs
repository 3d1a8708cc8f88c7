//! Methods are case-sensitive (RFC 9110 section 9.1), and there are servers behind that do not know.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::mint::{Signer, Token};

#[test]
fn a_method_in_small_letters_does_not_pass_by_the_rule_for_it() {
    let mut config = make_test_config();
    config["rules"] = json!([
        {
            "name": "change",
            "match": { "prefix": "/jobs", "methods": ["POST", "DELETE"] },
            "require": { "capabilities": { "all_of": ["write:jobs"] } },
        },
        { "name": "jobs", "match": { "prefix": "/jobs" } },
    ]);
    let stage = Stage::start(&Setup::new(&config));
    let token = Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        for (method, status, reason) in [
            ("GET", 200, None),
            ("POST", 403, Some("insufficient_scope")),
            ("post", 400, Some("ambiguous_method")),
            ("Delete", 400, Some("ambiguous_method")),
        ] {
            let exchange = stage.send(protocol, &Request::new(method, "/jobs/1").bearer(&token));
            let name = format!("{method} over {protocol:?}: {:?}", exchange.answer);
            assert_eq!(exchange.answer.status, status, "{name}");
            // Over HTTP/1.1 Envoy refuses a method that it does not know by itself.
            if protocol == Protocol::Http2
                && let Some(reason) = reason
            {
                assert!(String::from_utf8_lossy(&exchange.answer.body).contains(reason), "{name}");
            }
        }
    }
}
