//! The requests of one worker that wait for keys.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::AwaitingKeys;

/// Most requests that wait for one issuer at a time. Each keeps its token and a client's connection; more than this means
/// that keys are long in coming, and clients had better come back. An issuer has places of its own, so that forged
/// tokens of one that hangs do not turn the users of others away.
pub const MAX_PARKED: usize = 1000;

/// Most requests that wait at a time, whoever their issuers are. Each keeps at the most a token and a request's head, so
/// that together they take no more than a third of what a VM may have, also where many issuers hang.
pub const MAX_PARKED_IN_ALL: usize = 4 * MAX_PARKED;

/// A request as the shell knows it: which stream it is, and whether it was let on.
///
/// Whoever ends the wait and whoever handles the stream's body share it, so that body and trailers are held until the
/// very moment in which the request is let on.
#[derive(Clone, Debug)]
pub struct Handle {
    pub stream: u32,
    pub let_on: Rc<Cell<bool>>,
}

#[derive(Debug)]
pub struct Parked {
    pub handle: Handle,
    pub waiting: AwaitingKeys,
}

#[derive(Debug, Default)]
pub struct Parking(BTreeMap<u32, Parked>);

impl Handle {
    pub fn new(stream: u32) -> Self {
        Self { stream, let_on: Rc::default() }
    }
}

impl Parking {
    /// Keeps a request until its keys come. Gives it back where too many wait.
    pub fn park(&mut self, handle: &Handle, waiting: Box<AwaitingKeys>) -> Result<(), Box<AwaitingKeys>> {
        let issuer = waiting.issuer();
        let is_full = || self.0.values().filter(|parked| parked.waiting.issuer() == issuer).count() >= MAX_PARKED;
        if self.0.len() >= MAX_PARKED_IN_ALL || is_full() {
            return Err(waiting);
        }
        self.0.insert(handle.stream, Parked { handle: handle.clone(), waiting: *waiting });
        Ok(())
    }

    /// Forgets a request whose stream has ended.
    pub fn forget(&mut self, stream: u32) {
        self.0.remove(&stream);
    }

    /// Takes out those that need not wait any longer, the first come first, and no more than `limit`.
    pub fn take(&mut self, limit: usize, ready: impl Fn(&AwaitingKeys) -> bool) -> Vec<Parked> {
        let ready = |parked: &&Parked| ready(&parked.waiting);
        let streams: Vec<u32> = self.0.values().filter(ready).take(limit).map(|parked| parked.handle.stream).collect();
        streams.iter().filter_map(|stream| self.0.remove(stream)).collect()
    }

    pub fn holds(&self, ready: impl Fn(&AwaitingKeys) -> bool) -> bool {
        self.0.values().any(|parked| ready(&parked.waiting))
    }
}
