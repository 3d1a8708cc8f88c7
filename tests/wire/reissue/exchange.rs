//! Tokens exchanged for weaker ones, by clients as they are: with a form, in pieces, or in the query.

use serde_json::{Value, json};

use super::keys::{Key, of_host};
use super::scene::{HOST, OURS, config};
use crate::support::mint::{AUDIENCE, Signer, Token};
use crate::wire::harness::answer::Answer;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::request::{Request, chunk};
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{BOTH, Exchange, Protocol, Stage};

const PATH: &str = "/postern/token";
const GRANT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Longer than any form that is read.
const TOO_LONG: usize = 25 * 1024;

/// An Envoy that hands the filter bodies while it holds the head, or one that does not.
fn stage(hands_bodies_over: bool) -> Stage {
    let key = Key::es256();
    let mut config = config(&[&key]);
    config["reissue"]["exchange"] = json!({ "audiences": [AUDIENCE] });
    config["issuers"].as_array_mut().expect("issuers").push(json!({ "issuer": OURS, "audiences": [AUDIENCE] }));
    let setup = Setup::new(&config).variables(of_host(&[&key]));
    Stage::start(&setup.allow_on_headers_stop_iteration(hands_bodies_over))
}

fn user() -> String {
    Token::new(&Signer::rs256()).claim("scope", "read:tap write:tap").mint()
}

fn post(target: &str) -> Request {
    Request::new("POST", target).host(HOST)
}

fn in_query(user: &str) -> Request {
    post(&format!("{PATH}?{GRANT}&scope=read:tap")).bearer(user)
}

fn form(parameters: &str) -> Request {
    post(PATH).field(FORM.0, FORM.1).body(format!("{GRANT}&{parameters}").as_bytes())
}

fn told(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {answer:?}"))
}

/// The answer has a token, which is taken like any other, and may do what was asked for and no more.
fn has_a_weaker_token(stage: &Stage, protocol: Protocol, name: &str, exchange: Exchange) {
    let answer = exchange.refused(name, 200);
    assert_eq!(answer.values("cache-control"), ["no-store"], "{name}");
    let told = told(&answer);
    assert_eq!(told["scope"], "read:tap", "{name}");
    let token = told["access_token"].as_str().expect("a token");
    let seen = stage.send(protocol, &Request::get("/me").bearer(token)).allowed(name);
    assert_eq!(seen.values("x-auth-request-user"), ["alice"], "{name}");
    assert_eq!(seen.values("x-auth-request-token-capabilities"), ["read:tap"], "{name}");
}

/// Says why there is none, in the form of RFC 6749 §5.2.
fn has_no_token(name: &str, exchange: Exchange, error: &str) {
    let answer = exchange.refused(name, 400);
    assert_eq!(told(&answer)["error"], error, "{name}");
}

#[test]
fn a_form_and_a_query_give_a_weaker_token_and_no_service_sees_them() {
    let stage = stage(true);
    let user = user();
    for protocol in BOTH {
        for (name, request) in [
            ("a form", form("scope=read:tap").bearer(&user)),
            ("a form, and the token by Basic", form("scope=read:tap").basic(&user, "x-oauth-basic")),
            ("a form, and the token in it", form(&format!("scope=read%3Atap&subject_token={user}"))),
            ("a form before trailers", form("scope=read:tap").bearer(&user).trailer("x-checksum", "1")),
            ("a query", in_query(&user)),
            ("a query before an empty form", in_query(&user).field(FORM.0, FORM.1).body(b"")),
        ] {
            let name = format!("{name}, {protocol:?}");
            let exchange = stage.send(protocol, &request);
            has_a_weaker_token(&stage, protocol, &name, exchange);
        }
        for (name, request, error) in [
            ("a scope that the token does not have", form("scope=exec:admin").bearer(&user), "invalid_scope"),
            ("a form of another type", post(PATH).bearer(&user).body(GRANT.as_bytes()), "invalid_request"),
            ("a form that is too long", form(&"x".repeat(TOO_LONG)).bearer(&user), "invalid_request"),
            ("a token in the query", post(&format!("{PATH}?{GRANT}&subject_token={user}")), "invalid_request"),
        ] {
            has_no_token(&format!("{name}, {protocol:?}"), stage.send(protocol, &request), error);
        }
    }
    stage.still_serves(&user);
}

/// In as many pieces as a client likes, and more of them at once than fit on one connection.
#[test]
fn a_form_that_comes_in_pieces_is_waited_for() {
    let stage = stage(true);
    let user = user();
    let request = form("scope=read:tap").bearer(&user);
    let body = request.body.clone().expect("a form");
    let length = body.len().to_string();
    for (name, framing, chunked) in [
        ("with a length", ("content-length", length.as_str()), false),
        ("in chunks", ("transfer-encoding", "chunked"), true),
    ] {
        let before = stage.upstream.count();
        let mut all: Vec<Connection> = (0..20).map(|_| Connection::open(stage.envoy.address())).collect();
        let head = request.http1_head(&[framing]);
        all.iter_mut().for_each(|client| client.send(&head));
        for piece in body.chunks(40) {
            let piece = if chunked { chunk(piece) } else { piece.to_vec() };
            all.iter_mut().for_each(|client| client.send(&piece));
        }
        if chunked {
            all.iter_mut().for_each(|client| client.send(b"0\r\n\r\n"));
        }
        for client in &mut all {
            let exchange = stage.exchange(before, client.answer("POST"));
            assert_eq!(told(&exchange.refused(name, 200))["scope"], "read:tap", "{name}");
        }
    }
}

/// Nobody waits for ever, and who hangs up is forgotten.
#[test]
fn a_form_that_does_not_come_is_given_up_and_says_what_helps() {
    let user = user();
    for hands_bodies_over in [true, false] {
        let stage = stage(hands_bodies_over);
        let request = form("scope=read:tap").bearer(&user);
        let half = |client: &mut Connection| {
            client.send(&request.http1_head(&[("content-length", "1000")]));
            client.send(GRANT.as_bytes());
        };
        let mut gone = Connection::open(stage.envoy.address());
        half(&mut gone);
        drop(gone);
        let mut waiting = Connection::open(stage.envoy.address());
        half(&mut waiting);
        // What needs no form is answered meanwhile.
        has_a_weaker_token(&stage, Protocol::Http1, "meanwhile", stage.send(Protocol::Http1, &in_query(&user)));
        let before = stage.upstream.count();
        let exchange = stage.exchange(before, waiting.answer("POST"));
        let answer = exchange.refused("half a form", 400);
        assert!(answer.text().contains("may stand in the query"), "{answer:?}");
        if !hands_bodies_over {
            has_no_token("a whole form", stage.send(Protocol::Http2, &request), "invalid_request");
        }
        stage.still_serves(&user);
    }
}
