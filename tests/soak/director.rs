//! What else happens while requests are sent: updates, rotations, an issuer that fails. One thing after the other, so that
//! of each it is known what it has to lead to.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::clients::Http1;
use super::clock::now;
use super::item::Item;
use super::outages::{self, Outage};
use super::right::{KeyState, Moment, Right};
use super::world::{World, park_path};
use super::{load, parking};
use crate::support::mint::Signer;
use crate::support::mint::jwks;
use crate::wire::harness::arguments::Form;
use crate::wire::harness::issuer::Script;
use crate::wire::harness::request::Request;
use crate::wire::harness::wait::wait_until;

/// How many requests it takes at least, how many rounds of events, and in which of them an issuer fails: to be asked again
/// takes half a minute.
struct Size {
    requests: usize,
    rounds: usize,
    between_outages: usize,
}

fn size(form: Form) -> Size {
    match form {
        Form::Short => Size { requests: 50_000, rounds: 4, between_outages: 4 },
        Form::Long => Size { requests: 1_000_000, rounds: 60, between_outages: 6 },
    }
}

/// Connections that are asked at once where both workers have to be reached: that all of so many are dealt to one of
/// them is no chance any more.
pub const CROWD: usize = 24;

/// The pause between fetches for unknown keys is 30 s; a rotation sooner than that would be of a key that nobody may fetch.
const BETWEEN_ROTATIONS: Duration = Duration::from_secs(32);

pub fn play(form: Form) -> Arc<World> {
    let world = World::start(form);
    wait_until("all keys are fetched without any request", || {
        let rotors = world.rotors.iter().all(|rotor| world.rotating.asked(&rotor.path()) > 0);
        rotors && world.steady_asked() > 0 && world.parker.asked_at_all() > 0
    });
    std::thread::scope(|scope| {
        scope.spawn(|| load::run(&world));
        let _end = Ending(&world);
        direct(&world);
    });
    world.sample();
    world
}

/// Ends the stream, also when the play breaks off.
struct Ending<'a>(&'a World);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

fn direct(world: &World) {
    let Size { requests, rounds, between_outages } = size(world.form);
    let mut outages = Outage::ALL.iter().cycle();
    let mut rotations = Rotations::default();
    for round in 1.. {
        world.sample();
        update(world, round);
        rotations.all_that_are_due(world, round);
        if round % between_outages == 1
            && let Some(outage) = outages.next()
        {
            outages::play(world, *outage);
        }
        let sent = world.requests.load(Ordering::SeqCst);
        if round >= rounds && sent >= requests {
            return;
        }
        // What is left of the requests is spread over what is left of the rounds.
        let left = requests.saturating_sub(sent) / (rounds.saturating_sub(round) + 1).max(1);
        requests_pass(world, left.clamp(100, 20_000));
    }
}

/// Waits until so many more requests were sent.
pub fn requests_pass(world: &World, count: usize) {
    let before = world.requests.load(Ordering::SeqCst);
    let mut last = (before, now());
    loop {
        let sent = world.requests.load(Ordering::SeqCst);
        if sent >= before + count {
            return;
        }
        if sent != last.0 {
            last = (sent, now());
        }
        assert!(last.1.elapsed() < load::PATIENCE, "no request was answered any more");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The configuration of this number comes, and with it an issuer of whom nobody has any keys.
fn update(world: &World, number: usize) {
    let fails = number.is_multiple_of(3);
    let script = if fails { Script::bytes(500, b"no keys today") } else { Script::json(&jwks(&[&Signer::es256()])) };
    world.parker.on(&park_path(number), script);
    world.parker.close_gate();
    world.offered.store(number, Ordering::SeqCst);
    world.envoy.update(&world.setup(number));
    world.taken.store(number, Ordering::SeqCst);
    world.event("updates of the configuration");
    parking::play(world, number, fails);
}

#[derive(Default)]
struct Rotations {
    /// For each rotor: how often it was asked, and when that was last seen to change.
    asked: Vec<Option<(usize, Instant)>>,
}

impl Rotations {
    /// Rotates the key of every rotor whose issuer was not asked for half a minute.
    fn all_that_are_due(&mut self, world: &World, round: usize) {
        self.asked.resize(world.rotors.len(), None);
        for rotor in &world.rotors {
            let asked = world.rotating.asked(&rotor.path());
            let is_new = rotor.generation() == 0;
            let last = self.asked[rotor.number];
            let due = match last {
                Some((before, at)) => before == asked && at.elapsed() > BETWEEN_ROTATIONS,
                None => is_new && rotor.number % 3 == round % 3,
            };
            if due {
                rotate(world, rotor.number, (rotor.number + round).is_multiple_of(3));
            }
            let asked = world.rotating.asked(&rotor.path());
            if due || last.is_some_and(|(before, _)| before != asked) {
                self.asked[rotor.number] = Some((asked, now()));
            }
        }
    }
}

/// A rotor gets another key. Its tokens are good at once: who comes first waits until the key is fetched.
fn rotate(world: &World, number: usize, slowly: bool) {
    let rotor = &world.rotors[number];
    let old = rotor.generation();
    rotor.sends_no_more_stale();
    let asked = world.rotating.asked(&rotor.path());
    rotor.rotate(|script| {
        let pause = Duration::from_millis(2);
        let script = if slowly { Script::Drip { bytes: script.on_wire(), pause } } else { script };
        world.rotating.on(&rotor.path(), script);
    });
    world.event(if slowly { "rotations of a key, the issuer slow" } else { "rotations of a key" });
    ask_all(world, &rotor.token(old + 1), |status| status == 200);
    wait_until("a new key is fetched", || world.rotating.asked(&rotor.path()) > asked);
    ask_all(world, &rotor.token(old), |status| status == 401);
    rotor.is_gone(old, 60);
    assert_eq!(rotor.state(old), KeyState::Gone);
}

/// Sends this on many new connections, on each until it is answered so. What else may be answered meanwhile is the item's
/// to say.
pub fn ask_all(world: &World, item: &Item, done: impl Fn(u16) -> bool) {
    let probe = Item {
        kind: "probe",
        rule: "probe",
        request: item.request.clone(),
        http1: probing(&item.http1),
        user: item.user.clone(),
        right: item.right,
        looked_up: item.looked_up,
    };
    on_this_thread(async {
        for _ in 0..CROWD {
            let since = world.taken.load(Ordering::SeqCst);
            let mut client = Http1::open(world.envoy.address()).await.expect("Envoy listens");
            let start = now();
            loop {
                let before = Moment::of(&probe, world);
                client.send(&probe.http1).await.expect("a connection that takes a request");
                let reply = client.reply().await.expect("an answer");
                world.judge(&probe, &before, &(since..=since), &reply);
                if done(reply.status) {
                    break;
                }
                assert!(start.elapsed() < load::PATIENCE, "waited in vain: {:?} is {}", probe.right, reply.status);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
}

/// The same to a path of its own, under whose rule it is counted.
fn probing(http1: &[u8]) -> Vec<u8> {
    let end = http1.iter().skip(4).position(|byte| *byte == b' ').map_or(0, |end| end + 4);
    [b"GET /probe", &http1[end..]].concat()
}

pub fn on_this_thread<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, what)
}

/// A request that every configuration lets on without a token.
pub fn open_item() -> Item {
    Item::new("open", Request::get("/open"), Right::Always(200, "")).not_looked_up()
}
