//! What is known of one issuer's keys and what is being done about them: one small state machine.
//!
//! A record is a value. Every worker has a copy, and [`super::shared`] keeps them the same: a change is made to what all
//! of them know, or not at all. So whoever begins a fetch begins it for the whole process.

use std::rc::Rc;
use std::time::Duration;

use super::fetch::FetchError;
use super::freshness::{LONGEST, Spread, lifetime, refresh_after};
use super::source::{LONGEST_TIMEOUT, MOST_STEPS};
use super::{JwkSet, JwkSetError, RemoteKeys};
use crate::time::UnixTime;

/// The pause after the first failed fetch; a restart of the issuer's proxy goes by almost unnoticed.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause, so that service comes back within a minute of the issuer's return.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pause where Envoy has no such cluster yet, or no host in it. Nobody outside is asked, and at the start of a proxy
/// clusters come a moment later.
pub const NOT_SENT_PAUSE: Duration = Duration::from_millis(500);

/// Who comes without keys this long before the next attempt waits for it instead of being sent away.
pub const WORTH_WAITING: Duration = Duration::from_secs(1);

/// The pause between fetches for key ids that are not in the set.
pub const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);

/// How long keys are used past their time while fetches fail. A day bridges an issuer's outage; a revoked key whose
/// issuer is kept unreachable must not work for ever.
pub const USABLE_STALE: Duration = Duration::from_secs(24 * 3600);

/// How far past a fetch's timeout its answer may come before it counts as lost.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// As long as a fetch may take, with the longest timeout there is. What is under way for longer is a mistake.
const LONGEST_ATTEMPT: Duration = LONGEST_TIMEOUT.saturating_mul(MOST_STEPS).saturating_add(ANSWER_GRACE);

/// How far another worker may be ahead that has looked at the clock after us.
const CLOCK_GRACE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct Record {
    pub found: Option<Found>,
    pub attempt: Attempt,
    /// The pause after the last attempt, where that failed.
    pub pause: Option<Duration>,
    /// How many attempts have ended. Who waits has something new to decide by when this has changed.
    pub ended: u64,
    /// When keys were last fetched for a key id that is not in the set.
    pub unknown_key_at: Option<UnixTime>,
    /// Such a key is still sought: no attempt has succeeded since.
    pub sought: bool,
    pub trouble: Option<Trouble>,
}

/// Keys as the issuer published them.
#[derive(Clone, Debug)]
pub struct Found {
    pub body: Rc<[u8]>,
    pub keys: Rc<JwkSet>,
    /// When the issuer last said that these are the keys.
    pub at: UnixTime,
    /// What the answer said of its own lifetime.
    pub told: Option<Duration>,
    pub etag: Option<Etag>,
    pub spread: Spread,
}

/// The mark of one representation of what is at a URI (RFC 9110 §8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag {
    pub value: String,
    pub uri: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    #[default]
    Idle,
    InFlight {
        /// Who makes it, of all workers of the process.
        holder: u64,
        deadline: UnixTime,
    },
    BackingOff {
        until: UnixTime,
    },
}

/// What an attempt that brought nothing means for those who have a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The keys at hand stay in use.
    WithKeys,
    WithoutKeys,
}

impl Found {
    /// The keys of a body, which are not read again where they are those at hand.
    pub fn read(body: &[u8], at_hand: Option<&Self>) -> Result<(Rc<[u8]>, Rc<JwkSet>), JwkSetError> {
        match at_hand.filter(|at_hand| *at_hand.body == *body) {
            Some(same) => Ok((Rc::clone(&same.body), Rc::clone(&same.keys))),
            None => Ok((body.into(), Rc::new(JwkSet::parse(body)?))),
        }
    }

    fn refresh_at(&self, source: &RemoteKeys) -> UnixTime {
        self.at.plus(refresh_after(self.lifetime(source), self.spread))
    }

    fn usable_until(&self, source: &RemoteKeys) -> UnixTime {
        self.at.plus(self.lifetime(source)).plus(USABLE_STALE)
    }

    fn lifetime(&self, source: &RemoteKeys) -> Duration {
        lifetime(source.cache, self.told)
    }
}

impl Record {
    /// The keys to go on with, also those whose time is over while no others can be had.
    pub fn usable(&self, source: &RemoteKeys, now: UnixTime) -> Option<&Rc<JwkSet>> {
        self.found.as_ref().filter(|found| now < found.usable_until(source)).map(|found| &found.keys)
    }

