//! The tables, as they are shown on a terminal and on a page.

use super::counts::{Count, Counts, MOST_NAMES};
use super::tally::{NO_RULE, Shown, Side, Tally};
use crate::clock;
use crate::reasons;

#[derive(Debug)]
pub struct Report {
    /// What was read, and what was not.
    pub facts: Vec<String>,
    pub parts: Vec<Part>,
}

/// What was refused, or what would have been.
#[derive(Debug)]
pub struct Part {
    pub title: String,
    pub tables: Vec<Table>,
}

#[derive(Debug)]
pub struct Table {
    pub title: &'static str,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// What is not in it.
    pub foot: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    pub is_number: bool,
}

#[derive(Debug)]
pub struct Row {
    pub cells: Vec<String>,
    /// What it means and what to do.
    pub remarks: Vec<&'static str>,
}

const fn number(title: &'static str) -> Column {
    Column { title, is_number: true }
}

const fn text(title: &'static str) -> Column {
    Column { title, is_number: false }
}

impl Report {
    pub fn of(tally: &Tally, top: usize) -> Self {
        let mut parts = vec![part("Refused", &tally.deny, top)];
        if tally.shadow.count > 0 {
            parts.push(part("Let on by shadow rules (shadow_deny), would be refused", &tally.shadow, top));
        }
        Self { facts: facts(tally), parts }
    }
}

/// What whoever has not set up the log yet has to know.
const NO_RECORDS: &str = "No line has one: put %FILTER_STATE(wasm.postern:PLAIN)% into the log's format, as the last word of a \
                          line of text or as a member of JSON";

fn facts(tally: &Tally) -> Vec<String> {
    let requests = tally.requests();
    let mut facts = vec![match (tally.first, tally.last) {
        (Some(first), Some(last)) => {
            format!("{}, from {} to {} UTC", counted(requests, "request"), clock::date(first), clock::date(last))
        }
        _ if requests > 0 => format!("{}, at times that the log does not say", counted(requests, "request")),
        _ => counted(requests, "request"),
    }];
    for (name, count) in [("allow", tally.allow), ("deny", tally.deny.count), ("shadow_deny", tally.shadow.count)] {
        let mut fact = format!("{name:<12}{:>12}  {:>6}", grouped(count), share(count, requests));
        if name == "allow" {
            let reasons = tally.allowed.sorted().into_iter().take(8);
            let reasons: Vec<String> = reasons.map(|(name, of)| format!("{name} {}", grouped(of.count))).collect();
            fact = format!("{fact}   {}", reasons.join(", "));
        }
        facts.push(fact.trim_end().to_owned());
    }
    for (count, what) in [
        (
            tally.without_record,
            "without a decision record: not of a listener with Postern, or refused by Envoy itself before",
        ),
        (tally.older, "older than --since"),
        (tally.timeless, "left out, for --since needs a time and they have none that could be read"),
        (tally.other, "left out by --rule, --user or --reason"),
    ] {
        if count > 0 {
            facts.push(format!("{} {what}", counted(count, "line")));
        }
    }
    if tally.lines > 0 && tally.without_record == tally.lines {
        facts.push(NO_RECORDS.to_owned());
    }
    for (why, (count, first)) in &tally.not_understood {
        facts.push(format!("{} not understood, the first at {first}: {}", counted(*count, "line"), why.as_str()));
    }
    facts
}

fn part(title: &str, side: &Side, top: usize) -> Part {
    let mut tables = vec![by_reason(side)];
    if side.count > 0 {
        tables.push(by_rule(side, top));
        for (title, name, counts) in [
            ("By user", "user", &side.users),
            ("By client", "client", &side.clients),
            ("By issuer, as the token says", "issuer", &side.issuers),
        ] {
            tables.push(by_name(title, name, counts, side.count, top));
        }
        tables.push(newest(side));
    }
    tables.retain(|table| !table.rows.is_empty());
    Part { title: format!("{title}: {}", counted(side.count, "request")), tables }
}

