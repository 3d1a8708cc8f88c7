//! What an operator reads of a refusal: the record says what would have been needed.

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::Signer;
use crate::world::{Request, World, also, document, issuer, patched, token};

#[test]
fn the_record_says_what_was_missing() {
    let signer = Signer::es256();
    let of = |name: &str, profile: &str| patched(issuer(&signer), &json!({"issuer": name, "profile": profile}));
    let issuers = [issuer(&signer), of("https://sci.test", "scitokens"), of("https://wlcg.test", "wlcg")];
    let sci = json!({"iss": "https://sci.test", "ver": "scitoken:2.0", "nbf": NOW, "scope": "x"});
    let wlcg = json!({"iss": "https://wlcg.test", "wlcg.ver": "1.0", "nbf": NOW, "jti": "1", "scope": "x"});
    let service = json!({"sub": "poller", "client_id": "poller"});
    let scoped = |claims: &Value, scope: &str| also(claims.clone(), json!({"scope": scope}));
    let capabilities = |choice: Value| json!({"capabilities": choice});
    let groups = |choice: Value| json!({"groups": choice});
    let path = json!({"path": {"base": "/x"}});
    for (name, require, claims, method, reason, missing) in [
        (
            "capability",
            capabilities(json!({"all_of": ["a", "b"]})),
            json!({"scope": "a"}),
            "GET",
            "insufficient_scope",
            "b",
        ),
        ("capabilities", capabilities(json!({"all_of": ["a", "b"]})), json!({}), "GET", "insufficient_scope", "a b"),
        ("any capability", capabilities(json!({"any_of": ["a", "b"]})), json!({}), "GET", "insufficient_scope", "a b"),
        ("group", groups(json!({"all_of": ["a", "b"]})), json!({"groups": ["b"]}), "GET", "not_in_group", "group a"),
        ("any group", groups(json!({"any_of": ["a"]})), json!({"groups": ["b"]}), "GET", "not_in_group", "group a"),
        ("user", json!({"principals": ["user"]}), service.clone(), "GET", "wrong_principal", "principal user"),
        ("service", json!({"principals": ["service"]}), json!({}), "GET", "wrong_principal", "principal service"),
        ("neither", json!({"principals": ["user"]}), json!({"sub": null}), "GET", "wrong_principal", "principal user"),
        ("login", json!({"max_auth_age": "15m"}), json!({}), "GET", "insufficient_user_authentication", "max_age=900"),
        (
            "kind of login",
            json!({"acr": ["a", "b"]}),
            json!({}),
            "GET",
            "insufficient_user_authentication",
            "acr_values=a b",
        ),
        ("read", path.clone(), scoped(&sci, "write:/"), "GET", "insufficient_scope", "read:/y/z"),
        ("write", path.clone(), scoped(&sci, "read:/"), "PUT", "insufficient_scope", "write:/y/z"),
        ("write elsewhere", path.clone(), scoped(&sci, "write:/z"), "DELETE", "insufficient_scope", "write:/y/z"),
        (
            "storage.read",
            path.clone(),
            scoped(&wlcg, "storage.modify:/"),
            "GET",
            "insufficient_scope",
            "storage.read:/y/z",
        ),
        (
            "storage.modify",
            path.clone(),
            scoped(&wlcg, "storage.create:/"),
            "DELETE",
            "insufficient_scope",
            "storage.modify:/y/z",
        ),
        (
            "storage.modify for what is new",
            path,
            scoped(&wlcg, "storage.read:/"),
            "PUT",
            "insufficient_scope",
            "storage.modify:/y/z",
        ),
    ] {
        let rules = json!([{"name": "r", "match": {"prefix": "/x"}, "require": require}]);
        let seen = World::of(&document(&issuers, &rules))
            .send(&Request::new(method, "/x/y/z").bearing(&token(&signer, claims)));
        assert_eq!((seen.recorded("reason"), seen.recorded("missing")), (Some(reason), Some(missing)), "{name}");
        assert_eq!(seen.recorded("rule"), Some("r"), "{name}");
        // The client is told what to ask for, not where or who else may.
        let told = format!("{:?}{}", seen.challenges(), seen.detail());
        for secret in ["/y", "group", "principal"] {
            assert!(!told.contains(secret), "{name}: {told}");
        }
    }
}

/// Users and clients of a rule may be many, and are not in it by the issuer's doing.
#[test]
fn the_record_says_that_somebody_else_was_needed() {
    let signer = Signer::es256();
    for (require, reason, begins) in [
        (json!({"users": ["bob"]}), "user_not_listed", "user"),
        (json!({"clients": ["c"]}), "client_not_listed", "client"),
        (json!({"interactive": true}), "not_interactive", "interactive"),
    ] {
        let rules = json!([{"name": "r", "match": {"prefix": "/x"}, "require": require}]);
        let raw = token(&signer, json!({"client_id": "portal"}));
        let seen = World::of(&document(&[issuer(&signer)], &rules)).send(&Request::get("/x").bearing(&raw));
        assert_eq!(seen.recorded("reason"), Some(reason));
        assert!(seen.recorded("missing").is_some_and(|missing| missing.starts_with(begins)), "{}", seen.record);
        assert_eq!((seen.recorded("user"), seen.recorded("client")), (Some("alice"), Some("portal")));
    }
}

/// The answers of a rule that is not met, exactly.
#[test]
fn a_403_has_a_challenge_only_where_another_token_of_the_same_caller_would_do() {
    let signer = Signer::es256();
    let scope = |names: &str| {
        format!(
            "Bearer realm=\"postern\", error=\"insufficient_scope\", error_description=\"The token does not have the \
             capabilities that are needed here.\", scope=\"{names}\""
        )
    };
    for (require, want) in [
        (json!({"capabilities": {"all_of": ["a", "b"]}}), vec![scope("a b")]),
        (json!({"capabilities": {"any_of": ["b", "a"]}}), vec![scope("b a")]),
        (json!({"groups": {"any_of": ["a"]}}), vec![]),
        (json!({"users": ["bob"]}), vec![]),
        (json!({"clients": ["c"]}), vec![]),
        (json!({"principals": ["service"]}), vec![]),
        (json!({"interactive": true}), vec![]),
    ] {
        let rules =
            json!([{"name": "r", "match": {"prefix": "/x"}, "require": require, "challenge": ["basic", "bearer"]}]);
        let raw = token(&signer, json!({}));
        let seen = World::of(&document(&[issuer(&signer)], &rules)).send(&Request::get("/x").bearing(&raw));
        assert!(seen.in_short().starts_with("403 "), "{require}");
        assert_eq!(seen.challenges(), want, "{require}");
    }
}
