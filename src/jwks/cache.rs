//! When keys are fetched and which are used meanwhile: one small state machine an issuer.
//!
//! It performs nothing. The shell asks [`KeyStore::due`] what to fetch, tells [`KeyStore::finish`] what came of it, and
//! passes the time in.
//!
//! - Keys are fetched when a request needs them; everyone who needs them meanwhile waits for that one fetch. A little
//!   before their time is over they are fetched anew, and nobody waits.
//! - A failed fetch is not repeated before a pause that doubles each time. Keys that were good stay in use until one
//!   succeeds, and nobody waits for it: an outage of the issuer says nothing about the tokens it signed.
//! - A token may name a key that is not in the set, because the issuer has just begun to use it. That is worth one
//!   fetch a [`UNKNOWN_KEY_PAUSE`], however many key ids somebody invents.

use std::rc::Rc;
use std::time::Duration;

use super::fetch::{Fetch, FetchError, Outcome, Target, jwks_uri};
use super::{HttpUri, JwkSet, KeyLocation, KeySource, RemoteKeys};
use crate::issuer::{IssuerId, Issuers};
use crate::time::UnixTime;

/// The pause after the first failed fetch; long enough for a restart of the issuer's proxy to go unnoticed. Time comes in
/// whole seconds, so it is one to two; with one it could be over at once.
pub const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause, so that service comes back within a minute of the issuer's return.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pause between fetches for key ids that are not in the set.
pub const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);

/// How long keys are used past their time while fetches fail. A day bridges an issuer's outage; a revoked key whose
/// issuer is kept unreachable must not work for ever.
pub const USABLE_STALE: Duration = Duration::from_secs(24 * 3600);

/// How long before the end of their time keys are fetched anew, so that requests that come meanwhile need not wait.
/// A tenth of the shortest time that may be configured.
const REFRESH_AHEAD: Duration = Duration::from_secs(30);

/// How far past a fetch's timeout its answer may come before it counts as lost.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// What the keys of an issuer are at this moment.
#[derive(Debug)]
pub enum Lookup {
    Ready(Rc<JwkSet>),
    /// A fetch is due or under way that will decide it.
    Pending,
    /// There are none, and the next attempt is not before this long.
    Unavailable {
        retry_after: Duration,
    },
}

#[derive(Debug)]
struct Cached {
    keys: Rc<JwkSet>,
    fresh_until: UnixTime,
    usable_until: UnixTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Wanted,
    InFlight { deadline: UnixTime },
    BackingOff { until: UnixTime, pause: Duration },
}

#[derive(Debug)]
struct Remote {
    source: RemoteKeys,
    issuer: String,
    cached: Option<Cached>,
    state: State,
    /// The pause that preceded the attempt under way, so that the next one can be longer.
    last_pause: Option<Duration>,
    unknown_key_at: Option<UnixTime>,
    /// Whether the attempt under way was begun while there were keys to go on with.
    in_background: bool,
    /// How many attempts have ended.
    ended: u64,
}

#[derive(Debug)]
enum Entry {
    Inline(Rc<JwkSet>),
    Remote(Box<Remote>),
}

/// The keys of every issuer, as one worker sees them.
#[derive(Debug)]
pub struct KeyStore(Vec<(IssuerId, Entry)>);

impl KeyStore {
    pub fn new(issuers: &Issuers) -> Self {
        let entry = |keys: &KeySource, issuer: &str| match keys {
            KeySource::Inline(keys) => Entry::Inline(Rc::clone(keys)),
            KeySource::Remote(source) => Entry::Remote(Box::new(Remote {
                source: source.clone(),
                issuer: issuer.to_owned(),
                cached: None,
                state: State::Idle,
                last_pause: None,
                unknown_key_at: None,
                in_background: false,
                ended: 0,
            })),
        };
        Self(issuers.iter().map(|(id, issuer)| (id, entry(&issuer.keys, &issuer.issuer))).collect())
    }

    /// The keys to use now. Where there are none yet, this is also what asks for them.
    pub fn lookup(&mut self, issuer: IssuerId, now: UnixTime) -> Lookup {
        match self.entry(issuer) {
            Some(Entry::Inline(keys)) => Lookup::Ready(Rc::clone(keys)),
            Some(Entry::Remote(remote)) => remote.lookup(now),
            None => Lookup::Unavailable { retry_after: LONGEST_PAUSE },
        }
    }

