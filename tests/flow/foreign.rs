//! `foreign_authorization: pass`: a service's own scheme, as JupyterHub's `token`, is none of our business there.

use serde_json::{Value, json};

use crate::support::mint::Signer;
use crate::world::{Request, World, document, issuer, patched, token};

fn hub() -> World {
    let rules = json!([
        {"name": "hub", "match": {"prefix": "/hub"}, "foreign_authorization": "pass", "challenge": ["bearer", "basic"]},
        {"name": "open", "match": {"prefix": "/open"}, "access": "optional", "foreign_authorization": "pass"},
        {"name": "strict", "match": {"prefix": "/strict"}, "foreign_authorization": "refuse"},
        {"name": "default", "match": {"prefix": "/default"}},
        {"name": "named", "foreign_authorization": "pass"},
    ]);
    World::of(&document(&[issuer(&Signer::es256())], &rules))
}

const FORGED: [(&str, &str); 3] =
    [("x-auth-request-user", "root"), ("x_auth_request_user", "root"), ("x-auth-request-token", "root")];

#[test]
fn a_foreign_scheme_goes_on_untouched_and_as_nobody() {
    let mut world = hub();
    for value in ["token 0123456789abcdef", "Token abc", "Negotiate YII=", "DPoP abc", "Bearera b", "abc", " token x "]
    {
        for path in ["/hub/api", "/open/api"] {
            let seen = world.send(&Request::get(path).with("authorization", value).with_all(&FORGED));
            assert_eq!(seen.in_short(), "ok", "{value:?} {path}");
            assert_eq!(seen.values("authorization"), [value], "{value:?} {path}");
            assert_eq!(seen.identity(), json!({}), "{value:?} {path}");
            assert!(seen.fields.iter().all(|(_, field)| field != "root"), "{value:?} {path}: {:?}", seen.fields);
            let rule = &path[1..path.len() - 4];
            assert_eq!(seen.record, json!({"decision": "allow", "reason": "foreign_authorization", "rule": rule}));
            let counter = format!("postern_requests_total.decision.allow.reason.foreign_authorization.rule.{rule}");
            assert_eq!(seen.counter, counter, "{value:?} {path}");
        }
        for path in ["/strict/api", "/default/api"] {
            let seen = world.send(&Request::get(path).with("authorization", value));
            assert_eq!(seen.in_short(), "401 foreign_authorization", "{value:?} {path}");
            assert_eq!(seen.value("authorization"), None, "{value:?} {path}");
        }
    }
}

#[test]
fn our_own_schemes_are_as_ever() {
    let signer = Signer::es256();
    let (good, bad) = (token(&signer, json!({})), token(&signer, json!({"aud": "x"})));
    let basic = |pair: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    let mut world = hub();
    for (name, value, required, optional) in [
        ("nothing", None, "401 missing_credential", "ok"),
        ("good", Some(format!("Bearer {good}")), "ok", "ok"),
        ("good, in small letters", Some(format!("bearer {good}")), "ok", "ok"),
        ("bad", Some(format!("Bearer {bad}")), "401 wrong_audience", "401 wrong_audience"),
        ("empty", Some("Bearer".to_owned()), "400 malformed_credential", "400 malformed_credential"),
        ("good, as Basic", Some(basic(&format!("{good}:"))), "ok", "ok"),
        ("a password", Some(basic("alice:hunter2")), "401 not_a_token", "401 not_a_token"),
        ("two", Some("Bearer a,Bearer b".to_owned()), "400 several_credentials", "400 several_credentials"),
        (
            "ours behind a foreign one",
            Some(format!("token x, Bearer {good}")),
            "400 several_credentials",
            "400 several_credentials",
        ),
    ] {
        for (path, want) in [("/hub/api", required), ("/open/api", optional)] {
            let request = Request::get(path);
            let request = value.iter().fold(request, |request, value| request.with("authorization", value));
            let seen = world.send(&request);
            assert_eq!(seen.in_short(), want, "{name} {path}");
            assert_eq!(seen.value("authorization"), None, "{name} {path}");
            let user = if want == "ok" && value.is_some() { json!({"user": "alice"}) } else { json!({}) };
            assert_eq!(seen.identity(), user, "{name} {path}");
        }
    }
}

/// Both ends of a copy have to be the service's own business.
#[test]
fn a_foreign_scheme_is_not_copied_to_where_it_is_refused() {
    let mut world = hub();
    for (from, to, want) in [
        ("/hub", "/hub", "ok"),
        ("/hub", "/open", "ok"),
        ("/hub", "/strict", "401 foreign_authorization"),
        ("/open", "/default", "401 foreign_authorization"),
        ("/strict", "/hub", "401 foreign_authorization"),
        ("/default", "/open", "401 foreign_authorization"),
    ] {
        let request = Request::new("COPY", &format!("{from}/x")).with("destination", &format!("{to}/y"));
        let seen = world.send(&request.with("authorization", "token x"));
        assert_eq!(seen.in_short(), want, "{from} to {to}");
        let left = (want == "ok").then_some("token x");
        assert_eq!(seen.value("authorization"), left, "{from} to {to}");
    }
}

#[test]
fn the_401_of_a_hub_offers_what_its_rule_does() {
    let seen = hub().send(&Request::get("/hub/api"));
    assert_eq!(seen.challenges(), ["Bearer realm=\"postern\"", "Basic realm=\"postern\""]);
}

/// Whoever asks for something has to know who it is.
#[test]
fn what_is_asked_for_cannot_be_passed_by() {
    let mut world = hub();
    for (rule, capabilities, want) in [
        (Some("named"), None, "ok"),
        (Some("hub"), None, "ok"),
        (Some("named"), Some("read:tap"), "403 unknown_rule"),
        (Some("hub"), Some("read:tap"), "403 unknown_rule"),
        (Some("strict"), Some("read:tap"), "401 foreign_authorization"),
        (None, Some("read:tap"), "401 foreign_authorization"),
    ] {
        let request = Request::get("/hub/api").with("authorization", "token x").under(rule, capabilities);
        assert_eq!(world.send(&request).in_short(), want, "{rule:?} {capabilities:?}");
    }
    for require in [json!({"users": ["alice"]}), json!({"capabilities": {"all_of": ["a"]}}), json!({"path": {}})] {
        let Err(problems) = configuration(&json!({"require": require, "foreign_authorization": "pass"})) else {
            panic!("{require} is accepted")
        };
        assert!(problems.iter().all(|problem| problem.starts_with("rules[0].")), "{problems:?}");
    }
}

fn configuration(rule: &Value) -> Result<World, Vec<String>> {
    let rule = patched(json!({"name": "r", "match": {"prefix": "/"}}), rule);
    World::parse(&document(&[issuer(&Signer::es256())], &json!([rule])))
}
