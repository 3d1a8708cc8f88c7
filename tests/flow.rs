//! Whole requests on the pure core: head in, step out. No host, no clock, no network.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should stop"
)]

#[path = "flow/capabilities.rs"]
mod capabilities;
#[path = "flow/destinations.rs"]
mod destinations;
#[path = "flow/explained.rs"]
mod explained;
#[path = "flow/foreign.rs"]
mod foreign;
#[path = "flow/matrix.rs"]
mod matrix;
#[path = "flow/paths.rs"]
mod paths;
#[path = "flow/profiles.rs"]
mod profiles;
#[path = "flow/reissue.rs"]
mod reissue;
#[path = "flow/remembered.rs"]
mod remembered;
#[path = "flow/remembered_by_keys.rs"]
mod remembered_by_keys;
#[path = "flow/remembered_in_any_order.rs"]
mod remembered_in_any_order;
#[path = "flow/scenario.rs"]
mod scenario;
#[path = "flow/shadow.rs"]
mod shadow;
#[path = "flow/step_up.rs"]
mod step_up;
mod support;
#[path = "flow/tls.rs"]
mod tls;
#[path = "flow/world.rs"]
mod world;

use std::collections::BTreeSet;

use postern::flow::{Handle, MAX_PARKED, MAX_PARKED_IN_ALL, Parking};
use postern::jwks::FetchError;
use postern::request::RouteMetadata;
use scenario::{NOW, Outcome, Scenario, allowed, refused};
use serde_json::{Value, json};
use support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

fn token(signer: &Signer) -> Token {
    Token::at(signer, NOW)
}

