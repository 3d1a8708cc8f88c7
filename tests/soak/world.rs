//! An Envoy with the filter, its issuers and the service behind, and the book that is kept.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::answers::Reply;
use super::clock::now;
use super::item::Item;
use super::kinds::{Kinds, rules};
use super::ledger::Ledger;
use super::right::Moment;
use super::rotors::Rotor;
use super::upstream::{self, Objections};
use crate::support::mint::{Signer, jwks};
use crate::wire::harness::arguments::Form;
use crate::wire::harness::config::named_issuer;
use crate::wire::harness::door::Door;
use crate::wire::harness::dynamic::Drain;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::server::Server;
use crate::wire::harness::setup::Setup;

pub const WORKERS: usize = 2;

/// The issuer whose keys stay the same.
pub const STEADY: &str = "https://steady.test";

/// The issuer whose keys are somewhere else in each configuration, so that nobody has them yet.
pub const PARKER: &str = "https://parker.test";

const ROTORS: usize = 8;

/// What the process has at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub seconds: f64,
    pub requests: usize,
    pub resident: u64,
    pub machines: u64,
}

// The order of the fields is the order of their end: Envoy hangs up first.
pub struct World {
    pub envoy: Envoy,
    pub steady: Mutex<Door>,
    pub rotating: Issuer,
    pub parker: Issuer,
    _upstream: Server,
    pub objections: Arc<Objections>,
    pub form: Form,
    pub kinds: Kinds,
    pub rotors: Vec<Rotor>,
    /// Configurations by number: the last one that was offered, and the last one that all workers have.
    pub offered: AtomicUsize,
    pub taken: AtomicUsize,
    /// Whether the steady issuer fails, or the filter cannot know yet that it does no more.
    pub in_trouble: AtomicBool,
    /// Whether tokens of unknown keys are sent.
    pub seeks_keys: AtomicBool,
    /// Set when nothing more is to be sent.
    pub over: AtomicBool,
    pub requests: AtomicUsize,
    pub ledger: Mutex<Ledger>,
    pub samples: Mutex<Vec<Sample>>,
    pub events: Mutex<BTreeMap<String, u64>>,
    pub started: Instant,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the steady issuer publishes.
pub fn steady_keys() -> Script {
    Script::json(&jwks(&Signer::every_algorithm().iter().collect::<Vec<_>>()))
}

impl World {
    pub fn start(form: Form) -> Arc<Self> {
        let (rotating, parker) = (Issuer::start(&Journal::default()), Issuer::start(&Journal::default()));
        let mut steady = Door::closed("/keys");
        steady.open(steady_keys());
        let rotors: Vec<Rotor> = (0..ROTORS).map(Rotor::new).collect();
        rotors.iter().for_each(|rotor| rotating.on(&rotor.path(), rotor.script()));
        parker.on(&park_path(0), Script::json(&jwks(&[&Signer::es256()])));
        let (server, objections) = upstream::start();
        let places = Places { steady: &steady, rotating: &rotating, parker: &parker, rotors: &rotors };
        let envoy = Envoy::start(&places.setup(form, 0), server.address());
        Arc::new(Self {
            envoy,
            steady: Mutex::new(steady),
            rotating,
            parker,
            _upstream: server,
            objections,
            form,
            kinds: Kinds::new(form),
            rotors,
            offered: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            in_trouble: AtomicBool::new(false),
            seeks_keys: AtomicBool::new(false),
            over: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            ledger: Mutex::default(),
            samples: Mutex::default(),
            events: Mutex::default(),
            started: now(),
        })
    }

    pub fn setup(&self, number: usize) -> Setup {
        let steady = lock(&self.steady);
        Places { steady: &steady, rotating: &self.rotating, parker: &self.parker, rotors: &self.rotors }
            .setup(self.form, number)
    }

    /// How often the steady issuer was asked, or would have been if somebody had listened.
    pub fn steady_asked(&self) -> u64 {
        lock(&self.steady).asked() as u64 + self.envoy.stat("cluster.steady.upstream_cx_connect_fail")
    }

