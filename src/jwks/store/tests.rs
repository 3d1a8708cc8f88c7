//! Stories of (time, worker, event) and what comes of each: an answer, or what is fetched.

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
        Self::with(1, KeyLocation::Discovery(document), None)
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

#[test]
fn keys_are_there_before_anyone_asks_and_are_fetched_anew_before_their_time_is_over() {
    let (earliest, latest) = (EARLIEST as f64, LATEST as f64);
    Story::new(1).play(
        "one worker",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Beat, ""),
            (0.2, 0, Keys("a"), "ok!"),
            (0.2, 0, Ask("a"), "good"),
            (earliest, 0, Beat, ""),
            (latest + 1.0, 0, Ask("a"), "good"),
            (latest + 1.0, 0, Beat, GET),
            (latest + 1.0, 0, Ask("a"), "good"),
            (latest + 2.0, 0, Keys("a"), "ok"),
            (latest + 2.0, 0, Ask("a"), "good"),
            (latest + earliest, 0, Beat, ""),
        ],
    );
}

#[test]
fn one_worker_fetches_for_all() {
    let mut story = Story::new(3);
    story.play(
        "at the start",
        &[
            (0.0, 2, Ask("a"), "waits"),
            (0.0, 1, Beat, GET),
            (0.0, 0, Beat, ""),
            (0.0, 2, Beat, ""),
            (0.1, 0, Ask("a"), "waits"),
            (0.2, 1, Keys("a"), "ok!"),
            (0.2, 0, Wake, ""),
            (0.3, 0, Beat, ""),
            (0.3, 0, Wake, "good"),
            (0.3, 2, Ask("a"), "good"),
            (0.3, 2, Wake, "good"),
        ],
    );
    story.play(
        "and who fetched last sees what the others do",
        &[
            (1.000_456_7, 0, Ask("x"), "waits"),
            (1.000_456_8, 0, Beat, GET),
            (1.000_456_9, 1, Ask("y"), "waits"),
            (1.000_457_0, 1, Beat, ""),
            (1.000_457_1, 0, Keys("a"), "ok"),
            (1.000_457_1, 0, Wake, "unknown"),
            (LATEST as f64 + 1.0, 2, Beat, GET),
            (LATEST as f64 + 1.0, 0, Beat, ""),
            (LATEST as f64 + 1.0, 2, Keys("a"), "ok"),
        ],
    );
    story.play(
        "of new keys all hear when they look, and at once when they need one",
        &[
            (2.0 * LATEST as f64 + 1.0, 0, Beat, GET),
            (2.0 * LATEST as f64 + 1.1, 0, Keys("b"), "ok!"),
            (2.0 * LATEST as f64 + 1.1, 1, Ask("b"), "good"),
            (2.0 * LATEST as f64 + 1.1, 1, Ask("a"), "waits"),
            (2.0 * LATEST as f64 + 1.1, 2, Ask("a"), "good"),
            (2.0 * LATEST as f64 + 2.1, 2, Beat, ""),
            (2.0 * LATEST as f64 + 2.1, 2, Ask("b"), "good"),
        ],
    );
    story.worker_comes();
    story.play(
        "one who comes later finds them",
        &[(2.0 * LATEST as f64 + 3.0, 3, Ask("b"), "good"), (2.0 * LATEST as f64 + 3.0, 3, Beat, "")],
    );
}

#[test]
fn failed_fetches_pause_longer_each_time_up_to_a_minute() {
    let mut story = Story::new(2);
    let mut now = 0.0;
    for (turn, pause) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
        let (first, other) = (turn % 2, (turn + 1) % 2);
        let told = if turn == 0 { "no_answer!" } else { "no_answer" };
        let (early, late) = (now + pause * 0.74, now + pause);
        story.play(
            &format!("pause {pause}"),
            &[
                (now, first, Beat, GET),
                (now, other, Beat, ""),
                (now, first, Ask("a"), "waits"),
                (now, first, Fails(FetchError::NoAnswer), told),
                (now, other, Beat, ""),
                (early, first, Beat, ""),
                (early, other, Beat, ""),
            ],
        );
        let woken = story.happen(first, &Wake, at(now));
        assert!(woken.starts_with("none for "), "{woken}");
        now = late;
    }
    story.play(
        "and then",
        &[
            (now, 0, Beat, GET),
            (now, 0, Keys("a"), "ok!"),
            (now, 0, Ask("a"), "good"),
            (now + 580.0, 0, Beat, GET),
            (now + 580.0, 0, Status(500), "status!"),
            (now + 580.7, 0, Beat, ""),
            // The first pause is short again.
            (now + 581.0, 0, Beat, GET),
            (now + 581.0, 0, Status(404), "status"),
            (now + 583.0, 0, Beat, GET),
            (now + 583.0, 0, Keys("a"), "ok!"),
        ],
    );
}

#[test]
fn who_comes_shortly_before_the_next_attempt_waits_for_it() {
    Story::new(1).play(
        "with 1, 2 and 4 s",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Status(500), "status!"),
            (0.1, 0, Ask("a"), "waits"),
            (1.0, 0, Wake, ""),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status"),
            (1.0, 0, Wake, "none for 2 s"),
            (1.1, 0, Ask("a"), "none for 2 s"),
            (2.5, 0, Ask("a"), "waits"),
            (3.0, 0, Beat, GET),
            (3.0, 0, Keys("a"), "ok!"),
            (3.0, 0, Wake, "good"),
        ],
    );
}

