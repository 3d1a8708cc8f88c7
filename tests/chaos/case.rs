//! A row while it is played: its tokens, what was answered to them, how often its keys were fetched.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::expect::Expect;
use super::lane::{Reply, WORKERS};
use super::rows::{Place, Plot, Row};
use super::tokens::{Kind, expired, invented, new_key, old_key, signed_by};
use crate::support::mint::{AUDIENCE, Signer};
use crate::wire::harness::config::remote_issuer;
use crate::wire::harness::door::Door;
use crate::wire::harness::issuer::Issuer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Calm,
    Trouble,
    Recovery,
    /// Only in the long form: the old key is withdrawn.
    Rotation,
}

/// A token, and what has to come of it.
pub struct Line {
    pub kind: Kind,
    pub request: Vec<u8>,
    expect: Mutex<Expect>,
    steady: AtomicBool,
}

impl Line {
    fn new(kind: Kind, request: Vec<u8>, expect: Expect) -> Self {
        Self { kind, request, expect: Mutex::new(expect), steady: AtomicBool::new(false) }
    }

    pub fn expect(&self) -> Expect {
        *lock(&self.expect)
    }

    pub fn expects(&self, expect: Expect) -> &Self {
        *lock(&self.expect) = expect;
        self
    }

    /// Whether the steady stream sends it.
    pub fn is_steady(&self) -> bool {
        self.steady.load(Ordering::SeqCst)
    }

    pub fn set_steady(&self, steady: bool) {
        self.steady.store(steady, Ordering::SeqCst);
    }
}

/// An answer that must not be, as it is told at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deviation {
    pub phase: Phase,
    pub kind: Kind,
    pub worker: usize,
    pub status: u16,
    pub reason: String,
}

#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Tokens that were good when they were answered; of them let on, and not.
    pub good: usize,
    pub ok: usize,
    pub other: usize,
    /// The others; of them let on.
    pub bad: usize,
    pub let_on: usize,
    pub deviations: BTreeMap<Deviation, usize>,
    /// How often each worker let a kind on.
    pub passed: BTreeMap<(Kind, usize), usize>,
}

/// When a phase began for a row, and how often its keys had been asked for by then.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub phase: Phase,
    pub asked: usize,
    pub at: Instant,
}

pub struct Case {
    pub row: Row,
    pub issuer: String,
    /// Where fetches are counted.
    pub path: String,
    pub door: Option<Mutex<Door>>,
    pub cluster: String,
    pub lines: Vec<Line>,
    pub tally: Mutex<Tally>,
    pub marks: Mutex<Vec<Mark>>,
    problems: Mutex<Vec<String>>,
}

impl Case {
    pub fn new(index: usize, row: Row, shared: &Issuer) -> Self {
        let folder = format!("/row-{index}");
        let keys = format!("{folder}/keys");
        let (issuer, path) = match row.place {
            // In trouble the document is at fault, or else the keys are: what is at fault is counted.
            Place::Discovered(_) if row.is_warm() => (shared.url(&folder), keys),
            Place::Discovered(_) => (shared.url(&folder), format!("{folder}/.well-known/openid-configuration")),
            Place::Shared | Place::Door | Place::Nowhere => (format!("https://row-{index}.test"), keys),
        };
        let door = matches!(row.place, Place::Door).then(|| Mutex::new(Door::closed(&path)));
        let cluster = match row.place {
            Place::Shared | Place::Discovered(_) => "issuer".to_owned(),
            Place::Door => format!("door-{index}"),
            Place::Nowhere => "nowhere".to_owned(),
        };
        Self {
            lines: lines(&row, &issuer),
            row,
            issuer,
            path,
            door,
            cluster,
            tally: Mutex::default(),
            marks: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    /// Its part of the filter's configuration.
    pub fn config(&self, shared: &Issuer) -> Value {
        let uri = match &self.door {
            Some(door) => format!("http://{}{}", lock(door).address(), self.path),
            None => shared.url(&self.path),
        };
        let mut config = remote_issuer(&uri);
        config["issuer"] = json!(self.issuer);
        config["audiences"] = json!([AUDIENCE]);
        config["jwks"] = json!({ "cluster": self.cluster, "timeout": self.row.timeout, "cache": "5m" });
        if !matches!(self.row.place, Place::Discovered(_)) {
            config["jwks"]["uri"] = json!(uri);
        }
        config
    }

    /// The paths of the discovery document and of the keys that it names.
    pub fn discovery_paths(&self) -> (String, String) {
        let folder = self.path.split('/').nth(1).unwrap_or_default();
        (format!("/{folder}/.well-known/openid-configuration"), format!("/{folder}/keys"))
    }

    pub fn line(&self, kind: Kind) -> &Line {
        self.lines.iter().find(|line| line.kind == kind).unwrap_or_else(|| panic!("every row has {}", kind.name()))
    }

    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.kind == kind)
    }

