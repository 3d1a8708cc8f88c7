//! The keys of every issuer as one worker sees them: which are used now, and what has to be fetched.
//!
//! It performs nothing. The shell asks [`KeyStore::due`] what to fetch, tells [`KeyStore::finish`] what came of it,
//! passes the time in, and lends what the workers share.
//!
//! - Keys are fetched at the start and again before their time is over, once for all workers, and nobody waits for it.
//! - A failed fetch is not repeated before a pause that doubles each time. Keys that were good stay in use until one
//!   succeeds, and nobody waits for it: an outage of the issuer says nothing about the tokens it signed.
//! - A token may name a key that is not in the set, because the issuer has just begun to use it. That is worth one
//!   fetch a [`UNKNOWN_KEY_PAUSE`](super::record::UNKNOWN_KEY_PAUSE), however many key ids somebody invents.
//!   Nothing is kept of those ids, so none is refused for what it was before.

use std::rc::Rc;
use std::time::Duration;

use super::fetch::{Answer, Fetch, FetchError, Target, jwks_uri};
use super::freshness::{Spread, told};
use super::notice::{self, Notice};
use super::record::{Attempt, Etag, FIRST_PAUSE, Found, Record, WORTH_WAITING};
use super::shared::{self, NotWritten, SharedData};
use super::{HttpUri, JwkSet, KeyLocation, KeySource, RemoteKeys};
use crate::issuer::{IssuerId, Issuers};
use crate::time::UnixTime;

/// How often a change to a record is tried again that others were faster with.
const RACES: usize = 8;

const NOT_MODIFIED: u16 = 304;

/// What the keys of an issuer are at this moment, for a token that names one of them or none.
#[derive(Debug)]
pub enum Lookup {
    /// The keys to decide by. That the token's is not among them is then the issuer's word.
    Ready(Rc<JwkSet>),
    /// An attempt is due or under way that will decide it.
    Pending(Wait),
    /// It cannot be said, and the next attempt is not before this long.
    Unavailable { retry_after: Duration },
}

/// What somebody waits for: the end of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    issuer: IssuerId,
    ended: u64,
    /// For one key that is not among those at hand.
    for_key: bool,
    /// Whether the attempt had begun before. It may then have asked the issuer too early.
    joined: bool,
}

impl Wait {
    pub fn issuer(&self) -> IssuerId {
        self.issuer
    }
}

/// What came of a fetch.
#[derive(Debug, Default)]
pub struct Finished {
    /// Discovery named the key set: fetch that now.
    pub next: Option<Fetch>,
    pub notice: Option<Notice>,
}

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Due {
    pub fetches: Vec<Fetch>,
    pub notices: Vec<Notice>,
}

#[derive(Debug)]
enum Entry {
    Inline(Rc<JwkSet>),
    Remote(Box<Remote>),
}

#[derive(Debug)]
struct Remote {
    id: IssuerId,
    issuer: String,
    identity: String,
    source: RemoteKeys,
    record: Record,
    /// The number of the shared record that was read last.
    known: Option<u32>,
    /// Somebody waits for a key that is not in the set.
    seeks_key: bool,
    gauges: [Option<u64>; 2],
}

/// The keys of every issuer.
pub struct KeyStore {
    entries: Vec<(IssuerId, Entry)>,
    shared: Rc<dyn SharedData>,
    /// A number that no other worker has.
    me: u64,
}

impl KeyStore {
    /// `me` is a number that no other worker of the process has.
    pub fn new(issuers: &Issuers, shared: Rc<dyn SharedData>, me: u64) -> Self {
        let entry = |id, name: &str, keys: &KeySource| match keys {
            KeySource::Inline(keys) => Entry::Inline(Rc::clone(keys)),
            KeySource::Remote(source) => Entry::Remote(Box::new(Remote {
                id,
                issuer: name.to_owned(),
                identity: source.identity(name),
                source: source.clone(),
                record: Record::default(),
                known: None,
                seeks_key: false,
                gauges: [None; 2],
            })),
        };
        let entries = issuers.iter().map(|(id, issuer)| (id, entry(id, &issuer.issuer, &issuer.keys))).collect();
        Self { entries, shared, me }
    }

