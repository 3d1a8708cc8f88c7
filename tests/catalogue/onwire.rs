//! Rows on a real Envoy with the real filter.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outcome::{Decided, Outcome, Upstream};
use super::row::{Message, Place, RESET, Way};
use super::world::World;
use crate::wire::harness::answer::Answer;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::http2;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::message::Field;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{Exchange, Protocol, Stage};
use crate::wire::harness::wait::wait_until;

/// Decisions, fetches, virtual machines.
const STATS: &str = "postern_requests_total%7Cpostern_jwks_fetch_total%7Cvm_reload%7Cwasm.envoy.wasm.runtime";
const GOOD: &str = "wasmcustom.postern_requests_total.decision.allow.reason.ok.rule.me";

// The order of the fields is the order of their end: Envoy hangs up first.
pub struct OnWire {
    pub stage: Stage,
    pub issuer: Issuer,
    stats: BTreeMap<String, u64>,
    /// How many lines the access log has to have by now.
    sent: usize,
}

impl OnWire {
    pub fn start(place: Place, issuer: Issuer, world: &World) -> Self {
        for (path, keys) in &world.published {
            issuer.on(path, Script::json(keys));
        }
        let setup = Setup::new(&world.config);
        let setup = match place {
            Place::Main => setup.web_sockets(),
            // Here each call between Envoy and the filter is logged, so that these logs too are searched for tokens.
            Place::AsWritten => setup.normalize_path(false).log_calls(),
            Place::Redirecting => setup.escaped_slashes("UNESCAPE_AND_REDIRECT"),
            Place::Rejecting => setup.escaped_slashes("REJECT_REQUEST").accept_http_10(),
            Place::RsaKeys | Place::OtherKeys | Place::Vectors => setup,
        };
        let stage = Stage::with_issuer(&Journal::default(), &issuer, setup);
        let fetched = || -> u64 {
            let stats = stage.envoy.stats("postern_jwks_fetch_total.outcome.ok");
            stats.values().sum()
        };
        wait_until("all keys are there", || fetched() >= world.first_fetches() as u64);
        assert_eq!(issuer.asked_at_all(), world.first_fetches(), "each issuer is asked once at the start");
        let stats = stage.envoy.stats(STATS);
        assert!(stats.keys().any(|name| name.ends_with("v8.created")), "Envoy counts virtual machines: {stats:?}");
        Self { stage, issuer, stats, sent: 0 }
    }

    /// Sends it, and a good request after it; the outcome, and what is wrong with the filter since.
    pub fn send(&mut self, way: Way, message: &Message, good: &str) -> (Option<Outcome>, Vec<String>) {
        let mut problems = Vec::new();
        let asked = self.issuer.asked_at_all();
        let exchange = catch_unwind(AssertUnwindSafe(|| self.exchange(way, message)));
        let fetches = self.issuer.asked_at_all() - asked;
        let after = self.stage.send(Protocol::Http1, &Request::get("/me").bearer(good)).answer;
        self.sent += 2;
        if after.status != 200 {
            problems.push(format!("a good request after it is {}", after.status));
        }
        let stats = self.stage.envoy.stats(STATS);
        problems.extend(self.changes_of_machines(&stats));
        let decided = self.decided(&stats, &mut problems);
        self.stats = stats;
        match exchange {
            Ok(exchange) => (Some(outcome(exchange, decided, fetches)), problems),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map_or("no answer", String::as_str);
                problems.push(text.chars().take(300).collect());
                (None, problems)
            }
        }
    }

    fn exchange(&self, way: Way, message: &Message) -> Exchange {
        match (way, message) {
            (Way::H2, Message::Request(request)) => {
                let before = self.stage.upstream.count();
                let answer = http2::try_send(self.stage.envoy.address(), request);
                self.stage.exchange(before, answer.unwrap_or(Answer { status: RESET, ..Answer::default() }))
            }
            (_, Message::Request(request)) => self.stage.send(Protocol::Http1, request),
            (_, Message::Raw(bytes)) => {
                let before = self.stage.upstream.count();
                let mut client = Connection::open(self.stage.envoy.address());
                client.send(bytes);
                let method = String::from_utf8_lossy(bytes.split(|byte| *byte == b' ').next().unwrap_or_default());
                self.stage.exchange(before, client.answer(&method))
            }
        }
    }

    /// The one decision since the last look, besides that of the good request.
    fn decided(&self, stats: &BTreeMap<String, u64>, problems: &mut Vec<String>) -> Option<Decided> {
        let mut decided = Vec::new();
        for (name, value) in stats.iter().filter(|(name, _)| name.contains("postern_requests_total")) {
            let known = self.stats.get(name).copied().unwrap_or_default() + u64::from(name == GOOD);
            decided.extend((known..*value).filter_map(|_| Decided::of(name)));
        }
        if decided.len() > 1 {
            problems.push(format!("decided {} times", decided.len()));
        }
        decided.pop()
    }

    /// A virtual machine that was made, lost or replaced since the start.
    fn changes_of_machines(&self, stats: &BTreeMap<String, u64>) -> Vec<String> {
        let of_machines = |name: &str| name.contains("vm_reload") || name.contains("runtime");
        let now = stats.iter().filter(|(name, _)| of_machines(name));
        let changed = now.filter(|(name, value)| self.stats.get(*name).copied().unwrap_or_default() != **value);
        changed.map(|(name, value)| format!("{name} is {value}")).collect()
    }

    /// All that Envoy and the filter have written, once it is all there.
    pub fn logs(&self) -> String {
        // What its codec refuses Envoy may log, or not.
        let lines = self.stage.envoy.access_log(self.sent / 2);
        format!("{}\n{}", self.stage.envoy.log(), lines.join("\n"))
    }
}

fn outcome(exchange: Exchange, decided: Option<Decided>, fetches: usize) -> Outcome {
    let Exchange { answer, seen } = exchange;
    let lower = |fields: &[Field]| -> Vec<(String, Vec<u8>)> {
        fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
    };
    let upstream = seen.map(|seen| {
        let mut fields = lower(&seen.head.fields);
        fields.push((":path".to_owned(), seen.target().as_bytes().to_vec()));
        Upstream { fields, trailers: lower(&seen.trailers) }
    });
    let Answer { status, fields, body, trailers } = answer;
    let text = |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
    let fields = lower(&fields).into_iter().chain(lower(&trailers)).map(text).collect();
    let body = String::from_utf8_lossy(&body).into_owned();
    Outcome { status, decided, fields, body, upstream, fetches, told: String::new() }
}
