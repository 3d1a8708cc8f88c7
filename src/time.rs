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

/// A span of time, from one moment to just before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: UnixTime,
    pub until: UnixTime,
}

impl Span {
    pub fn contains(self, time: UnixTime) -> bool {
        self.from <= time && time < self.until
    }

    /// The part before or from `point` on, whichever `now` is in: something changes at that moment.
    #[must_use]
    pub fn cut(self, point: UnixTime, now: UnixTime) -> Self {
        if point <= now {
            Self { from: self.from.max(point), ..self }
        } else {
            Self { until: self.until.min(point), ..self }
        }
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

    const fn span(from: u64, until: u64) -> Span {
        Span { from: UnixTime::from_seconds(from), until: UnixTime::from_seconds(until) }
    }

    #[test]
    fn a_span_begins_with_its_first_moment_and_ends_before_its_last() {
        for (name, span, millis, want) in [
            ("just before", span(5, 9), 4_999, false),
            ("the beginning", span(5, 9), 5_000, true),
            ("a moment later", span(5, 9), 5_001, true),
            ("just before the end", span(5, 9), 8_999, true),
            ("the end", span(5, 9), 9_000, false),
            ("after it", span(5, 9), 9_001, false),
            ("of no length", span(5, 5), 5_000, false),
            ("that ends before it begins", span(9, 5), 7_000, false),
            ("from the epoch on", span(0, 9), 0, true),
            ("without end", span(5, u64::MAX), u64::MAX, true),
        ] {
            assert_eq!(span.contains(UnixTime::from_millis(millis)), want, "{name}");
        }
    }

    #[test]
    fn a_span_is_cut_to_the_part_that_now_is_in() {
        for (name, point, now, want) in [
            ("now is before", 7, 6, span(5, 7)),
            ("now is after", 6, 7, span(6, 9)),
            ("now", 7, 7, span(7, 9)),
            ("at its beginning, before", 5, 4, span(5, 5)),
            ("at its beginning, now", 5, 5, span(5, 9)),
            ("at its beginning, after", 5, 6, span(5, 9)),
            ("at its end, before", 9, 8, span(5, 9)),
            ("at its end, now", 9, 9, span(9, 9)),
            ("before it begins", 3, 6, span(5, 9)),
            ("after it ends", 11, 6, span(5, 9)),
        ] {
            let seconds = UnixTime::from_seconds;
            let cut = span(5, 9).cut(seconds(point), seconds(now));
            assert_eq!(cut, want, "{name}");
            // Whatever is cut, what is left holds no moment of the other side.
            let side = |time: u64| time >= point;
            let held = (0..12).filter(|time| cut.contains(seconds(*time)));
            let wanted = (5..9).filter(|time| side(*time) == side(now));
            assert_eq!(held.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_time_is_the_same_when_it_was_written_down_and_read_again() {
        for nanos in [0, 999_999, 1_000_000, 1_800_000_000_123_456_789, u64::MAX] {
            let time = UnixTime::from_nanos(nanos);
            assert_eq!(UnixTime::from_millis(time.millis()), time, "{nanos}");
        }
    }
}
