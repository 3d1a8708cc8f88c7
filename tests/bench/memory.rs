//! The memory of the process, before and after it has seen many tokens.

use serde_json::{Value, json};

use super::book::Spread;
use super::contender::{Contender, Credential};
use super::filters::Scene;
use super::form::{MEMORY_ROUNDS, MEMORY_TOKENS};
use super::progress::{say, turn};
use super::request::with_tokens;
use super::session::{Probes, Session};
use super::tokens::{Alg, mint};
use super::usage::resident;

const CONTENDERS: [Contender; 4] =
    [Contender::None, Contender::WasmEmpty, Contender::JwtAuthnCache, Contender::Postern];

/// As many tokens as Postern remembers by default.
const CACHE: usize = 4096;

/// So many requests make what an Envoy sets up only when it is used.
const FEW: usize = 100;

/// Twice all of them is as good as twice as many: each was forgotten long before it comes again.
pub const SEEN: [usize; 3] = [0, MEMORY_TOKENS, 2 * MEMORY_TOKENS];

pub struct Row {
    pub contender: Contender,
    pub workers: usize,
    /// In KiB, by how many tokens were seen.
    pub figures: Result<Vec<Spread>, String>,
}

pub fn run() -> Vec<Row> {
    let alg = Alg::Es256;
    say(format!("signing {MEMORY_TOKENS} tokens with {alg}"));
    let tokens = mint(alg, MEMORY_TOKENS + 1);
    let probes = Probes::new(alg, &tokens[MEMORY_TOKENS]);
    let requests = with_tokens(&tokens);
    let mut found: Vec<(Contender, usize, Result<Vec<u64>, String>)> = Vec::new();
    for round in 0..MEMORY_ROUNDS {
        say(format!("round {} of {MEMORY_ROUNDS}: memory", round + 1));
        for workers in [1, 2] {
            for contender in turn(&CONTENDERS, round) {
                let cache = (contender == Contender::JwtAuthnCache).then_some(CACHE);
                let scene = Scene { contender, alg, cache, rules: None, workers, authorizer: None };
                found.push((contender, workers, measure(&scene, &probes, &requests)));
            }
        }
    }
    let cases = [1, 2].into_iter().flat_map(|workers| CONTENDERS.map(|contender| (contender, workers)));
    let rows = cases.map(|(contender, workers)| {
        let rounds: Result<Vec<&Vec<u64>>, String> = found
            .iter()
            .filter(|(who, how_many, _)| (*who, *how_many) == (contender, workers))
            .map(|(_, _, figures)| figures.as_ref().map_err(Clone::clone))
            .collect();
        let spread = |rounds: &[&Vec<u64>], at: usize| Spread::of(rounds.iter().map(|round| round[at] as f64));
        let figures = rounds.map(|rounds| (0..SEEN.len()).map(|at| spread(&rounds, at)).collect());
        Row { contender, workers, figures }
    });
    rows.collect()
}

fn measure(scene: &Scene, probes: &Probes, requests: &[Vec<u8>]) -> Result<Vec<u64>, String> {
    let expected = scene.contender.answers(Credential::Good);
    let mut session = Session::start(scene, probes, None)?;
    let (known, distinct) = requests.split_last().expect("a token besides");
    session.play(std::slice::from_ref(known), FEW, expected)?;
    let mut figures = vec![resident(session.id())?];
    for _ in 1..SEEN.len() {
        session.play(distinct, distinct.len(), expected)?;
        figures.push(resident(session.id())?);
    }
    Ok(figures)
}

impl Row {
    pub fn json(&self) -> Vec<Value> {
        let row = |index: usize| {
            let mut row = json!({
                "table": "memory",
                "contender": self.contender.name(),
                "alg": Alg::Es256.to_string(),
                "mode": null,
                "cpu_us": null, "over_baseline_us": null, "p50_us": null, "p99_us": null,
                "requests": null, "non_2xx": null,
                "workers": self.workers,
                "tokens": SEEN[index],
                "rss_kib": null,
            });
            match &self.figures {
                Ok(figures) => row["rss_kib"] = json!(figures[index].median),
                Err(error) => row["error"] = json!(error),
            }
            row
        };
        (0..SEEN.len()).map(row).collect()
    }
}