#[test]
fn a_good_token_of_every_algorithm_is_let_on_as_its_user() {
    for signer in Signer::every_algorithm() {
        let mut scenario = Scenario::inline(&[&signer]);
        let outcome =
            scenario.get("/api/tap", &[("authorization", &bearer(&token(&signer).claim("scope", "read:tap").mint()))]);
        assert_eq!(
            outcome,
            allowed(&[("x-auth-request-user", "alice"), ("x-auth-request-token-capabilities", "read:tap")]),
            "{}",
            signer.alg()
        );
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Each fault alone, on a token that is good otherwise: status, reason, and how many signatures were checked for it.
#[test]
fn every_fault_of_a_token_is_refused_for_what_it_is() {
    let good = Signer::es256();
    let other = Signer::other_es256().with_kid(good.kid());
    let t = || token(&good).claim("scope", "read:tap");
    let iat = |seconds| t().issued_in(seconds);
    let cases: Vec<(&str, String, &str, usize)> = vec![
        ("expired", t().issued_in(-600).expires_in(-61).mint(), "expired", 0),
        ("no exp", t().without("exp").mint(), "missing_claim", 0),
        ("exp as text", t().claim("exp", "9999999999").mint(), "invalid_claim", 0),
        ("not valid yet", t().claim("nbf", NOW + 61).mint(), "not_yet_valid", 0),
        ("issued in the future", iat(61).mint(), "not_yet_valid", 0),
        ("valid for too long", t().expires_in(86_401).mint(), "lifetime_too_long", 0),
        ("no issuer", t().without("iss").mint(), "missing_claim", 0),
        ("issuer is a list", t().claim("iss", json!(["https://issuer.test"])).mint(), "invalid_claim", 0),
        ("unknown issuer", t().claim("iss", "https://issuer.test/").mint(), "unknown_issuer", 0),
        ("no audience", t().without("aud").mint(), "missing_claim", 0),
        ("another audience", t().claim("aud", "https://other.test").mint(), "wrong_audience", 0),
        ("algorithm not allowed", token(&Signer::rs512()).mint(), "algorithm", 0),
        ("algorithm none", t().header("alg", "none").mint(), "algorithm", 0),
        ("HS256", t().header("alg", "HS256").mint(), "algorithm", 0),
        ("critical extension", t().header("crit", json!(["exp"])).mint(), "token_header", 0),
        ("logout token", t().header("typ", "logout+jwt").mint(), "token_kind", 0),
        ("key of another algorithm", t().header("alg", "RS256").mint(), "unknown_key", 0),
        ("unknown key", t().header("kid", "nobody").mint(), "unknown_key", 0),
        ("no key id, several fit", t().without_header("kid").mint(), "unknown_key", 0),
        ("another key's signature", token(&other).mint(), "bad_signature", 1),
        ("embedded key", t().header("jwk", other.jwk()).header("kid", "x").mint(), "token_header", 0),
        ("opaque", "gt-0123456789.abcdef".to_owned(), "token_opaque", 0),
        ("user is not text", t().claim("sub", 7).mint(), "invalid_claim", 0),
        ("user breaks the line", t().claim("sub", "a\r\nx-admin: 1").mint(), "invalid_claim", 1),
        ("scope is a number", t().claim("scope", 1).mint(), "invalid_claim", 1),
    ];
    for (name, token, reason, checks) in cases {
        let mut scenario = Scenario::inline(&[&good, &Signer::other_es256(), &Signer::rs256()]);
        let outcome = scenario.get("/api/tap", &[("authorization", &bearer(&token))]);
        assert_eq!(outcome, refused(401, reason), "{name}");
        assert_eq!(scenario.signatures_checked(), checks, "{name}");
        let told = scenario.all_output();
        assert!(!told.contains(&token), "{name}: the token is told");
    }
}

#[test]
fn without_a_key_id_the_only_key_that_fits_is_used() {
    let (ec, rsa) = (Signer::es256(), Signer::rs256());
    let no_kid = token(&ec).claim("scope", "read:tap").without_header("kid").mint();
    let mut one_fits = Scenario::inline(&[&ec, &rsa]);
    assert!(one_fits.get("/api/tap", &[("authorization", &bearer(&no_kid))]).is_allowed());
}

#[test]
fn a_rule_decides_by_capabilities_groups_and_users() {
    let signer = Signer::es256();
    for (name, path, claims, want) in [
        ("all there", "/api/tap", json!({"scope": "x read:tap"}), None),
        ("missing", "/api/tap", json!({"scope": "read:tap/user"}), Some((403, "insufficient_scope"))),
        ("none at all", "/api/tap", json!({}), Some((403, "insufficient_scope"))),
        ("any of", "/any", json!({"scope": "b"}), None),
        ("none of any", "/any", json!({"scope": "c"}), Some((403, "insufficient_scope"))),
        ("in the group", "/group", json!({"isMemberOf": [{"name": "g", "id": 1}]}), None),
        ("not in the group", "/group", json!({"groups": ["h"]}), Some((403, "not_in_group"))),
        ("listed", "/users", json!({}), None),
        ("not listed", "/users", json!({"sub": "bob"}), Some((403, "user_not_listed"))),
        ("no rule", "/elsewhere", json!({"scope": "read:tap"}), Some((403, "no_rule"))),
    ] {
        let mut scenario = Scenario::inline(&[&signer]);
        let outcome = scenario.get(path, &[("authorization", &bearer(&token(&signer).claims(claims).mint()))]);
        match want {
            None => assert!(outcome.is_allowed(), "{name}: {outcome:?}"),
            Some((status, reason)) => assert_eq!(outcome, refused(status, reason), "{name}"),
        }
    }
}

#[test]
fn access_says_what_becomes_of_strangers_and_of_bad_credentials() {
    let signer = Signer::es256();
    let good = bearer(&token(&signer).claim("scope", "read:tap").mint());
    let bad = bearer(&token(&signer).without("exp").mint());
    let (foreign, password, two) = ("token abc", "Basic YWxpY2U6aHVudGVyMg==", "Bearer a,Bearer b");
    for (name, path, credential, want) in [
        ("required, none", "/api/tap", None, "401 missing_credential"),
        ("required, good", "/api/tap", Some(good.as_str()), "ok"),
        ("required, bad", "/api/tap", Some(&bad), "401 missing_claim"),
        ("required, foreign", "/api/tap", Some(foreign), "401 foreign_authorization"),
        ("required, password", "/api/tap", Some(password), "401 not_a_token"),
        ("required, two", "/api/tap", Some(two), "400 several_credentials"),
        ("required, empty", "/api/tap", Some("Bearer "), "400 malformed_credential"),
        ("optional, none", "/optional", None, "ok"),
        ("optional, good", "/optional", Some(&good), "ok"),
        ("optional, bad", "/optional", Some(&bad), "401 missing_claim"),
        ("optional, foreign", "/optional", Some(foreign), "401 foreign_authorization"),
        ("optional, two", "/optional", Some(two), "400 several_credentials"),
        ("anonymous, none", "/public", None, "ok"),
        ("anonymous, bad", "/public", Some(&bad), "ok"),
        ("anonymous, two", "/public", Some(two), "ok"),
    ] {
        let mut scenario = Scenario::inline(&[&signer]);
        let fields: Vec<(&str, &str)> = credential.iter().map(|value| ("authorization", *value)).collect();
        assert_eq!(scenario.get(path, &fields).in_short(), want, "{name}");
    }
}

#[test]
fn no_credential_of_ours_and_no_forged_identity_goes_upstream() {
    let signer = Signer::es256();
    let raw = token(&signer).claim("scope", "read:tap").mint();
    let forged = [
        ("x-auth-request-user", "root"),
        ("x-auth-request-user", "root2"),
        ("x_auth_request_user", "root"),
        ("x-auth-request-email", "root@evil.test"),
        ("x-auth-request-new", "root"),
    ];
    let query = format!("/api/tap?a=%20b&access_token={raw}&c");
    for path in ["/api/tap", "/optional", "/public"] {
        for (name, path, credential) in [
            ("bearer", path.to_owned(), ("authorization", bearer(&raw))),
            ("query", query.replace("/api/tap", path), ("x-none", String::new())),
        ] {
            let mut scenario = Scenario::inline(&[&signer]).with_query_tokens();
            let mut fields = forged.to_vec();
            fields.push((credential.0, &credential.1));
            let outcome = scenario.get(&path, &fields);
            let Outcome::Allowed(upstream) = &outcome else { panic!("{name} {path}: {outcome:?}") };
            assert!(!upstream.iter().any(|(_, value)| value.contains(&raw)), "{name} {path}: {upstream:?}");
            assert!(!upstream.iter().any(|(_, value)| value.contains("root")), "{name} {path}: {upstream:?}");
            let value = |field: &str| upstream.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str());
            let user = (!path.starts_with("/public")).then_some("alice");
            assert_eq!(value("x-auth-request-user"), user, "{name} {path}");
            if name == "query" {
                assert!(value(":path").unwrap().ends_with("?a=%20b&c"), "{path}");
            }
        }
    }
}

#[test]
fn a_query_token_is_left_alone_where_it_is_off_but_not_in_a_refusal() {
    let signer = Signer::es256();
    let good = bearer(&token(&signer).claim("scope", "read:tap").mint());
    let mut scenario = Scenario::inline(&[&signer]);
    let path = "/api/tap?access_token=NOT-OURS&id_token=b";
    let Outcome::Allowed(upstream) = scenario.get(path, &[("authorization", &good)]) else { panic!("it is let on") };
    assert!(upstream.contains(&(":path".to_owned(), path.to_owned())), "{upstream:?}");
    assert_eq!(scenario.get(path, &[]).in_short(), "401 missing_credential");
    assert_eq!(scenario.last_field(":path").as_deref(), Some("/api/tap?id_token=b"));
}

#[test]
fn forward_token_gives_the_service_one_bearer_and_the_token_header() {
    let signer = Signer::es256();
    let raw = token(&signer).claim("scope", "read:tap").mint();
    for credential in [bearer(&raw), basic(&format!("x-oauth-basic:{raw}"))] {
        let mut scenario = Scenario::inline(&[&signer]).forwarding_tokens();
        let outcome = scenario.get("/api/tap", &[("authorization", &credential), ("x-auth-request-token", "forged")]);
        let Outcome::Allowed(upstream) = outcome else { panic!("{outcome:?}") };
        let of = |name: &str| upstream.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        assert_eq!(of("authorization"), [bearer(&raw)]);
        assert_eq!(of("x-auth-request-token"), std::slice::from_ref(&raw));
    }
}

fn basic(pair: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[test]
fn every_fact_of_the_token_has_its_header_and_an_absent_one_leaves_it_absent() {
    let signer = Signer::es256();
    let claims = json!({
        "scope": "read:tap x", "uidNumber": "1000", "email": "a@b.test", "groups": ["g", "a,b", "h"], "orcid": "0000-1",
        "admin": true, "level": 7, "roles": ["r"],
    });
    let mut scenario = Scenario::inline(&[&signer]).with_claim_headers();
    let outcome = scenario.get("/api/tap", &[("authorization", &bearer(&token(&signer).claims(claims).mint()))]);
    let everything = [
        ("x-auth-request-user", "alice"),
        ("x-auth-request-uid", "1000"),
        ("x-auth-request-email", "a@b.test"),
        ("x-auth-request-groups", "g,h"),
        ("x-auth-request-token-capabilities", "read:tap x"),
        ("x-admin", "true"),
        ("x-level", "7"),
        ("x-orcid", "0000-1"),
    ];
    assert_eq!(outcome, allowed(&everything));
    let bare =
        scenario.get("/api/tap", &[("authorization", &bearer(&token(&signer).claim("scope", "read:tap").mint()))]);
    assert_eq!(bare, allowed(&[everything[0], ("x-auth-request-token-capabilities", "read:tap")]));
}

#[test]
fn the_record_says_who_and_how_and_holds_no_token() {
    let signer = Signer::es256();
    let raw = token(&signer).claim("jti", "id-1").claim("client_id", "c").mint();
    let mut scenario = Scenario::inline(&[&signer]);
    scenario.get("/api/tap", &[("authorization", &basic(&format!("{raw}:")))]);
    let record: serde_json::Value = serde_json::from_str(&scenario.last_report().record).unwrap();
    assert_eq!(
        record,
        json!({"decision": "deny", "reason": "insufficient_scope", "rule": "tap", "issuer": "https://issuer.test",
            "user": "alice", "client": "c", "token_id": "id-1", "scheme": "basic", "missing": "read:tap"})
    );
    assert_eq!(
        &*scenario.last_report().counter,
        "postern_requests_total.decision.deny.reason.insufficient_scope.rule.tap"
    );
    assert!(!scenario.all_output().contains(&raw));
}

#[test]
fn the_record_says_by_no_scheme_what_is_no_credential() {
    let signer = Signer::es256();
    let good = bearer(&token(&signer).mint());
    for (name, authorization, reason) in [
        ("a character that no token has", "Bearer a b".to_owned(), "malformed_credential"),
        ("one behind a good token", format!("{good} b"), "malformed_credential"),
        ("two", format!("{good},{good}"), "several_credentials"),
        ("another scheme", "token abc".to_owned(), "foreign_authorization"),
    ] {
        let mut scenario = Scenario::inline(&[&signer]);
        scenario.get("/api/tap", &[("authorization", &authorization)]);
        let record: serde_json::Value = serde_json::from_str(&scenario.last_report().record).unwrap();
        assert_eq!(record, json!({"decision": "deny", "reason": reason, "rule": "tap"}), "{name}");
    }
}

#[test]
fn a_route_may_name_its_rule_and_ask_for_more() {
    let signer = Signer::es256();
    let with = |scope: &str| Some(bearer(&token(&signer).claim("scope", scope).mint()));
    let asks = |rule: Option<&str>, capabilities: Option<&str>| RouteMetadata::Present {
        rule: rule.map(str::to_owned),
        capabilities: capabilities.map(str::to_owned),
    };
    for (name, metadata, credential, want) in [
        ("rule", asks(Some("tap"), None), with("read:tap"), "ok"),
        ("rule, missing", asks(Some("tap"), None), with("x"), "403 insufficient_scope"),
        ("capabilities", asks(None, Some("a b")), with("b a"), "ok"),
        ("capabilities, one missing", asks(None, Some("a b")), with("a"), "403 insufficient_scope"),
        ("capabilities, stranger", asks(None, Some("a")), None, "401 missing_credential"),
        ("both", asks(Some("tap"), Some("a")), with("a read:tap"), "ok"),
        ("both, the route's missing", asks(Some("tap"), Some("a")), with("read:tap"), "403 insufficient_scope"),
        ("both, the rule's missing", asks(Some("tap"), Some("a")), with("a"), "403 insufficient_scope"),
        ("more than an optional rule asks", asks(Some("optional"), Some("a")), None, "403 unknown_rule"),
        ("more than an anonymous rule asks", asks(Some("public"), Some("a")), None, "403 unknown_rule"),
        ("unknown rule", asks(Some("x"), None), with("read:tap"), "403 unknown_rule"),
        ("no list", asks(None, Some("a  b")), with("a b"), "403 unknown_rule"),
        ("empty", asks(None, None), with("read:tap"), "403 unknown_rule"),
        ("malformed", RouteMetadata::Malformed, with("read:tap"), "403 unknown_rule"),
    ] {
        let mut scenario = Scenario::inline(&[&signer]).on_route(metadata);
        let fields: Vec<(&str, &str)> = credential.iter().map(|value| ("authorization", value.as_str())).collect();
        assert_eq!(scenario.get("/public", &fields).in_short(), want, "{name}");
    }
}

/// Taking the user part out makes Envoy choose the route again, and what that one asks cannot be seen.
#[test]
fn a_user_part_in_the_host_is_refused_on_every_rule_and_not_logged() {
    let signer = Signer::es256();
    let raw = token(&signer).claim("scope", "read:tap").mint();
    for path in ["/public", "/optional", "/api/tap", "/named", "/elsewhere"] {
        for user in [format!("{raw}:"), format!("x-oauth-basic:{raw}"), "x".to_owned(), String::new()] {
            let mut scenario = Scenario::inline(&[&signer]);
            let outcome = scenario.get(path, &[(":authority", &format!("{user}@api.test"))]);
            assert_eq!(outcome.in_short(), "400 user_in_host", "{path}");
            assert_eq!(scenario.last_field(":authority").as_deref(), Some("api.test"), "{path}");
        }
    }
}

#[test]
fn a_path_or_host_that_is_not_text_is_refused_on_every_rule() {
    let signer = Signer::es256();
    for path in ["/public", "/optional", "/api/tap", "/elsewhere"] {
        for (field, value, want) in [
            (":path", format!("{path}?access_token=SECRET&\u{e000}"), "400 ambiguous_path"),
            (":authority", "api.test\u{e000}".to_owned(), "400 ambiguous_host"),
        ] {
            let mut scenario = Scenario::inline(&[&signer]);
            // The scenario writes this character as a byte that is no UTF-8.
            assert_eq!(scenario.get(path, &[(field, &value)]).in_short(), want, "{field} {path}");
            assert!(!scenario.last_field(":path").unwrap().contains("SECRET"), "{field} {path}");
        }
    }
}

#[test]
fn a_key_is_used_for_its_own_algorithm_alone() {
    let (rs, ps) = (Signer::rs256(), Signer::ps256());
    let forged = token(&ps).claim("scope", "read:tap").header("kid", rs.kid()).mint();
    let mut scenario = Scenario::inline_for(&[&rs], &["RS256", "PS256"]);
    assert_eq!(scenario.get("/api/tap", &[("authorization", &bearer(&forged))]), refused(401, "unknown_key"));
}

#[test]
fn a_key_that_names_no_algorithm_is_used_for_those_of_its_own_type_alone() {
    let (rs, es) = (Signer::rs256(), Signer::es256());
    let mut keys = jwks(&[&rs, &es]);
    keys["keys"].as_array_mut().unwrap().iter_mut().for_each(|key| drop(key.as_object_mut().unwrap().remove("alg")));
    let issuer = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["RS256", "ES256"], "jwks": { "inline": keys },
    });
    let mut scenario = Scenario::inline_for(&[&rs], &["RS256"]).changed(&json!({ "issuers": [issuer] }));
    let mut get = |token: &str| scenario.get("/api/tap", &[("authorization", &bearer(token))]);
    for signer in [&rs, &es] {
        let good = token(signer).claim("scope", "read:tap");
        for (name, good) in [("by its name", good.clone()), ("without a name", good.without_header("kid"))] {
            let outcome = get(&good.mint());
            assert!(matches!(outcome, Outcome::Allowed(_)), "{}, {name}: {outcome:?}", signer.alg());
        }
    }
    let forged = token(&es).claim("scope", "read:tap").header("kid", rs.kid()).mint();
    assert_eq!(get(&forged), refused(401, "unknown_key"));
}

