//! The play: calm, trouble, recovery, and in the long form a rotation of all keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::case::{Case, Phase};
use super::expect::Expect;
use super::flood::{flood, herd};
use super::lane::{Lane, WORKERS};
use super::rows::Plot;
use super::tokens::Kind;
use super::world::{World, clock, rotates};
use super::{limits, stream};
use crate::wire::harness::arguments::Form;

const LET_ON: Expect = Expect::only(&[200]);
const REFUSED: Expect = Expect::only(&[401]);
const NO_KEYS: Expect = Expect::only(&[503]);

/// How often each worker has to let a token on before it counts as seen.
const ENOUGH: usize = 2;

/// Connections of the steady stream to each worker: for the rows with keys, and for those without, whose requests may
/// have to wait.
const LANES: usize = 4;
const COLD_LANES: usize = 1;

/// One connection to each worker, for what is asked at a moment of the play.
type Probes = [Lane; WORKERS];

pub fn play(form: Form) -> World {
    let world = World::start(form);
    prefetched(&world);
    let open = |count: usize| (0..count * WORKERS).map(|number| Lane::open(&world.envoy, number % WORKERS));
    let mut probes: Probes = [0, 1].map(|worker| Lane::open(&world.envoy, worker));
    let mut crowd: Vec<Lane> = open(LANES).collect();
    let (warm, cold): (Vec<&Case>, Vec<&Case>) = world.cases.iter().partition(|case| case.row.is_warm());
    let streams: Vec<(&[&Case], Lane)> = open(LANES)
        .map(|lane| (warm.as_slice(), lane))
        .chain(open(COLD_LANES).map(|lane| (cold.as_slice(), lane)))
        .collect();
    let all = streams.len();
    std::thread::scope(|scope| {
        for (number, (cases, lane)) in streams.into_iter().enumerate() {
            let world = &world;
            scope.spawn(move || stream::run(world, cases, lane, number * cases.len() / all));
        }
        let _end = Ending(&world);
        calm(&world);
        trouble(&world, &mut probes, &mut crowd);
        recovery(&world, &mut probes);
        if form == Form::Long {
            rotation(&world, &mut probes);
        }
    });
    count_fetches(&world);
    world.check_the_end();
    world
}

/// Ends the stream, also when the play breaks off.
struct Ending<'a>(&'a World);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}

/// Every issuer is asked before there was a request, and by one of all copies of the filter.
fn prefetched(world: &World) {
    let asked = |case: &Case| world.asked(case) > 0;
    world.await_all(|case| case.row.plot != Plot::Hopeless, "keys are fetched without any request", asked);
}

fn calm(world: &World) {
    world.await_all(|case| case.row.is_warm(), "both workers let good tokens on", |case| passed(case, Kind::Old));
}

fn trouble(world: &World, probes: &mut Probes, crowd: &mut [Lane]) {
    world.begin(Phase::Trouble);
    let start = clock();
    for (index, case) in world.cases.iter().enumerate() {
        case.prepare_trouble(world);
        match case.row.plot {
            Plot::Herd => herd(world, case, crowd),
            Plot::Flood => flood(world, case, crowd),
            // In the long form they are fetched when those at hand are nearly over.
            Plot::Odd if world.form == Form::Short => have_it_fetched(world, case, Kind::New, index, probes),
            Plot::Outage | Plot::NotModified | Plot::Withdrawn | Plot::Replaced if world.form == Form::Short => {
                have_it_fetched(world, case, Kind::Invented, index, probes);
            }
            Plot::Outage | Plot::Odd | Plot::NotModified | Plot::Withdrawn | Plot::Replaced => {}
            Plot::ColdStart | Plot::Hopeless => {}
        }
    }
    let happens = |case: &Case| case.row.plot != Plot::Hopeless;
    world.await_all(happens, "keys are fetched again", |case| since(world, case) > 0);
    for case in &world.cases {
        trouble_shows(world, case, probes);
    }
    let again = |case: &Case| case.row.recovers() && case.row.is_warm();
    world.await_all(again, "a failed fetch was tried again twice", |case| since(world, case) > 2);
    if world.form == Form::Long {
        let again = |case: &Case| matches!(case.row.plot, Plot::Herd | Plot::Flood);
        world.await_all(again, "keys are fetched before their time is over", |case| since(world, case) > 1);
        // Five minutes after their fetch keys are over, whatever the refresh before that did.
        world.patiently(|| start.elapsed() > Duration::from_secs(305));
    }
    for case in world.cases.iter().filter(|case| case.row.plot == Plot::Outage) {
        for probe in probes.iter_mut() {
            world.ask(probe, case, case.line(Kind::Invented));
            world.ask(probe, case, case.line(Kind::Old));
        }
    }
}

