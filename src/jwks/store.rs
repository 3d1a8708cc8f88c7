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

use super::fetch::{Answer, Fetch, FetchError};
use super::notice::Notice;
use super::record::FIRST_PAUSE;
use super::remote::{Finished, Lookup, Remote, Wait};
use super::shared::SharedData;
use super::{JwkSet, KeySource};
use crate::issuer::{IssuerId, Issuers};
use crate::time::UnixTime;

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Due {
    pub fetches: Vec<Fetch>,
    pub notices: Vec<Notice>,
}

enum Entry {
    Inline(Rc<JwkSet>),
    Remote(Box<Remote>),
}

/// The keys of every issuer.
pub struct KeyStore(Vec<(IssuerId, Entry)>);

impl KeyStore {
    /// `me` is a number that no other worker of the process has.
    pub fn new(issuers: &Issuers, shared: &Rc<dyn SharedData>, me: u64) -> Self {
        let entry = |id, name: &str, keys: &KeySource| match keys {
            KeySource::Inline(keys) => Entry::Inline(Rc::clone(keys)),
            KeySource::Remote(source) => Entry::Remote(Box::new(Remote::new(id, name, source, Rc::clone(shared), me))),
        };
        Self(issuers.iter().map(|(id, issuer)| (id, entry(id, &issuer.issuer, &issuer.keys))).collect())
    }

    /// Of keys that are at hand, and of no others.
    pub fn of(sets: impl IntoIterator<Item = (IssuerId, Rc<JwkSet>)>) -> Self {
        Self(sets.into_iter().map(|(id, keys)| (id, Entry::Inline(keys))).collect())
    }

    /// The keys to use now for a token that names the key `kid`.
    pub fn lookup(&mut self, issuer: IssuerId, kid: Option<&str>, now: UnixTime) -> Lookup {
        self.ask(issuer, |remote| remote.lookup(kid, now))
    }

    /// The same for somebody who has waited. He waits again, once, where what came may have been asked for too early or
    /// of a cache: for a fetch that is made for his key.
    pub fn after_wait(&mut self, wait: Wait, kid: Option<&str>, now: UnixTime) -> Lookup {
        self.ask(wait.issuer(), |remote| remote.after_wait(wait, kid, now))
    }

    fn ask(&mut self, issuer: IssuerId, ask: impl FnOnce(&mut Remote) -> Lookup) -> Lookup {
        match self.0.iter_mut().find(|(id, _)| *id == issuer) {
            Some((_, Entry::Inline(keys))) => Lookup::Ready(Rc::clone(keys)),
            Some((_, Entry::Remote(remote))) => ask(remote),
            None => Lookup::Unavailable { retry_after: FIRST_PAUSE },
        }
    }

    /// Whether there is something new to decide by: keys, or the knowledge that there are none.
    pub fn is_over(&self, wait: Wait) -> bool {
        let mut of_issuer = self.0.iter().filter(|(id, _)| *id == wait.issuer());
        of_issuer.all(|(_, entry)| entry.remote().is_none_or(|remote| remote.is_over(wait)))
    }

    /// What has to be fetched, and by this worker. Each fetch is under way from now on, for all of them.
    pub fn due(&mut self, now: UnixTime) -> Due {
        let mut due = Due::default();
        for remote in self.remotes() {
            let (notice, fetch) = remote.due(now);
            due.notices.extend(notice);
            due.fetches.extend(fetch);
        }
        due
    }

    /// Notes what came of a fetch.
    pub fn finish(&mut self, fetch: &Fetch, answer: Result<Answer, FetchError>, now: UnixTime) -> Finished {
        let remote = self.0.iter_mut().find(|(id, _)| *id == fetch.issuer).and_then(|(_, entry)| entry.remote_mut());
        remote.map_or_else(Finished::default, |remote| remote.finish(fetch, answer, now))
    }

    /// Leaves the fetches that this worker has begun to others, for it goes away.
    pub fn release(&mut self, now: UnixTime) {
        self.remotes().for_each(|remote| remote.release(now));
    }

    /// Whether keys are fetched at all, so that the time has to be looked at.
    pub fn fetches(&self) -> bool {
        self.0.iter().any(|(_, entry)| entry.remote().is_some())
    }

    /// Whether somebody waits for a fetch that nobody has been asked for yet.
    pub fn is_wanted(&self) -> bool {
        self.0.iter().filter_map(|(_, entry)| entry.remote()).any(Remote::is_wanted)
    }

    /// The gauges that have changed, for all issuers.
    pub fn gauges(&mut self, now: UnixTime) -> Vec<(String, u64)> {
        self.remotes().flat_map(|remote| remote.gauges(now)).collect()
    }

    fn remotes(&mut self) -> impl Iterator<Item = &mut Remote> {
        self.0.iter_mut().filter_map(|(_, entry)| entry.remote_mut())
    }
}

impl Entry {
    fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Inline(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    fn remote_mut(&mut self) -> Option<&mut Remote> {
        match self {
            Self::Inline(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }
}

#[cfg(test)]
mod tests;
