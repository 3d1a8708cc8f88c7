//! Capabilities from scopes and from groups, those that only a person may use, and the groups that give none.

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::Signer;
use crate::world::{Request, Seen, World, also, document, issuer, patched, token};

const PREFIX: &str = "lsst_int_lsp_int_";

/// Every request is let on, to see what the service is told.
fn open(capabilities: &Value) -> World {
    with(capabilities, &json!({}))
}

fn with(capabilities: &Value, require: &Value) -> World {
    let issuer = patched(issuer(&Signer::es256()), &json!({"token_use": ["access", "id"]}));
    let rules = json!([{"name": "all", "match": {"prefix": "/"}, "require": require}]);
    World::of(&patched(document(&[issuer], &rules), &json!({"capabilities": capabilities})))
}

fn send(world: &mut World, claims: Value) -> Seen {
    world.send(&Request::get("/x").bearing(&token(&Signer::es256(), claims)))
}

fn told(seen: &Seen) -> Option<&str> {
    seen.value("x-auth-request-token-capabilities")
}

/// DMTN-094 table 2.1; a token that tells of a login, so that all of it counts.
#[test]
fn the_preset_is_the_table_of_dmtn_094() {
    let mut world = open(&json!({"preset": "lsst", "group_prefix": PREFIX}));
    for (suffix, want) in [
        ("img", "read:image"),
        ("img_md", "read:image/md"),
        ("tap", "read:tap"),
        ("tap_efd", "read:tap/efd"),
        ("tap_usr", "read:tap/user write:tap/user"),
        ("tap_hist", "read:tap/history"),
        ("ws", "read:workspace"),
        ("ws_usr", "read:workspace/user write:workspace/user"),
        ("portal", "exec:portal"),
        ("nb", "exec:notebook"),
    ] {
        let seen = send(&mut world, json!({"groups": [format!("{PREFIX}{suffix}")], "auth_time": NOW}));
        assert_eq!(told(&seen), Some(want), "{suffix}");
    }
    for group in ["tap_r", "TAP", "tap ", "", "image", "tap_user", "img_"] {
        let seen = send(&mut world, json!({"groups": [format!("{PREFIX}{group}")], "auth_time": NOW}));
        assert_eq!(told(&seen), None, "{group:?}");
    }
    for group in ["tap", "x_tap", "LSST_INT_LSP_INT_tap", "lsst_int_lsp_tap"] {
        assert_eq!(told(&send(&mut world, json!({"groups": [group]}))), None, "{group:?}");
    }
}

#[test]
fn a_group_gives_what_the_configuration_says() {
    let preset = json!({"preset": "lsst", "group_prefix": PREFIX});
    let none = json!({"group_prefix": PREFIX, "groups": {"tap_r": ["read:tap", "a"]}});
    let own = patched(preset.clone(), &json!({"groups": {"tap_r": ["read:tap"], "tap": ["b"], "nb": ["c"]}}));
    let bare = json!({"groups": {"tap": ["read:tap"]}});
    for (name, capabilities, groups, want) in [
        ("without any", json!({}), json!([format!("{PREFIX}tap")]), None),
        ("own names", none.clone(), json!([format!("{PREFIX}tap_r")]), Some("a read:tap")),
        ("own names, not the preset's", none.clone(), json!([format!("{PREFIX}tap")]), None),
        ("added to the preset", own.clone(), json!([format!("{PREFIX}tap_r")]), Some("read:tap")),
        ("the preset's own", own.clone(), json!([format!("{PREFIX}img")]), Some("read:image")),
        ("instead of the preset's", own.clone(), json!([format!("{PREFIX}tap")]), Some("b")),
        ("instead of one that only a person may use", own, json!([format!("{PREFIX}nb")]), Some("c")),
        ("no prefix", bare.clone(), json!(["tap"]), Some("read:tap")),
        ("no prefix, and another name", bare, json!(["x_tap"]), None),
        (
            "several",
            preset.clone(),
            json!([format!("{PREFIX}tap"), "x", format!("{PREFIX}ws")]),
            Some("read:tap read:workspace"),
        ),
        (
            "a name that no header holds",
            preset,
            json!([format!("{PREFIX}{}", "x".repeat(40)), format!("{PREFIX}tap")]),
            Some("read:tap"),
        ),
    ] {
        assert_eq!(told(&send(&mut open(&capabilities), json!({"groups": groups}))), want, "{name}");
    }
}