#[test]
fn more_than_a_thousand_that_wait_are_told_to_come_back_and_other_issuers_have_their_own_places() {
    let good = Signer::es256();
    let mut scenario = Scenario::remote();
    let mut parking = Parking::default();
    let credential = bearer(&token(&good).claim("scope", "read:tap").mint());
    for stream in 0..MAX_PARKED {
        let waiting = scenario.arrive("/api/tap", &credential).request;
        assert!(parking.park(&Handle::new(u32::try_from(stream).unwrap()), waiting).is_ok(), "{stream}");
    }
    let handle = Handle::new(u32::MAX);
    let one_more = scenario.arrive("/api/tap", &credential);
    let Err(turned_away) = parking.park(&handle, one_more.request) else { panic!("there is room for all") };
    let elsewhere = scenario.arrive("/api/tap", &bearer(&token(&good).claim("iss", "https://second.test").mint()));
    assert!(parking.park(&handle, elsewhere.request).is_ok());
    parking.forget(0);
    assert!(parking.park(&Handle::new(0), turned_away).is_ok());
    let first = parking.take(16, |_| true);
    let streams: Vec<u32> = first.iter().map(|parked| parked.handle.stream).collect();
    assert_eq!(streams, (0..16).collect::<Vec<_>>());
    assert!(parking.holds(|_| true) && !parking.holds(|_| false));
}

