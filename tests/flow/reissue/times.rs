//! When the new token begins and ends, and for how long it is used again.

use serde_json::{Value, json};

use super::{API, post, reissued, stage, tap, users_token, world};
use crate::scenario::{NOW, Scenario};
use crate::support::mint::{Signer, Token};
use crate::world::World;

const HOUR: i64 = 3600;

fn second(seconds: i64) -> u64 {
    NOW.checked_add_signed(seconds).unwrap()
}

/// Times are in seconds from now.
#[test]
fn it_ends_with_its_lifetime_or_with_the_users_own() {
    for (name, reissue, iat, exp, want) in [
        ("by the user's", json!({}), Some(0), 600, (0, 600)),
        ("by its own", json!({}), Some(0), 2 * HOUR, (0, HOUR)),
        ("as long", json!({}), Some(0), HOUR, (0, HOUR)),
        ("by one that is shorter", json!({"lifetime": "1m"}), Some(0), 600, (0, 60)),
        ("by the user's, which began long ago", json!({"lifetime": "24h"}), Some(-12 * HOUR), HOUR, (0, HOUR)),
        ("where it is not said when the user's began", json!({}), None, 600, (0, 600)),
        ("where that is to begin", json!({}), Some(59), 600, (0, 600)),
        ("at most a day", json!({"lifetime": "24h"}), Some(0), 48 * HOUR, (0, 24 * HOUR)),
        ("later than the user's, where that may be", json!({"outlive": true}), Some(0), 600, (0, HOUR)),
        (
            "a day, where it may be later",
            json!({"lifetime": "24h", "outlive": true}),
            Some(0),
            48 * HOUR,
            (0, 24 * HOUR),
        ),
        // Clocks may differ by a minute.
        ("the user's is over", json!({}), Some(-600), -59, (-59, -59)),
        ("the user's is just over", json!({}), Some(-600), 0, (0, 0)),
        ("is over, and that does not matter", json!({"outlive": true}), Some(-600), -59, (0, HOUR)),
    ] {
        let mut document = stage(&json!({"rules": [tap(&json!({"reissue": reissue}))]}));
        document["issuers"][0]["max_lifetime"] = "744h".into();
        let token = users_token(json!({"iat": iat.map(second), "exp": second(exp)}));
        let claims = reissued(&mut World::of(&document), &post("/tap/sync", &token)).claims;
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(second(want.0)), &json!(second(want.1))), "{name}");
    }
}

fn jti_at(world: &mut World, seconds: u64, path: &str, token: &str) -> Value {
    reissued(world.at(seconds), &post(path, token)).claims["jti"].clone()
}

#[test]
fn it_is_used_again_until_a_quarter_of_its_life_is_left() {
    for (name, reissue, exp, last) in [
        ("the user's life", json!({}), 600, 449),
        ("its own life", json!({"lifetime": "2m"}), 600, 89),
        ("longer than the user's", json!({"lifetime": "8m", "outlive": true}), 330, 359),
    ] {
        let mut world = world(&json!({"reissue": reissue}));
        let token = users_token(json!({"exp": NOW + exp}));
        let first = jti_at(&mut world, 0, "/tap/a", &token);
        assert_eq!(jti_at(&mut world, 1, "/tap/b", &token), first, "{name}");
        assert_eq!(jti_at(&mut world, last, "/tap/b", &token), first, "{name}");
        let next = jti_at(&mut world, last + 1, "/tap/b", &token);
        assert_ne!(next, first, "{name}");
        let news = world.news();
        let counted = |name: &str| news.iter().find(|(known, _)| known.ends_with(name)).map(|(_, count)| *count);
        assert_eq!((counted("outcome.signed"), counted("outcome.reused")), (Some(2), Some(2)), "{name}");
    }
}

/// Otherwise one would be good longer than the user's own.
#[test]
fn it_is_not_used_for_another_token_of_the_same_user() {
    let mut world = world(&json!({}));
    let tokens = [600, 601].map(|exp| users_token(json!({"exp": NOW + exp})));
    let ends = tokens.map(|token| reissued(&mut world, &post("/tap/a", &token)).claims["exp"].clone());
    assert_eq!(ends, [json!(NOW + 600), json!(NOW + 601)]);
}