impl Case {
    /// Says what is right from now on, and then changes the scene.
    fn prepare_trouble(&self, world: &World) {
        if !self.row.is_warm() {
            world.keep_scene(self, Phase::Trouble);
            return;
        }
        if self.row.plot == Plot::Outage {
            self.line(Kind::Invented).expects(NO_KEYS);
        }
        let asked = world.asked(self);
        if matches!(self.row.plot, Plot::Withdrawn | Plot::Replaced) {
            self.line(Kind::Old).expects(LET_ON.or_once_asked(asked, &[401]));
        }
        if self.row.plot == Plot::Replaced {
            self.line(Kind::Forged).expects(REFUSED.or_once_asked(asked, &[200]));
        }
        world.set_scene(self, Phase::Trouble);
    }
}

/// The one way to have keys fetched within seconds: a token that names a key that is not there.
fn have_it_fetched(world: &World, case: &Case, kind: Kind, index: usize, probes: &mut Probes) {
    world.ask(&mut probes[index % WORKERS], case, case.line(kind));
}

/// What the answer in trouble has to lead to, in both workers.
fn trouble_shows(world: &World, case: &Case, probes: &mut Probes) {
    match case.row.plot {
        Plot::Outage | Plot::ColdStart | Plot::Hopeless | Plot::Flood | Plot::NotModified => {}
        Plot::Odd | Plot::Herd => {
            // A request waits for the fetch that brings its key: not one may be refused.
            for probe in probes {
                world.ask(probe, case, case.line(Kind::New));
                case.all(Kind::BadKey).for_each(|line| _ = world.ask(probe, case, line));
            }
            case.line(Kind::New).set_steady(true);
        }
        Plot::Withdrawn => withdrawn(world, case, probes),
        Plot::Replaced => {
            until(world, case, Kind::Forged, 200, probes);
            case.line(Kind::Forged).expects(LET_ON);
            until(world, case, Kind::Old, 401, probes);
            case.line(Kind::Old).expects(REFUSED);
        }
    }
    if case.row.tag.is_some() {
        let requests = world.issuer.requests(&case.path);
        let second = |name| requests.get(1).and_then(|head| head.text(name));
        let asked = (second("if-none-match"), second("cache-control"));
        // For a key that is not there, what is at hand or in a cache is no answer.
        let right = match world.form {
            Form::Short => (None, Some("no-cache".to_owned())),
            Form::Long => (case.row.tag.map(str::to_owned), None),
        };
        if asked != right {
            case.object(format!("the second fetch said {asked:?} and not {right:?}"));
        }
    }
}

/// The old key is no longer published: soon no worker knows it.
fn withdrawn(world: &World, case: &Case, probes: &mut Probes) {
    let line = case.line(Kind::Old);
    for kind in [Kind::Old, Kind::Forged] {
        // Each such token names a key that is not there, and might have the keys fetched again.
        case.line(kind).set_steady(false);
    }
    until(world, case, Kind::Old, 401, probes);
    line.expects(REFUSED);
    for probe in probes {
        world.ask(probe, case, line);
        world.ask(probe, case, case.line(Kind::New));
    }
}

