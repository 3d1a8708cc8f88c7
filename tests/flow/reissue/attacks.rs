//! Who tries to get more out of a token by having another made of it.

use serde_json::{Value, json};

use super::{OWN, answer, asking, made, post, users, users_token};
use crate::scenario::NOW;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token};
use crate::world::{Request, World, issuer, patched};

const PLATFORM: &str = "https://platform.test";
const SERVICE: &str = "https://api.test/job";

/// A platform that takes its services' tokens back, and rules for what they are worth there.
fn platform(more_of_issuer: &Value, more_of_ours: &Value) -> World {
    let ours = json!({"issuer": OWN, "audiences": [PLATFORM, SERVICE]});
    let rule = |name: &str, more: Value| patched(json!({"name": name, "match": {"prefix": format!("/{name}")}}), &more);
    World::of(&json!({
        "issuers": [patched(issuer(&users()), more_of_issuer), patched(ours, more_of_ours)],
        "reissue": {
            "issuer": OWN,
            "keys": [{"env": "OTHER_P256", "kid": "ec"}, {"env": "RSA", "kid": "rsa"}, {"env": "ED25519", "kid": "ed"}],
            "exchange": {"audiences": [PLATFORM]},
        },
        "rules": [
            rule("job", json!({"reissue": {"audience": SERVICE}})),
            rule("away", json!({"reissue": {"audience": "https://away.test"}})),
            rule("admin", json!({"require": {"capabilities": {"all_of": ["admin:all"]}}})),
            rule("all", json!({})),
        ],
    }))
}

fn plain() -> World {
    platform(&json!({}), &json!({}))
}

/// The token that is given for this one, or why there is none.
fn exchange(world: &mut World, token: &str, parameters: &str) -> Result<String, Value> {
    match answer(&world.send(&asking(parameters).bearing(token))) {
        (200, document) => Ok(document["access_token"].as_str().unwrap().to_owned()),
        (_, document) => Err(document["error"].clone()),
    }
}

/// For whom the token is that is given for this one, or why there is none.
fn audience(world: &mut World, token: &str, parameters: &str) -> Result<Value, Value> {
    exchange(world, token, parameters).map(|token| made(world, &token).claims["aud"].clone())
}

fn outcome(world: &mut World, path: &str, token: &str) -> String {
    world.send(&Request::get(path).bearing(token)).in_short()
}

/// The token that the service gets, or what there is instead.
fn of_service(world: &mut World, path: &str, token: &str) -> Result<String, String> {
    let seen = world.send(&post(path, token));
    seen.value("x-auth-request-token").map(str::to_owned).ok_or_else(|| seen.in_short())
}

fn users_with(claims: &Value) -> String {
    users_token(patched(json!({"scope": "read:tap read:image"}), claims))
}

#[test]
fn a_services_token_that_would_be_worth_more_where_it_comes_back_is_not_made() {
    for (name, entry, more) in [
        ("scopes that are nobody's", json!({"claims": {"scopes": "rights"}}), json!({"scope": "admin:all"})),
        ("another user", json!({"claims": {"user": "login"}}), json!({"login": "mallory", "sub": "root"})),
        ("groups that are nobody's", json!({"claims": {"groups": "teams"}}), json!({"groups": ["wheel"]})),
        (
            "scopes that are renamed",
            json!({"scope_map": {"admin:all": "admin:site"}}),
            json!({"scope": "admin:all", "rights": "x"}),
        ),
        ("another's client", json!({"claims": {"client": "tool"}}), json!({"client_id": "portal"})),
    ] {
        let mut world = platform(&entry, &json!({}));
        let token = users_with(&more);
        assert_eq!(outcome(&mut world, "/admin", &token), "403 insufficient_scope", "{name}");
        assert_eq!(of_service(&mut world, "/job", &token).unwrap_err(), "500 reissue_reading", "{name}");
        assert!(of_service(&mut world, "/away", &token).is_ok(), "{name}: one for elsewhere");
    }
    // Where both entries read alike, and a login stays one.
    let mut world = plain();
    for more in [json!({}), json!({"auth_time": NOW, "acr": "mfa"}), json!({"scope": "admin:all"})] {
        let made = of_service(&mut world, "/job", &users_with(&more)).unwrap();
        assert_eq!(outcome(&mut world, "/all", &made), "ok", "{more}");
    }
}

#[test]
fn what_was_not_asked_for_is_not_in_an_exchanged_token_by_another_name_either() {
    let claims = json!({"scope": "read:tap exec:x", "rights": "exec:x"});
    let ours = json!({"claims": {"scopes": ["scope", "rights"]}});
    let mut world = platform(&json!({}), &ours);
    assert_eq!(exchange(&mut world, &users_with(&claims), "scope=read:tap"), Err(json!("server_error")));
    assert!(exchange(&mut world, &users_with(&claims), "scope=read:tap+exec:x").is_ok());
    let mut world = plain();
    assert!(exchange(&mut world, &users_with(&claims), "scope=read:tap").is_ok());
}

