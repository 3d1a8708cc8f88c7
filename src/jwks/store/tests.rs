//! Stories of (time, worker, event) and what comes of each: an answer, or what is fetched.

mod any_order;
mod clocks;
mod failing;
mod falling_back;
mod fetching;
mod seeking;
mod sharing;
mod telling;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use super::*;
use crate::issuer::Issuer;
use crate::jwks::{HttpUri, JwkSetError, KeyLocation, NotWritten, RemoteKeys};

/// The lifetime where nobody says anything, in seconds, and when in it keys are fetched anew at the earliest and latest.
const LIFETIME: u64 = 600;
const EARLIEST: u64 = 480;
const LATEST: u64 = 570;

/// What the workers of a test share, and how well.
#[derive(Default)]
struct Board {
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    writes: Cell<u32>,
    mood: Cell<Mood>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Fair,
    /// Nothing is kept.
    Refuses,
    /// Somebody else is always faster.
    Changes,
}

impl SharedData for Board {
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        if self.mood.get() == Mood::Refuses { None } else { self.values.borrow().get(name).cloned() }
    }

    fn set(&self, name: &str, value: &[u8], at: Option<u32>) -> Result<(), NotWritten> {
        match self.mood.get() {
            Mood::Refuses => return Err(NotWritten::Unavailable),
            Mood::Changes => return Err(NotWritten::Changed),
            Mood::Fair => {}
        }
        let mut values = self.values.borrow_mut();
        if values.get(name).map(|(_, number)| *number) != at {
            return Err(NotWritten::Changed);
        }
        self.writes.set(self.writes.get() + 1);
        values.insert(name.to_owned(), (value.to_vec(), self.writes.get()));
        Ok(())
    }
}

