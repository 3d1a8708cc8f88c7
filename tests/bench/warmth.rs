//! Every contender with tokens that are new, known and forged: the first table, the second and the one of `ext_authz`.

use super::authorizer::Authorizer;
use super::book::{Book, Mode, Table};
use super::contender::{Contender, Credential};
use super::filters::Scene;
use super::form::Form;
use super::progress::say;
use super::race::{Runner, race};
use super::request::with_tokens;
use super::session::{Probes, Session};
use super::tokens::{Alg, mint, spoil};

/// All requests of an algorithm.
pub struct Requests {
    pub alg: Alg,
    probes: Probes,
    pub warm_up: Vec<Vec<u8>>,
    /// Those of `cold` come first; those in rotation are the last ones.
    pub good: Vec<Vec<u8>>,
    forged_warm_up: Vec<Vec<u8>>,
    forged: Vec<Vec<u8>>,
}

impl Requests {
    pub fn make(form: &Form, alg: Alg) -> Self {
        let good = form.fresh.max(form.rotation);
        say(format!("signing {} tokens with {alg}", good + form.warm_up));
        let mut tokens = mint(alg, form.warm_up + good);
        let good = tokens.split_off(form.warm_up);
        Self {
            alg,
            probes: Probes::new(alg, &tokens[0]),
            forged_warm_up: with_tokens(&spoil(alg, &tokens)),
            forged: with_tokens(&spoil(alg, &good[..form.garbage.min(good.len())])),
            warm_up: with_tokens(&tokens),
            good: with_tokens(&good),
        }
    }
}

/// A window, and what comes before it without being counted.
struct Step<'a> {
    table: &'a str,
    mode: Mode,
    before: (&'a [Vec<u8>], usize),
    requests: &'a [Vec<u8>],
    count: usize,
}

/// One round, the tables of garbage among its own where there are forged requests.
pub fn round(book: &mut Book, form: &Form, table: &str, requests: &Requests, contenders: &[Contender]) {
    // New ones each time: to an authorizer, too, `cold` tokens have to be new.
    let authorizer = contenders.contains(&Contender::ExtAuthz).then(|| Authorizer::start(form.cache));
    let authorizer = authorizer.map(|started| started.expect("an authorizer"));
    let start = |contender| start(form, requests, contender, authorizer.as_ref());
    let mut sessions: Vec<Result<Session, String>> = contenders.iter().copied().map(start).collect();
    for step in steps(form, table, requests) {
        let table = Table { name: step.table.to_owned(), alg: requests.alg, mode: step.mode };
        let credential = match step.mode {
            Mode::Cold | Mode::Warm1 | Mode::Warm10k => Credential::Good,
            Mode::Garbage => Credential::Forged,
        };
        let runners = contenders.iter().zip(&mut sessions).map(|(contender, session)| Runner {
            table: table.clone(),
            contender: *contender,
            session,
            before: step.before,
            requests: step.requests,
            count: step.count,
            expected: contender.answers(credential),
        });
        race(book, form, runners.collect());
    }
}

/// Starts one that has been asked for a while.
pub fn start(
    form: &Form,
    requests: &Requests,
    contender: Contender,
    authorizer: Option<&Authorizer>,
) -> Result<Session, String> {
    let authorizer = authorizer.filter(|_| contender == Contender::ExtAuthz);
    let scene = Scene {
        contender,
        alg: requests.alg,
        cache: Some(form.cache),
        rules: None,
        workers: 1,
        authorizer: authorizer.map(Authorizer::address),
    };
    let mut session = Session::start(&scene, &requests.probes, authorizer.map(Authorizer::id))?;
    session.play(&requests.warm_up, requests.warm_up.len(), contender.answers(Credential::Good))?;
    Ok(session)
}

fn steps<'a>(form: &Form, table: &'a str, requests: &'a Requests) -> Vec<Step<'a>> {
    let good = requests.good.as_slice();
    let (one, rotation) = (&good[..1], &good[good.len() - form.rotation..]);
    let mut steps = vec![
        Step { table, mode: Mode::Cold, before: (&[], 0), requests: good, count: form.fresh },
        Step { table, mode: Mode::Warm10k, before: (rotation, rotation.len()), requests: rotation, count: form.warm },
        Step { table, mode: Mode::Warm1, before: (one, form.warm_up), requests: one, count: form.warm },
    ];
    if let forged @ [repeated, ..] = requests.forged.as_slice()
        && form.garbage > 0
    {
        let before = (requests.forged_warm_up.as_slice(), form.warm_up);
        let repeated = std::slice::from_ref(repeated);
        let (mode, count) = (Mode::Garbage, form.garbage);
        steps.push(Step { table: "garbage", mode, before, requests: forged, count });
        steps.push(Step { table: "garbage-repeated", mode, before: (repeated, 1), requests: repeated, count });
    }
    steps
}
