//! SciTokens of the scitokens library, whose capabilities are paths; and whether its own `Enforcer` agrees.

use serde_json::{Value, json};

use super::{Row, error, forbidden, hold, insufficient, issuer, let_on, unauthorized};
use crate::support::challenge::ErrorCode;
use crate::wire::harness::config::REALM;
use crate::wire::harness::foreign;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{Protocol, Stage};
use crate::wire::real_issuers::Wanted;

const API: &str = "https://api.test";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const SCOPES: &str = "read:/store write:/store/user/x";

pub fn stage(program: &Program, profile: &str) -> Stage {
    let config = json!({
        "realm": REALM,
        "issuers": [issuer(profile, program.text("issuer"), API)],
        "rules": [
            { "name": "me", "match": { "prefix": "/me" } },
            { "name": "dav", "match": { "prefix": "/dav" }, "require": { "path": { "base": "/dav" } } },
            { "name": "members", "match": { "prefix": "/members" }, "require": { "groups": { "any_of": ["/dteam"] } } },
            { "name": "tap", "match": { "prefix": "/tap" }, "require": { "capabilities": { "all_of": ["read:tap"] } } },
        ],
    });
    Stage::start(&Setup::new(&config).issuer(foreign::address(program.text("issuer"))))
}

/// A token of the library: what it is asked for is in `mint`'s words.
pub fn mint(program: &mut Program, question: &Value) -> String {
    program.ask(question)["token"].as_str().expect("a token").to_owned()
}

fn claims(scope: &str) -> Value {
    json!({ "ver": "scitoken:2.0", "aud": API, "sub": "alice", "scope": scope })
}

/// Of the method, the path below /dav, and `Destination`.
pub fn dav(token: &str, method: &str, path: &str, destination: Option<&str>) -> Request {
    let request = Request::new(method, &format!("/dav{path}")).bearer(token);
    destination.iter().fold(request, |request, to| request.field("destination", to))
}

fn ambiguous() -> Wanted {
    Wanted::Refused(400, "ambiguous_destination", Some(error(ErrorCode::InvalidRequest)))
}

