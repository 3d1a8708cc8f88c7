//! A rule may ask for a recent login, or for one of a certain kind (RFC 9470).

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::challenge::{Challenge, ErrorCode, Scheme, parse_lines};
use crate::support::mint::Signer;
use crate::world::{REALM, Request, Seen, World, document, issuer, patched, token};

fn send(rule: &Value, claims: Value) -> Seen {
    let all = patched(json!({"name": "all", "match": {"prefix": "/"}}), rule);
    let signer = Signer::es256();
    let second = patched(issuer(&signer), &json!({"issuer": "https://second.test"}));
    World::of(&document(&[issuer(&signer), second], &json!([all])))
        .send(&Request::get("/x").bearing(&token(&signer, claims)))
}

const TOO_OLD: &str = "401 insufficient_user_authentication";

#[test]
fn a_login_may_be_asked_to_be_recent() {
    // 15 minutes, and a minute for clocks that differ.
    for (name, claims, want) in [
        ("now", json!({"auth_time": NOW}), "ok"),
        ("within", json!({"auth_time": NOW - 899}), "ok"),
        ("just", json!({"auth_time": NOW - 900}), "ok"),
        ("within the skew", json!({"auth_time": NOW - 960}), "ok"),
        ("past it", json!({"auth_time": NOW - 961}), TOO_OLD),
        ("long ago", json!({"auth_time": 1}), TOO_OLD),
        ("never", json!({"auth_time": 0}), TOO_OLD),
        ("not said", json!({}), TOO_OLD),
        ("not said in an access token of now", json!({"iat": NOW}), TOO_OLD),
        ("the other clock is ahead", json!({"auth_time": NOW + 60}), "ok"),
        ("a login that is still to come", json!({"auth_time": NOW + 61}), TOO_OLD),
        ("one of tomorrow", json!({"auth_time": NOW + 86_400}), TOO_OLD),
    ] {
        assert_eq!(send(&json!({"require": {"max_auth_age": "15m"}}), claims).in_short(), want, "{name}");
    }
}

/// A time that is no time must not be taken for a recent one.
#[test]
fn a_time_of_login_that_cannot_be_read_is_not_recent() {
    for auth_time in [json!("1800000000"), json!(-1), json!(1.5e9), json!([NOW]), json!(u64::MAX), json!(NOW + 86_400)]
    {
        let seen = send(&json!({"require": {"max_auth_age": "15m"}}), json!({"auth_time": auth_time}));
        assert!(seen.in_short().starts_with("401 "), "{auth_time}: {}", seen.in_short());
    }
}

#[test]
fn a_login_may_be_asked_to_be_of_a_kind() {
    let rule = json!({"require": {"acr": ["https://refeds.org/profile/mfa", "gold"]}});
    for (name, acr, want) in [
        ("one", json!("gold"), "ok"),
        ("the other", json!("https://refeds.org/profile/mfa"), "ok"),
        ("a third", json!("silver"), TOO_OLD),
        ("case counts", json!("Gold"), TOO_OLD),
        ("none", Value::Null, TOO_OLD),
        ("empty", json!(""), TOO_OLD),
        ("more than the name", json!("gold silver"), TOO_OLD),
    ] {
        assert_eq!(send(&rule, json!({"acr": acr})).in_short(), want, "{name}");
    }
}

#[test]
fn both_have_to_hold() {
    let rule = json!({"require": {"acr": ["gold"], "max_auth_age": "1h"}});
    for (claims, want, missing) in [
        (json!({"acr": "gold", "auth_time": NOW}), "ok", ""),
        (json!({"acr": "gold", "auth_time": NOW - 7200}), TOO_OLD, "max_age=3600"),
        (json!({"acr": "x", "auth_time": NOW}), TOO_OLD, "acr_values=gold"),
    ] {
        let seen = send(&rule, claims.clone());
        assert_eq!(seen.in_short(), want, "{claims}");
        assert!(seen.recorded("missing").unwrap_or_default().contains(missing), "{claims}: {}", seen.record);
    }
}

