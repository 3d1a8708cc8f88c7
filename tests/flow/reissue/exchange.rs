//! A token for a weaker one: what is given, and how it is told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{API, GRANT, OWN, TOKEN_PATH, answer, asking, exchanged, made, own_token, stage, users_token};
use crate::scenario::NOW;
use crate::support::mint::AUDIENCE;
use crate::world::{Request, World};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

fn world() -> World {
    World::of(&stage(&json!({})))
}

#[test]
fn the_answer_is_that_of_rfc_8693() {
    let token = users_token(json!({"scope": "read:tap write:tap", "jti": "id-1", "client_id": "web"}));
    for (accept, kind, issued_as) in [
        ("*/*", "", ACCESS_TOKEN),
        ("text/html", "", ACCESS_TOKEN),
        ("application/json", "requested_token_type=urn:ietf:params:oauth:token-type:jwt", JWT),
    ] {
        let mut world = world();
        let seen = world.send(&asking(&format!("scope=read%3atap&{kind}")).bearing(&token).with("accept", accept));
        let (status, document) = answer(&seen);
        let new = document["access_token"].as_str().expect("a token").to_owned();
        let want = json!({
            "access_token": new, "issued_token_type": issued_as, "token_type": "Bearer", "expires_in": 600,
            "scope": "read:tap",
        });
        assert_eq!((status, &document), (200, &want), "{accept}");
        assert_eq!(seen.reply_values("content-type"), ["application/json"], "{accept}");
        assert_eq!(seen.reply_values("cache-control"), ["no-store"], "{accept}");
        assert_eq!(seen.reply_values("pragma"), ["no-cache"], "{accept}");
        let record = json!({
            "client": "web", "decision": "allow", "issuer": "https://issuer.test", "reason": "exchanged",
            "scheme": "bearer", "token_id": "id-1", "user": "alice",
        });
        assert_eq!(seen.record, record);
        assert_eq!(seen.counter, "postern_requests_total.decision.allow.reason.exchanged.rule.none");
        assert!(!seen.told.contains(&token), "the user's token is told");
        assert_eq!(seen.value("authorization"), None);
        let claims = made(&world, &new).claims;
        let act = json!({"iss": "https://issuer.test", "aud": AUDIENCE, "jti": "id-1"});
        let want = json!({
            "iss": OWN, "aud": AUDIENCE, "sub": "alice", "scope": "read:tap", "client_id": "web", "iat": NOW,
            "exp": NOW + 600, "jti": claims["jti"], "act": act,
        });
        assert_eq!(claims, want);
        assert!(!seen.record.to_string().contains(&new), "the new token is recorded");
    }
}

#[test]
fn the_token_comes_as_on_any_request_or_in_the_form() {
    let token = users_token(json!({"scope": "a"}));
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    let with = |value: &str| asking("").with("authorization", value);
    let typed =
        |kind: &str| Request::new("POST", TOKEN_PATH).with("content-type", kind).carrying(GRANT).bearing(&token);
    let query = |more: &str| Request::new("POST", &format!("{TOKEN_PATH}?{more}"));
    for (name, request, scheme) in [
        ("bearer", with(&format!("Bearer {token}")), "bearer"),
        ("basic", with(&basic(format!("{token}:"))), "basic"),
        ("basic, as the password", with(&basic(format!("x-oauth-basic:{token}"))), "basic"),
        ("form", asking(&format!("subject_token={token}&subject_token_type={JWT}")), "form"),
        ("the same in both", asking(&format!("subject_token={token}")).bearing(&token), "bearer"),
        ("all in the query", query(&format!("{GRANT}&access_token={token}")), "query"),
        ("parameters in the query", query(GRANT).bearing(&token), "bearer"),
        ("parameters in the query, and an empty body", query(GRANT).bearing(&token).carrying(""), "bearer"),
        ("parameters in both", asking("").with(":path", &format!("{TOKEN_PATH}?scope=a")).bearing(&token), "bearer"),
        ("another spelling of the path", asking("").with(":path", "/%70ostern/toke%6e").bearing(&token), "bearer"),
        ("with a charset", typed("application/x-www-form-urlencoded; charset=UTF-8"), "bearer"),
        ("with a charset and no space", typed("application/x-www-form-urlencoded;charset=utf-8"), "bearer"),
        ("with a type in capitals", typed("Application/X-WWW-Form-URLencoded"), "bearer"),
    ] {
        let mut world = World::of(&stage(&json!({"credentials": {"query": true}})));
        let seen = world.send(&request);
        assert_eq!(answer(&seen).0, 200, "{name}: {:?}", answer(&seen));
        assert_eq!(seen.recorded("scheme"), Some(scheme), "{name}");
        assert!(seen.fields.iter().all(|(_, value)| !value.contains(&token)), "{name}: it is left for the access log");
        assert!(!seen.told.contains(&token), "{name}");
    }
}

