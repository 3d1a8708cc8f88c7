//! Points in time as tokens and caches use them: whole seconds since the epoch (RFC 7519 `NumericDate`).
//!
//! Nothing here reads a clock. The shell reads the host's clock and passes the time in, so every decision that
//! depends on time can be tested at any second. All arithmetic saturates: a token may carry any number.

use std::time::Duration;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(u64);

impl UnixTime {
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn seconds(self) -> u64 {
        self.0
    }

    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = UnixTime::from_seconds(u64::MAX);
        let start = UnixTime::from_seconds(0);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(start.since(end), Duration::ZERO);
        assert_eq!(end.since(start), Duration::from_secs(u64::MAX));
    }
}
