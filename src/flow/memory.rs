//! What one worker knows besides its configuration, and what is told of it.

use super::Caller;
use super::reissued::Passage;
use crate::jwks::{KeyStore, Lookup};
use crate::time::UnixTime;
use crate::token::{CacheLimits, Recall, TokenCache};

pub struct Memory {
    pub keys: KeyStore,
    pub tokens: TokenCache<Caller>,
    recalled: Recalled,
    reissued: Reissued,
    /// The entries and bytes that were told last.
    told: [usize; 2],
}

/// How often a token was looked for since it was told last, by what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recalled {
    hit: u32,
    hit_bad_signature: u32,
    miss: u32,
}

/// How often a service got which token since it was told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reissued {
    signed: u32,
    reused: u32,
    passed_on: u32,
    withheld: u32,
}

/// By how much a counter or a gauge is to be changed. Gauges are told so too, for all workers have one together.
pub type News = (&'static str, i64);

impl Memory {
    pub fn new(keys: KeyStore, limits: CacheLimits) -> Self {
        Self {
            keys,
            tokens: TokenCache::new(limits),
            recalled: Recalled::default(),
            reissued: Reissued::default(),
            told: [0; 2],
        }
    }

    /// What is remembered of a request's token.
    pub(super) fn recall(&mut self, token: &str, now: UnixTime) -> Recall<Caller> {
        let recall = self.recall_again(token, now);
        let count = match recall {
            Recall::Good(_) => &mut self.recalled.hit,
            Recall::Forged(_) => &mut self.recalled.hit_bad_signature,
            Recall::Unknown => &mut self.recalled.miss,
        };
        *count = count.saturating_add(1);
        recall
    }

    /// The same for a request that has waited, and was counted before.
    pub(super) fn recall_again(&mut self, token: &str, now: UnixTime) -> Recall<Caller> {
        let keys = &mut self.keys;
        self.tokens.recall(token, now, |ground| match keys.lookup(ground.issuer, ground.kid(), now) {
            Lookup::Ready(keys) => Some(keys),
            Lookup::Pending(_) | Lookup::Unavailable { .. } => None,
        })
    }

    pub(super) fn count(&mut self, passage: Passage) {
        let count = match passage {
            Passage::Signed => &mut self.reissued.signed,
            Passage::Reused => &mut self.reissued.reused,
            Passage::PassedOn => &mut self.reissued.passed_on,
            Passage::Withheld => &mut self.reissued.withheld,
        };
        *count = count.saturating_add(1);
    }

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        self.recalled != Recalled::default() || self.reissued != Reissued::default() || self.tokens.has_driven_out()
    }

    /// What has happened to tokens since this was asked last.
    pub fn counters(&mut self) -> impl Iterator<Item = News> {
        let Recalled { hit, hit_bad_signature, miss } = std::mem::take(&mut self.recalled);
        let Reissued { signed, reused, passed_on, withheld } = std::mem::take(&mut self.reissued);
        let counts = [
            ("postern_token_cache_total.outcome.hit", hit),
            ("postern_token_cache_total.outcome.hit_bad_signature", hit_bad_signature),
            ("postern_token_cache_total.outcome.miss", miss),
            ("postern_token_cache_evictions_total", self.tokens.take_driven_out()),
            ("postern_reissue_total.outcome.signed", signed),
            ("postern_reissue_total.outcome.reused", reused),
            ("postern_reissue_total.outcome.passed_on", passed_on),
            ("postern_reissue_total.outcome.withheld", withheld),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, i64::from(count)))
    }

    /// How much more or less is remembered than when this was asked last.
    pub fn gauges(&mut self) -> impl Iterator<Item = News> {
        let sizes = [self.tokens.entries(), self.tokens.bytes()];
        let before = std::mem::replace(&mut self.told, sizes);
        let names = ["postern_token_cache_entries", "postern_token_cache_bytes"];
        let signed = |size| i64::try_from(size).unwrap_or(i64::MAX);
        let changes =
            sizes.into_iter().zip(before).map(move |(now, before)| signed(now).saturating_sub(signed(before)));
        names.into_iter().zip(changes).filter(|(_, change)| *change != 0)
    }

    /// Forgets all tokens and remembers no more, for the configuration goes away.
    pub fn forget(&mut self) {
        self.tokens = TokenCache::new(CacheLimits { max_entries: 0, max_bytes: 0 });
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::issuer::{Issuer, Issuers};
    use crate::jwks::{JwkSet, NotWritten, SharedData};
    use crate::record::listed;
    use crate::secret::Secret;
    use crate::time::Span;
    use crate::token::Ground;

    /// Workers that share nothing.
    struct Alone;

    impl SharedData for Alone {
        fn get(&self, _: &str) -> Option<(Vec<u8>, u32)> {
            None
        }

        fn set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), NotWritten> {
            Err(NotWritten::Unavailable)
        }
    }

    /// One to which everything that is told of has happened once.
    fn busy() -> Memory {
        let issuers = Issuers::new(vec![Issuer::for_tests("https://a.test", &[])]);
        let (issuer, _) = issuers.find("https://a.test").unwrap();
        let limits = CacheLimits { max_entries: 1, max_bytes: 1_000_000 };
        let shared = Rc::new(Alone) as Rc<dyn SharedData>;
        let mut memory = Memory::new(KeyStore::new(&issuers, &shared, 0), limits);
        memory.recalled = Recalled { hit: 1, hit_bad_signature: 1, miss: 1 };
        memory.reissued = Reissued { signed: 1, reused: 1, passed_on: 1, withheld: 1 };
        let now = UnixTime::from_seconds(1000);
        let span = Span { from: now, until: UnixTime::from_seconds(2000) };
        let keys: Rc<JwkSet> = Rc::default();
        for token in ["a", "b"] {
            let ground = Ground::new(issuer, None, &keys, span);
            memory.tokens.remember(Secret::new(token.repeat(50)), ground, Rc::new(Caller::for_tests()), now);
        }
        memory
    }

    #[test]
    fn what_the_alerts_go_by_is_what_is_told() {
        let mut memory = busy();
        assert!(memory.has_news());
        let counters: Vec<News> = memory.counters().collect();
        assert!(counters.iter().all(|(_, count)| *count == 1), "{counters:?}");
        assert!(!memory.has_news());
        let gauges: Vec<News> = memory.gauges().collect();
        let names = || counters.iter().chain(&gauges).map(|(name, _)| *name);
        for beginning in ["postern_token_cache", "postern_reissue"] {
            listed::hold(beginning, names().filter(|name| name.starts_with(beginning)));
        }
    }
}