/// What happens to a worker.
enum Event<'a> {
    /// Somebody comes with a token that names this key.
    Ask(&'a str),
    /// Those who wait are looked after.
    Wake,
    /// The timer beats.
    Beat,
    /// The issuer answers with these keys.
    Keys(&'a str),
    /// The same, with header fields.
    Fields(&'a str, &'a [(&'a str, &'a str)]),
    Status(u16),
    Body(&'a str),
    Fails(FetchError),
    /// The worker goes away.
    Leaves,
}

use Event::{Ask, Beat, Body, Fails, Fields, Keys, Leaves, Status, Wake};

struct Worker {
    store: KeyStore,
    waiting: Vec<(Wait, String)>,
    fetch: Option<Fetch>,
}

struct Story {
    board: Rc<Board>,
    id: IssuerId,
    workers: Vec<Worker>,
    source: RemoteKeys,
}

/// A key set with a key for each letter, and one that no reader knows.
fn key_set(kids: &str) -> String {
    let key = |kid| {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#)
    };
    let keys: Vec<String> = kids.chars().map(key).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn at(seconds: f64) -> UnixTime {
    UnixTime::from_nanos((seconds * 1e9) as u64).plus(Duration::from_secs(1_800_000_000))
}

impl Story {
    fn new(workers: u64) -> Self {
        Self::with(workers, KeyLocation::Jwks(HttpUri::parse("https://a.test/keys").unwrap()), None)
    }

    fn discovering() -> Self {
        let document = HttpUri::parse("https://a.test/.well-known/openid-configuration").unwrap();
        Self::with(1, KeyLocation::Discovery { document, fallback: None }, None)
    }

    /// With a second place for the document.
    fn falling_back(workers: u64) -> Self {
        let [document, fallback] = ["openid-configuration", "oauth-authorization-server"]
            .map(|name| HttpUri::parse(&format!("https://a.test/.well-known/{name}")).unwrap());
        Self::with(workers, KeyLocation::Discovery { document, fallback: Some(fallback) }, None)
    }

    fn with(workers: u64, location: KeyLocation, cache: Option<u64>) -> Self {
        let source = RemoteKeys {
            location,
            cluster: "a".to_owned(),
            timeout: Duration::from_secs(5),
            cache: cache.map(Duration::from_secs),
        };
        let mut story =
            Self { board: Rc::default(), id: issuers(&source).iter().next().unwrap().0, workers: vec![], source };
        (0..workers).for_each(|_| story.worker_comes());
        story
    }

    fn worker_comes(&mut self) {
        let me = self.workers.len() as u64 + 1;
        let store = KeyStore::new(&issuers(&self.source), &(Rc::clone(&self.board) as Rc<dyn SharedData>), me);
        self.workers.push(Worker { store, waiting: vec![], fetch: None });
    }

    fn play(&mut self, name: &str, steps: &[(f64, usize, Event<'_>, &str)]) {
        for (index, (seconds, worker, event, want)) in steps.iter().enumerate() {
            let became = self.happen(*worker, event, at(*seconds));
            assert_eq!(became, *want, "{name}: step {index} at {seconds} s, worker {worker}");
        }
    }

    fn happen(&mut self, worker: usize, event: &Event<'_>, now: UnixTime) -> String {
        let (id, worker) = (self.id, &mut self.workers[worker]);
        let answer = |body: &str| Answer { status: 200, body: body.as_bytes().to_vec(), ..Answer::default() };
        match event {
            Ask(kid) => {
                let lookup = worker.store.lookup(id, Some(kid), now);
                worker.hear(lookup, kid)
            }
            Wake => {
                let (over, waiting) = std::mem::take(&mut worker.waiting)
                    .into_iter()
                    .partition(|(wait, _): &(Wait, String)| worker.store.is_over(*wait));
                worker.waiting = waiting;
                let answers: Vec<String> = over
                    .into_iter()
                    .map(|(wait, kid): (Wait, String)| {
                        let lookup = worker.store.after_wait(wait, Some(&kid), now);
                        worker.hear(lookup, &kid)
                    })
                    .collect();
                answers.join(", ")
            }
            Beat => {
                let Due { fetches, notices } = worker.store.due(now);
                let mut told: Vec<String> = notices.iter().map(outcome).collect();
                for fetch in fetches {
                    told.push(asked(&fetch));
                    worker.fetch = Some(fetch);
                }
                told.join(", ")
            }
            Keys(kids) => worker.finish(Ok(answer(&key_set(kids))), now),
            Body(body) => worker.finish(Ok(answer(body)), now),
            Fields(kids, fields) => {
                let field = |name| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_bytes().to_vec());
                let (cache_control, age, etag) = (field("cache-control"), field("age"), field("etag"));
                worker.finish(Ok(Answer { cache_control, age, etag, ..answer(&key_set(kids)) }), now)
            }
            Status(304) => worker.finish(Ok(Answer { status: 304, ..Answer::default() }), now),
            Status(status) => worker.finish(Err(FetchError::Status(*status)), now),
            Fails(error) => worker.finish(Err(error.clone()), now),
            Leaves => {
                worker.store.release(now);
                String::new()
            }
        }
    }
}

impl Worker {
    fn hear(&mut self, lookup: Lookup, kid: &str) -> String {
        match lookup {
            Lookup::Ready(keys) if keys.has(kid) => "good".to_owned(),
            Lookup::Ready(_) => "unknown".to_owned(),
            Lookup::Unavailable { retry_after } => format!("none for {} s", retry_after.as_secs_f64().ceil()),
            Lookup::Pending(wait) => {
                self.waiting.push((wait, kid.to_owned()));
                "waits".to_owned()
            }
        }
    }

    fn finish(&mut self, answer: Result<Answer, FetchError>, now: UnixTime) -> String {
        let Finished { next, notice } = self.store.finish(&self.fetch.take().unwrap(), answer, now);
        let told = next.as_ref().map(asked).or_else(|| notice.as_ref().map(outcome)).unwrap_or_default();
        self.fetch = next;
        told
    }
}

fn issuers(source: &RemoteKeys) -> Issuers {
    let mut issuer = Issuer::for_tests("https://a.test", &[]);
    issuer.keys = KeySource::Remote(source.clone());
    Issuers::new(vec![issuer])
}

fn asked(fetch: &Fetch) -> String {
    let mark = fetch.if_none_match.as_ref().map_or_else(String::new, |mark| format!(" unless {mark}"));
    format!("GET {}{mark}", fetch.uri.path)
}

/// What is counted, and an exclamation mark where there is a line in the log.
fn outcome(notice: &Notice) -> String {
    let counter = notice.counter.strip_prefix("postern_jwks_fetch_total.outcome.").unwrap();
    let outcome = counter.strip_suffix(".issuer.https://a.test").unwrap();
    format!("{outcome}{}", if notice.log.is_some() { "!" } else { "" })
}

const GET: &str = "GET /keys";
