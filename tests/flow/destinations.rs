//! COPY and MOVE write to another path than the request's own, and the rule there has to hold as well.

use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::mint::Signer;
use crate::world::{Request, World, document, issuer, patched, token};

/// Where everybody has an area of his own, and some things are open to all.
fn homes() -> World {
    let area =
        |name: &str| json!({"name": name, "match": {"prefix": format!("/home/{name}")}, "require": {"users": [name]}});
    let needs = |capability: &str| json!({"capabilities": {"all_of": [capability]}});
    let rules = json!([
        {"name": "public", "match": {"prefix": "/public"}, "access": "anonymous"},
        {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional"},
        area("alice"),
        area("bob"),
        {"name": "read", "match": {"prefix": "/data", "methods": ["GET", "COPY", "MOVE"]}},
        {"name": "write", "match": {"prefix": "/data", "methods": ["PUT"]}, "require": needs("write:data")},
        {"name": "elsewhere", "match": {"prefix": "/hosts", "hosts": ["data.test"]}, "access": "anonymous"},
        {"name": "by-route", "match": {"prefix": "/routed", "route": "r"}, "access": "anonymous"},
        {"name": "after-route", "match": {"prefix": "/routed"}, "access": "anonymous"},
        {"name": "named", "require": {"path": {"base": "/dav"}}},
        {"name": "also-named", "require": needs("write:data")},
    ]);
    World::of(&document(&[issuer(&Signer::es256()), scitokens()], &rules))
}

fn scitokens() -> Value {
    patched(issuer(&Signer::es256()), &json!({"issuer": "https://scitokens.test", "profile": "scitokens"}))
}

fn wlcg() -> Value {
    patched(issuer(&Signer::es256()), &json!({"issuer": "https://wlcg.test", "profile": "wlcg"}))
}

fn sci(scope: &str) -> String {
    let own = json!({"iss": "https://scitokens.test", "ver": "scitoken:2.0", "nbf": NOW, "scope": scope, "sub": null});
    token(&Signer::es256(), own)
}

fn storage(scope: &str) -> String {
    let own = json!({"iss": "https://wlcg.test", "wlcg.ver": "1.0", "jti": "1", "sub": "e1eb758b", "scope": scope});
    token(&Signer::es256(), own)
}

fn user(name: &str) -> String {
    token(&Signer::es256(), json!({"sub": name}))
}

fn holder(scope: &str) -> String {
    token(&Signer::es256(), json!({"scope": scope}))
}

const HERE: &str = "/home/alice/x";

#[test]
fn what_is_written_falls_under_the_rule_that_is_there() {
    let (alice, bob) = (user("alice"), user("bob"));
    let (reader, writer) = (holder("read:data"), holder("write:data"));
    let mut world = homes();
    for (name, path, destination, token, want) in [
        ("within her area", HERE, "/home/alice/y", Some(&alice), "ok"),
        ("to his area", HERE, "/home/bob/x", Some(&alice), "403 user_not_listed"),
        ("from his area", "/home/bob/x", "/home/alice/x", Some(&alice), "403 user_not_listed"),
        ("he to his", "/home/bob/x", "/home/bob/y", Some(&bob), "ok"),
        ("open to open", "/public/x", "/public/y", None, "ok"),
        ("open to open, with a token", "/public/x", "/public/y", Some(&alice), "ok"),
        ("open to hers, nobody", "/public/x", "/home/alice/x", None, "401 missing_credential"),
        ("open to hers, she", "/public/x", "/home/alice/x", Some(&alice), "ok"),
        ("open to hers, he", "/public/x", "/home/alice/x", Some(&bob), "403 user_not_listed"),
        ("optional to hers, nobody", "/optional/x", "/home/alice/x", None, "401 missing_credential"),
        ("optional to hers, he", "/optional/x", "/home/alice/x", Some(&bob), "403 user_not_listed"),
        ("optional to hers, she", "/optional/x", "/home/alice/x", Some(&alice), "ok"),
        ("hers to open", HERE, "/public/x", Some(&alice), "ok"),
        ("hers to open, nobody", HERE, "/public/x", None, "401 missing_credential"),
        ("hers to optional", HERE, "/optional/x", Some(&alice), "ok"),
        ("open to optional, nobody", "/public/x", "/optional/x", None, "ok"),
        ("to what no rule is for", HERE, "/nowhere", Some(&alice), "403 no_rule"),
        ("open to what no rule is for", "/public/x", "/nowhere", None, "403 no_rule"),
        (
            "a rule for COPY is no rule for what is written",
            "/data/x",
            "/data/y",
            Some(&reader),
            "403 insufficient_scope",
        ),
        ("as with PUT", "/data/x", "/data/y", Some(&writer), "ok"),
        ("open to data", "/public/x", "/data/y", Some(&reader), "403 insufficient_scope"),
        ("a rule of another host", "/public/x", "/hosts/x", None, "403 no_rule"),
        ("a rule of one of Envoy's routes", "/public/x", "/routed/x", None, "400 ambiguous_destination"),
    ] {
        for method in ["COPY", "MOVE"] {
            let request = Request::new(method, path).with("destination", destination);
            let request = match token {
                Some(token) => request.bearing(token),
                None => request,
            };
            let seen = world.send(&request);
            assert_eq!(seen.in_short(), want, "{method}: {name}");
            if want == "ok" {
                assert_eq!(seen.values("destination"), [destination], "{method}: {name}");
                assert_eq!(seen.value("authorization"), None, "{method}: {name}");
            }
        }
        // Others do not write there, whatever they say.
        let request = Request::get(path).with("destination", destination);
        let request = if let Some(token) = token { request.bearing(token) } else { request };
        let alone = Request::get(path);
        let alone = if let Some(token) = token { alone.bearing(token) } else { alone };
        assert_eq!(world.send(&request).in_short(), world.send(&alone).in_short(), "GET: {name}");
    }
}

/// Methods are case-sensitive, and there are servers that do not know.
#[test]
fn a_method_in_small_letters_writes_there_as_well() {
    let alice = user("alice");
    let mut world = homes();
    for method in ["copy", "Copy", "move", "MoVe"] {
        for (destination, want) in [("/home/alice/y", "ok"), ("/home/bob/y", "403 user_not_listed")] {
            let request = Request::new(method, HERE).bearing(&alice).with("destination", destination);
            assert_eq!(world.send(&request).in_short(), want, "{method} {destination}");
        }
    }
}

#[test]
fn a_bad_token_does_not_pass_by_a_rule_that_asks_for_none() {
    let mut world = homes();
    let expired = token(&Signer::es256(), json!({"iat": 1_799_990_000, "exp": 1_799_999_000}));
    let copy = |to: &str| Request::new("COPY", "/public/x").with("destination", to);
    for (name, request, want) in [
        ("expired, to hers", copy("/home/alice/x").bearing(&expired), "401 expired"),
        ("expired, to open", copy("/public/y").bearing(&expired), "ok"),
        ("foreign, to hers", copy("/home/alice/x").with("authorization", "token x"), "401 foreign_authorization"),
        ("password, to hers", copy("/home/alice/x").with("authorization", "Basic YWxpY2U6eA=="), "401 not_a_token"),
        ("two, to hers", copy("/home/alice/x").with("authorization", "Bearer a,Bearer b"), "400 several_credentials"),
        ("bad, to optional", copy("/optional/x").bearing(&expired), "401 expired"),
    ] {
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
}

#[test]
fn a_destination_is_a_path_or_a_uri_of_the_requests_own_host() {
    let alice = user("alice");
    let mut world = homes();
    let cases = [
        ("a path", "/home/alice/y", "ok"),
        ("a path with a slash at its end", "/home/alice/y/", "ok"),
        ("an encoded letter", "/home/%61lice/y", "ok"),
        ("https", "https://api.test/home/alice/y", "ok"),
        ("http", "http://api.test/home/alice/y", "ok"),
        ("host in capitals", "https://API.test/home/alice/y", "ok"),
        ("scheme in capitals", "HTTPS://api.test/home/alice/y", "ok"),
        ("his, as a URI", "https://api.test/home/bob/y", "403 user_not_listed"),
        ("his, with an encoded letter", "/home/%62ob/y", "403 user_not_listed"),
        ("hers in capitals is nobody's", "/home/Alice/y", "403 no_rule"),
        ("another host", "https://other.test/home/alice/y", "400 ambiguous_destination"),
        ("a host that begins alike", "https://api.test.evil.test/home/alice/y", "400 ambiguous_destination"),
        ("a user part", "https://api.test@evil.test/home/alice/y", "400 ambiguous_destination"),
        ("a user part of our host", "https://x@api.test/home/alice/y", "400 ambiguous_destination"),
        ("another scheme", "ftp://api.test/home/alice/y", "400 ambiguous_destination"),
        ("no scheme", "//api.test/home/alice/y", "400 ambiguous_destination"),
        ("no slash", "home/alice/y", "400 ambiguous_destination"),
        ("a name alone", "y", "400 ambiguous_destination"),
        ("nothing", "", "400 ambiguous_destination"),
        ("a query", "/home/alice/y?x", "400 ambiguous_destination"),
        ("an empty query", "/home/alice/y?", "400 ambiguous_destination"),
        ("a URI with a query", "https://api.test/home/alice/y?x=1", "400 ambiguous_destination"),
        ("a fragment", "/home/alice/y#x", "400 ambiguous_destination"),
        ("a URI with a fragment", "https://api.test/home/alice/y#", "400 ambiguous_destination"),
        ("up", "/home/alice/../bob/y", "400 ambiguous_destination"),
        ("up, encoded", "/home/alice/%2e%2e/bob/y", "400 ambiguous_destination"),
        ("an encoded slash", "/home/alice%2fy", "400 ambiguous_destination"),
        ("two slashes", "/home//alice/y", "400 ambiguous_destination"),
        ("a backslash", "/home/alice\\y", "400 ambiguous_destination"),
        ("a parameter", "/home/alice;x/y", "400 ambiguous_destination"),
        ("a space", "/home/alice/y z", "400 ambiguous_destination"),
        ("no UTF-8", "/home/alice/\u{e000}", "400 ambiguous_destination"),
        ("encoded twice", "/home/alice/%252e", "400 ambiguous_destination"),
    ];
    for (name, destination, want) in cases {
        for method in ["COPY", "MOVE"] {
            let request = Request::new(method, HERE).bearing(&alice).with("destination", destination);
            assert_eq!(world.send(&request).in_short(), want, "{method}: {name}");
        }
    }
}

#[test]
fn a_destination_stands_once() {
    let alice = user("alice");
    let mut world = homes();
    for method in ["COPY", "MOVE"] {
        let request = || Request::new(method, HERE).bearing(&alice);
        let once = request().with("destination", "/home/alice/y");
        for (name, request, want) in [
            ("once", once.clone(), "ok"),
            ("twice", once.clone().with("destination", "/home/alice/z"), "400 ambiguous_destination"),
            ("twice the same", once.clone().with("destination", "/home/alice/y"), "400 ambiguous_destination"),
            ("in capitals too", once.with("Destination", "/home/bob/z"), "400 ambiguous_destination"),
            // Then the request's own path is taken for what is written.
            ("never", request(), "ok"),
        ] {
            assert_eq!(world.send(&request).in_short(), want, "{method}: {name}");
        }
    }
}

#[test]
fn the_host_of_a_destination_is_that_of_the_request_with_its_port() {
    let alice = user("alice");
    let mut world = homes();
    for (authority, destination, want) in [
        ("api.test:8443", "https://api.test:8443/home/alice/y", "ok"),
        ("api.test:8443", "https://api.test:9443/home/alice/y", "400 ambiguous_destination"),
        ("API.test", "https://api.test/home/alice/y", "ok"),
        // The ports that are meant where none is written.
        ("api.test:443", "https://api.test/home/alice/y", "ok"),
        ("api.test", "https://api.test:443/home/alice/y", "ok"),
        ("api.test:80", "http://api.test/home/alice/y", "ok"),
        ("api.test", "http://api.test:80/home/alice/y", "ok"),
        ("api.test:8443", "https://api.test/home/alice/y", "400 ambiguous_destination"),
        ("api.test", "https://api.test:8443/home/alice/y", "400 ambiguous_destination"),
    ] {
        let request = Request::new("COPY", HERE).bearing(&alice).with(":authority", authority);
        let seen = world.send(&request.with("destination", destination));
        assert_eq!(seen.in_short(), want, "{authority} {destination}");
    }
}

/// Envoy chose the route by the request's own path; which one it would choose for the other cannot be known.
#[test]
fn the_route_of_the_request_says_nothing_of_that_of_its_destination() {
    let mut world = homes();
    let own = Request::get("/routed/x").on_route("r");
    assert_eq!(world.send(&own).recorded("rule"), Some("by-route"));
    let copy = Request::new("COPY", "/routed/x").on_route("r").with("destination", "/routed/y");
    assert_eq!(world.send(&copy).in_short(), "400 ambiguous_destination");
    let away = Request::new("COPY", "/routed/x").on_route("r").with("destination", "/public/y");
    assert_eq!(world.send(&away).in_short(), "ok");
}

/// A copy that is pulled from elsewhere (HTTP-TPC) writes to the request's own path.
#[test]
fn with_a_source_the_requests_own_path_is_written() {
    let mut world = homes();
    let (reader, writer, alice) = (holder("read:data"), holder("write:data"), user("alice"));
    let pulled = ("source", "https://elsewhere.test/x");
    for (name, path, token, want) in [
        ("the rule for COPY is not enough", "/data/x", &reader, "403 insufficient_scope"),
        ("with what PUT needs", "/data/x", &writer, "ok"),
        ("her own area", HERE, &alice, "ok"),
        ("his area", "/home/bob/x", &alice, "403 user_not_listed"),
    ] {
        let request = Request::new("COPY", path).bearing(token).with_all(&[pulled]);
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
    // The own path is written and not read, so that a rule to read it by is not asked.
    let rules = json!([
        {"name": "read", "match": {"prefix": "/", "methods": ["GET"]}, "access": "anonymous"},
        {"name": "dav", "match": {"prefix": "/"}, "require": {"path": {}}},
    ]);
    let mut dav = World::of(&document(&[scitokens()], &rules));
    for (scope, want) in [("write:/data", "ok"), ("read:/data", "403 insufficient_scope")] {
        let request = Request::new("COPY", "/data/x").bearing(&sci(scope)).with_all(&[pulled]);
        let seen = dav.send(&request);
        assert_eq!(seen.in_short(), want, "{scope}");
        assert_eq!(seen.recorded("missing"), (want != "ok").then_some("write:/data/x"), "{scope}");
        if want == "ok" {
            assert_eq!(seen.values("source"), [pulled.1], "{scope}");
        }
    }
}

/// Servers differ in what they make of a field that has no place there, and some would write elsewhere than is decided.
#[test]
fn a_source_is_one_uri_of_another_host_and_stands_alone_on_a_copy() {
    let alice = user("alice");
    let mut world = homes();
    let elsewhere = "https://elsewhere.test/x";
    let ambiguous = "400 ambiguous_destination";
    for (name, method, sources, destination, want) in [
        ("alone", "COPY", vec![elsewhere], None, "ok"),
        ("http", "COPY", vec!["http://elsewhere.test/x"], None, "ok"),
        ("scheme in capitals", "COPY", vec!["HTTPS://elsewhere.test/x"], None, "ok"),
        ("with a port", "COPY", vec!["https://elsewhere.test:8443/x"], None, "ok"),
        ("beside a destination", "COPY", vec![elsewhere], Some("/home/alice/y"), ambiguous),
        ("beside a destination that is his", "COPY", vec![elsewhere], Some("/home/bob/y"), ambiguous),
        ("beside one of another host", "COPY", vec![elsewhere], Some("https://elsewhere.test/y"), ambiguous),
        ("beside an empty one", "COPY", vec![elsewhere], Some(""), ambiguous),
        ("a move", "MOVE", vec![elsewhere], None, ambiguous),
        ("a move with a destination", "MOVE", vec![elsewhere], Some("/home/alice/y"), ambiguous),
        ("several", "COPY", vec![elsewhere, "https://elsewhere.test/y"], None, ambiguous),
        ("the same twice", "COPY", vec![elsewhere, elsewhere], None, ambiguous),
        ("one of them empty", "COPY", vec![elsewhere, ""], None, ambiguous),
        ("empty", "COPY", vec![""], None, ambiguous),
        ("empty, beside a destination", "COPY", vec![""], Some("/home/alice/y"), ambiguous),
        ("a path", "COPY", vec!["/home/alice/z"], None, ambiguous),
        ("a name", "COPY", vec!["z"], None, ambiguous),
        ("no scheme", "COPY", vec!["//elsewhere.test/x"], None, ambiguous),
        ("another scheme", "COPY", vec!["ftp://elsewhere.test/x"], None, ambiguous),
        ("a file", "COPY", vec!["file:///home/bob/x"], None, ambiguous),
        ("no host", "COPY", vec!["https:///x"], None, ambiguous),
        ("our own host", "COPY", vec!["https://api.test/home/bob/x"], None, ambiguous),
        ("our own host over http", "COPY", vec!["http://api.test/home/bob/x"], None, ambiguous),
        ("our own host in capitals", "COPY", vec!["https://API.test/home/bob/x"], None, ambiguous),
        ("in small letters", "copy", vec!["/home/bob/x"], None, ambiguous),
        ("a move in small letters", "move", vec![elsewhere], None, ambiguous),
        // Others have no use for it.
        ("a GET", "GET", vec!["/home/bob/x"], None, "ok"),
        ("a PUT", "PUT", vec![elsewhere, ""], Some("x"), "ok"),
    ] {
        let request = Request::new(method, HERE).bearing(&alice);
        let request = sources.iter().fold(request, |request, source| request.with("source", source));
        let request = destination.iter().fold(request, |request, to| request.with("destination", to));
        assert_eq!(world.send(&request).in_short(), want, "{method}: {name}");
    }
}

/// Without either field the own path is what may be written, and it is still read or renamed.
#[test]
fn with_neither_field_the_own_path_is_both_ends() {
    let rules = json!([{"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}}]);
    let mut dav = World::of(&document(&[scitokens(), wlcg()], &rules));
    for (name, method, raw, want, overwrite) in [
        ("read alone", "COPY", sci("read:/a"), "403 insufficient_scope", vec![]),
        ("write alone", "COPY", sci("write:/a"), "403 insufficient_scope", vec![]),
        ("both", "COPY", sci("read:/a write:/a"), "ok", vec![]),
        ("write alone", "MOVE", sci("write:/a"), "ok", vec![]),
        ("read alone", "MOVE", sci("read:/a"), "403 insufficient_scope", vec![]),
        ("create alone", "COPY", storage("storage.create:/a"), "403 insufficient_scope", vec![]),
        ("read and create", "COPY", storage("storage.read:/a storage.create:/a"), "ok", vec!["F"]),
        ("create alone", "MOVE", storage("storage.create:/a"), "ok", vec!["F"]),
        ("modify alone", "MOVE", storage("storage.modify:/a"), "ok", vec![]),
    ] {
        let seen = dav.send(&Request::new(method, "/dav/a").bearing(&raw));
        assert_eq!((seen.in_short().as_str(), seen.values("overwrite")), (want, overwrite), "{method}: {name}");
    }
    // Where a rule is for reading alone, what PUT there takes is asked too.
    let mut world = homes();
    for method in ["COPY", "MOVE"] {
        for (scope, want) in [("read:data", "403 insufficient_scope"), ("write:data", "ok")] {
            let request = Request::new(method, "/data/x").bearing(&holder(scope));
            assert_eq!(world.send(&request).in_short(), want, "{method} {scope}");
        }
    }
}

/// They make one resource known under two paths, and say the other one in their body (RFC 5842).
#[test]
fn nothing_is_bound_to_another_path() {
    let alice = user("alice");
    let shadow = json!([{"name": "dav", "match": {"prefix": "/"}, "shadow": true}]);
    let mut worlds = [homes(), World::of(&document(&[issuer(&Signer::es256())], &shadow))];
    for method in ["BIND", "REBIND", "bind", "Rebind", "reBIND"] {
        for path in ["/public/x", "/optional/x", HERE, "/routed/x"] {
            for fields in [&[][..], &[("destination", "/home/alice/y")], &[("source", "https://elsewhere.test/x")]] {
                for world in &mut worlds {
                    let seen = world.send(&Request::new(method, path).bearing(&alice).with_all(fields));
                    assert_eq!(seen.in_short(), "400 ambiguous_destination", "{method} {path} {fields:?}");
                }
            }
        }
    }
    // What only sounds alike is a method like any other.
    for method in ["UNBIND", "BINDS", "REBOUND"] {
        assert_eq!(worlds[0].send(&Request::new(method, "/public/x")).in_short(), "ok", "{method}");
    }
}

/// Envoy's route of the destination is not known. An earlier rule that is for it whatever the route decides; where that
/// depends on the route, a rule with a path has all that it asks of both ends in the token, and asks that.
#[test]
fn a_rule_with_a_path_and_a_route_decides_both_ends_unless_an_earlier_one_is_for_the_other() {
    let dav = |name: &str, require: Value| json!({"name": name, "match": {"prefix": "/dav", "route": "r"}, "require": require});
    let rules = |require: Value| {
        json!([
            {"name": "private", "match": {"prefix": "/dav/private"}, "require": {"users": ["alice"]}},
            {"name": "open", "match": {"prefix": "/dav/open", "methods": ["PUT"]}, "access": "anonymous"},
            dav("dav", require),
            {"name": "later", "match": {"prefix": "/dav"}, "access": "anonymous"},
            {"name": "rest", "match": {"prefix": "/rest"}},
        ])
    };
    let by_path = json!({"path": {"base": "/dav"}});
    let mut world = World::of(&document(&[issuer(&Signer::es256()), scitokens()], &rules(by_path)));
    for (name, scope, destination, want) in [
        ("within", "read:/a write:/b", "/dav/b/y", "ok"),
        ("not allowed there", "read:/a write:/b", "/dav/c/y", "403 insufficient_scope"),
        ("not allowed here", "write:/b", "/dav/b/y", "403 insufficient_scope"),
        ("an earlier rule for other users", "read:/ write:/", "/dav/private/y", "403 user_not_listed"),
        ("an earlier rule that is open", "read:/a", "/dav/open/y", "ok"),
        ("an earlier rule, another way to write it", "read:/ write:/", "/dav/%70rivate/y", "403 user_not_listed"),
        ("another rule", "read:/a", "/rest/y", "ok"),
        ("no rule", "read:/ write:/", "/nowhere", "403 no_rule"),
    ] {
        let request = Request::new("COPY", "/dav/a/x").on_route("r").bearing(&sci(scope));
        assert_eq!(world.send(&request.with("destination", destination)).in_short(), want, "{name}");
    }
    // A rule without a path asks of the other end what only its route would say.
    let by_user = json!({"users": ["alice"]});
    let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules(by_user)));
    for (destination, want) in
        [("/dav/b/y", "400 ambiguous_destination"), ("/dav/open/y", "ok"), ("/dav/private/y", "ok"), ("/rest/y", "ok")]
    {
        let request = Request::new("COPY", "/dav/a/x").on_route("r").bearing(&user("alice"));
        assert_eq!(world.send(&request.with("destination", destination)).in_short(), want, "{destination}");
    }
}

/// Whoever reads the record or the counter looks for the rule that has to be changed.
#[test]
fn the_rule_that_refused_is_the_one_that_is_named() {
    let needs = |name: &str| {
        let require = json!({"capabilities": {"all_of": [name]}});
        json!({"name": name, "match": {"prefix": format!("/{name}")}, "require": require})
    };
    let rules = json!([
        needs("from"),
        needs("to"),
        {"name": "open", "match": {"prefix": "/open"}, "access": "anonymous"},
        {"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}},
    ]);
    let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules));
    for (name, scope, from, to, reason, rule) in [
        ("both hold", "from to", "/from/x", "/to/y", "ok", "from"),
        ("there", "from", "/from/x", "/to/y", "insufficient_scope", "to"),
        ("here", "to", "/from/x", "/to/y", "insufficient_scope", "from"),
        ("neither, of which the own is asked first", "x", "/from/x", "/to/y", "insufficient_scope", "from"),
        ("there, and here all may", "x", "/open/x", "/to/y", "insufficient_scope", "to"),
        ("here, and there all may", "x", "/from/x", "/open/y", "insufficient_scope", "from"),
        ("a path there", "from", "/from/x", "/dav/y", "insufficient_scope", "dav"),
    ] {
        let raw = holder(scope);
        let seen = world.send(&Request::new("COPY", from).with("destination", to).bearing(&raw));
        assert_eq!((seen.recorded("reason"), seen.recorded("rule")), (Some(reason), Some(rule)), "{name}");
        let decision = if reason == "ok" { "allow" } else { "deny" };
        assert_eq!(seen.counter, format!("postern_requests_total.decision.{decision}.reason.{reason}.rule.{rule}"));
    }
}

/// The same where what is wrong is the credential, of which only one of the two rules asks for a good one.
#[test]
fn the_rule_that_asks_for_a_credential_is_the_one_that_is_named() {
    let mut world = homes();
    let expired = format!("Bearer {}", token(&Signer::es256(), json!({"iat": NOW - 7200, "exp": NOW - 3600})));
    for (authorization, reason) in [(None, "missing_credential"), (Some(expired.as_str()), "expired")] {
        for (from, to, rule) in [
            (HERE, "/public/y", "alice"),
            (HERE, "/home/bob/y", "alice"),
            ("/public/x", HERE, "alice"),
            ("/public/x", "/home/bob/y", "bob"),
        ] {
            let request = Request::new("COPY", from).with("destination", to);
            let request = authorization.iter().fold(request, |request, value| request.with("authorization", value));
            let seen = world.send(&request);
            let told = format!("{from} to {to}");
            assert_eq!((seen.recorded("reason"), seen.recorded("rule")), (Some(reason), Some(rule)), "{told}");
            let counter = format!("postern_requests_total.decision.deny.reason.{reason}.rule.{rule}");
            assert_eq!(seen.counter, counter, "{told}");
        }
    }
}

/// A rule that its route names: what it asks of paths it asks of the destination too, and there is nothing else to ask.
#[test]
fn a_named_rule_with_a_path_decides_both_ends() {
    let mut world = homes();
    for (name, scope, destination, want) in [
        ("both", "read:/a write:/b", "/dav/b/x", "ok"),
        ("not there", "read:/a write:/b", "/dav/c/x", "403 insufficient_scope"),
        ("not here", "write:/", "/dav/b/x", "403 insufficient_scope"),
        ("outside its base", "read:/ write:/", "/public/x", "403 no_rule"),
    ] {
        let request = Request::new("COPY", "/dav/a/x").under(Some("named"), None).bearing(&sci(scope));
        assert_eq!(world.send(&request.with("destination", destination)).in_short(), want, "{name}");
    }
    for (name, scope, destination, want) in [
        ("a rule there", "write:data", "/data/y", "ok"),
        ("an open one", "write:data", "/public/y", "ok"),
        ("none there", "write:data", "/nowhere", "403 no_rule"),
        ("the named rule's own", "x", "/public/y", "403 insufficient_scope"),
    ] {
        let request = Request::new("COPY", "/any").under(Some("also-named"), None).bearing(&holder(scope));
        assert_eq!(world.send(&request.with("destination", destination)).in_short(), want, "{name}");
    }
}

/// A rule on trial that a route picked by name or by metadata says nothing of what another rule protects.
#[test]
fn a_shadow_that_a_route_picked_opens_nothing_elsewhere() {
    let rules = json!([
        {"name": "secret", "match": {"prefix": "/secret"}, "require": {"users": ["root"]}},
        {"name": "within", "match": {"prefix": "/dav/secret"}, "require": {"users": ["root"]}},
        {
            "name": "routed", "match": {"route": "dav", "prefix": "/dav"}, "shadow": true,
            "require": {"path": {"base": "/dav"}},
        },
        {"name": "named", "shadow": true, "require": {"path": {"base": "/dav"}}},
    ]);
    let mut world = World::of(&document(&[issuer(&Signer::es256()), scitokens()], &rules));
    for (name, destination, want) in [
        ("another rule's", "/secret/x", "401 missing_credential"),
        ("another rule's, below the base", "/dav/secret/x", "401 missing_credential"),
        ("nobody's", "/nowhere", "403 no_rule"),
        ("perhaps its own", "/dav/b", "400 ambiguous_destination"),
    ] {
        let copy = || Request::new("COPY", "/dav/a").with("destination", destination);
        assert_eq!(world.send(&copy().under(Some("named"), None)).in_short(), want, "{name}");
        assert_eq!(world.send(&copy().on_route("dav")).in_short(), want, "{name}, by the route's name");
    }
}

/// What may be created and not read is not moved to where others may read it, though both are called alike.
#[test]
fn what_may_only_be_created_is_not_moved_under_another_rule() {
    let rules = json!([
        {"name": "public", "match": {"prefix": "/dav/public"}, "access": "anonymous"},
        {"name": "vo", "match": {"prefix": "/dav/vo"}, "require": {"path": {"base": "/dav/vo"}}},
        {"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}},
    ]);
    let mut world = World::of(&document(&[wlcg()], &rules));
    for (name, scope, destination, want) in [
        ("within", "storage.create:/", "/dav/b", "ok"),
        ("to what is open", "storage.create:/", "/dav/public/b", "403 insufficient_scope"),
        ("to another space", "storage.create:/", "/dav/vo/b", "403 insufficient_scope"),
        ("what may be changed", "storage.modify:/", "/dav/public/b", "ok"),
    ] {
        let request = Request::new("MOVE", "/dav/drop/a").with("destination", destination).bearing(&storage(scope));
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
}

/// Some frameworks let a request be of another method than its own; the rules have looked at its own.
#[test]
fn a_method_that_no_rule_has_seen_does_not_go_on() {
    let methods = json!([{"name": "read", "match": {"prefix": "/", "methods": ["POST"]}, "access": "anonymous"}]);
    let paths = json!([{"name": "paths", "require": {"path": {}}}, {"name": "all", "match": {"prefix": "/"}, "access": "anonymous"}]);
    let neither = json!([{"name": "all", "match": {"prefix": "/"}, "access": "anonymous"}]);
    for (name, rules) in [("methods", methods), ("paths", paths), ("neither", neither)] {
        let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules));
        for field in ["x-http-method-override", "X-HTTP-Method", "x_method_override", "x.http.method.override"] {
            let seen = world.send(&Request::new("POST", "/a").with(field, "DELETE"));
            assert_eq!((seen.in_short().as_str(), seen.values(field).len()), ("ok", 0), "{name} {field}");
        }
    }
}

/// A rule that asks for nothing has no say in what another one leaves to the service behind.
#[test]
fn a_foreign_scheme_is_copied_between_what_is_open_and_where_it_passes() {
    let rules = json!([
        {"name": "open", "match": {"prefix": "/open"}, "access": "anonymous"},
        {"name": "hub", "match": {"prefix": "/hub"}, "foreign_authorization": "pass"},
        {"name": "own", "match": {"prefix": "/own"}},
    ]);
    let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules));
    for (from, to, want) in [
        ("/open/a", "/hub/b", "ok"),
        ("/hub/a", "/open/b", "ok"),
        ("/hub/a", "/own/b", "401 foreign_authorization"),
        ("/open/a", "/own/b", "401 foreign_authorization"),
        ("/open/a", "/open/b", "ok"),
    ] {
        let request = Request::new("COPY", from).with("destination", to).with("authorization", "token x");
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), want, "{from} {to}");
        assert_eq!(seen.values("authorization").len(), usize::from(want == "ok"), "{from} {to}");
    }
}

