//! `scopes: needed` leaves the service those capabilities that its rule asks for, and no others.

use serde_json::{Value, json};

use super::{Made, OWN, reissued, stage, tap, users, users_token};
use crate::support::mint::AUDIENCE;
use crate::world::{Request, World, issuer, patched};

struct Row {
    name: &'static str,
    /// What differs in the user's issuer.
    issuer: Value,
    /// What the rule asks for.
    require: Value,
    claims: Value,
    /// The new token's scopes.
    scope: &'static str,
    /// Which claims it does not have.
    gone: &'static [&'static str],
}

fn row(name: &'static str, require: Value, claims: Value, scope: &'static str) -> Row {
    Row { name, issuer: json!({}), require, claims, scope, gone: &[] }
}

impl Row {
    fn of(self, issuer: Value) -> Self {
        Self { issuer, ..self }
    }

    fn without(self, gone: &'static [&'static str]) -> Self {
        Self { gone, ..self }
    }

    fn document(&self, scopes: &str) -> Value {
        let rule = tap(&json!({"require": self.require, "reissue": {"scopes": scopes, "safe_methods": true}}));
        let mut document = stage(&json!({"rules": [rule]}));
        document["issuers"][0] = patched(issuer(&users()), &self.issuer);
        // Its tokens are not taken back: our own entry would have to be as the issuer's.
        document["issuers"][1]["audiences"] = json!([AUDIENCE]);
        document
    }

    fn check(&self, document: &Value, request: &Request) {
        let name = self.name;
        let Made { claims, .. } = reissued(&mut World::of(document), request);
        assert_eq!(claims["scope"], self.scope, "{name}");
        for gone in self.gone {
            assert_eq!(claims.get(gone), None, "{name}: {gone}");
        }
        for (kept, value) in self.claims.as_object().unwrap() {
            if !self.gone.contains(&kept.as_str()) && !["scope", "jti"].contains(&kept.as_str()) {
                assert_eq!(claims.get(kept), Some(value), "{name}: {kept}");
            }
        }
    }
}

fn all_of(names: &[&str]) -> Value {
    json!({"capabilities": {"all_of": names}})
}

#[test]
fn a_rule_is_left_what_it_asks_for() {
    let caps = json!({"scope": "read:tap write:tap read:image exec:x"});
    for row in [
        row("all of these", all_of(&["read:tap", "write:tap"]), caps.clone(), "read:tap write:tap"),
        row(
            "those of any that there are",
            json!({"capabilities": {"any_of": ["read:image", "read:tap", "z"]}}),
            caps.clone(),
            "read:image read:tap",
        ),
        row(
            "all of these and any of those",
            json!({"capabilities": {"all_of": ["exec:x"], "any_of": ["read:tap", "y"]}}),
            caps.clone(),
            "exec:x read:tap",
        ),
        row("nothing", json!({}), caps, ""),
        row("nothing of a token that has none", json!({}), json!({}), ""),
        row("a list", all_of(&["a"]), json!({"scope": ["a", "b"]}), "a"),
        row("another claim", all_of(&["a"]), json!({"scp": ["a", "b"], "scope": "c"}), "a")
            .of(json!({"claims": {"scopes": "scp"}}))
            .without(&["scp"]),
        row("two claims", all_of(&["a", "b"]), json!({"scope": "a x", "permissions": ["b", "c"]}), "a b")
            .of(json!({"claims": {"scopes": ["scope", "permissions"]}}))
            .without(&["permissions"]),
        row("within another claim", all_of(&["a"]), json!({"may": {"do": ["a", "b"], "x": 1}}), "a")
            .of(json!({"claims": {"scopes": "may.do"}}))
            .without(&["may"]),
        row("a claim whose name is a URL", all_of(&["a"]), json!({"https://ns/x.y": "a b"}), "a")
            .of(json!({"claims": {"scopes": ["[\"https://ns/x.y\"]"]}}))
            .without(&["https://ns/x.y"]),
        row("by another name", all_of(&["read:tap"]), json!({"scope": "rs/read.tap rs/write"}), "read:tap")
            .of(json!({"scope_map": {"rs/read.tap": "read:tap", "rs/write": "write"}})),
        row("groups that stand for nothing", all_of(&["a"]), json!({"scope": "a b", "groups": ["g"]}), "a"),
    ] {
        let request = Request::new("POST", "/tap/a").bearing(&users_token(row.claims.clone()));
        row.check(&row.document("needed"), &request);
    }
}

