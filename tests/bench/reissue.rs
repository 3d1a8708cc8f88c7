//! What it costs that the service gets a token of its own, by what that one is signed with.

use std::time::Duration;

use super::book::{Book, Mode, Table};
use super::contender::{Contender, Credential};
use super::form::Form;
use super::progress::{say, turn};
use super::race::{Runner, race};
use super::session::Session;
use super::tokens::Alg;
use super::warmth::{Requests, start};

pub const NAME: &str = "reissue";

const CONTENDERS: [Contender; 10] = [
    Contender::None,
    Contender::JwtAuthn,
    Contender::JwtAuthnCacheRbac,
    Contender::Postern,
    Contender::PosternReused(Alg::Rs256),
    Contender::PosternReused(Alg::Es256),
    Contender::PosternReused(Alg::EdDsa),
    Contender::PosternSigned(Alg::Rs256),
    Contender::PosternSigned(Alg::Es256),
    Contender::PosternSigned(Alg::EdDsa),
];

/// Fewer than elsewhere: a signature takes long, and there are many contenders.
const FRESH: usize = 6_000;
const WARM: usize = 8_000;
const LIMIT: Duration = Duration::from_secs(3);

pub fn run(book: &mut Book, form: &Form, requests: &Requests) {
    let form = &Form { fresh: FRESH, warm: WARM, limit: LIMIT, ..*form };
    for round in 0..form.rounds {
        say(format!("round {} of {}: reissue", round + 1, form.rounds));
        let contenders = turn(&CONTENDERS, round);
        let mut sessions: Vec<(Contender, Result<Session, String>)> =
            contenders.into_iter().map(|contender| (contender, start(form, requests, contender, None))).collect();
        // Those that are known come first: a token that was never seen is kept as long as it was not.
        for mode in [Mode::Warm1, Mode::Cold] {
            measure(book, form, requests, mode, &mut sessions);
        }
        for (contender, session) in sessions {
            if let Err(error) = session.and_then(|session| is_what_it_is_taken_for(contender, &session, requests)) {
                book.note(&table(Mode::Warm1), contender, Err(error));
            }
        }
    }
}

fn table(mode: Mode) -> Table {
    Table { name: NAME.to_owned(), alg: Alg::Rs256, mode }
}

/// Whether a service got as many new tokens as it should have: an answer does not show what the service was sent.
fn is_what_it_is_taken_for(contender: Contender, session: &Session, requests: &Requests) -> Result<(), String> {
    if contender.signs().is_none() {
        return Ok(());
    }
    // Reused, there is one for each token that it has seen.
    let reused = matches!(contender, Contender::PosternReused(_));
    let expected = if reused { requests.warm_up.len() + 1 } else { session.let_on() };
    let signed = session.signed()?;
    if signed == expected { Ok(()) } else { Err(format!("{signed} tokens were signed instead of {expected}")) }
}

fn measure(
    book: &mut Book,
    form: &Form,
    requests: &Requests,
    mode: Mode,
    sessions: &mut [(Contender, Result<Session, String>)],
) {
    let known = &requests.good[..1];
    let (before, requests, count) = if mode == Mode::Cold {
        ((&[][..], 0), &requests.good[1..], form.fresh)
    } else {
        ((known, form.warm_up), known, form.warm)
    };
    let there = sessions.iter_mut().filter(|(contender, _)| is_there(*contender, mode));
    let runners = there.map(|(contender, session)| Runner {
        table: table(mode),
        contender: *contender,
        session,
        before,
        requests,
        count,
        expected: contender.answers(Credential::Good),
    });
    race(book, form, runners.collect());
}

/// Whether there is something to compare: nobody has a token at hand for one that was never seen.
fn is_there(contender: Contender, mode: Mode) -> bool {
    let only_cold = matches!(contender, Contender::JwtAuthn);
    let only_warm = matches!(contender, Contender::JwtAuthnCacheRbac | Contender::PosternReused(_));
    if mode == Mode::Cold { !only_warm } else { !only_cold }
}
