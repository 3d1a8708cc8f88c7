//! Tokens of the WLCG's profile, made by the scitokens library.

use serde_json::{Value, json};

use super::scitokens::{dav, mint, stage};
use super::{Wanted, forbidden, hold, insufficient, let_on, unauthorized};
use crate::wire::harness::foreign;
use crate::wire::harness::request::Request;
use crate::wire::harness::stage::BOTH;

const API: &str = "https://api.test";
/// Third-party copies name the other side in a header.
const ELSEWHERE: &str = "https://other.test/store/a";
const DISCOVERY: &str = "/.well-known/openid-configuration";

fn claims(scope: &str) -> Value {
    json!({ "wlcg.ver": "1.0", "aud": API, "sub": "e1eb758b-b73c-4761-bfff-adc793da409c", "scope": scope })
}

#[test]
fn a_token_of_wlcg_opens_the_paths_that_it_names() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "wlcg");
    let (read, modify) = ("storage.read", "storage.modify");
    // Scope, method, path, destination, and the scope that is missing.
    type Asked = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);
    let rows: [Asked; 43] = [
        ("reading", "storage.read:/store", "GET", "/store/a", None, None),
        ("a listing", "storage.read:/store", "PROPFIND", "/store", None, None),
        ("a longer segment", "storage.read:/store", "GET", "/storex", None, Some(read)),
        ("writing with a scope to read", "storage.read:/store", "PUT", "/store/a", None, Some(modify)),
        ("reading from tape", "storage.stage:/store", "GET", "/store/a", None, None),
        ("writing with a scope to stage", "storage.stage:/store", "PUT", "/store/a", None, Some(modify)),
        ("writing", "storage.modify:/store", "PUT", "/store/a", None, None),
        ("removing", "storage.modify:/store", "DELETE", "/store/a", None, None),
        ("a collection", "storage.modify:/store", "MKCOL", "/store/d", None, None),
        ("reading with a scope to modify", "storage.modify:/store", "GET", "/store/a", None, Some(read)),
        ("creating a collection", "storage.create:/store", "MKCOL", "/store/d", None, None),
        ("removing with a scope to create", "storage.create:/store", "DELETE", "/store/a", None, Some(modify)),
        ("properties with a scope to create", "storage.create:/store", "PROPPATCH", "/store/a", None, Some(modify)),
        ("reading with a scope to create", "storage.create:/store", "GET", "/store/a", None, Some(read)),
        ("creating elsewhere", "storage.create:/store", "PUT", "/other/a", None, Some(modify)),
        ("the head with a scope to read", "storage.read:/store", "HEAD", "/store/a", None, None),
        ("the head with a scope to stage", "storage.stage:/store", "HEAD", "/store/a", None, None),
        ("the head with a scope to create", "storage.create:/store", "HEAD", "/store/a", None, None),
        ("the head with a scope to modify", "storage.modify:/store", "HEAD", "/store/a", None, None),
        ("a search", "storage.read:/store", "SEARCH", "/store", None, Some(read)),
        ("a search of everything", "storage.read:/", "SEARCH", "/store", None, None),
        ("the collection above", "storage.create:/store/a/b", "MKCOL", "/store", None, None),
        ("the collection above, with a slash", "storage.modify:/store/a/b", "MKCOL", "/store/a/", None, None),
        ("a collection beside", "storage.create:/store/a/b", "MKCOL", "/store/b", None, Some(modify)),
        ("a file above", "storage.create:/store/a/b", "PUT", "/store/a", None, Some(modify)),
        ("a file named as a directory", "storage.read:/store/", "GET", "/store", None, Some(read)),
        ("the directory", "storage.read:/store/", "PROPFIND", "/store/", None, None),
        (
            "a move by a scope for each end",
            "storage.create:/a storage.create:/b",
            "MOVE",
            "/a/f",
            Some("/dav/b/f"),
            Some(modify),
        ),
        ("a move by one for both", "storage.create:/a", "MOVE", "/a/f", Some("/dav/a/g"), None),
        (
            "a move from where all is allowed",
            "storage.create:/b storage.modify:/a",
            "MOVE",
            "/a/f",
            Some("/dav/b/f"),
            None,
        ),
        (
            "a move out of what it creates",
            "storage.create:/a storage.modify:/b",
            "MOVE",
            "/a/f",
            Some("/dav/b/f"),
            Some(modify),
        ),
        ("the root", "storage.read:/", "GET", "/a", None, None),
        ("a scope of SciTokens", "read:/store", "GET", "/store/a", None, Some(read)),
        ("a scope to compute", "compute.read compute.create", "GET", "/a", None, Some(read)),
        ("two scopes", "storage.read:/a storage.modify:/b", "PUT", "/b/f", None, None),
        ("two scopes, the other way round", "storage.read:/a storage.modify:/b", "PUT", "/a/f", None, Some(modify)),
        ("a copy", "storage.read:/a storage.modify:/b", "COPY", "/a/f", Some("/dav/b/f"), None),
        ("a copy to where it only reads", "storage.read:/a", "COPY", "/a/f", Some("/dav/a/g"), Some(modify)),
        ("a copy of what it can't read", "storage.modify:/b", "COPY", "/b/f", Some("/dav/b/g"), Some(read)),
        ("a move", "storage.modify:/b", "MOVE", "/b/f", Some("/dav/b/g"), None),
        (
            "a move from where it only reads",
            "storage.read:/a storage.modify:/b",
            "MOVE",
            "/a/f",
            Some("/dav/b/f"),
            Some(modify),
        ),
        (
            "a move to where it only reads",
            "storage.read:/a storage.modify:/b",
            "MOVE",
            "/b/f",
            Some("/dav/a/f"),
            Some(modify),
        ),
        ("a copy from tape", "storage.stage:/a storage.modify:/b", "COPY", "/a/f", Some("/dav/b/f"), None),
    ];
    for (name, scope, method, path, to, missing) in rows {
        let token = mint(&mut program, &json!({ "mint": claims(scope) }));
        let mut sorted: Vec<&str> = scope.split(' ').collect();
        sorted.sort_unstable();
        let wanted = match missing {
            None => let_on(&[("x-auth-request-token-capabilities", &sorted.join(" "))]),
            Some(missing) => insufficient(missing),
        };
        hold(&stage, &[(name, dav(&token, method, path, to), wanted)]);
    }
}

