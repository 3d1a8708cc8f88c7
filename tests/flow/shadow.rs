//! `shadow: true`: the decision is made and told, and the request goes on whatever it is.

use postern::denial::Denial;
use serde_json::json;

use crate::support::mint::Signer;
use crate::world::{Request, World, document, issuer, patched, remote_issuer, token};

fn world() -> World {
    let tap = json!({"capabilities": {"all_of": ["read:tap"]}});
    let rules = json!([
        {"name": "tap", "match": {"prefix": "/tap"}, "require": tap, "shadow": true},
        {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional", "shadow": true},
        {"name": "enforced", "match": {"prefix": "/enforced"}, "require": tap, "shadow": false},
    ]);
    World::of(&patched(document(&[issuer(&Signer::es256())], &rules), &json!({"credentials": {"query": true}})))
}

fn basic(pair: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[test]
fn what_would_be_refused_goes_on_as_it_came_and_as_nobody() {
    let signer = Signer::es256();
    let poor = token(&signer, json!({"scope": "x", "jti": "id-1"}));
    let other = token(&signer, json!({"aud": "x"}));
    let mut world = world();
    for (path, authorization, reason) in [
        ("/tap/x", None, "missing_credential"),
        ("/tap/x", Some(format!("Bearer {poor}")), "insufficient_scope"),
        ("/tap/x", Some(basic(&format!("{poor}:"))), "insufficient_scope"),
        ("/tap/x", Some(format!("Bearer {other}")), "wrong_audience"),
        ("/tap/x", Some("Bearer gt-0123.abc".to_owned()), "token_opaque"),
        ("/tap/x", Some("token abc".to_owned()), "foreign_authorization"),
        ("/tap/x", Some(basic("alice:hunter2")), "not_a_token"),
        ("/tap/x", Some("Bearer".to_owned()), "malformed_credential"),
        ("/tap/x", Some("Bearer a,Bearer b".to_owned()), "several_credentials"),
        ("/optional/x", Some(format!("Bearer {other}")), "wrong_audience"),
    ] {
        let name = format!("{path} {reason}");
        let rule = path[1..].split('/').next().unwrap();
        let request = Request::get(path).with("x-auth-request-user", "root").with("x_auth_request_email", "root");
        let request = authorization.iter().fold(request, |request, value| request.with("authorization", value));
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), "ok", "{name}");
        assert_eq!(seen.value("authorization"), authorization.as_deref(), "{name}");
        assert_eq!(seen.identity(), json!({}), "{name}");
        assert!(seen.fields.iter().all(|(_, value)| value != "root"), "{name}: {:?}", seen.fields);
        assert_eq!(seen.recorded("decision"), Some("shadow_deny"), "{name}");
        assert_eq!(seen.recorded("reason"), Some(reason), "{name}");
        assert_eq!(seen.recorded("rule"), Some(rule), "{name}");
        let counter = format!("postern_requests_total.decision.shadow_deny.reason.{reason}.rule.{rule}");
        assert_eq!(seen.counter, counter, "{name}");
        for value in [&poor, &other] {
            assert!(!seen.told.contains(value.as_str()), "{name}: the token is told");
        }
    }
}

#[test]
fn the_record_says_who_would_have_been_refused_and_what_for() {
    let poor = token(&Signer::es256(), json!({"scope": "x", "jti": "id-1", "client_id": "c"}));
    let seen = world().send(&Request::get("/tap/x").bearing(&poor));
    assert_eq!(
        seen.record,
        json!({"decision": "shadow_deny", "reason": "insufficient_scope", "rule": "tap", "issuer": "https://issuer.test",
            "user": "alice", "client": "c", "token_id": "id-1", "scheme": "bearer", "missing": "read:tap"})
    );
}