fn by_reason(side: &Side) -> Table {
    let row = |(name, of): (&str, &Count)| {
        let callers = side.callers.get(name).map_or_else(
            || "-".to_owned(),
            |callers| format!("{}{}", grouped(callers.count() as u64), if callers.more() { "+" } else { "" }),
        );
        let remarks =
            reasons::find(name).map_or_else(|| vec![reasons::UNKNOWN], |reason| vec![reason.means, reason.then]);
        Row {
            cells: vec![grouped(of.count), share(of.count, side.count), callers, when(of.last), name.to_owned()],
            remarks,
        }
    };
    Table {
        title: "By reason",
        columns: vec![number("count"), number("share"), number("callers"), text("last seen"), text("reason")],
        rows: side.reasons.sorted().into_iter().map(row).collect(),
        foot: rare(&side.reasons),
    }
}

fn by_rule(side: &Side, top: usize) -> Table {
    let row = |(name, of): (&str, &Count)| {
        let (rule, reason) = name.split_once('\t').unwrap_or((name, ""));
        let cells = [
            grouped(of.count),
            share(of.count, side.count),
            when(of.last),
            rule.into(),
            reason.into(),
            dash(&of.about),
        ];
        Row { cells: cells.to_vec(), remarks: Vec::new() }
    };
    let all = side.rules.sorted();
    Table {
        title: "By rule and reason",
        columns: vec![
            number("count"),
            number("share"),
            text("last seen"),
            text("rule"),
            text("reason"),
            text("last missing"),
        ],
        foot: foot(&side.rules, all.len(), top),
        rows: all.into_iter().take(top).map(row).collect(),
    }
}

fn by_name(title: &'static str, name: &'static str, counts: &Counts, of_all: u64, top: usize) -> Table {
    let row = |(name, of): (&str, &Count)| {
        let cells = [grouped(of.count), share(of.count, of_all), when(of.last), dash(&of.about), name.to_owned()];
        Row { cells: cells.to_vec(), remarks: Vec::new() }
    };
    let all = counts.sorted();
    Table {
        title,
        columns: vec![number("count"), number("share"), text("last seen"), text("last reason"), text(name)],
        foot: foot(counts, all.len(), top),
        rows: all.into_iter().take(top).map(row).collect(),
    }
}

fn newest(side: &Side) -> Table {
    let row = |shown: &Shown| {
        let maybe = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let cells = vec![
            when(shown.time),
            shown.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            maybe(&shown.method),
            maybe(&shown.path),
            shown.rule.clone().unwrap_or_else(|| NO_RULE.to_owned()),
            shown.reason.clone(),
            maybe(&shown.missing),
            maybe(&shown.caller),
        ];
        Row { cells, remarks: Vec::new() }
    };
    Table {
        title: "The newest",
        columns: ["time", "status", "method", "path", "rule", "reason", "missing", "user or client"].map(text).to_vec(),
        rows: side.newest().into_iter().map(row).collect(),
        foot: None,
    }
}

fn foot(counts: &Counts, all: usize, top: usize) -> Option<String> {
    let more = all.saturating_sub(top);
    rare(counts).or_else(|| (more > 0).then(|| format!("and {more} more; --top shows more of them")))
}

fn rare(counts: &Counts) -> Option<String> {
    (counts.rare() > 0).then(|| {
        format!(
            "There were more than {MOST_NAMES} different ones. Of rare ones {} were counted under no name, so every count here is at least so much.",
            counted(counts.rare(), "request")
        )
    })
}

fn when(time: Option<i64>) -> String {
    time.map_or_else(|| "-".to_owned(), clock::date)
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// In groups of three digits.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn share(count: u64, of: u64) -> String {
    if of == 0 {
        return "-".to_owned();
    }
    let thousandths = u128::from(count) * 1000 / u128::from(of);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}
