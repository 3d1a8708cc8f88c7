//! Requests of somebody who wants in.

use super::super::harness::request::basic;
use super::Fields;
use crate::support::mint::{Signer, Token};

/// What somebody sends who wants in, where `explain` could be of another mind than the filter behind Envoy.
pub(super) fn all() -> Vec<(String, &'static str, &'static str, String, Fields)> {
    let signer = Signer::rs256();
    let good = Token::new(&signer).claim("scope", "read:tap").mint();
    let other = Token::new(&signer).claim("sub", "bob").mint();
    let mut rows = Vec::new();
    let authorizations = [
        format!("bearer  {good}"),
        format!("BEARER {good}"),
        format!("Bearer\t{good}"),
        format!("Bearer {good},"),
        format!("Bearer {good}, Bearer {other}"),
        format!("Bearer {good}."),
        format!("Bearer {good}="),
        format!("Bearer {}", good.replace('.', "..")),
        "Bearer".to_owned(),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".to_owned(),
        "Negotiate abc".to_owned(),
        "Basic !".to_owned(),
        basic(&good, &other),
        basic(&good, &good),
        basic(&good, ""),
        basic("", &good),
        basic("alice", &good),
    ];
    for path in ["/me", "/optional", "/open", "/own", "/basic", "/trial"] {
        for value in &authorizations {
            let fields = vec![("authorization", value.clone())];
            rows.push((format!("{value} to {path}"), "GET", "api.test", path.to_owned(), fields));
        }
        let twice = vec![("authorization", format!("Bearer {good}")), ("authorization", format!("Bearer {other}"))];
        rows.push((format!("two fields to {path}"), "GET", "api.test", path.to_owned(), twice));
        if path == "/trial" {
            // A shadow leaves the query as it is, and the log of this test has all of it.
            continue;
        }
        for query in [
            format!("?access_token={good}"),
            format!("?access_token={good}&access_token={good}"),
            format!("?access_token={good}&access_token={other}"),
            format!("?%61ccess_token={good}"),
            format!("?a=b&access_token={good}&c"),
            "?a=b;access_token=c".to_owned(),
            "?access_token=".to_owned(),
        ] {
            rows.push((format!("{path}{query}"), "GET", "api.test", format!("{path}{query}"), Vec::new()));
            let both = vec![("authorization", format!("Bearer {good}"))];
            rows.push((format!("{path}{query} and a field"), "GET", "api.test", format!("{path}{query}"), both));
        }
    }
    let bearer = || vec![("authorization", format!("Bearer {other}"))];
    for path in [
        "/me;x",
        "/me/;/a",
        "/me/..;/api/tap",
        "/me/%2e%2e/api/tap",
        "/me/../api/tap",
        "//api/tap",
        "/api%2ftap",
        "/api//tap",
        "/ME",
        "/api/tap/",
        "/api/tap%00",
        "/api/tap%20",
        "/api/tap.",
        "/API/tap",
        "/open/../me",
        "/open%2f..%2fme",
        "/./me",
        "/exact?",
        "/exact/",
        "/exact%3f",
        "/a%5c..%5cme",
    ] {
        for (name, fields) in [("a token", bearer()), ("none", Vec::new())] {
            rows.push((format!("{path} with {name}"), "GET", "api.test", path.to_owned(), fields));
        }
    }
    for method in ["OPTIONS", "PROPFIND", "REPORT"] {
        for path in ["/me", "/open", "/api/tap"] {
            rows.push((format!("{method} {path}"), method, "api.test", path.to_owned(), bearer()));
        }
    }
    let preflight = vec![("origin", "https://a.test".to_owned()), ("access-control-request-method", "GET".to_owned())];
    rows.push(("a preflight".to_owned(), "OPTIONS", "api.test", "/api/tap".to_owned(), preflight));
    for destination in [
        "/me/b",
        "/api/tap/b",
        "http://api.test/api/tap/b",
        "http://api.test/me/b",
        "https://b.test/me/b",
        "http://u@api.test/me/b",
        "//api.test/api/tap",
        "/me/../api/tap/b",
        "/me/%2e%2e/api/tap/b",
        "me/b",
        "",
        "/open/b",
        "/nowhere",
        "/me/b?c",
        "/me/b#c",
    ] {
        for method in ["COPY", "MOVE", "PUT"] {
            let fields = [bearer(), vec![("destination", destination.to_owned())]].concat();
            rows.push((format!("{method} to {destination:?}"), method, "api.test", "/me/a".to_owned(), fields));
        }
    }
    let two = [bearer(), vec![("destination", "/me/b".to_owned()), ("destination", "/api/tap/b".to_owned())]].concat();
    rows.push(("two destinations".to_owned(), "COPY", "api.test", "/me/a".to_owned(), two));
    rows.push(("no destination".to_owned(), "MOVE", "api.test", "/me/a".to_owned(), bearer()));
    for (name, value) in [
        ("x_auth_request_user", "root"),
        ("x-auth_request-user", "root"),
        ("x-auth-request-anything", "root"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/api/tap"),
        ("x-forwarded-proto", "https"),
        ("proxy-authorization", "Bearer a"),
        ("cookie", "access_token=a"),
    ] {
        for path in ["/open", "/me", "/trial"] {
            let fields = [bearer(), vec![(name, value.to_owned())]].concat();
            rows.push((format!("{name} to {path}"), "GET", "api.test", path.to_owned(), fields));
        }
    }
    for host in
        ["API.TEST", "api.test.", "api.test:80", "api.test:0080", "x.api.test", "other.test:81", "[::1]", "OTHER.test"]
    {
        for path in ["/host", "/me"] {
            rows.push((format!("{host}{path}"), "GET", host, path.to_owned(), bearer()));
        }
    }
    rows
}
