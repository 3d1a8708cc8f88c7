//! oidc-provider, a certified OpenID Connect issuer that gives tokens of RFC 9068.

use serde_json::{Value, json};

use super::browser::{Browser, client_credentials};
use super::{hold, insufficient, issuer, let_on, unauthorized};
use crate::wire::harness::config::REALM;
use crate::wire::harness::foreign;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Stage;

const AUDIENCE: (&str, &str) = ("resource", "https://api.test");
const ALICE: (&str, &str) = ("login_hint", "alice");

/// An Envoy whose rules trust this issuer.
fn stage(program: &Program, issuer: &Value, rules: &Value) -> Stage {
    let config = json!({ "realm": REALM, "issuers": [issuer], "rules": rules });
    Stage::start(&Setup::new(&config).issuer(foreign::address(program.text("issuer"))))
}

#[test]
fn an_access_token_of_oidc_provider_is_good_and_none_of_its_others() {
    let program = foreign::oidc_provider();
    let rules = json!([
        { "name": "me", "match": { "prefix": "/me" } },
        { "name": "tap", "match": { "prefix": "/tap" }, "require": { "capabilities": { "all_of": ["read:tap"] } } },
    ]);
    let stage = stage(&program, &issuer("generic", program.text("issuer"), AUDIENCE.1), &rules);
    let alice = &[ALICE, AUDIENCE, ("scope", "openid read:tap"), ("nonce", "once")];
    let alice = Browser::new(&program, "portal").tokens(alice);
    let lesser = Browser::new(&program, "portal").tokens(&[ALICE, AUDIENCE, ("scope", "openid write:tap")]);
    let robot = client_credentials(&program, "poller", &[AUDIENCE, ("scope", "write:tap")]);
    let me = |token: &str| Request::get("/me").bearer(token);
    let tap = |token: &str| Request::get("/tap").bearer(token);
    let of_alice = |scopes| {
        let_on(&[
            ("x-auth-request-user", "alice"),
            ("x-auth-request-uid", "1000"),
            ("x-auth-request-email", "alice@example.org"),
            ("x-auth-request-groups", "lsst"),
            ("x-auth-request-token-capabilities", scopes),
        ])
    };
    let rows = [
        ("alice's", tap(alice.access()), of_alice("read:tap")),
        ("alice's with another scope", me(lesser.access()), of_alice("write:tap")),
        ("alice's with another scope, where it takes this one", tap(lesser.access()), insufficient("read:tap")),
        ("a robot's, where it takes another scope", tap(robot.access()), insufficient("read:tap")),
        ("her ID token", me(alice.id()), unauthorized("token_kind")),
    ];
    hold(&stage, &rows);
}
