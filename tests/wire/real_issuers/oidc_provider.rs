//! oidc-provider, a certified OpenID Connect issuer that gives tokens of RFC 9068.

use serde_json::{Value, json};

use super::browser::{Browser, client_credentials};
use super::{forbidden, hold, insufficient, issuer, let_on, step_up, unauthorized};
use crate::wire::harness::config::{ALGORITHMS, REALM};
use crate::wire::harness::foreign;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{Protocol, Stage};

const API: &str = "https://api.test";
const FOR_US: (&str, &str) = ("resource", API);
const ALICE: (&str, &str) = ("login_hint", "alice");
const READ: (&str, &str) = ("scope", "openid read:tap");

/// An Envoy whose rules trust this issuer.
fn stage(program: &Program, issuer: &Value, rules: &Value) -> Stage {
    let config = json!({ "realm": REALM, "issuers": [issuer], "rules": rules });
    Stage::start(&Setup::new(&config).issuer(foreign::address(program.text("issuer"))))
}

#[test]
fn without_a_profile_an_access_token_of_oidc_provider_is_good_and_an_id_token_is_not() {
    let program = foreign::oidc_provider();
    let rules = json!([
        { "name": "me", "match": { "prefix": "/me" } },
        { "name": "tap", "match": { "prefix": "/tap" }, "require": { "capabilities": { "all_of": ["read:tap"] } } },
    ]);
    let stage = stage(&program, &issuer("generic", program.text("issuer"), API), &rules);
    let login = |scope| Browser::new(&program, "portal").tokens(&[ALICE, FOR_US, ("scope", scope), ("nonce", "once")]);
    let reader = login("openid read:tap");
    let writer = login("openid write:tap");
    let plain = Browser::new(&program, "portal").tokens(&[ALICE, FOR_US, READ]);
    let identity = |capabilities| {
        let_on(&[
            ("x-auth-request-user", "alice"),
            ("x-auth-request-uid", "1000"),
            ("x-auth-request-email", "alice@example.org"),
            ("x-auth-request-groups", "lsst"),
            ("x-auth-request-token-capabilities", capabilities),
        ])
    };
    let me = |token| Request::get("/me").bearer(token);
    let tap = |token| Request::get("/tap").bearer(token);
    let rows = [
        ("the capability", tap(reader.access()), identity("read:tap")),
        ("another capability, where none is asked for", me(writer.access()), identity("write:tap")),
        ("another capability", tap(writer.access()), insufficient("read:tap")),
        ("an ID token", me(reader.id()), unauthorized("token_kind")),
        // This one has nothing by which it could be told: it is for its client, and that has to be somebody else.
        ("an ID token without a nonce", me(plain.id()), unauthorized("wrong_audience")),
    ];
    hold(&stage, &rows);
}

