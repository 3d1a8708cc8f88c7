//! `require_tls`: no credential is read from a connection on which anybody could have read it first.

use serde_json::json;

use crate::support::mint::Signer;
use crate::world::{Request, World, document, issuer, patched, token};

fn world(require_tls: bool) -> World {
    let rules = json!([
        {"name": "required", "match": {"prefix": "/required"}, "challenge": ["bearer", "basic"]},
        {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional"},
        {"name": "anonymous", "match": {"prefix": "/anonymous"}, "access": "anonymous"},
        {"name": "hub", "match": {"prefix": "/hub"}, "foreign_authorization": "pass"},
        {"name": "shadow", "match": {"prefix": "/shadow"}, "shadow": true},
    ]);
    let switches = json!({"require_tls": require_tls, "credentials": {"query": true}});
    World::of(&patched(document(&[issuer(&Signer::es256())], &rules), &switches))
}

#[test]
fn a_credential_over_http_is_refused_wherever_it_stands_and_never_repeated() {
    use base64::Engine;
    let good = token(&Signer::es256(), json!({}));
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{good}:x-oauth-basic"));
    let (mut strict, mut lenient) = (world(true), world(false));
    for path in ["/required/x", "/optional/x", "/hub/x"] {
        for (name, request) in [
            ("bearer", Request::get(path).bearing(&good)),
            ("basic", Request::get(path).with("authorization", &format!("Basic {basic}"))),
            ("query", Request::get(&format!("{path}?access_token={good}"))),
            ("password", Request::get(path).with("authorization", "Basic YWxpY2U6aHVudGVyMg==")),
        ] {
            for (scheme, forwarded) in [
                ("http", "https"),
                ("ws", "https"),
                ("", "https"),
                ("httpss", "https"),
                ("https ", "https"),
                // What Envoy makes of HTTP/2 without TLS where the client says `https`.
                ("https", "http"),
                ("https", ""),
                ("https", "https,http"),
            ] {
                let seen = strict.send(&request.clone().with(":scheme", scheme).with("x-forwarded-proto", forwarded));
                assert_eq!(seen.in_short(), "400 insecure_transport", "{name} {path} {scheme:?} {forwarded:?}");
                for secret in [good.as_str(), &basic, "YWxpY2U6aHVudGVyMg=="] {
                    let left = format!("{:?}", seen.fields);
                    assert!(!seen.told.contains(secret), "{name} {path} {scheme:?}: {}", seen.told);
                    assert!(!left.contains(secret), "{name} {path} {scheme:?}: {left}");
                }
            }
            let seen = strict.send(&request.clone().with(":scheme", "https"));
            assert_eq!(seen.in_short(), "400 insecure_transport", "{name} {path}, where nothing says how it came");
            let want = if name == "password" { "401 not_a_token" } else { "ok" };
            for (scheme, is_strict) in [("https", true), ("HTTPS", true), ("http", false)] {
                let world = if is_strict { &mut strict } else { &mut lenient };
                let seen = world.send(&request.clone().with(":scheme", scheme).with("x-forwarded-proto", scheme));
                assert_eq!(seen.in_short(), want, "{name} {path} {scheme}");
            }
        }
    }
}

/// What the service behind is to look at is a credential as well.
#[test]
fn a_foreign_credential_over_http_is_refused_too() {
    let (mut strict, mut lenient) = (world(true), world(false));
    let request = Request::get("/hub/x").with("authorization", "token abc").with(":scheme", "http");
    let seen = strict.send(&request);
    assert_eq!((seen.in_short().as_str(), seen.value("authorization")), ("400 insecure_transport", None));
    let seen = lenient.send(&request);
    assert_eq!((seen.in_short().as_str(), seen.value("authorization")), ("ok", Some("token abc")));
}

#[test]
fn who_sends_no_credential_has_none_to_lose() {
    let mut world = world(true);
    for (path, want) in [
        ("/required/x", "401 missing_credential"),
        ("/optional/x", "ok"),
        ("/anonymous/x", "ok"),
        ("/hub/x", "401 missing_credential"),
        ("/shadow/x", "ok"),
    ] {
        assert_eq!(world.send(&Request::get(path).with(":scheme", "http")).in_short(), want, "{path}");
    }
}

#[test]
fn a_shadow_lets_it_on_and_tells() {
    let good = token(&Signer::es256(), json!({}));
    let seen = world(true).send(&Request::get("/shadow/x").bearing(&good).with(":scheme", "http"));
    assert_eq!(seen.in_short(), "ok");
    assert_eq!(seen.counter, "postern_requests_total.decision.shadow_deny.reason.insecure_transport.rule.shadow");
    assert_eq!(seen.identity(), json!({}));
    assert_eq!(seen.value("authorization"), Some(format!("Bearer {good}").as_str()));
}

#[test]
fn a_forwarded_scheme_is_not_believed() {
    let good = token(&Signer::es256(), json!({}));
    let request = Request::get("/required/x").bearing(&good).with(":scheme", "http");
    let seen = world(true).send(&request.with("x-forwarded-proto", "https").with("forwarded", "proto=https"));
    assert_eq!(seen.in_short(), "400 insecure_transport");
}