#[test]
fn a_cluster_that_is_not_there_yet_is_tried_twice_a_second() {
    Story::new(1).play(
        "it comes after two seconds",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fails(FetchError::NotSent), "not_sent!"),
            (0.3, 0, Beat, ""),
            (0.5, 0, Beat, GET),
            (0.5, 0, Fails(FetchError::NotSent), "not_sent"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Fails(FetchError::NotSent), "not_sent"),
            (1.2, 0, Ask("a"), "waits"),
            (1.5, 0, Beat, GET),
            (1.6, 0, Keys("a"), "ok!"),
            (1.6, 0, Wake, "good"),
        ],
    );
}

#[test]
fn keys_outlive_their_time_while_fetches_fail_up_to_a_limit() {
    let day = 24.0 * 3600.0;
    let end = LIFETIME as f64 + day;
    Story::new(2).play(
        "a day and ten minutes",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Status(503), "status!"),
            (LIFETIME as f64 + 0.1, 0, Ask("a"), "good"),
            (end - 1.0, 0, Ask("a"), "good"),
            (end - 1.0, 1, Ask("a"), "good"),
            (end - 1.0, 1, Beat, GET),
            (end - 1.0, 1, Status(503), "status"),
            (end + 1.0, 1, Ask("a"), "waits"),
            (end + 1.0, 1, Beat, GET),
            // That there are none now is worth a line.
            (end + 1.0, 1, Status(503), "status!"),
            (end + 1.0, 1, Wake, "none for 4 s"),
            (end + 1.0, 0, Ask("a"), "none for 4 s"),
        ],
    );
}

#[test]
fn a_bad_answer_does_not_replace_good_keys() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["1"; crate::jwks::MAX_KEYS + 1].join(","));
    for body in ["", "<html>", "{}", r#"{"keys":[]}"#, r#"{"keys":[1]}"#, r#"{"keys":["#, "\u{feff}{}", &many] {
        Story::new(1).play(
            body,
            &[
                (0.0, 0, Beat, GET),
                (0.0, 0, Keys("a"), "ok!"),
                (LIFETIME as f64, 0, Beat, GET),
                (LIFETIME as f64, 0, Body(body), "bad_jwks!"),
                (LIFETIME as f64, 0, Ask("a"), "good"),
                (LIFETIME as f64 + 1.0, 0, Beat, GET),
                (LIFETIME as f64 + 1.0, 0, Keys("b"), "ok!"),
                (LIFETIME as f64 + 1.0, 0, Ask("b"), "good"),
            ],
        );
    }
}

#[test]
fn a_new_key_works_with_its_first_token_and_a_removed_one_stops_at_the_next_fetch() {
    Story::new(2).play(
        "rotation",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (9.0, 1, Ask("b"), "waits"),
            (9.0, 0, Ask("a"), "good"),
            (9.0, 1, Beat, GET),
            (9.1, 0, Ask("b"), "waits"),
            (9.2, 1, Keys("b"), "ok!"),
            (9.2, 1, Wake, "good"),
            (9.2, 1, Ask("a"), "unknown"),
            (9.3, 0, Beat, ""),
            (9.3, 0, Wake, "good"),
            (9.3, 0, Ask("a"), "unknown"),
        ],
    );
}

#[test]
fn unknown_key_ids_cause_one_fetch_a_pause_for_all_workers_together() {
    let mut story = Story::new(2);
    story.play(
        "the first",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("x"), "waits"),
            (1.0, 1, Ask("y"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Beat, ""),
            (1.0, 1, Ask("z"), "waits"),
            (1.1, 0, Keys("a"), "ok"),
            (1.1, 0, Wake, "unknown"),
            (1.1, 1, Beat, ""),
            // `z` came when the fetch was under way, and may be newer than its answer: but it is too early for another one.
            (1.1, 1, Wake, "unknown, unknown"),
        ],
    );
    for attempt in 0..1000 {
        story.play(
            "more of them",
            &[
                (2.0 + f64::from(attempt) / 40.0, attempt as usize % 2, Ask("x"), "unknown"),
                (2.0 + f64::from(attempt) / 40.0, attempt as usize % 2, Beat, ""),
            ],
        );
    }
    story.play(
        "after half a minute",
        &[
            (31.0, 1, Ask("x"), "waits"),
            (31.0, 1, Beat, GET),
            (31.1, 1, Keys("ax"), "ok!"),
            // What was refused before is good now.
            (31.1, 1, Wake, "good"),
            (31.1, 0, Ask("x"), "good"),
        ],
    );
}

#[test]
fn who_joins_a_fetch_that_may_be_too_old_for_his_key_has_another_one_made() {
    Story::new(2).play(
        "the issuer began to use the key after it had answered",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Ask("b"), "waits"),
            (LIFETIME as f64, 1, Ask("c"), "waits"),
            (LIFETIME as f64 + 1.0, 0, Keys("a"), "ok"),
            (LIFETIME as f64 + 1.0, 0, Wake, "waits"),
            (LIFETIME as f64 + 1.0, 0, Beat, GET),
            (LIFETIME as f64 + 1.0, 1, Beat, ""),
            (LIFETIME as f64 + 1.0, 1, Wake, "waits"),
            (LIFETIME as f64 + 1.1, 0, Keys("ab"), "ok!"),
            (LIFETIME as f64 + 1.1, 0, Wake, "good"),
            (LIFETIME as f64 + 1.2, 1, Beat, ""),
            // And nobody waits a third time.
            (LIFETIME as f64 + 1.2, 1, Wake, "unknown"),
        ],
    );
}