#[test]
fn by_rfc_9068_people_and_services_are_told_apart_and_other_kinds_of_token_refused() {
    let program = foreign::oidc_provider();
    let rules = json!([
        { "name": "me", "match": { "prefix": "/me" } },
        { "name": "tap", "match": { "prefix": "/tap" }, "require": { "capabilities": { "all_of": ["read:tap"] } } },
        { "name": "people", "match": { "prefix": "/people" }, "require": { "principals": ["user"] } },
        {
            "name": "poller",
            "match": { "prefix": "/poller" },
            "require": { "principals": ["service"], "clients": ["poller"] },
        },
        { "name": "portal", "match": { "prefix": "/portal" }, "require": { "clients": ["portal", "poller"] } },
        { "name": "alone", "match": { "prefix": "/alone" }, "require": { "users": ["alice"] } },
        { "name": "observers", "match": { "prefix": "/observers" }, "require": { "groups": { "any_of": ["observer"] } } },
        { "name": "logged-in", "match": { "prefix": "/logged-in" }, "require": { "interactive": true } },
    ]);
    let stage = stage(&program, &issuer("at-jwt", program.text("issuer"), API), &rules);
    let mut browser = Browser::new(&program, "portal");
    let alice = browser.tokens(&[ALICE, FOR_US, READ]);
    let refreshed = browser.refreshed(&alice, &[FOR_US]);
    let once = browser.tokens(&[ALICE, FOR_US, READ, ("nonce", "once")]);
    let opaque = Browser::new(&program, "portal").tokens(&[ALICE, ("scope", "openid")]);
    let writer = Browser::new(&program, "portal").tokens(&[ALICE, FOR_US, ("scope", "openid write:tap")]);
    let terminal = Browser::new(&program, "terminal").tokens(&[ALICE, FOR_US, READ]);
    let bob = Browser::new(&program, "portal").tokens(&[("login_hint", "bob"), FOR_US, ("scope", "openid")]);
    let poller = client_credentials(&program, "poller", &[FOR_US, ("scope", "read:tap")]);
    let robot = client_credentials(&program, "other-robot", &[FOR_US]);

    let of_alice = |capabilities| {
        let_on(&[
            ("x-auth-request-user", "alice"),
            ("x-auth-request-uid", "1000"),
            ("x-auth-request-email", "alice@example.org"),
            ("x-auth-request-groups", "lsst,observer,night"),
            ("x-auth-request-token-capabilities", capabilities),
        ])
    };
    let of_bob = let_on(&[("x-auth-request-user", "bob"), ("x-auth-request-email", "bob@example.org")]);
    let of_poller = let_on(&[("x-auth-request-service", "poller"), ("x-auth-request-token-capabilities", "read:tap")]);
    let of_robot = let_on(&[("x-auth-request-service", "other-robot")]);
    let at = |path: &str, token: &str| Request::get(path).bearer(token);
    let rows = [
        ("a user", at("/me", alice.access()), of_alice("read:tap")),
        ("a user whose token was refreshed", at("/me", refreshed.access()), of_alice("read:tap")),
        ("a user with few claims", at("/me", bob.access()), of_bob.clone()),
        ("a service", at("/me", poller.access()), of_poller.clone()),
        ("a service without scopes", at("/me", robot.access()), of_robot),
        ("an ID token", at("/me", alice.id()), unauthorized("token_kind")),
        ("an ID token with a nonce", at("/me", once.id()), unauthorized("token_kind")),
        ("an opaque access token", at("/me", opaque.access()), unauthorized("token_opaque")),
        ("a refresh token", at("/me", alice.refresh()), unauthorized("token_opaque")),
        ("a user's capability", at("/tap", alice.access()), of_alice("read:tap")),
        ("a service's capability", at("/tap", poller.access()), of_poller.clone()),
        ("a user's other capability", at("/tap", writer.access()), insufficient("read:tap")),
        ("a service without the capability", at("/tap", robot.access()), insufficient("read:tap")),
        ("a user where people go", at("/people", alice.access()), of_alice("read:tap")),
        ("a service where people go", at("/people", poller.access()), forbidden("wrong_principal")),
        ("the service where only it goes", at("/poller", poller.access()), of_poller.clone()),
        ("another service there", at("/poller", robot.access()), forbidden("client_not_listed")),
        ("a user there", at("/poller", alice.access()), forbidden("wrong_principal")),
        ("a user by a client that is listed", at("/portal", alice.access()), of_alice("read:tap")),
        ("a user by one that is not", at("/portal", terminal.access()), forbidden("client_not_listed")),
        ("a service that is listed", at("/portal", poller.access()), of_poller.clone()),
        ("a user who is listed", at("/alone", alice.access()), of_alice("read:tap")),
        ("one who is not", at("/alone", bob.access()), forbidden("user_not_listed")),
        ("a service, which is no user", at("/alone", poller.access()), forbidden("user_not_listed")),
        ("a role, which is a group", at("/observers", alice.access()), of_alice("read:tap")),
        ("no role", at("/observers", bob.access()), forbidden("not_in_group")),
        ("a service, which has none", at("/observers", poller.access()), forbidden("not_in_group")),
        ("a user who logged in", at("/logged-in", alice.access()), of_alice("read:tap")),
        ("the same after a refresh", at("/logged-in", refreshed.access()), of_alice("read:tap")),
        ("a service, which never does", at("/logged-in", poller.access()), forbidden("not_interactive")),
    ];
    hold(&stage, &rows);
    let fetched = format!("GET {}/jwks through cluster issuer", program.text("issuer"));
    assert!(stage.envoy.log().contains(&fetched), "the keys were found by discovery: {}", stage.envoy.log());
}

