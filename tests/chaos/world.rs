//! An Envoy with the filter, the issuers of all rows, and the service behind.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::case::{Case, Line, Mark, Phase, lock};
use super::expect::Expect;
use super::keysets::{old_and_new, only_new};
use super::lane::{Lane, Reply, WORKERS};
use super::rows::{ELSEWHERE, Place, Plot, honest_document, rows};
use super::tokens::Kind;
use crate::wire::harness::arguments::Form;
use crate::wire::harness::config::make_test_config;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::message::Wire;
use crate::wire::harness::server::Server;
use crate::wire::harness::setup::Setup;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

const PHASES: [Phase; 4] = [Phase::Calm, Phase::Trouble, Phase::Recovery, Phase::Rotation];

// The order of the fields is the order of their end: Envoy hangs up first.
pub struct World {
    pub envoy: Envoy,
    pub issuer: Issuer,
    _upstream: Server,
    pub form: Form,
    pub cases: Vec<Case>,
    /// Set when nothing more is to be sent.
    pub over: AtomicBool,
    phase: AtomicUsize,
    in_vain: AtomicUsize,
    problems: Mutex<Vec<String>>,
}

impl World {
    pub fn start(form: Form) -> Self {
        let issuer = Issuer::start(&Journal::default());
        let upstream = Server::start(say_hello);
        let cases: Vec<Case> =
            rows().into_iter().enumerate().map(|(index, row)| Case::new(index, row, &issuer)).collect();
        cases.iter().for_each(|case| _ = set_scene(case, Phase::Calm, &issuer));
        let mut config = make_test_config();
        config["issuers"] = json!(cases.iter().map(|case| case.config(&issuer)).collect::<Vec<_>>());
        let mut setup = Setup::new(&config).concurrency(WORKERS).issuer(issuer.address());
        for case in &cases {
            if let Some(door) = &case.door {
                setup = setup.cluster(&case.cluster, lock(door).address());
            }
        }
        let now = clock();
        cases.iter().for_each(|case| case.mark(Phase::Calm, 0, now));
        Self {
            envoy: Envoy::start(&setup, upstream.address()),
            issuer,
            _upstream: upstream,
            form,
            cases,
            over: AtomicBool::new(false),
            phase: AtomicUsize::new(0),
            in_vain: AtomicUsize::new(0),
            problems: Mutex::default(),
        }
    }

    pub fn phase(&self) -> Phase {
        PHASES[self.phase.load(Ordering::SeqCst)]
    }

    pub fn begin(&self, phase: Phase) {
        self.phase.store(phase as usize, Ordering::SeqCst);
    }

    /// Has the issuer of a row play its part in a phase.
    pub fn set_scene(&self, case: &Case, phase: Phase) {
        let at = clock();
        // Of a door that was opened no one was turned away after that, so this is counted then.
        case.mark(phase, set_scene(case, phase, &self.issuer) + self.refused(case), at);
    }

    /// Leaves the issuer of a row as it is.
    pub fn keep_scene(&self, case: &Case, phase: Phase) {
        case.mark(phase, self.asked(case), clock());
    }

    /// How often keys of a row were asked for, or would have been if somebody had listened.
    pub fn asked(&self, case: &Case) -> usize {
        let answered = case.door.as_ref().map_or_else(|| self.issuer.asked(&case.path), |door| lock(door).asked());
        answered + self.refused(case)
    }

    fn refused(&self, case: &Case) -> usize {
        let stat = || self.envoy.stat(&format!("cluster.{}.upstream_cx_connect_fail", case.cluster));
        case.door.as_ref().map_or(0, |_| usize::try_from(stat()).unwrap_or(usize::MAX))
    }

    /// Sends a token, and judges the answer.
    pub fn ask(&self, lane: &mut Lane, case: &Case, line: &Line) -> Reply {
        let before = line.expect();
        let reply = lane.ask(&line.request);
        self.judge(case, line.kind, [before, line.expect()], &reply);
        reply
    }

    pub fn judge(&self, case: &Case, kind: Kind, expected: [Expect; 2], reply: &Reply) {
        case.note(self.phase(), kind, expected, reply, &|| self.asked(case));
    }

