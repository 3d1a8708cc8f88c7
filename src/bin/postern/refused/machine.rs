//! The report for machines.

use serde_json::{Map, Value, json};

use super::counts::{Count, Counts};
use super::tally::{NO_RULE, Shown, Side, Tally};
use crate::clock;
use crate::reasons;

pub fn write(tally: &Tally, top: usize) -> Value {
    let not_understood: Map<String, Value> = tally
        .not_understood
        .iter()
        .map(|(why, (count, first))| (why.name().to_owned(), json!({ "count": count, "first": first })))
        .collect();
    let allowed: Map<String, Value> =
        tally.allowed.sorted().into_iter().map(|(name, of)| (name.to_owned(), json!(of.count))).collect();
    json!({
        "lines": {
            "read": tally.lines,
            "without_record": tally.without_record,
            "not_understood": not_understood,
            "older": tally.older,
            "without_time": tally.timeless,
            "filtered": tally.other,
        },
        "from": when(tally.first),
        "to": when(tally.last),
        "allow": { "count": tally.allow, "by_reason": allowed },
        "deny": side(&tally.deny, top),
        "shadow_deny": side(&tally.shadow, top),
    })
}

fn side(side: &Side, top: usize) -> Value {
    let reason = |(name, of): (&str, &Count)| {
        let callers = side.callers.get(name);
        let known = reasons::find(name);
        json!({
            "reason": name,
            "count": of.count,
            "callers": callers.map_or(0, |callers| callers.count()),
            "more_callers": callers.is_some_and(|callers| callers.more()),
            "last": when(of.last),
            "means": known.map_or(reasons::UNKNOWN, |known| known.means),
            "do": known.map(|known| known.then),
        })
    };
    let rule = |(name, of): (&str, &Count)| {
        let (rule, reason) = name.split_once('\t').unwrap_or((name, ""));
        json!({ "rule": rule, "reason": reason, "count": of.count, "last": when(of.last), "last_missing": said(&of.about) })
    };
    json!({
        "count": side.count,
        "by_reason": table(&side.reasons, usize::MAX, reason),
        "by_rule_and_reason": table(&side.rules, top, rule),
        "by_user": table(&side.users, top, named("user")),
        "by_client": table(&side.clients, top, named("client")),
        "by_issuer": table(&side.issuers, top, named("issuer")),
        "newest": side.newest().into_iter().map(shown).collect::<Vec<_>>(),
    })
}

/// `uncounted` is what was forgotten of rare names: where it is not 0, every count is the least that it can be.
fn table(counts: &Counts, top: usize, row: impl FnMut((&str, &Count)) -> Value) -> Value {
    let all = counts.sorted();
    let more = all.len().saturating_sub(top);
    json!({
        "rows": all.into_iter().take(top).map(row).collect::<Vec<_>>(),
        "more": more,
        "uncounted": counts.rare(),
    })
}

fn named(column: &'static str) -> impl FnMut((&str, &Count)) -> Value {
    move |(name, of)| json!({ column: name, "count": of.count, "last": when(of.last), "last_reason": of.about })
}

fn shown(shown: &Shown) -> Value {
    json!({
        "time": when(shown.time),
        "method": shown.method,
        "path": shown.path,
        "status": shown.status,
        "rule": shown.rule.as_deref().unwrap_or(NO_RULE),
        "reason": shown.reason,
        "missing": shown.missing,
        "caller": shown.caller,
        "issuer": shown.issuer,
    })
}

fn when(time: Option<i64>) -> Option<String> {
    time.map(|time| format!("{}Z", clock::date(time).replace(' ', "T")))
}

fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
