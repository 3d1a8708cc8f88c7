//! What one worker remembers of tokens that it has looked at: who the good ones are, and that the others were forged.
//!
//! A judgement rests on the token's text, on the issuer's configuration, on one key set and on the time. An entry is
//! found by the end of the token's signature and answers only for the very same text; it belongs to one configuration,
//! as its cache does; it is forgotten with the key set that it was checked by; and it says for which span of time it
//! holds. Whatever is not so any more is judged anew, so that a token is refused for the same reason with and without
//! this. Rules are asked on every request, since they depend on more than the token.
//!
//! Both kinds of entries are bounded in number and in bytes, and those used longest ago go first. Forged tokens have a
//! small place of their own: whoever sends many drives out his own only.

use std::hash::RandomState;
use std::rc::{Rc, Weak};

use lru::LruCache;

use crate::issuer::IssuerId;
use crate::jwks::JwkSet;
use crate::secret::Secret;
use crate::time::{Span, UnixTime};

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    pub max_entries: usize,
    pub max_bytes: usize,
}

impl Default for CacheLimits {
    /// The users of a platform within an hour, with tokens of 1 to 2 KiB: these take 3 to 4 KiB each here. Envoy's own
    /// filter remembers 100 where it is told to remember at all.
    fn default() -> Self {
        Self { max_entries: 4096, max_bytes: 16 * 1024 * 1024 }
    }
}

/// Forged tokens that are remembered: enough for some clients that repeat theirs.
const FORGED: CacheLimits = CacheLimits { max_entries: 128, max_bytes: 256 * 1024 };

/// Something whose room in memory is known.
pub trait Room {
    fn bytes(&self) -> usize;
}

/// What a judgement rests on besides the token and the configuration.
#[derive(Clone, Debug)]
pub struct Ground {
    pub issuer: IssuerId,
    /// The key that the token names.
    kid: Option<Rc<str>>,
    /// Not kept alive by this: keys that were replaced are gone, and with them what they have proven. Their place stays
    /// taken as long as this is here, so no other set can be mistaken for them.
    keys: Weak<JwkSet>,
    holds: Span,
}

impl Ground {
    pub fn new(issuer: IssuerId, kid: Option<&str>, keys: &Rc<JwkSet>, holds: Span) -> Self {
        Self { issuer, kid: kid.map(Rc::from), keys: Rc::downgrade(keys), holds }
    }

    /// The same for another span.
    #[must_use]
    pub fn holding(self, holds: Span) -> Self {
        Self { holds, ..self }
    }

    fn bytes(&self) -> usize {
        self.kid.as_ref().map_or(0, |kid| kid.len())
    }

    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the time and the keys allow it; the issuer may have other keys by now.
    fn may_hold(&self, now: UnixTime) -> bool {
        self.holds.contains(now) && self.keys.strong_count() > 0
    }

    fn still_holds(&self, now: UnixTime, keys: impl FnOnce(&Self) -> Option<Rc<JwkSet>>) -> bool {
        self.holds.contains(now) && keys(self).is_some_and(|keys| std::ptr::eq(self.keys.as_ptr(), Rc::as_ptr(&keys)))
    }
}

/// What is remembered of a token.
#[derive(Debug, PartialEq, Eq)]
pub enum Recall<T> {
    Good(Rc<T>),
    /// That issuer did not sign it.
    Forged(IssuerId),
    Unknown,
}

#[derive(Debug)]
pub struct TokenCache<T> {
    good: Shelf<Rc<T>>,
    forged: Shelf<()>,
    /// Good tokens that had to go although they were still good, since this was asked last.
    driven_out: u32,
}

impl<T: Room> TokenCache<T> {
    pub fn new(limits: CacheLimits) -> Self {
        let forged = CacheLimits {
            max_entries: FORGED.max_entries.min(limits.max_entries),
            max_bytes: FORGED.max_bytes.min(limits.max_bytes),
        };
        Self { good: Shelf::new(limits), forged: Shelf::new(forged), driven_out: 0 }
    }

