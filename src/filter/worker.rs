//! What one worker keeps between requests: the configuration, the issuers' keys, the requests that wait for them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use super::forms::Forms;
use super::host;
use crate::abi::HostError;
use crate::config::Config;
use crate::crypto::BoringSsl;
use crate::flow::{Env, Memory, News, Parking};
use crate::jwks::{Fetch, KeyStore, SharedData};
use crate::time::UnixTime;

pub(super) struct Worker {
    pub(super) config: Rc<Config>,
    pub(super) memory: RefCell<Memory>,
    pub(super) parking: RefCell<Parking>,
    pub(super) forms: Forms,
    pub(super) signatures: BoringSsl,
    /// Callouts under way, by the number that Envoy gave them.
    pub(super) calls: RefCell<HashMap<u32, Fetch>>,
    metrics: RefCell<HashMap<String, u32>>,
    /// How often the root is called. To set the same again would only put the next call off.
    period: Cell<Option<Duration>>,
}

/// How soon the root looks after what a request wants of it. The shortest period there is.
pub(super) const SOON: Duration = Duration::from_millis(1);

/// How often the time is looked at, and what other workers wrote: a key that was withdrawn is out of use everywhere this
/// long after one of them knows. What is told of the remembered tokens is told as often.
pub(super) const WATCH: Duration = Duration::from_secs(1);

impl Worker {
    pub(super) fn new(config: Config) -> Self {
        let me = RandomState::new().hash_one(());
        let mut signatures = BoringSsl::probe(host::foreign);
        if let Some(own) = &config.reissue {
            signatures.probe_signing(own.keys.iter().map(|key| &key.key));
        }
        let keys = KeyStore::new(&config.issuers, &(Rc::new(host::Shared) as Rc<dyn SharedData>), me);
        Self {
            memory: RefCell::new(Memory::new(keys, config.token_cache)),
            config: Rc::new(config),
            parking: RefCell::default(),
            forms: Forms::default(),
            signatures,
            calls: RefCell::default(),
            metrics: RefCell::default(),
            period: Cell::default(),
        }
    }

    /// What the core needs of the host at this time.
    pub(super) fn env(&self, now: UnixTime) -> Env<'_> {
        Env { now, signatures: &self.signatures, signer: &self.signatures }
    }

    /// Has the root's `on_tick` called.
    pub(super) fn call_root_soon(&self) -> Result<(), HostError> {
        self.call_root_every(Some(SOON))
    }

    pub(super) fn call_root_every(&self, period: Option<Duration>) -> Result<(), HostError> {
        if self.period.get() != period {
            host::tick_every(period)?;
            self.period.set(period);
        }
        Ok(())
    }

    /// Has the root's `on_tick` called some time, so that it tells what there is to tell.
    pub(super) fn call_root_some_time(&self) -> Result<(), HostError> {
        if self.period.get().is_none() { self.call_root_every(Some(WATCH)) } else { Ok(()) }
    }

    /// Counts one more.
    pub(super) fn count(&self, name: &str) {
        self.tell(name, host::define_counter, |counter| host::change_metric(counter, 1));
    }

    pub(super) fn count_more(&self, (name, change): News) {
        self.tell(name, host::define_counter, |counter| host::change_metric(counter, change));
    }

    pub(super) fn change_gauge(&self, (name, change): News) {
        self.tell(name, host::define_gauge, |gauge| host::change_metric(gauge, change));
    }

    pub(super) fn gauge(&self, name: &str, value: u64) {
        self.tell(name, host::define_gauge, |gauge| host::record(gauge, value));
    }

    /// A metric that cannot be had costs no request its answer.
    fn tell(
        &self,
        name: &str,
        define: fn(&str) -> Result<u32, HostError>,
        tell: impl Fn(u32) -> Result<(), HostError>,
    ) {
        let mut metrics = self.metrics.borrow_mut();
        let told = match metrics.get(name) {
            Some(id) => tell(*id),
            None => define(name).and_then(|id| {
                metrics.insert(name.to_owned(), id);
                tell(id)
            }),
        };
        if let Err(error) = told {
            log::debug!("a metric cannot be told: {error}");
        }
    }
}
