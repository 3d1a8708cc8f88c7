//! Credentials that are missing, malformed, doubled or not wanted.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::refusal::{Challenged, check};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::challenge::ErrorCode;
use crate::support::mint::{Signer, Token};

#[test]
fn a_credential_that_is_missing_malformed_or_double_is_refused() {
    use Challenged::{Asked, AskedBoth, AskedOrInvalid, Error, ErrorBoth};
    use ErrorCode::{InvalidRequest, InvalidToken};
    let mut config = make_test_config();
    config["credentials"] = json!({ "query": true });
    let stage = Stage::start(&Setup::new(&config));
    let signer = &Signer::rs256();
    let token = &Token::new(signer).mint();
    let other = &Token::new(signer).claim("sub", "bob").mint();
    let get = Request::get("/me");
    let with = |value: &str| Request::get("/me").field("authorization", value);
    let rows = [
        ("nothing", get.clone(), 401, Asked),
        ("nothing, where Basic will do", Request::get("/basic"), 401, AskedBoth),
        ("a bad one, where Basic will do", Request::get("/basic").bearer("x.y.z"), 401, ErrorBoth(InvalidToken)),
        ("an empty Authorization", with(""), 401, Asked),
        ("Bearer without a token", with("Bearer"), 400, Error(InvalidRequest)),
        ("a token and more", with(&format!("Bearer {token} x")), 400, Error(InvalidRequest)),
        ("a comma after the token", with(&format!("Bearer {token},")), 400, Error(InvalidRequest)),
        ("two in one header", with(&format!("Bearer {token}, Bearer {other}")), 400, Error(InvalidRequest)),
        ("Bearer twice", get.clone().bearer(token).bearer(other), 400, Error(InvalidRequest)),
        ("the same twice", get.clone().bearer(token).bearer(token), 400, Error(InvalidRequest)),
        ("Bearer and Basic", get.clone().bearer(token).basic(token, ""), 400, Error(InvalidRequest)),
        (
            "header and query",
            Request::get(&format!("/me?access_token={other}")).bearer(token),
            400,
            Error(InvalidRequest),
        ),
        (
            "query twice",
            Request::get(&format!("/me?access_token={token}&access_token={other}")),
            400,
            Error(InvalidRequest),
        ),
        (
            "query twice, once escaped",
            Request::get(&format!("/me?access_token={token}&%61ccess_token={other}")),
            400,
            Error(InvalidRequest),
        ),
        ("Basic with a password", get.clone().basic("alice", "hunter2"), 401, AskedOrInvalid),
        ("Basic with two tokens", get.clone().basic(token, other), 400, Error(InvalidRequest)),
        ("Basic without a colon", with("Basic bm90aGluZw=="), 400, Error(InvalidRequest)),
        ("Basic that is not base64", with("Basic ????"), 400, Error(InvalidRequest)),
        ("Basic with nothing", with("Basic Og=="), 401, AskedOrInvalid),
        ("an unknown scheme", with("Negotiate abcdef"), 401, Asked),
        ("another unknown scheme", with("token abcdef"), 401, Asked),
    ];
    for protocol in BOTH {
        for row in &rows {
            check(&stage, protocol, row);
        }
    }
    let both_places = Request::get("/me").bearer(token).host(&format!("x-oauth-basic:{other}@api.test"));
    let row = ("header and userinfo", both_places, 400, Error(InvalidRequest));
    check(&stage, Protocol::Http1, &row);
    stage.still_serves(token);
}

#[test]
fn a_form_of_credential_that_is_turned_off_is_not_read() {
    let mut config = make_test_config();
    config["credentials"] = json!({ "bearer": true, "basic": false, "query": false });
    let stage = Stage::start(&Setup::new(&config));
    let token = &Token::new(&Signer::rs256()).mint();
    let rows = [
        ("Basic", Request::get("/me").basic(token, ""), 401, Challenged::Asked),
        ("query", Request::get(&format!("/me?access_token={token}")), 401, Challenged::Asked),
    ];
    for row in &rows {
        check(&stage, Protocol::Http1, row);
    }
    // Where the query is not ours, what is in it is the service's: callbacks carry tokens of other parties there.
    let both = Request::get(&format!("/me?access_token={token}&b=c")).bearer(token);
    let seen = stage.send(Protocol::Http1, &both).allowed("Bearer beside an unread query");
    assert_eq!(seen.target(), format!("/me?access_token={token}&b=c"));
}
