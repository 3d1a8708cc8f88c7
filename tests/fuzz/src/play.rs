//! Whole requests on the pure core, one behind another, at three workers that remember much, little and nothing of tokens.

pub mod checks;
pub mod input;
pub mod stage;
pub mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::RustCrypto;
use postern::flow::{AwaitingKeys, Env, Memory, Next, Report, Step, begin};
use postern::jwks::{Answer, Fetch, FetchError, KeyStore, SharedData};
use postern::reply::Reply;
use postern::request::{RequestHead, Route};
use postern::time::UnixTime;

use crate::alone::Alone;
use crate::fields::apply;
use input::Event;
use stage::{Remembering, Settings};

pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub fields: Fields,
    pub route: Route,
    /// All texts that were sent as tokens, and where they stand.
    pub tokens: Vec<String>,
}

/// What became of a request: what the service or the access log sees, and what the client is told, unless it waits.
#[derive(Debug)]
pub struct Outcome {
    pub fields: Fields,
    pub end: Option<(Report, Option<Reply>)>,
}

type Waiting = (Box<AwaitingKeys>, Sent, Fields);

struct Lane {
    config: Rc<Config>,
    memory: Memory,
    waiting: BTreeMap<usize, Waiting>,
}

/// What the checks know of the world outside.
pub struct World {
    pub settings: Settings,
    pub now: UnixTime,
    /// Keys by name that the first issuer has published so far, where they are fetched.
    pub published: BTreeSet<(char, &'static str)>,
}

/// Most that happens in one play.
const EVENTS: usize = 16;

pub fn play(settings: Settings, events: &[Event<'_>], signatures: &Remembering) {
    let mut lanes = stage::configs(settings).map(Lane::new);
    let mut world = World { settings, now: UnixTime::from_seconds(tokens::NOW), published: BTreeSet::new() };
    let mut under_way: Vec<Fetch> = Vec::new();
    let mut earlier: Vec<Sent> = Vec::new();
    for (number, event) in events.iter().take(EVENTS).enumerate() {
        let due = lanes.each_mut().map(|lane| lane.memory.keys.due(world.now).fetches);
        assert!(due.iter().all(|other| *other == due[0]), "{due:?}");
        under_way.extend(due.into_iter().next().unwrap_or_default());
        match event {
            Event::Pass(moment) => world.now = moment.after(world.now),
            Event::Answer(which) => {
                if let Some(fetch) = under_way.pop() {
                    let (keys, answer) = tokens::published(*which);
                    // The other issuers' keys are at hand.
                    world.published.extend(keys);
                    lanes.iter_mut().for_each(|lane| lane.answer(&fetch, &answer, world.now));
                }
            }
            Event::Request(_) | Event::Plain(_) | Event::Again(..) => {
                let sent = match event {
                    Event::Request(request) => request.build(),
                    Event::Plain(plain) => plain.build(),
                    Event::Again(which, path) if !earlier.is_empty() => {
                        let again = earlier[usize::from(*which) % earlier.len()].clone();
                        path.map_or(again.clone(), |path| again.on_path(path))
                    }
                    Event::Again(..) | Event::Pass(_) | Event::Answer(_) => continue,
                };
                earlier.push(sent.clone());
                let outcomes = lanes.each_mut().map(|lane| lane.send(number, &sent, &world, signatures));
                agree(&outcomes, &sent);
            }
        }
        let ended = lanes.each_mut().map(|lane| lane.wake(&world, signatures));
        assert!(ended.iter().all(|other| *other == ended[0]), "after the wait: {ended:?}");
    }
}

fn agree(outcomes: &[String; 3], sent: &Sent) {
    assert!(outcomes.iter().all(|other| *other == outcomes[0]), "{sent:?}: {outcomes:#?}");
}

impl Lane {
    fn new(config: Rc<Config>) -> Self {
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        Self { memory: Memory::new(keys, config.token_cache), config, waiting: BTreeMap::new() }
    }

    fn answer(&mut self, fetch: &Fetch, answer: &Option<Vec<u8>>, now: UnixTime) {
        let answer = answer.clone().ok_or(FetchError::NoAnswer);
        let answer = answer.map(|body| Answer { status: 200, body, ..Answer::default() });
        let _ = self.memory.keys.finish(fetch, answer, now);
    }

    fn send(&mut self, number: usize, sent: &Sent, world: &World, signatures: &Remembering) -> String {
        let head = RequestHead::read(as_the_host_passes_it(&sent.fields)).expect("a map");
        let env = Env { now: world.now, signatures, signer: &RustCrypto };
        let step = begin(&self.config, &head, &sent.route, &mut self.memory, &env);
        self.settle(number, step, sent.clone(), sent.fields.clone(), world)
    }

    /// Ends the waits that are over: which, and how.
    fn wake(&mut self, world: &World, signatures: &Remembering) -> Vec<(usize, String)> {
        let over =
            |(number, (request, _, _)): (&usize, &Waiting)| request.is_ready(&self.memory.keys).then_some(*number);
        let over: Vec<usize> = self.waiting.iter().filter_map(over).collect();
        let mut ended = Vec::new();
        for number in over {
            let (request, sent, fields) = self.waiting.remove(&number).expect("it waits");
            let step = request.resume(&mut self.memory, &Env { now: world.now, signatures, signer: &RustCrypto });
            ended.push((number, self.settle(number, step, sent, fields, world)));
        }
        ended
    }

    fn settle(&mut self, number: usize, step: Step, sent: Sent, mut fields: Fields, world: &World) -> String {
        apply(step.mutations, &mut fields);
        let (end, waiting) = match step.next {
            Next::Forward(report) => (Some((report, None)), None),
            Next::Reply(reply, report) => (Some((report, Some(reply))), None),
            Next::AwaitKeys(request) => (None, Some(request)),
            Next::AwaitForm(_) => panic!("no request here is for a token"),
        };
        let outcome = Outcome { fields, end };
        checks::check(&outcome, &sent, world);
        let told = format!("{outcome:?}");
        if let Some(request) = waiting {
            self.waiting.insert(number, (request, sent, outcome.fields));
        }
        told
    }
}

/// The number of pairs, the sizes of each, then names and values with a NUL after each.
pub fn as_the_host_passes_it(fields: &Fields) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).expect("a short text").to_le_bytes();
    let mut bytes = number(fields.len()).to_vec();
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(number(text.len()));
    }
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}