#[test]
fn however_many_issuers_hang_there_are_so_many_who_wait_and_no_more() {
    let signer = Signer::es256();
    let name = |number: usize| format!("https://hanging-{number}.test");
    let issuer = |number| {
        let jwks = json!({"uri": format!("{}/keys", name(number)), "cluster": "issuer"});
        json!({"issuer": name(number), "audiences": [AUDIENCE], "algorithms": ["ES256"], "jwks": jwks})
    };
    let issuers: Vec<Value> = (0..=MAX_PARKED_IN_ALL / MAX_PARKED).map(issuer).collect();
    let mut scenario = Scenario::remote().changed(&json!({ "issuers": issuers }));
    let credentials = (0..issuers.len()).map(|number| bearer(&token(&signer).claim("iss", json!(name(number))).mint()));
    let credentials: Vec<String> = credentials.collect();
    let mut parking = Parking::default();
    for stream in 0..MAX_PARKED_IN_ALL {
        let waiting = scenario.arrive("/api/tap", &credentials[stream % credentials.len()]).request;
        assert!(parking.park(&Handle::new(u32::try_from(stream).unwrap()), waiting).is_ok(), "{stream}");
    }
    let one_more = scenario.arrive("/api/tap", &credentials[0]);
    let Err(turned_away) = parking.park(&Handle::new(u32::MAX), one_more.request) else {
        panic!("there is room for all")
    };
    parking.forget(0);
    assert!(parking.park(&Handle::new(0), turned_away).is_ok());
}

