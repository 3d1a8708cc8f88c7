//! One Envoy with two listeners, `jwt_authn` in the one and the filter in the other, and what both say of each token.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::case::{Case, good};
use super::key_sets::{self, KeySet};
use crate::support::mint::{AUDIENCE, Signer, wall_clock};
use crate::wire::harness::bootstrap::typed;
use crate::wire::harness::config::{ALGORITHMS, REALM};
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::upstream::Upstream;

const SKEW_IN_SECONDS: u64 = 60;

/// Tokens of the second may be of the next one when the other is asked.
const ATTEMPTS: usize = 4;

/// What both said, and of which token.
pub struct Outcome<'a> {
    pub case: &'a Case,
    pub token: String,
    pub key_set: String,
    /// When it was asked.
    pub now: u64,
    pub jwt_authn: Said,
    pub postern: Said,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub status: u16,
    /// Why it was refused, in the words of who did.
    pub why: String,
}

impl Said {
    pub fn yes(&self) -> bool {
        self.status == 200
    }
}

pub fn ask_both(cases: &[Case]) -> Vec<Outcome<'_>> {
    let sets = key_sets::all();
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    for set in &sets {
        issuer.on(&format!("/{}", set.name), Script::bytes(200, set.document.as_bytes()));
    }
    let setup = Setup::new(&postern(&sets, &issuer))
        .issuer(issuer.address())
        .listener_with("native", jwt_authn(&sets, &issuer));
    let upstream = Upstream::start(&journal);
    let envoy = Envoy::start(&setup, upstream.address());
    let mut doors = Doors { jwt_authn: Door::new(envoy.address_of("native")), postern: Door::new(envoy.address()) };
    let outcomes: Vec<Outcome<'_>> = cases.iter().map(|case| doors.ask(case, &sets)).collect();
    let token = good(&Signer::rs256(), wall_clock()).mint();
    assert_eq!(doors.postern.ask("main", &token).status, 200, "a good token after all this");
    assert_eq!(envoy.reloads(), 0, "no virtual machine was replaced");
    outcomes
}

fn postern(sets: &[KeySet], issuer: &Issuer) -> Value {
    let issuers = sets.iter().map(|set| {
        json!({
            "issuer": key_sets::issuer(&set.name),
            "audiences": [AUDIENCE],
            "algorithms": ALGORITHMS,
            "clock_skew": format!("{SKEW_IN_SECONDS}s"),
            "jwks": { "uri": uri(set, issuer), "cluster": "issuer", "timeout": "30s" },
        })
    });
    json!({
        "realm": REALM,
        "issuers": issuers.collect::<Vec<_>>(),
        "rules": [{ "name": "all", "match": { "prefix": "/" } }],
    })
}

fn uri(set: &KeySet, issuer: &Issuer) -> String {
    issuer.url(&format!("/{}", set.name))
}

/// As strict as it can be made: by default a token without `exp` is good for ever.
fn jwt_authn(sets: &[KeySet], issuer: &Issuer) -> Value {
    let provider = |set: &KeySet| {
        json!({
            "issuer": key_sets::issuer(&set.name),
            "audiences": [AUDIENCE],
            "clock_skew_seconds": SKEW_IN_SECONDS,
            "require_expiration": true,
            // A day, as by default here. There the skew does not count where the life is looked at.
            "max_lifetime": format!("{}s", 86_400 + SKEW_IN_SECONDS),
            // Envoy does not start where it cannot read keys that stand in its configuration.
            "remote_jwks": { "http_uri": { "uri": uri(set, issuer), "cluster": "issuer", "timeout": "30s" } },
        })
    };
    let providers: Map<String, Value> = sets.iter().map(|set| (set.name.clone(), provider(set))).collect();
    let rule = |set: &KeySet| json!({ "match": { "path": format!("/{}", set.name) }, "requires": { "provider_name": set.name } });
    let config = json!({ "providers": providers, "rules": sets.iter().map(rule).collect::<Vec<_>>() });
    let kind = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    json!({ "name": "envoy.filters.http.jwt_authn", "typed_config": typed(kind, config) })
}

struct Doors {
    jwt_authn: Door,
    postern: Door,
}

impl Doors {
    fn ask<'a>(&mut self, case: &'a Case, sets: &[KeySet]) -> Outcome<'a> {
        let mut attempt = 1;
        loop {
            let now = wall_clock();
            let token = (case.make)(now);
            let postern = self.postern.ask(&case.set, &token);
            let jwt_authn = self.jwt_authn.ask(&case.set, &token);
            // What differs once and not again is of the clock.
            let of_one_second = wall_clock() == now;
            if postern.yes() == jwt_authn.yes() || of_one_second || attempt == ATTEMPTS {
                let set = sets.iter().find(|set| set.name == case.set).expect("a key set of that name");
                return Outcome { case, token, key_set: set.document.clone(), now, jwt_authn, postern };
            }
            attempt += 1;
        }
    }
}

/// A connection that is opened anew when it was closed.
struct Door {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Door {
    fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    fn ask(&mut self, set: &str, token: &str) -> Said {
        let request = Request::get(&format!("/{set}")).bearer(token);
        let again = self.connection.take().map(|connection| self.exchange(connection, &request));
        let said = again.flatten().or_else(|| {
            let connection = Connection::open(self.address);
            self.exchange(connection, &request)
        });
        said.expect("an answer on a new connection")
    }

    fn exchange(&mut self, mut connection: Connection, request: &Request) -> Option<Said> {
        connection.send(&request.http1());
        let answer = connection.try_answer("GET").ok().flatten()?;
        let text = answer.text();
        let problem: Option<Value> = serde_json::from_str(&text).ok();
        let why = problem.and_then(|problem| problem["reason"].as_str().map(str::to_owned)).unwrap_or(text);
        if answer.value("connection").as_deref() != Some("close") {
            self.connection = Some(connection);
        }
        Some(Said { status: answer.status, why })
    }
}
