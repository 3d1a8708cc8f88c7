//! The key set and the document that names it, which Envoy serves in the issuer's name.

use serde_json::{Value, json};

use super::keys::{Key, of_host};
use super::scene::{API, DISCOVERY, HOST, KEYS, OURS, Scene, config, trusted};
use crate::support::mint::{Signer, Token};
use crate::wire::harness::answer::Answer;
use crate::wire::harness::config::make_test_config;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{BOTH, Exchange, Protocol, Stage};

fn all_keys() -> [Key; 4] {
    [Key::rs256(), Key::es256(), Key::eddsa(), Key::rs256_4096()]
}

fn stage() -> Stage {
    let keys = all_keys();
    let keys: Vec<&Key> = keys.iter().collect();
    Stage::start(&Setup::new(&config(&keys)).variables(of_host(&keys)))
}

/// The answer to a request that goes no further.
fn answered(exchange: Exchange, name: &str, status: u16) -> Answer {
    exchange.refused(name, status)
}

fn document(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Requests with every kind of credential that would be refused elsewhere, and with a good one.
fn with_credentials(path: &str) -> Vec<(&'static str, Request)> {
    let get = || Request::get(path).host(HOST);
    let token = Token::new(&Signer::rs256());
    vec![
        ("nothing", get()),
        ("a port", get().host("lsp.test:8443")),
        ("a good token", get().bearer(&token.mint())),
        ("an expired one", get().bearer(&token.clone().issued_in(-7200).expires_in(-3600).mint())),
        ("no token at all", get().bearer("x.y.z")),
        ("half a header", get().field("authorization", "Bearer")),
        ("two headers", get().bearer(&token.mint()).bearer(&token.mint())),
        ("a password", get().basic("alice", "hunter2")),
        ("an identity", get().field("x-auth-request-user", "root")),
    ]
}

#[test]
fn both_documents_are_there_for_everybody() {
    let stage = stage();
    for protocol in BOTH {
        for path in [KEYS, DISCOVERY] {
            let mut bodies = Vec::new();
            for (name, request) in with_credentials(path) {
                let name = format!("{path}, {name}, {protocol:?}");
                let whole = answered(stage.send(protocol, &request), &name, 200);
                let head = Request { method: "HEAD".to_owned(), ..request };
                let head = answered(stage.send(protocol, &head), &name, 200);
                assert!(head.body.is_empty(), "{name}: {head:?}");
                for header in ["content-type", "content-length", "cache-control", "etag"] {
                    assert!(whole.value(header).is_some(), "{name}: no {header}: {whole:?}");
                    assert_eq!(head.value(header), whole.value(header), "{name}: {header}");
                }
                assert_eq!(whole.value("content-length"), Some(whole.body.len().to_string()), "{name}");
                assert!(whole.value("content-type").is_some_and(|kind| kind.contains("json")), "{name}: {whole:?}");
                assert!(whole.value("www-authenticate").is_none(), "{name}: {whole:?}");
                bodies.push(whole.body);
            }
            assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{path}: {bodies:?}");
        }
    }
    assert_eq!(stage.upstream.count(), 0);
}

#[test]
fn the_key_set_holds_all_keys_and_nothing_private() {
    let stage = stage();
    let answer = answered(stage.send(Protocol::Http1, &Request::get(KEYS).host(HOST)), "keys", 200);
    let wanted: Vec<Value> = all_keys().iter().map(|key| key.signer.jwk()).collect();
    assert_eq!(document(&answer), json!({ "keys": wanted }));
    let answer = answered(stage.send(Protocol::Http1, &Request::get(DISCOVERY).host(HOST)), "discovery", 200);
    let document = document(&answer);
    assert_eq!(document["issuer"], OURS);
    assert_eq!(document["jwks_uri"], format!("https://lsp.test{KEYS}"));
}

#[test]
fn a_client_that_has_a_document_is_told_so() {
    for (cache, seconds) in [(None, 600), (Some("1m"), 60), (Some("1h"), 3600)] {
        let key = Key::es256();
        let mut config = config(&[&key]);
        if let Some(cache) = cache {
            config["reissue"]["key_cache"] = json!(cache);
        }
        let stage = Stage::start(&Setup::new(&config).variables(of_host(&[&key])));
        for protocol in BOTH {
            for path in [KEYS, DISCOVERY] {
                let get = || Request::get(path).host(HOST);
                let first = answered(stage.send(protocol, &get()), path, 200);
                let kept = first.value("cache-control").expect("cache-control");
                assert!(kept.contains(&format!("max-age={seconds}")), "{path}: {kept}");
                let tag = first.value("etag").expect("etag");
                let rows = [
                    ("the tag", tag.clone(), 304),
                    ("the tag, weak", format!("W/{tag}"), 304),
                    ("one of several", format!("\"other\", {tag}"), 304),
                    ("whatever there is", "*".to_owned(), 304),
                    ("another one", "\"other\"".to_owned(), 200),
                    ("a part of it", tag[..tag.len() - 2].to_owned() + "\"", 200),
                ];
                for (name, tags, status) in rows {
                    for method in ["GET", "HEAD"] {
                        let name = format!("{method} {path}, {name}, {protocol:?}");
                        let request = Request { method: method.to_owned(), ..get() }.field("if-none-match", &tags);
                        let answer = answered(stage.send(protocol, &request), &name, status);
                        assert_eq!(answer.value("etag").as_ref(), Some(&tag), "{name}");
                        assert_eq!(answer.value("cache-control").as_ref(), Some(&kept), "{name}");
                        assert_eq!(answer.body.is_empty(), status == 304 || method == "HEAD", "{name}: {answer:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn other_methods_hosts_and_paths_get_no_document() {
    let stage = stage();
    let token = Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        for path in [KEYS, DISCOVERY] {
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
                let name = format!("{method} {path}, {protocol:?}");
                let request = Request::new(method, path).host(HOST).bearer(&token);
                let answer = answered(stage.send(protocol, &request), &name, 405);
                let allowed = answer.value("allow").unwrap_or_else(|| panic!("{name}: {answer:?}"));
                let mut allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
                allowed.sort_unstable();
                assert_eq!(allowed, ["GET", "HEAD"], "{name}");
            }
            // Nobody's rule is for these.
            let rows = [
                ("another host", Request::get(path).host("api.test")),
                ("a host that ends so", Request::get(path).host("evil-lsp.test")),
                ("a host that begins so", Request::get(path).host("lsp.test.evil.test")),
                ("a longer path", Request::get(&format!("{path}x")).host(HOST)),
                ("a slash at its end", Request::get(&format!("{path}/")).host(HOST)),
                ("without the prefix", Request::get(path.trim_start_matches("/postern")).host(HOST)),
                ("in other letters", Request::get(&path.to_uppercase()).host(HOST)),
            ];
            for (name, request) in rows {
                let name = format!("{name}: {path}, {protocol:?}");
                let answer = answered(stage.send(protocol, &request.bearer(&token)), &name, 403);
                assert_eq!(document(&answer)["reason"], "no_rule", "{name}");
            }
        }
    }
}

#[test]
fn on_another_host_the_rules_decide() {
    let key = Key::es256();
    let mut config = config(&[&key]);
    let rule = json!({ "name": "well-known", "match": { "prefix": "/postern" }, "access": "anonymous" });
    config["rules"].as_array_mut().expect("rules").push(rule);
    config["reissue"]["hosts"] = json!(["api.test", "*.lsp.test:*"]);
    let stage = Stage::start(&Setup::new(&config).variables(of_host(&[&key])));
    let rows =
        [("api.test", false), ("a.lsp.test", false), ("a.lsp.test:81", false), ("lsp.test", true), ("b.test", true)];
    for (host, goes_on) in rows {
        for protocol in BOTH {
            let exchange = stage.send(protocol, &Request::get(KEYS).host(host));
            assert_eq!(exchange.answer.status, 200, "{host}");
            assert_eq!(exchange.seen.is_some(), goes_on, "{host}");
        }
    }
}

#[test]
fn another_filter_takes_the_tokens_of_this_one_by_both_documents() {
    let key_set = format!("https://lsp.test{KEYS}");
    for (name, uri, key) in [
        ("RS256, discovery", None, Key::rs256()),
        ("ES256, the key set", Some(&key_set), Key::es256()),
        ("EdDSA, discovery", None, Key::eddsa()),
        ("RS256 of 4096 bits, the key set", Some(&key_set), Key::rs256_4096()),
    ] {
        let scene = Scene::with_keys(&[&key]);
        let user = Token::new(&Signer::rs256()).mint();
        let came = scene.send(Protocol::Http1, &Request::new("POST", "/job").bearer(&user));
        let token = came.verified(name);
        let mut config = make_test_config();
        config["issuers"] = json!([{
            "issuer": OURS,
            "audiences": [API],
            "algorithms": ["RS256", "ES256", "EdDSA"],
            "jwks": { "cluster": "issuer", "timeout": "30s" },
        }]);
        if let Some(uri) = uri {
            config["issuers"][0]["jwks"]["uri"] = json!(uri);
        }
        let other = Stage::start(&Setup::new(&config).issuer(scene.envoy.address()));
        let seen = other.send(Protocol::Http2, &Request::get("/me").bearer(token)).allowed(name);
        assert_eq!(seen.values("x-auth-request-user"), ["alice"], "{name}");
    }
}

#[test]
fn the_service_finds_the_keys_by_either_document() {
    let key = Key::rs256();
    let scene = Scene::with_keys(&[&key]);
    let by = |envoy: &Envoy, member: &str, path: &str| {
        let mut order = trusted(envoy);
        order.as_object_mut().expect("an order").remove("discovery");
        order[member] = json!(format!("http://{}{path}", envoy.address()));
        order
    };
    for (member, path) in [("keys", KEYS), ("discovery", DISCOVERY)] {
        scene.service.trust(&[by(&scene.envoy, member, path)]);
        let user = Token::new(&Signer::rs256()).mint();
        scene.send(Protocol::Http1, &Request::new("POST", "/job").bearer(&user)).verified(member);
    }
}