#[test]
fn an_ambiguous_path_is_refused_before_anything_else_is_looked_at() {
    let signer = Signer::es256();
    for path in ["/public/../api/tap", "/public/%2e%2e/x", "/public%2fx", "//public", "/public;x", "/public\\x"] {
        let mut scenario = Scenario::inline(&[&signer]);
        assert_eq!(scenario.get(path, &[]).in_short(), "400 ambiguous_path", "{path}");
    }
}

#[test]
fn credentials_over_plain_http_are_refused_where_tls_is_required() {
    let signer = Signer::es256();
    let good = bearer(&token(&signer).claim("scope", "read:tap").mint());
    for (scheme, credential, want) in [
        ("https", Some(good.as_str()), "ok"),
        ("HTTPS", Some(&good), "ok"),
        ("http", Some(&good), "400 insecure_transport"),
        ("", Some(&good), "400 insecure_transport"),
        ("http", Some("token abc"), "400 insecure_transport"),
        ("http", None, "401 missing_credential"),
    ] {
        let mut scenario = Scenario::inline(&[&signer]).requiring_tls();
        let mut fields = vec![(":scheme", scheme), ("x-forwarded-proto", scheme)];
        fields.extend(credential.iter().map(|value| ("authorization", *value)));
        assert_eq!(scenario.get("/api/tap", &fields).in_short(), want, "{scheme} {credential:?}");
    }
}

