//! Tokens for clients that cut what is longer.

use serde_json::{Value, json};

use super::{answer, asking, exchanged, made, stage, users_token};
use crate::scenario::NOW;
use crate::world::{Request, World, also, patched};

/// Short names, and a key for ES256 beside the one that signs otherwise.
fn short(change: &Value) -> World {
    let own = "https://a.test/t";
    let mut document = stage(&json!({}));
    document["reissue"] = json!({
        "issuer": own, "hosts": ["api.test"],
        "keys": [{"env": "RSA", "kid": "r"}, {"env": "P256", "kid": "e"}],
        "exchange": {"audiences": ["a", "https://an-audience-with-a-long-name.test"], "path": "/postern/token"},
    });
    document["issuers"][1] = json!({"issuer": own, "audiences": ["a"]});
    World::of(&patched(document, change))
}

#[test]
fn a_short_token_fits_and_comes_back_as_the_same_user_with_fewer_scopes() {
    let token = users_token(json!({"scope": "read:tap write:tap read:image", "uidNumber": 1, "email": "a@b.test"}));
    let mut world = short(&json!({}));
    let (new, document) = exchanged(&mut world, &token, "scope=read:tap&max_length=255");
    assert!(new.len() <= 255, "{}", new.len());
    let token = made(&world, &new);
    assert_eq!(token.header, json!({"alg": "ES256", "kid": "e"}));
    let want = json!({"iss": "https://a.test/t", "aud": "a", "sub": "alice", "exp": NOW + 600, "scope": "read:tap"});
    assert_eq!(token.claims, want);
    assert_eq!((&document["expires_in"], &document["scope"]), (&json!(600), &json!("read:tap")));
    let seen = world.send(&Request::get("/x").bearing(&new));
    assert_eq!(seen.in_short(), "ok");
    assert_eq!(seen.identity(), json!({"user": "alice", "token-capabilities": "read:tap"}));
    // What is short already stays whole.
    let (whole, _) = exchanged(&mut world, &users_token(json!({})), "max_length=16384");
    for (room, stays_whole) in [(whole.len(), true), (whole.len() - 1, false)] {
        let (new, _) = exchanged(&mut world, &users_token(json!({})), &format!("max_length={room}"));
        assert_eq!(made(&world, &new).claims.get("jti").is_some(), stays_whole, "{room}");
    }
}

#[test]
fn without_scopes_it_has_none() {
    let mut world = short(&json!({}));
    let (new, document) = exchanged(&mut world, &users_token(json!({})), "max_length=255");
    assert_eq!(made(&world, &new).claims.get("scope"), None);
    assert_eq!(document["scope"], "");
    assert_eq!(world.send(&Request::get("/x").bearing(&new)).identity(), json!({"user": "alice"}));
}

#[test]
fn what_does_not_fit_is_told_how_long_the_shortest_would_be() {
    let long = (0..20).map(|n| format!("scope-{n}")).collect::<Vec<_>>().join(" ");
    let rsa = json!({"reissue": {"keys": [{"env": "RSA", "kid": "r"}]}});
    for (name, change, claims, parameters) in [
        ("too many scopes", json!({}), json!({"scope": long}), "max_length=255"),
        ("a key for RS256 alone", rsa, json!({}), "max_length=255"),
        ("much too short", json!({}), json!({}), "max_length=1"),
        (
            "a long audience",
            json!({}),
            json!({"scope": "read:tap write:tap"}),
            "max_length=240&audience=https://an-audience-with-a-long-name.test",
        ),
    ] {
        let mut world = short(&change);
        let seen = world.send(&asking(parameters).bearing(&users_token(claims.clone())));
        let (status, document) = answer(&seen);
        assert_eq!((status, &document["error"]), (400, &json!("invalid_request")), "{name}: {document}");
        let description = document["error_description"].as_str().unwrap();
        let length = description.split_once(" would have ").unwrap().1.split_once(' ').unwrap().0;
        // And so long it is.
        let again = parameters
            .replace(|c: char| c.is_ascii_digit(), "")
            .replace("max_length=", &format!("max_length={length}"));
        let (new, _) = exchanged(&mut world, &users_token(claims), &again);
        assert_eq!(new.len().to_string(), length, "{name}");
    }
}

#[test]
fn it_names_the_user_as_the_former_did_or_is_not_made() {
    let nested = json!({"claims": {"user": "who.name"}});
    let second = json!({"claims": {"user": ["uid", "eppn"]}});
    for (name, issuer, claims, want) in [
        ("another claim", json!({"claims": {"user": "uid"}}), json!({"uid": "bob"}), Some(("uid", "bob"))),
        ("the second of two", second.clone(), json!({"eppn": "bob"}), Some(("eppn", "bob"))),
        ("the first is empty", second.clone(), json!({"uid": "", "eppn": "bob"}), Some(("eppn", "bob"))),
        ("the first is null", second, json!({"uid": null, "eppn": "bob"}), Some(("eppn", "bob"))),
        ("in escapes", json!({}), json!({"sub": "Zoë \"Z\""}), Some(("sub", "Zoë \"Z\""))),
        ("within another", nested, json!({"who": {"name": "bob"}}), None),
        ("nobody", json!({"claims": {"user": "uid"}}), json!({}), None),
        ("a service", json!({}), json!({"sub": "poller", "client_id": "poller"}), None),
    ] {
        let mut document = json!({});
        for (member, value) in issuer.as_object().unwrap() {
            document[member] = value.clone();
        }
        let entries = |world: &Value| -> Vec<Value> {
            world["issuers"].as_array().unwrap().iter().map(|entry| also(entry.clone(), document.clone())).collect()
        };
        let whole =
            json!({"issuers": [stage(&json!({}))["issuers"][0], {"issuer": "https://a.test/t", "audiences": ["a"]}]});
        let mut world = short(&json!({"issuers": entries(&whole)}));
        // A null is left out of a patch.
        let token = crate::support::mint::Token::at(&super::users(), NOW).claims(claims).claim("scope", "a").mint();
        let (status, document) = answer(&world.send(&asking("max_length=255").bearing(&token)));
        match want {
            Some((claim, user)) => {
                let new = document["access_token"].as_str().unwrap_or_else(|| panic!("{name}: {document}"));
                assert_eq!(made(&world, new).claims[claim], user, "{name}");
                let seen = world.send(&Request::get("/x").bearing(new));
                assert_eq!(seen.recorded("user"), Some(user), "{name}");
            }
            None => assert_eq!((status, &document["error"]), (400, &json!("invalid_request")), "{name}"),
        }
    }
}
