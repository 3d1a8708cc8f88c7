//! What an exchanged token is worth where it comes back: no more than the former, and nothing that takes a login.

use serde_json::{Value, json};

use super::{OWN, answer, asking, exchanged, made, stage, tap, users, users_token};
use crate::profiles::{configured, every_kind, minted};
use crate::scenario::NOW;
use crate::support::mint::AUDIENCE;
use crate::world::{Request, World, also, issuer, patched};

/// Its issuer's entry and that of the tokens made here have these members beside the usual ones.
fn world(members: &Value, rule: &Value, capabilities: &Value) -> World {
    let mut document = stage(&json!({"rules": [tap(rule)], "capabilities": capabilities}));
    for entry in [0, 1] {
        document["issuers"][entry] = also(document["issuers"][entry].clone(), members.clone());
    }
    World::of(&document)
}

/// What becomes of the token, and of the one that it is exchanged for.
fn before_and_after(world: &mut World, token: &str) -> [String; 2] {
    let (new, _) = exchanged(world, token, "");
    [token, new.as_str()].map(|token| world.send(&Request::get("/tap/a").bearing(token)).in_short())
}

#[test]
fn a_program_does_not_pass_for_somebody_who_logged_in() {
    let both = json!({"token_use": ["access", "id"]});
    let id = |claims: Value| also(json!({"auth_time": NOW - 5, "scope": "exec:portal a"}), claims);
    for (name, claims) in [
        ("a time of login", id(json!({}))),
        ("a nonce", id(json!({"nonce": "n"}))),
        ("a nonce and no time", id(json!({"nonce": "n", "auth_time": 0}))),
        ("hashes", id(json!({"at_hash": "x", "c_hash": "y", "s_hash": "z"}))),
        ("a class and methods", id(json!({"acr": "mfa", "amr": ["pwd", "otp"]}))),
        ("an ID token by token_use", id(json!({"token_use": "id"}))),
        ("by typ", id(json!({"typ": "ID"}))),
        ("by token_type", id(json!({"token_type": "id_token"}))),
        ("by type and typ", id(json!({"type": "id", "typ": "id"}))),
        ("for its own client", id(json!({"azp": AUDIENCE, "aud": AUDIENCE, "auth_time": NOW - 5}))),
    ] {
        let preset = json!({"preset": "lsst"});
        let refused = "403 not_interactive";
        let portal = json!({"capabilities": {"all_of": ["exec:portal"]}});
        for (rule, want) in [
            (json!({"require": {"interactive": true}}), refused),
            (json!({"require": {"max_auth_age": "15m"}}), "401 insufficient_user_authentication"),
            (json!({"require": {"acr": ["mfa"]}}), "401 insufficient_user_authentication"),
            (json!({"require": portal}), "403 insufficient_scope"),
        ] {
            let mut world = world(&both, &rule, &preset);
            let [before, after] = before_and_after(&mut world, &users_token(claims.clone()));
            assert_eq!(after, want, "{name}: {rule}");
            // Without it the row would say nothing.
            let needs_time = rule["require"].get("max_auth_age").is_some() && claims["auth_time"] == 0;
            let needs_class = rule["require"].get("acr").is_some() && claims.get("acr").is_none();
            if !needs_time && !needs_class {
                assert_eq!(before, "ok", "{name}: {rule}");
            }
        }
    }
}

#[test]
fn the_new_token_has_no_claim_of_a_login() {
    let of_login = json!({
        "auth_time": NOW - 5, "acr": "mfa", "amr": ["otp"], "nonce": "n", "at_hash": "h", "c_hash": "h", "s_hash": "h",
    });
    let kinds = json!({"token_use": "id", "typ": "ID", "type": "id", "token_type": "id_token"});
    let others = json!({"sid": "s", "email": "a@b.test", "nbf": NOW - 1});
    let mut world = world(&json!({"token_use": ["access", "id"]}), &json!({}), &json!({}));
    let (new, _) = exchanged(&mut world, &users_token(also(also(of_login.clone(), kinds.clone()), others.clone())), "");
    let claims = made(&world, &new).claims;
    for gone in of_login.as_object().unwrap().keys().chain(kinds.as_object().unwrap().keys()) {
        assert_eq!(claims.get(gone), None, "{gone}");
    }
    for (kept, value) in others.as_object().unwrap() {
        assert_eq!(&claims[kept], value, "{kept}");
    }
    // An access token that says what it is goes on saying so.
    let (new, _) = exchanged(&mut world, &users_token(json!({"typ": "Bearer", "token_use": "access"})), "");
    assert_eq!(made(&world, &new).claims["typ"], "Bearer");
}