    /// When the issuer last said which keys are its own.
    pub fn found_at(&self) -> Option<UnixTime> {
        self.found.as_ref().map(|found| found.at)
    }

    /// Whether an attempt should be made now, by whoever comes first.
    pub fn is_due(&self, source: &RemoteKeys, unknown_key: bool, now: UnixTime) -> bool {
        match self.attempt {
            Attempt::Idle => unknown_key || self.found.as_ref().is_none_or(|found| now >= found.refresh_at(source)),
            Attempt::InFlight { .. } => false,
            Attempt::BackingOff { until } => until <= now,
        }
    }

    /// Whether a key id that is not in the set is worth a fetch again.
    pub fn may_seek_key(&self, now: UnixTime) -> bool {
        self.unknown_key_at.is_none_or(|last| now.since(last) >= UNKNOWN_KEY_PAUSE)
    }

    pub fn begun(&self, source: &RemoteKeys, holder: u64, unknown_key: bool, now: UnixTime) -> Self {
        let deadline = now.plus(source.longest_fetch()).plus(ANSWER_GRACE);
        let sought = self.sought || unknown_key;
        let unknown_key_at = if sought { Some(now) } else { self.unknown_key_at };
        Self { attempt: Attempt::InFlight { holder, deadline }, unknown_key_at, sought, ..self.clone() }
    }

    pub fn is_held_by(&self, who: u64) -> bool {
        matches!(self.attempt, Attempt::InFlight { holder, .. } if holder == who)
    }

    /// An answer that should have come by now, and did not. Whoever waits for it, its maker may be gone.
    pub fn is_overdue(&self, now: UnixTime) -> bool {
        matches!(self.attempt, Attempt::InFlight { deadline, .. } if deadline < now)
    }

    pub fn succeeded(&self, found: Found) -> Self {
        Self {
            found: Some(found),
            attempt: Attempt::Idle,
            pause: None,
            ended: self.ended.wrapping_add(1),
            unknown_key_at: self.unknown_key_at,
            sought: false,
            trouble: None,
        }
    }

    pub fn failed(&self, error: &FetchError, source: &RemoteKeys, spread: Spread, now: UnixTime) -> Self {
        let pause = match (error, self.pause) {
            (FetchError::NotSent, _) => NOT_SENT_PAUSE,
            (_, None) => FIRST_PAUSE,
            (_, Some(last)) => last.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        let trouble = if self.usable(source, now).is_some() { Trouble::WithKeys } else { Trouble::WithoutKeys };
        Self {
            attempt: Attempt::BackingOff { until: now.plus(spread.shorten(pause)) },
            pause: Some(pause),
            ended: self.ended.wrapping_add(1),
            trouble: Some(trouble),
            ..self.clone()
        }
    }

    /// As left by a worker that goes away while its fetch is under way: another one may begin at once.
    pub fn released(&self, now: UnixTime) -> Self {
        Self { attempt: Attempt::BackingOff { until: now }, ..self.clone() }
    }

    /// With an attempt that is under way as good as over.
    pub fn unless_in_flight(self, now: UnixTime) -> Self {
        match self.attempt {
            Attempt::InFlight { .. } => self.released(now),
            Attempt::Idle | Attempt::BackingOff { .. } => self,
        }
    }

    /// When it is worth to come back, for who finds no keys.
    pub fn retry_after(&self, now: UnixTime) -> Duration {
        match self.attempt {
            Attempt::BackingOff { until } => until.since(now),
            Attempt::Idle | Attempt::InFlight { .. } => FIRST_PAUSE,
        }
    }

    /// Without what cannot be at this time. Clocks are set back, and what another one wrote may be wrong: keys from the
    /// future are fetched anew, and an attempt or a pause that would take too long is over.
    pub fn mended(mut self, now: UnixTime) -> Self {
        let soon = now.plus(CLOCK_GRACE);
        if let Some(found) = self.found.as_mut().filter(|found| found.at > soon) {
            found.at = now.minus(LONGEST);
        }
        self.unknown_key_at = self.unknown_key_at.filter(|at| *at <= soon);
        let over = match self.attempt {
            Attempt::Idle => false,
            Attempt::InFlight { deadline, .. } => deadline > soon.plus(LONGEST_ATTEMPT),
            Attempt::BackingOff { until } => until > soon.plus(LONGEST_PAUSE),
        };
        if over {
            self.attempt = Attempt::BackingOff { until: now };
        }
        self
    }
}
