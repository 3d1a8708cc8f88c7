//! The plugin's own callbacks: its configuration, the fetching of keys, and the end of every wait.
//!
//! Keys are fetched by the root and never by a stream: the SDK drops an answer whose stream has gone, and all others
//! that wait for it would wait for ever.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::perform::{Moment, perform};
use super::stream::Stream;
#[cfg(feature = "trap-for-tests")]
use super::trap::{self, Callback};
use super::worker::{SOON, WATCH, Worker};
use super::{forms, host};
use crate::config::{Config, ConfigError};
use crate::denial::Denial;
use crate::flow::{AwaitingKeys, Parked};
use crate::jwks::{Answer, Due, Fetch, FetchError, Finished, Notice};
use crate::time::UnixTime;

/// Most requests that are decided in one callback. Envoy answers them when the callback returns, each answer inside the
/// one before it: a few hundred exhaust the VM's stack, fewer the longer the chain of filters is.
const BATCH: usize = 16;

/// How often the root looks around while requests wait for what another worker may be fetching.
const WATCH_WHILE_WAITING: Duration = Duration::from_millis(10);

pub(super) struct Root {
    context_id: u32,
    worker: Option<Rc<Worker>>,
}

impl Root {
    pub(super) fn new(context_id: u32) -> Self {
        Self { context_id, worker: None }
    }

    /// Does what is due for the keys.
    fn look_after_keys(&self, worker: &Worker, now: UnixTime) {
        let Due { fetches, notices } = worker.memory.borrow_mut().keys.due(now);
        notices.iter().for_each(|notice| tell(worker, notice));
        for fetch in fetches {
            self.fetch(worker, fetch);
        }
        measure(worker, now);
    }

    fn fetch(&self, worker: &Worker, fetch: Fetch) {
        match host::dispatch(&fetch) {
            Some(call) => {
                let mut calls = worker.calls.borrow_mut();
                // The answer to one that was given up on, should it come, belongs to no attempt of now.
                calls.retain(|_, other| other.issuer != fetch.issuer);
                calls.insert(call, fetch);
            }
            None => self.finish(worker, &fetch, Err(FetchError::NotSent)),
        }
    }

    fn finish(&self, worker: &Worker, fetch: &Fetch, answer: Result<Answer, FetchError>) {
        // Without a clock the fetch counts as lost, which a later tick sees.
        let Ok(now) = host::now() else { return };
        let Finished { next, notice } = worker.memory.borrow_mut().keys.finish(fetch, answer, now);
        notice.iter().for_each(|notice| tell(worker, notice));
        measure(worker, now);
        if let Some(next) = next {
            self.fetch(worker, next);
        }
    }

    /// Decides requests that need not wait any longer, one by one, each on its own stream, and sees to it that the rest
    /// is looked after.
    fn end_waits(&self, worker: &Worker) {
        let ready = |waiting: &AwaitingKeys| waiting.is_ready(&worker.memory.borrow().keys);
        let parked = worker.parking.borrow_mut().take(BATCH, ready);
        for Parked { handle, waiting } in parked {
            // A stream that is gone has no one to answer.
            if host::act_on(handle.stream).is_err() {
                continue;
            }
            let step = match host::now() {
                Ok(now) => waiting.resume(&mut worker.memory.borrow_mut(), &worker.env(now)),
                Err(_) => waiting.refuse(Denial::Internal("the time cannot be had")),
            };
            perform(worker, &handle, step, Moment::Parked);
        }
        if let Err(error) = host::act_on(self.context_id) {
            log::error!("the plugin's own context cannot be used: {error}");
        }
        let (memory, parking) = (worker.memory.borrow(), worker.parking.borrow());
        let overdue = host::now().is_ok_and(|now| worker.forms.are_overdue(now));
        let period = if memory.keys.is_wanted() || parking.holds(ready) || overdue {
            Some(SOON)
        } else if parking.holds(|_| true) {
            Some(WATCH_WHILE_WAITING)
        } else {
            (memory.keys.fetches() || !worker.forms.is_empty()).then_some(WATCH)
        };
        if let Err(error) = worker.call_root_every(period) {
            log::error!("the timer cannot be set: {error}");
        }
    }
}

fn measure(worker: &Worker, now: UnixTime) {
    for (name, value) in worker.memory.borrow_mut().keys.gauges(now) {
        worker.gauge(&name, value);
    }
}

fn tell_of_tokens(worker: &Worker) {
    let mut memory = worker.memory.borrow_mut();
    memory.counters().for_each(|news| worker.count_more(news));
    memory.gauges().for_each(|news| worker.change_gauge(news));
}

fn tell(worker: &Worker, notice: &Notice) {
    worker.count(&notice.counter);
    if let Some((level, text)) = &notice.log {
        log::log!(*level, "{text}");
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body_size: usize, _: usize) {
        #[cfg(feature = "trap-for-tests")]
        trap::at(Callback::CallResponse);
        let Some(worker) = &self.worker else { return };
        // An answer that came too late was given up on.
        let fetch = worker.calls.borrow_mut().remove(&call);
        if let Some(fetch) = fetch {
            self.finish(worker, &fetch, host::answer(&fetch, headers, body_size));
            self.end_waits(worker);
        }
    }
}

/// What is left to others when a configuration goes away. Dropping needs no callback of its own: one for a context that
/// is done would be called for each request too.
impl Drop for Root {
    fn drop(&mut self) {
        let Some(worker) = &self.worker else { return };
        if let Ok(now) = host::now() {
            worker.memory.borrow_mut().keys.release(now);
        }
        worker.memory.borrow_mut().forget();
        tell_of_tokens(worker);
    }
}

impl RootContext for Root {
    /// Refuses a configuration with anything wrong in it. Envoy then does not start, or keeps the one it has.
    fn on_configure(&mut self, size: usize) -> bool {
        let config = match host::buffer(host::PLUGIN_CONFIGURATION, size) {
            Ok(bytes) => Config::parse_in(&bytes, &host::environment),
            Err(error) => Err(vec![ConfigError { path: String::new(), problem: format!("cannot be read: {error}") }]),
        };
        self.worker = match config {
            Ok(config) => {
                config.notices().iter().for_each(|notice| log::warn!("configuration: {notice}"));
                let worker = Worker::new(config);
                log::info!("signatures: {}", worker.signatures.summary());
                Some(Rc::new(worker))
            }
            Err(errors) => {
                errors.iter().for_each(|error| log::error!("configuration: {error}"));
                None
            }
        };
        // Keys are fetched from the first tick on. Here it would be too soon: Envoy also tries the configuration in a VM
        // that it then throws away, with the answers to its calls.
        if let Some(worker) = self.worker.as_ref().filter(|worker| worker.memory.borrow().keys.fetches())
            && let Err(error) = worker.call_root_soon()
        {
            log::error!("the timer cannot be set: {error}");
        }
        self.worker.is_some()
    }

    fn on_tick(&mut self) {
        #[cfg(feature = "trap-for-tests")]
        trap::at(Callback::Tick);
        let Some(worker) = &self.worker else { return };
        // Without a clock nothing is due; those who could go on are told so.
        if let Ok(now) = host::now() {
            self.look_after_keys(worker, now);
            forms::give_up(worker, now, BATCH);
        }
        tell_of_tokens(worker);
        self.end_waits(worker);
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(context_id, self.worker.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
