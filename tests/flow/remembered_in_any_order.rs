//! Whatever comes in whatever order: who remembers tokens says the same as who does not.
//!
//! Three workers see the same requests at the same moments by the same keys: one remembers what it can, one next to
//! nothing, one nothing. Clocks go forwards and backwards and stand around every moment at which something changes; keys
//! are replaced, withdrawn, renamed and not to be had.

use std::collections::BTreeMap;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::RustCrypto;
use postern::flow::{AwaitingKeys, Env, Memory, Next, Step, begin};
use postern::jwks::{Answer, Fetch, FetchError, KeyStore, SharedData};
use postern::time::UnixTime;
use serde_json::json;

use crate::scenario::{NOW, head_of};
use crate::support::alone::Alone;
use crate::support::dice::Dice;
use crate::support::fields::apply;
use crate::world::{Remembering, also};
use scene::{Request, document, next_moment, published, request, tokens};

#[path = "remembered_in_any_order/scene.rs"]
mod scene;

const STEPS: usize = 3000;

/// A request that waits, and its fields so far.
type Waiting = (Box<AwaitingKeys>, Vec<(String, String)>);

/// One of the workers.
struct Lane {
    config: Rc<Config>,
    memory: Memory,
    signatures: Rc<Remembering>,
    waiting: BTreeMap<usize, Waiting>,
}

impl Lane {
    fn new(max_entries: usize, signatures: &Rc<Remembering>) -> Self {
        let document = also(document(), json!({"token_cache": {"max_entries": max_entries}}));
        let config = Config::parse(document.to_string().as_bytes()).unwrap();
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let memory = Memory::new(keys, config.token_cache);
        Self { config: Rc::new(config), memory, signatures: Rc::clone(signatures), waiting: BTreeMap::new() }
    }

    /// What becomes of a request: all that anybody is told, and what the service sees.
    fn send(&mut self, number: usize, request: &Request, now: UnixTime) -> String {
        let env = Env { now, signatures: &*self.signatures, signer: &RustCrypto };
        let mut fields = request.fields.clone();
        let step = begin(&self.config, &head_of(&fields), &request.route, &mut self.memory, &env);
        self.settle(number, step, &mut fields)
    }

    /// Ends the waits that are over: which, and how.
    fn wake(&mut self, now: UnixTime) -> Vec<(usize, String)> {
        let over = |(number, (request, _)): (&usize, &Waiting)| request.is_ready(&self.memory.keys).then_some(*number);
        let over: Vec<usize> = self.waiting.iter().filter_map(over).collect();
        let mut ended = Vec::new();
        for number in over {
            let (request, mut fields) = self.waiting.remove(&number).unwrap();
            let step =
                request.resume(&mut self.memory, &Env { now, signatures: &*self.signatures, signer: &RustCrypto });
            ended.push((number, self.settle(number, step, &mut fields)));
        }
        ended
    }

    fn settle(&mut self, number: usize, step: Step, fields: &mut Vec<(String, String)>) -> String {
        apply(step.mutations, fields);
        match step.next {
            Next::Forward(report) => format!("let on {fields:?} {report:?}"),
            Next::Reply(reply, report) => format!("{} {fields:?} {reply:?} {report:?}", reply.status),
            Next::AwaitForm(_) => panic!("no request here is for a token"),
            Next::AwaitKeys(request) => {
                self.waiting.insert(number, (request, fields.clone()));
                format!("waits {fields:?}")
            }
        }
    }
}

/// Plays it, and says what came of it how often: the words of the records, and what was remembered.
fn play(
    seed: u64,
    (tokens, moments): &(Vec<String>, Vec<i64>),
    signatures: &Rc<Remembering>,
    seen: &mut BTreeMap<String, usize>,
) {
    let mut dice = Dice(seed);
    let published = published();
    let mut lanes = [4096, 2, 0].map(|max_entries| Lane::new(max_entries, signatures));
    let mut millis = 0;
    let mut keys = 0;
    let mut under_way: Vec<Fetch> = Vec::new();
    // Few tokens at a time, as a worker sees them.
    let mut some: Vec<String> = Vec::new();
    for step in 0..STEPS {
        millis = next_moment(&mut dice, millis, moments);
        let now = UnixTime::from_millis((NOW * 1000).checked_add_signed(millis).unwrap());
        if dice.one_in(60) || step == 0 {
            some = (0..6).map(|_| dice.one_of(tokens).clone()).collect();
        }
        if dice.one_in(100) {
            keys = dice.below(published.len());
        }
        let due = lanes.each_mut().map(|lane| lane.memory.keys.due(now).fetches);
        assert!(due.iter().all(|other| *other == due[0]), "seed {seed}, step {step}: {due:?}");
        under_way.extend(due[0].iter().cloned());
        if !under_way.is_empty() && dice.one_in(2) {
            let fetch = under_way.remove(0);
            for lane in &mut lanes {
                let answer =
                    |body: &String| Answer { status: 200, body: body.clone().into_bytes(), ..Answer::default() };
                let answer = published[keys].as_ref().map(answer).ok_or(FetchError::NoAnswer);
                lane.memory.keys.finish(&fetch, answer, now);
            }
        }
        let ended = lanes.each_mut().map(|lane| lane.wake(now));
        for (lane, other) in ended.iter().enumerate() {
            assert_eq!(*other, ended[0], "seed {seed}, step {step}, lane {lane}: after the wait at {millis}");
        }
        let request = request(&mut dice, &some);
        let outcomes = lanes.each_mut().map(|lane| lane.send(step, &request, now));
        for (lane, other) in outcomes.iter().enumerate() {
            assert_eq!(*other, outcomes[0], "seed {seed}, step {step}, lane {lane}: {:?} at {millis}", request.fields);
        }
        let reason = outcomes[0].split("\\\"reason\\\":\\\"").nth(1).and_then(|rest| rest.split('\\').next());
        *seen.entry(reason.unwrap_or("waits").to_owned()).or_default() += 1;
    }
    for (name, lane) in ["all", "few", "none"].iter().zip(&mut lanes) {
        for (what, count) in lane.memory.counters() {
            let what = what.rsplit('.').next().unwrap();
            *seen.entry(format!("{what} of {name}")).or_default() += usize::try_from(count).unwrap();
        }
    }
}

#[test]
fn who_remembers_tokens_says_the_same_as_who_does_not() {
    let (tokens, signatures, mut seen) = (tokens(), Rc::default(), BTreeMap::new());
    for seed in 1..=4 {
        play(seed, &tokens, &signatures, &mut seen);
    }
    // That it says something: everything that there is to say is said many times.
    for (what, least) in [
        ("ok", 500),
        ("hit of all", 700),
        ("hit of few", 300),
        ("hit_bad_signature of all", 100),
        ("hit_bad_signature of few", 30),
        ("bad_signature", 100),
        ("expired", 100),
        ("not_yet_valid", 100),
        ("lifetime_too_long", 30),
        ("insufficient_scope", 100),
        ("insufficient_user_authentication", 100),
        ("not_interactive", 50),
        ("unknown_key", 50),
        ("keys_unavailable", 30),
        ("waits", 30),
    ] {
        assert!(seen.get(what).is_some_and(|count| *count >= least), "{what}: {seen:#?}");
    }
    assert!(!seen.contains_key("hit of none") && !seen.contains_key("hit_bad_signature of none"), "{seen:#?}");
}