#[test]
fn who_would_be_let_on_has_an_identity_and_keeps_the_credential() {
    let good = token(&Signer::es256(), json!({"scope": "read:tap"}));
    let mut world = world();
    for (name, request) in [
        ("bearer", Request::get("/tap/x").bearing(&good)),
        ("basic", Request::get("/tap/x").with("authorization", &basic(&format!("x-oauth-basic:{good}")))),
        ("query", Request::get(&format!("/tap/x?a=1&access_token={good}&b"))),
    ] {
        let seen = world.send(&request.clone().with("x-auth-request-user", "root"));
        assert_eq!(seen.in_short(), "ok", "{name}");
        let identity = json!({"user": "alice", "token-capabilities": "read:tap"});
        assert_eq!(seen.identity(), identity, "{name}");
        assert_eq!(seen.value("authorization"), request.sent("authorization"), "{name}");
        assert_eq!(seen.value(":path"), request.sent(":path"), "{name}");
        assert_eq!(seen.counter, "postern_requests_total.decision.allow.reason.ok.rule.tap", "{name}");
        assert_eq!(seen.recorded("decision"), Some("allow"), "{name}");
    }
    let nobody = world.send(&Request::get("/optional/x"));
    assert_eq!(nobody.counter, "postern_requests_total.decision.allow.reason.anonymous.rule.optional");
}

/// Two credentials of two places, and one of them in the query.
#[test]
fn a_query_token_stays_where_it_is() {
    let mut world = world();
    for path in ["/tap/x?access_token=a.b.c", "/tap/x?access_token=a.b.c&access_token=d", "/tap/x?access_token="] {
        let seen = world.send(&Request::get(path));
        assert_eq!(seen.in_short(), "ok", "{path}");
        assert_eq!(seen.value(":path"), Some(path));
        assert_eq!(seen.recorded("decision"), Some("shadow_deny"), "{path}");
    }
}

/// Which rule it would be is not known yet, so neither is whether that one is a shadow.
#[test]
fn what_is_refused_before_a_rule_is_found_is_refused() {
    let mut world = world();
    for (name, request, want) in [
        ("no rule", Request::get("/x"), "403 no_rule"),
        ("ambiguous path", Request::get("/tap/../x"), "400 ambiguous_path"),
        ("user in the host", Request::get("/tap/x").with(":authority", "x@api.test"), "400 user_in_host"),
        ("unknown rule", Request::get("/tap/x").under(Some("none-such"), None), "403 unknown_rule"),
        ("enforced", Request::get("/enforced/x"), "401 missing_credential"),
    ] {
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), want, "{name}");
        assert_eq!(seen.recorded("decision"), Some("deny"), "{name}");
    }
}

/// What is waited for is the same; what is done with it at last is not.
#[test]
fn a_shadow_lets_on_after_a_wait_as_it_does_at_once() {
    let (signer, other) = (Signer::es256(), Signer::other_es256().with_kid(Signer::es256().kid()));
    let waiting = |name: &str, shadow: bool| {
        let tap = json!({"capabilities": {"all_of": ["read:tap"]}});
        let rules = json!([{"name": name, "match": {"prefix": "/"}, "require": tap, "shadow": shadow}]);
        World::of(&document(&[remote_issuer(&signer)], &rules))
    };
    let scoped = |scope: &str| basic(&format!("{}:", token(&signer, json!({"scope": scope}))));
    for (name, credential, key, enforced, reason) in [
        ("good", scoped("read:tap"), Some(&signer), "ok", "ok"),
        ("poor", scoped("x"), Some(&signer), "403 insufficient_scope", "insufficient_scope"),
        ("forged", scoped("read:tap"), Some(&other), "401 bad_signature", "bad_signature"),
        ("outage", scoped("read:tap"), None, "503 keys_unavailable", "keys_unavailable"),
    ] {
        let request = Request::get("/x").with("authorization", &credential).with("x-auth-request-user", "root");
        let seen = waiting("enforced", false).send_before_keys_of(key, &request);
        assert_eq!(seen.in_short(), enforced, "{name}");
        assert_eq!(seen.value("authorization"), None, "{name}");
        let seen = waiting("shadow", true).send_before_keys_of(key, &request);
        assert_eq!((seen.in_short().as_str(), seen.recorded("reason")), ("ok", Some(reason)), "{name}");
        assert_eq!(seen.value("authorization"), Some(credential.as_str()), "{name}");
        let user = (reason == "ok").then_some("alice");
        assert_eq!(seen.value("x-auth-request-user"), user, "{name}");
    }
}

