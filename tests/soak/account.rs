//! At the end: what the filter and Envoy say, held against the book of what was sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ledger::Label;
use super::world::{PARKER, STEADY, World, lock};
use crate::wire::harness::arguments::Form;
use crate::wire::harness::wait::{wait_for, wait_until};

const COUNTER: &str = "wasmcustom.postern_requests_total.";

/// What stands before the label of an issuer in the counters of fetches.
const FETCHES: &str = "wasmcustom.postern_jwks_fetch_total.";

/// How much more memory the process may have at the end than after the first quarter, in KiB.
///
/// In the long form that is what three quarters of a million requests leave behind: sixteen bytes each would be half as much
/// again. Measured were 5 MiB, all of it before the half. The short form ends before everything has been used once, and
/// would notice only what is gross, some 500 bytes a request.
pub fn growth(form: Form) -> u64 {
    match form {
        Form::Short => 24 * 1024,
        Form::Long => 8 * 1024,
    }
}

pub fn settle(world: &World) {
    world.envoy.wait_for_stat("http.ingress.downstream_rq_active", |active| active == 0);
    let counted = count_decisions(world);
    count_lookups(world);
    count_fetches(world);
    read_access_log(world, &counted);
    check_memory(world);
    for objection in lock(&world.objections.found).iter() {
        world.object(objection.clone());
    }
    let reloads = world.envoy.reloads();
    if reloads > 0 {
        world.object(format!("{reloads} virtual machines were replaced"));
    }
}

/// The counters by label: within what is known of each rule, and none besides.
fn count_decisions(world: &World) -> BTreeMap<Label, u64> {
    let counted: BTreeMap<Label, u64> = world
        .envoy
        .stats("")
        .iter()
        .filter_map(|(name, value)| Some((label(name.strip_prefix(COUNTER)?)?, *value)))
        .filter(|(_, value)| *value > 0)
        .collect();
    let ledger = lock(&world.ledger).clone();
    let mut rules: Vec<&str> = ledger.rules().chain(counted.keys().map(|(rule, ..)| rule.as_str())).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let sum = counted.iter().filter(|((other, ..), _)| other == rule).map(|(_, count)| count).sum::<u64>();
        let bounds = ledger.bounds(rule);
        if !bounds.contains(&sum) {
            world.object(format!("rule {rule}: the filter counted {sum} decisions, not {bounds:?}"));
        }
    }
    for (label, sure) in &ledger.decided {
        let perhaps = ledger.perhaps.get(label.0.as_str()).copied().unwrap_or_default();
        let count = counted.get(label).copied().unwrap_or_default();
        if !(*sure..=sure + perhaps).contains(&count) {
            world.object(format!("{label:?}: the filter counted {count}, {sure} were answered so, {perhaps} unknown"));
        }
    }
    counted
}

/// `decision.D.reason.R.rule.N`
fn label(name: &str) -> Option<Label> {
    let rest = name.strip_prefix("decision.")?;
    let (decision, rest) = rest.split_once(".reason.")?;
    let (reason, rule) = rest.split_once(".rule.")?;
    Some((rule.to_owned(), decision.to_owned(), reason.to_owned()))
}

/// What is told of remembered tokens comes once a second.
fn count_lookups(world: &World) {
    let wanted = lock(&world.ledger).looked_up();
    let sum = || -> u64 {
        let outcomes = ["hit", "hit_bad_signature", "miss"];
        outcomes
            .iter()
            .map(|outcome| world.envoy.stat(&format!("wasmcustom.postern_token_cache_total.outcome.{outcome}")))
            .sum()
    };
    wait_until("the filter tells of all tokens", || sum() >= *wanted.start());
    let sum = sum();
    if !wanted.contains(&sum) {
        world.object(format!("the filter looked for {sum} tokens, not {wanted:?}"));
    }
}