#[test]
fn scopes_are_those_that_are_asked_for_or_all_that_programs_may_have() {
    let held = "write:tap read:tap exec:portal exec:notebook read:image";
    for (name, parameters, want) in [
        ("all", "", "read:image read:tap write:tap"),
        ("none is none", "scope=", "read:image read:tap write:tap"),
        ("one", "scope=read:tap", "read:tap"),
        ("two, in another order, one twice", "scope=write:tap+read:tap+write:tap", "read:tap write:tap"),
        ("all of them", "scope=read:image%20read:tap%20write:tap", "read:image read:tap write:tap"),
    ] {
        for claims in [json!({"scope": held}), json!({"scope": held, "auth_time": NOW - 5})] {
            let mut world = World::of(&stage(&json!({"capabilities": {"preset": "lsst"}})));
            let (new, document) = exchanged(&mut world, &users_token(claims.clone()), parameters);
            assert_eq!(document["scope"], want, "{name}: {claims}");
            assert_eq!(made(&world, &new).claims["scope"], want, "{name}: {claims}");
        }
    }
    // A token that has none makes one that has none.
    let mut world = world();
    let (new, document) = exchanged(&mut world, &users_token(json!({})), "");
    assert_eq!((&document["scope"], &made(&world, &new).claims["scope"]), (&json!(""), &json!("")));
}

/// Scopes that come of groups, of other claims and by other names.
#[test]
fn what_gives_scopes_is_replaced_by_the_scopes() {
    let lsst = json!({"preset": "lsst", "group_prefix": "int_"});
    let groups = json!({"isMemberOf": [{"name": "int_tap"}, {"name": "int_portal"}], "groups": ["int_img", "x"]});
    for (name, issuer, capabilities, claims, want, gone) in [
        ("groups", json!({}), lsst.clone(), groups, "read:image read:tap", &["isMemberOf", "groups"][..]),
        ("groups that say nothing", json!({}), json!({}), json!({"groups": ["x"], "scope": "a"}), "a", &[]),
        ("another claim", json!({"claims": {"scopes": "scp"}}), json!({}), json!({"scp": ["a", "b"]}), "a b", &["scp"]),
        ("other names", json!({"scope_map": {"rs/a": "a"}}), json!({}), json!({"scope": "rs/a rs/b"}), "a rs/b", &[]),
    ] {
        let mut document = stage(&json!({"capabilities": capabilities}));
        for (member, value) in issuer.as_object().unwrap() {
            document["issuers"][0][member] = value.clone();
        }
        let mut world = World::of(&document);
        let (new, answer) = exchanged(&mut world, &users_token(claims.clone()), "");
        let new = made(&world, &new).claims;
        assert_eq!((&answer["scope"], &new["scope"]), (&json!(want), &json!(want)), "{name}");
        for claim in claims.as_object().unwrap().keys().filter(|claim| *claim != "scope") {
            assert_eq!(new.get(claim).is_none(), gone.contains(&claim.as_str()), "{name}: {claim}");
        }
    }
}

#[test]
fn scopes_with_paths_may_be_made_narrower() {
    let sci = json!({"profile": "scitokens", "claims": {"user": "sub"}});
    let wlcg = json!({"profile": "wlcg", "claims": {"user": "sub"}});
    let sci_claims = json!({"ver": "scitoken:2.0", "nbf": 1, "scope": "read:/a write:/a/b queue"});
    let wlcg_claims = json!({"wlcg.ver": "1.0", "jti": "x", "scope": "storage.read:/ storage.create:/a compute.read"});
    for (issuer, claims, asked, is_given) in [
        (&sci, &sci_claims, "read:/a", true),
        (&sci, &sci_claims, "read:/a/b/c write:/a/b/c", true),
        (&sci, &sci_claims, "queue", true),
        (&sci, &sci_claims, "read:/", false),
        (&sci, &sci_claims, "read", false),
        (&sci, &sci_claims, "read:/ab", false),
        (&sci, &sci_claims, "read:/a/../b", false),
        (&sci, &sci_claims, "read:/a/%2e%2e/b", false),
        (&sci, &sci_claims, "write:/a", false),
        (&sci, &sci_claims, "read:/a queue exec", false),
        (&wlcg, &wlcg_claims, "storage.read:/x/y", true),
        (&wlcg, &wlcg_claims, "storage.create:/a/b compute.read", true),
        (&wlcg, &wlcg_claims, "storage.modify:/a", false),
        (&wlcg, &wlcg_claims, "storage.create:/b", false),
        (&wlcg, &wlcg_claims, "storage.read", false),
    ] {
        let mut document = stage(&json!({}));
        for entry in [0, 1] {
            for (member, value) in issuer.as_object().unwrap() {
                document["issuers"][entry][member] = value.clone();
            }
        }
        document["issuers"][0]["algorithms"] = json!(["ES256"]);
        let seen = World::of(&document).send(&asking(&format!("scope={asked}")).bearing(&users_token(claims.clone())));
        let (status, document) = answer(&seen);
        if is_given {
            let mut want: Vec<&str> = asked.split(' ').collect();
            want.sort_unstable();
            assert_eq!((status, &document["scope"]), (200, &json!(want.join(" "))), "{asked}");
        } else {
            assert_eq!((status, &document["error"]), (400, &json!("invalid_scope")), "{asked}");
        }
    }
}