/// Who cannot be kept waiting is refused where the rule is in force, and nothing of his token stays for the access log.
#[test]
fn who_may_not_wait_is_refused_with_nothing_left_of_the_token() {
    let signer = Signer::es256();
    let good = token(&signer, json!({}));
    for (shadow, want, path) in [(false, "503 overloaded", "/x?a"), (true, "ok", "/x?a&access_token=SECRET")] {
        let rules = json!([{"name": "all", "match": {"prefix": "/"}, "shadow": shadow}]);
        let mut world = World::of(&document(&[remote_issuer(&signer)], &rules));
        let request = Request::get("/x?a&access_token=SECRET").bearing(&good);
        let seen = world.send_and_refuse(&request, Denial::Overloaded);
        assert_eq!((seen.in_short().as_str(), seen.value(":path")), (want, Some(path)), "shadow: {shadow}");
        let left = shadow.then(|| format!("Bearer {good}"));
        assert_eq!(seen.value("authorization"), left.as_deref(), "shadow: {shadow}");
        assert_eq!(seen.recorded("reason"), Some("overloaded"), "shadow: {shadow}");
    }
}

/// What a rule that is in force would add to hold it, one that is not does not.
#[test]
fn a_shadow_adds_no_condition_of_its_own() {
    let signer = Signer::es256();
    let wlcg = patched(issuer(&signer), &json!({"profile": "wlcg"}));
    let claims = json!({"wlcg.ver": "1.0", "nbf": crate::scenario::NOW, "jti": "1", "scope": "storage.create:/"});
    let raw = token(&signer, claims);
    for (shadow, added) in [(false, vec!["*"]), (true, vec![])] {
        let rules = json!([{"name": "dav", "match": {"prefix": "/"}, "require": {"path": {}}, "shadow": shadow}]);
        let seen =
            World::of(&document(std::slice::from_ref(&wlcg), &rules)).send(&Request::new("PUT", "/x").bearing(&raw));
        assert_eq!((seen.in_short().as_str(), seen.values("if-none-match")), ("ok", added), "shadow: {shadow}");
    }
}

/// A service that gets the token anyway gets it as it would if the rule were in force no sooner than it is.
#[test]
fn the_credential_stays_as_it_came_where_tokens_are_forwarded_too() {
    let good = token(&Signer::es256(), json!({"scope": "read:tap"}));
    let rules = json!([{"name": "tap", "match": {"prefix": "/"}, "shadow": true}]);
    let forwarding = json!({"headers": {"forward_token": true}, "credentials": {"query": true}});
    let mut world = World::of(&patched(document(&[issuer(&Signer::es256())], &rules), &forwarding));
    for (name, request) in [
        ("basic", Request::get("/x").with("authorization", &basic(&format!(":{good}")))),
        ("query", Request::get(&format!("/x?access_token={good}"))),
        ("small letters", Request::get("/x").with("authorization", &format!("bearer {good}"))),
    ] {
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), "ok", "{name}");
        assert_eq!(seen.value("authorization"), request.sent("authorization"), "{name}");
        assert_eq!(seen.value(":path"), request.sent(":path"), "{name}");
    }
}