#[test]
fn an_unknown_key_is_no_fault_of_the_token_while_the_issuer_cannot_be_asked() {
    Story::new(1).play(
        "an outage",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.0, 0, Ask("a"), "good"),
            (2.0, 0, Beat, GET),
            (2.0, 0, Status(500), "status"),
            (2.0, 0, Ask("b"), "none for 2 s"),
            (4.0, 0, Beat, GET),
            (4.0, 0, Ask("b"), "waits"),
            (4.0, 0, Keys("ab"), "ok!"),
            (4.0, 0, Wake, "good"),
        ],
    );
}

#[test]
fn an_answer_that_never_comes_counts_as_failed_and_one_that_comes_too_late_does_not_count() {
    Story::new(2).play(
        "seven seconds",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Ask("a"), "waits"),
            (7.0, 1, Beat, ""),
            (7.1, 1, Beat, "no_answer!"),
            (7.1, 1, Wake, "none for 1 s"),
            (8.1, 1, Beat, GET),
            (8.2, 0, Keys("old"), ""),
            (8.3, 1, Keys("a"), "ok!"),
            (8.3, 0, Ask("a"), "good"),
        ],
    );
}

#[test]
fn a_worker_that_goes_away_leaves_its_fetch_to_others() {
    Story::new(2).play(
        "nobody waits for it",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Ask("a"), "waits"),
            (0.1, 0, Leaves, ""),
            (0.1, 1, Beat, GET),
            (0.1, 1, Wake, ""),
            (0.2, 1, Keys("a"), "ok!"),
            (0.2, 1, Wake, "good"),
        ],
    );
}

#[test]
fn an_answer_says_how_long_its_keys_last_and_how_they_are_asked_for_again() {
    let hour = 3600.0;
    Story::new(2).play(
        "an hour",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fields("a", &[("cache-control", "max-age=99999"), ("etag", "\"1\"")]), "ok!"),
            (hour * 0.79, 0, Beat, ""),
            (hour * 0.96, 1, Beat, "GET /keys unless \"1\""),
            (hour * 0.96, 1, Status(304), "not_modified"),
            (hour * 0.96, 0, Ask("a"), "good"),
            // The keys are as good as new, and the issuer has not changed its mind about their time.
            (hour * 1.75, 0, Beat, ""),
            (hour * 1.92, 0, Beat, "GET /keys unless \"1\""),
            (hour * 1.92, 0, Fields("b", &[("cache-control", "max-age=0")]), "ok!"),
            (hour * 1.92 + 239.0, 0, Beat, ""),
            (hour * 1.92 + 286.0, 0, Beat, GET),
        ],
    );
    let mut story = Story::with(1, KeyLocation::Jwks(HttpUri::parse("https://a.test/keys").unwrap()), Some(300));
    story.play(
        "the configuration allows five minutes",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fields("a", &[("cache-control", "max-age=3600")]), "ok!"),
            (239.0, 0, Beat, ""),
            (286.0, 0, Beat, GET),
        ],
    );
}

#[test]
fn discovery_leads_to_a_key_set_on_the_same_host_of_the_same_issuer() {
    const DOCUMENT: &str = "GET /.well-known/openid-configuration";
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    let moved = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/moved"}"#;
    Story::discovering().play(
        "it moves",
        &[
            (0.0, 0, Beat, DOCUMENT),
            (0.1, 0, Body(good), GET),
            (0.1, 0, Beat, ""),
            (0.2, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (580.0, 0, Beat, DOCUMENT),
            (580.0, 0, Body(good), "GET /keys unless \"1\""),
            (580.0, 0, Status(304), "not_modified"),
            (1170.0, 0, Beat, DOCUMENT),
            // The mark is that of another place.
            (1170.0, 0, Body(moved), "GET /moved"),
            (1170.0, 0, Keys("b"), "ok!"),
            (1170.0, 0, Ask("b"), "good"),
        ],
    );
    for bad in ["", "[]", r#"{"issuer":"https://b.test","jwks_uri":"https://a.test/keys"}"#] {
        Story::discovering()
            .play(bad, &[(0.0, 0, Beat, DOCUMENT), (0.0, 0, Body(bad), "bad_discovery!"), (0.0, 0, Ask("a"), "waits")]);
    }
}

#[test]
fn where_nothing_can_be_shared_every_worker_fetches_for_itself() {
    let mut story = Story::new(2);
    story.board.mood.set(Mood::Refuses);
    story.play(
        "alone",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 1, Ask("a"), "waits"),
            (0.1, 1, Keys("a"), "ok!"),
            (0.1, 1, Wake, "good"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Keys("ab"), "ok!"),
            (1.0, 0, Wake, "good"),
            (1.0, 1, Beat, ""),
            (1.0, 1, Ask("b"), "waits"),
        ],
    );
}

#[test]
fn who_always_comes_second_fetches_for_itself() {
    let mut story = Story::new(2);
    story.board.mood.set(Mood::Changes);
    story.play(
        "no turn for anyone",
        &[
            (0.0, 0, Ask("a"), "waits"),
            (0.0, 0, Beat, GET),
            (0.0, 0, Beat, ""),
            (0.0, 1, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 0, Wake, "good"),
            (0.1, 1, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.0, 0, Ask("a"), "good"),
        ],
    );
}

