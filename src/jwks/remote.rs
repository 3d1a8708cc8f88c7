//! The keys of one issuer that are fetched: which are used now, and what has to be done for them.

use std::rc::Rc;
use std::time::Duration;

use super::fetch::{Answer, Fetch, FetchError, Target, jwks_uri};
use super::freshness::{Spread, told};
use super::notice::{self, Notice};
use super::record::{Attempt, Etag, Found, Record, WORTH_WAITING};
use super::shared::{SharedData, SharedRecord};
use super::{HttpUri, JwkSet, KeyLocation, RemoteKeys};
use crate::issuer::IssuerId;
use crate::time::UnixTime;

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
    since: UnixTime,
    /// How many attempts had ended then, and whether there were keys: it is over when this has changed.
    known: (u64, bool),
    /// For one key that is not among those at hand.
    for_key: bool,
    /// There was one before.
    again: bool,
}

impl Wait {
    pub fn issuer(&self) -> IssuerId {
        self.issuer
    }
}

/// What came of a fetch.
#[derive(Debug, Default)]
pub struct Finished {
    /// Discovery named the key set, or has to look at another place: fetch that now.
    pub next: Option<Fetch>,
    pub notice: Option<Notice>,
}

pub struct Remote {
    id: IssuerId,
    issuer: String,
    source: RemoteKeys,
    record: SharedRecord,
    /// Somebody waits for a key that is not in the set.
    seeks_key: bool,
    gauges: [Option<u64>; 2],
}

impl Remote {
    /// `me` is a number that no other worker of the process has.
    pub fn new(id: IssuerId, issuer: &str, source: &RemoteKeys, shared: Rc<dyn SharedData>, me: u64) -> Self {
        Self {
            id,
            issuer: issuer.to_owned(),
            source: source.clone(),
            record: SharedRecord::new(shared, source.identity(issuer), me),
            seeks_key: false,
            gauges: [None; 2],
        }
    }

    /// Whether somebody waits for a fetch that nobody has been asked for yet.
    pub fn is_wanted(&self) -> bool {
        self.seeks_key
    }

    fn record(&self) -> &Record {
        self.record.known()
    }

    /// The keys to use now for a token that names the key `kid`.
    pub fn lookup(&mut self, kid: Option<&str>, now: UnixTime) -> Lookup {
        if let Some(keys) = self.with_key(kid, now) {
            return Lookup::Ready(keys);
        }
        // Another worker may have fetched them a moment ago.
        self.record.read(now);
        if let Some(keys) = self.with_key(kid, now) {
            return Lookup::Ready(keys);
        }
        let usable = self.record().usable(&self.source, now);
        let wait = Lookup::Pending(Wait {
            issuer: self.id,
            since: now,
            known: self.known(),
            for_key: usable.is_some(),
            again: false,
        });
        match (self.record().attempt, usable) {
            (Attempt::InFlight { .. }, _) | (Attempt::Idle, None) => wait,
            (Attempt::BackingOff { until }, _) if until.since(now) <= WORTH_WAITING => wait,
            (Attempt::BackingOff { .. }, _) => Lookup::Unavailable { retry_after: self.record().retry_after(now) },
            (Attempt::Idle, Some(keys)) if !self.record().may_seek_key(now) => Lookup::Ready(Rc::clone(keys)),
            (Attempt::Idle, Some(_)) => {
                self.seeks_key = true;
                wait
            }
        }
    }

    /// The same for somebody who has waited.
    pub fn after_wait(&mut self, wait: Wait, kid: Option<&str>, now: UnixTime) -> Lookup {
        let keys = match self.record().usable(&self.source, now) {
            Some(keys) if has(keys, kid) => return Lookup::Ready(Rc::clone(keys)),
            Some(keys) if self.record().trouble.is_none() => Rc::clone(keys),
            Some(_) | None => return Lookup::Unavailable { retry_after: self.record().retry_after(now) },
        };
        // Only a fetch for a key that is not there, begun after he came, tells that there is none: any other may have
        // asked the issuer too early, or a cache.
        let asked = self.record().unknown_key_at.is_some_and(|at| at >= wait.since);
        if (asked || wait.again) && !self.record().sought {
            return Lookup::Ready(keys);
        }
        match self.lookup(kid, now) {
            Lookup::Pending(wait) => Lookup::Pending(Wait { again: true, ..wait }),
            decided @ (Lookup::Ready(_) | Lookup::Unavailable { .. }) => decided,
        }
    }

    pub fn is_over(&self, wait: Wait) -> bool {
        // A worker that looked may have found that the key is not to be sought now.
        let given_up = wait.for_key && self.record().attempt == Attempt::Idle && !self.seeks_key;
        self.known() != wait.known || given_up
    }

    fn known(&self) -> (u64, bool) {
        (self.record().ended, self.record().found.is_some())
    }

    /// The usable keys, where that one is among them.
    fn with_key(&self, kid: Option<&str>, now: UnixTime) -> Option<Rc<JwkSet>> {
        self.record().usable(&self.source, now).filter(|keys| has(keys, kid)).cloned()
    }

    /// What has to be done now. A fetch is under way from now on, for all workers.
    pub fn due(&mut self, now: UnixTime) -> (Option<Notice>, Option<Fetch>) {
        self.record.read(now);
        (self.give_up(now), self.begin(now))
    }

