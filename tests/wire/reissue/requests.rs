//! Which requests go on with a token that is made for them, and that the user's own goes on with none.

use serde_json::json;

use super::keys::{Key, of_host};
use super::scene::{API, Came, Scene, config, send};
use crate::support::mint::{Signer, Token, jwks};
use crate::wire::harness::config::remote_issuer;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::BOTH;

const SAFE: [&str; 6] = ["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"];
const OTHERS: [&str; 4] = ["POST", "PUT", "DELETE", "PATCH"];

/// Parts of a token that no other one has.
fn parts(token: &str) -> Vec<&str> {
    token.split('.').skip(1).collect()
}

#[test]
fn a_request_that_changes_nothing_goes_on_without_a_token_unless_the_rule_asks_for_one() {
    for forward_token in [false, true] {
        let key = Key::es256();
        let mut config = config(&[&key]);
        config["headers"] = json!({ "forward_token": forward_token });
        let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])));
        for protocol in BOTH {
            for (path, safe_has_one) in [("/job", false), ("/any", true)] {
                for method in SAFE.into_iter().chain(OTHERS) {
                    let name = format!("{method} {path}, {protocol:?}, forward_token {forward_token}");
                    let user = Token::new(&Signer::rs256()).claim("jti", name.as_str()).mint();
                    let request = Request::new(method, path).bearer(&user);
                    // An answer to HEAD has no body in which the service could tell what came.
                    if method == "HEAD" {
                        let wanted = if safe_has_one { 200 } else { 401 };
                        assert_eq!(send(&scene.envoy, protocol, &request).status, wanted, "{name}");
                        continue;
                    }
                    let came = scene.send(protocol, &request);
                    if OTHERS.contains(&method) || safe_has_one {
                        let token = came.verified(&name);
                        assert_eq!(came.values("authorization"), [format!("Bearer {token}")], "{name}");
                        assert_eq!(came.values("x-auth-request-token"), [token], "{name}");
                    } else {
                        came.has_no_token(&name);
                    }
                    for part in parts(&user) {
                        assert!(!came.everything().contains(part), "{name}: the user's own token went on");
                    }
                    assert_eq!(came.values("x-auth-request-user"), ["alice"], "{name}");
                }
            }
        }
    }
}

#[test]
fn a_token_is_made_of_every_credential_and_none_of_them_goes_on() {
    type Carry = fn(Request, &str) -> Request;
    fn with_query(mut request: Request, query: &str) -> Request {
        request.target = format!("{}?{query}", request.target);
        request
    }
    let rows: [(&str, Carry); 7] = [
        ("Bearer", |request, token| request.bearer(token)),
        ("bearer, spaces", |request, token| request.field("authorization", format!("bearer   {token}"))),
        ("Basic, user", |request, token| request.basic(token, "x-oauth-basic")),
        ("Basic, password", |request, token| request.basic("x-oauth-basic", token)),
        ("Basic, password alone", |request, token| request.basic("", token)),
        ("query", |request, token| with_query(request, &format!("a=b&access_token={token}&c=d"))),
        ("with a forged header of ours", |request, token| {
            request.bearer(token).field("x-auth-request-token", "forged").field("x_auth_request_token", "forged")
        }),
    ];
    let key = Key::es256();
    let mut config = config(&[&key]);
    config["credentials"] = json!({ "query": true });
    config["headers"] = json!({ "forward_token": true });
    let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])));
    for protocol in BOTH {
        for (name, carry) in rows {
            let name = format!("{name}, {protocol:?}");
            let user = Token::new(&Signer::rs256()).claim("jti", name.as_str()).mint();
            let came = scene.send(protocol, &carry(Request::new("POST", "/job").body(b"a=1"), &user));
            let token = came.verified(&name);
            assert_eq!(came.values("authorization"), [format!("Bearer {token}")], "{name}");
            let came_in = came.everything();
            for part in parts(&user).into_iter().chain(["forged", "access_token"]) {
                assert!(!came_in.contains(part), "{name}: {part}: {came_in}");
            }
            assert_eq!(came.claims()["act"]["jti"], name, "{name}");
            assert!(came_in.ends_with("\"a=1\""), "{name}: the body: {came_in}");
        }
    }
}

#[test]
fn a_rule_without_reissue_does_as_it_did() {
    let key = Key::es256();
    let scene = Scene::with_keys(&[&key]);
    let user = Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        let came = scene.send(protocol, &Request::new("POST", "/me").bearer(&user));
        came.has_no_token("the user's token stays here");
        assert_eq!(came.values("x-auth-request-user"), ["alice"]);
    }
}

#[test]
fn a_request_that_waited_for_keys_goes_on_with_a_token_and_its_body() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    issuer.close_gate();
    let key = Key::eddsa();
    let mut config = config(&[&key]);
    config["issuers"] = json!([remote_issuer(&issuer.url("/keys"))]);
    let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])).issuer(issuer.address()));
    let user = Token::new(&Signer::rs256()).mint();
    let request = Request::new("POST", "/job").bearer(&user).body(b"phase=RUN");
    let mut clients = BOTH.map(|_| Connection::open(scene.envoy.address()));
    clients.iter_mut().for_each(|client| client.send(&request.http1()));
    scene.envoy.wait_for_stat("http.ingress.downstream_rq_active", |active| active == BOTH.len() as u64);
    issuer.wait_until_asked("/keys");
    issuer.open_gate();
    let came = clients.map(|mut client| Came::of(&client.answer("POST")));
    let [first, second] = came.each_ref().map(|came| came.verified("after the wait"));
    assert_eq!(first, second, "one for both");
    assert!(came[0].everything().contains("phase=RUN"));
}

#[test]
fn who_comes_without_a_token_goes_on_without_one() {
    let key = Key::es256();
    let mut config = config(&[&key]);
    let reissue = json!({ "audience": API, "safe_methods": true });
    let rule =
        json!({ "name": "perhaps", "match": { "prefix": "/perhaps" }, "access": "optional", "reissue": reissue });
    config["rules"].as_array_mut().expect("rules").push(rule);
    let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])));
    let user = Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        let forged = Request::get("/perhaps").field("x-auth-request-token", &user).field("x-auth-request-user", "root");
        let came = scene.send(protocol, &forged);
        came.has_no_token("nobody in particular");
        assert!(came.values("x-auth-request-user").is_empty(), "{came:?}");
        scene.send(protocol, &Request::get("/perhaps").bearer(&user)).verified("somebody");
    }
}

/// Under a shadow rule the service gets what the client sent, as without the filter, so that nobody notices the trial.
#[test]
fn a_shadow_rule_makes_no_token_and_leaves_authorization_alone() {
    let key = Key::es256();
    let mut config = config(&[&key]);
    let reissue = json!({ "audience": API });
    let rule = json!({ "name": "trial", "match": { "prefix": "/trial" }, "shadow": true, "reissue": reissue });
    config["rules"].as_array_mut().expect("rules").push(rule);
    let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])));
    let user = Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        let came = scene.send(protocol, &Request::new("POST", "/trial").bearer(&user));
        assert_eq!(came.values("authorization"), [format!("Bearer {user}")]);
        assert!(came.values("x-auth-request-token").is_empty(), "{came:?}");
        assert_eq!(came.values("x-auth-request-user"), ["alice"]);
    }
}
