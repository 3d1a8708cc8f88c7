//! What is written down about a request, which is never what it was authorized by.
//!
//! That no log holds a token is checked at the end of every Envoy; here the log is provoked.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token};

#[test]
fn the_access_log_never_holds_the_token_of_a_query_or_an_authority() {
    let mut config = make_test_config();
    config["credentials"] = json!({ "query": true });
    let stage = Stage::start(&Setup::new(&config));
    let signer = &Signer::rs256();
    let good = &Token::new(signer).mint();
    let expired = &Token::new(signer).expires_in(-3600).issued_in(-7200).mint();
    let rows = [
        ("allowed", "/me", good, 200),
        ("expired", "/me", expired, 401),
        ("a missing capability", "/api/tap", good, 403),
        ("no rule", "/elsewhere", good, 403),
        ("an anonymous rule", "/open", good, 200),
    ];
    let mut lines = 0;
    for (name, path, token, in_query) in rows {
        let other = "x".repeat(3);
        let requests = [
            ("query", Request::get(&format!("{path}?a={other}&access_token={token}&b=c")), in_query),
            ("escaped", Request::get(&format!("{path}?%61ccess_token={token}&a={other}&b=c")), in_query),
            (
                "authority",
                Request::get(&format!("{path}?a={other}&b=c")).host(&format!("{token}:@api.test")),
                // Refused wherever it stands, and taken out all the same.
                400,
            ),
        ];
        for (place, request, status) in requests {
            let name = format!("{name} by {place}");
            let answer = stage.send(Protocol::Http1, &request).answer;
            assert_eq!(answer.status, status, "{name}: {}", answer.text());
            lines += 1;
            let log = stage.envoy.access_log(lines);
            let line = &log[lines - 1];
            assert!(line.starts_with(&format!("{path}?a=xxx&b=c | {status} | ")), "{name}: {line}");
            assert!(!line.contains(&token[token.len() - 20..]), "{name}: {line}");
        }
    }
    // Twice is refused; still neither is written down.
    let twice = Request::get(&format!("/me?access_token={good}&access_token={expired}"));
    stage.send(Protocol::Http1, &twice).refused("two tokens", 400);
    let log = stage.envoy.access_log(lines + 1);
    assert!(log[lines].starts_with("/me | 400 | "), "{}", log[lines]);
}

#[test]
fn a_query_that_is_not_read_is_not_written_down_either() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = Token::new(&Signer::rs256()).mint();
    let request = Request::get(&format!("/me?access_token={token}&b=c"));
    stage.send(Protocol::Http1, &request).refused("a query that is turned off", 401);
    let log = stage.envoy.access_log(1);
    assert!(log[0].starts_with("/me?b=c | 401 | "), "{}", log[0]);
}

#[test]
fn the_access_log_says_how_each_request_was_decided() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let signer = &Signer::rs256();
    let good = &Token::new(signer).claim("jti", "token-of-alice").mint();
    // What the record of the decision must mention, in whatever order it is written.
    let rows: [(&str, Request, &[&str]); 3] = [
        ("allowed", Request::get("/me").bearer(good), &["me", "alice", "https://issuer.test", "token-of-alice"]),
        ("a missing capability", Request::get("/api/tap").bearer(good), &["tap", "alice", "read:tap"]),
        ("no credential", Request::get("/basic"), &["basic"]),
    ];
    for (index, (name, request, mentions)) in rows.into_iter().enumerate() {
        stage.send(Protocol::Http1, &request);
        let log = stage.envoy.access_log(index + 1);
        let record = log[index].splitn(4, " | ").nth(3).expect("four parts").to_owned();
        for mention in mentions {
            assert!(record.contains(mention), "{name}: no {mention} in {record}");
        }
    }
}