    /// A token names a key that is not there. Whether a fetch is due or under way that may bring it.
    pub fn want_unknown_key(&mut self, issuer: IssuerId, now: UnixTime) -> bool {
        match self.entry(issuer) {
            Some(Entry::Remote(remote)) => remote.want_unknown_key(now),
            Some(Entry::Inline(_)) | None => false,
        }
    }

    /// Where the last fetch failed: when it is worth to come back.
    pub fn failing(&mut self, issuer: IssuerId, now: UnixTime) -> Option<Duration> {
        match self.entry(issuer) {
            Some(Entry::Remote(remote)) => remote.failing(now),
            Some(Entry::Inline(_)) | None => None,
        }
    }

    /// The fetches that are wanted and not under way. Each is from now on.
    pub fn due(&mut self, now: UnixTime) -> Vec<Fetch> {
        let remotes = self.remotes();
        remotes.filter(|(_, remote)| remote.state == State::Wanted).map(|(id, remote)| remote.start(id, now)).collect()
    }

    /// Notes what came of a fetch.
    pub fn finish(
        &mut self,
        fetch: &Fetch,
        answer: Result<Vec<u8>, FetchError>,
        now: UnixTime,
    ) -> Result<Outcome, FetchError> {
        let Some(Entry::Remote(remote)) = self.entry(fetch.issuer) else {
            return Ok(Outcome::Settled);
        };
        let result = answer.and_then(|body| remote.read(fetch, &body, now));
        if result.is_err() {
            remote.failed(now);
        }
        result
    }

    /// The issuers whose fetch should have been answered by now and was not. They count as failed.
    pub fn overdue(&mut self, now: UnixTime) -> Vec<IssuerId> {
        let late = |remote: &Remote| matches!(remote.state, State::InFlight { deadline } if deadline < now);
        let mut issuers = Vec::new();
        for (id, remote) in self.remotes().filter(|(_, remote)| late(remote)) {
            remote.failed(now);
            issuers.push(id);
        }
        issuers
    }

    /// The keys to use now, for a request that has waited: what its fetch brought, or that it brought nothing.
    pub fn at_hand(&mut self, issuer: IssuerId, now: UnixTime) -> Lookup {
        match self.entry(issuer) {
            Some(Entry::Inline(keys)) => Lookup::Ready(Rc::clone(keys)),
            Some(Entry::Remote(remote)) => remote.at_hand(now),
            None => Lookup::Unavailable { retry_after: LONGEST_PAUSE },
        }
    }

    /// How many fetches have ended, well or not. Who waits has something new to decide by when this has changed.
    pub fn ended(&self, issuer: IssuerId) -> u64 {
        self.0.iter().find(|(id, _)| *id == issuer).map_or(0, |(_, entry)| match entry {
            Entry::Inline(_) => 0,
            Entry::Remote(remote) => remote.ended,
        })
    }

    /// Whether any fetch is wanted, so that [`KeyStore::due`] should be asked soon.
    pub fn is_wanted(&self) -> bool {
        self.0.iter().any(|(_, entry)| matches!(entry, Entry::Remote(remote) if remote.state == State::Wanted))
    }

    /// Whether any fetch is wanted or under way.
    pub fn is_busy(&self) -> bool {
        self.0.iter().any(|(_, entry)| entry.is_pending())
    }

    fn entry(&mut self, issuer: IssuerId) -> Option<&mut Entry> {
        self.0.iter_mut().find(|(id, _)| *id == issuer).map(|(_, entry)| entry)
    }

    fn remotes(&mut self) -> impl Iterator<Item = (IssuerId, &mut Remote)> {
        self.0.iter_mut().filter_map(|(id, entry)| match entry {
            Entry::Inline(_) => None,
            Entry::Remote(remote) => Some((*id, &mut **remote)),
        })
    }
}

impl Entry {
    fn is_pending(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Remote(remote) => remote.is_pending(),
        }
    }
}

impl Remote {
    fn lookup(&mut self, now: UnixTime) -> Lookup {
        if let Some(cached) = self.cached.as_ref().filter(|cached| now < cached.fresh_until) {
            let keys = Rc::clone(&cached.keys);
            if cached.fresh_until.since(now) <= REFRESH_AHEAD && self.backing_off(now).is_none() && !self.is_pending() {
                self.want();
                self.in_background = true;
            }
            return Lookup::Ready(keys);
        }
        if let Some(retry_after) = self.backing_off(now) {
            return self.stale(now).map_or(Lookup::Unavailable { retry_after }, Lookup::Ready);
        }
        match self.state {
            State::Idle | State::BackingOff { .. } => self.want(),
            State::Wanted | State::InFlight { .. } => {}
        }
        match self.stale(now).filter(|_| self.stale_will_do()) {
            Some(keys) => Lookup::Ready(keys),
            None => Lookup::Pending,
        }
    }

