//! The table that is printed at the end, and below it what must not be.

use super::case::{Case, Tally, lock};
use super::world::World;
use crate::wire::harness::arguments::Form;

/// Prints all, and says whether all is well.
pub fn print(world: &World) -> bool {
    let form = match world.form {
        Form::Short => "short",
        Form::Long => "long",
    };
    println!("\nchaos, {form} form: {} issuers, one Envoy, two workers", world.cases.len());
    println!("tokens: good ones sent, let on, answered otherwise (503 before the first keys); bad ones sent, let on");
    println!("fetches: as the issuer counted them, in calm/trouble/recovery and in the long form rotation\n");
    line("what the issuer does", ["good", "200", "other", "bad", "let on", "fetches", ""].map(str::to_owned));
    let mut sum = Tally::default();
    let mut fetched = 0;
    let mut violated = 0;
    let (mut wrong, mut wrong_5xx) = (0, 0);
    for case in &world.cases {
        let tally = lock(&case.tally).clone();
        let fetches: Vec<usize> = case.phases(world).iter().map(|(_, fetches)| *fetches).collect();
        let shown: Vec<String> = fetches.iter().map(usize::to_string).collect();
        let good = problems(case).is_empty();
        row(case.row.name, &tally, shown.join("/"), if good { "ok" } else { "VIOLATED" });
        sum.good += tally.good;
        sum.ok += tally.ok;
        sum.other += tally.other;
        sum.bad += tally.bad;
        sum.let_on += tally.let_on;
        for (deviation, times) in &tally.deviations {
            wrong += times;
            wrong_5xx += if deviation.status >= 500 { *times } else { 0 };
        }
        fetched += fetches.iter().sum::<usize>();
        violated += usize::from(!good);
    }
    row("sum", &sum, fetched.to_string(), &format!("{violated} violated"));
    println!("\nwrong decisions: {wrong}; of them 5xx: {wrong_5xx}");
    for case in &world.cases {
        problems(case).iter().for_each(|problem| println!("{}: {problem}", case.row.name));
    }
    world.problems().iter().for_each(|problem| println!("all rows: {problem}"));
    violated == 0 && world.problems().is_empty()
}

fn row(name: &str, tally: &Tally, fetches: String, verdict: &str) {
    let Tally { good, ok, other, bad, let_on, .. } = tally;
    let [good, ok, other, bad, let_on] = [good, ok, other, bad, let_on].map(usize::to_string);
    line(name, [good, ok, other, bad, let_on, fetches, verdict.to_owned()]);
}

fn line(name: &str, [good, ok, other, bad, let_on, fetches, verdict]: [String; 7]) {
    println!("{name:<40} {good:>6} {ok:>6} {other:>6} {bad:>6} {let_on:>6} {fetches:>10}  {verdict}");
}

fn problems(case: &Case) -> Vec<String> {
    let tally = lock(&case.tally);
    let deviations = tally.deviations.iter().map(|(deviation, times)| {
        let (kind, worker) = (deviation.kind.name(), deviation.worker);
        let (phase, status, reason) = (deviation.phase, deviation.status, &deviation.reason);
        format!("{phase:?}: {kind}: {status} {reason} ({times} times by worker {worker})")
    });
    deviations.chain(case.problems()).collect()
}