#[test]
fn what_others_left_in_the_places_of_records_is_as_good_as_nothing() {
    let good = |change: &dyn Fn(String) -> String| {
        let mut story = Story::new(1);
        story.play("a record", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        let (name, (bytes, _)) =
            story.board.values.borrow().iter().next().map(|(n, v)| (n.clone(), v.clone())).unwrap();
        (name, change(String::from_utf8(bytes).unwrap()).into_bytes())
    };
    let rows: [(&str, (String, Vec<u8>)); 12] = [
        ("nothing", good(&|_| String::new())),
        ("another plugin's", good(&|_| "hello\nworld".to_owned())),
        ("no text", {
            let (name, _) = good(&|text| text);
            (name, vec![0xff; 4096])
        }),
        ("half of it", good(&|text| text[..text.len() / 2].to_owned())),
        ("no line", good(&|text| text.replace('\n', " "))),
        ("a member more", good(&|text| text.replacen('{', "{\"x\":1,", 1))),
        ("another form", good(&|text| text.replacen("\"postern\":1", "\"postern\":2", 1))),
        ("another issuer's", good(&|text| text.replace("https://a.test", "https://b.test"))),
        ("through another cluster", good(&|text| text.replace("\\na\"", "\\nb\""))),
        ("no keys", good(&|text| text.replace("Ed25519", "P-256"))),
        ("a negative time", good(&|text| text.replace("\"written_at\":1", "\"written_at\":-1"))),
        ("too large", good(&|text| text + &" ".repeat(400_000))),
    ];
    for (name, (place, value)) in rows {
        let mut story = Story::new(2);
        story.board.values.borrow_mut().insert(place, (value, 77));
        story.board.writes.set(77);
        story.play(
            name,
            &[
                (1.0, 0, Ask("a"), "waits"),
                (1.0, 0, Beat, GET),
                (1.0, 1, Beat, ""),
                (1.0, 0, Keys("ab"), "ok!"),
                (1.0, 1, Ask("b"), "good"),
            ],
        );
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_neither_keys_nor_attempts_away() {
    let day = 24.0 * 3600.0;
    Story::new(2).play(
        "by a day",
        &[
            (day, 0, Beat, GET),
            (day, 0, Keys("a"), "ok!"),
            (0.0, 0, Ask("a"), "good"),
            (0.0, 1, Ask("a"), "good"),
            (0.0, 1, Beat, GET),
            (0.1, 1, Status(500), "status!"),
            (0.1, 1, Ask("a"), "good"),
            (1.1, 0, Beat, GET),
            (1.1, 0, Keys("b"), "ok!"),
            (1.1, 1, Ask("b"), "good"),
            (2.1, 1, Beat, ""),
        ],
    );
    Story::new(2).play(
        "by a day while backing off",
        &[(day, 0, Beat, GET), (day, 0, Status(500), "status!"), (0.0, 1, Beat, GET)],
    );
    Story::new(2).play(
        "by a day while a fetch is under way",
        &[
            (day, 0, Beat, GET),
            (0.0, 1, Beat, GET),
            (0.1, 1, Keys("a"), "ok!"),
            (0.2, 0, Keys("b"), ""),
            (0.2, 0, Ask("a"), "good"),
        ],
    );
    Story::new(2).play(
        "by as much as one worker may be ahead of another",
        &[
            (0.1, 0, Beat, GET),
            (0.0, 1, Beat, ""),
            (0.2, 0, Keys("a"), "ok!"),
            (0.1, 1, Ask("a"), "good"),
            (0.1, 1, Beat, ""),
        ],
    );
}

#[test]
fn however_many_issuers_there_were_the_places_are_as_many_and_those_in_use_keep_theirs() {
    let board: Rc<Board> = Rc::default();
    let store = |name: &str, me: u64| {
        let uri = HttpUri::parse(&format!("https://{name}.test/keys")).unwrap();
        let source = Story::with(0, KeyLocation::Jwks(uri), None).source;
        KeyStore::new(&issuers(&source), &(Rc::clone(&board) as Rc<dyn SharedData>), me)
    };
    let fetch = |name: &str, now: f64| {
        let mut store = store(name, 1);
        let fetches = store.due(at(now)).fetches;
        assert_eq!(fetches.len(), 1, "{name} at {now}");
        let answer = Answer { status: 200, body: key_set("a").into_bytes(), ..Answer::default() };
        store.finish(&fetches[0], Ok(answer), at(now));
    };
    let live: Vec<String> = (0..20).map(|index| format!("live-{index}")).collect();
    for round in 0..100 {
        // Longer than keys last, so that all of them are fetched in each round.
        let now = f64::from(round) * 10_000.0;
        live.iter().for_each(|name| fetch(name, now));
        (0..50).for_each(|index| fetch(&format!("passing-{round}-{index}"), now + 1.0));
        for name in &live {
            assert_eq!(store(name, 2).due(at(now + 2.0)).fetches, [], "{name} in round {round}, by another worker");
        }
    }
    assert!(board.values.borrow().len() <= 256);
}

#[test]
fn gauges_tell_how_many_keys_there_are_and_how_old() {
    let mut story = Story::new(1);
    let gauges = |story: &mut Story, now| story.workers[0].store.gauges(at(now));
    let gauge = |name: &str, value| (format!("{name}.issuer.https://a.test"), value);
    assert_eq!(gauges(&mut story, 0.0), [gauge("postern_jwks_keys", 0)]);
    assert_eq!(gauges(&mut story, 0.0), []);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("ab"), "ok!")]);
    assert_eq!(gauges(&mut story, 0.0), [gauge("postern_jwks_keys", 2), gauge("postern_jwks_age_seconds", 0)]);
    assert_eq!(gauges(&mut story, 7.5), [gauge("postern_jwks_age_seconds", 7)]);
    let end = LIFETIME as f64 + 24.0 * 3600.0;
    assert_eq!(gauges(&mut story, end), [gauge("postern_jwks_keys", 0), gauge("postern_jwks_age_seconds", 87_000)]);
}

