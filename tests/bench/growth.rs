//! What each contender costs as its rules grow in number.

use super::book::{Book, Mode, Table};
use super::contender::{Contender, Credential};
use super::filters::{Scene, prefix};
use super::form::{Form, RULES};
use super::progress::{say, turn};
use super::race::{Runner, race};
use super::request::bytes;
use super::session::{Probes, Session};
use super::tokens::{Alg, mint};

const CONTENDERS: [Contender; 5] =
    [Contender::None, Contender::WasmEmpty, Contender::JwtAuthnCache, Contender::JwtAuthnCacheRbac, Contender::Postern];

/// No factor of a number of rules.
const STRIDE: usize = 7919;

pub fn name(rules: usize) -> String {
    format!("rules-{rules}")
}

pub fn run(book: &mut Book, form: &Form) {
    let alg = Alg::Rs256;
    let token = mint(alg, 1).remove(0);
    let probes = Probes::new(alg, &token);
    let sets = RULES.map(|rules| (rules, requests(rules, &token)));
    for round in 0..form.rounds {
        say(format!("round {} of {}: rules", round + 1, form.rounds));
        let entries = turn(&CONTENDERS, round).into_iter().flat_map(|who| sets.iter().map(move |set| (who, set)));
        let mut sessions: Vec<_> = entries
            .map(|(contender, (rules, requests))| {
                let cache = Some(form.cache);
                let scene = Scene { contender, alg, cache, rules: Some(*rules), workers: 1, authorizer: None };
                (contender, *rules, requests.as_slice(), Session::start(&scene, &probes, None))
            })
            .collect();
        let runners = sessions.iter_mut().map(|(contender, rules, requests, session)| Runner {
            table: Table { name: name(*rules), alg, mode: Mode::Warm1 },
            contender: *contender,
            session,
            // Every path once: the first request under a rule may set up what counts for it.
            before: (*requests, requests.len().max(form.warm_up)),
            requests,
            count: form.warm,
            expected: contender.answers(Credential::Good),
        });
        race(book, form, runners.collect());
    }
}

/// Evenly over all rules, and not in their order: a window that ends early has seen no other part of them.
fn requests(rules: usize, token: &str) -> Vec<Vec<u8>> {
    let path = |number: usize| format!("{}/sync", prefix(number * STRIDE % rules));
    (0..rules).map(|number| bytes(&path(number), Some(token))).collect()
}
