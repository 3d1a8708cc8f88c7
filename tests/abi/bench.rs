//! An issuer, a configuration, requests, and what is said of all of them.

use jwt_simple::prelude::{Claims, Duration, Ed25519KeyPair, EdDSAKeyPairLike};
use serde_json::{Value, json};

use crate::host::{Action, Host, LogLevel, Reply, Root, Stream};

/// The filter's entry point, as `proxy_wasm::main!` names it.
pub fn initialize() {
    unsafe extern "C" {
        safe fn _initialize();
    }
    _initialize();
}

pub const NOW: u64 = 1_760_000_000;
pub const ISSUER: &str = "https://issuer.example.org";
pub const AUDIENCE: &str = "https://lsp.example.org";

pub struct Issuer {
    name: &'static str,
    key: Ed25519KeyPair,
}

impl Issuer {
    pub fn new() -> Self {
        Self::named(ISSUER)
    }

    pub fn named(name: &'static str) -> Self {
        Self { name, key: Ed25519KeyPair::generate().with_key_id("key-1") }
    }

    /// What goes into `Authorization` for a user, for an hour around [`NOW`].
    pub fn bearer(&self, user: &str) -> String {
        let mut claims = Claims::create(Duration::from_hours(1)).with_issuer(self.name).with_audience(AUDIENCE);
        claims = claims.with_subject(user).with_jwt_id("id-1");
        claims.issued_at = Some(Duration::from_secs(NOW - 60));
        claims.invalid_before = None;
        claims.expires_at = Some(Duration::from_secs(NOW + 3600));
        format!("Bearer {}", self.key.sign(claims).unwrap())
    }

    pub fn keys(&self) -> Value {
        use base64::Engine;
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.key.public_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "key-1", "x": x}]})
    }

    pub fn answer(&self, root: &Root, call: u32) {
        root.answer_call(call, &[(":status", "200")], self.keys().to_string().as_bytes());
    }
}

pub fn config() -> Value {
    json!({
        "realm": "lsp.example.org",
        "issuers": [{
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": ["EdDSA"],
            "jwks": {"uri": "https://issuer.example.org/jwks", "cluster": "issuer", "timeout": "5s"},
            "claims": {"user": "sub"},
        }],
        "rules": [
            {"name": "tap", "match": {"path": "/api/tap"}},
            {"name": "public", "match": {"path": "/public"}, "access": "anonymous"},
            {"name": "by-route", "match": {"route": "image"}, "access": "anonymous"},
            {"name": "by-name", "access": "anonymous"},
        ],
    })
}

/// The same with the keys in the configuration, so that nothing is ever parked.
pub fn config_with_keys(issuer: &Issuer) -> Value {
    let mut config = config();
    config["issuers"][0]["jwks"] = json!({"inline": issuer.keys()});
    config
}

/// How long keys are fresh where the configuration says nothing of it, in seconds.
pub const CACHE: u64 = 600;

pub const OK: (&str, &str) = (":status", "200");

pub fn host(config: &Value) -> Host {
    Host::new(initialize).config(config.to_string()).cluster("issuer").now(NOW)
}

pub fn started(host: &Host) -> Root {
    let root = host.start();
    assert!(root.started && root.configured, "{:?}", host.logged(LogLevel::Error));
    root
}

/// A request to a path, with forged identity headers that must never reach an upstream.
pub fn headers<'a>(path: &'a str, authorization: Option<&'a [u8]>) -> Vec<(&'static str, &'a [u8])> {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":method", b"GET"),
        (":path", path.as_bytes()),
        (":authority", b"lsp.example.org"),
        (":scheme", b"https"),
        ("x-auth-request-user", b"mallory"),
        ("x_auth_request_user", b"mallory"),
    ];
    headers.extend(authorization.map(|value| ("authorization", value)));
    headers
}

pub fn get(root: &Root, authorization: &str) -> Stream {
    root.request(&headers("/api/tap", Some(authorization.as_bytes())))
}

/// So many requests with one token.
pub fn crowd(root: &Root, authorization: &str, size: usize) -> Vec<Stream> {
    (0..size).map(|_| get(root, authorization)).collect()
}

/// One beat of the timer, if one is set.
pub fn beat(host: &Host, root: &Root) {
    if host.tick_of(root) > 0 {
        root.tick();
    }
}

/// Lets the filter make its call, and make sure of it: however often the timer beats, it is one.
pub fn the_call(host: &Host, root: &Root) -> u32 {
    for _ in 0..3 {
        beat(host, root);
    }
    let [call] = host.calls_under_way()[..] else { panic!("one call is under way: {:?}", host.acts()) };
    call
}

pub fn reply(host: &Host, stream: &Stream) -> Reply {
    assert_eq!(host.upstream_headers_of(stream), None, "{} was let on", stream.who());
    host.reply_of(stream).unwrap_or_else(|| panic!("{} has no reply: {:?}", stream.who(), host.acts()))
}

pub fn assert_waits(host: &Host, stream: &Stream) {
    assert_eq!(stream.action, Action::Pause, "{}", stream.who());
    assert_eq!(host.reply_of(stream), None, "{}", stream.who());
    assert_eq!(host.upstream_headers_of(stream), None, "{}", stream.who());
}

pub fn assert_unavailable(host: &Host, stream: &Stream, name: &str) {
    let reply = reply(host, stream);
    assert_eq!(reply.status, 503, "{name}");
    let seconds = reply.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{name}: retry-after in seconds");
    assert_eq!(reply.header("www-authenticate"), None, "{name}: an outage is no reason to log in again");
}

pub fn assert_let_on_as(host: &Host, stream: &Stream, user: &str) {
    assert_eq!(host.reply_of(stream), None);
    assert_eq!(host.upstream_header(stream, "x-auth-request-user"), [user]);
    assert_eq!(host.upstream_header(stream, "x_auth_request_user"), [""; 0]);
    assert_eq!(host.upstream_header(stream, "authorization"), [""; 0]);
}

pub fn assert_tells_no_token(host: &Host, bearers: &[&str]) {
    let told = host.told();
    for bearer in bearers {
        let token = bearer.trim_start_matches("Bearer ");
        let signature = token.rsplit('.').next().unwrap();
        for part in [token, signature] {
            assert!(!told.contains(part), "a token was told:\n{told}");
        }
    }
}
