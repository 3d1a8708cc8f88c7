//! Which token goes on to the service: none, the user's own, or a new one.

use serde_json::{Value, json};

use super::{API, OWN, carried, made, own_token, post, reissued, stage, tap, users, users_token, world};
use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, Token};
use crate::world::{Request, Seen, World, patched};

/// `none`, `user's` or `new`. Where it is not the user's, that stands nowhere.
fn goes_on(world: &World, seen: &Seen, users: &str) -> &'static str {
    let token = carried(seen);
    if token != Some(users) {
        let leak = seen.fields.iter().find(|(_, value)| value.contains(users));
        assert_eq!(leak, None, "the user's token goes on");
    }
    match token {
        None => "none",
        Some(token) if token == users => "user's",
        Some(token) => {
            assert_eq!(made(world, token).claims["aud"], API);
            "new"
        }
    }
}

fn both_ways(change: &Value, request: &Request, users: &str) -> [&'static str; 2] {
    [false, true].map(|forward| {
        let mut world = World::of(&patched(stage(change), &json!({"headers": {"forward_token": forward}})));
        let seen = world.send(request);
        goes_on(&world, &seen, users)
    })
}

#[test]
fn the_rule_and_the_method_say_which_token_the_service_gets() {
    let users = users_token(json!({"scope": "read:tap"}));
    let safe = ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH"];
    let others = ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "LOCK", "PROPPATCH"];
    let all = [&safe[..], &others].concat();
    for (name, rule, methods, want) in [
        ("no reissue", json!({"reissue": null}), &all[..], ["none", "user's"]),
        ("requests that change something", json!({}), &others, ["new", "new"]),
        ("requests that change nothing", json!({}), &safe, ["none", "none"]),
        ("all, where that is asked for", json!({"reissue": {"safe_methods": true}}), &all, ["new", "new"]),
        ("a token where none is needed", json!({"access": "optional"}), &["POST"], ["new", "new"]),
        ("where others are passed", json!({"foreign_authorization": "pass"}), &["POST"], ["new", "new"]),
    ] {
        for method in methods {
            let request = Request::new(method, "/tap/sync").bearing(&users);
            let got = both_ways(&json!({"rules": [tap(&rule)]}), &request, &users);
            assert_eq!(got, want, "{name}: {method}");
        }
    }
}

#[test]
fn however_the_users_token_came_it_does_not_go_on() {
    use base64::Engine;
    let basic = |pair: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let users = users_token(json!({}));
    let request = |value: &str| Request::new("POST", "/tap/sync?a=b").with("authorization", value);
    for (name, request) in [
        ("bearer", request(&format!("Bearer {users}"))),
        ("in another case", request(&format!("bEARER   {users}"))),
        ("as a user name", request(&basic(format!("{users}:x-oauth-basic")))),
        ("as a password", request(&basic(format!("x-oauth-basic:{users}")))),
        ("in the query", Request::new("POST", &format!("/tap/sync?a=b&access_token={users}"))),
    ] {
        // What clients send under our names does not go on either.
        let request = request.with("x-auth-request-token", &users).with("x_auth_request_token", &users);
        let got = both_ways(&json!({"credentials": {"query": true}}), &request, &users);
        assert_eq!(got, ["new", "new"], "{name}");
    }
}

#[test]
fn the_field_of_its_own_has_the_configured_name_or_is_left_out() {
    let users = users_token(json!({}));
    for (name, want) in [(json!("x-its-token"), Some("x-its-token")), (json!(null), None)] {
        let mut document = stage(&json!({}));
        document["headers"] = json!({"token": name});
        let mut world = World::of(&document);
        let seen = world.send(&post("/tap/sync", &users));
        let bearer = seen.value("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        assert_ne!(bearer, users);
        let carriers: Vec<&str> =
            seen.fields.iter().filter(|(_, value)| value.contains(&bearer)).map(|(name, _)| name.as_str()).collect();
        let want: Vec<&str> = ["authorization"].into_iter().chain(want).collect();
        assert_eq!(carriers.len(), want.len(), "{carriers:?}");
        assert!(want.iter().all(|name| carriers.contains(name)), "{carriers:?}");
    }
}

#[test]
fn who_comes_without_a_token_of_ours_brings_no_new_one_about() {
    for (name, rule, authorization) in [
        ("nobody", json!({"access": "optional"}), None),
        ("somebody else's credential", json!({"foreign_authorization": "pass"}), Some("token abc")),
    ] {
        let request = Request::new("POST", "/tap/sync");
        let request = authorization.map_or(request.clone(), |value| request.with("authorization", value));
        let mut world = world(&rule);
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), "ok", "{name}");
        assert_eq!(seen.value("authorization"), authorization, "{name}");
        assert_eq!(seen.value("x-auth-request-token"), None, "{name}");
        assert_eq!(world.news(), [], "{name}");
    }
}

/// Under a shadow rule nothing changes for the service.
#[test]
fn a_shadow_rule_makes_no_token() {
    let users = users_token(json!({}));
    for (forward, want) in [(false, None), (true, Some(users.as_str()))] {
        let change = json!({"rules": [tap(&json!({"shadow": true}))], "headers": {"forward_token": forward}});
        let seen = World::of(&stage(&change)).send(&post("/tap/sync", &users));
        assert_eq!(seen.value("authorization"), Some(format!("Bearer {users}").as_str()));
        assert_eq!(seen.value("x-auth-request-token"), want);
    }
}

