//! Requests for a token whose form is still to come.
//!
//! Envoy hands a body over only where a filter that holds the headers may do so without holding all else
//! (`allow_on_headers_stop_iteration`). Where that is off nothing comes, and nobody says so: a form is waited for only so
//! long.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::host;
use super::perform::{Moment, perform};
use super::worker::Worker;
use crate::denial::Denial;
use crate::flow::{AwaitingForm, Handle};
use crate::reissue::Refused;
use crate::time::UnixTime;

/// A form is one packet behind its head.
const PATIENCE: Duration = Duration::from_secs(5);

/// Each keeps a token and holds a client's connection.
const MOST: usize = 256;

/// Most that are still to be told that others have their places.
const MOST_DISPLACED: usize = 256;

#[derive(Default)]
pub(super) struct Forms(RefCell<BTreeMap<u32, Held>>);

struct Held {
    handle: Handle,
    until: UnixTime,
    waiting: Box<AwaitingForm>,
    /// How much of it is there.
    size: usize,
    /// Whether another has its place, and it is to be told so: by the root, for an answer to one request in the callback of
    /// another keeps that one's body back.
    is_displaced: bool,
}

impl Held {
    fn is_overdue(&self, now: UnixTime) -> bool {
        self.is_displaced || self.until <= now
    }
}

impl Forms {
    /// Gives it back where too many wait. Forms come at once: who has a place and sends none has it until others need it, for
    /// whoever opens connections and sends nothing would otherwise keep everybody out. Says whether somebody lost his place,
    /// and is to be told so soon.
    pub(super) fn hold(&self, handle: &Handle, waiting: Box<AwaitingForm>) -> Result<bool, Box<AwaitingForm>> {
        let mut all = self.0.borrow_mut();
        let now = match host::now() {
            Ok(now) if all.len() < MOST + MOST_DISPLACED => now,
            Ok(_) | Err(_) => return Err(waiting),
        };
        let staying = || all.values().filter(|held| !held.is_displaced);
        let is_full = staying().count() >= MOST;
        let oldest = staying().min_by_key(|held| held.until).map(|held| held.handle.stream).filter(|_| is_full);
        if let Some(oldest) = oldest.and_then(|oldest| all.get_mut(&oldest)) {
            oldest.is_displaced = true;
        }
        let (handle, until) = (handle.clone(), now.plus(PATIENCE));
        all.insert(handle.stream, Held { handle, until, waiting, size: 0, is_displaced: false });
        Ok(is_full)
    }

    pub(super) fn forget(&self, stream: u32) {
        self.0.borrow_mut().remove(&stream);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Notes how much has come, and takes out what need not wait for more.
    fn take(&self, stream: u32, size: Option<usize>, is_all: bool) -> Option<Held> {
        let mut all = self.0.borrow_mut();
        let held = all.get_mut(&stream)?;
        held.size = size.unwrap_or(held.size);
        if is_all || held.waiting.takes(held.size).is_err() { all.remove(&stream) } else { None }
    }

    /// Whether there are some to give up.
    pub(super) fn are_overdue(&self, now: UnixTime) -> bool {
        self.0.borrow().values().any(|held| held.is_overdue(now))
    }

    /// One that was waited for too long.
    fn take_overdue(&self, now: UnixTime) -> Option<Held> {
        let mut all = self.0.borrow_mut();
        let stream = *all.iter().find(|(_, held)| held.is_overdue(now))?.0;
        all.remove(&stream)
    }
}

/// Goes on with a request of which so much of the body is there, or no more than was.
pub(super) fn go_on(worker: &Worker, stream: u32, size: Option<usize>, is_all: bool) {
    let Some(Held { handle, waiting, size, .. }) = worker.forms.take(stream, size, is_all) else { return };
    let step = match (waiting.takes(size), host::now()) {
        (Err(denial), _) => waiting.refuse(denial),
        (Ok(()), Ok(now)) => match host::buffer(host::REQUEST_BODY, size) {
            Ok(form) => waiting.resume(&form, &mut worker.memory.borrow_mut(), &worker.env(now)),
            Err(_) => waiting.refuse(Denial::Internal("the form cannot be read")),
        },
        (Ok(()), Err(_)) => waiting.refuse(Denial::Internal("the time cannot be had")),
    };
    perform(worker, &handle, step, Moment::InHeaders);
}

/// Answers some of those whose form does not come.
pub(super) fn give_up(worker: &Worker, now: UnixTime, most: usize) {
    for _ in 0..most {
        let Some(Held { handle, waiting, is_displaced, .. }) = worker.forms.take_overdue(now) else { return };
        let denial = if is_displaced { Denial::Overloaded } else { Refused::NoForm.into() };
        // A stream that is gone has no one to answer.
        if host::act_on(handle.stream).is_ok() {
            perform(worker, &handle, waiting.refuse(denial), Moment::Parked);
        }
    }
}
