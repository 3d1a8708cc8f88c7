//! The plugin's own callbacks: its configuration, the fetching of keys, and the end of every wait.
//!
//! Keys are fetched by the root and never by a stream: the SDK drops an answer whose stream has gone, and all others
//! that wait for it would wait for ever.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::host;
use super::perform::{Moment, perform};
use super::stream::Stream;
use super::worker::Worker;
use crate::config::{Config, ConfigError};
use crate::crypto::JwtSimple;
use crate::denial::Denial;
use crate::flow::{AwaitingKeys, Env, Parked};
use crate::jwks::{Fetch, FetchError, Outcome, fetch_counter};

/// Most requests that are decided in one callback. Envoy answers them when the callback returns, each answer inside the
/// one before it: a few hundred exhaust the VM's stack, fewer the longer the chain of filters is.
const BATCH: usize = 16;

/// How often fetches under way are looked after, for an answer that never comes.
const WATCH: Duration = Duration::from_secs(1);

pub(super) struct Root {
    context_id: u32,
    worker: Option<Rc<Worker>>,
}

impl Root {
    pub(super) fn new(context_id: u32) -> Self {
        Self { context_id, worker: None }
    }

    fn fetch(&self, worker: &Worker, fetch: Fetch) {
        match host::dispatch(&fetch) {
            Some(call) => _ = worker.calls.borrow_mut().insert(call, fetch),
            None => self.finish(worker, &fetch, Err(FetchError::NotSent)),
        }
    }

    fn finish(&self, worker: &Worker, fetch: &Fetch, answer: Result<Vec<u8>, FetchError>) {
        // Without a clock the fetch counts as lost, which a later tick sees.
        let Ok(now) = host::now() else { return };
        let issuer = worker.config.issuers.name(fetch.issuer);
        let outcome = worker.keys.borrow_mut().finish(fetch, answer, now);
        worker.count(&fetch_counter(issuer, &outcome));
        match outcome {
            Ok(Outcome::Continue(next)) => self.fetch(worker, next),
            Ok(Outcome::Settled) => {}
            Err(error) => log::warn!("keys of issuer {issuer}: {fetch}: {error}"),
        }
    }

    /// Decides requests that need not wait any longer, one by one, each on its own stream, and sees to it that the rest
    /// is looked after.
    fn end_waits(&self, worker: &Worker) {
        let ready = |waiting: &AwaitingKeys| waiting.is_ready(&worker.keys.borrow());
        let parked = worker.parking.borrow_mut().take(BATCH, ready);
        for Parked { handle, waiting } in parked {
            // A stream that is gone has no one to answer.
            if host::act_on(handle.stream).is_err() {
                continue;
            }
            let step = match host::now() {
                Ok(now) => waiting.resume(&mut worker.keys.borrow_mut(), &Env { now, signatures: &JwtSimple }),
                Err(_) => waiting.refuse(Denial::Internal("the time cannot be had")),
            };
            perform(worker, &handle, step, Moment::Parked);
        }
        if let Err(error) = host::act_on(self.context_id) {
            log::error!("the plugin's own context cannot be used: {error}");
        }
        worker.called_soon.set(false);
        let keys = worker.keys.borrow();
        let more = keys.is_wanted() || worker.parking.borrow().holds(ready);
        let set = if more { worker.call_root_soon() } else { host::tick_every(keys.is_busy().then_some(WATCH)) };
        if let Err(error) = set {
            log::error!("the timer cannot be set: {error}");
        }
    }
}

/// What an answered callout brought. The size is checked before the body is copied into this VM.
fn read_answer(headers: usize, body_size: usize) -> Result<Vec<u8>, FetchError> {
    // No headers: Envoy got no answer, or lost it half-way.
    let status = if headers == 0 { None } else { host::call_status() };
    FetchError::of_answer(status, body_size)
        .map_or_else(|| host::buffer(host::CALL_RESPONSE_BODY, body_size).map_err(|_| FetchError::NoAnswer), Err)
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body_size: usize, _: usize) {
        let Some(worker) = &self.worker else { return };
        // An answer that came too late was given up on.
        let fetch = worker.calls.borrow_mut().remove(&call);
        if let Some(fetch) = fetch {
            self.finish(worker, &fetch, read_answer(headers, body_size));
            self.end_waits(worker);
        }
    }
}

impl RootContext for Root {
    /// Refuses a configuration with anything wrong in it. Envoy then does not start, or keeps the one it has.
    fn on_configure(&mut self, size: usize) -> bool {
        let config = match host::buffer(host::PLUGIN_CONFIGURATION, size) {
            Ok(bytes) => Config::parse(&bytes),
            Err(error) => Err(vec![ConfigError { path: String::new(), problem: format!("cannot be read: {error}") }]),
        };
        self.worker = match config {
            Ok(config) => Some(Rc::new(Worker::new(config))),
            Err(errors) => {
                errors.iter().for_each(|error| log::error!("configuration: {error}"));
                None
            }
        };
        self.worker.is_some()
    }

    fn on_tick(&mut self) {
        let Some(worker) = &self.worker else { return };
        // Without a clock nothing is due; those who could go on are told so.
        if let Ok(now) = host::now() {
            let due = worker.keys.borrow_mut().due(now);
            for fetch in due {
                self.fetch(worker, fetch);
            }
            let overdue = worker.keys.borrow_mut().overdue(now);
            for issuer in overdue {
                log::warn!("keys of issuer {}: the answer never came", worker.config.issuers.name(issuer));
                worker.calls.borrow_mut().retain(|_, fetch| fetch.issuer != issuer);
            }
        }
        self.end_waits(worker);
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
