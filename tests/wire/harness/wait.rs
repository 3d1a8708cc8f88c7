//! Waiting for something to become true, and never for time to pass.

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it stuck. Generous, because it says
/// nothing about speed: a machine under load must not fail a test, a hang must.
pub const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks again and again until `look` finds something.
#[allow(clippy::disallowed_methods, reason = "to notice a hang one has to look at the clock")]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Whether this comes about within a time. For what should not: that it has not is then as good as never.
#[allow(clippy::disallowed_methods, reason = "one has to stop looking some time")]
pub fn soon(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > within {
            return false;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    true
}