#[test]
fn what_the_routes_metadata_asks_for_is_needed_too() {
    let row = row("both", all_of(&["a"]), json!({"scope": "a b c d"}), "a b c");
    let token = users_token(row.claims.clone());
    let request = Request::new("POST", "/x").bearing(&token).under(Some("tap"), Some("b c"));
    row.check(&row.document("needed"), &request);
}

/// A service that reads groups would find in them what is not in the scopes.
#[test]
fn groups_that_stand_for_capabilities_are_left_out() {
    let members = json!([{"name": "int_tap", "id": 1}, {"name": "int_img"}]);
    let lsst = json!({"preset": "lsst", "group_prefix": "int_"});
    for row in [
        row("of the usual claims", all_of(&["read:tap"]), json!({"isMemberOf": members, "groups": ["x"]}), "read:tap")
            .without(&["isMemberOf", "groups"]),
        row("of a claim of its own", all_of(&["read:tap"]), json!({"o": {"g": ["int_tap"]}, "groups": ["x"]}), "read:tap")
            .of(json!({"claims": {"groups": "o.g"}}))
            .without(&["o"]),
        row("of Keycloak's clients", all_of(&["read:tap"]), {
            let roles = json!({"https://api.test": {"roles": ["int_tap", "int_img"]}, "x": {"roles": ["y"]}});
            json!({"typ": "Bearer", "preferred_username": "a", "resource_access": roles, "realm_access": {"roles": []}})
        }, "read:tap")
        .of(json!({"profile": "keycloak"}))
        .without(&["resource_access", "realm_access"]),
    ] {
        let mut document = row.document("needed");
        document["capabilities"] = lsst.clone();
        let request = Request::new("POST", "/tap/a").bearing(&users_token(row.claims.clone()));
        row.check(&document, &request);
    }
}

/// Those that allow what the request does on its path.
#[test]
fn scopes_with_paths_are_needed_as_far_as_the_request_goes() {
    let base = || json!({"path": {"base": "/tap"}});
    let sci = json!({"profile": "scitokens", "algorithms": ["ES256"]});
    let wlcg = json!({"profile": "wlcg", "algorithms": ["ES256"]});
    let sci_claims = |scope: &str| json!({"ver": "scitoken:2.0", "nbf": 1, "scope": scope});
    let wlcg_claims = |scope: &str| json!({"wlcg.ver": "1.0", "jti": "x", "scope": scope});
    let all = "storage.read:/ storage.create:/a storage.modify:/a/b storage.modify:/c compute.read";
    for (method, path, row) in [
        (
            "PUT",
            "/tap/a/b",
            row("write", base(), sci_claims("read:/ write:/a write:/b queue"), "write:/a").of(sci.clone()),
        ),
        (
            "GET",
            "/tap/a/b",
            row("read", base(), sci_claims("read:/ read:/a read:/c write:/a"), "read:/ read:/a").of(sci.clone()),
        ),
        ("GET", "/tap/a", row("read all", base(), sci_claims("read write"), "read").of(sci)),
        (
            "PUT",
            "/tap/a/b",
            row("put", base(), wlcg_claims(all), "storage.create:/a storage.modify:/a/b").of(wlcg.clone()),
        ),
        ("DELETE", "/tap/a/b/c", row("delete", base(), wlcg_claims(all), "storage.modify:/a/b").of(wlcg.clone())),
        ("GET", "/tap/c", row("get", base(), wlcg_claims(all), "storage.read:/").of(wlcg)),
    ] {
        let request = Request::new(method, path).bearing(&users_token(row.claims.clone()));
        row.check(&row.document("needed"), &request);
    }
}

#[test]
fn by_default_all_are_kept() {
    let claims = json!({"scope": ["a", "b"], "groups": ["int_tap"], "isMemberOf": [{"name": "int_img"}]});
    let row = row("keep", all_of(&["a"]), claims, "");
    let mut document = row.document("keep");
    document["capabilities"] = json!({"preset": "lsst", "group_prefix": "int_"});
    let request = Request::new("POST", "/tap/a").bearing(&users_token(row.claims.clone()));
    let Made { claims, .. } = reissued(&mut World::of(&document), &request);
    assert_eq!(claims["iss"], OWN);
    for (name, value) in row.claims.as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name}");
    }
}