    /// The keys to use now for a token that names the key `kid`.
    pub fn lookup(&mut self, issuer: IssuerId, kid: Option<&str>, now: UnixTime) -> Lookup {
        let shared = Rc::clone(&self.shared);
        match self.entry(issuer) {
            Some(Entry::Inline(keys)) => Lookup::Ready(Rc::clone(keys)),
            Some(Entry::Remote(remote)) => remote.lookup(kid, &*shared, now),
            None => Lookup::Unavailable { retry_after: FIRST_PAUSE },
        }
    }

    /// The same for somebody who has waited. He does not wait again, but for an answer that was asked for before he
    /// came, and may be too old for him.
    pub fn after_wait(&mut self, wait: Wait, kid: Option<&str>, now: UnixTime) -> Lookup {
        let shared = Rc::clone(&self.shared);
        match self.entry(wait.issuer) {
            Some(Entry::Inline(keys)) => Lookup::Ready(Rc::clone(keys)),
            Some(Entry::Remote(remote)) => remote.after_wait(wait, kid, &*shared, now),
            None => Lookup::Unavailable { retry_after: FIRST_PAUSE },
        }
    }

    /// Whether there is something new to decide by: keys, or the knowledge that there are none.
    pub fn is_over(&self, wait: Wait) -> bool {
        self.remote(wait.issuer).is_none_or(|remote| remote.is_over(wait))
    }

    /// What has to be fetched, and by this worker. Each fetch is under way from now on, for all of them.
    pub fn due(&mut self, now: UnixTime) -> Due {
        let (shared, me) = (Rc::clone(&self.shared), self.me);
        let mut due = Due::default();
        for remote in self.remotes() {
            due.notices.extend(remote.give_up(&*shared, me, now));
            due.fetches.extend(remote.begin(&*shared, me, now));
        }
        due
    }

    /// Notes what came of a fetch.
    pub fn finish(&mut self, fetch: &Fetch, answer: Result<Answer, FetchError>, now: UnixTime) -> Finished {
        let (shared, me) = (Rc::clone(&self.shared), self.me);
        match self.entry(fetch.issuer) {
            Some(Entry::Remote(remote)) => remote.finish(fetch, answer, &*shared, me, now),
            Some(Entry::Inline(_)) | None => Finished::default(),
        }
    }

    /// Lets others make the fetches that this worker has begun, for it goes away.
    pub fn release(&mut self, now: UnixTime) {
        let (shared, me) = (Rc::clone(&self.shared), self.me);
        for remote in self.remotes() {
            remote.change(&*shared, now, |record, _| record.is_held_by(me).then(|| record.released(now)));
        }
    }

    /// Whether keys are fetched at all, so that the time has to be looked at.
    pub fn fetches(&self) -> bool {
        self.entries.iter().any(|(_, entry)| matches!(entry, Entry::Remote(_)))
    }

    /// Whether somebody waits for a fetch that nobody has been asked for yet.
    pub fn is_wanted(&self) -> bool {
        self.entries.iter().any(|(_, entry)| matches!(entry, Entry::Remote(remote) if remote.seeks_key))
    }

    /// The gauges that have changed: how many keys each issuer has, and how old they are in seconds.
    pub fn gauges(&mut self, now: UnixTime) -> Vec<(String, u64)> {
        self.remotes().flat_map(|remote| remote.gauges(now)).collect()
    }

    fn entry(&mut self, issuer: IssuerId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|(id, _)| *id == issuer).map(|(_, entry)| entry)
    }

    fn remote(&self, issuer: IssuerId) -> Option<&Remote> {
        self.entries.iter().find_map(|(id, entry)| match entry {
            Entry::Remote(remote) if *id == issuer => Some(&**remote),
            Entry::Remote(_) | Entry::Inline(_) => None,
        })
    }

    fn remotes(&mut self) -> impl Iterator<Item = &mut Remote> {
        self.entries.iter_mut().filter_map(|(_, entry)| match entry {
            Entry::Inline(_) => None,
            Entry::Remote(remote) => Some(&mut **remote),
        })
    }
}

