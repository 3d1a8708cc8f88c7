//! The one place that looks at clocks: what a token is worth depends on the time, and figures have one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[allow(clippy::disallowed_methods, reason = "how long it took is one of the figures")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock in nanoseconds, by which tokens run out.
#[allow(clippy::disallowed_methods, reason = "whether a token has run out is judged by the clock")]
pub fn nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_nanos()
}