#[test]
fn the_log_says_what_changed_and_what_there_is_to_go_on_with() {
    let mut story = Story::new(1);
    let mut log = |event: &Event<'_>, now| {
        let worker = &mut story.workers[0];
        let fetch = worker.store.due(at(now)).fetches.remove(0);
        let answer = match event {
            Keys(kids) => Ok(Answer { status: 200, body: key_set(kids).into_bytes(), ..Answer::default() }),
            Fails(error) => Err(error.clone()),
            _ => unreachable!(),
        };
        worker.store.finish(&fetch, answer, at(now)).notice.unwrap().log.map(|(level, text)| format!("{level} {text}"))
    };
    let info = |text: &str| {
        Some(format!("INFO keys of issuer https://a.test: {text}; GET https://a.test/keys through cluster a"))
    };
    let through = "GET https://a.test/keys through cluster a";
    assert_eq!(
        log(&Fails(FetchError::NoAnswer), 0.0),
        Some(format!(
            "WARN keys of issuer https://a.test: {through}: the answer did not come, or not whole; there are none to go on with"
        ))
    );
    assert_eq!(log(&Fails(FetchError::NoAnswer), 2.0), None);
    assert_eq!(log(&Keys("a"), 5.0), info("to use are a"));
    assert_eq!(log(&Keys("a"), 1000.0), None);
    assert_eq!(log(&Keys("ab"), 2000.0), info("changed, to use are a, b"));
    assert_eq!(
        log(&Fails(FetchError::Jwks(JwkSetError::NoUsableKey(None))), 3000.0),
        Some(format!(
            "WARN keys of issuer https://a.test: {through}: the answer is no usable key set: no key; those at hand stay in use"
        ))
    );
    assert_eq!(log(&Keys("ab"), 4000.0), info("fetched again, to use are a, b"));
}

/// Clocks are stepped: at the start of a machine, or when a host wakes a guest.
const STEPPED: [(f64, f64); 2] = [(10_000.0, 9_996.0), (10_000.0, 5_000.0)];

/// Workers with the key `a`, of whom the second seeks another one after the clock was set back.
fn after_a_step(workers: u64, before: f64, after: f64) -> Story {
    let mut story = Story::new(workers);
    story.play("before the step", &[(before, 0, Beat, GET), (before + 0.1, 0, Keys("a"), "ok!")]);
    (0..story.workers.len()).for_each(|worker| drop(story.happen(worker, &Beat, at(before + 0.2))));
    story.happen(1, &Ask("z"), at(after));
    assert_eq!(story.happen(1, &Beat, at(after)), GET, "step to {after}");
    story
}

#[test]
fn after_the_clock_was_set_back_one_fetch_is_made_and_its_answer_counts() {
    for (before, after) in STEPPED {
        let mut story = after_a_step(4, before, after);
        let others = [0, 2, 3].map(|worker| story.happen(worker, &Beat, at(after + 0.05)));
        assert_eq!(others, ["", "", ""], "fetches of the others, step to {after}");
        assert_eq!(story.happen(1, &Keys("b"), at(after + 0.1)), "ok!", "step to {after}");
    }
}

#[test]
fn after_the_clock_was_set_back_a_withdrawn_key_is_out_of_use_everywhere() {
    for (before, after) in STEPPED {
        let mut story = after_a_step(3, before, after);
        story.happen(1, &Keys("b"), at(after + 0.1));
        for worker in [0, 2] {
            story.happen(worker, &Beat, at(after + 1.2));
            assert_ne!(story.happen(worker, &Ask("a"), at(after + 1.3)), "good", "step to {after}, worker {worker}");
            assert_eq!(story.happen(worker, &Ask("b"), at(after + 1.3)), "good", "step to {after}, worker {worker}");
        }
    }
}

#[test]
fn a_304_does_not_give_the_keys_at_hand_another_mark() {
    let mut story = Story::new(1);
    story.play("the first", &[(0.0, 0, Beat, GET), (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!")]);
    story.play("an hour later", &[(600.0, 0, Beat, "GET /keys unless \"1\"")]);
    story.workers[0].finish(Ok(Answer { status: 304, etag: Some(b"\"2\"".to_vec()), ..Answer::default() }), at(600.1));
    story.play("two hours later", &[(1200.0, 0, Beat, "GET /keys unless \"1\"")]);
}

#[test]
fn for_a_key_that_is_not_there_no_cache_is_asked() {
    let mut story = Story::new(1);
    story.play(
        "another key",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
        ],
    );
    assert!(story.workers[0].fetch.as_ref().unwrap().no_cache);
    story.play(
        "and what comes after that",
        &[(1.1, 0, Fields("ab", &[("etag", "\"2\"")]), "ok!"), (580.0, 0, Beat, "GET /keys unless \"2\"")],
    );
    assert!(!story.workers[0].fetch.as_ref().unwrap().no_cache);
}

#[test]
fn who_has_keys_puts_them_back_where_they_were_lost() {
    let mut story = Story::new(2);
    let lose = |story: &Story| {
        story.board.values.borrow_mut().values_mut().for_each(|value| *value = (b"garbage".to_vec(), value.1 + 500));
        story.board.writes.set(story.board.writes.get() + 1000);
    };
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, "")]);
    lose(&story);
    story.play("by the beat of one", &[(1.1, 1, Beat, "")]);
    story.worker_comes();
    story.play("for one who comes later", &[(2.0, 2, Ask("a"), "good"), (2.0, 2, Beat, "")]);
    lose(&story);
    story.play("a fetch that nobody knows of any more is begun anew", &[(600.0, 0, Beat, GET), (600.0, 1, Beat, "")]);
    lose(&story);
    story.play(
        "by another one",
        &[(600.1, 1, Beat, GET), (600.2, 1, Keys("b"), "ok!"), (600.3, 0, Keys("b"), ""), (600.3, 0, Ask("b"), "good")],
    );
}