    /// Ends an attempt whose answer never came, whoever made it.
    fn give_up(&mut self, now: UnixTime) -> Option<Notice> {
        if !self.record().is_overdue(now) {
            return None;
        }
        let (source, error, spread) = (&self.source, FetchError::NoAnswer, self.spread());
        let before = self
            .record
            .change(now, |record| record.is_overdue(now).then(|| record.failed(&error, source, spread, now)))?;
        Some(notice::failed(&self.issuer, &before, self.record(), None, &error))
    }

    fn begin(&mut self, now: UnixTime) -> Option<Fetch> {
        let (source, me) = (&self.source, self.record.me());
        let seeks_key = std::mem::take(&mut self.seeks_key);
        let for_key = |record: &Record| seeks_key && record.may_seek_key(now);
        let is_due = |record: &Record| record.is_due(source, for_key(record), now);
        if !is_due(self.record.known()) {
            return None;
        }
        self.record.change(now, |record| is_due(record).then(|| record.begun(source, me, for_key(record), now)))?;
        Some(match &self.source.location {
            KeyLocation::Jwks(uri) => self.fetch(Target::Jwks, uri.clone()),
            KeyLocation::Discovery { document, .. } => self.fetch(Target::Discovery, document.clone()),
        })
    }

    /// Leaves an attempt to others.
    pub fn release(&mut self, now: UnixTime) {
        let me = self.record.me();
        self.record.change(now, |record| record.is_held_by(me).then(|| record.released(now)));
    }

    fn fetch(&self, target: Target, uri: HttpUri) -> Fetch {
        let mark = self.record().found.as_ref().and_then(|found| found.etag.as_ref());
        // A key that is not there is not found by asking whether anything is new, nor where caches answer.
        let mark = mark.filter(|mark| target == Target::Jwks && mark.uri == uri.to_string() && !self.record().sought);
        Fetch {
            issuer: self.id,
            target,
            uri,
            cluster: self.source.cluster.clone(),
            timeout: self.source.timeout,
            if_none_match: mark.map(|mark| mark.value.clone()),
            no_cache: self.record().sought,
            attempt: self.record().ended,
        }
    }

    pub fn finish(&mut self, fetch: &Fetch, answer: Result<Answer, FetchError>, now: UnixTime) -> Finished {
        self.record.read(now);
        // Whoever took so long that he was given up on comes too late, and asks for no more.
        if !self.record().is_held_by(self.record.me()) || self.record().ended != fetch.attempt {
            return Finished::default();
        }
        if let Some(uri) = self.fallback(fetch, &answer) {
            return Finished { next: Some(self.fetch(Target::Fallback, uri)), notice: None };
        }
        let not_modified = answer.as_ref().is_ok_and(|answer| answer.status == NOT_MODIFIED);
        let result = match (fetch.target, answer) {
            (_, Err(error)) => Err(error),
            (Target::Discovery | Target::Fallback, Ok(answer)) => {
                match jwks_uri(&answer.body, &self.issuer, &fetch.uri) {
                    Ok(uri) => return Finished { next: Some(self.fetch(Target::Jwks, uri)), notice: None },
                    Err(problem) => Err(FetchError::Discovery(problem)),
                }
            }
            (Target::Jwks, Ok(answer)) => self.found(fetch, &answer, now),
        };
        let (source, me, spread) = (&self.source, self.record.me(), self.spread());
        let before = self.record.change(now, |record| {
            record.is_held_by(me).then(|| match &result {
                Ok(found) => record.succeeded(found.clone()),
                Err(error) => record.failed(error, source, spread, now),
            })
        });
        let notice = before.map(|before| match &result {
            Ok(found) => notice::fetched(&self.issuer, &before, found, fetch, not_modified),
            Err(error) => notice::failed(&self.issuer, &before, self.record(), Some(fetch), error),
        });
        Finished { next: None, notice }
    }

    /// Where to look after this answer, instead of at the document that was asked for.
    fn fallback(&self, fetch: &Fetch, answer: &Result<Answer, FetchError>) -> Option<HttpUri> {
        match (fetch.target, answer, &self.source.location) {
            (Target::Discovery, Err(error), KeyLocation::Discovery { fallback, .. }) if error.is_not_there() => {
                fallback.clone()
            }
            _ => None,
        }
    }

    /// What the answer of a key set brought.
    fn found(&self, fetch: &Fetch, answer: &Answer, now: UnixTime) -> Result<Found, FetchError> {
        let told = told(answer.cache_control.as_deref(), answer.age.as_deref());
        let spread = self.spread();
        match &self.record().found {
            // Of what another mark stands for nothing came, so the keys at hand keep theirs.
            Some(known) if answer.status == NOT_MODIFIED => {
                Ok(Found { at: now, told: told.or(known.told), spread, ..known.clone() })
            }
            known => {
                let (body, keys) = Found::read(&answer.body, known.as_ref()).map_err(FetchError::Jwks)?;
                let etag = answer.etag().map(|value| Etag { value, uri: fetch.uri.to_string() });
                Ok(Found { body, keys, at: now, told, etag, spread })
            }
        }
    }

    /// Another one each time and for each worker.
    fn spread(&self) -> Spread {
        Spread::new(
            self.record.me().wrapping_add(self.record().ended.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(17),
        )
    }

    /// The gauges that have changed: how many keys there are, and how old they are in seconds.
    pub fn gauges(&mut self, now: UnixTime) -> Vec<(String, u64)> {
        let keys = self.record().usable(&self.source, now).map_or(0, |keys| keys.iter().count());
        let age = self.record().found.as_ref().map(|found| now.since(found.at).as_secs());
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