    /// Notes an answer: `expected` is what would have done when the token was sent, and when the answer was there.
    pub fn note(&self, phase: Phase, kind: Kind, expected: [Expect; 2], reply: &Reply, asked: &dyn Fn() -> usize) {
        let Reply { status, worker, .. } = *reply;
        let allowed = expected.into_iter().any(|expect| expect.allows(status, asked));
        let mut tally = lock(&self.tally);
        // A token of a key that is being brought in or withdrawn is what its answer says, where both answers are right.
        let wanted = if allowed { status } else { expected[1].first() };
        if wanted == 200 || kind.is_honest() && wanted == 503 {
            tally.good += 1;
            *(if status == 200 { &mut tally.ok } else { &mut tally.other }) += 1;
        } else {
            tally.bad += 1;
            tally.let_on += usize::from(status == 200);
        }
        if status == 200 {
            *tally.passed.entry((kind, worker)).or_default() += 1;
        }
        let reason = match status {
            503 if !reply.retry_after => format!("{} without Retry-After", reply.reason),
            503 if reply.reason != "keys_unavailable" => reply.reason.clone(),
            401 if !kind.reasons().contains(&reply.reason.as_str()) => reply.reason.clone(),
            _ if allowed => return,
            _ => reply.reason.clone(),
        };
        *tally.deviations.entry(Deviation { phase, kind, worker, status, reason }).or_default() += 1;
    }

    /// How often every worker has let this kind on, at least.
    pub fn passed(&self, kind: Kind) -> usize {
        let tally = lock(&self.tally);
        let by = |worker| tally.passed.get(&(kind, worker)).copied().unwrap_or_default();
        (0..WORKERS).map(by).min().unwrap_or_default()
    }

    pub fn mark(&self, phase: Phase, asked: usize, at: Instant) {
        lock(&self.marks).push(Mark { phase, asked, at });
    }

    /// How often the keys had been asked for when the phase began.
    pub fn asked_before(&self) -> usize {
        lock(&self.marks).last().map_or(0, |mark| mark.asked)
    }

    /// Something that must not be, besides wrong answers.
    pub fn object(&self, problem: String) {
        lock(&self.problems).push(problem);
    }

    pub fn problems(&self) -> Vec<String> {
        lock(&self.problems).clone()
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The row's tokens, and what has to come of them while all is calm.
fn lines(row: &Row, issuer: &str) -> Vec<Line> {
    const LET_ON: Expect = Expect::only(&[200]);
    const REFUSED: Expect = Expect::only(&[401]);
    const NO_KEYS: Expect = Expect::only(&[503]);
    const REFUSED_OR_NO_KEYS: Expect = Expect::only(&[401, 503]);
    let (honest, forged) = if row.is_warm() { (LET_ON, REFUSED) } else { (NO_KEYS, REFUSED_OR_NO_KEYS) };
    let impostor = new_key().with_kid(old_key().kid());
    let mut lines = vec![
        Line::new(Kind::Old, signed_by(&old_key(), issuer), honest),
        Line::new(Kind::New, signed_by(&new_key(), issuer), honest),
        Line::new(Kind::Forged, signed_by(&impostor, issuer), forged),
        Line::new(Kind::Expired, expired(issuer), REFUSED),
        Line::new(Kind::Invented, invented(issuer, "no-such-key"), REFUSED),
    ];
    let bad = |signer: &Signer| Line::new(Kind::BadKey, signed_by(signer, issuer), REFUSED);
    lines.extend(row.bad_keys.iter().map(bad));
    for line in &lines {
        // A token of a key that is not there asks for it: when, is the play's to say.
        let known = line.kind != Kind::New || row.plot == Plot::Withdrawn;
        line.set_steady(known && !matches!(line.kind, Kind::Invented | Kind::BadKey));
    }
    lines
}