    /// Old keys do while an attempt after a failure is made, or one that was begun ahead of their end. At first, the new
    /// ones are worth the wait.
    fn stale_will_do(&self) -> bool {
        self.last_pause.is_some() || self.in_background
    }

    fn at_hand(&self, now: UnixTime) -> Lookup {
        match self.stale(now) {
            Some(keys) => Lookup::Ready(keys),
            None => Lookup::Unavailable { retry_after: self.backing_off(now).unwrap_or(FIRST_PAUSE) },
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self.state, State::Wanted | State::InFlight { .. })
    }

    /// The keys that there are, also those whose time is over while no others can be had.
    fn stale(&self, now: UnixTime) -> Option<Rc<JwkSet>> {
        self.cached.as_ref().filter(|cached| now < cached.usable_until).map(|cached| Rc::clone(&cached.keys))
    }

    fn backing_off(&self, now: UnixTime) -> Option<Duration> {
        match self.state {
            State::BackingOff { until, .. } if now < until => Some(until.since(now)),
            State::Idle | State::Wanted | State::InFlight { .. } | State::BackingOff { .. } => None,
        }
    }

    fn failing(&self, now: UnixTime) -> Option<Duration> {
        match self.state {
            State::BackingOff { until, .. } => Some(until.since(now).max(FIRST_PAUSE)),
            State::Wanted | State::InFlight { .. } => self.last_pause.map(|_| FIRST_PAUSE),
            State::Idle => None,
        }
    }

    fn want_unknown_key(&mut self, now: UnixTime) -> bool {
        match self.state {
            State::Wanted | State::InFlight { .. } => return true,
            // The last attempt failed: its pause paces the next one, and nothing is known of what it would have brought.
            State::BackingOff { until, .. } if now < until => return false,
            State::BackingOff { .. } => {}
            State::Idle => {
                if self.unknown_key_at.is_some_and(|last| now.since(last) < UNKNOWN_KEY_PAUSE) {
                    return false;
                }
            }
        }
        self.unknown_key_at = Some(now);
        self.want();
        true
    }

    fn want(&mut self) {
        if let State::BackingOff { pause, .. } = self.state {
            self.last_pause = Some(pause);
        }
        self.state = State::Wanted;
    }

    fn start(&mut self, issuer: IssuerId, now: UnixTime) -> Fetch {
        let (target, uri) = match &self.source.location {
            KeyLocation::Jwks(uri) => (Target::Jwks, uri.clone()),
            KeyLocation::Discovery(uri) => (Target::Discovery, uri.clone()),
        };
        self.fetch(issuer, target, uri, now)
    }

    fn fetch(&mut self, issuer: IssuerId, target: Target, uri: HttpUri, now: UnixTime) -> Fetch {
        self.state = State::InFlight { deadline: now.plus(self.source.timeout).plus(ANSWER_GRACE) };
        Fetch { issuer, target, uri, cluster: self.source.cluster.clone(), timeout: self.source.timeout }
    }

    fn read(&mut self, fetch: &Fetch, body: &[u8], now: UnixTime) -> Result<Outcome, FetchError> {
        match fetch.target {
            Target::Discovery => {
                let uri = jwks_uri(body, &self.issuer, &fetch.uri).map_err(FetchError::Discovery)?;
                Ok(Outcome::Continue(self.fetch(fetch.issuer, Target::Jwks, uri, now)))
            }
            Target::Jwks => {
                let keys = JwkSet::parse(body).map_err(FetchError::Jwks)?;
                let fresh_until = now.plus(self.source.cache);
                let usable_until = fresh_until.plus(USABLE_STALE);
                self.cached = Some(Cached { keys: Rc::new(keys), fresh_until, usable_until });
                self.state = State::Idle;
                self.last_pause = None;
                self.in_background = false;
                self.ended = self.ended.wrapping_add(1);
                Ok(Outcome::Settled)
            }
        }
    }