/// Where the tokens made here are read as the issuer's own.
#[test]
fn the_token_of_every_kind_of_issuer_comes_back_as_the_same_caller() {
    for kind in every_kind() {
        // One has to say in its header what it is, which no token made here does.
        if kind.name == "at-jwt" {
            continue;
        }
        let former = minted(&kind, &json!({}), &json!({"act": null}), &users());
        let theirs = configured(&kind, &json!({}), &users());
        let mut ours = patched(theirs.clone(), &json!({"issuer": OWN, "jwks": null, "algorithms": ["EdDSA"]}));
        // Auth0's names end with a slash.
        if kind.name == "auth0" {
            ours = patched(
                ours,
                &json!({"profile": null, "claims": {"scopes": ["scope", "permissions"], "groups": ["none"]}}),
            );
        }
        ours["audiences"] = also(json!({"a": [AUDIENCE]}), json!({}))["a"].clone();
        let document = stage(&json!({"issuers": [theirs, ours]}));
        let mut world = World::of(&document);
        let (new, _) = exchanged(&mut world, &former, "");
        let seen = |world: &mut World, token: &str| {
            let seen = world.send(&Request::get("/x").bearing(token));
            assert_eq!(seen.in_short(), "ok", "{}", kind.name);
            seen.identity()
        };
        assert_eq!(seen(&mut world, &new), seen(&mut world, &former), "{}", kind.name);
    }
}

/// The WLCG profile: groups beside capabilities say nothing. With fewer capabilities they must not begin to.
#[test]
fn groups_that_did_not_count_do_not_count_afterwards() {
    let wlcg = json!({"profile": "wlcg"});
    let claims = |scope: &str| json!({"wlcg.ver": "1.0", "jti": "x", "scope": scope, "wlcg.groups": ["/admin"]});
    let rule = json!({"require": {"groups": {"any_of": ["/admin"]}}});
    let refused = "403 not_in_group";
    for (name, scope, asked, want) in [
        ("beside a capability", "storage.read:/ openid", "scope=openid", [refused, refused]),
        ("where none is asked for", "storage.read:/ openid", "", [refused, refused]),
        ("without capabilities", "openid", "", ["ok", "ok"]),
    ] {
        let mut document = stage(&json!({"rules": [tap(&rule)]}));
        document["issuers"][0] = also(issuer(&users()), wlcg.clone());
        document["issuers"][0]["algorithms"] = json!(["ES256"]);
        document["issuers"][1] = also(document["issuers"][1].clone(), wlcg.clone());
        let mut world = World::of(&document);
        let token = users_token(claims(scope));
        let (new, _) = exchanged(&mut world, &token, asked);
        let got = [&token, &new].map(|token| world.send(&Request::get("/tap/a").bearing(token)).in_short());
        assert_eq!(got, want, "{name}");
    }
}

/// The entry of the tokens made here reads all of them in one way, whoever has made the former.
#[test]
fn no_token_is_made_that_would_be_worth_more_to_another_reader() {
    let groups = json!({"groups": {"g": ["read:g"]}});
    for (name, theirs, ours, claims, is_given) in [
        ("alike", json!({}), json!({}), json!({"scope": "a"}), true),
        ("another user", json!({}), json!({"claims": {"user": "uid"}}), json!({"uid": "root"}), false),
        (
            "the same user by another claim",
            json!({}),
            json!({"claims": {"user": "uid"}}),
            json!({"uid": "alice"}),
            true,
        ),
        ("no user", json!({}), json!({"claims": {"user": "uid"}}), json!({}), true),
        ("a user where there was none", json!({"claims": {"user": "uid"}}), json!({}), json!({}), false),
        (
            "a subject that is no identity",
            json!({"profile": "scitokens"}),
            json!({}),
            json!({"ver": "scitoken:2.0", "nbf": 1, "scope": "read:/"}),
            false,
        ),
        ("another number", json!({"claims": {"uid": "n"}}), json!({}), json!({"uidNumber": 0, "n": 1000}), false),
        ("another address", json!({"claims": {"email": "mail"}}), json!({}), json!({"email": "a@b.test"}), false),
        ("another client", json!({"claims": {"client": "azp"}}), json!({}), json!({"client_id": "admin"}), false),
        ("a group", json!({"claims": {"groups": "g"}}), json!({}), json!({"groups": ["admin"]}), false),
        (
            "a group that stands for something",
            json!({"claims": {"groups": "x"}}),
            json!({}),
            json!({"groups": ["g"]}),
            false,
        ),
        (
            "scopes of another claim",
            json!({}),
            json!({"claims": {"scopes": ["scope", "permissions"]}}),
            json!({"permissions": ["admin"]}),
            false,
        ),
        ("scopes by another name", json!({}), json!({"scope_map": {"a": "admin"}}), json!({"scope": "a"}), false),
        (
            "scopes with paths",
            json!({}),
            json!({"profile": "wlcg", "claims": {"user": "sub"}}),
            json!({"wlcg.ver": "1.0", "jti": "x", "scope": "storage.read:/"}),
            false,
        ),
        ("a service", json!({"claims": {"client": "x"}}), json!({}), json!({"client_id": "alice"}), false),
    ] {
        let mut document = stage(&json!({"capabilities": groups}));
        document["issuers"][0] = also(document["issuers"][0].clone(), theirs);
        document["issuers"][0]["algorithms"] = json!(["ES256"]);
        document["issuers"][1] = also(document["issuers"][1].clone(), ours);
        let request = asking("").bearing(&users_token(claims));
        let (status, answered) = answer(&World::of(&document).send(&request));
        if is_given {
            assert_eq!(status, 200, "{name}: {answered}");
        } else {
            assert_eq!((status, &answered["error"]), (500, &json!("server_error")), "{name}: {answered}");
        }
        // Where it cannot come back nobody is misled here.
        document["issuers"].as_array_mut().unwrap().truncate(1);
        assert_eq!(answer(&World::of(&document).send(&request)).0, 200, "{name}");
    }
}