#[test]
fn all_who_come_before_the_keys_share_one_fetch_and_are_decided_by_it() {
    let (good, other) = (Signer::es256(), Signer::other_es256());
    let mut scenario = Scenario::remote();
    let fields = |signer: &Signer, scope: &str| bearer(&token(signer).claim("scope", scope).mint());
    let alice = scenario.arrive("/api/tap", &fields(&good, "read:tap"));
    let poor = scenario.arrive("/api/tap", &fields(&good, "other"));
    let thief = scenario.arrive("/api/tap", &fields(&other.with_kid(good.kid()), "read:tap"));
    let bad = scenario.get("/api/tap", &[("authorization", &bearer(&token(&good).without("exp").mint()))]);
    assert_eq!(bad.in_short(), "401 missing_claim", "what needs no key does not wait for one");
    let fetches = scenario.due();
    assert_eq!(fetches.len(), 1);
    scenario.keys_arrive(&fetches[0], &[&good]);
    assert_eq!(scenario.resume(alice).in_short(), "ok");
    assert_eq!(scenario.resume(poor).in_short(), "403 insufficient_scope");
    assert_eq!(scenario.resume(thief).in_short(), "401 bad_signature");
    assert_eq!(scenario.due().len(), 0);
}

#[test]
fn an_outage_is_503_with_a_time_to_come_back_and_never_401() {
    let good = Signer::es256();
    let mut scenario = Scenario::remote();
    let waiting = scenario.arrive("/api/tap", &bearer(&token(&good).mint()));
    let fetches = scenario.due();
    scenario.fetch_fails(&fetches[0], FetchError::Status(500));
    assert_eq!(scenario.resume(waiting).in_short(), "503 keys_unavailable");
    assert_eq!(scenario.last_reply_field("retry-after").as_deref(), Some("1"));
    let waiting = scenario.arrive("/api/tap", &bearer(&token(&good).mint()));
    scenario.pass(1);
    let fetches = scenario.due();
    assert!(!scenario.is_ready(&waiting), "the next attempt was worth the wait");
    scenario.fetch_fails(&fetches[0], FetchError::NoAnswer);
    assert_eq!(scenario.resume(waiting).in_short(), "503 keys_unavailable");
    assert_eq!(scenario.last_reply_field("retry-after").as_deref(), Some("2"));
    let next = scenario.get("/api/tap", &[("authorization", &bearer(&token(&good).mint()))]);
    assert_eq!(next.in_short(), "503 keys_unavailable", "while backing off nobody waits");
}

