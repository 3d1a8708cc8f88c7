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
        self.recalled != Recalled::default() || self.reissued != Reissued::default()
    }

    /// What has happened to tokens since this was asked last.
    pub fn counters(&mut self) -> impl Iterator<Item = News> {
        let Recalled { hit, hit_bad_signature, miss } = std::mem::take(&mut self.recalled);
        let Reissued { signed, reused, passed_on, withheld } = std::mem::take(&mut self.reissued);
        let counts = [
            ("postern_token_cache_total.outcome.hit", hit),
            ("postern_token_cache_total.outcome.hit_bad_signature", hit_bad_signature),
            ("postern_token_cache_total.outcome.miss", miss),
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
