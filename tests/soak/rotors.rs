//! Issuers that change their key again and again. A rotor has one key at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::item::Item;
use super::kinds::LIFETIME;
use super::right::{KeyState, Right};
use super::world::lock;
use crate::support::mint::{Signer, Token, jwks};
use crate::wire::harness::issuer::Script;
use crate::wire::harness::request::Request;

/// Tokens of each key.
const TOKENS: usize = 6;

pub struct Rotor {
    pub number: usize,
    /// Of the key of each number so far: what becomes of it, and tokens of it.
    keys: Mutex<Vec<(KeyState, Vec<Arc<Item>>)>>,
    /// How many more tokens of a withdrawn key are to be sent. Later they would have the keys fetched again, and the
    /// next key would have to wait half a minute.
    stale: AtomicUsize,
}

impl Rotor {
    pub fn new(number: usize) -> Self {
        let rotor = Self { number, keys: Mutex::default(), stale: AtomicUsize::new(0) };
        rotor.add();
        rotor
    }

    pub fn issuer(&self) -> String {
        format!("https://rotor-{}.test", self.number)
    }

    pub fn path(&self) -> String {
        format!("/rotor-{}", self.number)
    }

    fn signer(generation: usize) -> Signer {
        let signer = if generation.is_multiple_of(2) { Signer::es256() } else { Signer::other_es256() };
        signer.with_kid(&format!("key-{generation}"))
    }

    fn add(&self) {
        let mut keys = lock(&self.keys);
        let generation = keys.len();
        let signer = Self::signer(generation);
        let item = |number: usize| {
            let user = format!("rotor-{}-{generation}-{number}", self.number);
            let token = Token::new(&signer).claim("iss", self.issuer()).claim("sub", user.as_str());
            let request = Request::get("/rotor").bearer(&token.expires_in(LIFETIME).mint());
            Arc::new(Item::new("rotor", request, Right::Rotating(self.number, generation)).user(&user))
        };
        keys.push((KeyState::Good, (0..TOKENS).map(item).collect()));
    }

    /// What its issuer publishes now.
    pub fn script(&self) -> Script {
        Script::json(&jwks(&[&Self::signer(self.generation())]))
    }

    pub fn generation(&self) -> usize {
        lock(&self.keys).len() - 1
    }

    pub fn state(&self, generation: usize) -> KeyState {
        lock(&self.keys).get(generation).map_or(KeyState::Gone, |(state, _)| *state)
    }

    /// A token to send now: of the key at hand, or sometimes of the one before.
    pub fn pick(&self, chance: usize) -> Arc<Item> {
        let keys = lock(&self.keys);
        let last = keys.len() - 1;
        let spend = |left: usize| left.checked_sub(1);
        let stale =
            chance.is_multiple_of(4) && self.stale.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok();
        let tokens = &keys[if stale { last - 1 } else { last }].1;
        Arc::clone(&tokens[chance % tokens.len()])
    }

    /// A token of this key.
    pub fn token(&self, generation: usize) -> Arc<Item> {
        Arc::clone(&lock(&self.keys)[generation].1[0])
    }

    /// The key at hand is withdrawn, and there is another one. `publish` is told what the issuer says from now on,
    /// before anybody has a token of the new key.
    pub fn rotate(&self, publish: impl FnOnce(Script)) {
        let generation = self.generation();
        lock(&self.keys)[generation].0 = KeyState::Going;
        publish(Script::json(&jwks(&[&Self::signer(generation + 1)])));
        self.add();
    }

    /// Every worker knows that the one before is withdrawn: so many of its tokens are sent all the same.
    pub fn is_gone(&self, generation: usize, stale: usize) {
        lock(&self.keys)[generation].0 = KeyState::Gone;
        self.stale.store(stale, Ordering::SeqCst);
    }

    pub fn sends_no_more_stale(&self) {
        self.stale.store(0, Ordering::SeqCst);
    }
}
