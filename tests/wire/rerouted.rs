//! Routes that Envoy chooses after the filter has decided: by a header that it sets, or where an upstream leads it.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::envoy::Envoy;
use super::harness::http1;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::route::Route;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Stage};
use crate::support::mint::{Signer, Token};

const USER: &str = "x-auth-request-user";

/// `envoy/envoy.yaml` says that no route may match on a header of ours, and why. Where one does all the same, a client
/// that sends the header is judged by the rule of that route and goes on by the other one, without the header.
#[test]
fn a_route_by_a_header_of_ours_is_not_reached_by_sending_it() {
    let by_header = Route::prefix("/me").with_header(USER, "root").metadata(json!({ "rule": "tap" }));
    let stage = Stage::start(&Setup::new(&make_test_config()).route(by_header));
    let token = |scope: &str| Token::new(&Signer::rs256()).claim("scope", scope).mint();
    for protocol in BOTH {
        for (name, scope, status) in [("without what it asks", "other", 403), ("with it", "read:tap", 200)] {
            let name = format!("{name} over {protocol:?}");
            let request = Request::get("/me").bearer(&token(scope)).field(USER, "root");
            let exchange = stage.send(protocol, &request);
            if status == 200 {
                assert_eq!(exchange.allowed(&name).values(USER), ["alice"], "{name}");
            } else {
                exchange.refused(&name, status);
            }
        }
        // Only who is called so by a token of the issuer gets there, and is not asked again: this is what the sample warns of.
        let root = Token::new(&Signer::rs256()).claim("sub", "root").mint();
        let seen = stage.send(protocol, &Request::get("/me").bearer(&root)).allowed("root by token");
        assert_eq!(seen.values(USER), ["root"]);
    }
}

/// Envoy starts the request anew, with the headers as the filter left them. It is judged anew, and its credential is gone.
#[test]
fn a_request_that_envoy_redirects_itself_is_judged_again() {
    for (forward, rows) in [
        (false, &[("what is open", "/open", 200, None), ("what is guarded", "/exact", 401, None)][..]),
        (
            true,
            &[
                ("what is open, the credential forwarded", "/open", 200, None),
                ("what is guarded, the credential forwarded", "/exact", 200, Some("alice")),
                ("what another capability is asked for", "/api/tap", 403, None),
                ("no rule", "/elsewhere", 403, None),
            ],
        ),
    ] {
        let upstream = Issuer::start(&Journal::default());
        let mut config = make_test_config();
        config["headers"] = json!({ "forward_token": forward });
        let setup = Setup::new(&config).route(Route::prefix("/").follow_redirects());
        let envoy = Envoy::start(&setup, upstream.address());
        for (index, (name, leads_to, status, user)) in rows.iter().enumerate() {
            let first = format!("/me/{index}");
            let location = format!("http://api.test{leads_to}");
            upstream.on(&first, Script::bytes(302, b"").field("location", location.as_bytes()));
            upstream.on(leads_to, Script::bytes(200, b"hello\n"));
            let token = Token::new(&Signer::rs256()).mint();
            let answer = http1::send(envoy.address(), &Request::get(&first).bearer(&token).field(USER, "root"));
            assert_eq!(answer.status, *status, "to {name}: {answer:?}");
            assert_eq!(upstream.asked(&first), 1, "to {name}");
            let there = upstream.requests(leads_to);
            assert_eq!(there.len(), usize::from(*status == 200), "to {name}");
            for head in there {
                let users: Vec<&[u8]> = head.values(USER).collect();
                assert_eq!(users, user.iter().map(|user: &&str| user.as_bytes()).collect::<Vec<_>>(), "to {name}");
            }
        }
    }
}
