//! What a request costs in Envoy: Postern beside Envoy's own filters, all in one run on the same machine.
//!
//! `make bench` prints the tables of `RESULTS.md`, `make bench QUICK=1` the first of them in under a minute, and `make bench
//! ONLY=reissue` those of one section ([`SECTIONS`]). All of them write their figures to `target/bench.json`. An answer that is not the expected one makes its row an error, and the command fails.

#![cfg(test)]
#![allow(clippy::cast_precision_loss, reason = "figures that are printed with a digit or two")]

#[path = "../support/mod.rs"]
mod support;

mod answer;
mod authorizer;
mod book;
mod bootstrap;
mod contender;
mod envoy;
mod filters;
mod form;
mod growth;
mod load;
mod machine;
mod memory;
mod print;
mod process;
mod progress;
mod race;
mod reissue;
mod request;
mod session;
mod tokens;
mod usage;
mod warmth;

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use book::Book;
use contender::Contender;
use form::Form;
use progress::{say, turn};
use warmth::Requests;

const SECTIONS: [&str; 5] = ["filters", "ext_authz", reissue::NAME, "growth", "memory"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [authorizer::ARGUMENT, cache] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        authorizer::serve(cache.parse().expect("a number of tokens"));
        return ExitCode::SUCCESS;
    }
    process::clean_up_on_signals();
    let form = if arguments.iter().any(|argument| argument == "--quick") { form::QUICK } else { form::FULL };
    let only = arguments.iter().find_map(|argument| argument.strip_prefix("--only="));
    if let Some(unknown) = only.filter(|only| !SECTIONS.contains(only)) {
        say(format!("no section {unknown}; there are: {}", SECTIONS.join(", ")));
        return ExitCode::FAILURE;
    }
    let good = std::panic::catch_unwind(|| run(&form, only)).unwrap_or(false);
    process::clean_up();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says whether all rows are figures.
fn run(form: &Form, only: Option<&str>) -> bool {
    let start = machine::Start::now();
    let mut book = Book::default();
    let sets: Vec<Requests> = form.algs.iter().map(|alg| Requests::make(form, *alg)).collect();
    let wants = |section: &str| only.map_or(form.all_tables || section == SECTIONS[0], |only| only == section);
    if wants("filters") {
        in_the_proxy(&mut book, form, &sets);
    }
    if wants("ext_authz") {
        beside_the_proxy(&mut book, form, &sets[0]);
    }
    if wants(reissue::NAME) {
        reissue::run(&mut book, form, &sets[0]);
    }
    if wants("growth") {
        growth::run(&mut book, form);
    }
    let memory = if wants("memory") { memory::run() } else { Vec::new() };
    machine::print(form, &start);
    print::book(&book);
    print::memory(&memory);
    let rows = book.json().into_iter().chain(memory.iter().flat_map(memory::Row::json));
    let written = write(&rows.collect::<Vec<_>>());
    say("done");
    written && book.is_whole() && memory.iter().all(|row| row.figures.is_ok())
}

/// The first two tables.
fn in_the_proxy(book: &mut Book, form: &Form, sets: &[Requests]) {
    for round in 0..form.rounds {
        for requests in sets {
            say(format!("round {} of {}: {}", round + 1, form.rounds, requests.alg));
            warmth::round(book, form, "filters", requests, &turn(&Contender::IN_THE_PROXY, round));
        }
    }
}

/// What asks an authorizer, with the same tokens: no process is asked twice.
fn beside_the_proxy(book: &mut Book, form: &Form, requests: &Requests) {
    let form = &Form { garbage: 0, ..*form };
    for round in 0..form.rounds {
        say(format!("round {} of {}: ext_authz", round + 1, form.rounds));
        let contenders = [Contender::None, Contender::ExtAuthz, Contender::Postern];
        warmth::round(book, form, "ext_authz", requests, &turn(&contenders, round));
    }
}

fn write(rows: &[Value]) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench.json");
    let text = serde_json::to_string_pretty(rows).expect("rows are JSON");
    let written = std::fs::write(&path, text + "\n");
    written.as_ref().map_err(|error| say(format!("{}: {error}", path.display()))).is_ok()
}