fn recovery(world: &World, probes: &mut Probes) {
    world.begin(Phase::Recovery);
    for case in &world.cases {
        if !case.row.recovers() {
            world.keep_scene(case, Phase::Recovery);
            continue;
        }
        let asked = world.asked(case);
        // While the issuer fails, nobody can say whether it has such a key.
        case.line(Kind::New).expects(NO_KEYS.or_once_asked(asked, &[200]));
        if !case.row.is_warm() {
            case.line(Kind::Old).expects(NO_KEYS.or_once_asked(asked, &[200]));
        }
        world.set_scene(case, Phase::Recovery);
    }
    let recovers = |case: &Case| case.row.recovers();
    world.await_all(recovers, "keys are fetched again", |case| since(world, case) > 0);
    for case in world.cases.iter().filter(|case| case.row.recovers()) {
        for kind in [Kind::Old, Kind::New] {
            until(world, case, kind, 200, probes);
            case.line(kind).expects(LET_ON).set_steady(true);
        }
        case.line(Kind::Forged).expects(REFUSED);
        case.line(Kind::Invented).expects(REFUSED);
    }
    let brought = |case: &Case| case.row.recovers() || matches!(case.row.plot, Plot::Odd | Plot::Herd);
    world.await_all(brought, "both workers let the new key's tokens on", |case| passed(case, Kind::New));
}

fn rotation(world: &World, probes: &mut Probes) {
    world.begin(Phase::Rotation);
    for case in &world.cases {
        if rotates(case) {
            let asked = world.asked(case);
            case.line(Kind::Old).expects(LET_ON.or_once_asked(asked, &[401]));
            world.set_scene(case, Phase::Rotation);
        } else {
            world.keep_scene(case, Phase::Rotation);
        }
    }
    let happens = |case: &Case| case.row.plot != Plot::Hopeless;
    world.await_all(happens, "keys are fetched before their time is over", |case| {
        let fetched = since(world, case) > 0;
        if fetched && rotates(case) {
            [Kind::Old, Kind::Forged].into_iter().for_each(|kind| case.line(kind).set_steady(false));
        }
        fetched
    });
    for case in world.cases.iter().filter(|case| rotates(case)) {
        withdrawn(world, case, probes);
    }
    for case in &world.cases {
        if case.row.plot == Plot::NotModified {
            let heads = world.issuer.requests(&case.path);
            let last = heads.last().and_then(|head| head.text("if-none-match"));
            if last.as_deref() != case.row.tag {
                case.object(format!("the last fetch named the ETag {last:?} and not {:?}", case.row.tag));
            }
        }
    }
}

/// Asks each worker until it answers this; what it may answer meanwhile, the line's expectation says.
fn until(world: &World, case: &Case, kind: Kind, status: u16, probes: &mut Probes) {
    for probe in probes {
        if !world.patiently(|| world.ask(probe, case, case.line(kind)).status == status) {
            let (phase, worker) = (world.phase(), probe.worker);
            case.object(format!("{phase:?}: waited in vain until worker {worker} says {status} to {}", kind.name()));
        }
    }
}

fn since(world: &World, case: &Case) -> usize {
    world.asked(case).saturating_sub(case.asked_before())
}

fn passed(case: &Case, kind: Kind) -> bool {
    case.passed(kind) >= ENOUGH
}

/// Holds every row to the number of fetches that its phases may cost.
fn count_fetches(world: &World) {
    let end = clock();
    for case in &world.cases {
        let marks = case.phases(world);
        for (index, (mark, fetches)) in marks.iter().enumerate() {
            let until = marks.get(index + 1).map_or(end, |(next, _)| next.at);
            let range = limits::fetches(case, world.form, mark, until - mark.at);
            if !range.contains(fetches) {
                case.object(format!("{:?}: {fetches} fetches, not {} to {}", mark.phase, range.start(), range.end()));
            }
        }
    }
}