#[test]
fn who_could_not_write_goes_on_by_itself_and_leaves_the_attempt_of_another_one_alone() {
    let (shared, outrun) = (Mood::Fair, Mood::Changes);
    type Steps<'a> = &'a [(Mood, f64, usize, Event<'a>, &'a str)];
    let rows: [(&str, Steps<'_>); 3] = [
        (
            "his answer counts",
            &[
                (shared, 600.1, 0, Keys("b"), "ok!"),
                (shared, 600.2, 1, Keys("b"), ""),
                (shared, 600.3, 1, Ask("b"), "good"),
            ],
        ),
        ("so does the other's", &[(shared, 600.1, 1, Keys("b"), "ok!"), (shared, 600.1, 0, Ask("b"), "good")]),
        (
            "newer keys are the other's though he has tried as often",
            &[
                (outrun, 600.1, 0, Status(500), "status!"),
                (shared, 600.2, 1, Keys("b"), "ok!"),
                (shared, 600.2, 0, Ask("b"), "good"),
                (shared, 600.2, 0, Beat, ""),
            ],
        ),
    ];
    for (name, steps) in rows {
        let mut story = Story::new(2);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, ""), (1.2, 0, Beat, "")]);
        story.board.mood.set(outrun);
        story.play(name, &[(600.0, 0, Beat, GET)]);
        story.board.mood.set(shared);
        story.play(name, &[(600.0, 1, Beat, GET), (600.0, 0, Beat, "")]);
        for (mood, seconds, worker, event, want) in steps {
            story.board.mood.set(*mood);
            assert_eq!(story.happen(*worker, event, at(*seconds)), *want, "{name}: at {seconds} s, worker {worker}");
        }
    }
}

/// Two workers with keys, and nothing that is shared can be read any more.
fn with_lost_keys() -> Story {
    let story = &mut Story::new(2);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!"), (0.2, 1, Beat, "")]);
    let number = story.board.writes.get() + 1;
    story.board.values.borrow_mut().values_mut().for_each(|value| *value = (b"garbage".to_vec(), number));
    story.board.writes.set(number);
    std::mem::replace(story, Story::new(0))
}

#[test]
fn who_begins_without_keys_takes_nobody_those_he_has() {
    let mut story = with_lost_keys();
    story.worker_comes();
    story.play(
        "his first attempt fails",
        &[
            (0.5, 2, Beat, GET),
            (0.5, 2, Status(500), "status!"),
            (1.0, 0, Beat, ""),
            (1.0, 0, Ask("a"), "good"),
            (1.0, 2, Ask("a"), "good"),
        ],
    );
}

#[test]
fn who_was_outrun_while_he_put_keys_back_still_sees_what_the_others_do() {
    let mut story = with_lost_keys();
    story.board.mood.set(Mood::Changes);
    story.play("one is outrun", &[(1.0, 0, Beat, "")]);
    story.board.mood.set(Mood::Fair);
    story.play("the other is not", &[(1.0, 1, Beat, ""), (600.0, 1, Beat, GET), (600.0, 0, Beat, "")]);
}

#[test]
fn what_cannot_have_been_is_not_gone_by() {
    type Steps<'a> = &'a [(f64, usize, Event<'a>, &'a str)];
    let rows: [(&str, &str, Steps<'_>); 2] = [
        (
            "\"unknown_key_at\":null",
            "\"unknown_key_at\":9999999999999",
            &[(1.0, 1, Ask("z"), "waits"), (1.0, 1, Beat, GET)],
        ),
        (
            "\"pause\":null",
            "\"pause\":0",
            &[(600.0, 1, Beat, GET), (600.0, 1, Status(500), "status!"), (600.7, 1, Beat, ""), (601.0, 1, Beat, GET)],
        ),
    ];
    for (from, to, steps) in rows {
        let mut story = Story::new(1);
        story.play("a record", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        for (value, _) in story.board.values.borrow_mut().values_mut() {
            let text = String::from_utf8(value.clone()).unwrap();
            assert!(text.contains(from), "{from} in {text}");
            *value = text.replacen(from, to, 1).into_bytes();
        }
        story.worker_comes();
        story.play(to, steps);
    }
}

#[test]
fn who_wants_a_key_fetched_is_not_told_anything_before_it_was() {
    Story::new(1).play(
        "somebody else's wait ends before the beat",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Wake, ""),
            (1.0, 0, Beat, GET),
            (1.0, 0, Wake, ""),
            (1.1, 0, Keys("ab"), "ok!"),
            (1.1, 0, Wake, "good"),
        ],
    );
}

#[test]
fn proxies_that_began_together_do_not_go_on_together() {
    const PROXIES: usize = 20;
    let mut story = Story::new(PROXIES as u64);
    story.board.mood.set(Mood::Refuses);
    let mut after = |proxy: usize, from: f64, answer: &Event<'_>| {
        let asks = |seconds: &u32| !story.happen(proxy, &Beat, at(from + f64::from(*seconds))).is_empty();
        let seconds = (0..600).find(asks);
        let seconds = f64::from(seconds.unwrap());
        story.happen(proxy, answer, at(from + seconds));
        seconds
    };
    let rounds: Vec<[f64; 3]> = (0..PROXIES)
        .map(|proxy| {
            after(proxy, 0.0, &Fields("a", &[("etag", "\"1\"")]));
            let first = after(proxy, 0.0, &Status(304));
            let second = after(proxy, first, &Status(304));
            [first, second, after(proxy, first + second, &Status(304))]
        })
        .collect();
    for round in 0..3 {
        let seconds: BTreeSet<u64> = rounds.iter().map(|rounds| rounds[round] as u64).collect();
        assert!(seconds.len() > PROXIES / 2, "round {round}: {seconds:?}");
    }
    let as_before = |round: usize| rounds.iter().filter(|seconds| seconds[round] == seconds[round - 1]).count();
    assert!(as_before(1) + as_before(2) < PROXIES / 2, "{rounds:?}");
}