/// `storage.create` is no right to replace what is there, which the filter can't see: so the service is told.
#[test]
fn who_may_only_create_is_let_on_under_a_condition() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "wlcg");
    let create = mint(&mut program, &json!({ "mint": claims("storage.read:/store storage.create:/store") }));
    let modify = mint(&mut program, &json!({ "mint": claims("storage.read:/store storage.modify:/store") }));
    let to = Some("/dav/store/b");
    let matching = |tag| dav(&create, "PUT", "/store/a", None).field("if-match", tag);
    // What arrives as If-None-Match and Overwrite. If-Match never does, which would have it replace what is there.
    let rows: [(&str, Request, &[&str], &[&str]); 14] = [
        ("PUT", dav(&create, "PUT", "/store/a", None), &["*"], &[]),
        ("PUT against all", dav(&create, "PUT", "/store/a", None).field("if-none-match", "\"tag\""), &["*"], &[]),
        ("PUT of what is there", matching("\"tag\""), &["*"], &[]),
        ("PUT of what is there and not", matching("*").field("if-none-match", "\"tag\""), &["*"], &[]),
        ("MKCOL", dav(&create, "MKCOL", "/store/d", None), &[], &[]),
        ("COPY", dav(&create, "COPY", "/store/a", to), &[], &["F"]),
        ("COPY that would replace", dav(&create, "COPY", "/store/a", to).field("overwrite", "T"), &[], &["F"]),
        ("COPY from elsewhere", dav(&create, "COPY", "/store/a", None).field("source", ELSEWHERE), &[], &["F"]),
        ("MOVE", dav(&create, "MOVE", "/store/a", to), &[], &["F"]),
        ("MOVE that would replace", dav(&create, "MOVE", "/store/a", to).field("overwrite", "T"), &[], &["F"]),
        ("GET", dav(&create, "GET", "/store/a", None), &[], &[]),
        ("PUT of who may modify", dav(&modify, "PUT", "/store/a", None), &[], &[]),
        ("COPY of who may modify", dav(&modify, "COPY", "/store/a", to).field("overwrite", "T"), &[], &["T"]),
        ("MOVE of who may modify", dav(&modify, "MOVE", "/store/a", to), &[], &[]),
    ];
    for (name, request, if_none_match, overwrite) in rows {
        for protocol in BOTH {
            let name = format!("{name} over {protocol:?}");
            let seen = stage.send(protocol, &request).allowed(&name);
            assert_eq!(seen.values("if-none-match"), if_none_match, "{name}");
            assert_eq!(seen.values("overwrite"), overwrite, "{name}");
            assert_eq!(seen.values("if-match"), [""; 0], "{name}");
        }
    }
}

