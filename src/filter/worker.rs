//! What one worker keeps between requests: the configuration, the issuers' keys, the requests that wait for them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::host;
use crate::abi::HostError;
use crate::config::Config;
use crate::flow::Parking;
use crate::jwks::{Fetch, KeyStore};

pub(super) struct Worker {
    pub(super) config: Rc<Config>,
    pub(super) keys: RefCell<KeyStore>,
    pub(super) parking: RefCell<Parking>,
    /// Callouts under way, by the number that Envoy gave them.
    pub(super) calls: RefCell<HashMap<u32, Fetch>>,
    counters: RefCell<HashMap<String, u32>>,
    /// Whether the root is called soon anyway. Setting the timer again with each request would only put it off.
    pub(super) called_soon: Cell<bool>,
}

/// How soon the root looks after what a request wants of it. The shortest period there is.
const SOON: Duration = Duration::from_millis(1);

impl Worker {
    pub(super) fn new(config: Config) -> Self {
        Self {
            keys: RefCell::new(KeyStore::new(&config.issuers)),
            config: Rc::new(config),
            parking: RefCell::default(),
            calls: RefCell::default(),
            counters: RefCell::default(),
            called_soon: Cell::default(),
        }
    }

    /// Has the root's `on_tick` called.
    pub(super) fn call_root_soon(&self) -> Result<(), HostError> {
        if !self.called_soon.get() {
            host::tick_every(Some(SOON))?;
            self.called_soon.set(true);
        }
        Ok(())
    }

    /// Counts one more. A counter that cannot be had costs no request its answer.
    pub(super) fn count(&self, name: &str) {
        let mut counters = self.counters.borrow_mut();
        let counted = match counters.get(name) {
            Some(id) => host::increment(*id),
            None => host::define_counter(name).and_then(|id| {
                counters.insert(name.to_owned(), id);
                host::increment(id)
            }),
        };
        if let Err(error) = counted {
            log::debug!("a counter cannot be incremented: {error}");
        }
    }
}
