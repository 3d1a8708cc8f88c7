//! The steady issuer fails for a while. Whoever has a token of its keys must not notice.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::clock::now;
use super::director::{ask_all, requests_pass};
use super::load::PATIENCE;
use super::world::{World, lock, steady_keys};
use crate::wire::harness::issuer::{Script, Then};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    Refused,
    Status500,
    HangsUp,
    Nonsense,
    Slow,
}

impl Outage {
    pub const ALL: [Self; 5] = [Self::Refused, Self::Slow, Self::Status500, Self::HangsUp, Self::Nonsense];

    fn name(self) -> &'static str {
        match self {
            Self::Refused => "outages: connections refused",
            Self::Status500 => "outages: status 500",
            Self::HangsUp => "outages: hangs up within the answer",
            Self::Nonsense => "outages: HTML instead of keys",
            Self::Slow => "outages: answers byte by byte",
        }
    }

    fn script(self) -> Option<Script> {
        let good = steady_keys().on_wire();
        match self {
            Self::Refused => None,
            Self::Status500 => Some(Script::bytes(500, b"out of order")),
            Self::HangsUp => Some(Script::raw(&good[..good.len() / 2], Then::Reset)),
            Self::Nonsense => Some(Script::bytes(200, b"<html>login</html>")),
            // Some three seconds, of five that it may take.
            Self::Slow => {
                let pause = Duration::from_micros(u64::try_from(3_000_000 / good.len()).unwrap_or_default());
                Some(Script::Drip { bytes: good, pause })
            }
        }
    }
}

/// Plays an outage to its end: the issuer is asked in vain, requests pass, and then it is asked again and answers.
pub fn play(world: &World, outage: Outage) {
    world.in_trouble.store(true, Ordering::SeqCst);
    let asked = world.steady_asked();
    {
        let mut steady = lock(&world.steady);
        match outage.script() {
            Some(script) => steady.open(script),
            None => steady.close(),
        }
    }
    // Tokens that name a key that is not there have the keys fetched, twice in a minute.
    world.seeks_keys.store(true, Ordering::SeqCst);
    asked_again(world, asked);
    requests_pass(world, 500);
    // Counted before: who is turned away by a door cannot ask behind it.
    let asked = world.steady_asked();
    lock(&world.steady).open(steady_keys());
    if outage != Outage::Slow {
        asked_again(world, asked);
    }
    world.event(outage.name());
    let unknown = &world.kinds.of("unknown-key")[0];
    ask_all(world, unknown, |status| status == 401);
    world.in_trouble.store(false, Ordering::SeqCst);
}

fn asked_again(world: &World, before: u64) {
    let start = now();
    while world.steady_asked() <= before {
        assert!(start.elapsed() < PATIENCE, "waited in vain until the steady issuer is asked");
        std::thread::sleep(Duration::from_millis(50));
    }
}