    fn failed(&mut self, now: UnixTime) {
        let pause = self.last_pause.take().map_or(FIRST_PAUSE, |last| last.saturating_mul(2).min(LONGEST_PAUSE));
        self.in_background = false;
        self.ended = self.ended.wrapping_add(1);
        self.state = State::BackingOff { until: now.plus(pause), pause };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::Issuer;

    const KEYS: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    const CACHE: u64 = 600;

    struct Bench {
        store: KeyStore,
        id: IssuerId,
    }

    impl Bench {
        fn new(location: KeyLocation) -> Self {
            let mut issuer = Issuer::for_tests("https://a.test", &[]);
            issuer.keys = KeySource::Remote(RemoteKeys {
                location,
                cluster: "a".to_owned(),
                timeout: Duration::from_secs(5),
                cache: Duration::from_secs(CACHE),
            });
            let issuers = Issuers::new(vec![issuer]);
            let (id, _) = issuers.iter().next().unwrap();
            Self { store: KeyStore::new(&issuers), id }
        }

        fn jwks() -> Self {
            Self::new(KeyLocation::Jwks(HttpUri::parse("https://a.test/keys").unwrap()))
        }

        fn lookup(&mut self, now: u64) -> &'static str {
            match self.store.lookup(self.id, UnixTime::from_seconds(now)) {
                Lookup::Ready(_) => "ready",
                Lookup::Pending => "pending",
                Lookup::Unavailable { .. } => "unavailable",
            }
        }

        fn unknown_key(&mut self, now: u64) -> bool {
            self.store.want_unknown_key(self.id, UnixTime::from_seconds(now))
        }

        fn due(&mut self, now: u64) -> Vec<Fetch> {
            self.store.due(UnixTime::from_seconds(now))
        }

        fn finish(&mut self, body: Result<&str, FetchError>, now: u64) -> Result<Outcome, FetchError> {
            let fetch = Fetch {
                issuer: self.id,
                target: Target::Jwks,
                uri: HttpUri::parse("https://a.test/keys").unwrap(),
                cluster: "a".to_owned(),
                timeout: Duration::from_secs(5),
            };
            self.store.finish(&fetch, body.map(|body| body.as_bytes().to_vec()), UnixTime::from_seconds(now))
        }
    }

    #[test]
    fn all_who_wait_share_one_fetch_and_its_keys_last_their_time() {
        let mut b = Bench::jwks();
        assert_eq!([b.lookup(0), b.lookup(0)], ["pending"; 2]);
        assert_eq!((b.due(0).len(), b.due(0).len()), (1, 0));
        assert_eq!(b.lookup(1), "pending");
        assert_eq!(b.due(1), []);
        assert_eq!(b.finish(Ok(KEYS), 2), Ok(Outcome::Settled));
        assert_eq!(b.lookup(2), "ready");
        assert!(!b.store.is_busy());
        assert_eq!(b.lookup(2 + CACHE), "pending");
        assert_eq!(b.due(2 + CACHE).len(), 1);
    }

    #[test]
    fn a_little_before_their_end_keys_are_fetched_anew_and_nobody_waits() {
        let mut b = Bench::jwks();
        b.lookup(0);
        b.due(0);
        b.finish(Ok(KEYS), 0).unwrap();
        let ahead = CACHE - REFRESH_AHEAD.as_secs();
        assert_eq!((b.lookup(ahead - 1), b.due(ahead - 1).len()), ("ready", 0));
        assert_eq!((b.lookup(ahead), b.due(ahead).len()), ("ready", 1));
        assert_eq!((b.lookup(ahead), b.due(ahead).len()), ("ready", 0), "one fetch");
        b.finish(Err(FetchError::NoAnswer), ahead + 5).unwrap_err();
        assert_eq!((b.lookup(ahead + 5), b.due(ahead + 5).len()), ("ready", 0), "while backing off");
        assert_eq!((b.lookup(CACHE), b.due(CACHE).len()), ("ready", 1), "after a failure too");
        b.finish(Ok(KEYS), CACHE).unwrap();
        assert_eq!((b.lookup(CACHE + 1), b.due(CACHE + 1).len()), ("ready", 0));
    }

