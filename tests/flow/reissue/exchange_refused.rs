//! Exchanges that come to nothing: each is told in the words of RFC 6749, as JSON, and holds nothing of a token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::denial::Denial;
use postern::reissue::Refused;
use serde_json::{Value, json};

use super::{API, GRANT, OWN, TOKEN_PATH, answer, asking, own_token, stage, users, users_token};
use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token};
use crate::world::{Request, Seen, World, remote_issuer};

struct Want {
    status: u16,
    reason: &'static str,
    error: &'static str,
}

fn want(status: u16, reason: &'static str, error: &'static str) -> Want {
    Want { status, reason, error }
}

/// What holds of every refusal, and what of this one.
fn check(name: &str, seen: &Seen, want: &Want, tokens: &[&str]) {
    let (status, document) = answer(seen);
    let reason = seen.refusal.as_ref().unwrap().reason.split(':').next().unwrap().to_owned();
    assert_eq!((status, reason.as_str(), &document["error"]), (want.status, want.reason, &json!(want.error)), "{name}");
    let description = document["error_description"].as_str().expect("a description");
    // RFC 6749 §5.2.
    assert!(description.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{name}: {description}");
    assert_eq!(document.as_object().unwrap().len(), 2, "{name}: {document}");
    assert_eq!(seen.reply_values("content-type"), ["application/json"], "{name}");
    assert_eq!(seen.reply_values("cache-control"), ["no-store"], "{name}");
    assert_eq!(seen.challenges().len(), usize::from(status == 401), "{name}");
    assert_eq!(seen.reply_values("allow"), if status == 405 { vec!["POST"] } else { vec![] }, "{name}");
    assert_eq!((seen.recorded("decision"), seen.recorded("reason")), (Some("deny"), Some(want.reason)), "{name}");
    assert_eq!(seen.record.get("rule"), None, "{name}");
    let counter = format!("postern_requests_total.decision.deny.reason.{}.rule.none", want.reason);
    assert_eq!(seen.counter, counter, "{name}");
    for token in tokens {
        // Of a token the signature alone is a secret, but no part of it is told.
        for part in token.split('.').filter(|part| part.len() > 16) {
            assert!(!seen.told.contains(part), "{name}: a token is told");
            assert!(seen.fields.iter().all(|(_, value)| !value.contains(part)), "{name}: a token is left for the log");
        }
    }
}

#[test]
fn a_request_that_is_no_exchange_is_told_what_is_wrong() {
    let token = users_token(json!({"scope": "read:tap"}));
    let own = own_token(json!({"aud": API}));
    let ended = users_token(json!({"exp": NOW - 30, "iat": NOW - 100}));
    let ends_now = users_token(json!({"exp": NOW, "iat": NOW - 100}));
    let bad = |parameters: &str| asking(parameters).bearing(&token);
    let plain = |body: &str| {
        Request::new("POST", TOKEN_PATH)
            .bearing(&token)
            .carrying(body)
            .with("content-type", "application/x-www-form-urlencoded")
    };
    let request = || want(400, "exchange_request", "invalid_request");
    let scope = || want(400, "exchange_scope", "invalid_scope");
    let target = || want(400, "exchange_target", "invalid_target");
    let urn = "urn:ietf:params:oauth:token-type";
    for (name, sent, want) in [
        ("GET", Request::get(TOKEN_PATH).bearing(&token), want(405, "exchange_method", "invalid_request")),
        ("HEAD", Request::new("HEAD", TOKEN_PATH).bearing(&token), want(405, "exchange_method", "invalid_request")),
        ("OPTIONS", Request::new("OPTIONS", TOKEN_PATH), want(405, "exchange_method", "invalid_request")),
        ("post", Request::new("post", TOKEN_PATH).bearing(&token), want(405, "exchange_method", "invalid_request")),
        (
            "another grant",
            plain("grant_type=client_credentials"),
            want(400, "exchange_grant_type", "unsupported_grant_type"),
        ),
        ("no grant", plain("scope=read:tap"), request()),
        ("an empty form", plain(""), request()),
        ("no form at all", Request::new("POST", TOKEN_PATH).bearing(&token), request()),
        ("a grant without a value", plain("grant_type=&scope=read:tap"), request()),
        ("twice", bad("scope=read:tap&scope=read:tap"), request()),
        ("in both places", bad("scope=a").with(":path", &format!("{TOKEN_PATH}?scope=a")), request()),
        ("the grant twice", bad(GRANT), request()),
        ("JSON", asking("").bearing(&token).carrying("{}").with("x", "y"), request()),
        ("another type", plain(GRANT).with("content-type", "text/plain"), request()),
        ("no type", Request::new("POST", TOKEN_PATH).bearing(&token).carrying(GRANT), request()),
        ("bytes", bad("scope=%ff"), request()),
        ("half an escape", bad("scope=%f"), request()),
        ("another kind of subject", bad(&format!("subject_token_type={urn}:saml2")), request()),
        ("another kind of token", bad(&format!("requested_token_type={urn}:refresh_token")), request()),
        ("an ID token", bad(&format!("requested_token_type={urn}:id_token")), request()),
        ("an actor", bad("actor_token=x"), request()),
        ("no time", bad("expires_in=0"), request()),
        ("a time in words", bad("expires_in=1h"), request()),
        ("a time that is too large", bad("expires_in=18446744073709551616"), request()),
        ("a negative length", bad("max_length=-1"), request()),
        ("a subject in the query", asking("").with(":path", &format!("{TOKEN_PATH}?subject_token={token}")), request()),
        (
            "a subject in the query, in escapes",
            asking("").with(":path", &format!("{TOKEN_PATH}?subject%5ftoken={token}")),
            request(),
        ),
        ("another subject than in the head", bad(&format!("subject_token={own}")), request()),
        ("no such scope", bad("scope=read:tap write:tap"), scope()),
        ("another case", bad("scope=READ:TAP"), scope()),
        ("more than the scope", bad("scope=read:tap/x"), scope()),
        ("quotes", bad("scope=read:tap\""), scope()),
        ("two spaces", bad("scope=read:tap  read:tap"), scope()),
        ("another audience", bad("audience=x"), target()),
        ("ours, for another audience", asking("audience=https://api.test").bearing(&own), target()),
        ("a resource", bad("resource=https://api.test"), target()),
        ("one that has ended, by a clock that is behind", asking("").bearing(&ended), request()),
        ("one that ends now", asking("").bearing(&ends_now), request()),
    ] {
        check(name, &World::of(&stage(&json!({}))).send(&sent), &want, &[&token, &own]);
    }
}

#[test]
fn interactive_scopes_are_never_given() {
    for claims in [
        json!({"scope": "exec:portal a", "auth_time": NOW - 5}),
        json!({"scope": "exec:portal a"}),
        json!({"isMemberOf": [{"name": "portal"}], "scope": "a", "auth_time": NOW - 5}),
    ] {
        let token = users_token(claims);
        for asked in ["exec:portal", "a exec:portal", "exec:notebook"] {
            let mut world = World::of(&stage(&json!({"capabilities": {"preset": "lsst"}})));
            let seen = world.send(&asking(&format!("scope={asked}")).bearing(&token));
            check(asked, &seen, &want(400, "exchange_scope", "invalid_scope"), &[&token]);
        }
    }
}

#[test]
fn a_credential_that_is_missing_or_bad_is_told_as_elsewhere() {
    let good = users_token(json!({}));
    let basic = format!("Basic {}", STANDARD.encode("client:secret"));
    let with = |value: &str| asking("").with("authorization", value);
    let query = format!("{TOKEN_PATH}?access_token={good}");
    for (name, request, want) in [
        ("none", asking(""), want(401, "missing_credential", "invalid_client")),
        ("another scheme", with("token abc"), want(401, "foreign_authorization", "invalid_client")),
        ("a client's secret", with(&basic), want(401, "not_a_token", "invalid_client")),
        ("an empty one", with("Bearer "), want(400, "malformed_credential", "invalid_request")),
        ("two", with("Bearer a, Bearer b"), want(400, "several_credentials", "invalid_request")),
        (
            "two places",
            with(&format!("Bearer {good}")).with(":path", &query),
            want(400, "several_credentials", "invalid_request"),
        ),
        (
            "a form, and another scheme",
            asking(&format!("subject_token={good}")).with("authorization", "token abc"),
            want(401, "foreign_authorization", "invalid_client"),
        ),
        ("no token", with("Bearer abc"), want(401, "token_opaque", "invalid_client")),
        ("no token in the form", asking("subject_token=abc"), want(400, "token_opaque", "invalid_request")),
        (
            "long, in the form",
            asking(&format!("subject_token={}", "a".repeat(20_000))),
            want(400, "token_too_long", "invalid_request"),
        ),
        (
            "expired, in the form",
            asking(&format!("subject_token={}", users_token(json!({"iat": 1, "exp": 2})))),
            want(400, "expired", "invalid_request"),
        ),
        (
            "expired",
            with(&format!("Bearer {}", users_token(json!({"iat": 1, "exp": 2})))),
            want(401, "expired", "invalid_client"),
        ),
        (
            "another audience",
            with(&format!("Bearer {}", users_token(json!({"aud": "x"})))),
            want(401, "wrong_audience", "invalid_client"),
        ),
        (
            "another issuer",
            with(&format!("Bearer {}", users_token(json!({"iss": "https://x.test"})))),
            want(401, "unknown_issuer", "invalid_client"),
        ),
        (
            "forged",
            with(&format!("Bearer {}", Token::at(&Signer::other_es256().with_kid(users().kid()), NOW).mint())),
            want(401, "bad_signature", "invalid_client"),
        ),
        (
            "forged as ours",
            with(&format!("Bearer {}", Token::at(&Signer::eddsa().with_kid("k2"), NOW).claim("iss", OWN).mint())),
            want(401, "unknown_key", "invalid_client"),
        ),
    ] {
        let mut world = World::of(&stage(&json!({"credentials": {"query": true}})));
        let seen = world.send(&request);
        check(name, &seen, &want, &[&good]);
        // With the same description as elsewhere.
        if want.status == 401 {
            assert!(seen.challenges()[0].starts_with("Bearer realm=\"postern\""), "{name}");
        }
    }
}

#[test]
fn a_token_in_the_query_counts_only_where_that_is_switched_on() {
    let token = users_token(json!({}));
    let request = Request::new("POST", &format!("{TOKEN_PATH}?{GRANT}&access_token={token}"));
    let seen = World::of(&stage(&json!({}))).send(&request);
    check("off", &seen, &want(401, "missing_credential", "invalid_client"), &[&token]);
    assert_eq!(seen.value(":path"), Some(TOKEN_PATH));
}

#[test]
fn over_plain_http_nothing_is_exchanged_where_that_is_asked_for() {
    let token = users_token(json!({}));
    for (forwarded, scheme, is_given) in [("https", "https", true), ("http", "https", false), ("https", "http", false)]
    {
        let request = asking("").bearing(&token).with(":scheme", scheme).with("x-forwarded-proto", forwarded);
        let seen = World::of(&stage(&json!({"require_tls": true}))).send(&request);
        if is_given {
            assert_eq!(answer(&seen).0, 200);
        } else {
            check(scheme, &seen, &want(400, "insecure_transport", "invalid_request"), &[&token]);
        }
    }
}

#[test]
fn an_exchange_waits_for_keys_as_other_requests_do() {
    let mut document = stage(&json!({}));
    document["issuers"][0] = remote_issuer(&users());
    let token = users_token(json!({"scope": "a"}));
    let request = asking("scope=a").bearing(&token);
    let seen = World::of(&document).send_before_keys_of(Some(&users()), &request);
    let (status, given) = answer(&seen);
    assert_eq!((status, &given["scope"], seen.recorded("reason")), (200, &json!("a"), Some("exchanged")));
    assert_eq!(seen.value("authorization"), None);
    let seen = World::of(&document).send_before_keys_of(None, &request);
    check("no keys", &seen, &want(503, "keys_unavailable", "temporarily_unavailable"), &[&token]);
    assert_eq!(seen.reply_values("retry-after").len(), 1);
    let seen = World::of(&document).send_and_refuse(&request, Denial::Overloaded);
    check("too many wait", &seen, &want(503, "overloaded", "temporarily_unavailable"), &[&token]);
}

#[test]
fn a_form_that_does_not_come_is_told() {
    let token = users_token(json!({}));
    let form = || asking("").bearing(&token);
    for (denial, want) in [
        (Refused::NoForm.into(), want(400, "exchange_no_form", "invalid_request")),
        (Denial::Overloaded, want(503, "overloaded", "temporarily_unavailable")),
        (Denial::Internal("the form cannot be read"), want(500, "internal", "server_error")),
    ] {
        let seen = World::of(&stage(&json!({}))).send_without_form(&form(), denial);
        check(want.reason, &seen, &want, &[&token]);
    }
    // A request that is refused anyway is not waited for.
    let get = Request::get(TOKEN_PATH).bearing(&token).carrying(GRANT);
    assert_eq!(World::of(&stage(&json!({}))).send(&get).in_short(), "405 exchange_method");
}

/// How often a token may have been made of another.
#[test]
fn a_chain_of_tokens_ends() {
    let chain = |times: usize| (0..times).fold(Value::Null, |act, _| json!({"iss": OWN, "aud": AUDIENCE, "act": act}));
    for (times, is_given) in [(1, true), (4, true), (5, false), (9, false)] {
        // The innermost one has none.
        let mut act = chain(times);
        let inner = (1..times).fold(&mut act, |act, _| &mut act["act"]);
        inner.as_object_mut().unwrap().remove("act");
        let seen = World::of(&stage(&json!({}))).send(&asking("").bearing(&own_token(json!({"act": act}))));
        assert_eq!(answer(&seen).0, if is_given { 200 } else { 400 }, "{times}");
    }
    let mut world = World::of(&stage(&json!({})));
    let mut token = users_token(json!({}));
    let mut made = 0;
    while let (200, document) = answer(&world.send(&asking("").bearing(&token))) {
        document["access_token"].as_str().unwrap().clone_into(&mut token);
        made += 1;
    }
    assert_eq!(made, 5, "one of the user's own, and four of those");
}

/// What is made here has one issuer: whose tokens it is made of can be said.
#[test]
fn tokens_of_an_issuer_that_is_not_named_are_not_exchanged() {
    let users = users_token(json!({}));
    let own = own_token(json!({}));
    for (name, issuers, token, is_given) in [
        ("everybody's", json!(null), &users, true),
        ("everybody's, ours too", json!(null), &own, true),
        ("the one that is named", json!([ISSUER]), &users, true),
        ("ours, which is not", json!([ISSUER]), &own, false),
        ("ours, which is named too", json!([ISSUER, OWN]), &own, true),
        ("another than is named", json!([OWN]), &users, false),
    ] {
        let document = stage(&json!({"reissue": {"exchange": {"issuers": issuers}}}));
        let seen = World::of(&document).send(&asking("").bearing(token));
        if is_given {
            assert_eq!(answer(&seen).0, 200, "{name}");
        } else {
            check(name, &seen, &want(403, "exchange_issuer", "access_denied"), &[token]);
        }
    }
}

/// Without `exchange` the path is one as any other.
#[test]
fn where_there_is_no_endpoint_the_rules_decide() {
    let mut document = stage(&json!({}));
    document["reissue"].as_object_mut().unwrap().remove("exchange");
    let token = users_token(json!({}));
    assert_eq!(World::of(&document).send(&asking("").bearing(&token)).in_short(), "ok");
    assert_eq!(World::of(&document).send(&asking("")).in_short(), "401 missing_credential");
}