    /// Waits for what has to come about in time, and says whether it did. One row that hangs must not hide the others.
    pub fn patiently(&self, mut done: impl FnMut() -> bool) -> bool {
        let start = clock();
        while !done() {
            // Waits that are in vain again and again are no sign of a slow machine.
            let tired = self.in_vain.load(Ordering::SeqCst) >= 3;
            if tired || start.elapsed() > self.patience() {
                self.in_vain.fetch_add(1, Ordering::SeqCst);
                return false;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        true
    }

    /// Waits until this is true of all these rows.
    pub fn await_all(&self, cases: impl Fn(&Case) -> bool, what: &str, done: impl Fn(&Case) -> bool) {
        let mut waiting: Vec<&Case> = self.cases.iter().filter(|case| cases(case)).collect();
        self.patiently(|| {
            waiting.retain(|case| !done(case));
            waiting.is_empty()
        });
        for case in waiting {
            case.object(format!("{:?}: waited in vain until {what}", self.phase()));
        }
    }

    /// A minute is the longest pause between attempts; in the long form keys have their time of five minutes too.
    fn patience(&self) -> Duration {
        Duration::from_secs(match self.form {
            Form::Short => 90,
            Form::Long => 420,
        })
    }

    pub fn object(&self, problem: String) {
        lock(&self.problems).push(problem);
    }

    pub fn problems(&self) -> Vec<String> {
        lock(&self.problems).clone()
    }

    /// What must be true when all is over.
    pub fn check_the_end(&self) {
        if self.issuer.asked(ELSEWHERE) > 0 {
            self.object("somebody asked for what only an answer had named".to_owned());
        }
        self.check_counters();
        // A line for each change of state, and not one for each attempt or request: each phase brings one or two.
        let log = self.envoy.log();
        for case in &self.cases {
            let lines = log.lines().filter(|line| line.contains(&format!("keys of issuer {}:", case.issuer))).count();
            let most = 2 * case.phases(self).len();
            if lines > most {
                case.object(format!("{lines} lines in the log, not {most} at most"));
            }
        }
        let reloads = self.envoy.reloads();
        if reloads > 0 {
            self.object(format!("{reloads} virtual machines were replaced"));
        }
    }
}

/// Rows by what the filter's own statistics call each fetch of theirs in trouble.
const COUNTED: [(&str, &str); 7] = [
    ("J01 resets within the body", "no_answer"),
    ("J02 status 500", "status"),
    ("J03 HTML", "bad_jwks"),
    ("J04 1 MiB", "too_large"),
    ("J07 keys: []", "bad_jwks"),
    ("304: nothing new", "not_modified"),
    ("J15 discovery good, keys 500", "status"),
];

impl World {
    /// Holds the filter's own count of fetches to that of the issuers.
    fn check_counters(&self) {
        for (name, outcome) in COUNTED {
            if outcome == "not_modified" && self.form == Form::Short {
                // There the fetch is for a key that is not there, and not whether anything is new.
                continue;
            }
            let found = self.cases.iter().find(|case| case.row.name == name);
            let case = found.unwrap_or_else(|| panic!("no row has the name {name}"));
            // Nothing new is said again when the keys of the long form are nearly over once more.
            let so = |phase| phase == Phase::Trouble || phase == Phase::Rotation && case.row.plot == Plot::NotModified;
            let fetches: usize =
                case.phases(self).iter().filter(|(mark, _)| so(mark.phase)).map(|(_, fetches)| fetches).sum();
            let stat = format!("wasmcustom.postern_jwks_fetch_total.outcome.{outcome}.issuer.{}", case.issuer);
            let counted = usize::try_from(self.envoy.stat(&stat)).unwrap_or(usize::MAX);
            if counted != fetches {
                case.object(format!("{stat} is {counted}, and the issuer was asked {fetches} times"));
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "how many attempts are too many depends on the time that they had")]
pub fn clock() -> Instant {
    Instant::now()
}

/// Changes the scripts of a row; gives back how often it was answered until then.
fn set_scene(case: &Case, phase: Phase, issuer: &Issuer) -> usize {
    let row = &case.row;
    let keys = match phase {
        Phase::Calm => row.calm.clone(),
        Phase::Trouble => row.trouble.clone(),
        Phase::Recovery => old_and_new(),
        Phase::Rotation => only_new(),
    };
    let in_trouble = phase == Phase::Trouble || phase == Phase::Calm && !row.is_warm();
    match (&row.place, &case.door) {
        (Place::Nowhere, _) => 0,
        (Place::Discovered(wrong), _) => {
            let (document_path, keys_path) = case.discovery_paths();
            let document = if in_trouble { wrong(&case.issuer) } else { honest_document(&case.issuer) };
            let documents = issuer.switch(&document_path, document);
            let keys = issuer.switch(&keys_path, keys);
            if case.path == keys_path { keys } else { documents }
        }
        (_, Some(door)) => {
            let mut door = lock(door);
            let asked = door.asked();
            if in_trouble {
                door.close();
            } else {
                door.open(keys);
            }
            asked
        }
        (Place::Shared | Place::Door, None) => issuer.switch(&case.path, keys),
    }
}

/// The service behind the filter. It keeps nothing of what it is sent: that would be much.
fn say_hello(mut wire: Wire) {
    while let Ok(Some(_)) = wire.head() {
        if wire.send(&Script::bytes(200, b"hello\n").on_wire()).is_err() {
            return;
        }
    }
}

impl Case {
    /// The phases so far, each with the fetches that it cost.
    pub fn phases(&self, world: &World) -> Vec<(Mark, usize)> {
        let marks = lock(&self.marks).clone();
        let ends = marks.iter().skip(1).map(|mark| mark.asked).chain([world.asked(self)]);
        marks.iter().zip(ends).map(|(mark, end)| (*mark, end.saturating_sub(mark.asked))).collect()
    }
}

/// Whether a row takes part in what changes its keys at the end of the long form.
pub fn rotates(case: &Case) -> bool {
    matches!(case.row.plot, Plot::Outage | Plot::ColdStart | Plot::Odd)
}