    /// Judges an answer and books it. `configurations` are those that may have given it.
    pub fn judge(&self, item: &Item, before: &Moment, configurations: &RangeInclusive<usize>, reply: &Reply) {
        let after = Moment::of(item, self);
        let fits = |moment| item.right.fits(moment, configurations, reply);
        let mut wrong = Vec::new();
        if !fits(before) && !fits(&after) {
            wrong.push(format!("{:?} was answered {} {:?}", item.right, reply.status, reply.reason));
        }
        if reply.status == 200 && reply.user != item.user {
            wrong.push(format!("{:?} went on as {:?}", item.user, reply.user));
        }
        if let Some(realm) = &reply.realm
            && !configurations.clone().any(|number| *realm == realm_of(number))
        {
            wrong.push(format!("answered as {realm}, and not by one of {configurations:?}"));
        }
        let (decision, reason) = match (reply.status, &item.user) {
            (200, Some(_)) => ("allow", "ok"),
            (200, None) => ("allow", "anonymous"),
            _ => ("deny", reply.reason.as_str()),
        };
        let label = (item.rule.to_owned(), decision.to_owned(), reason.to_owned());
        let mut ledger = lock(&self.ledger);
        ledger.answered(item.kind, label, reply.status, item.looked_up);
        wrong.into_iter().for_each(|what| ledger.wrong(item.kind, format!("{}: {what}", item.kind)));
        drop(ledger);
        self.requests.fetch_add(1, Ordering::SeqCst);
    }

    /// A request whose end nobody knows.
    pub fn unknown(&self, item: &Item) {
        lock(&self.ledger).unknown(item.kind, item.rule, item.looked_up);
        self.requests.fetch_add(1, Ordering::SeqCst);
    }

    pub fn object(&self, what: String) {
        lock(&self.ledger).object(what);
    }

    pub fn event(&self, what: impl Into<String>) {
        *lock(&self.events).entry(what.into()).or_default() += 1;
    }

    pub fn sample(&self) {
        let sample = Sample {
            seconds: self.started.elapsed().as_secs_f64(),
            requests: self.requests.load(Ordering::SeqCst),
            resident: self.envoy.resident(),
            machines: self.envoy.stat("wasm.envoy.wasm.runtime.v8.active"),
        };
        lock(&self.samples).push(sample);
    }
}

pub fn park_path(number: usize) -> String {
    format!("/park-{number}")
}

fn realm_of(number: usize) -> String {
    format!("soak-{number}")
}

/// What a configuration is made of.
struct Places<'a> {
    steady: &'a Door,
    rotating: &'a Issuer,
    parker: &'a Issuer,
    rotors: &'a [Rotor],
}

impl Places<'_> {
    fn setup(&self, form: Form, number: usize) -> Setup {
        let mut issuers = vec![
            issuer(STEADY, &format!("http://{}/keys", self.steady.address()), "steady", "5s"),
            issuer(PARKER, &self.parker.url(&park_path(number)), "parker", "30s"),
        ];
        issuers.extend(
            self.rotors.iter().map(|rotor| issuer(&rotor.issuer(), &self.rotating.url(&rotor.path()), "issuer", "30s")),
        );
        let config = json!({
            "realm": realm_of(number),
            "issuers": issuers,
            "credentials": { "query": true },
            "token_cache": { "max_entries": Kinds::remembered(form) },
            "rules": rules(number),
        });
        Setup::new(&config)
            .dynamic(Drain::Soon)
            .concurrency(WORKERS)
            .issuer(self.rotating.address())
            .cluster("steady", self.steady.address())
            .cluster("parker", self.parker.address())
    }
}

fn issuer(name: &str, uri: &str, cluster: &str, timeout: &str) -> Value {
    let mut issuer = named_issuer(name, uri);
    issuer["jwks"]["cluster"] = json!(cluster);
    issuer["jwks"]["timeout"] = json!(timeout);
    issuer["clock_skew"] = json!("0s");
    issuer
}
