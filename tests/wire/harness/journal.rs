//! The order in which things happened, as one list that every server of a test writes to.
//!
//! "The upstream saw nothing before the keys were there" is a statement about order; a
//! journal settles it without a clock.

use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The issuer got a request for this path.
    IssuerAsked(String),
    /// The test let the issuer answer.
    GateOpened,
    /// The upstream got the head of the request with this index.
    UpstreamHead(usize),
    /// The upstream got body bytes of the request with this index.
    UpstreamBody(usize),
    /// The upstream has the whole request with this index.
    UpstreamWhole(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Event>>>);

impl Journal {
    pub fn write(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The place of the first event like this one.
    pub fn place(&self, event: &Event) -> Option<usize> {
        self.events().iter().position(|other| other == event)
    }
}