#[test]
fn discovery_has_the_time_of_two_fetches_and_not_more() {
    const DOCUMENT: &str = "GET /.well-known/openid-configuration";
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    Story::discovering().play(
        "both answers take nearly as long as they may",
        &[(0.0, 0, Beat, DOCUMENT), (4.9, 0, Body(good), GET), (9.7, 0, Beat, ""), (9.8, 0, Keys("a"), "ok!")],
    );
    let mut story = Story::discovering();
    story.worker_comes();
    story.play(
        "who was given up on by another one asks for no more",
        &[(0.0, 0, Beat, DOCUMENT), (12.1, 1, Beat, "no_answer!"), (12.2, 0, Body(good), "")],
    );
}

#[test]
fn all_workers_know_the_same_moment_for_the_next_fetch() {
    let first_fetch = |workers: u64, by: usize, mood: Mood| {
        let mut story = Story::new(workers);
        story.board.mood.set(mood);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        (1..600).find(|seconds| !story.happen(by, &Beat, at(f64::from(*seconds))).is_empty())
    };
    assert_eq!(first_fetch(2, 1, Mood::Fair), first_fetch(1, 0, Mood::Refuses), "as if nothing was written down");
}

#[test]
fn who_waited_in_vain_does_not_wait_again_however_soon_the_next_attempt_is() {
    Story::new(1).play(
        "the cluster is gone",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Ask("b"), "waits"),
            (LIFETIME as f64, 0, Fails(FetchError::NotSent), "not_sent!"),
            (LIFETIME as f64, 0, Wake, "none for 1 s"),
        ],
    );
}

#[test]
fn a_search_that_another_worker_made_before_the_beat_is_not_made_again() {
    Story::new(2).play(
        "two at the same moment",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("x"), "waits"),
            (1.0, 1, Ask("y"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Keys("a"), "ok"),
            (1.0, 1, Beat, ""),
            (1.0, 1, Wake, "unknown"),
        ],
    );
}

#[test]
fn proxies_whose_issuer_went_away_do_not_come_back_together() {
    const PROXIES: usize = 20;
    let mut story = Story::new(PROXIES as u64);
    story.board.mood.set(Mood::Refuses);
    let last_pause = |proxy: usize| {
        let (mut now, mut pause) = (0, 0);
        for _ in 0..9 {
            let due = (0..=60).find(|seconds| !story.happen(proxy, &Beat, at(f64::from(now + seconds))).is_empty());
            pause = due.unwrap();
            now += pause;
            story.happen(proxy, &Status(500), at(f64::from(now)));
        }
        pause
    };
    let pauses: BTreeSet<u32> = (0..PROXIES).map(last_pause).collect();
    assert!(pauses.len() > PROXIES / 4 && pauses.iter().all(|pause| (45..=60).contains(pause)), "{pauses:?}");
}

#[test]
fn the_longest_attempt_that_can_be_configured_is_waited_for() {
    let mut story = Story::discovering();
    story.source.timeout = Duration::from_secs(30);
    story.workers.clear();
    (0..2).for_each(|_| story.worker_comes());
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    story.play(
        "a minute",
        &[
            (0.0, 0, Beat, "GET /.well-known/openid-configuration"),
            (0.0, 1, Beat, ""),
            (0.0, 1, Ask("a"), "waits"),
            (29.0, 0, Body(good), GET),
            (59.0, 1, Beat, ""),
            (59.0, 0, Keys("a"), "ok!"),
            (59.1, 1, Beat, ""),
            (59.1, 1, Wake, "good"),
        ],
    );
}

#[test]
fn a_worker_that_goes_away_leaves_its_search_for_a_key_to_others() {
    Story::new(2).play(
        "the keys at hand are fresh",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Ask("b"), "waits"),
            (1.1, 0, Leaves, ""),
            (1.1, 1, Beat, GET),
            (1.2, 1, Keys("ab"), "ok!"),
            (1.2, 1, Wake, "good"),
        ],
    );
}

/// All that is shared becomes what nobody can read.
fn lose(story: &Story) {
    story.board.values.borrow_mut().values_mut().for_each(|value| *value = (b"garbage".to_vec(), value.1 + 500));
    story.board.writes.set(story.board.writes.get() + 1000);
}

#[test]
fn who_waits_for_any_keys_goes_on_with_those_of_one_who_began_anew() {
    let mut story = Story::new(1);
    story.play(
        "one attempt has failed",
        &[(0.0, 0, Beat, GET), (0.0, 0, Status(500), "status!"), (0.1, 0, Ask("a"), "waits")],
    );
    lose(&story);
    story.worker_comes();
    story.play(
        "another one's succeeds, and is the first that it knows of",
        &[(0.2, 1, Beat, GET), (0.3, 1, Keys("a"), "ok!"), (0.4, 0, Beat, ""), (0.4, 0, Wake, "good")],
    );
}

#[test]
fn who_has_a_new_key_is_not_refused_because_older_keys_were_put_back() {
    let mut story = Story::new(1);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("a"), "ok!")]);
    lose(&story);
    story.worker_comes();
    story.play("one who finds nothing", &[(5.0, 1, Ask("b"), "waits"), (5.0, 1, Beat, GET)]);
    story.play("and one who puts back", &[(5.1, 0, Beat, ""), (5.1, 1, Beat, "")]);
    assert_ne!(story.happen(1, &Wake, at(5.1)), "unknown");
}

