//! The written form of a record: a line of JSON, and then the key set as the issuer sent it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fetch;
use super::freshness::Spread;
use super::record::{Attempt, Etag, Found, Record, Trouble};
use crate::time::UnixTime;

/// A written record, with its header, is not longer.
const MAX_LENGTH: usize = fetch::MAX_BODY + 64 * 1024;

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
    sought: bool,
    /// Whether there are no keys to go on with.
    trouble: Option<bool>,
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

impl Written {
    /// Whether this is what was written of that.
    pub fn is_of(&self, identity: &str) -> bool {
        self.head.of == identity
    }

    /// When it was written, in milliseconds.
    pub fn at(&self) -> u64 {
        self.head.written_at
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n').filter(|_| bytes.len() <= MAX_LENGTH)?;
        let (head, body) = bytes.split_at_checked(end)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        (head.postern == VERSION).then(|| Self { head, body: body.get(1..).unwrap_or_default().to_vec() })
    }

    /// The record, where its keys can be used.
    pub fn record(self, at_hand: Option<&Found>) -> Option<Record> {
        let Self { head, body } = self;
        let found = match head.found {
            None => None,
            Some(found) => {
                let (body, keys) = Found::read(&body, at_hand).ok()?;
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
            sought: head.sought,
            trouble: head.trouble.map(|without| if without { Trouble::WithoutKeys } else { Trouble::WithKeys }),
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
        sought: record.sought,
        trouble: record.trouble.map(|trouble| trouble == Trouble::WithoutKeys),
    };
    // Strings and numbers can always be written; an empty value would be read as none.
    let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend_from_slice(record.found.as_ref().map_or(&[], |found| &found.body));
    bytes
}