#[test]
fn it_lives_as_long_as_asked_for_as_allowed_and_as_the_users_own() {
    for (name, allowed, asked, left, want) in [
        ("as allowed by default", None, "", 7200, 3600),
        ("as allowed", Some("24h"), "", 86_400, 86_400),
        ("as allowed, which is less than the user's", Some("1m"), "", 600, 60),
        ("the user's", Some("24h"), "", 600, 600),
        ("as asked for", None, "expires_in=60", 600, 60),
        ("as asked for, to the second", None, "expires_in=1", 600, 1),
        ("more is asked for than is allowed", None, "expires_in=86400", 86_400, 3600),
        ("more is asked for than is left", None, "expires_in=3600", 600, 600),
        ("all there is", None, "expires_in=18446744073709551615", 600, 600),
    ] {
        let mut document = stage(&json!({}));
        if let Some(allowed) = allowed {
            document["reissue"]["exchange"]["lifetime"] = allowed.into();
        }
        let mut world = World::of(&document);
        let end = NOW.checked_add_signed(left).unwrap();
        let token = users_token(json!({"iat": NOW - 100, "exp": end}));
        let token = if left > 86_300 { users_token(json!({"exp": end})) } else { token };
        let (new, document) = exchanged(&mut world, &token, asked);
        let claims = made(&world, &new).claims;
        assert_eq!(document["expires_in"], want, "{name}");
        assert_eq!(claims["exp"], NOW + want, "{name}");
        assert!(claims["iat"].as_u64() <= claims["exp"].as_u64(), "{name}");
    }
}

#[test]
fn it_is_for_an_audience_that_is_configured_or_for_the_former_ones_own() {
    let users = users_token(json!({}));
    let both = own_token(json!({"aud": [API, AUDIENCE]}));
    let act = json!({"iss": "https://x.test", "jti": "1"});
    let elsewhere = users_token(json!({"act": act, "aud": [AUDIENCE, "https://third.test"]}));
    for (name, token, asked, want) in [
        ("the first one", &users, "", Ok(AUDIENCE)),
        ("the same", &users, "audience=https://api.test", Ok(AUDIENCE)),
        ("the other one", &users, "audience=https%3A%2F%2Fother.test", Ok("https://other.test")),
        ("an unknown one", &users, "audience=https://third.test", Err("invalid_target")),
        ("one that begins so", &users, "audience=https://api.test/", Err("invalid_target")),
        ("a service's", &users, "audience=https://api.test/tap", Err("invalid_target")),
        ("two", &users, "audience=https://api.test&audience=https://other.test", Err("invalid_target")),
        ("by resource", &users, "resource=https://api.test", Err("invalid_target")),
        ("ours, for its first one", &both, "", Ok(API)),
        ("ours, for its other one", &both, "audience=https://api.test", Ok(AUDIENCE)),
        ("ours, for one it is not for", &both, "audience=https://other.test", Err("invalid_target")),
        ("another filter's, for its first one", &elsewhere, "", Ok(AUDIENCE)),
        ("another filter's, for its other one", &elsewhere, "audience=https://third.test", Err("invalid_target")),
        ("another filter's, for none of its", &elsewhere, "audience=https://other.test", Err("invalid_target")),
    ] {
        let mut world = world();
        let (_, document) = answer(&world.send(&asking(asked).bearing(token)));
        match want {
            Ok(want) => {
                let new = document["access_token"].as_str().unwrap_or_else(|| panic!("{name}: {document}"));
                assert_eq!(made(&world, new).claims["aud"], want, "{name}");
            }
            Err(code) => assert_eq!(document["error"], code, "{name}"),
        }
    }
}

#[test]
fn a_services_token_is_exchanged_too() {
    let token = users_token(json!({"sub": "poller", "client_id": "poller", "scope": "a b"}));
    let mut world = world();
    let (new, _) = exchanged(&mut world, &token, "scope=a");
    let seen = world.send(&Request::get("/x").bearing(&new));
    assert_eq!(seen.identity(), json!({"service": "poller", "token-capabilities": "a"}));
}

/// No service gets to see such a request, and no counter of services' tokens counts it.
#[test]
fn each_exchange_makes_a_token_of_its_own() {
    let mut world = world();
    let token = users_token(json!({}));
    let all: Vec<Value> = (0..3)
        .map(|_| {
            let (new, _) = exchanged(&mut world, &token, "");
            made(&world, &new).claims["jti"].clone()
        })
        .collect();
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
    assert!(world.news().iter().all(|(name, _)| !name.starts_with("postern_reissue")));
}
