//! The figures that are printed at the end, and below them what must not be.

use super::account::growth;
use super::world::{World, lock};
use crate::wire::harness::arguments::Form;

/// Samples that are shown of all that were taken.
const SHOWN: usize = 16;

/// Prints all, and says whether all is well.
pub fn print(world: &World) -> bool {
    let ledger = lock(&world.ledger).clone();
    let samples = lock(&world.samples).clone();
    let form = match world.form {
        Form::Short => "short",
        Form::Long => "long",
    };
    println!("\nsoak, {form} form: one Envoy, two workers, {} issuers\n", world.rotors.len() + 2);
    line("requests", &["sent", "200", "400", "401", "403", "503", "hung up", "wrong"].map(str::to_owned));
    let mut sums = [0; 8];
    for (name, kind) in &ledger.kinds {
        let of = |status: u16| kind.statuses.get(&status).copied().unwrap_or_default();
        let sent = kind.statuses.values().sum::<u64>() + kind.unanswered;
        let row = [sent, of(200), of(400), of(401), of(403), of(503), kind.unanswered, kind.wrong];
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        line(name, &row.map(|value| value.to_string()));
    }
    line("sum", &sums.map(|value| value.to_string()));
    println!("\nclients that hung up");
    ledger.resets.iter().for_each(|(phase, count)| println!("{phase:<60} {count:>9}"));
    println!("\nmeanwhile");
    lock(&world.events).iter().for_each(|(what, count)| println!("{what:<60} {count:>9}"));
    let decided = ledger.decided.values().sum::<u64>();
    let perhaps = ledger.perhaps.values().sum::<u64>();
    println!("{:<60} {:>9}", "decisions, as answered", decided);
    println!("{:<60} {:>9}", "hung up, decided or not", perhaps);
    println!("\n{:>9} {:>10} {:>12} {:>9}", "seconds", "requests", "RSS in KiB", "VMs");
    let step = samples.len().div_ceil(SHOWN).max(1);
    for (index, sample) in samples.iter().enumerate() {
        if index % step == 0 || index + 1 == samples.len() {
            println!("{:>9.1} {:>10} {:>12} {:>9}", sample.seconds, sample.requests, sample.resident, sample.machines);
        }
    }
    if let Some(last) = samples.last() {
        let warm = samples.iter().find(|sample| sample.requests * 4 >= last.requests).unwrap_or(last);
        let grown = i128::from(last.resident) - i128::from(warm.resident);
        println!("\nmemory since the first quarter: {grown} KiB, of {} at most", growth(world.form));
        println!("rate: {:.0} requests a second", last.requests as f64 / last.seconds);
    }
    println!("wrong decisions: {}", ledger.kinds.values().map(|kind| kind.wrong).sum::<u64>());
    ledger.deviations.iter().for_each(|(what, count)| println!("MUST NOT BE: {what} ({count} times)"));
    ledger.deviations.is_empty()
}

fn line(name: &str, values: &[String; 8]) {
    let values: Vec<String> = values.iter().map(|value| format!("{value:>8}")).collect();
    println!("{name:<14} {}", values.join(" "));
}