#[test]
fn what_oidc_provider_signs_by_another_algorithm_is_good_only_where_that_is_named() {
    let program = foreign::oidc_provider();
    let rules = json!([{ "name": "me", "match": { "prefix": "/me" } }]);
    let as_it_is = issuer("at-jwt", program.text("issuer"), API);
    let mut all = as_it_is.clone();
    all["algorithms"] = json!(ALGORITHMS);
    let resources = ["urn:api:RS256", "urn:api:PS256", "urn:api:ES256", "urn:api:EdDSA"];
    let bob = [("login_hint", "bob"), ("scope", "openid")];
    let login = |resource| Browser::new(&program, "portal").tokens(&[&bob[..], &[("resource", resource)]].concat());
    let tokens = resources.map(|resource| (resource, login(resource)));
    for (name, issuer, good) in [("by default", as_it_is, &resources[..1]), ("all named", all, &resources[..])] {
        let stage = stage(&program, &issuer, &rules);
        for (resource, tokens) in &tokens {
            let of_bob = [("x-auth-request-user", "bob"), ("x-auth-request-email", "bob@example.org")];
            let wanted = if good.contains(resource) { let_on(&of_bob) } else { unauthorized("algorithm") };
            hold(&stage, &[(&format!("{resource}, {name}"), Request::get("/me").bearer(tokens.access()), wanted)]);
        }
    }
}

#[test]
fn what_a_step_up_challenge_asks_for_is_what_the_issuer_needs_to_be_asked() {
    const STRONG: &str = "urn:test:two-factors";
    let program = foreign::oidc_provider();
    let rules = json!([
        { "name": "me", "match": { "prefix": "/me" } },
        { "name": "recent", "match": { "prefix": "/recent" }, "require": { "max_auth_age": "15m" } },
        { "name": "strong", "match": { "prefix": "/strong" }, "require": { "acr": ["urn:test:hardware", STRONG] } },
        { "name": "both", "match": { "prefix": "/both" }, "require": { "max_auth_age": "15m", "acr": [STRONG] } },
    ]);
    let stage = stage(&program, &issuer("at-jwt", program.text("issuer"), API), &rules);
    let of_bob = || let_on(&[("x-auth-request-user", "bob"), ("x-auth-request-email", "bob@example.org")]);
    let at = |path: &str, token: &str| Request::get(path).bearer(token);
    let login = [("login_hint", "bob"), FOR_US, ("scope", "openid")];
    // An hour ago, and the browser is still logged in.
    let mut browser = Browser::new(&program, "portal");
    let old = browser.tokens(&[&login[..], &[("login_age", "3600")]].concat());
    // Another token, but no other login.
    let again = browser.tokens(&login);
    let robot = client_credentials(&program, "poller", &[FOR_US]);
    let any_strong = Some("urn:test:hardware urn:test:two-factors");
    let rows = [
        ("an old login, where that will do", at("/me", old.access()), of_bob()),
        ("an old login", at("/recent", old.access()), step_up(Some(900), None)),
        ("a new token of it", at("/recent", again.access()), step_up(Some(900), None)),
        ("a password", at("/strong", again.access()), step_up(None, any_strong)),
        ("an old password", at("/both", again.access()), step_up(Some(900), Some(STRONG))),
        ("a service, which never logs in", at("/recent", robot.access()), step_up(Some(900), None)),
        ("a service, which has no factors", at("/strong", robot.access()), step_up(None, any_strong)),
    ];
    hold(&stage, &rows);

    let challenge = |path: &str, token: &str| {
        let answer = stage.send(Protocol::Http1, &at(path, token)).refused(path, 401);
        answer.challenges().pop().expect("a challenge")
    };
    // The client asks for what it was told, and is asked to log in again.
    let max_age = challenge("/recent", old.access()).max_age.expect("an age").to_string();
    let recent = browser.tokens(&[&login[..], &[("max_age", &max_age)]].concat());
    let rows = [
        ("a recent login", at("/recent", recent.access()), of_bob()),
        ("a recent login by password", at("/strong", recent.access()), step_up(None, any_strong)),
        ("the same, where both are asked for", at("/both", recent.access()), step_up(Some(900), Some(STRONG))),
    ];
    hold(&stage, &rows);
    let acr_values = challenge("/both", recent.access()).acr_values.expect("an acr");
    let strong = browser.tokens(&[&login[..], &[("acr_values", &acr_values), ("prompt", "login")]].concat());
    let rows = [
        ("a second factor", at("/strong", strong.access()), of_bob()),
        ("a second factor just now", at("/both", strong.access()), of_bob()),
    ];
    hold(&stage, &rows);
}