impl Remote {
    fn lookup(&mut self, kid: Option<&str>, shared: &dyn SharedData, now: UnixTime) -> Lookup {
        if let Some(keys) = self.with_key(kid, now) {
            return Lookup::Ready(keys);
        }
        // Another worker may have fetched them a moment ago.
        self.read(shared, now);
        if let Some(keys) = self.with_key(kid, now) {
            return Lookup::Ready(keys);
        }
        let usable = self.record.usable(&self.source, now);
        let wait = |joined| {
            Lookup::Pending(Wait { issuer: self.id, ended: self.record.ended, for_key: usable.is_some(), joined })
        };
        match (self.record.attempt, usable) {
            (Attempt::InFlight { .. }, _) => wait(true),
            (Attempt::BackingOff { until }, _) if until.since(now) <= WORTH_WAITING => wait(false),
            (Attempt::BackingOff { .. }, _) => Lookup::Unavailable { retry_after: self.record.retry_after(now) },
            (Attempt::Idle, None) => wait(false),
            (Attempt::Idle, Some(keys)) if !self.record.may_seek_key(now) => Lookup::Ready(Rc::clone(keys)),
            (Attempt::Idle, Some(_)) => {
                let pending = wait(false);
                self.seeks_key = true;
                pending
            }
        }
    }

    fn after_wait(&mut self, wait: Wait, kid: Option<&str>, shared: &dyn SharedData, now: UnixTime) -> Lookup {
        match self.record.usable(&self.source, now).cloned() {
            Some(keys) if has(&keys, kid) => Lookup::Ready(keys),
            // What was awaited may have been asked for before the issuer had that key.
            Some(_) if wait.joined => match self.lookup(kid, shared, now) {
                Lookup::Pending(wait) => Lookup::Pending(Wait { joined: false, ..wait }),
                decided @ (Lookup::Ready(_) | Lookup::Unavailable { .. }) => decided,
            },
            Some(keys) if self.record.trouble.is_none() => Lookup::Ready(keys),
            Some(_) | None => Lookup::Unavailable { retry_after: self.record.retry_after(now) },
        }
    }

    fn is_over(&self, wait: Wait) -> bool {
        // A worker that looked may have found that the key is not to be sought now.
        let given_up = wait.for_key && self.record.attempt == Attempt::Idle && !self.seeks_key;
        self.record.ended != wait.ended || given_up
    }

    /// The usable keys, where that one is among them.
    fn with_key(&self, kid: Option<&str>, now: UnixTime) -> Option<Rc<JwkSet>> {
        self.record.usable(&self.source, now).filter(|keys| has(keys, kid)).cloned()
    }

    /// Takes over what the other workers know. Gives back where it was read.
    fn read(&mut self, shared: &dyn SharedData, now: UnixTime) -> shared::Place {
        let mut place = shared::find(shared, &self.identity, self.known);
        if place.written.is_some() {
            self.known = place.at;
        }
        let theirs = place.written.take().and_then(|written| written.record(self.record.found.as_ref()));
        self.record = match theirs.map(|theirs| theirs.mended(now)) {
            // Older than what is known here: written by somebody who could not read ours.
            Some(theirs) if theirs.found.as_ref().map(|f| f.at) >= self.record.found.as_ref().map(|f| f.at) => theirs,
            Some(_) | None => std::mem::take(&mut self.record).mended(now),
        };
        place
    }

    /// Changes what all workers know: to what `change` makes of it, or not at all. Whether it did, and what was before.
    fn change(
        &mut self,
        shared: &dyn SharedData,
        now: UnixTime,
        change: impl Fn(&Record, &RemoteKeys) -> Option<Record>,
    ) -> Option<Record> {
        for _ in 0..RACES {
            let place = self.read(shared, now);
            let next = change(&self.record, &self.source)?;
            match shared.set(&place.name, &shared::write(&self.identity, &next, now), place.at) {
                Ok(()) | Err(NotWritten::Unavailable) => return Some(std::mem::replace(&mut self.record, next)),
                Err(NotWritten::Changed) => {}
            }
        }
        None
    }

    /// Ends an attempt whose answer never came.
    fn give_up(&mut self, shared: &dyn SharedData, me: u64, now: UnixTime) -> Option<Notice> {
        let (error, spread) = (FetchError::NoAnswer, self.spread(me));
        let before = self.change(shared, now, |record, source| {
            record.is_overdue(now).then(|| record.failed(&error, source, spread, now))
        })?;
        Some(notice::failed(&self.issuer, &before, &self.record, None, &error))
    }