#[test]
fn scopes_and_groups_are_united() {
    let mut world = open(&json!({"preset": "lsst", "group_prefix": PREFIX}));
    for (name, scope, groups, want) in [
        ("both", json!("x read:image"), json!([format!("{PREFIX}tap")]), Some("read:image read:tap x")),
        ("the same twice", json!("read:tap"), json!([format!("{PREFIX}tap")]), Some("read:tap")),
        ("scope alone", json!("read:tap"), json!([]), Some("read:tap")),
        ("groups alone", Value::Null, json!([format!("{PREFIX}tap")]), Some("read:tap")),
        ("neither", Value::Null, json!([]), None),
    ] {
        assert_eq!(told(&send(&mut world, json!({"scope": scope, "groups": groups}))), want, "{name}");
    }
}

/// Everybody is alone in the group of his own name (DMTN-094 §2.2), and may choose the name.
#[test]
fn the_group_that_is_named_like_the_user_gives_nothing() {
    let named = format!("{PREFIX}tap");
    let capabilities = json!({"preset": "lsst", "group_prefix": PREFIX});
    let mut world = open(&capabilities);
    let seen = send(&mut world, json!({"sub": named, "groups": [named, format!("{PREFIX}ws")]}));
    assert_eq!(told(&seen), Some("read:workspace"));
    assert_eq!(
        seen.value("x-auth-request-groups"),
        Some(format!("{named},{PREFIX}ws").as_str()),
        "it is still a group"
    );
    let seen = send(&mut world, json!({"sub": "alice", "groups": [named]}));
    assert_eq!(told(&seen), Some("read:tap"), "another user's");

    let mut rule = with(&capabilities, &json!({"groups": {"any_of": [named]}}));
    assert_eq!(send(&mut rule, json!({"sub": named, "groups": [named]})).in_short(), "ok", "rules see it");
}

/// Which of his names is the user's is the issuer's affair; that a name of his own gives no rights is ours.
#[test]
fn a_group_that_is_named_like_any_of_the_names_gives_nothing() {
    let named = format!("{PREFIX}tap");
    let service = json!({"sub": "poller", "client_id": "poller"});
    let of = |claims: Value, user: Value| {
        let issuer = patched(issuer(&Signer::es256()), &json!({"claims": {"user": user}}));
        let rules = json!([{"name": "all", "match": {"prefix": "/"}}]);
        let capabilities = json!({"capabilities": {"preset": "lsst", "group_prefix": PREFIX}});
        let mut world = World::of(&patched(document(&[issuer], &rules), &capabilities));
        let groups = json!({"groups": [named, format!("{PREFIX}ws")]});
        send(&mut world, also(claims, groups))
    };
    for (name, claims, user, own) in [
        ("the user", json!({"sub": named}), json!("sub"), true),
        ("uid", json!({"uid": named}), json!("sub"), true),
        ("preferred_username", json!({"preferred_username": named}), json!("sub"), true),
        ("username", json!({"username": named}), json!("sub"), true),
        ("a claim of the user that is not the first", json!({"x": named}), json!(["sub", "x"]), true),
        ("the subject, where that is no user's name", json!({"sub": named}), json!("uid"), true),
        ("no user claim at all", json!({"sub": null, "username": named}), json!("sub"), true),
        ("a service's uid", also(service.clone(), json!({"uid": named})), json!("sub"), true),
        ("a service's username", also(service.clone(), json!({"username": named})), json!("sub"), true),
        ("a service's", json!({"sub": named, "client_id": named}), json!("sub"), true),
        ("a service's own user claim", also(service.clone(), json!({"x": named})), json!("x"), true),
        ("another service's", service, json!("sub"), false),
        ("another's name", json!({"name": named}), json!("sub"), false),
        ("in other letters", json!({"uid": named.to_uppercase()}), json!("sub"), true),
    ] {
        let seen = of(claims, user);
        let want = if own { "read:workspace" } else { "read:tap read:workspace" };
        assert_eq!((seen.in_short().as_str(), told(&seen)), ("ok", Some(want)), "{name}");
    }
}