#[test]
fn a_token_of_another_that_says_it_was_made_chooses_no_audience_of_ours() {
    let mut world = plain();
    let foreign = |aud: Value| users_with(&json!({"aud": aud, "act": {"iss": "https://other.test"}}));
    let elsewhere = foreign(json!([AUDIENCE, "https://elsewhere.test"]));
    for more in ["", "audience=https://elsewhere.test", "audience=https://platform.test"] {
        assert_eq!(exchange(&mut world, &elsewhere, more), Err(json!("invalid_target")), "{more}");
    }
    let both = foreign(json!(["https://elsewhere.test", PLATFORM, AUDIENCE]));
    assert_eq!(audience(&mut world, &both, ""), Ok(json!(PLATFORM)));
    // One that was made here is for whom we said.
    let ours = of_service(&mut world, "/job", &users_with(&json!({}))).unwrap();
    assert_eq!(audience(&mut world, &ours, ""), Ok(json!(SERVICE)));
    assert_eq!(exchange(&mut world, &ours, "audience=https://platform.test"), Err(json!("invalid_target")));
}

#[test]
fn a_scope_is_what_is_held_and_nothing_that_looks_like_it() {
    let paths = json!({"profile": "scitokens", "claims": {"user": "sub"}});
    let held = users_with(&json!({"ver": "scitoken:2.0", "nbf": NOW, "scope": "read:/a write:/a/b"}));
    let mut world = platform(&paths, &paths);
    let many = |count: u32| (0..count).map(|number| format!("read:/a/{number}")).collect::<Vec<_>>().join("+");
    for (scope, want) in [
        ("read:/a", true),
        ("read:/a/c", true),
        ("write:/a/b/c+read:/a", true),
        ("read", false),
        ("read:", false),
        ("read:/", false),
        ("read:/ab", false),
        ("write:/a", false),
        ("READ:/a", false),
        ("read:/a++read:/a", false),
        ("+read:/a", false),
        ("+", false),
        ("read:/a/../b", false),
        ("read:/a/%252e%252e/b", false),
        ("read:/a/%2e%2e/b", false),
        ("read:/a%2f..%2fb", false),
        ("read:/a//b", false),
        ("read:/a/b%09write:/", false),
        ("read:/a/b%0awrite:/", false),
        ("read:/a/b%c2%a0write:/", false),
        ("read:/a/b%00", false),
        ("read:/a;x", false),
        ("read:/a%23", false),
        ("read:/a?x", false),
        ("read:/a\\b", false),
        (&many(256), true),
        (&many(257), false),
    ] {
        let given = exchange(&mut world, &held, &format!("scope={scope}"));
        assert_eq!(given.as_ref().err(), (!want).then(|| json!("invalid_scope")).as_ref(), "{scope}");
    }
}

#[test]
fn nothing_is_taken_for_ours_that_our_own_key_has_not_signed() {
    let mut world = plain();
    let rsa = Signer::rs256();
    let ours = |signer: &Signer| Token::at(signer, NOW).claim("iss", OWN).claim("aud", PLATFORM);
    let (ec, ed) = (Signer::other_es256().with_kid("ec"), Signer::eddsa().with_kid("ed"));
    for good in [&ec, &ed, &rsa.clone().with_kid("rsa")] {
        assert_eq!(outcome(&mut world, "/all", &ours(good).mint()), "ok", "{}", good.alg());
    }
    let foreign = Signer::es256();
    for (name, forged) in [
        ("a key of another", ours(&foreign.clone().with_kid("ec")).mint()),
        ("a key of another, by its own name", ours(&foreign).mint()),
        ("no name of a key", ours(&foreign).without_header("kid").mint()),
        ("one key by the name of another", ours(&ec.clone().with_kid("ed")).mint()),
        ("the algorithm of another of our keys", ours(&ec.clone().with_kid("rsa")).header("alg", "RS256").mint()),
        ("another algorithm of the same key", ours(&Signer::ps256().with_kid("rsa")).mint()),
        ("RS512 by the same key", ours(&rsa.clone().with_kid("rsa").with_alg("RS512")).mint()),
        ("no algorithm", ours(&ec).header("alg", "none").mint()),
        ("HS256", ours(&ec).header("alg", "HS256").mint()),
        ("a name with a path", ours(&foreign.clone().with_kid("../ec")).mint()),
        ("a key of its own", ours(&foreign.clone().with_kid("ec")).header("jwk", foreign.jwk()).mint()),
        ("another's name for our issuer", ours(&ec).claim("iss", format!("{OWN}/")).mint()),
        ("our key under the name of another issuer", ours(&ec).claim("iss", ISSUER).claim("aud", AUDIENCE).mint()),
    ] {
        let refused = outcome(&mut world, "/all", &forged);
        assert!(refused.starts_with("401 "), "{name}: {refused}");
        assert_eq!(exchange(&mut world, &forged, "").err(), Some(json!("invalid_client")), "{name}");
    }
}
