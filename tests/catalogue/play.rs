//! Runs every row in every way.

use super::core::{self, Core};
use super::onwire::OnWire;
use super::outcome::{Outcome, secrets};
use super::row::{Message, PLACES, Place, Row, WAYS, Way};
use super::scene::{Scene, usual};
use super::world::{World, own_issuer};
use crate::support::mint::{ISSUER, Token, wall_clock};
use crate::wire::harness::issuer::Issuer;
use crate::wire::harness::journal::Journal;
use crate::wire::harness::request::Request;

/// What a row came to in one way.
#[derive(Clone, Debug)]
pub struct Result {
    pub status: u16,
    pub fetches: usize,
    pub problems: Vec<String>,
}

/// Results by row and way.
pub type Results = Vec<[Option<Result>; 3]>;

/// Of a path that only tokens name. Nobody may ever ask for it.
const ELSEWHERE: &str = "/elsewhere";

pub fn play(rows: &[Row]) -> Results {
    let mut results: Results = rows.iter().map(|_| [const { None }; 3]).collect();
    for place in PLACES {
        let mine: Vec<(usize, &Row)> = rows.iter().enumerate().filter(|(_, row)| row.place == place).collect();
        play_core(place, &mine, &mut results);
        play_on_wire(place, &mine, &mut results);
    }
    results
}

/// A token that is let on before the first row and after each; its header and payload do not end with a whole group
/// of base64url, so that its last characters can be written otherwise.
fn good() -> String {
    let padded = (0..4).map(|length| {
        let pad = |length: usize| "x".repeat(length);
        let token =
            Token::new(&usual()).expires_in(3600).header("x", pad(length / 2)).claim("x", pad(length % 2)).mint();
        let parts: Vec<usize> = token.split('.').map(str::len).collect();
        (parts.iter().all(|length| length % 4 != 0), token)
    });
    let mut found = padded.filter(|(fits, _)| *fits);
    found.next().expect("a payload of another length").1
}

fn scene(row: &Row, index: usize, way: Way, url: &str, good: &str) -> Scene {
    let issuer = if row.publishes.is_some() { own_issuer(index, way) } else { ISSUER.to_owned() };
    Scene { now: wall_clock(), issuer, elsewhere: format!("{url}{ELSEWHERE}"), good: good.to_owned() }
}

fn play_core(place: Place, rows: &[(usize, &Row)], results: &mut Results) {
    let world = World::of(place, rows, &[Way::Core], core::URL);
    let mut core = Core::start(&world);
    let good = good();
    for (index, row) in rows {
        let Some(expect) = row.expect(Way::Core) else { continue };
        let Message::Request(request) = (row.message)(&scene(row, *index, Way::Core, core::URL, &good)) else {
            panic!("{} {}: the core reads no bytes", row.id, row.name);
        };
        let outcome = core.send(&request);
        let mut problems = outcome.problems(row, expect, &secrets(row, &request.http1()));
        if core.send(&Request::get("/me").bearer(&good)).status != 200 {
            problems.push("a good request after it is refused".to_owned());
        }
        results[*index][Way::Core as usize] = Some(result(Some(&outcome), problems));
    }
}

fn play_on_wire(place: Place, rows: &[(usize, &Row)], results: &mut Results) {
    let issuer = Issuer::start(&Journal::default());
    let url = issuer.url("");
    let world = World::of(place, rows, &[Way::H1, Way::H2], &url);
    let mut wire = OnWire::start(place, issuer, &world);
    let good = good();
    let mut sent: Vec<(usize, Way, Vec<String>)> = Vec::new();
    for (index, row) in rows {
        for way in WAYS {
            let Some(expect) = row.expect(way).filter(|_| way != Way::Core) else { continue };
            let message = (row.message)(&scene(row, *index, way, &url, &good));
            let secrets = match &message {
                Message::Request(request) => secrets(row, &request.http1()),
                Message::Raw(bytes) => secrets(row, bytes),
            };
            let (outcome, mut problems) = wire.send(way, &message, &good);
            problems.extend(outcome.iter().flat_map(|outcome| outcome.problems(row, expect, &secrets)));
            results[*index][way as usize] = Some(result(outcome.as_ref(), problems));
            sent.push((*index, way, secrets));
        }
    }
    assert_eq!(wire.issuer.asked(ELSEWHERE), 0, "somebody asked for what only a token had named");
    let logs = wire.logs();
    for (index, way, secrets) in sent {
        let logged = secrets.iter().any(|secret| logs.contains(secret));
        if let Some(result) = results[index][way as usize].as_mut().filter(|_| logged) {
            result.problems.push("a part of its token is in a log".to_owned());
        }
    }
}

fn result(outcome: Option<&Outcome>, problems: Vec<String>) -> Result {
    let (status, fetches) = outcome.map_or((0, 0), |outcome| (outcome.status, outcome.fetches));
    Result { status, fetches, problems }
}
