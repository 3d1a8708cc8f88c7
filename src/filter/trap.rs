//! The ways in which a test kills the filter. They are in no build but the one made for it (`trap-for-tests`).
//!
//! A request names in [`HEADER`] the callback in which the worker's VM is to die: its own, or the next of another kind,
//! which then belongs to somebody else. It dies by a panic, as it would of a defect.

use std::cell::Cell;

use super::host;

const HEADER: &str = "x-trap-for-tests";

/// What the panic says; a panic may say what a client sent, so no log may have this.
const SAID: &str = "said-by-a-trap-for-tests";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Callback {
    RequestHeaders,
    RequestBody,
    CallResponse,
    Tick,
}

thread_local! {
    static ARMED: Cell<Option<Callback>> = const { Cell::new(None) };
}

/// Reads what the request asks for.
pub(super) fn arm() {
    let wanted = match host::request_field(HEADER).as_deref() {
        Some(b"headers") => Callback::RequestHeaders,
        Some(b"body") => Callback::RequestBody,
        Some(b"answer") => Callback::CallResponse,
        Some(b"tick") => Callback::Tick,
        Some(_) | None => return,
    };
    ARMED.set(Some(wanted));
}

/// Dies here, where a request has asked for it.
#[allow(clippy::panic, reason = "this is what it is for")]
pub(super) fn at(callback: Callback) {
    if ARMED.get() == Some(callback) {
        panic!("{SAID}");
    }
}