/// Whoever may write a path may have it written with what is fetched, and nobody else, though another rule is on trial.
#[test]
fn what_is_fetched_is_written_by_leave_of_the_own_rule_too() {
    let rules = json!([
        {"name": "put", "match": {"prefix": "/dav", "methods": ["PUT"]}, "shadow": true, "require": {"users": ["bob"]}},
        {"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}},
    ]);
    let mut world = World::of(&document(&[issuer(&Signer::es256()), scitokens()], &rules));
    for (name, raw, want) in [
        ("no paths at all", user("alice"), "403 insufficient_scope"),
        ("may read", sci("read:/"), "403 insufficient_scope"),
        ("may write", sci("write:/x"), "ok"),
    ] {
        let request = Request::new("COPY", "/dav/x").with("source", "https://away.test/x").bearing(&raw);
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
}

/// Some servers make one name of `if-none-match` and `if_none_match`, and might heed the client's.
#[test]
fn what_only_looks_like_a_condition_does_not_go_on() {
    let mut world = homes();
    for (field, kept) in [
        ("if-none-match", 1),
        ("If-Match", 1),
        ("content-range", 1),
        ("if_none_match", 0),
        ("if-none_match", 0),
        ("if_match", 0),
        ("content.range", 0),
    ] {
        let seen = world.send(&Request::new("PUT", "/public").with(field, "*"));
        assert_eq!((seen.in_short().as_str(), seen.values(field).len()), ("ok", kept), "{field}");
    }
}

/// On an upgrade Envoy passes `Connection` on, and the next proxy drops what it names.
#[test]
fn an_upgrade_names_no_field_to_be_dropped() {
    let mut world = homes();
    for (name, sent, want) in [
        ("a browser's", "keep-alive, Upgrade", "keep-alive, Upgrade"),
        ("a library's", "Upgrade", "Upgrade"),
        ("one that names ours", "Upgrade, x-auth-request-user", "Upgrade"),
        ("one that names anything", "upgrade,if-none-match", "Upgrade"),
    ] {
        let seen = world.send(&Request::get("/public").with("connection", sent).with("upgrade", "websocket"));
        assert_eq!(seen.values("connection"), [want], "{name}");
    }
    // Without an upgrade Envoy takes it out by itself.
    let seen = world.send(&Request::get("/public").with("connection", "x"));
    assert_eq!(seen.values("connection"), ["x"]);
}

/// A wait for keys changes nothing of it.
#[test]
fn what_is_added_is_added_after_a_wait_too() {
    let signer = Signer::es256();
    let wlcg = patched(crate::world::remote_issuer(&signer), &json!({"profile": "wlcg"}));
    let rules = json!([{"name": "dav", "match": {"prefix": "/"}, "require": {"path": {}}}]);
    let claims = json!({"wlcg.ver": "1.0", "jti": "1", "scope": "storage.create:/a"});
    let raw = token(&signer, claims);
    for (method, path, want, added) in [
        ("PUT", "/a/x", "ok", vec!["*"]),
        ("PUT", "/b/x", "403 insufficient_scope", vec![]),
        ("DELETE", "/a/x", "403 insufficient_scope", vec![]),
    ] {
        let mut world = World::of(&document(std::slice::from_ref(&wlcg), &rules));
        let seen = world.send_before_keys_of(Some(&signer), &Request::new(method, path).bearing(&raw));
        assert_eq!((seen.in_short().as_str(), seen.values("if-none-match")), (want, added), "{method} {path}");
    }
}

/// What the token is only good for as long as nothing is there yet, the service is told not to replace.
#[test]
fn a_token_to_create_with_replaces_nothing() {
    let rules = json!([
        {"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}},
        {"name": "other", "match": {"prefix": "/other"}, "require": {"path": {"base": "/other"}}},
        {"name": "open", "match": {"prefix": "/open"}, "access": "anonymous"},
    ]);
    let mut world = World::of(&document(&[wlcg()], &rules));
    let to = ("destination", "/dav/b");
    let replacing = ("overwrite", "T");
    let none = |tag: &'static str| ("if-none-match", tag);
    let only = ("if-match", "\"tag\"");
    // What arrives as If-None-Match, If-Match and Overwrite.
    type Row =
        (&'static str, &'static str, &'static str, Vec<(&'static str, &'static str)>, [&'static [&'static str]; 3]);
    let rows: Vec<Row> = vec![
        ("created", "storage.create:/", "PUT", vec![], [&["*"], &[], &[]]),
        ("replaced", "storage.modify:/", "PUT", vec![], [&[], &[], &[]]),
        ("both rights", "storage.create:/ storage.modify:/a", "PUT", vec![], [&[], &[], &[]]),
        ("an own condition", "storage.create:/", "PUT", vec![none("\"tag\"")], [&["*"], &[], &[]]),
        ("own conditions", "storage.create:/", "PUT", vec![none("\"a\""), none("\"b\"")], [&["*"], &[], &[]]),
        ("what asks for something there", "storage.create:/", "PUT", vec![only], [&["*"], &[], &[]]),
        ("twice", "storage.create:/", "PUT", vec![only, ("if-match", "*")], [&["*"], &[], &[]]),
        ("both conditions", "storage.create:/", "PUT", vec![only, none("*")], [&["*"], &[], &[]]),
        (
            "own conditions where all is allowed",
            "storage.modify:/",
            "PUT",
            vec![none("\"tag\""), only],
            [&["\"tag\""], &["\"tag\""], &[]],
        ),
        ("a directory", "storage.create:/", "MKCOL", vec![only], [&[], &["\"tag\""], &[]]),
        ("copied to a new place", "storage.read:/a storage.create:/b", "COPY", vec![to], [&[], &[], &["F"]]),
        (
            "copied, asked to replace",
            "storage.read:/ storage.create:/",
            "COPY",
            vec![to, replacing],
            [&[], &[], &["F"]],
        ),
        ("copied over", "storage.read:/ storage.modify:/b", "COPY", vec![to, replacing], [&[], &[], &["T"]]),
        ("renamed", "storage.create:/", "MOVE", vec![to], [&[], &[], &["F"]]),
        ("renamed, asked to replace", "storage.create:/", "MOVE", vec![to, replacing], [&[], &[], &["F"]]),
        ("renamed by one scope of two", "storage.create:/x storage.create:/", "MOVE", vec![to], [&[], &[], &["F"]]),
        (
            "renamed beside a right for there",
            "storage.create:/ storage.modify:/b",
            "MOVE",
            vec![to, replacing],
            [&[], &[], &["F"]],
        ),
        (
            "renamed from where all is allowed",
            "storage.modify:/a storage.create:/b",
            "MOVE",
            vec![to],
            [&[], &[], &["F"]],
        ),
        ("moved over", "storage.modify:/", "MOVE", vec![to, replacing], [&[], &[], &["T"]]),
        (
            "moved over by two scopes",
            "storage.modify:/a storage.modify:/b",
            "MOVE",
            vec![to, replacing],
            [&[], &[], &["T"]],
        ),
        (
            "moved to another rule",
            "storage.modify:/",
            "MOVE",
            vec![("destination", "/other/b"), replacing],
            [&[], &[], &["T"]],
        ),
        (
            "moved to another rule, to a new place",
            "storage.modify:/a storage.create:/b",
            "MOVE",
            vec![("destination", "/other/b"), replacing],
            [&[], &[], &["F"]],
        ),
        (
            "copied to another rule, to a new place",
            "storage.read:/a storage.create:/b",
            "COPY",
            vec![("destination", "/other/b")],
            [&[], &[], &["F"]],
        ),
        (
            "pulled to a new place",
            "storage.create:/a",
            "COPY",
            vec![("source", "https://elsewhere.test/x"), replacing],
            [&[], &[], &["F"]],
        ),
    ];
    for (name, scope, method, fields, arrived) in rows {
        let seen = world.send(&Request::new(method, "/dav/a").bearing(&storage(scope)).with_all(&fields));
        assert_eq!(seen.in_short(), "ok", "{name}");
        let names = ["if-none-match", "if-match", "overwrite"];
        assert_eq!(names.map(|field| seen.values(field)), arrived, "{name}");
    }
    for (name, scope, destination, missing) in [
        ("a scope for each end", "storage.create:/a storage.create:/b", "/dav/b", "storage.modify:/a"),
        ("one that is not for there", "storage.create:/a", "/dav/b", "storage.modify:/a"),
        ("not for there, and here all is allowed", "storage.modify:/a", "/dav/b", "storage.modify:/b"),
        ("one that is not for here", "storage.create:/b", "/dav/b", "storage.modify:/a"),
        ("all is allowed only there", "storage.create:/a storage.modify:/b", "/dav/b", "storage.modify:/a"),
        ("for both, by another rule", "storage.create:/", "/other/b", "storage.modify:/a"),
        ("for both, to what is open", "storage.create:/", "/open/b", "storage.modify:/a"),
        ("with a slash, for what is in there", "storage.create:/a/", "/dav/a/b", "storage.modify:/a"),
    ] {
        let request = Request::new("MOVE", "/dav/a").bearing(&storage(scope)).with("destination", destination);
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), "403 insufficient_scope", "{name}");
        let told = seen.recorded("missing").unwrap_or_default();
        assert!(told.split(' ').any(|word| word == missing), "{name}: {told}");
    }
}

/// The same where Envoy's route chose the rule by its name, whatever other rules say of that path.
#[test]
fn a_rule_of_a_route_with_a_path_decides_both_ends() {
    let rules = json!([
        {"name": "routed", "match": {"route": "dav"}, "require": {"path": {"base": "/dav"}}},
        {"name": "rest", "match": {"prefix": "/"}, "require": {"clients": ["nobody"]}},
    ]);
    let mut world = World::of(&document(&[scitokens()], &rules));
    for (name, scope, to, want) in [
        ("both", "read:/a write:/b", "/dav/b", "ok"),
        ("not there", "read:/a", "/dav/b", "403 insufficient_scope"),
        ("outside its base", "read:/ write:/", "/other/b", "403 no_rule"),
    ] {
        let request = Request::new("COPY", "/dav/a").on_route("dav").bearing(&sci(scope));
        assert_eq!(world.send(&request.with("destination", to)).in_short(), want, "{name}");
    }
}

/// Where rules go by path, each end falls under its own: one base does not speak for what another rule has below it.
#[test]
fn rules_with_paths_each_decide_their_own_end() {
    let signer = Signer::es256();
    let path = |name: &str, prefix: &str, base: &str, more: Value| {
        let require = patched(json!({"path": {"base": base}}), &more);
        json!({"name": name, "match": {"prefix": prefix}, "require": require})
    };
    let rules = json!([
        path("vault", "/dav/vault", "/dav", json!({"clients": ["keeper"]})),
        path("dav", "/dav", "/dav", json!({})),
        path("tape", "/tape", "/tape", json!({})),
    ]);
    let mut world = World::of(&document(&[scitokens()], &rules));
    let now = crate::scenario::NOW;
    for (name, client, scope, to, want) in [
        ("another base", "c", "read:/a write:/b", "/tape/b", "ok"),
        ("not there", "c", "read:/a write:/a", "/tape/b", "403 insufficient_scope"),
        ("a stricter rule below", "c", "read:/ write:/", "/dav/vault/b", "403 client_not_listed"),
        ("a stricter rule below, held", "keeper", "read:/ write:/vault", "/dav/vault/b", "ok"),
    ] {
        let claims = json!({
            "iss": "https://scitokens.test", "ver": "scitoken:2.0", "nbf": now, "sub": null, "client_id": client,
            "scope": scope,
        });
        let request = Request::new("COPY", "/dav/a").bearing(&token(&signer, claims)).with("destination", to);
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
}

/// `Source` means something to COPY alone: beside another method it excuses nothing.
#[test]
fn only_a_copy_is_from_elsewhere() {
    let rules = json!([{"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}}]);
    let mut world = World::of(&document(&[scitokens()], &rules));
    let pulled = ("source", "https://elsewhere.test/x");
    for (method, scope, want) in [
        ("COPY", "write:/a", "ok"),
        ("COPY", "read:/a", "403 insufficient_scope"),
        ("GET", "write:/a", "403 insufficient_scope"),
        ("GET", "read:/a", "ok"),
        ("PUT", "read:/a", "403 insufficient_scope"),
        ("DELETE", "read:/a", "403 insufficient_scope"),
        ("MOVE", "write:/a", "400 ambiguous_destination"),
    ] {
        let request = Request::new(method, "/dav/a").bearing(&sci(scope)).with_all(&[pulled]);
        assert_eq!(world.send(&request).in_short(), want, "{method} with {scope}");
    }
    // What is written elsewhere is no excuse for what is moved away from here.
    let moved = Request::new("MOVE", "/dav/a").bearing(&sci("write:/b")).with("destination", "/dav/b");
    assert_eq!(world.send(&moved.with_all(&[pulled])).in_short(), "400 ambiguous_destination");
}

/// A client has to be told how to get in where it is kept out.
#[test]
fn a_401_offers_what_the_stricter_end_does() {
    let rule = |name: &str, access: &str, challenge: Value| json!({"name": name, "match": {"prefix": format!("/{name}")}, "access": access, "challenge": challenge});
    let rules = json!([
        rule("open", "anonymous", json!(["bearer"])),
        rule("optional", "optional", json!(["basic"])),
        rule("both", "required", json!(["bearer", "basic"])),
        rule("bearer", "required", json!(["bearer"])),
    ]);
    let mut world = World::of(&document(&[issuer(&Signer::es256())], &rules));
    let (bearer, basic) = ("Bearer realm=\"postern\"", "Basic realm=\"postern\"");
    for (from, to, want) in [
        ("open", "both", vec![bearer, basic]),
        ("optional", "both", vec![bearer, basic]),
        ("optional", "bearer", vec![bearer]),
        ("both", "open", vec![bearer, basic]),
        // Of two that ask for as much, the one whose path the request names.
        ("both", "bearer", vec![bearer, basic]),
        ("bearer", "both", vec![bearer]),
    ] {
        let seen = world.send(&Request::new("COPY", &format!("/{from}/x")).with("destination", &format!("/{to}/y")));
        assert_eq!(seen.in_short(), "401 missing_credential", "{from} to {to}");
        assert_eq!(seen.challenges(), want, "{from} to {to}");
    }
}
