//! Cognito, as moto has it: access tokens without an audience, and keys that are not where discovery would look.

use serde_json::{Value, json};

use super::{forbidden, hold, insufficient, let_on, unauthorized};
use crate::wire::harness::config::REALM;
use crate::wire::harness::foreign;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Stage;

/// What moto puts in for who logs in by password.
const OWN: &str = "aws.cognito.signin.user.admin";

fn stage(moto: &Program, token_use: Option<&[&str]>) -> Stage {
    let mut config = json!({
        "realm": REALM,
        "issuers": [{
            "issuer": moto.text("issuer"),
            "profile": "cognito",
            "audiences": [moto.text("portal")],
            "jwks": { "cluster": "cognito", "timeout": "30s" },
            // A scope of Cognito cannot hold a colon's right side as we write it: it is RESOURCE-SERVER/NAME.
            "scope_map": { "observatory/read.tap": "read:tap" },
        }],
        "capabilities": { "group_prefix": "lsst_", "groups": { "img": ["read:image"] } },
        "rules": [
            { "name": "me", "match": { "prefix": "/me" } },
            { "name": "people", "match": { "prefix": "/people" }, "require": { "principals": ["user"] } },
            { "name": "members", "match": { "prefix": "/members" }, "require": { "groups": { "any_of": ["lsst"] } } },
            { "name": "tap", "match": { "prefix": "/tap" }, "require": { "capabilities": { "all_of": ["read:tap"] } } },
            { "name": "image", "match": { "prefix": "/image" }, "require": { "capabilities": { "all_of": ["read:image"] } } },
        ],
    });
    if let Some(token_use) = token_use {
        config["issuers"][0]["token_use"] = json!(token_use);
    }
    // The name of the issuer is Amazon's; the cluster is what leads to this machine.
    Stage::start(&Setup::new(&config).cluster("cognito", foreign::address(moto.text("address"))))
}

#[test]
fn an_access_token_of_cognito_is_good_for_the_client_that_it_names() {
    let moto = foreign::cognito();
    let stage = stage(&moto, None);
    let token = |whose: &str, kind: &str| text(&moto.said()[whose][kind]);
    let alice = || {
        let_on(&[
            ("x-auth-request-user", "alice"),
            ("x-auth-request-groups", "lsst,lsst_img"),
            ("x-auth-request-token-capabilities", &format!("{OWN} read:image")),
        ])
    };
    let bob = || let_on(&[("x-auth-request-user", "bob"), ("x-auth-request-token-capabilities", OWN)]);
    let service = moto.text("service");
    let of_service = || {
        let_on(&[("x-auth-request-service", moto.text("portal")), ("x-auth-request-token-capabilities", "read:tap")])
    };
    let at = |path: &str, token: &str| Request::get(path).bearer(token);
    let (alices, bobs) = (token("alice", "access"), token("bob", "access"));
    let rows = [
        ("a user with groups", at("/me", alices), alice()),
        ("a user without", at("/me", bobs), bob()),
        ("as password of Basic", Request::get("/me").basic("x-oauth-basic", alices), alice()),
        ("another client's", at("/me", token("alice_elsewhere", "access")), unauthorized("wrong_audience")),
        ("another client's ID token", at("/me", token("alice_elsewhere", "id")), unauthorized("token_kind")),
        ("an ID token", at("/me", token("alice", "id")), unauthorized("token_kind")),
        ("a refresh token", at("/me", token("alice", "refresh")), unauthorized("token_opaque")),
        ("a group", at("/members", alices), alice()),
        ("no group", at("/members", bobs), forbidden("not_in_group")),
        ("a group that gives a capability", at("/image", alices), alice()),
        ("no such group", at("/image", bobs), insufficient("read:image")),
        ("a capability that no user has", at("/tap", alices), insufficient("read:tap")),
        ("a client alone", at("/me", service), of_service()),
        ("a client alone, by a scope of another name", at("/tap", service), of_service()),
        ("a client alone, without groups", at("/members", service), forbidden("not_in_group")),
        ("a client alone where people go", at("/people", service), forbidden("wrong_principal")),
        ("a user where people go", at("/people", bobs), bob()),
    ];
    hold(&stage, &rows);
    let fetched = format!("GET {}/.well-known/jwks.json through cluster cognito", moto.text("issuer"));
    assert!(stage.envoy.log().contains(&fetched), "{}", stage.envoy.log());
}

#[test]
fn an_id_token_of_cognito_is_good_only_where_asked_for() {
    let moto = foreign::cognito();
    let token = |kind: &str| Request::get("/me").bearer(text(&moto.said()["alice"][kind]));
    let by_id = || {
        let_on(&[
            ("x-auth-request-user", "alice"),
            ("x-auth-request-groups", "lsst,lsst_img"),
            ("x-auth-request-token-capabilities", "read:image"),
        ])
    };
    let by_access = let_on(&[
        ("x-auth-request-user", "alice"),
        ("x-auth-request-groups", "lsst,lsst_img"),
        ("x-auth-request-token-capabilities", &format!("{OWN} read:image")),
    ]);
    let only_id = [
        ("the ID token", token("id"), by_id()),
        ("the access token, where only ID tokens are", token("access"), unauthorized("token_kind")),
    ];
    hold(&stage(&moto, Some(&["id"])), &only_id);
    let both =
        [("the ID token, of both", token("id"), by_id()), ("the access token, of both", token("access"), by_access)];
    hold(&stage(&moto, Some(&["access", "id"])), &both);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a token")
}