/// RFC 9470 §3: the client is told what to ask its issuer for. Only a token can bring that, so Bearer is always offered.
#[test]
fn the_challenge_says_what_to_ask_the_issuer_for() {
    let age = json!({"max_auth_age": "15m"});
    let acr = json!({"acr": ["https://refeds.org/profile/mfa", "gold"]});
    let both = json!({"max_auth_age": "2h", "acr": ["gold"]});
    let values = "https://refeds.org/profile/mfa gold";
    for (require, offers, max_age, acr_values, schemes) in [
        (&age, json!(["bearer"]), Some(900), None, &[Scheme::Bearer][..]),
        (&acr, json!(["bearer"]), None, Some(values), &[Scheme::Bearer]),
        (&both, json!(["bearer"]), Some(7200), Some("gold"), &[Scheme::Bearer]),
        (&both, json!(["basic", "bearer"]), Some(7200), Some("gold"), &[Scheme::Bearer, Scheme::Basic]),
        (&age, json!(["basic"]), Some(900), None, &[Scheme::Bearer, Scheme::Basic]),
    ] {
        let seen = send(&json!({"require": require, "challenge": offers}), json!({"scope": "read:tap"}));
        let name = format!("{require} {offers}");
        assert_eq!(seen.in_short(), TOO_OLD, "{name}");
        let challenges = parse_lines(&seen.challenges()).unwrap();
        let offered: Vec<Scheme> = challenges.iter().map(|challenge| challenge.scheme).collect();
        assert_eq!(offered, schemes, "{name}");
        let want = Challenge {
            error: Some(ErrorCode::InsufficientUserAuthentication),
            error_description: Some(seen.detail()),
            max_age,
            acr_values: acr_values.map(str::to_owned),
            ..Challenge::bare(Scheme::Bearer, REALM)
        };
        assert_eq!(challenges[0], want, "{name}");
        // In the form of RFC 9470's own examples: a quoted string, also where it is a number.
        if let Some(seconds) = max_age {
            assert!(seen.challenges()[0].contains(&format!(", max_age=\"{seconds}\"")), "{name}");
        }
    }
}

#[test]
fn the_challenge_is_exactly_this() {
    let rule = json!({"require": {"max_auth_age": "15m", "acr": ["mfa", "gold"]}, "challenge": ["bearer", "basic"]});
    assert_eq!(
        send(&rule, json!({})).challenges(),
        [
            "Bearer realm=\"postern\", error=\"insufficient_user_authentication\", error_description=\"This needs a more \
             recent or a stronger login.\", acr_values=\"mfa gold\", max_age=\"900\"",
            "Basic realm=\"postern\"",
        ]
    );
}

/// What a token does not meet, in the order in which it is told: who it is first, then what the token holds.
fn not_met() -> [(Value, &'static str); 8] {
    [
        (json!({"issuers": ["https://second.test"]}), "403 issuer_not_listed"),
        (json!({"principals": ["service"]}), "403 wrong_principal"),
        (json!({"clients": ["x"]}), "403 client_not_listed"),
        (json!({"users": ["bob"]}), "403 user_not_listed"),
        (json!({"groups": {"any_of": ["x"]}}), "403 not_in_group"),
        (json!({"interactive": true}), "403 not_interactive"),
        (json!({"capabilities": {"all_of": ["x"]}}), "403 insufficient_scope"),
        (json!({"path": {}}), "403 insufficient_scope"),
    ]
}

/// What a new login would not help against is told first.
#[test]
fn who_may_not_anyway_is_not_sent_to_log_in_again() {
    for (require, want) in not_met().into_iter().chain([(json!({}), TOO_OLD)]) {
        let require = patched(require, &json!({"max_auth_age": "15m", "acr": ["gold"]}));
        assert_eq!(send(&json!({"require": require}), json!({})).in_short(), want, "{require}");
    }
}

#[test]
fn each_requirement_is_told_before_those_that_come_later() {
    let order: Vec<(Value, &str)> = not_met().into_iter().chain([(json!({"acr": ["gold"]}), TOO_OLD)]).collect();
    for first in 0..order.len() {
        let all = order[first..].iter().fold(json!({}), |all, (require, _)| patched(all, require));
        let seen = send(&json!({"require": all}), json!({}));
        assert_eq!(seen.in_short(), order[first].1, "{all}");
        let missing = seen.recorded("missing").unwrap_or_default();
        if order[first].0.get("capabilities").is_some() {
            assert_eq!(missing, "x", "capabilities come before paths");
        }
    }
}
