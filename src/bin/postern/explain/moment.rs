//! Times in words.

use std::time::Duration;

use postern::time::UnixTime;

use crate::clock;

const DAY: u64 = 86_400;

const AFTER_9900: i64 = 250_000_000_000;

/// In UTC, such as `2026-11-22 15:04:05 UTC`.
pub fn date(time: UnixTime) -> String {
    // No calendar is needed for what nobody will live to see.
    i64::try_from(time.seconds())
        .ok()
        .filter(|seconds| *seconds < AFTER_9900)
        .map_or_else(|| "after the year 9900".to_owned(), |seconds| format!("{} UTC", clock::date(seconds)))
}

/// The two largest units, such as `1 h 2 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(DAY, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, unit) in units {
        if rest >= size && words.len() < 2 {
            words.push(format!("{} {unit}", rest / size));
        } else if !words.is_empty() {
            break;
        }
        rest %= size;
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

/// Such as `5 min ago`, `in 1 h`.
pub fn from_now(time: UnixTime, now: UnixTime) -> String {
    if time.seconds() == now.seconds() {
        "now".to_owned()
    } else if time > now {
        format!("in {}", duration(time.since(now)))
    } else {
        format!("{} ago", duration(now.since(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_as_long_as_they_mean_something() {
        for (seconds, want) in [
            (1_800_000_000, "2027-01-15 08:00:00 UTC"),
            (253_402_300_799, "after the year 9900"),
            (u64::MAX, "after the year 9900"),
        ] {
            assert_eq!(date(UnixTime::from_seconds(seconds)), want, "{seconds}");
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, want) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (90_000, "1 d 1 h"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), want, "{seconds}");
        }
        let now = UnixTime::from_seconds(1_000);
        for (seconds, want) in [(1_000, "now"), (1_060, "in 1 min"), (940, "1 min ago")] {
            assert_eq!(from_now(UnixTime::from_seconds(seconds), now), want, "{seconds}");
        }
    }
}