fn scoped(signer: &Signer) -> String {
    bearer(&token(signer).claim("scope", "read:tap").mint())
}

/// A request came, and its keys: they are at hand now.
fn with_fetched_key_of(signer: &Signer) -> Scenario {
    let mut scenario = Scenario::remote();
    let first = scenario.arrive("/api/tap", &scoped(signer));
    let fetches = scenario.due();
    scenario.keys_arrive(&fetches[0], &[signer]);
    assert_eq!(scenario.resume(first).in_short(), "ok");
    scenario
}

#[test]
fn a_rotation_during_an_outage_is_503_and_other_users_notice_nothing() {
    let (old, new) = (Signer::es256(), Signer::other_es256());
    let mut scenario = with_fetched_key_of(&old);
    let rotated = scenario.arrive("/api/tap", &scoped(&new));
    let fetches = scenario.due();
    scenario.fetch_fails(&fetches[0], FetchError::NoAnswer);
    assert_eq!(scenario.resume(rotated).in_short(), "503 keys_unavailable");
    assert_eq!(scenario.get("/api/tap", &[("authorization", &scoped(&old))]).in_short(), "ok");
    // The issuer is asked again, and as long as it does not answer the token is not at fault.
    for _ in 0..5 {
        scenario.pass(40);
        let again = scenario.arrive("/api/tap", &scoped(&new));
        let fetches = scenario.due();
        scenario.fetch_fails(&fetches[0], FetchError::NoAnswer);
        // Its turn may come when the pause is over already.
        scenario.pass(61);
        assert_eq!(scenario.resume(again).in_short(), "503 keys_unavailable");
    }
}

#[test]
fn who_waits_for_any_keys_goes_on_with_them_while_another_waits_for_more() {
    let (good, new) = (Signer::es256(), Signer::other_es256());
    let mut scenario = Scenario::remote();
    let (first, second) = (scenario.arrive("/api/tap", &scoped(&good)), scenario.arrive("/api/tap", &scoped(&good)));
    assert!(!scenario.is_ready(&first));
    let fetches = scenario.due();
    scenario.keys_arrive(&fetches[0], &[&good]);
    assert!(scenario.is_ready(&first));
    assert_eq!(scenario.resume(first).in_short(), "ok");
    let stranger = scenario.arrive("/api/tap", &scoped(&new));
    scenario.due();
    assert!(!scenario.is_ready(&stranger) && scenario.is_ready(&second));
    assert_eq!(scenario.resume(second).in_short(), "ok");
}

