//! COPY and MOVE write to another path than the request's own, and the rule there has to hold as well.

use serde_json::{Value, json};

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
    // With both fields there are servers that write here and servers that write there.
    for (name, path, destination, want) in [
        ("both are hers", HERE, "/home/alice/y", "ok"),
        ("there it is his", HERE, "/home/bob/y", "403 user_not_listed"),
        ("here nothing may be written", "/data/x", "/home/alice/y", "403 insufficient_scope"),
        ("there is another host", HERE, "https://elsewhere.test/y", "400 ambiguous_destination"),
    ] {
        let request = Request::new("COPY", path).bearing(&alice).with_all(&[pulled, ("destination", destination)]);
        assert_eq!(world.send(&request).in_short(), want, "{name}");
    }
}

/// A rule that its route names: what it asks of paths it asks of the destination too, and there is nothing else to ask.
#[test]
fn a_named_rule_with_a_path_decides_both_ends() {
    let mut world = homes();
    let signer = Signer::es256();
    let sci = |scope: &str| {
        let now = crate::scenario::NOW;
        token(
            &signer,
            json!({"iss": "https://scitokens.test", "ver": "scitoken:2.0", "nbf": now, "scope": scope, "sub": null}),
        )
    };
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

/// A wait for keys changes nothing of it.
#[test]
fn what_is_added_is_added_after_a_wait_too() {
    let signer = Signer::es256();
    let wlcg = patched(crate::world::remote_issuer(&signer), &json!({"profile": "wlcg"}));
    let rules = json!([{"name": "dav", "match": {"prefix": "/"}, "require": {"path": {}}}]);
    let claims = json!({"wlcg.ver": "1.0", "nbf": crate::scenario::NOW, "jti": "1", "scope": "storage.create:/a"});
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
    let signer = Signer::es256();
    let wlcg = patched(issuer(&signer), &json!({"issuer": "https://wlcg.test", "profile": "wlcg"}));
    let rules = json!([{"name": "dav", "match": {"prefix": "/dav"}, "require": {"path": {"base": "/dav"}}}]);
    let mut world = World::of(&document(&[wlcg], &rules));
    let now = crate::scenario::NOW;
    let mut send = |scope: &str, method: &str, fields: &[(&str, &str)]| {
        let claims = json!({"iss": "https://wlcg.test", "wlcg.ver": "1.0", "nbf": now, "jti": "1", "scope": scope});
        world.send(&Request::new(method, "/dav/a").bearing(&token(&signer, claims)).with_all(fields))
    };
    let to = ("destination", "/dav/b");
    for (name, scope, method, fields, none_match, overwrite) in [
        ("created", "storage.create:/", "PUT", vec![], vec!["*"], vec![]),
        ("replaced", "storage.modify:/", "PUT", vec![], vec![], vec![]),
        ("both rights", "storage.create:/ storage.modify:/a", "PUT", vec![], vec![], vec![]),
        ("an own condition", "storage.create:/", "PUT", vec![("if-none-match", "\"tag\"")], vec!["*"], vec![]),
        (
            "own conditions",
            "storage.create:/",
            "PUT",
            vec![("if-none-match", "\"a\""), ("if-none-match", "\"b\"")],
            vec!["*"],
            vec![],
        ),
        (
            "an own condition where all is allowed",
            "storage.modify:/",
            "PUT",
            vec![("if-none-match", "\"tag\"")],
            vec!["\"tag\""],
            vec![],
        ),
        ("a directory", "storage.create:/", "MKCOL", vec![], vec![], vec![]),
        ("copied to a new place", "storage.read:/a storage.create:/b", "COPY", vec![to], vec![], vec!["F"]),
        (
            "copied, asked to replace",
            "storage.read:/ storage.create:/",
            "COPY",
            vec![to, ("overwrite", "T")],
            vec![],
            vec!["F"],
        ),
        ("copied over", "storage.read:/ storage.modify:/b", "COPY", vec![to, ("overwrite", "T")], vec![], vec!["T"]),
        ("renamed", "storage.create:/", "MOVE", vec![to], vec![], vec!["F"]),
        ("renamed, asked to replace", "storage.create:/", "MOVE", vec![to, ("overwrite", "T")], vec![], vec!["F"]),
        (
            "renamed from where all is allowed",
            "storage.modify:/a storage.create:/b",
            "MOVE",
            vec![to],
            vec![],
            vec!["F"],
        ),
        ("moved over", "storage.modify:/", "MOVE", vec![to, ("overwrite", "T")], vec![], vec!["T"]),
    ] {
        let seen = send(scope, method, &fields);
        assert_eq!(seen.in_short(), "ok", "{name}");
        assert_eq!(seen.values("if-none-match"), none_match, "{name}");
        assert_eq!(seen.values("overwrite"), overwrite, "{name}");
    }
}