/// What one issuer calls alice, or read:tap, need not be what another one does.
#[test]
fn a_rule_may_be_for_the_tokens_of_some_issuers() {
    let signer = Signer::es256();
    let named = |name: &str| patched(issuer(&signer), &json!({"issuer": name}));
    let issuers = [issuer(&signer), named("https://second.test"), named("https://third.test")];
    let parse = |listed: Value| {
        let require = json!({"issuers": listed, "capabilities": {"all_of": ["read:tap"]}});
        World::parse(&document(&issuers, &json!([{"name": "all", "match": {"prefix": "/"}, "require": require}])))
    };
    let (one, two) = (json!(["https://second.test"]), json!(["https://second.test", "https://third.test"]));
    for (listed, iss, scope, want) in [
        (&one, "https://second.test", "read:tap", "ok"),
        (&one, "https://third.test", "read:tap", "403 issuer_not_listed"),
        (&one, crate::support::mint::ISSUER, "read:tap", "403 issuer_not_listed"),
        (&one, crate::support::mint::ISSUER, "x", "403 issuer_not_listed"),
        (&one, "https://second.test", "x", "403 insufficient_scope"),
        (&one, "https://fourth.test", "read:tap", "401 unknown_issuer"),
        (&two, "https://second.test", "read:tap", "ok"),
        (&two, "https://third.test", "read:tap", "ok"),
        (&two, crate::support::mint::ISSUER, "read:tap", "403 issuer_not_listed"),
    ] {
        let mut world = parse(listed.clone()).unwrap_or_else(|problems| panic!("{problems:?}"));
        let seen = send(&mut world, json!({"iss": iss, "scope": scope}));
        assert_eq!(seen.in_short(), want, "{listed}: {iss} {scope}");
        if want == "403 issuer_not_listed" {
            assert_eq!(seen.recorded("missing"), Some("issuer"), "{listed}: {iss}");
            assert!(seen.challenges().is_empty(), "{listed}: {iss}: no other scope would do");
        }
    }
    for listed in [
        json!(["https://fourth.test"]),
        json!(["https://second.test", "https://fourth.test"]),
        json!(["https://second.test/"]),
        json!(["https://SECOND.test"]),
        json!([""]),
    ] {
        let Err(problems) = parse(listed.clone()) else { panic!("{listed} is accepted") };
        assert!(problems.iter().any(|problem| problem.starts_with("rules[0].require.issuers")), "{problems:?}");
    }
}

#[test]
fn a_rule_asks_for_capabilities_whatever_gives_them() {
    let capabilities = json!({"preset": "lsst", "group_prefix": PREFIX});
    let mut world = with(&capabilities, &json!({"capabilities": {"all_of": ["read:tap", "x"]}}));
    let tap = format!("{PREFIX}tap");
    for (name, claims, want, missing) in [
        ("both by scope", json!({"scope": "x read:tap"}), "ok", None),
        ("one by a group", json!({"scope": "x", "groups": [tap]}), "ok", None),
        ("the group alone", json!({"groups": [tap]}), "403 insufficient_scope", Some("x")),
        ("the scope alone", json!({"scope": "x"}), "403 insufficient_scope", Some("read:tap")),
        ("a longer name", json!({"scope": "x read:tap/user"}), "403 insufficient_scope", Some("read:tap")),
        (
            "a group of a longer name",
            json!({"scope": "x", "groups": [format!("{tap}_usr")]}),
            "403 insufficient_scope",
            Some("read:tap"),
        ),
        (
            "his own group",
            json!({"scope": "x", "groups": [tap], "sub": tap}),
            "403 insufficient_scope",
            Some("read:tap"),
        ),
    ] {
        let seen = send(&mut world, claims);
        assert_eq!(seen.in_short(), want, "{name}");
        assert_eq!(seen.recorded("missing"), missing, "{name}");
    }
    let mut longer = with(&capabilities, &json!({"capabilities": {"all_of": ["read:tap/user"]}}));
    assert_eq!(send(&mut longer, json!({"scope": "read:tap"})).in_short(), "403 insufficient_scope");
}