    /// `keys` are those that the issuer's tokens are checked by now.
    pub fn recall(
        &mut self,
        token: &str,
        now: UnixTime,
        keys: impl FnOnce(&Ground) -> Option<Rc<JwkSet>>,
    ) -> Recall<T> {
        if let Some(entry) = self.good.find(token) {
            if entry.ground.still_holds(now, keys) {
                return Recall::Good(Rc::clone(&entry.value));
            }
            self.good.forget(token);
        } else if let Some(entry) = self.forged.find(token) {
            if entry.ground.still_holds(now, keys) {
                return Recall::Forged(entry.ground.issuer);
            }
            self.forged.forget(token);
        }
        Recall::Unknown
    }

    pub fn remember(&mut self, token: Secret, ground: Ground, value: Rc<T>, now: UnixTime) {
        let bytes = value.bytes().saturating_add(ground.bytes());
        let driven_out = &mut self.driven_out;
        self.good.put(token, ground, value, bytes, |gone| {
            *driven_out = driven_out.saturating_add(u32::from(gone.may_hold(now)));
        });
    }

    pub fn remember_forged(&mut self, token: Secret, ground: Ground) {
        let bytes = ground.bytes();
        self.forged.put(token, ground, (), bytes, |_| ());
    }

    /// How many good tokens had to go for others although they were still good, since this was asked last.
    pub fn take_driven_out(&mut self) -> u32 {
        std::mem::take(&mut self.driven_out)
    }

    pub fn has_driven_out(&self) -> bool {
        self.driven_out > 0
    }

    pub fn entries(&self) -> usize {
        self.good.entries.len().saturating_add(self.forged.entries.len())
    }

    pub fn bytes(&self) -> usize {
        self.good.bytes.saturating_add(self.forged.bytes)
    }
}

/// The end of a token, which is the end of its signature. Nobody without the key makes two good tokens with the same, so
/// there is no need to read the rest to find an entry.
#[derive(PartialEq, Eq, Hash)]
struct Tail([u8; 32]);

impl Tail {
    fn of(token: &str) -> Option<Self> {
        token.as_bytes().last_chunk().copied().map(Self)
    }
}

#[derive(Debug)]
struct Entry<V> {
    token: Secret,
    ground: Ground,
    value: V,
    bytes: usize,
}

#[derive(Debug)]
struct Shelf<V> {
    /// Hashed with a key of this worker's own, so that no sender can choose what falls together.
    entries: LruCache<Tail, Entry<V>, RandomState>,
    bytes: usize,
    limits: CacheLimits,
}

impl<V> Shelf<V> {
    /// What an entry takes besides its token and its value: itself, its place in the table, the allocator's own.
    const OVERHEAD: usize = 192 + size_of::<Entry<V>>();

    fn new(limits: CacheLimits) -> Self {
        Self { entries: LruCache::unbounded_with_hasher(RandomState::new()), bytes: 0, limits }
    }

    fn find(&mut self, token: &str) -> Option<&Entry<V>> {
        self.entries.get(&Tail::of(token)?).filter(|entry| is_same(entry.token.expose(), token))
    }

    fn forget(&mut self, token: &str) {
        let entry = Tail::of(token).and_then(|tail| self.entries.pop(&tail));
        self.bytes = self.bytes.saturating_sub(entry.map_or(0, |entry| entry.bytes));
    }

    /// What is larger than all that may be kept is not kept. `gone` hears of those that have to go for it.
    fn put(&mut self, token: Secret, ground: Ground, value: V, bytes: usize, mut gone: impl FnMut(&Ground)) {
        let bytes = bytes.saturating_add(token.expose().len()).saturating_add(Self::OVERHEAD);
        let fits = self.limits.max_entries > 0 && bytes <= self.limits.max_bytes;
        let Some(tail) = Tail::of(token.expose()).filter(|_| fits) else {
            return;
        };
        let before = self.entries.put(tail, Entry { token, ground, value, bytes });
        self.bytes = self.bytes.saturating_add(bytes).saturating_sub(before.map_or(0, |entry| entry.bytes));
        while self.entries.len() > self.limits.max_entries || self.bytes > self.limits.max_bytes {
            let Some((_, entry)) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            gone(&entry.ground);
        }
    }
}

/// Eight bytes at a time, which WebAssembly has no instruction for otherwise. It may end early: nobody is compared with
/// who does not know the end of the signature already.
fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes().as_chunks::<8>(), b.as_bytes().as_chunks::<8>());
    a.0.len() == b.0.len()
        && a.0.iter().zip(b.0).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && a.1 == b.1
}

#[cfg(test)]
mod tests;
