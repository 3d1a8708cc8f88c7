//! What `postern explain` says of a request, and what a real Envoy makes of it: the same file, the same request.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::config::{OWN_HEADERS, make_test_config};
use super::harness::request::{Request, basic};
use super::harness::route::Route;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::mint::{Signer, Token};

mod attacks;

type Fields = Vec<(&'static str, String)>;

fn setup() -> Setup {
    let mut config = make_test_config();
    config["credentials"] = json!({ "query": true });
    config["capabilities"] = json!({ "groups": { "observers": ["read:image"] } });
    let rules = config["rules"].as_array_mut().expect("rules");
    rules.push(json!({ "name": "host", "match": { "prefix": "/host", "hosts": ["api.test:*"] } }));
    let nobody = json!({ "users": ["nobody"] });
    rules.push(json!({ "name": "trial", "match": { "prefix": "/trial" }, "require": nobody, "shadow": true }));
    rules.push(json!({ "name": "own", "match": { "prefix": "/own" }, "foreign_authorization": "pass" }));
    rules.push(json!({ "name": "by-route", "match": { "route": "images" }, "require": { "groups": { "any_of": ["observers"] } } }));
    let metadata = |prefix: &str, metadata| Route::prefix(prefix).metadata(metadata);
    // What Envoy would make normal comes to the filter as it is, as `explain` takes it.
    Setup::new(&config)
        .normalize_path(false)
        .route(metadata("/m/tap", json!({ "rule": "tap" })))
        .route(metadata("/m/caps", json!({ "capabilities": "read:image" })))
        .route(metadata("/m/unknown", json!({ "rule": "nobody" })))
        .route(metadata("/m/wrong", json!({ "rules": "tap" })))
        .route(Route::prefix("/images").named("images"))
        .virtual_host("other.test", json!({ "rule": "open" }))
}

fn requests() -> Vec<(&'static str, &'static str, &'static str, &'static str, Fields)> {
    let signer = Signer::rs256();
    let token = || Token::new(&signer);
    let bearer = |token: Token| vec![("authorization", format!("Bearer {}", token.mint()))];
    let good = || token().claim("scope", "read:tap").claim("groups", json!(["observers"]));
    let host = "api.test";
    vec![
        ("open", "GET", host, "/open/a?b", vec![]),
        ("forged identity", "GET", host, "/open", vec![("x-auth-request-user", "root".to_owned())]),
        ("no token", "GET", host, "/api/tap", vec![]),
        ("good", "GET", host, "/api/tap", bearer(good())),
        ("good, as Basic", "GET", host, "/basic", vec![("authorization", basic(&good().mint(), "x-oauth-basic"))]),
        ("no capability", "POST", host, "/api/tap", bearer(token())),
        ("expired", "GET", host, "/me", bearer(good().issued_in(-7200).expires_in(-3600))),
        ("another issuer", "GET", host, "/me", bearer(good().claim("iss", "https://issuer.test/"))),
        ("another audience", "GET", host, "/me", bearer(good().claim("aud", "nobody"))),
        ("an ID token", "GET", host, "/me", bearer(good().claim("nonce", "n"))),
        ("a forged signature", "GET", host, "/me", bearer(Token::new(&Signer::other_rs256().with_kid(signer.kid())))),
        ("an unknown key", "GET", host, "/me", bearer(good().header("kid", "nobody"))),
        ("a password", "GET", host, "/basic", vec![("authorization", basic("alice", "secret"))]),
        ("another scheme", "GET", host, "/me", vec![("authorization", "Digest a".to_owned())]),
        ("none is optional", "GET", host, "/optional", vec![]),
        ("no rule", "GET", host, "/nowhere", vec![]),
        ("a longer segment", "GET", host, "/exactly", bearer(good())),
        ("a port", "GET", "api.test:81", "/host", bearer(good())),
        ("another host", "GET", "b.test", "/host", bearer(good())),
        ("a host with metadata of its own", "GET", "other.test", "/me", vec![]),
        ("by the route's name", "GET", host, "/images/a", bearer(good())),
        ("by the route's name, and no group", "GET", host, "/images/a", bearer(token())),
        ("a rule by metadata", "GET", host, "/m/tap", bearer(good())),
        ("capabilities by metadata", "GET", host, "/m/caps", bearer(good())),
        ("capabilities by metadata that are missing", "GET", host, "/m/caps", bearer(token())),
        ("metadata that names nothing", "GET", host, "/m/unknown", bearer(good())),
        ("metadata that cannot be read", "GET", host, "/m/wrong", bearer(good())),
        (
            "a copy to where more is asked",
            "COPY",
            host,
            "/me/a",
            [bearer(token()), vec![("destination", "/api/tap/a".to_owned())]].concat(),
        ),
    ]
}

#[test]
fn envoy_does_what_was_explained() {
    let setup = setup();
    let stage = Stage::start(&setup);
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = Path::new("nowhere");
    let bootstrap = setup.bootstrap(SocketAddr::from(([127, 0, 0, 1], 1)), nowhere, nowhere);
    std::fs::write(folder.path().join("envoy.json"), bootstrap.to_string()).expect("a file");
    let usual = requests().into_iter();
    let usual =
        usual.map(|(name, method, host, target, fields)| (name.to_owned(), method, host, target.to_owned(), fields));
    for (name, method, host, target, fields) in usual.chain(attacks::all()) {
        let told = explained(folder.path(), method, &format!("http://{host}{target}"), &fields);
        for protocol in BOTH {
            let request = Request::new(method, &target).host(host);
            let request = fields.iter().fold(request, |request, (name, value)| request.field(name, value));
            compare(&format!("{name} over {protocol:?}"), &stage, protocol, &request, &told);
        }
    }
}

fn explained(folder: &Path, method: &str, url: &str, fields: &Fields) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.current_dir(folder).args(["explain", "envoy.json", url, "-X", method, "--json"]);
    for (name, value) in fields {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    let output = command.output().expect("the command runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{url}: {output:?}"))
}

fn compare(name: &str, stage: &Stage, protocol: Protocol, request: &Request, told: &Value) {
    let exchange = stage.send(protocol, request);
    if told["decision"]["verdict"] == "deny" {
        let status = told["answer"]["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let answer = exchange.refused(name, status);
        assert_eq!(answer.text(), told["answer"]["body"].as_str().unwrap_or_default(), "{name}");
        let headers = told["answer"]["headers"].as_array().expect("headers");
        let challenges: Vec<&str> = headers
            .iter()
            .filter(|header| header[0] == "www-authenticate")
            .filter_map(|header| header[1].as_str())
            .collect();
        assert_eq!(answer.values("www-authenticate"), challenges, "{name}");
        return;
    }
    let seen = exchange.allowed(name);
    let changes = told["upstream"].as_array().expect("changes");
    let path = changes.iter().find(|change| change["name"] == ":path").and_then(|change| change["value"].as_str());
    let line = format!("{} {} HTTP/1.1", request.method, path.unwrap_or(&request.target));
    assert_eq!(seen.head.start, line, "{name}");
    for header in OWN_HEADERS {
        let added = changes.iter().filter(|change| change["name"] == header && change["change"] != "remove");
        let added: Vec<&str> = added.filter_map(|change| change["value"].as_str()).collect();
        assert_eq!(seen.values(header), added, "{name}: {header}");
    }
    let removed = changes.iter().any(|change| change["name"] == "authorization" && change["change"] == "remove");
    let sent = request.fields.iter().any(|(name, _)| name == b"authorization");
    assert_eq!(seen.values("authorization").is_empty(), removed || !sent, "{name}");
}