/// The service that is asked is that of the request's own path.
#[test]
fn of_two_rules_the_requests_own_says_which_token_goes_on() {
    let with = |audience: &str| json!({"audience": audience});
    let files = json!({"name": "files", "match": {"prefix": "/files"}});
    let users = users_token(json!({}));
    for (name, own, other, want) in [
        ("both", Some(API), Some("https://files.test"), Some(API)),
        ("the request's own alone", Some(API), None, Some(API)),
        ("the other alone", None, Some("https://files.test"), None),
    ] {
        for method in ["COPY", "MOVE"] {
            let mut files = files.clone();
            if let Some(other) = other {
                files["reissue"] = with(other);
            }
            let tap = tap(&json!({"reissue": own.map(with)}));
            let mut world = World::of(&stage(&json!({"rules": [tap, files]})));
            let request = Request::new(method, "/tap/a").with("destination", "/files/a").bearing(&users);
            let seen = world.send(&request);
            let audience = carried(&seen).map(|token| made(&world, token).claims["aud"].clone());
            assert_eq!(audience, want.map(Value::from), "{name}: {method}");
        }
    }
}

#[test]
fn a_routes_metadata_picks_the_rule_that_has_one_made() {
    let users = users_token(json!({"scope": "read:tap"}));
    let request = post("/elsewhere", &users);
    for (name, request, want) in [
        ("no metadata", request.clone(), "none"),
        ("by name", request.clone().under(Some("tap"), None), "new"),
        ("by name, asking for more", request.clone().under(Some("tap"), Some("read:tap")), "new"),
        ("asking for something alone", request.under(None, Some("read:tap")), "none"),
    ] {
        assert_eq!(both_ways(&json!({}), &request, &users)[0], want, "{name}");
    }
}

/// Made here, or by another filter like this one.
#[test]
fn a_token_that_was_made_for_a_service_goes_on_to_that_service_alone() {
    let act = json!({"iss": "https://first.test", "aud": "https://first.test", "jti": "1"});
    let others = |claims: Value| users_token(patched(json!({"act": act}), &claims));
    let old = "postern_reissue_total.outcome.signed";
    let (fits, withheld) = ("postern_reissue_total.outcome.passed_on", "postern_reissue_total.outcome.withheld");
    for (name, token, want, counter) in [
        ("ours, for it", own_token(json!({"aud": API})), "user's", fits),
        ("ours, for it and others", own_token(json!({"aud": [AUDIENCE, API]})), "user's", fits),
        ("ours, for others", own_token(json!({"aud": AUDIENCE})), "none", withheld),
        ("ours, for none but others", own_token(json!({"aud": [AUDIENCE]})), "none", withheld),
        ("another's, for it", others(json!({"aud": [AUDIENCE, API]})), "user's", fits),
        ("another's, for others", others(json!({})), "none", withheld),
        ("another's, of one without aud", others(json!({"act": {"aud": null}})), "none", withheld),
        ("somebody acts for the user", others(json!({"act": {"sub": "portal"}})), "new", old),
        ("somebody acts, and says no more", users_token(json!({"act": {"sub": "portal"}})), "new", old),
        ("an act that is no object", users_token(json!({"act": "portal"})), "new", old),
    ] {
        assert_eq!(both_ways(&json!({}), &post("/tap/sync", &token), &token), [want; 2], "{name}");
        let mut world = world(&json!({}));
        world.send(&post("/tap/sync", &token));
        assert!(world.news().contains(&(counter, 1)), "{name}");
    }
}

#[test]
fn the_new_token_says_by_which_key_it_is_signed() {
    let users = users_token(json!({}));
    for (key, alg, kid) in [
        (json!({"env": "ED25519"}), "EdDSA", None),
        (json!({"env": "P256", "kid": "2026-11"}), "ES256", Some("2026-11")),
        (json!({"env": "RSA"}), "RS256", None),
    ] {
        // The second one is published and signs nothing.
        let change = json!({"reissue": {"keys": [key, {"env": "OTHER_P256", "kid": "next"}]}});
        let mut world = World::of(&stage(&change));
        let token = reissued(&mut world, &post("/tap/sync", &users));
        assert_eq!(token.header["alg"], alg);
        assert_eq!(token.header["typ"], "JWT");
        assert_eq!(token.header.as_object().unwrap().len(), 3, "{}", token.header);
        assert_eq!(token.claims["iss"], OWN);
        match kid {
            Some(kid) => assert_eq!(token.header["kid"], kid),
            None => assert_eq!(token.header["kid"].as_str().unwrap().len(), 8, "of the thumbprint"),
        }
    }
}

/// RFC 9068 §2.1. Beside it a claim that ID tokens have says nothing; without it that would make an ID token of it.
#[test]
fn a_token_whose_header_says_that_it_is_an_access_token_stays_one() {
    for (typ, want) in [("at+jwt", "at+jwt"), ("application/at+jwt", "at+jwt"), ("JWT", "JWT")] {
        let token = Token::at(&users(), NOW).header("typ", typ).claim("nonce", "n");
        let token = if typ == "JWT" { token.without("nonce") } else { token };
        let mut world = world(&json!({}));
        assert_eq!(reissued(&mut world, &post("/tap/sync", &token.mint())).header["typ"], want, "{typ}");
    }
}
