//! The configurations.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};
use serde_json::{Value, json};

use super::tokens::{SCITOKENS, SECOND, WLCG, inline};
use crate::mint::{AUDIENCE, ISSUER};

/// What differs from one play to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settings(u8);

impl Settings {
    pub fn new(bits: u8) -> Self {
        Self(bits & 0x7f)
    }

    fn has(self, bit: u8) -> bool {
        self.0 >> bit & 1 == 1
    }

    pub fn query(self) -> bool {
        self.has(0)
    }

    pub fn forwards_token(self) -> bool {
        self.has(1)
    }

    pub fn requires_tls(self) -> bool {
        self.has(2)
    }

    pub fn names_of_its_own(self) -> bool {
        self.has(3)
    }

    pub fn fetches_keys(self) -> bool {
        self.has(4)
    }

    pub fn bearer(self) -> bool {
        !self.has(5)
    }

    pub fn basic(self) -> bool {
        !self.has(6) || self.has(5)
    }

    /// The names by which the service is told: of the user, and of the token.
    pub fn user_header(self) -> &'static str {
        if self.names_of_its_own() { "remote-user" } else { "x-auth-request-user" }
    }

    /// Every name that a service may be told by.
    pub fn names(self) -> Vec<&'static str> {
        let family = ["uid", "email", "groups", "token-capabilities", "token", "service"];
        let family = family.map(|name| {
            [
                ("uid", "x-auth-request-uid"),
                ("email", "x-auth-request-email"),
                ("groups", "x-auth-request-groups"),
                ("token-capabilities", "x-auth-request-token-capabilities"),
                ("token", "x-auth-request-token"),
                ("service", "x-auth-request-service"),
            ]
            .into_iter()
            .find(|(short, _)| *short == name)
            .map_or("", |(_, long)| long)
        });
        family.into_iter().chain([self.user_header(), "x-level"]).collect()
    }
}

fn document(settings: Settings, max_entries: usize) -> Value {
    let keys = json!({"inline": inline()});
    let first = if settings.fetches_keys() {
        json!({"uri": "https://issuer.test/keys", "cluster": "issuer"})
    } else {
        keys.clone()
    };
    let rule = |name: &str, more: Value| {
        let mut rule = json!({"name": name, "match": {"prefix": format!("/{name}")}});
        for (member, value) in more.as_object().cloned().unwrap_or_default() {
            rule[member] = value;
        }
        rule
    };
    json!({
        "issuers": [
            {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["ES256"], "max_lifetime": "12h", "jwks": first},
            {"issuer": SECOND, "audiences": [AUDIENCE, "second"], "algorithms": ["ES256"], "max_lifetime": "1h",
                "clock_skew": "0s", "token_use": ["access", "id"], "jwks": keys},
            {"issuer": WLCG, "profile": "wlcg", "audiences": [AUDIENCE], "jwks": keys},
            {"issuer": SCITOKENS, "profile": "scitokens", "audiences": [AUDIENCE], "jwks": keys},
        ],
        "credentials": {"bearer": settings.bearer(), "basic": settings.basic(), "query": settings.query()},
        "capabilities": {"preset": "lsst"},
        "headers": {
            "user": settings.user_header(), "forward_token": settings.forwards_token(), "claims": {"x-level": "level"},
        },
        "require_tls": settings.requires_tls(),
        "token_cache": {"max_entries": max_entries},
        "rules": [
            rule("tap", json!({"require": {"capabilities": {"all_of": ["read:tap"]}}, "challenge": ["bearer", "basic"]})),
            rule("portal", json!({"require": {"capabilities": {"any_of": ["exec:portal"]}, "interactive": true}})),
            rule("recent", json!({"require": {"max_auth_age": "15m", "acr": ["mfa"]}})),
            rule("alice", json!({"require": {"users": ["alice"], "principals": ["user"]}})),
            rule("second", json!({"require": {"issuers": [SECOND]}})),
            rule("group", json!({"require": {"groups": {"any_of": ["g"]}}})),
            rule("dav", json!({"require": {"path": {"base": "/dav"}}})),
            rule("optional", json!({"access": "optional"})),
            rule("public", json!({"access": "anonymous"})),
            rule("shadow", json!({"require": {"users": ["bob"]}, "shadow": true})),
            rule("foreign", json!({"foreign_authorization": "pass"})),
            {"name": "host", "match": {"hosts": ["only.test", "*.below.test:*"], "methods": ["GET"]}},
            {"name": "route", "match": {"route": "routed"}},
            {"name": "by-name", "require": {"users": ["alice"]}},
            rule("any", json!({})),
        ],
    })
}

thread_local! {
    static CONFIGS: RefCell<BTreeMap<Settings, [Rc<Config>; 3]>> = RefCell::default();
}

/// One configuration for who remembers much, little and nothing of tokens.
pub fn configs(settings: Settings) -> [Rc<Config>; 3] {
    let parse = |max_entries| {
        let document = document(settings, max_entries).to_string();
        Rc::new(Config::parse(document.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}")))
    };
    let made = || [4096, 2, 0].map(parse);
    CONFIGS.with(|configs| configs.borrow_mut().entry(settings).or_insert_with(made).clone())
}

/// Checks each signature once: a play sends the same few tokens over and over.
#[derive(Default)]
pub struct Remembering(RefCell<HashMap<(String, String), Vec<(PublicKey, bool)>>>);

/// Tokens that are remembered; what comes then makes all of them forgotten.
const MOST: usize = 10_000;

impl SignatureCheck for Remembering {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        let mut known = self.0.borrow_mut();
        if known.len() > MOST {
            known.clear();
        }
        let known = known.entry((format!("{algorithm:?}"), signed.token.to_owned())).or_default();
        if let Some((_, good)) = known.iter().find(|(other, _)| other == key) {
            return *good;
        }
        let good = RustCrypto.verify(algorithm, key, signed);
        known.push((key.clone(), good));
        good
    }
}
