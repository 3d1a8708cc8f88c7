//! The tables that are printed at the end, and below them what must not be.

use super::asked::Asked;
use super::reasons::{ACCEPTED, REFUSED, Row};
use super::rig::Outcome;

/// How many tokens without a row are shown.
const SHOWN: usize = 200;

/// Prints all, and says whether all is well.
pub fn print(outcomes: &[Outcome<'_>]) -> bool {
    let count = |jwt_authn, postern| {
        outcomes.iter().filter(|it| (it.jwt_authn.yes(), it.postern.yes()) == (jwt_authn, postern)).count()
    };
    println!("\n{} tokens, each to `jwt_authn` and to the filter in one Envoy:\n", outcomes.len());
    println!("| | let on by the filter | refused by the filter |");
    println!("| --- | ---: | ---: |");
    println!("| let on by `jwt_authn` | {} | {} |", count(true, true), count(true, false));
    println!("| refused by `jwt_authn` | {} | {} |", count(false, true), count(false, false));
    let refused =
        explain("refused by the filter only", REFUSED, outcomes, |it| it.jwt_authn.yes() && !it.postern.yes());
    let accepted =
        explain("let on by the filter only", ACCEPTED, outcomes, |it| it.postern.yes() && !it.jwt_authn.yes());
    let odd: Vec<&Outcome<'_>> =
        outcomes.iter().filter(|it| ![200, 400, 401, 503].contains(&it.postern.status)).collect();
    odd.iter().take(SHOWN).for_each(|it| println!("{}: status {}", it.case.name, it.postern.status));
    // Where both refuse everything, or nothing, nobody has learnt anything.
    let is_telling = count(true, true) > 500 && count(false, false) > 500;
    if !is_telling {
        println!("too few tokens are let on, or refused, by both");
    }
    refused && accepted && odd.is_empty() && is_telling
}

/// One of the two tables; says whether every difference has its row, and every row a difference.
fn explain(title: &str, rows: &[Row], outcomes: &[Outcome<'_>], is_of_it: fn(&Outcome<'_>) -> bool) -> bool {
    let mut counts = vec![0; rows.len()];
    let mut without = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| is_of_it(outcome)) {
        let asked = Asked::of(outcome);
        let why = if outcome.postern.yes() { "" } else { outcome.postern.why.as_str() };
        match rows.iter().position(|row| row.reasons.contains(&why) && (row.is_so)(&asked)) {
            Some(row) => counts[row] += 1,
            None => without.push(outcome),
        }
    }
    println!("\n| {title} | tokens | why |");
    println!("| --- | ---: | --- |");
    for (row, count) in rows.iter().zip(&counts) {
        println!("| {} | {count} | {} |", row.name, row.why);
    }
    for outcome in without.iter().take(SHOWN) {
        let (native, ours) = (&outcome.jwt_authn, &outcome.postern);
        println!(
            "NOT EXPLAINED, {title}: {}: jwt_authn {} {:?}, filter {} {:?}: {}",
            outcome.case.name, native.status, native.why, ours.status, ours.why, outcome.token
        );
    }
    let idle: Vec<&str> = rows.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(row, _)| row.name).collect();
    idle.iter().for_each(|name| println!("EXPLAINS NOTHING: {name}"));
    without.is_empty() && idle.is_empty()
}
