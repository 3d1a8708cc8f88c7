//! Records where all workers of a process see them: their written form, and the place of each.
//!
//! Nothing that is decided rests on what is read here. A record that cannot be read, or is another issuer's, is as good
//! as none: its reader goes on with what it knows itself, and fetches. The keys in it are read with the same care as
//! when they came from the issuer.
//!
//! What a host shares cannot be deleted again. So records are kept in a fixed number of places, however many issuers the
//! configurations of a process's life name.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::freshness::Spread;
use super::record::{Attempt, Etag, Found, Record, Trouble};
use super::{JwkSet, fetch};
use crate::time::UnixTime;

/// What the workers of a process share: values by name.
pub trait SharedData {
    /// The value and its number, which no other value of any name ever has.
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Writes, where the value is still that of this number; `None` where there must be none.
    fn set(&self, name: &str, value: &[u8], at: Option<u32>) -> Result<(), NotWritten>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWritten {
    /// Somebody else was first.
    Changed,
    /// Nothing can be shared here; every worker is on its own.
    Unavailable,
}

/// Many more than a process has issuers: two that want the same place only in turn cost each other fetches.
const PLACES: u64 = 256;

/// How many places a record may be found at. A process needs this many issuers of one hash before one has to give way.
const TRIES: u64 = 8;

/// A written record, with its header, is not longer.
const MAX_LENGTH: usize = fetch::MAX_BODY + 64 * 1024;

/// Where an issuer's record is, or can be written.
#[derive(Debug)]
pub struct Place {
    pub name: String,
    pub at: Option<u32>,
    pub written: Option<Written>,
}

/// A record as it was read, of which the keys are still bytes.
#[derive(Debug)]
pub struct Written {
    head: Head,
    body: Vec<u8>,
}

/// The line before the keys.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// Another form of a record is another number here.
    postern: u8,
    of: String,
    written_at: u64,
    found: Option<FoundHead>,
    attempt: AttemptHead,
    pause: Option<u64>,
    ended: u64,
    unknown_key_at: Option<u64>,
    trouble: Option<(String, bool)>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FoundHead {
    at: u64,
    told: Option<u64>,
    /// The mark, and the URI that it is of.
    etag: Option<(String, String)>,
    spread: u16,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum AttemptHead {
    Idle,
    InFlight { holder: u64, deadline: u64 },
    BackingOff { until: u64 },
}

const VERSION: u8 = 1;

/// Looks for a record by the name of what it is about. Where there is none, the place is one that is free, or the one
/// whose record nobody has touched for longest.
///
/// A value of the number `known` is that record as its reader knows it, and is not read again.
pub fn find(shared: &dyn SharedData, identity: &str, known: Option<u32>) -> Place {
    let mut oldest: Option<(u64, Place)> = None;
    for name in names(identity) {
        let Some((bytes, at)) = shared.get(&name) else {
            // Nothing was ever deleted, so behind a free place there is none of ours.
            return Place { name, at: None, written: None };
        };
        if known == Some(at) {
            return Place { name, at: known, written: None };
        }
        let touched = match Written::read(&bytes) {
            Some(written) if written.head.of == identity => {
                return Place { name, at: Some(at), written: Some(written) };
            }
            Some(other) => other.head.written_at,
            None => 0,
        };
        if oldest.as_ref().is_none_or(|(least, _)| touched < *least) {
            oldest = Some((touched, Place { name, at: Some(at), written: None }));
        }
    }
    oldest.map_or_else(|| Place { name: String::new(), at: None, written: None }, |(_, place)| place)
}

/// Where a record of this name may be.
fn names(identity: &str) -> impl Iterator<Item = String> {
    // FNV-1a: only spreads, and is the same in every build that may share with this one. Its low bits alone spread badly.
    let hash = identity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..TRIES).map(move |step| format!("postern.keys.{}", (hash >> 32).wrapping_add(step) % PLACES))
}

impl Written {
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').filter(|_| bytes.len() <= MAX_LENGTH)?;
        let (head, body) = bytes.split_at_checked(end)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        (head.postern == VERSION).then(|| Self { head, body: body.get(1..).unwrap_or_default().to_vec() })
    }

    /// The record, where its keys can be used. Those that the reader has already are not read again.
    pub fn record(self, at_hand: Option<&Found>) -> Option<Record> {
        let Self { head, body } = self;
        let found = match head.found {
            None => None,
            Some(found) => {
                let (body, keys) = match at_hand.filter(|at_hand| *at_hand.body == *body) {
                    Some(same) => (Rc::clone(&same.body), Rc::clone(&same.keys)),
                    None => {
                        let keys = JwkSet::parse(&body).ok()?;
                        (body.into(), Rc::new(keys))
                    }
                };
                Some(Found {
                    body,
                    keys,
                    at: UnixTime::from_millis(found.at),
                    told: found.told.map(Duration::from_secs),
                    etag: found.etag.map(|(value, uri)| Etag { value, uri }),
                    spread: Spread::new(found.spread.into()),
                })
            }
        };
        let attempt = match head.attempt {
            AttemptHead::Idle => Attempt::Idle,
            AttemptHead::InFlight { holder, deadline } => {
                Attempt::InFlight { holder, deadline: UnixTime::from_millis(deadline) }
            }
            AttemptHead::BackingOff { until } => Attempt::BackingOff { until: UnixTime::from_millis(until) },
        };
        Some(Record {
            found,
            attempt,
            pause: head.pause.map(Duration::from_millis),
            ended: head.ended,
            unknown_key_at: head.unknown_key_at.map(UnixTime::from_millis),
            trouble: head.trouble.map(|(kind, without_keys)| Trouble { kind, without_keys }),
        })
    }
}

/// The written form.
pub fn write(identity: &str, record: &Record, now: UnixTime) -> Vec<u8> {
    let head = Head {
        postern: VERSION,
        of: identity.to_owned(),
        written_at: now.millis(),
        found: record.found.as_ref().map(|found| FoundHead {
            at: found.at.millis(),
            told: found.told.map(|told| told.as_secs()),
            etag: found.etag.clone().map(|Etag { value, uri }| (value, uri)),
            spread: found.spread.thousandths(),
        }),
        attempt: match record.attempt {
            Attempt::Idle => AttemptHead::Idle,
            Attempt::InFlight { holder, deadline } => AttemptHead::InFlight { holder, deadline: deadline.millis() },
            Attempt::BackingOff { until } => AttemptHead::BackingOff { until: until.millis() },
        },
        pause: record.pause.map(|pause| UnixTime::from_seconds(0).plus(pause).millis()),
        ended: record.ended,
        unknown_key_at: record.unknown_key_at.map(UnixTime::millis),
        trouble: record.trouble.clone().map(|Trouble { kind, without_keys }| (kind, without_keys)),
    };
    // Strings and numbers can always be written; an empty value would be read as none.
    let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(record.found.as_ref().map_or(&[], |found| &found.body));
    bytes
}