/// A person's token: it is a user's, and somebody has logged in.
fn persons() -> [(&'static str, Value, bool); 13] {
    let service = json!({"sub": "poller", "client_id": "poller"});
    [
        ("nothing tells of a login", json!({}), false),
        ("auth_time", json!({"auth_time": NOW - 3600}), true),
        // Some Keycloaks write it where nobody logged in.
        ("auth_time of 0", json!({"auth_time": 0}), false),
        ("auth_time of long ago", json!({"auth_time": 1}), true),
        // A minute for clocks that differ.
        ("auth_time of the other clock", json!({"auth_time": NOW + 60}), true),
        ("auth_time that is still to come", json!({"auth_time": NOW + 61}), false),
        ("auth_time of a year to come", json!({"auth_time": NOW + 31_536_000}), false),
        ("ID token with a login to come", json!({"nonce": "n", "auth_time": NOW + 3600}), true),
        ("ID token", json!({"nonce": "n"}), true),
        ("ID token by its use", json!({"token_use": "id"}), true),
        ("a service", service.clone(), false),
        ("a service with auth_time", also(service, json!({"auth_time": NOW})), false),
        ("nobody's, with auth_time", json!({"sub": null, "client_id": "x", "auth_time": NOW}), false),
    ]
}

#[test]
fn exec_capabilities_of_the_preset_count_for_persons_alone() {
    for (capability, group) in [("exec:portal", "portal"), ("exec:notebook", "nb")] {
        let preset = json!({"preset": "lsst", "group_prefix": PREFIX});
        let mut asking = with(&preset, &json!({"capabilities": {"all_of": [capability]}}));
        let mut open = open(&preset);
        for (name, claims, person) in persons() {
            for (how, rights) in [
                ("scope", json!({"scope": format!("read:tap {capability}")})),
                ("group", json!({"scope": "read:tap", "groups": [format!("{PREFIX}{group}")]})),
            ] {
                let claims = also(claims.clone(), rights);
                let want = if person { "ok" } else { "403 not_interactive" };
                assert_eq!(send(&mut asking, claims.clone()).in_short(), want, "{capability} by {how}: {name}");
                let all = format!("{capability} read:tap");
                let want = if person { all.as_str() } else { "read:tap" };
                assert_eq!(told(&send(&mut open, claims)), Some(want), "{capability} by {how}: {name}");
            }
        }
    }
}

#[test]
fn without_the_preset_exec_capabilities_are_names_like_others() {
    let mut world = with(&json!({}), &json!({"capabilities": {"all_of": ["exec:portal"]}}));
    let seen = send(&mut world, json!({"scope": "exec:portal"}));
    assert_eq!((seen.in_short().as_str(), told(&seen)), ("ok", Some("exec:portal")));
}

/// What another token of the same kind could have is asked for first.
#[test]
fn one_of_several_may_be_one_that_does_not_count() {
    let preset = json!({"preset": "lsst", "group_prefix": PREFIX});
    let mut any = with(&preset, &json!({"capabilities": {"any_of": ["exec:portal", "read:tap"]}}));
    assert_eq!(send(&mut any, json!({"scope": "exec:portal read:tap"})).in_short(), "ok");
    let mut other = with(&preset, &json!({"capabilities": {"all_of": ["read:tap", "exec:portal"]}}));
    let person = json!({"auth_time": NOW, "scope": "exec:portal"});
    assert_eq!(
        send(&mut other, person).in_short(),
        "403 insufficient_scope",
        "a person, and something else is missing"
    );
    let program = json!({"scope": "exec:portal"});
    assert_eq!(send(&mut other, program).in_short(), "403 insufficient_scope", "none, and something else is missing");
}

#[test]
fn a_rule_may_ask_for_a_person() {
    let mut world = with(&json!({}), &json!({"interactive": true}));
    let mut other = with(&json!({}), &json!({"interactive": false}));
    for (name, claims, person) in persons() {
        let want = if person { "ok" } else { "403 not_interactive" };
        let seen = send(&mut world, claims.clone());
        assert_eq!(seen.in_short(), want, "{name}");
        assert!(seen.challenges().is_empty(), "{name}: {:?}", seen.challenges());
        assert_eq!(send(&mut other, claims).in_short(), "ok", "{name}");
    }
}

#[test]
fn principals_clients_and_users_are_told_apart() {
    let user = json!({"client_id": "portal"});
    let service = json!({"sub": "poller", "client_id": "poller"});
    let neither = json!({"sub": null, "client_id": "portal"});
    let bare = json!({"client_id": null});
    for (require, wants) in [
        (json!({}), ["ok", "ok", "ok", "ok"]),
        (json!({"principals": ["user"]}), ["ok", "403 wrong_principal", "403 wrong_principal", "ok"]),
        (
            json!({"principals": ["service"]}),
            ["403 wrong_principal", "ok", "403 wrong_principal", "403 wrong_principal"],
        ),
        (json!({"principals": ["user", "service"]}), ["ok", "ok", "403 wrong_principal", "ok"]),
        (
            json!({"clients": ["poller"]}),
            ["403 client_not_listed", "ok", "403 client_not_listed", "403 client_not_listed"],
        ),
        (json!({"clients": ["portal"]}), ["ok", "403 client_not_listed", "ok", "403 client_not_listed"]),
        (json!({"clients": ["poller", "portal"]}), ["ok", "ok", "ok", "403 client_not_listed"]),
        (json!({"users": ["alice"]}), ["ok", "403 user_not_listed", "403 user_not_listed", "ok"]),
        // A service is no user, though its subject may look like one.
        (json!({"users": ["poller"]}), ["403 user_not_listed"; 4]),
    ] {
        let mut world = with(&json!({}), &require);
        for (claims, want) in [&user, &service, &neither, &bare].into_iter().zip(wants) {
            assert_eq!(send(&mut world, claims.clone()).in_short(), want, "{require}: {claims}");
        }
    }
}

/// Nobody's name is no client's name either.
#[test]
fn an_empty_subject_is_not_that_of_an_empty_client() {
    let claims = json!({"sub": "", "client_id": "", "azp": "", "uidNumber": 1000});
    for kind in ["user", "service"] {
        let seen = send(&mut with(&json!({}), &json!({"principals": [kind]})), claims.clone());
        assert_eq!(seen.in_short(), "403 wrong_principal", "{kind}");
    }
    let seen = send(&mut open(&json!({})), claims);
    assert_eq!((seen.in_short().as_str(), seen.identity()), ("ok", json!({"uid": "1000"})));
}

#[test]
fn a_service_has_a_header_of_its_own_and_no_user() {
    let mut world = open(&json!({}));
    for (name, claims, identity) in [
        ("a user with a client", json!({"client_id": "portal"}), json!({"user": "alice"})),
        ("a service", json!({"sub": "poller", "azp": "poller"}), json!({"service": "poller"})),
        ("client_id goes first", json!({"sub": "a", "client_id": "a", "azp": "b"}), json!({"service": "a"})),
        ("by any of its clients", json!({"sub": "b", "client_id": "a", "azp": "b"}), json!({"service": "b"})),
        ("by none of them", json!({"sub": "c", "client_id": "a", "azp": "b"}), json!({"user": "c"})),
        ("an empty client is none", json!({"sub": "b", "client_id": "", "azp": "b"}), json!({"service": "b"})),
        (
            "what would be a user's",
            json!({"sub": "a", "client_id": "a", "uidNumber": 1000, "email": "a@example.org", "groups": ["g"]}),
            json!({"service": "a", "groups": "g"}),
        ),
        (
            "the same of a user",
            json!({"sub": "u", "client_id": "a", "uidNumber": 1000, "email": "a@example.org", "groups": ["g"]}),
            json!({"user": "u", "uid": "1000", "email": "a@example.org", "groups": "g"}),
        ),
        ("nobody", json!({"sub": null, "client_id": "a"}), json!({})),
    ] {
        let seen = send(&mut world, claims);
        assert_eq!((seen.in_short().as_str(), seen.identity()), ("ok", identity), "{name}");
    }
}

/// That a token may be an ID token is reason enough to refuse it, and none to trust it with more.
#[test]
fn a_guess_makes_no_token_interactive() {
    let audience = "https://api.test";
    for (name, claims, want) in [
        ("guessed", json!({"azp": audience, "uid": "a"}), "403 not_interactive"),
        ("said", json!({"azp": audience, "uid": "a", "nonce": "n"}), "ok"),
    ] {
        let lsst = json!({"profile": "lsst", "claims": {"user": "uid"}});
        let rules = json!([{"name": "nb", "match": {"prefix": "/"}, "require": {"interactive": true}}]);
        let issuer = crate::world::patched(crate::world::issuer(&Signer::es256()), &lsst);
        let mut world = World::of(&crate::world::document(&[issuer], &rules));
        let raw = crate::world::token(&Signer::es256(), claims);
        assert_eq!(world.send(&Request::get("/").bearing(&raw)).in_short(), want, "{name}");
    }
}

/// What a scope is renamed to counts as if the issuer had called it so; what a group stands for has our own name already.
#[test]
fn scopes_are_renamed_and_groups_capabilities_are_not() {
    let renaming = json!({"rs/nb": "exec:notebook", "read:tap": "read:all"});
    let issuer = patched(issuer(&Signer::es256()), &json!({"scope_map": renaming}));
    let rules = json!([{"name": "all", "match": {"prefix": "/"}}]);
    let preset = json!({"capabilities": {"preset": "lsst", "group_prefix": PREFIX}});
    let mut world = World::of(&patched(document(&[issuer], &rules), &preset));
    let tap = format!("{PREFIX}tap");
    for (name, claims, want) in [
        ("a scope", json!({"scope": "read:tap"}), Some("read:all")),
        ("the same by a group", json!({"groups": [tap]}), Some("read:tap")),
        ("both", json!({"scope": "read:tap", "groups": [tap]}), Some("read:all read:tap")),
        ("to one for persons, a person's", json!({"scope": "rs/nb", "auth_time": NOW}), Some("exec:notebook")),
        ("to one for persons, a program's", json!({"scope": "rs/nb"}), None),
    ] {
        assert_eq!(told(&send(&mut world, claims)), want, "{name}");
    }
}