/// Neither end of a copy is refused by a rule that is not in force.
#[test]
fn of_two_rules_only_the_one_in_force_refuses() {
    let needs = |name: &str, capability: &str, shadow: bool| {
        let require = json!({"capabilities": {"all_of": [capability]}});
        json!({"name": name, "match": {"prefix": format!("/{name}")}, "require": require, "shadow": shadow})
    };
    let rules = json!([needs("tried", "t", true), needs("held", "h", false)]);
    let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules));
    for (scope, from, to, want) in [
        ("h t", "/tried", "/held", "ok"),
        ("h", "/tried", "/held", "ok"),
        ("t", "/tried", "/held", "403 insufficient_scope"),
        ("h", "/held", "/tried", "ok"),
        ("t", "/held", "/tried", "403 insufficient_scope"),
    ] {
        let request = Request::new("COPY", &format!("{from}/x")).with("destination", &format!("{to}/y"));
        let request = request.bearing(&token(&Signer::es256(), json!({"scope": scope})));
        assert_eq!(world.send(&request).in_short(), want, "{scope}: {from} to {to}");
    }
}

/// Nor is it asked for anything: not for a credential, not for a path, and what it would add is not added.
#[test]
fn beside_a_rule_in_force_a_shadow_is_not_asked_at_all() {
    let signer = Signer::es256();
    let dav = |name: &str, shadow: bool| {
        let require = json!({"path": {"base": format!("/{name}")}});
        json!({"name": name, "match": {"prefix": format!("/{name}")}, "require": require, "shadow": shadow})
    };
    let rules = json!([
        dav("tried", true),
        dav("held", false),
        {"name": "open", "match": {"prefix": "/open"}, "access": "anonymous"},
        {"name": "private", "match": {"prefix": "/private"}, "require": {"users": ["bob"]}, "shadow": true},
        {"name": "also", "match": {"prefix": "/also"}, "require": {"users": ["carol"]}, "shadow": true},
    ]);
    let wlcg = patched(issuer(&signer), &json!({"issuer": "https://wlcg.test", "profile": "wlcg"}));
    let mut world = World::of(&document(&[issuer(&signer), wlcg], &rules));
    let storage = |scope: &str| {
        let claims = json!({"iss": "https://wlcg.test", "wlcg.ver": "1.0", "jti": "1", "sub": "e1", "scope": scope});
        Some(token(&signer, claims))
    };
    let alice = || Some(token(&signer, json!({})));
    let allow = |reason, rule| ("allow", reason, rule);
    for (name, from, to, raw, want, (decision, reason, rule)) in [
        ("read here", "/held/a", "/tried/b", storage("storage.read:/a"), "ok", allow("ok", "held")),
        (
            "not here",
            "/held/a",
            "/tried/b",
            storage("storage.modify:/"),
            "403 insufficient_scope",
            ("deny", "insufficient_scope", "held"),
        ),
        ("create there", "/tried/a", "/held/b", storage("storage.create:/b"), "ok", allow("ok", "held")),
        (
            "not there",
            "/tried/a",
            "/held/b",
            storage("storage.read:/"),
            "403 insufficient_scope",
            ("deny", "insufficient_scope", "held"),
        ),
        ("nobody, from open", "/open/a", "/private/b", None, "ok", allow("anonymous", "open")),
        ("to open, and the own would refuse", "/private/a", "/open/b", alice(), "ok", allow("anonymous", "open")),
        ("both are shadows", "/private/a", "/also/b", alice(), "ok", ("shadow_deny", "user_not_listed", "private")),
    ] {
        let request = Request::new("COPY", from).with("destination", to);
        let seen = world.send(&raw.iter().fold(request, |request, raw| request.bearing(raw)));
        assert_eq!(seen.in_short(), want, "{name}");
        let overwrite = if name == "create there" { vec!["F"] } else { vec![] };
        assert_eq!(seen.values("overwrite"), overwrite, "{name}");
        let recorded = ["decision", "reason", "rule"].map(|label| seen.recorded(label).unwrap_or_default());
        assert_eq!(recorded, [decision, reason, rule], "{name}");
        assert_eq!(seen.counter, format!("postern_requests_total.decision.{decision}.reason.{reason}.rule.{rule}"));
    }
}