    fn begin(&mut self, shared: &dyn SharedData, me: u64, now: UnixTime) -> Option<Fetch> {
        let seeks_key = self.seeks_key;
        let for_key = |record: &Record| seeks_key && record.may_seek_key(now);
        let before = self.change(shared, now, |record, source| {
            record.is_due(source, for_key(record), now).then(|| record.begun(source, me, for_key(record), now))
        });
        // Others may have been faster each time; then it is tried again.
        self.seeks_key = before.is_none() && self.record.attempt == Attempt::Idle && for_key(&self.record);
        before?;
        Some(match &self.source.location {
            KeyLocation::Jwks(uri) => self.fetch(Target::Jwks, uri.clone()),
            KeyLocation::Discovery(uri) => self.fetch(Target::Discovery, uri.clone()),
        })
    }

    fn fetch(&self, target: Target, uri: HttpUri) -> Fetch {
        let mark = self.record.found.as_ref().and_then(|found| found.etag.as_ref());
        let mark = mark.filter(|mark| target == Target::Jwks && mark.uri == uri.to_string());
        Fetch {
            issuer: self.id,
            target,
            uri,
            cluster: self.source.cluster.clone(),
            timeout: self.source.timeout,
            if_none_match: mark.map(|mark| mark.value.clone()),
        }
    }

    fn finish(
        &mut self,
        fetch: &Fetch,
        answer: Result<Answer, FetchError>,
        shared: &dyn SharedData,
        me: u64,
        now: UnixTime,
    ) -> Finished {
        let not_modified = answer.as_ref().is_ok_and(|answer| answer.status == NOT_MODIFIED);
        let result = match (fetch.target, answer) {
            (_, Err(error)) => Err(error),
            (Target::Discovery, Ok(answer)) => match jwks_uri(&answer.body, &self.issuer, &fetch.uri) {
                Ok(uri) => return Finished { next: Some(self.fetch(Target::Jwks, uri)), notice: None },
                Err(problem) => Err(FetchError::Discovery(problem)),
            },
            (Target::Jwks, Ok(answer)) => self.found(fetch, &answer, me, now),
        };
        let spread = self.spread(me);
        let before = self.change(shared, now, |record, source| {
            // Whoever took so long that he was given up on comes too late.
            record.is_held_by(me).then(|| match &result {
                Ok(found) => record.succeeded(found.clone()),
                Err(error) => record.failed(error, source, spread, now),
            })
        });
        let notice = before.map(|before| match &result {
            Ok(found) => notice::fetched(&self.issuer, &before, found, not_modified),
            Err(error) => notice::failed(&self.issuer, &before, &self.record, Some(fetch), error),
        });
        Finished { next: None, notice }
    }

    /// What the answer of a key set brought.
    fn found(&self, fetch: &Fetch, answer: &Answer, me: u64, now: UnixTime) -> Result<Found, FetchError> {
        let told = told(answer.cache_control.as_deref(), answer.age.as_deref());
        let etag = answer.etag().map(|value| Etag { value, uri: fetch.uri.to_string() });
        let spread = self.spread(me);
        match &self.record.found {
            Some(known) if answer.status == NOT_MODIFIED => Ok(Found {
                at: now,
                told: told.or(known.told),
                etag: etag.or_else(|| known.etag.clone()),
                spread,
                ..known.clone()
            }),
            known => {
                let same = known.as_ref().filter(|known| *known.body == *answer.body);
                let keys = match same {
                    Some(known) => Rc::clone(&known.keys),
                    None => Rc::new(JwkSet::parse(&answer.body).map_err(FetchError::Jwks)?),
                };
                Ok(Found { body: answer.body.as_slice().into(), keys, at: now, told, etag, spread })
            }
        }
    }

    /// Another one each time and for each worker.
    fn spread(&self, me: u64) -> Spread {
        Spread::new(me.wrapping_add(self.record.ended.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(17))
    }

    fn gauges(&mut self, now: UnixTime) -> Vec<(String, u64)> {
        let keys = self.record.usable(&self.source, now).map_or(0, |keys| keys.iter().count());
        let age = self.record.found.as_ref().map(|found| now.since(found.at).as_secs());
        let values = [u64::try_from(keys).ok(), age];
        let names = ["postern_jwks_keys", "postern_jwks_age_seconds"];
        let changed = names.iter().zip(values).zip(&mut self.gauges).filter_map(|((name, value), told)| {
            let value = value.filter(|_| *told != value)?;
            *told = Some(value);
            Some((format!("{name}.issuer.{}", self.issuer), value))
        });
        changed.collect()
    }
}

fn has(keys: &JwkSet, kid: Option<&str>) -> bool {
    kid.is_none_or(|kid| keys.has(kid))
}

#[cfg(test)]
mod tests;