/// What issuers were asked, and what the filter says of its fetches.
fn count_fetches(world: &World) {
    let rotors = world.rotors.iter().map(|rotor| (rotor.issuer(), world.rotating.asked(&rotor.path()) as u64));
    let others = [(STEADY.to_owned(), world.steady_asked()), (PARKER.to_owned(), world.parker.asked_at_all() as u64)];
    let updates = world.offered.load(std::sync::atomic::Ordering::SeqCst) as u64;
    let mut table = BTreeMap::new();
    for (issuer, asked) in rotors.chain(others) {
        let counted = fetches(world, &issuer);
        // Where the issuer fails, an update may come while it is asked again, and whoever asked is gone then.
        let lost = if issuer == PARKER { updates } else { 0 };
        if !(asked.saturating_sub(lost)..=asked).contains(&counted) {
            world.object(format!("{issuer} was asked {asked} times, and the filter counted {counted} fetches"));
        }
        table.insert(issuer, (asked, counted));
    }
    let (asked, counted) = table.values().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    let mut events = lock(&world.events);
    events.insert("requests for keys, by the issuers".to_owned(), asked);
    events.insert("requests for keys, by the filter".to_owned(), counted);
}

fn fetches(world: &World, issuer: &str) -> u64 {
    let of = |name: &str| name.starts_with(FETCHES) && name.ends_with(&format!(".issuer.{issuer}"));
    world.envoy.stats("").iter().filter(|(name, _)| of(name)).map(|(_, value)| value).sum()
}

/// Each decision has one line in the access log: so what is counted are requests, and not callbacks.
fn read_access_log(world: &World, counted: &BTreeMap<Label, u64>) {
    let sum: u64 = counted.values().sum();
    let found = wait_for("the access log is written", || {
        let mut found: BTreeMap<Label, u64> = BTreeMap::new();
        let mut undecided: BTreeMap<String, u64> = BTreeMap::new();
        for line in world.envoy.access_log_text().lines() {
            let mut parts = line.splitn(4, " | ");
            let path = parts.next().unwrap_or_default();
            let record: Option<Value> = parts.nth(2).and_then(|record| serde_json::from_str(record).ok());
            match record {
                Some(record) => {
                    let text = |name: &str| record[name].as_str().unwrap_or("none").to_owned();
                    *found.entry((text("rule"), text("decision"), text("reason"))).or_default() += 1;
                }
                None => *undecided.entry(path.split('?').next().unwrap_or_default().to_owned()).or_default() += 1,
            }
        }
        (found.values().sum::<u64>() >= sum).then_some((found, undecided))
    });
    let (found, undecided) = found;
    if found != *counted {
        let differ = counted.iter().filter(|(label, count)| found.get(*label) != Some(*count));
        let first: Vec<String> = differ.take(3).map(|entry| format!("{entry:?}")).collect();
        world.object(format!("the access log and the counters differ: {first:?}"));
    }
    let waited = undecided.get("/park-reset").copied().unwrap_or_default();
    let left = lock(&world.ledger).perhaps.get("park-reset").copied().unwrap_or_default();
    // They were sent, and looked at, before they left: were it otherwise, nothing would be known of such resets.
    if waited * 10 < left * 9 {
        world.object(format!("of {left} that left while they waited the access log has {waited}"));
    }
    let mut events = lock(&world.events);
    events.insert("lines in the access log with a decision".to_owned(), found.values().sum());
    for (path, count) in undecided {
        events.insert(format!("lines without a decision, {path}"), count);
    }
}

fn check_memory(world: &World) {
    let samples = lock(&world.samples).clone();
    let Some(last) = samples.last() else { return };
    let warm = samples.iter().find(|sample| sample.requests * 4 >= last.requests).unwrap_or(last);
    let growth = last.resident.saturating_sub(warm.resident);
    if growth > self::growth(world.form) {
        world.object(format!("{growth} KiB more after the first quarter, from {} KiB", warm.resident));
    }
    if last.machines != warm.machines || last.machines == 0 {
        world.object(format!("{} virtual machines, and then {}", warm.machines, last.machines));
    }
    if world.form == Form::Long && last.requests < 1_000_000 {
        world.object(format!("only {} requests", last.requests));
    }
}
