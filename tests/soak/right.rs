//! Which answer to a request is right at a moment.

use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

use super::answers::Reply;
use super::clock::nanos;
use super::item::Item;
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// This status, for this reason; none where it is let on.
    Always(u16, &'static str),
    /// Let on until this second of the wall clock.
    Until(u64),
    /// Let on by every other configuration.
    Toggled,
    /// Nobody ever had this key; while its issuer fails, that cannot be known.
    UnknownKey,
    /// Of a key of this rotor, the one of this number.
    Rotating(usize, usize),
    /// Let on as soon as the keys are there, or not at all where the issuer failed.
    Parked,
}

/// What becomes of a rotor's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Good,
    /// Withdrawn at the issuer, perhaps not yet known here.
    Going,
    Gone,
}

/// What is known before a request is sent, and again when it was answered: either may be what it was answered by.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    nanos: u128,
    in_trouble: bool,
    key: KeyState,
}

impl Moment {
    pub fn of(item: &Item, world: &World) -> Self {
        let key = match item.right {
            Right::Rotating(rotor, generation) => world.rotors[rotor].state(generation),
            Right::Always(..) | Right::Until(_) | Right::Toggled | Right::UnknownKey | Right::Parked => KeyState::Good,
        };
        Self { nanos: nanos(), in_trouble: world.in_trouble.load(Ordering::SeqCst), key }
    }
}

impl Right {
    /// `configurations` are those that may have answered.
    pub fn fits(self, moment: &Moment, configurations: &RangeInclusive<usize>, reply: &Reply) -> bool {
        let is = |status, reason| reply.status == status && reply.reason == reason;
        let let_on = is(200, "");
        let no_keys = is(503, "keys_unavailable") && reply.retry_after;
        match self {
            Self::Always(status, reason) => is(status, reason),
            Self::Until(second) if moment.nanos < u128::from(second) * 1_000_000_000 => let_on,
            Self::Until(_) => is(401, "expired"),
            Self::Toggled => configurations
                .clone()
                .any(|number| if number % 2 == 0 { let_on } else { is(403, "insufficient_scope") }),
            Self::UnknownKey => is(401, "unknown_key") || moment.in_trouble && no_keys,
            Self::Rotating(..) => match moment.key {
                KeyState::Good => let_on,
                KeyState::Going => let_on || is(401, "unknown_key"),
                KeyState::Gone => is(401, "unknown_key"),
            },
            Self::Parked => let_on || no_keys,
        }
    }
}
