//! Whole requests of one token: to a service that gets it as it is, to those that get another, and for a weaker one.

pub mod checks;

use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{RustCrypto, Signer, SigningKey};
use postern::flow::{Env, Memory, Next, Step, begin};
use postern::jwks::{KeyStore, SharedData};
use postern::reply::Reply;
use postern::request::{RequestHead, Route};
use postern::secret::Secret;
use postern::time::UnixTime;
use serde_json::{Value, json};

use crate::alone::Alone;
use crate::fields::apply;
use crate::mint::{self, AUDIENCE, ISSUER, jwks};
use crate::signed::{NOW, PROFILES, issuer_of};

pub const OWN: &str = "https://api.test/postern";
pub const API: &str = "https://api.test/api";

/// Rules whose service gets another token, and whether that may end later.
pub const RULES: [(&str, bool); 3] = [("keep", false), ("needed", false), ("outlive", true)];

/// One way to read the tokens that are made here.
pub struct Stage {
    config: Rc<Config>,
    pub has_groups: bool,
}

/// What became of a request: the fields that go on, or the answer; and all that is told.
pub struct Seen {
    pub fields: Vec<(String, String)>,
    pub reply: Option<Reply>,
    pub told: String,
}

/// Signs, and has the same random number each time.
struct Repeating;

impl Signer for Repeating {
    fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
        RustCrypto.sign(key, text)
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        Some([7; 16])
    }
}

fn document(profile: &str, has_groups: bool) -> Value {
    let keys = json!({"inline": jwks(&[&mint::Signer::eddsa()])});
    let issuer = |name: String, profile: &str| {
        let kinds = if profile == "at-jwt" { json!(["access"]) } else { json!(["access", "id"]) };
        json!({
            "issuer": name, "profile": profile, "audiences": [AUDIENCE], "algorithms": ["EdDSA"], "jwks": keys,
            "token_use": kinds,
        })
    };
    let others = PROFILES.iter().map(|profile| issuer(issuer_of(profile), profile));
    let mut issuers: Vec<Value> = std::iter::once(issuer(ISSUER.to_owned(), "generic")).chain(others).collect();
    issuers.push(json!({
        "issuer": OWN, "profile": profile, "audiences": [AUDIENCE, API, "other"], "token_use": ["access", "id"],
    }));
    let rule = |name: &str, more: Value| {
        let mut rule = json!({"name": name, "match": {"path": format!("/{name}")}});
        rule.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        rule
    };
    let reissue = |more: Value| {
        let mut reissue = json!({"audience": API, "lifetime": "24h"});
        reissue.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        json!({"reissue": reissue})
    };
    json!({
        "issuers": issuers,
        "capabilities": if has_groups { json!({"preset": "lsst", "group_prefix": "int_"}) } else { json!({}) },
        "headers": {"forward_token": true},
        "reissue": {
            "issuer": OWN, "keys": [{"env": "P256", "kid": "k"}],
            "exchange": {"audiences": [AUDIENCE, "other"], "lifetime": "24h"},
        },
        "rules": [
            rule("plain", json!({})),
            rule("keep", reissue(json!({}))),
            rule("needed", reissue(json!({"scopes": "needed"}))),
            rule("outlive", reissue(json!({"outlive": true}))),
            rule("login", json!({"require": {"interactive": true}})),
            rule("recent", json!({"require": {"max_auth_age": "744h"}})),
        ],
    })
}

impl Stage {
    /// Tokens made here are read as those of each profile that reads them, with groups that stand for something and without.
    pub fn all() -> Vec<Self> {
        let readers = ["generic"].into_iter().chain(PROFILES).filter(|profile| !["at-jwt", "auth0"].contains(profile));
        readers.flat_map(|profile| [false, true].map(|has_groups| Self::new(profile, has_groups))).collect()
    }

    fn new(profile: &str, has_groups: bool) -> Self {
        let key =
            |name: &str| (name == "P256").then(|| Secret::new(include_str!("../../support/keys/test-p256-a.pem")));
        let document = document(profile, has_groups).to_string();
        let config = Config::parse_in(document.as_bytes(), &key).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self { config: Rc::new(config), has_groups }
    }

    pub fn play(&self, parameters: &str, payload: &str) {
        let token = sign(payload);
        let plain = self.send("POST", "/plain", &token, None);
        if plain.reply.is_some() {
            return;
        }
        for (rule, outlives) in RULES {
            let seen = self.send("POST", &format!("/{rule}"), &token, None);
            checks::passage(self, rule, outlives, (&token, payload), &seen);
        }
        let form = format!("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&{parameters}");
        let seen = self.send("POST", "/postern/token", &token, Some(form.as_bytes()));
        checks::exchange(self, (&token, payload), &plain, &seen);
    }

    /// Another worker gets each: nothing is remembered.
    pub fn send(&self, method: &str, path: &str, token: &str, form: Option<&[u8]>) -> Seen {
        let keys = KeyStore::new(&self.config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let mut memory = Memory::new(keys, self.config.token_cache);
        let authorization = format!("Bearer {token}");
        let fields = [
            (":method", method),
            (":path", path),
            (":scheme", "https"),
            (":authority", "api.test"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &authorization),
        ];
        let mut fields: Vec<(String, String)> = fields.map(|(name, value)| (name.into(), value.into())).into();
        let head = fields.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes())).collect();
        let head = RequestHead::new(head).with_body(form.is_some());
        let env = Env { now: UnixTime::from_seconds(NOW), signatures: &RustCrypto, signer: &Repeating };
        let mut step: Step = begin(&self.config, &head, &Route::default(), &mut memory, &env);
        if let (Next::AwaitForm(_), Some(form)) = (&step.next, form) {
            apply(step.mutations, &mut fields);
            let Next::AwaitForm(waiting) = step.next else { panic!("it waits") };
            step = waiting.resume(form, &mut memory, &env);
        }
        apply(step.mutations, &mut fields);
        let (reply, report) = match step.next {
            Next::Forward(report) => (None, report),
            Next::Reply(reply, report) => (Some(reply), report),
            Next::AwaitKeys(_) | Next::AwaitForm(_) => panic!("all that it needs is there"),
        };
        let told = format!("{report:?}{reply:?}");
        Seen { fields, reply, told }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// Signs as whoever the claims name.
fn sign(payload: &str) -> String {
    let signer = if payload.contains(OWN) { mint::Signer::es256().with_kid("k") } else { mint::Signer::eddsa() };
    let kind = if payload.contains("at-jwt.test") { "at+jwt" } else { "JWT" };
    let header = json!({"alg": signer.alg(), "kid": signer.kid(), "typ": kind});
    signer.sign_bytes(header.to_string().as_bytes(), payload.as_bytes())
}

impl Seen {
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub fn list<'a>(&'a self, name: &str, between: char) -> Vec<&'a str> {
        self.value(name).map_or_else(Vec::new, |list| list.split(between).collect())
    }
}