#[test]
fn a_scitoken_opens_the_paths_that_it_names() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "scitokens");
    let token = mint(&mut program, &json!({ "mint": claims(SCOPES) }));
    let ok = || let_on(&[("x-auth-request-token-capabilities", SCOPES)]);
    let read = || insufficient("read");
    let write = || insufficient("write");
    let rows: [(&str, &str, &str, Option<&str>, Wanted); 45] = [
        ("the path itself", "GET", "/store", None, ok()),
        ("a slash at its end", "GET", "/store/", None, ok()),
        ("below", "GET", "/store/a/b", None, ok()),
        ("below, where it may write", "GET", "/store/user/x/f", None, ok()),
        ("only the head", "HEAD", "/store/a", None, ok()),
        ("a listing", "PROPFIND", "/store/", None, ok()),
        ("a listing below", "PROPFIND", "/store/a", None, ok()),
        ("what may be done", "OPTIONS", "/store", None, ok()),
        ("a search, which may be of anything", "SEARCH", "/store", None, read()),
        ("a report, which may be of anything", "REPORT", "/store", None, read()),
        ("another name for it", "BIND", "/store/user/x", None, ambiguous()),
        ("another name instead", "REBIND", "/store/user/x", Some("/dav/store/user/x/a"), ambiguous()),
        ("a longer segment", "GET", "/storex", None, read()),
        ("another path", "GET", "/other", None, read()),
        ("the base", "GET", "", None, read()),
        ("the base, with a slash", "PROPFIND", "/", None, read()),
        ("writing where it may", "PUT", "/store/user/x/f", None, ok()),
        ("writing the path itself", "PUT", "/store/user/x", None, ok()),
        ("writing where it may only read", "PUT", "/store/f", None, write()),
        ("writing a longer segment", "PUT", "/store/user/xy", None, write()),
        ("writing above", "PUT", "/store/user", None, write()),
        ("removing where it may", "DELETE", "/store/user/x/f", None, ok()),
        ("removing where it may not", "DELETE", "/store/f", None, write()),
        ("a collection where it may", "MKCOL", "/store/user/x/d", None, ok()),
        ("a collection where it may not", "MKCOL", "/store/d", None, write()),
        ("properties where it may", "PROPPATCH", "/store/user/x/f", None, ok()),
        ("properties where it may not", "PROPPATCH", "/store/f", None, write()),
        ("a lock where it may", "LOCK", "/store/user/x/f", None, ok()),
        ("a lock where it may not", "LOCK", "/store/f", None, write()),
        ("a method that is neither", "LINK", "/store/a", None, forbidden("no_rule")),
        ("a copy", "COPY", "/store/a", Some("/dav/store/user/x/a"), ok()),
        ("a copy to a whole URI", "COPY", "/store/a", Some("http://api.test/dav/store/user/x/a"), ok()),
        ("a copy to where it may not", "COPY", "/store/a", Some("/dav/store/b"), write()),
        ("a copy of what it may not", "COPY", "/other/a", Some("/dav/store/user/x/a"), read()),
        ("a copy to a longer segment", "COPY", "/store/a", Some("/dav/store/user/xy"), write()),
        ("a copy to another host", "COPY", "/store/a", Some("http://evil.test/dav/store/user/x/a"), ambiguous()),
        ("a copy to nowhere, which may be to itself", "COPY", "/store/a", None, write()),
        ("a copy with a query", "COPY", "/store/a", Some("/dav/store/user/x/a?b"), ambiguous()),
        ("a copy out of its way", "COPY", "/store/a", Some("/dav/store/user/x/../../b"), ambiguous()),
        ("a copy to where no rule is", "COPY", "/store/a", Some("/elsewhere/a"), forbidden("no_rule")),
        ("a move", "MOVE", "/store/user/x/a", Some("/dav/store/user/x/b"), ok()),
        ("a move from where it may only read", "MOVE", "/store/a", Some("/dav/store/user/x/a"), write()),
        ("a move to where it may not", "MOVE", "/store/user/x/a", Some("/dav/store/b"), write()),
        ("a move to nowhere", "MOVE", "/store/a", None, write()),
        (
            "a move to another host",
            "MOVE",
            "/store/user/x/a",
            Some("https://evil.test/dav/store/user/x/b"),
            ambiguous(),
        ),
    ];
    let rows: Vec<Row<'_>> = rows
        .into_iter()
        .map(|(name, method, path, to, wanted)| (name, dav(&token, method, path, to), wanted))
        .collect();
    hold(&stage, &rows);
    // Third-party copies name the other side in a header.
    let from = |path| dav(&token, "COPY", path, None).field("source", "https://other.test/store/a");
    let there = "/dav/store/user/x/b";
    let sourced = |method, source| dav(&token, method, "/store/user/x/a", None).field("source", source);
    let onto = |path| dav(&token, "COPY", path, Some("https://other.test/store/a"));
    let rows = [
        ("a copy from elsewhere to where it may write", from("/store/user/x/a"), ok()),
        ("a copy from elsewhere to where it may only read", from("/store/a"), write()),
        ("a copy to elsewhere, which nobody here can judge", onto("/store/a"), ambiguous()),
        ("a copy from elsewhere to two places", from("/store/user/x/a").field("destination", there), ambiguous()),
        ("a copy from two places", from("/store/user/x/a").field("source", "https://other.test/b"), ambiguous()),
        ("a copy from here", sourced("COPY", "https://api.test/dav/store/a"), ambiguous()),
        ("a copy from here by a path", sourced("COPY", "/dav/store/a"), ambiguous()),
        ("a copy from nowhere", sourced("COPY", ""), ambiguous()),
        ("a move from elsewhere", sourced("MOVE", "https://other.test/store/a"), ambiguous()),
    ];
    hold(&stage, &rows);
    // Such a capability is one of a path, and no other rule takes it for its own.
    let rows = [
        ("a rule that asks for nothing", Request::get("/me").bearer(&token), ok()),
        ("a rule that asks for another capability", Request::get("/tap").bearer(&token), insufficient("read:tap")),
    ];
    hold(&stage, &rows);
}

/// Such a scope is for what is in a directory; a file of its name is none of its business.
#[test]
fn a_slash_at_the_end_of_a_scope_is_not_for_a_file_of_that_name() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "scitokens");
    let scopes = "read:/store/ write:/store/x/";
    let token = mint(&mut program, &json!({ "mint": claims(scopes) }));
    let ok = || let_on(&[("x-auth-request-token-capabilities", scopes)]);
    let rows = [
        ("the file", "GET", "/store", None, insufficient("read")),
        ("the directory", "PROPFIND", "/store/", None, ok()),
        ("what is in it", "GET", "/store/a", None, ok()),
        ("writing the file", "PUT", "/store/x", None, insufficient("write")),
        ("writing in the directory", "PUT", "/store/x/a", None, ok()),
        ("making the directory", "MKCOL", "/store/x/", None, ok()),
        ("a copy to the file", "COPY", "/store/a", Some("/dav/store/x"), insufficient("write")),
        ("a copy to the directory", "COPY", "/store/a", Some("/dav/store/x/"), ok()),
    ];
    let row = |(name, method, path, to, wanted)| (name, dav(&token, method, path, to), wanted);
    hold(&stage, &rows.map(row));
}