/// Where it would be written is not known, so neither is whether the rule there is a shadow.
#[test]
fn a_destination_that_is_unreadable_or_has_no_rule_is_refused_under_a_shadow_too() {
    let mut world = world();
    let good = token(&Signer::es256(), json!({"scope": "read:tap"}));
    let ambiguous = "400 ambiguous_destination";
    for (name, method, fields, want) in [
        ("no rule", "COPY", vec![("destination", "/nowhere")], "403 no_rule"),
        ("up", "COPY", vec![("destination", "/tap/../x")], ambiguous),
        ("a query", "MOVE", vec![("destination", "/tap/y?x")], ambiguous),
        ("another host", "COPY", vec![("destination", "https://elsewhere.test/tap/y")], ambiguous),
        ("two", "COPY", vec![("destination", "/tap/y"), ("destination", "/tap/y")], ambiguous),
        ("nothing in it", "MOVE", vec![("destination", "")], ambiguous),
        ("a source that is a path", "COPY", vec![("source", "/tap/y")], ambiguous),
        ("a source on a move", "MOVE", vec![("source", "https://elsewhere.test/y")], ambiguous),
        (
            "a source beside it",
            "COPY",
            vec![("source", "https://elsewhere.test/y"), ("destination", "/tap/y")],
            ambiguous,
        ),
        ("one that can be read", "COPY", vec![("destination", "/tap/y")], "ok"),
    ] {
        for raw in [None, Some(&good)] {
            let request = Request::new(method, "/tap/x").with_all(&fields);
            let seen = world.send(&raw.iter().fold(request, |request, raw| request.bearing(raw)));
            assert_eq!(seen.in_short(), want, "{name}");
            if want != "ok" {
                assert_eq!(seen.recorded("decision"), Some("deny"), "{name}");
            }
        }
    }
}

/// The rule is known here, and it is the rule that says no: for a path that is not its own, for a method that it has no
/// operation for.
#[test]
fn a_path_that_its_rule_cannot_allow_goes_on_under_a_shadow() {
    let signer = Signer::es256();
    let rules = json!([
        {"name": "dav", "match": {"prefix": "/"}, "require": {"path": {"base": "/dav"}}, "shadow": true},
    ]);
    let mut world = World::of(&document(&[issuer(&signer)], &rules));
    for (name, method, path) in [("outside", "GET", "/other/x"), ("no operation", "LINK", "/dav/x")] {
        let seen = world.send(&Request::new(method, path).bearing(&token(&signer, json!({}))));
        assert_eq!(seen.in_short(), "ok", "{name}");
        assert_eq!(seen.counter, "postern_requests_total.decision.shadow_deny.reason.no_rule.rule.dav", "{name}");
    }
}

/// Trying one rule out does not open another.
#[test]
fn a_rule_that_is_enforced_holds_for_what_is_copied_there() {
    let mut world = world();
    let copy = |to: &str| Request::new("COPY", "/tap/x").with("destination", to);
    assert_eq!(world.send(&copy("/tap/y")).in_short(), "ok");
    assert_eq!(world.send(&copy("/enforced/y")).in_short(), "401 missing_credential");
}

/// A shadow that is named by its route, and what the route asks on top.
#[test]
fn what_a_route_asks_of_a_shadow_is_not_enforced_either() {
    let mut world = world();
    let good = token(&Signer::es256(), json!({"scope": "read:tap"}));
    let seen = world.send(&Request::get("/any").under(Some("tap"), Some("write:tap")).bearing(&good));
    assert_eq!(seen.in_short(), "ok");
    assert_eq!((seen.recorded("decision"), seen.recorded("missing")), (Some("shadow_deny"), Some("write:tap")));
}
