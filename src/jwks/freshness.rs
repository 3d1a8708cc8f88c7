//! How long keys are used before they are fetched anew (DMTN-094 §6.5, RFC 9111 §4.2).

use std::time::Duration;

/// DMTN-094 §6.5: keys should be cached for at least five minutes and at most an hour.
pub const SHORTEST: Duration = Duration::from_secs(300);
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Where neither the configuration nor the issuer says anything. Short, so that a withdrawn key is out soon.
pub const DEFAULT: Duration = Duration::from_secs(600);

/// How long an answer may be used: as it says itself, and no longer than configured.
pub fn lifetime(configured: Option<Duration>, told: Option<Duration>) -> Duration {
    let told = told.map(|told| told.clamp(SHORTEST, LONGEST));
    match (configured, told) {
        (Some(configured), Some(told)) => configured.min(told),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => DEFAULT,
    }
}

/// How long after an answer its keys are fetched anew: between 80% and 95% of their lifetime. Each time is another one,
/// so that proxies that started together do not go on asking together.
pub fn refresh_after(lifetime: Duration, spread: Spread) -> Duration {
    let percent = 80 + 15 * u32::from(spread.0) / u32::from(Spread::WHOLE);
    lifetime.saturating_mul(percent) / 100
}

/// A place between none and all, by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread(u16);

impl Spread {
    const WHOLE: u16 = 1000;

    pub fn new(chance: u64) -> Self {
        Self(u16::try_from(chance % u64::from(Self::WHOLE)).unwrap_or_default())
    }

    pub fn thousandths(self) -> u16 {
        self.0
    }

    /// Less by up to a quarter.
    pub fn shorten(self, pause: Duration) -> Duration {
        pause.saturating_sub(pause.saturating_mul(self.0.into()) / u32::from(Self::WHOLE) / 4)
    }
}

/// What `Cache-Control` and `Age` say of an answer; nothing where they say nothing that can be understood. Of two
/// statements the shorter holds.
pub fn told(cache_control: Option<&[u8]>, age: Option<&[u8]>) -> Option<Duration> {
    let directives: Vec<(String, Option<u64>)> = cache_control?.split(|byte| *byte == b',').map(directive).collect();
    let shortest = |name| directives.iter().filter(|(other, _)| other == name).filter_map(|(_, value)| *value).min();
    if directives.iter().any(|(name, _)| matches!(name.as_str(), "no-store" | "no-cache")) {
        return Some(Duration::ZERO);
    }
    // We answer for many users, so what is said to shared caches goes first (RFC 9111 §5.2.2.10).
    let seconds = shortest("s-maxage").or_else(|| shortest("max-age"))?;
    let age = age.and_then(|age| number(age.trim_ascii())).unwrap_or(0);
    Some(Duration::from_secs(seconds.saturating_sub(age)))
}

fn directive(text: &[u8]) -> (String, Option<u64>) {
    let mut parts = text.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let value = parts.next().map(|value| value.trim_ascii());
    let bare = |value: &[u8]| value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).and_then(number);
    (String::from_utf8_lossy(&name).into_owned(), value.and_then(|value| number(value).or_else(|| bare(value))))
}

/// Digits only; what is too large to count is as long as can be (RFC 9111 §1.2.2).
fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(u64::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_it_may_be_used() {
        for (cache_control, age, want) in [
            (None, None, None),
            (None, Some("10"), None),
            (Some(""), None, None),
            (Some("max-age=600"), None, Some(600)),
            (Some("public, MAX-AGE=600, must-revalidate"), Some("100"), Some(500)),
            (Some("max-age=\"600\""), None, Some(600)),
            (Some("max-age = 600"), None, Some(600)),
            (Some("max-age=600, max-age=500"), None, Some(500)),
            (Some("max-age=600, s-maxage=900"), None, Some(900)),
            (Some("max-age=60"), Some("100"), Some(0)),
            (Some("max-age=600"), Some("soon"), Some(600)),
            (Some("max-age=600"), Some("99999999999999999999"), Some(0)),
            (Some("max-age=99999999999999999999"), None, Some(u64::MAX)),
            (Some("no-store"), None, Some(0)),
            (Some("max-age=600, no-cache"), None, Some(0)),
            (Some("max-age=-1"), None, None),
            (Some("max-age=+1"), None, None),
            (Some("max-age=1.5"), None, None),
            (Some("max-age="), None, None),
            (Some("max-age"), None, None),
            (Some("x-max-age=600"), None, None),
            (Some("\u{fffd}=,=,,=3"), None, None),
        ] {
            let told = told(cache_control.map(str::as_bytes), age.map(str::as_bytes));
            assert_eq!(told.map(|told| told.as_secs()), want, "{cache_control:?} {age:?}");
        }
        assert_eq!(told(Some(b"max-age=600\xff"), None), None);
    }

    #[test]
    fn the_lifetime_stays_between_five_minutes_and_an_hour_and_within_what_was_configured() {
        for (configured, told, want) in [
            (None, None, 600),
            (None, Some(0), 300),
            (None, Some(1000), 1000),
            (None, Some(u64::MAX), 3600),
            (Some(900), None, 900),
            (Some(900), Some(0), 300),
            (Some(900), Some(600), 600),
            (Some(900), Some(3600), 900),
        ] {
            let lifetime = lifetime(configured.map(Duration::from_secs), told.map(Duration::from_secs));
            assert_eq!(lifetime.as_secs(), want, "{configured:?} {told:?}");
        }
    }

    #[test]
    fn keys_are_fetched_anew_before_their_time_is_over_and_not_all_at_once() {
        let after = |chance| refresh_after(Duration::from_secs(1000), Spread::new(chance)).as_secs();
        assert_eq!([after(0), after(500), after(999), after(1000)], [800, 870, 940, 800]);
        let shortened = |chance| Spread::new(chance).shorten(Duration::from_secs(60)).as_secs();
        assert_eq!([shortened(0), shortened(500), shortened(999)], [60, 52, 45]);
    }
}
