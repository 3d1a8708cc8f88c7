//! How many fetches a row may cost in a phase.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::case::{Case, Mark, Phase};
use super::rows::{Place, Plot};
use crate::wire::harness::arguments::Form;

/// The pause between fetches for key ids that are not in the set.
const UNKNOWN_KEY_PAUSE: u64 = 30;

/// The longest pause between attempts, and the part of a pause that chance may take off.
const LONGEST_PAUSE: f64 = 60.0;
const JITTER: f64 = 0.25;

/// How many attempts fit into this time, with pauses that double from a second on. Nothing shortens a pause, so on a slow
/// machine there are fewer.
pub fn most_attempts(lasted: Duration) -> usize {
    let mut left = lasted.as_secs_f64();
    let mut pause: f64 = 1.0;
    let mut attempts = 1;
    loop {
        left -= pause.min(LONGEST_PAUSE) * (1.0 - JITTER);
        if left < 0.0 {
            return attempts;
        }
        pause *= 2.0;
        attempts += 1;
    }
}

/// The fetches for invented key ids, or withdrawn ones, that fit into this time.
fn most_for_unknown_keys(lasted: Duration) -> usize {
    1 + usize::try_from(lasted.as_secs() / UNKNOWN_KEY_PAUSE).unwrap_or(usize::MAX)
}

pub fn fetches(case: &Case, form: Form, mark: &Mark, lasted: Duration) -> RangeInclusive<usize> {
    let plot = case.row.plot;
    if matches!(case.row.place, Place::Nowhere) {
        return 0..=0;
    }
    match mark.phase {
        Phase::Calm if case.row.is_warm() => 1..=1,
        Phase::Calm => 1..=most_attempts(lasted),
        Phase::Trouble => match plot {
            Plot::Outage | Plot::ColdStart | Plot::Hopeless => 1..=most_attempts(lasted),
            // In the long form keys are also fetched when their time is nearly over.
            Plot::Flood | Plot::Herd if form == Form::Long => 1..=1 + most_for_unknown_keys(lasted),
            Plot::Flood => 1..=most_for_unknown_keys(lasted),
            Plot::Withdrawn if form == Form::Long => 1..=2,
            Plot::Odd if form == Form::Long && !case.row.bad_keys.is_empty() => 1..=2,
            Plot::Odd | Plot::NotModified | Plot::Withdrawn | Plot::Replaced | Plot::Herd => 1..=1,
        },
        Phase::Recovery if case.row.recovers() => 1..=1,
        Phase::Recovery => 0..=0,
        // The one that was due, and those for tokens of the key that it took away.
        Phase::Rotation => 1..=1 + most_for_unknown_keys(lasted),
    }
}
