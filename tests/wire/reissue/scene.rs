//! An Envoy that makes tokens, and a service behind it that believes none that it has not verified.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::keys::{Key, of_host};
use crate::wire::harness::answer::Answer;
use crate::wire::harness::config::make_test_config;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::foreign;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::Protocol;
use crate::wire::harness::{http1, http2};

/// Who signs, and whom for.
pub const OURS: &str = "https://lsp.test/postern";
pub const HOST: &str = "lsp.test";
pub const KEYS: &str = "/postern/.well-known/jwks.json";
pub const DISCOVERY: &str = "/postern/.well-known/openid-configuration";
pub const API: &str = "https://lsp.test/api";

/// Rules for each kind of reissue, besides those that all tests have.
pub fn config(keys: &[&Key]) -> Value {
    let mut config = make_test_config();
    config["reissue"] = json!({ "issuer": OURS, "keys": keys.iter().map(|key| key.in_config()).collect::<Vec<_>>() });
    let rule = |name: &str, more: Value| {
        let mut reissue = json!({ "audience": API });
        for (member, value) in more.as_object().into_iter().flatten() {
            reissue[member] = value.clone();
        }
        json!({ "name": name, "match": { "prefix": format!("/{name}") }, "reissue": reissue })
    };
    let rules = [
        rule("job", json!({})),
        rule("any", json!({ "safe_methods": true })),
        rule("fresh", json!({ "safe_methods": true, "reuse": false })),
        rule("long", json!({ "lifetime": "2h", "outlive": true })),
        rule("short", json!({ "lifetime": "2m" })),
    ];
    config["rules"].as_array_mut().expect("rules").extend(rules);
    config
}

/// The service, of which a test with many clients asks something now and then.
pub struct Service(Mutex<Program>);

impl Service {
    pub fn start() -> Self {
        Self(Mutex::new(foreign::service()))
    }

    pub fn address(&self) -> SocketAddr {
        foreign::address(self.program().text("origin"))
    }

    /// From now on it trusts these.
    pub fn trust(&self, trusted: &[Value]) {
        let answer = self.program().ask(&json!({ "trust": trusted }));
        assert_eq!(answer["keys"].as_array().map(Vec::len), Some(trusted.len()), "{answer}");
    }

    /// How many requests had a good token, how many none, and how often a key set was fetched.
    pub fn counts(&self) -> (u64, u64, u64) {
        let counts = self.program().ask(&json!({ "count": true }));
        let fetches = counts["fetches"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64());
        let number = |name: &str| counts[name].as_u64().expect("a number");
        (number("good"), number("bad"), fetches.sum())
    }

    fn program(&self) -> MutexGuard<'_, Program> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service's order to trust what an Envoy signs, by the document that names the keys.
pub fn trusted(envoy: &Envoy) -> Value {
    json!({
        "issuer": OURS,
        "audience": API,
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "discovery": format!("http://{}{DISCOVERY}", envoy.address()),
        "host": HOST,
        "lifespan": 1,
    })
}

// Envoy hangs up first.
pub struct Scene {
    pub envoy: Envoy,
    pub service: Arc<Service>,
}

impl Scene {
    /// With these keys in the environment of Envoy.
    pub fn with_keys(keys: &[&Key]) -> Self {
        Self::start(&Setup::new(&config(keys)).variables(of_host(keys)))
    }

    /// With a service that trusts what this Envoy signs.
    pub fn start(setup: &Setup) -> Self {
        Self::before(&Arc::new(Service::start()), setup)
    }

    /// The same with one that is there, and trusts nobody else from now on.
    pub fn before(service: &Arc<Service>, setup: &Setup) -> Self {
        let envoy = Envoy::start(setup, service.address());
        service.trust(&[trusted(&envoy)]);
        Self { envoy, service: Arc::clone(service) }
    }

    /// Sends what the filter lets on.
    pub fn send(&self, protocol: Protocol, request: &Request) -> Came {
        Came::of(&send(&self.envoy, protocol, request))
    }
}

pub fn send(envoy: &Envoy, protocol: Protocol, request: &Request) -> Answer {
    match protocol {
        Protocol::Http1 => http1::send(envoy.address(), request),
        Protocol::Http2 => http2::send(envoy.address(), request),
    }
}

/// What the service got, and what it made of it.
#[derive(Debug)]
pub struct Came {
    pub status: u16,
    told: Value,
}

impl Came {
    pub fn of(answer: &Answer) -> Self {
        let told = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        assert!(told["request"].is_string(), "not from the service: {answer:?}");
        Self { status: answer.status, told }
    }

    /// The token, which the service has verified.
    pub fn verified(&self, name: &str) -> &str {
        assert_eq!(self.status, 200, "{name}: {}", self.told);
        assert!(self.has_the_same_twice(), "{name}: authorization and x-auth-request-token: {}", self.told);
        self.told["token"].as_str().expect("a token")
    }

    /// Whether the token stands in both headers.
    pub fn has_the_same_twice(&self) -> bool {
        self.told["same"] == true
    }

    /// What PyJWT says against the token.
    pub fn error(&self) -> &str {
        self.told["error"].as_str().unwrap_or_default()
    }

    /// The service got no token, by no header.
    pub fn has_no_token(&self, name: &str) {
        assert_eq!(self.status, 401, "{name}: {}", self.told);
        for header in ["authorization", "x-auth-request-token"] {
            assert!(self.values(header).is_empty(), "{name}: {header}: {}", self.told);
        }
    }

    pub fn header(&self) -> &Value {
        &self.told["header"]
    }

    pub fn claims(&self) -> &Value {
        &self.told["claims"]
    }

    pub fn values(&self, header: &str) -> Vec<&str> {
        let fields = self.told["head"].as_array().into_iter().flatten();
        let same = |field: &&Value| field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case(header));
        fields.filter(same).filter_map(|field| field[1].as_str()).collect()
    }

    /// All that came, as one text.
    pub fn everything(&self) -> String {
        ["request", "head", "body"].map(|part| self.told[part].to_string()).join("\n")
    }
}