#[test]
fn a_scitoken_lacks_nothing_that_the_profile_needs() {
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "scitokens");
    let ok = || let_on(&[("x-auth-request-token-capabilities", SCOPES)]);
    let with = |name: &str, value: Value| {
        let mut claims = claims(SCOPES);
        claims[name] = value;
        json!({ "mint": claims })
    };
    let without = |name: &str| json!({ "mint": claims(SCOPES), "without": [name] });
    let rows = [
        ("ES256", json!({ "mint": claims(SCOPES), "algorithm": "ES256" }), ok()),
        ("RS256", json!({ "mint": claims(SCOPES), "algorithm": "RS256" }), ok()),
        ("for anybody", with("aud", json!("ANY")), ok()),
        ("for anybody, of a list", with("aud", json!(["https://other.test", "ANY"])), ok()),
        ("for somebody else", with("aud", json!("https://other.test")), unauthorized("wrong_audience")),
        ("for nobody", without("aud"), unauthorized("missing_claim")),
        ("the other spelling of its version", with("ver", json!("scitokens:2.0")), ok()),
        ("a later version of the same form", with("ver", json!("scitoken:2.1")), ok()),
        ("another version", with("ver", json!("scitoken:1.0")), unauthorized("invalid_claim")),
        ("without ver", without("ver"), unauthorized("missing_claim")),
        ("without nbf", without("nbf"), unauthorized("missing_claim")),
        ("without iat", without("iat"), unauthorized("missing_claim")),
        ("without exp", without("exp"), unauthorized("missing_claim")),
        ("without scope", without("scope"), unauthorized("missing_claim")),
        ("without sub, which is nobody's here", without("sub"), ok()),
    ];
    for (name, question, wanted) in rows {
        let token = mint(&mut program, &question);
        hold(&stage, &[(name, dav(&token, "GET", "/store/a", None), wanted)]);
    }
}

/// Some issuers have only the metadata of RFC 8414, and many stand for one of several organizations at a host.
#[test]
fn keys_are_found_where_the_issuer_publishes_them() {
    let places = [
        ("/.well-known/openid-configuration", true),
        ("/.well-known/oauth-authorization-server", false),
        ("/vo/dteam/.well-known/openid-configuration", true),
        ("/vo/dteam/.well-known/oauth-authorization-server", false),
    ];
    let mut programs = places.map(|(place, _)| foreign::scitokens(place));
    for (profile, version) in [("scitokens", ("ver", "scitoken:2.0")), ("wlcg", ("wlcg.ver", "1.0"))] {
        let mut issuers = Vec::new();
        let mut clusters = Vec::new();
        for (index, program) in programs.iter().enumerate() {
            let mut issuer = issuer(profile, program.text("issuer"), API);
            issuer["jwks"]["cluster"] = json!(format!("issuer-{index}"));
            issuers.push(issuer);
            clusters.push((format!("issuer-{index}"), foreign::address(program.text("issuer"))));
        }
        let rules = json!([{ "name": "me", "match": { "prefix": "/me" } }]);
        let setup = Setup::new(&json!({ "realm": REALM, "issuers": issuers, "rules": rules }));
        let stage = Stage::start(&clusters.iter().fold(setup, |setup, (name, address)| setup.cluster(name, *address)));
        for (program, (place, _)) in programs.iter_mut().zip(places) {
            let claims = json!({ version.0: version.1, "aud": API, "sub": "alice", "scope": "queue" });
            let token = mint(program, &json!({ "mint": claims }));
            let wanted = let_on(&[("x-auth-request-token-capabilities", "queue")]);
            hold(&stage, &[(&format!("{profile} {place}"), Request::get("/me").bearer(&token), wanted)]);
        }
    }
    // The library itself, which knows one of the two names, finds the same keys there.
    for (program, (place, _)) in programs.iter_mut().zip(places).filter(|(_, (_, known))| *known) {
        let token = mint(program, &json!({ "mint": claims("queue") }));
        let verdict = program.ask(&json!({ "ask": { "token": token, "authz": "queue", "path": "/" } }));
        assert_eq!(verdict["may"], true, "{place}: {verdict}");
    }
}

