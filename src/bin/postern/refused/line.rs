//! One line of an access log, in whatever format, and the decision record in it.
//!
//! All but the record may be of a client's making: a path or a user agent can be written to look like a record. In text
//! the record is therefore the last thing of its line and nowhere else, and a line of JSON has one record or none.

use serde::Deserialize;
use serde_json::Value;

use super::around::{self, Around};
use super::clean::clean;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    Deny,
    ShadowDeny,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub decision: Decision,
    pub reason: String,
    pub rule: Option<String>,
    pub issuer: Option<String>,
    pub client: Option<String>,
    pub user: Option<String>,
    pub missing: Option<String>,
    pub around: Around,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Entry(Box<Entry>),
    /// Nothing of Postern is in it: another listener's, or a request that Envoy refused before the filter saw it.
    NoRecord,
    NotUnderstood(Why),
}

/// Why the record of a line was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    TooLong,
    NotLast,
    Several,
    UnknownDecision,
}

impl Why {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "longer than any access log line of Envoy's should be",
            Self::NotLast => {
                "no record at the end of the line, though it looks as if there were one: in text it has to be the last thing"
            }
            Self::Several => "more than one record: name the member that holds Postern's with --member",
            Self::UnknownDecision => "a decision other than allow, deny and shadow_deny",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotLast => "not_last",
            Self::Several => "several_records",
            Self::UnknownDecision => "unknown_decision",
        }
    }
}

/// As `src/record.rs` writes it.
#[derive(Deserialize)]
struct Record {
    decision: String,
    reason: String,
    rule: Option<String>,
    issuer: Option<String>,
    client: Option<String>,
    user: Option<String>,
    missing: Option<String>,
}

/// Records within records of shippers of logs go no deeper.
const DEEPEST: usize = 6;

/// The member that holds the record, where a line has one of that name and no other was said.
const MEMBER: &str = "postern";

/// A record's own values may hold that many beginnings of one, and no more.
const MOST_BEGINNINGS: usize = 32;

/// `member` is the name of the member that holds the record in lines of JSON, where that was said.
pub fn read(text: &str, member: Option<&str>) -> Line {
    let text = text.trim();
    // What every record has; to look for it is much faster than to parse the line.
    if !text.contains("decision") {
        return Line::NoRecord;
    }
    if text.starts_with('{')
        && let Ok(document @ Value::Object(_)) = serde_json::from_str::<Value>(text)
    {
        return of_document(&document, member);
    }
    if let Some((record, before)) = of_text(text) {
        return entry(record, around::of_text(before));
    }
    // What runs containers puts its own words before a line of JSON.
    let behind = text.find('{').and_then(|at| text.get(at..));
    match behind.map(serde_json::from_str::<Value>) {
        Some(Ok(document)) if !is_record(&document) => of_document(&document, member),
        _ if text.contains("\"decision") => Line::NotUnderstood(Why::NotLast),
        _ => Line::NoRecord,
    }
}

/// The record that ends the text, and what is before it.
fn of_text(text: &str) -> Option<(Record, &str)> {
    let text = text.strip_suffix(['"', '\'']).unwrap_or(text).trim_end();
    if !text.ends_with('}') {
        return None;
    }
    let beginnings = text.rmatch_indices("{\"").take(MOST_BEGINNINGS);
    beginnings.map(|(at, _)| at).find_map(|at| {
        let (before, record) = text.split_at_checked(at)?;
        Some((serde_json::from_str(record).ok()?, before))
    })
}

fn entry(record: Record, around: Around) -> Line {
    let decision = match record.decision.as_str() {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        "shadow_deny" => Decision::ShadowDeny,
        _ => return Line::NotUnderstood(Why::UnknownDecision),
    };
    let cleaned = |value: Option<String>| value.map(|value| clean(&value));
    Line::Entry(Box::new(Entry {
        decision,
        reason: clean(&record.reason),
        rule: cleaned(record.rule),
        issuer: cleaned(record.issuer),
        client: cleaned(record.client),
        user: cleaned(record.user),
        missing: cleaned(record.missing),
        around,
    }))
}

fn of_document(document: &Value, member: Option<&str>) -> Line {
    let mut found = Vec::new();
    look(document, None, document, DEEPEST, member, &mut found);
    match found.len() {
        0 => Line::NoRecord,
        1 => found.pop().map_or(Line::NoRecord, |(record, around)| entry(record, around)),
        _ => Line::NotUnderstood(Why::Several),
    }
}

/// Goes through a value for records. `whole` is the line that it is part of, or the line within a line.
fn look(
    value: &Value,
    name: Option<&str>,
    whole: &Value,
    depth: usize,
    member: Option<&str>,
    found: &mut Vec<(Record, Around)>,
) {
    let Some(deeper) = depth.checked_sub(1) else {
        return;
    };
    let is_asked_for = member.is_none_or(|member| name == Some(member));
    match value {
        Value::Object(_) if is_asked_for && is_record(value) => {
            found.extend(Record::deserialize(value).ok().map(|record| (record, around::of_document(whole))));
        }
        // What stands beside it may be a client's, and written like a record or like a whole line with one.
        Value::Object(members) if members.contains_key(member.unwrap_or(MEMBER)) => {
            let name = member.unwrap_or(MEMBER);
            members.get(name).into_iter().for_each(|value| look(value, Some(name), whole, deeper, member, found));
        }
        Value::Object(members) => {
            for (name, value) in members {
                look(value, Some(name), whole, deeper, member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                look(item, name, whole, deeper, member, found);
            }
        }
        Value::String(text) if text.contains("decision") => {
            let text = text.trim();
            match serde_json::from_str::<Value>(text) {
                Ok(inner) if is_record(&inner) => {
                    if is_asked_for {
                        let around = around::of_document(whole);
                        found.extend(Record::deserialize(inner).ok().map(|record| (record, around)));
                    }
                }
                // A line of JSON that something wrapped into another one.
                Ok(inner @ Value::Object(_)) => look(&inner, None, &inner, deeper, member, found),
                Ok(_) | Err(_) if is_asked_for => {
                    found.extend(of_text(text).map(|(record, before)| (record, around::of_text(before))));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_record(value: &Value) -> bool {
    ["decision", "reason"].iter().all(|name| value.get(name).is_some_and(Value::is_string))
}