    #[test]
    fn failed_fetches_pause_twice_as_long_each_time_up_to_a_minute() {
        let mut b = Bench::jwks();
        let mut now = 0;
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(b.lookup(now), "pending", "at {now}");
            assert_eq!(b.due(now).len(), 1);
            assert_eq!(b.finish(Err(FetchError::NoAnswer), now), Err(FetchError::NoAnswer));
            let Lookup::Unavailable { retry_after } = b.store.lookup(b.id, UnixTime::from_seconds(now)) else {
                panic!("at {now}");
            };
            assert_eq!(retry_after.as_secs(), pause);
            assert_eq!(b.lookup(now + pause - 1), "unavailable");
            assert_eq!(b.due(now + pause - 1), []);
            now += pause;
        }
        assert_eq!(b.lookup(now), "pending");
        b.due(now);
        b.finish(Ok(KEYS), now).unwrap();
        // After a success the next failure begins with the short pause again.
        now += CACHE;
        assert_eq!(b.lookup(now), "pending");
        b.due(now);
        b.finish(Err(FetchError::NoAnswer), now).unwrap_err();
        assert_eq!((b.lookup(now), b.due(now).len()), ("ready", 0));
        assert_eq!((b.lookup(now + 2), b.due(now + 2).len()), ("ready", 1));
    }

    #[test]
    fn keys_outlive_their_time_while_fetches_fail_up_to_a_limit() {
        let mut b = Bench::jwks();
        b.lookup(0);
        b.due(0);
        b.finish(Ok(KEYS), 0).unwrap();
        let end = CACHE + USABLE_STALE.as_secs();
        // For the first one after their time it is worth to wait; later on nobody waits for what may fail again.
        for (now, meanwhile, want) in
            [(CACHE, "pending", "ready"), (end - 1, "ready", "ready"), (end + 9, "pending", "unavailable")]
        {
            assert_eq!(b.lookup(now), meanwhile, "at {now}");
            assert_eq!(b.due(now).len(), 1, "at {now}");
            assert_eq!(b.lookup(now), meanwhile, "at {now}, under way");
            b.finish(Err(FetchError::Status(500)), now).unwrap_err();
            assert_eq!(b.lookup(now), want, "at {now}");
        }
    }

    #[test]
    fn a_bad_answer_does_not_replace_good_keys() {
        for body in ["", "<html>", "{}", r#"{"keys":[]}"#] {
            let mut b = Bench::jwks();
            b.lookup(0);
            b.due(0);
            b.finish(Ok(KEYS), 0).unwrap();
            b.lookup(CACHE);
            b.due(CACHE);
            assert!(b.finish(Ok(body), CACHE).is_err(), "{body}");
            assert_eq!(b.lookup(CACHE), "ready", "{body}");
        }
    }

    #[test]
    fn unknown_key_ids_cause_one_fetch_a_pause() {
        let mut b = Bench::jwks();
        b.lookup(0);
        b.due(0);
        b.finish(Ok(KEYS), 0).unwrap();
        assert!(b.unknown_key(1));
        assert_eq!(b.due(1).len(), 1);
        assert!(b.unknown_key(1), "others wait for the same fetch");
        b.finish(Ok(KEYS), 1).unwrap();
        let pause = UNKNOWN_KEY_PAUSE.as_secs();
        assert!(!b.unknown_key(pause));
        assert_eq!(b.due(pause), []);
        assert!(b.unknown_key(1 + pause));
    }

    #[test]
    fn an_answer_that_never_comes_counts_as_failed() {
        let mut b = Bench::jwks();
        b.lookup(0);
        b.due(0);
        assert_eq!(b.store.overdue(UnixTime::from_seconds(7)), []);
        assert_eq!(b.store.overdue(UnixTime::from_seconds(8)), [b.id]);
        assert_eq!(b.lookup(8), "unavailable");
    }

    #[test]
    fn discovery_leads_to_a_key_set_on_the_same_host_of_the_same_issuer() {
        let at = HttpUri::parse("https://a.test/.well-known/openid-configuration").unwrap();
        let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
        let mut b = Bench::new(KeyLocation::Discovery(at));
        b.lookup(0);
        let [first] = b.due(0).try_into().unwrap();
        assert_eq!(first.target, Target::Discovery);
        let Ok(Outcome::Continue(second)) =
            b.store.finish(&first, Ok(good.as_bytes().to_vec()), UnixTime::from_seconds(0))
        else {
            panic!("discovery leads on");
        };
        assert_eq!((second.target, second.uri.path.as_str()), (Target::Jwks, "/keys"));
        assert_eq!(b.lookup(0), "pending");
    }
}
