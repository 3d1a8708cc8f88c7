//! How a refusal looks to the one who gets it.

use serde_json::Value;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Stage};
use crate::support::mint::{Signer, Token};

const PROBLEM: &str = "application/problem+json";

#[test]
fn the_body_of_a_refusal_is_of_the_type_the_client_prefers() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let rows = [
        ("nothing said", None, PROBLEM),
        ("anything", Some("*/*"), PROBLEM),
        ("problem+json", Some("application/problem+json"), PROBLEM),
        ("JSON", Some("application/json"), PROBLEM),
        ("text", Some("text/plain"), "text/plain"),
        ("HTML", Some("text/html"), "text/html"),
        ("a browser", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), "text/html"),
        ("text before HTML", Some("text/html;q=0.5, text/plain;q=0.9"), "text/plain"),
        ("something else", Some("image/png"), PROBLEM),
        ("nonsense", Some(";;q=,"), PROBLEM),
    ];
    for protocol in BOTH {
        for (name, accept, expected) in rows {
            let name = format!("{name} over {protocol:?}");
            let mut request = Request::get("/me/path-of-mine?query=of-mine").host("host-of-mine.test");
            if let Some(accept) = accept {
                request = request.field("accept", accept);
            }
            let answer = stage.send(protocol, &request).refused(&name, 401);
            let kind = answer.value("content-type").expect("a content-type");
            assert_eq!(kind.split(';').next(), Some(expected), "{name}");
            assert_eq!(answer.value("cache-control").as_deref(), Some("no-store"), "{name}");
            let text = answer.text();
            assert!(!text.is_empty(), "{name}: an empty body");
            assert!(!text.contains("-of-mine"), "{name}: what the client sent came back: {text}");
            if expected == PROBLEM {
                let problem: Value = serde_json::from_str(&text).expect("problem+json is JSON");
                assert_eq!(problem["status"], 401, "{name}: {text}");
                assert!(problem["title"].is_string(), "{name}: {text}");
            }
        }
    }
}

#[test]
fn a_head_request_is_refused_without_a_body() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = Token::new(&Signer::rs256()).mint();
    let rows = [
        ("nothing", Request::new("HEAD", "/me"), 401),
        ("a bad token", Request::new("HEAD", "/me").bearer("x.y.z"), 401),
        ("a missing capability", Request::new("HEAD", "/api/tap").bearer(&token), 403),
        ("two credentials", Request::new("HEAD", "/me").bearer(&token).bearer(&token), 400),
    ];
    for protocol in BOTH {
        for (name, request, status) in &rows {
            let name = format!("{name} over {protocol:?}");
            let answer = stage.send(protocol, request).refused(&name, *status);
            assert_eq!(answer.text(), "", "{name}");
            assert!(!answer.challenges().is_empty(), "{name}: no challenge");
        }
        let seen = stage.send(protocol, &Request::new("HEAD", "/me").bearer(&token));
        seen.allowed("a HEAD with a good token");
    }
}

#[test]
fn a_grpc_call_is_refused_in_the_words_of_grpc() {
    const UNAUTHENTICATED: &str = "16";
    const PERMISSION_DENIED: &str = "7";
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = Token::new(&Signer::rs256()).mint();
    let call = |path: &str, kind: &str| {
        Request::new("POST", path).field("content-type", kind).field("te", "trailers").body(b"\0\0\0\0\0")
    };
    let rows = [
        ("nothing", call("/me", "application/grpc"), UNAUTHENTICATED),
        ("a bad token", call("/me", "application/grpc+proto").bearer("x.y.z"), UNAUTHENTICATED),
        ("a missing capability", call("/api/tap", "application/grpc").bearer(&token), PERMISSION_DENIED),
        ("no rule", call("/elsewhere", "application/grpc").bearer(&token), PERMISSION_DENIED),
    ];
    for protocol in BOTH {
        for (name, request, status) in &rows {
            let name = format!("{name} over {protocol:?}");
            let answer = stage.send(protocol, request).refused(&name, 200);
            assert_eq!(answer.value("grpc-status").as_deref(), Some(*status), "{name}: {answer:?}");
            let message = answer.value("grpc-message").unwrap_or_default();
            assert!(!message.contains(['{', '<', '\n']), "{name}: not a line of text: {message}");
            assert!(!message.contains("%0A"), "{name}: not a line of text: {message}");
        }
    }
}