#[test]
fn each_request_gets_its_own_where_that_is_asked_for_or_nothing_is_remembered() {
    for change in
        [json!({"rules": [tap(&json!({"reissue": {"reuse": false}}))]}), json!({"token_cache": {"max_entries": 0}})]
    {
        let mut world = World::of(&stage(&change));
        let token = users_token(json!({}));
        let all = [0, 0, 1].map(|seconds| jti_at(&mut world, seconds, "/tap/a", &token));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{change}");
    }
}

#[test]
fn each_rule_has_its_own_and_two_are_kept() {
    let rule =
        |name: &str| json!({"name": name, "match": {"prefix": format!("/{name}")}, "reissue": {"audience": API}});
    let rules = ["a", "b", "c"].map(rule);
    let mut world = World::of(&stage(&json!({"rules": rules})));
    let token = users_token(json!({}));
    let mut jti = |path: &str| jti_at(&mut world, 0, path, &token);
    let (a, b) = (jti("/a"), jti("/b"));
    assert_ne!(a, b, "though they are for the same audience");
    assert_eq!((jti("/a"), jti("/b"), jti("/a")), (a.clone(), b.clone(), a.clone()), "both are kept");
    let c = jti("/c");
    assert_eq!((jti("/b"), jti("/c")), (b, c), "the oldest one has gone");
    assert_ne!(jti("/a"), a, "and is made anew");
}

#[test]
fn each_set_of_scopes_has_its_own() {
    let rule = tap(&json!({"reissue": {"scopes": "needed"}}));
    let mut world = World::of(&stage(&json!({"rules": [rule]})));
    let token = users_token(json!({"scope": "a b"}));
    let mut send = |asked: &str| {
        let claims = reissued(&mut world, &post("/x", &token).under(Some("tap"), Some(asked))).claims;
        (claims["scope"].clone(), claims["jti"].clone())
    };
    let (a, b) = (send("a"), send("b"));
    assert_eq!((&a.0, &b.0), (&json!("a"), &json!("b")));
    assert_eq!((send("a"), send("b")), (a, b));
}

/// One that is kept is worth no more than the user's own.
#[test]
fn it_goes_on_only_as_long_as_the_users_own_is_believed() {
    let keyed = stage(&json!({"rules": [tap(&json!({"reissue": {"safe_methods": true}}))]}));
    let changes = json!({"reissue": keyed["reissue"], "rules": keyed["rules"]});
    let mut scenario = Scenario::remote().long_lived().changed(&changes);
    let (signer, other) = (Signer::es256(), Signer::other_es256());
    let token = format!("Bearer {}", Token::at(&signer, NOW).expires_in(600_000).mint());
    drop(scenario.arrive("/tap/a", &token));
    let mut sent_after = |keys: &[&Signer]| {
        scenario.pass(600);
        let [fetch] = &scenario.due()[..] else { panic!("keys are fetched") };
        scenario.keys_arrive(fetch, keys);
        let outcome = match scenario.try_get("/tap/a", &token) {
            Ok(outcome) => outcome,
            Err(waiting) => {
                let [fetch] = &scenario.due()[..] else { panic!("a key is sought") };
                scenario.keys_arrive(fetch, keys);
                scenario.resume(waiting)
            }
        };
        (outcome.in_short(), scenario.last_field("x-auth-request-token"))
    };
    let first = sent_after(&[&signer]);
    assert!(first.0 == "ok" && first.1.is_some());
    assert_eq!(sent_after(&[&signer]), first, "the same key again");
    let beside = sent_after(&[&signer, &other]);
    assert!(beside.0 == "ok" && beside.1.is_some(), "one more key");
    assert_eq!(sent_after(&[&other]), ("401 unknown_key".to_owned(), None), "the key is withdrawn");
    let forged = other.with_kid(signer.kid());
    assert_eq!(sent_after(&[&forged]), ("401 bad_signature".to_owned(), None), "another key has its name");
    let again = sent_after(&[&signer]);
    assert!(again.0 == "ok" && again.1.is_some() && again.1 != first.1 && again.1 != beside.1, "it is looked at anew");
}