#[test]
fn after_a_failed_search_what_a_cache_says_does_not_refuse_a_new_key() {
    let mut story = Story::new(1);
    story.play(
        "the issuer is away for a moment",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(503), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.1, 0, Ask("b"), "waits"),
        ],
    );
    by_a_cache(&mut story, 0);
}

#[test]
fn after_a_search_that_was_left_to_others_what_a_cache_says_does_not_refuse_a_new_key() {
    let mut story = Story::new(2);
    story.play(
        "a worker goes away",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 1, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Beat, ""),
            (1.0, 0, Leaves, ""),
        ],
    );
    by_a_cache(&mut story, 1);
}

/// The next fetch is answered by a cache on the way, which has the old keys; one that is not for a cache, by the issuer.
fn by_a_cache(story: &mut Story, worker: usize) {
    for _ in 0..2 {
        if story.happen(worker, &Beat, at(2.0)).is_empty() {
            break;
        }
        let cached = !story.workers[worker].fetch.as_ref().unwrap().no_cache;
        story.happen(worker, if cached { &Status(304) } else { &Keys("ab") }, at(2.1));
        let told = story.happen(worker, &Wake, at(2.1));
        assert_ne!(told, "unknown");
    }
}

#[test]
fn who_seeks_a_key_is_not_refused_by_a_refresh_that_another_one_began_in_that_moment() {
    let mut story = Story::new(2);
    story.play(
        "at the end of their time",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (0.1, 1, Beat, ""),
            (600.0, 1, Ask("b"), "waits"),
            (600.0, 0, Beat, "GET /keys unless \"1\""),
            (600.0, 1, Beat, ""),
            // By a cache.
            (600.1, 0, Status(304), "not_modified"),
            (600.1, 1, Beat, ""),
        ],
    );
    assert_ne!(story.happen(1, &Wake, at(600.1)), "unknown");
}

#[test]
fn issuers_that_are_more_than_the_places_write_once_and_not_at_every_beat() {
    let board: Rc<Board> = Rc::default();
    let source = |index: usize| {
        let uri = HttpUri::parse(&format!("https://{index}.test/keys")).unwrap();
        Story::with(0, KeyLocation::Jwks(uri), None).source
    };
    let mut stores: Vec<KeyStore> = (0..300)
        .map(|index| KeyStore::new(&issuers(&source(index)), &(Rc::clone(&board) as Rc<dyn SharedData>), 1))
        .collect();
    let mut counts = vec![];
    for beat in 0..20 {
        let before = board.writes.get();
        let mut fetches = 0;
        for store in &mut stores {
            let now = at(f64::from(beat));
            for fetch in store.due(now).fetches {
                fetches += 1;
                let answer = Answer { status: 200, body: key_set("a").into_bytes(), ..Answer::default() };
                store.finish(&fetch, Ok(answer), now);
            }
        }
        counts.push((fetches, board.writes.get() - before));
    }
    assert!(counts[10..].iter().all(|(_, writes)| *writes < 10), "{counts:?}");
}

#[test]
fn after_a_search_that_failed_past_caches_is_asked_again() {
    let mut story = Story::new(1);
    story.play(
        "one 503",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (60.0, 0, Ask("b"), "waits"),
            (60.0, 0, Beat, GET),
            (60.1, 0, Status(503), "status!"),
            (60.1, 0, Wake, "none for 1 s"),
            (60.5, 0, Ask("b"), "waits"),
            (61.2, 0, Beat, GET),
        ],
    );
    assert!(story.workers[0].fetch.as_ref().unwrap().no_cache);
    story.play("and a good answer", &[(61.3, 0, Keys("ab"), "ok!"), (61.3, 0, Wake, "good")]);
}

#[test]
fn a_new_key_works_with_its_first_token_at_a_cold_start_too() {
    Story::new(1).play(
        "a cache has the old set",
        &[
            (0.0, 0, Ask("b"), "waits"),
            (0.0, 0, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 0, Wake, "waits"),
            (0.1, 0, Beat, GET),
            (0.2, 0, Keys("ab"), "ok!"),
            (0.2, 0, Wake, "good"),
        ],
    );
}

#[test]
fn a_clock_that_is_set_back_ends_no_wait() {
    Story::new(1).play(
        "by twenty seconds",
        &[
            (1000.0, 0, Beat, GET),
            (1000.1, 0, Keys("a"), "ok!"),
            (1005.0, 0, Ask("b"), "waits"),
            (1005.0, 0, Beat, GET),
            (985.0, 0, Beat, ""),
            (985.0, 0, Wake, ""),
            (985.1, 0, Keys("ab"), "ok!"),
            (985.1, 0, Wake, "good"),
        ],
    );
}

#[test]
fn who_could_not_write_once_tells_the_others_when_he_can() {
    for mood in [Mood::Changes, Mood::Refuses] {
        let mut story = Story::new(2);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.1, 0, Keys("ab"), "ok!"), (1.0, 1, Beat, "")]);
        story.play("one is withdrawn", &[(40.0, 0, Ask("z"), "waits"), (40.0, 0, Beat, GET)]);
        story.board.mood.set(mood);
        story.happen(0, &Keys("a"), at(40.1));
        story.board.mood.set(Mood::Fair);
        story.play("beats", &[(41.0, 0, Beat, ""), (41.0, 1, Beat, "")]);
        assert_ne!(story.happen(1, &Ask("b"), at(41.1)), "good");
    }
}