#[test]
fn who_came_before_any_keys_has_his_own_sought_once_and_no_more() {
    let (good, new) = (Signer::es256(), Signer::other_es256());
    let mut scenario = Scenario::remote();
    let waiting = scenario.arrive("/api/tap", &bearer(&token(&new).claim("scope", "read:tap").mint()));
    let fetches = scenario.due();
    scenario.keys_arrive(&fetches[0], &[&good]);
    // What came may be what a cache had: the issuer itself is asked for the key.
    let waiting = scenario.resume_in_vain(waiting);
    let fetches = scenario.due();
    scenario.keys_arrive(&fetches[0], &[&good]);
    assert_eq!(scenario.resume(waiting).in_short(), "401 unknown_key");
    assert_eq!(scenario.due().len(), 0);
}

#[test]
fn a_token_that_expires_while_it_waits_is_refused() {
    let good = Signer::es256();
    let mut scenario = Scenario::remote();
    let waiting = scenario.arrive("/api/tap", &bearer(&token(&good).claim("scope", "read:tap").expires_in(2).mint()));
    let fetches = scenario.due();
    scenario.pass(62);
    scenario.keys_arrive(&fetches[0], &[&good]);
    assert_eq!(scenario.resume(waiting).in_short(), "401 expired");
}

#[test]
fn a_new_key_works_with_its_first_token_and_invented_ones_cost_one_fetch() {
    let (old, new) = (Signer::es256(), Signer::other_es256());
    let mut scenario = with_fetched_key_of(&old);

    let rotated = scenario.arrive("/api/tap", &scoped(&new));
    let invented = scenario.arrive("/api/tap", &scoped(&new.clone().with_kid("invented")));
    let fetches = scenario.due();
    assert_eq!(fetches.len(), 1);
    scenario.keys_arrive(&fetches[0], &[&old, &new]);
    assert_eq!(scenario.resume(rotated).in_short(), "ok");
    assert_eq!(scenario.resume(invented).in_short(), "401 unknown_key");
    for _ in 0..100 {
        let again = scenario.get("/api/tap", &[("authorization", &scoped(&new.clone().with_kid("invented-too")))]);
        assert_eq!(again.in_short(), "401 unknown_key");
    }
    assert_eq!(scenario.due().len(), 0);
}

/// One bit of the signature changed, one byte cut off: refused, and never for another reason than those.
#[test]
fn every_mutation_of_a_good_token_is_refused() {
    let reasons: BTreeSet<&str> = [
        "bad_signature",
        "token_not_jwt",
        "token_opaque",
        "token_unreadable",
        "token_header",
        "token_kind",
        "algorithm",
        "unknown_key",
        "unknown_issuer",
        "missing_claim",
        "invalid_claim",
        "expired",
        "not_yet_valid",
        "lifetime_too_long",
        "wrong_audience",
        "malformed_credential",
        "several_credentials",
    ]
    .into();
    for signer in [Signer::es256(), Signer::eddsa()] {
        let good = token(&signer).claim("scope", "read:tap").mint();
        let mut mutants: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                mutants.push(String::from_utf8(bytes).unwrap());
            }
            mutants.push(format!("{}A{}", &good[..at], &good[at..]));
            mutants.push(format!("{}{}", &good[..at], &good[at + 1..]));
        }
        let mut scenario = Scenario::inline(&[&signer]);
        assert!(scenario.get("/api/tap", &[("authorization", &bearer(&good))]).is_allowed());
        // A mutation may undo itself: inserting an `A` beside an `A` is the same text at another place.
        for mutant in mutants.into_iter().filter(|mutant| *mutant != good) {
            let outcome = scenario.get("/api/tap", &[("authorization", &bearer(&mutant))]);
            let Outcome::Refused { reason, .. } = &outcome else { panic!("let on: {mutant}") };
            assert!(reasons.contains(reason.as_str()), "{reason}: {mutant}");
        }
    }
}