#[test]
fn groups_of_wlcg_count_where_a_token_names_no_storage() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "wlcg");
    let with = |scope: &str, groups: &[&str]| {
        let mut claims = claims(scope);
        claims["wlcg.groups"] = json!(groups);
        json!({ "mint": claims })
    };
    // Their names begin with a slash, so none goes on in a header that knows only plain names.
    let let_on_by = |scope: &str| let_on(&[("x-auth-request-token-capabilities", scope)]);
    let rows = [
        ("the group", with("openid", &["/dteam", "/dteam/VO-Admin"]), let_on_by("openid")),
        ("a group below", with("openid", &["/dteam/VO-Admin"]), forbidden("not_in_group")),
        ("no group", with("openid", &[]), forbidden("not_in_group")),
        ("beside storage", with("storage.read:/store", &["/dteam"]), forbidden("not_in_group")),
        ("beside computing", with("openid compute.read", &["/dteam"]), forbidden("not_in_group")),
    ];
    for (name, question, wanted) in rows {
        let token = mint(&mut program, &question);
        hold(&stage, &[(name, Request::get("/members").bearer(&token), wanted)]);
    }
}

#[test]
fn a_token_of_wlcg_lacks_nothing_that_the_profile_needs() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "wlcg");
    let scope = "storage.read:/store";
    let ok = || let_on(&[("x-auth-request-token-capabilities", scope)]);
    let with = |name: &str, value: Value| {
        let mut claims = claims(scope);
        claims[name] = value;
        json!({ "mint": claims })
    };
    let without = |name: &str| json!({ "mint": claims(scope), "without": [name] });
    let lasting = |lifetime: u64| json!({ "mint": claims(scope), "lifetime": lifetime });
    let mixed = "storage.read:/store storage.create";
    let rows: [(&str, Value, Wanted); 21] = [
        ("as it should be", json!({ "mint": claims(scope) }), ok()),
        ("RS256", json!({ "mint": claims(scope), "algorithm": "RS256" }), ok()),
        ("for anybody", with("aud", json!("https://wlcg.cern.ch/jwt/v1/any")), ok()),
        ("for anybody, as SciTokens has it", with("aud", json!("ANY")), unauthorized("wrong_audience")),
        ("for somebody else", with("aud", json!("https://other.test")), unauthorized("wrong_audience")),
        ("a later version of the same form", with("wlcg.ver", json!("1.2")), ok()),
        ("another version", with("wlcg.ver", json!("2.0")), unauthorized("invalid_claim")),
        ("without its version", without("wlcg.ver"), unauthorized("missing_claim")),
        ("without sub", without("sub"), unauthorized("missing_claim")),
        ("without jti", without("jti"), unauthorized("missing_claim")),
        ("without nbf", without("nbf"), ok()),
        ("a version that is no number", with("wlcg.ver", json!("1.x")), unauthorized("invalid_claim")),
        ("a scope to read without a path", with("scope", json!("storage.read")), unauthorized("invalid_claim")),
        ("one to create beside one with a path", with("scope", json!(mixed)), unauthorized("invalid_claim")),
        ("a path without its slash", with("scope", json!("storage.read:store")), unauthorized("invalid_claim")),
        ("without iat", without("iat"), unauthorized("missing_claim")),
        ("without exp", without("exp"), unauthorized("missing_claim")),
        ("without the name of its key", json!({ "mint": claims(scope), "kid": null }), unauthorized("token_header")),
        ("six hours", lasting(6 * 3600), ok()),
        ("seven hours", lasting(7 * 3600), unauthorized("lifetime_too_long")),
        (
            "a SciToken",
            json!({ "mint": { "ver": "scitoken:2.0", "aud": API, "scope": "read:/store" } }),
            unauthorized("missing_claim"),
        ),
    ];
    for (name, question, wanted) in rows {
        let token = mint(&mut program, &question);
        hold(&stage, &[(name, dav(&token, "GET", "/store/a", None), wanted)]);
    }
}
