//! Records where all workers of a process see them.
//!
//! Nobody depends on its being there: a record that cannot be read, or is another issuer's, is as good as none, and its
//! reader goes on with what it knows itself, and fetches. The keys in it are read with the same care as when they came from
//! the issuer.
//!
//! What a host shares cannot be deleted again. So records are kept in a fixed number of places, however many issuers the
//! configurations of a process's life name.

use std::rc::Rc;

use super::record::Record;
use super::written::{Written, write};
use crate::time::UnixTime;

/// What the workers of a process share: values by name.
pub trait SharedData {
    /// The value and its number, which no other value of any name ever has.
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)>;
    /// Writes, where the value is still that of this number; `None` where there must be none.
    fn set(&self, name: &str, value: &[u8], number: Option<u32>) -> Result<(), NotWritten>;
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

/// How many places a record may be found at. Only where all of them are taken does the oldest record give way; with fewer
/// tries, that happens to a process with a hundred issuers.
const TRIES: u64 = 16;

/// How often a change is tried that others were faster with. Each change there is leaves less to change, so who loses more
/// often was told so for another reason.
const RACES: usize = 8;

/// A record that this worker shares with the others.
pub struct SharedRecord {
    shared: Rc<dyn SharedData>,
    /// What the record is about.
    identity: String,
    me: u64,
    /// As this worker knows it.
    record: Record,
    /// The number of the value that was read last.
    seen: Option<u32>,
    /// The last change could not be written, so that others do not know of it.
    alone: bool,
}

impl SharedRecord {
    /// `me` is a number that no other worker of the process has.
    pub fn new(shared: Rc<dyn SharedData>, identity: String, me: u64) -> Self {
        Self { shared, identity, me, record: Record::default(), seen: None, alone: false }
    }

    pub fn me(&self) -> u64 {
        self.me
    }

    pub fn known(&self) -> &Record {
        &self.record
    }

    /// Takes over what the other workers know. Where it was lost, it is put back.
    pub fn read(&mut self, now: UnixTime) {
        let Some((place, standing)) = self.place(now) else { return };
        if standing == Standing::Lost && self.record.found.is_some() {
            match self.shared.set(&place.name, &write(&self.identity, &self.record, now), place.number) {
                Ok(()) => self.alone = false,
                Err(NotWritten::Changed) => {}
                Err(NotWritten::Unavailable) => self.alone = true,
            }
        }
    }

    /// Changes what all workers know to what `change` makes of it, or not at all. Gives back what it was before.
    ///
    /// Where it cannot be written it is changed here only: others may then fetch too, but nobody waits in vain.
    pub fn change(&mut self, now: UnixTime, change: impl Fn(&Record) -> Option<Record>) -> Option<Record> {
        let mut races = 0;
        loop {
            let place = self.place(now);
            let next = change(&self.record)?;
            let written = match place {
                None => Err(NotWritten::Unavailable),
                Some((place, _)) => self.shared.set(&place.name, &write(&self.identity, &next, now), place.number),
            };
            races += 1;
            if written == Err(NotWritten::Changed) && races < RACES {
                continue;
            }
            self.alone = written.is_err();
            return Some(std::mem::replace(&mut self.record, next));
        }
    }

    /// Reads, and gives back where the record is or can be written, and how it stands there.
    fn place(&mut self, now: UnixTime) -> Option<(Place, Standing)> {
        let seen = if self.alone { None } else { self.seen };
        let found = find(&*self.shared, &self.identity, seen);
        let ours = std::mem::take(&mut self.record).mended(now);
        let Some((place, holds)) = found else {
            self.record = ours;
            return None;
        };
        let (theirs, standing) = match holds {
            Holds::Seen => {
                self.record = ours;
                return Some((place, Standing::Known));
            }
            Holds::Ours(written) => (written.record(ours.found.as_ref()), Standing::Lost),
            Holds::Nothing => (None, Standing::Lost),
            Holds::Anothers => (None, Standing::Others),
        };
        let theirs = theirs.map(|theirs| theirs.mended(now));
        let standing = match &theirs {
            Some(theirs) if self.believes(theirs, &ours) => Standing::Known,
            Some(theirs) if self.alone && ours.found_at() <= theirs.found_at() => Standing::Others,
            Some(_) | None => standing,
        };
        self.record = match theirs {
            Some(theirs) if standing == Standing::Known => {
                (self.seen, self.alone) = (place.number, false);
                theirs
            }
            // Nobody knows of our record, nor of an attempt in it: who makes one begins anew.
            Some(_) | None if ours.is_held_by(self.me) => ours,
            Some(_) | None => ours.unless_in_flight(now),
        };
        Some((place, standing))
    }

    fn believes(&self, theirs: &Record, ours: &Record) -> bool {
        // What could be written follows what was there before, whatever clocks said meanwhile. What is behind ours was begun
        // by somebody who could not read it, and what could not be written follows nothing.
        let follows = theirs.ended >= ours.ended && theirs.found.is_some() >= ours.found.is_some();
        (follows && !self.alone) || theirs.found_at() > ours.found_at()
    }
}

/// Where an issuer's record is, or can be written.
struct Place {
    name: String,
    number: Option<u32>,
}

/// What is found there.
enum Holds {
    Nothing,
    /// What was read last.
    Seen,
    Ours(Box<Written>),
    /// Another issuer's record, which would have to give way.
    Anothers,
}

/// How the record of this worker stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Known,
    /// It is not there, or not any more, or behind what this worker knows.
    Lost,
    /// Somebody else's is, and to be left: another issuer's, for with too many of them driving out would never end; or
    /// another worker's who knows as much.
    Others,
}

/// Looks for a record by the name of what it is about. Where there is none, the place is one that is free, or the one
/// whose record nobody has touched for longest.
fn find(shared: &dyn SharedData, identity: &str, seen: Option<u32>) -> Option<(Place, Holds)> {
    let mut oldest: Option<(u64, Place, Holds)> = None;
    for name in names(identity) {
        let Some((bytes, number)) = shared.get(&name) else {
            // Nothing was ever deleted, so behind a free place there is none of ours.
            return Some((Place { name, number: None }, Holds::Nothing));
        };
        let place = Place { name, number: Some(number) };
        if seen == place.number {
            return Some((place, Holds::Seen));
        }
        let (touched, holds) = match Written::read(&bytes) {
            Some(written) if written.is_of(identity) => return Some((place, Holds::Ours(Box::new(written)))),
            Some(other) => (other.at(), Holds::Anothers),
            None => (0, Holds::Nothing),
        };
        if oldest.as_ref().is_none_or(|(least, _, _)| touched < *least) {
            oldest = Some((touched, place, holds));
        }
    }
    oldest.map(|(_, place, holds)| (place, holds))
}

/// Where a record of this name may be.
fn names(identity: &str) -> impl Iterator<Item = String> {
    // FNV-1a: only spreads, and is the same in every build that may share with this one. Its low bits alone spread badly.
    let hash = identity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..TRIES).map(move |step| format!("postern.keys.{}", (hash >> 32).wrapping_add(step) % PLACES))
}
