//! An issuer, a configuration, requests, and what is said of all of them.

use jwt_simple::prelude::{Claims, Duration, Ed25519KeyPair, EdDSAKeyPairLike};
use serde_json::{Value, json};

use crate::host::{Action, Effect, Host, LogLevel, Reply, Root, Stream};

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
    kid: &'static str,
}

impl Issuer {
    pub fn new() -> Self {
        Self::named(ISSUER)
    }

    pub fn named(name: &'static str) -> Self {
        Self { name, key: Ed25519KeyPair::generate(), kid: "" }.renamed("key-1")
    }

    /// The same with another id for its key.
    pub fn renamed(self, kid: &'static str) -> Self {
        Self { key: self.key.with_key_id(kid), kid, ..self }
    }

    /// What goes into `Authorization` for a user, for an hour around [`NOW`].
    pub fn bearer(&self, user: &str) -> String {
        self.bearer_later(user, 0)
    }

    /// The same, so many seconds later.
    pub fn bearer_later(&self, user: &str, seconds: u64) -> String {
        let mut claims = Claims::create(Duration::from_hours(1)).with_issuer(self.name).with_audience(AUDIENCE);
        claims = claims.with_subject(user).with_jwt_id("id-1");
        claims.issued_at = Some(Duration::from_secs(NOW + seconds - 60));
        claims.invalid_before = None;
        claims.expires_at = Some(Duration::from_secs(NOW + seconds + 3600));
        format!("Bearer {}", self.key.sign(claims).unwrap())
    }

    pub fn keys(&self) -> Value {
        use base64::Engine;
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.key.public_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x}]})
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

/// How often the timer beats, in milliseconds: when something is wanted, while requests wait, and otherwise.
pub const SOON: u32 = 1;
pub const WAITING: u32 = 10;
pub const WATCH: u32 = 1000;

pub fn host(config: &Value) -> Host {
    Host::new(initialize).config(config.to_string()).cluster("issuer").now(NOW)
}

pub fn started(host: &Host) -> Root {
    let root = host.start();
    assert!(root.started && root.configured, "{:?}", host.logged(LogLevel::Error));
    root
}

/// A root that has fetched its keys.
pub fn with_keys(host: &Host, issuer: &Issuer) -> Root {
    let root = started(host);
    issuer.answer(&root, the_call(host, &root));
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

/// Lets time go by, with every beat in it.
pub fn pass(host: &Host, roots: &[&Root], milliseconds: u64) {
    let period = |root: &Root| u64::from(host.tick_of(root));
    let mut now = 0;
    let mut next: Vec<(u64, &Root)> = roots.iter().map(|root| (period(root), *root)).collect();
    while let Some((at, root)) = next.iter_mut().min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= milliseconds) {
        host.advance_millis(*at - now);
        now = *at;
        root.tick();
        *at += period(root).max(1);
    }
    host.advance_millis(milliseconds - now);
}

/// Lets the filter make its call, and make sure of it: however often the timer beats, it is one.
pub fn the_call(host: &Host, root: &Root) -> u32 {
    for _ in 0..3 {
        beat(host, root);
    }
    let [call] = host.calls_under_way()[..] else { panic!("one call is under way: {:?}", host.acts()) };
    call
}

/// Beats until a call is made: how many seconds that took.
pub fn seconds_to_the_call(host: &Host, root: &Root) -> u64 {
    for seconds in 0..4000 {
        if !host.calls_under_way().is_empty() {
            return seconds;
        }
        pass(host, &[root], 1000);
    }
    panic!("no call is made");
}

/// A field of the last call's request.
pub fn sent(host: &Host, name: &str) -> Option<String> {
    let mut calls = host.effects().into_iter().filter_map(|effect| match effect {
        Effect::HttpCall { headers, .. } => Some(headers),
        _ => None,
    });
    let headers = calls.next_back().expect("a call was made");
    let field = headers.into_iter().find(|(key, _)| key == name.as_bytes());
    field.map(|(_, value)| String::from_utf8(value).unwrap())
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
