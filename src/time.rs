//! Points in time as tokens and caches use them: since the epoch, tokens in whole seconds (RFC 7519 `NumericDate`).
//!
//! Nothing here reads a clock. The shell reads the host's clock and passes the time in, so every decision that
//! depends on time can be tested at any moment. All arithmetic saturates: a token may carry any number.

use std::time::Duration;

/// The time since 1970-01-01T00:00:00Z. Clocks are read in whole milliseconds, so that a time that was written down and
/// read again is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(Duration);

impl UnixTime {
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub const fn from_nanos(nanos: u64) -> Self {
        Self::from_millis(nanos / 1_000_000)
    }

    /// The whole seconds of it.
    pub const fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    /// The whole milliseconds of it.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let end = UnixTime(Duration::MAX);
        let start = UnixTime::from_seconds(0);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(start.minus(Duration::from_secs(1)), start);
        assert_eq!(start.since(end), Duration::ZERO);
        assert_eq!(end.since(start), Duration::MAX);
        assert_eq!(end.millis(), u64::MAX);
    }

    #[test]
    fn a_time_is_the_same_when_it_was_written_down_and_read_again() {
        for nanos in [0, 999_999, 1_000_000, 1_800_000_000_123_456_789, u64::MAX] {
            let time = UnixTime::from_nanos(nanos);
            assert_eq!(UnixTime::from_millis(time.millis()), time, "{nanos}");
        }
    }
}