/// Scopes, operation, path below the base, whether it may.
type Verdict = (&'static str, &'static str, &'static str, bool);

#[test]
fn the_librarys_own_enforcer_comes_to_the_same_verdicts() {
    let both: [Verdict; 46] = [
        ("read:/", "read", "/", true),
        ("read:/", "read", "/a/b", true),
        ("read:/", "write", "/a", false),
        ("write:/", "write", "/a", true),
        ("write:/", "read", "/a", false),
        ("read:/store", "read", "/store", true),
        ("read:/store", "read", "/store/", true),
        ("read:/store", "read", "/store/a", true),
        ("read:/store", "read", "/store/a/b/c", true),
        ("read:/store", "read", "/storex", false),
        ("read:/store", "read", "/store.x", false),
        ("read:/store", "read", "/Store", false),
        ("read:/store", "read", "/", false),
        ("read:/store", "read", "/other/store", false),
        ("read:/store", "write", "/store", false),
        ("read:/store/a", "read", "/store", false),
        ("read:/store/a", "read", "/store/b", false),
        ("read:/store/", "read", "/store", false),
        ("read:/store/", "read", "/store/", true),
        ("read:/store/", "read", "/store/a", true),
        ("read:/store/", "read", "/storex", false),
        ("read:/store/a%20b", "read", "/store/a%20b/c", true),
        ("read:/store/a%20b", "read", "/store/a/b", false),
        ("read:/store/%61", "read", "/store/a", true),
        ("read:/store/a%2Fb", "read", "/store/a/b", false),
        ("read:/store/a+b", "read", "/store/a+b", true),
        ("read:/a:b", "read", "/a:b/c", true),
        ("read:/store?a", "read", "/store", false),
        ("read:/store#a", "read", "/store", false),
        ("read:", "read", "/a", false),
        ("read:store", "read", "/store", false),
        ("read:/store/..", "read", "/a", false),
        ("read:/store/%2e%2e", "read", "/a", false),
        ("read:/a  read:/b", "read", "/b", true),
        ("read:/store write:/store/user/x", "read", "/store/user/x", true),
        ("read:/store write:/store/user/x", "write", "/store/user/x", true),
        ("read:/store write:/store/user/x", "write", "/store/user/x/f", true),
        ("read:/store write:/store/user/x", "write", "/store/user/xy", false),
        ("read:/store write:/store/user/x", "write", "/store/user", false),
        ("read:/a read:/b", "read", "/b/c", true),
        ("read:/a read:/b", "read", "/c", false),
        ("read:/a write:/b", "write", "/a", false),
        ("readonly:/store", "read", "/store", false),
        ("READ:/store", "read", "/store", false),
        ("queue exec", "read", "/", false),
        ("queue exec read:/store", "read", "/store", true),
    ];
    // (ours; the library's is the opposite)
    let not_both: [(&str, Verdict); 8] = [
        // The profile of SciTokens 2.0 has it that a scope without a path is one for /. The library wants a path.
        ("no path is the whole", ("read", "read", "/a", true)),
        // RFC 3986 §6.2.2.1: the digits of an escape are the same in either case. The library undoes only small ones.
        ("an escape in another case", ("read:/store/%c3%a9", "read", "/store/%C3%A9", true)),
        // A scope that is wrong counts for nothing here. The library stops at it, so the order makes a difference.
        ("a wrong scope before a good one", ("read:store read:/store", "read", "/store", true)),
        ("a scope that climbs before a good one", ("read:/a/../b read:/store", "read", "/store", true)),
        ("a scope without a path before a good one", ("write read:/store", "read", "/store", true)),
        // A scope that can be read in two ways counts for nothing here. The library has its own reading.
        ("two slashes in a scope", ("read:/store//a", "read", "/store/a", false)),
        ("a dot in a scope", ("read:/store/./a", "read", "/store/a", false)),
        ("two slashes in front", ("read://store", "read", "/store", false)),
    ];
    let mut program = foreign::scitokens(DISCOVERY);
    let stage = stage(&program, "scitokens");
    let rows = both.iter().map(|verdict| (verdict, true)).chain(not_both.iter().map(|(_, verdict)| (verdict, false)));
    let mut wrong = Vec::new();
    for (&(scope, operation, path, may), agreed) in rows {
        let token = mint(&mut program, &json!({ "mint": claims(scope) }));
        let verdict = program.ask(&json!({ "ask": { "token": token, "authz": operation, "path": path } }));
        let theirs = verdict["may"].as_bool().unwrap_or_else(|| panic!("no verdict: {verdict}"));
        let method = if operation == "read" { "GET" } else { "PUT" };
        let status = stage.send(Protocol::Http1, &dav(&token, method, path, None)).answer.status;
        assert!([200, 403].contains(&status), "{scope:?}: {operation} {path}: {status}");
        let (ours, expected) = (status == 200, if agreed { may } else { !may });
        if ours != may || theirs != expected {
            wrong.push(format!(
                "{scope:?}: {operation} {path}: ours {ours}, the library's {theirs} ({})",
                verdict["why"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
