//! What a log adds up to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::counts::{Counts, Distinct};
use super::line::{Decision, Entry, Line, Why};

/// Which records are counted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub since: Option<i64>,
    pub rule: Option<String>,
    pub user: Option<String>,
    pub reason: Option<String>,
}

/// What stands where a record has no rule; metrics have the same word.
pub const NO_RULE: &str = "none";

impl Wanted {
    fn holds(&self, entry: &Entry) -> bool {
        let is =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        is(&self.rule, Some(entry.rule.as_deref().unwrap_or(NO_RULE)))
            && is(&self.user, entry.user.as_deref())
            && is(&self.reason, Some(&entry.reason))
    }
}

#[derive(Debug)]
pub struct Tally {
    pub lines: u64,
    pub without_record: u64,
    /// How many there were for each reason, and where the first of them is.
    pub not_understood: BTreeMap<Why, (u64, String)>,
    /// Older than was asked for.
    pub older: u64,
    /// Without a time, where one was asked for.
    pub timeless: u64,
    /// Records that the other filters leave out.
    pub other: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub allowed: Counts,
    pub allow: u64,
    pub deny: Side,
    pub shadow: Side,
    top: usize,
}

/// What was refused, or would have been.
#[derive(Debug, Default)]
pub struct Side {
    pub count: u64,
    pub reasons: Counts,
    /// Different callers by reason.
    pub callers: BTreeMap<String, Distinct>,
    /// Rule and reason, with a tab between; neither can hold one.
    pub rules: Counts,
    pub users: Counts,
    pub clients: Counts,
    pub issuers: Counts,
    newest: BinaryHeap<Reverse<Newest>>,
}

/// Ordered by time and, within one second, by the place in the log.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Newest {
    time: Option<i64>,
    line: u64,
    pub entry: Shown,
}

/// What is shown of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    pub time: Option<i64>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub status: Option<u16>,
    pub rule: Option<String>,
    pub reason: String,
    pub missing: Option<String>,
    pub caller: Option<String>,
    pub issuer: Option<String>,
}

impl Tally {
    pub fn new(top: usize) -> Self {
        Self {
            lines: 0,
            without_record: 0,
            not_understood: BTreeMap::new(),
            older: 0,
            timeless: 0,
            other: 0,
            first: None,
            last: None,
            allowed: Counts::default(),
            allow: 0,
            deny: Side::default(),
            shadow: Side::default(),
            top,
        }
    }

    pub fn add(&mut self, line: Line, wanted: &Wanted, place: impl Fn() -> String) {
        self.lines += 1;
        match line {
            Line::NoRecord => self.without_record += 1,
            Line::NotUnderstood(why) => self.not_understood.entry(why).or_insert_with(|| (0, place())).0 += 1,
            Line::Entry(entry) => self.entry(&entry, wanted),
        }
    }

    fn entry(&mut self, entry: &Entry, wanted: &Wanted) {
        let time = entry.around.time;
        match (wanted.since, time) {
            (Some(_), None) => return self.timeless += 1,
            (Some(since), Some(time)) if time < since => return self.older += 1,
            (Some(_), Some(_)) | (None, _) => {}
        }
        if !wanted.holds(entry) {
            return self.other += 1;
        }
        self.first = [self.first, time].into_iter().flatten().min();
        self.last = self.last.max(time);
        match entry.decision {
            Decision::Allow => {
                self.allow += 1;
                self.allowed.add(&entry.reason, time, "");
            }
            Decision::Deny => self.deny.add(entry, self.lines, self.top),
            Decision::ShadowDeny => self.shadow.add(entry, self.lines, self.top),
        }
    }

    /// All that were counted.
    pub fn requests(&self) -> u64 {
        self.allow + self.deny.count + self.shadow.count
    }
}

impl Side {
    fn add(&mut self, entry: &Entry, line: u64, top: usize) {
        let Entry { reason, rule, issuer, client, user, missing, around, .. } = entry;
        let time = around.time;
        self.count += 1;
        self.reasons.add(reason, time, "");
        // A service has no user name.
        let caller = user.as_ref().or(client.as_ref());
        if let Some(caller) = caller
            && (self.callers.contains_key(reason) || self.callers.len() < MOST_REASONS)
        {
            let issuer = issuer.as_deref().unwrap_or_default();
            self.callers.entry(reason.clone()).or_default().add(&format!("{issuer}\t{caller}"));
        }
        let rule_name = rule.as_deref().unwrap_or(NO_RULE);
        self.rules.add(&format!("{rule_name}\t{reason}"), time, missing.as_deref().unwrap_or_default());
        for (counts, name) in [(&mut self.users, user), (&mut self.clients, client), (&mut self.issuers, issuer)] {
            if let Some(name) = name {
                counts.add(name, time, reason);
            }
        }
        self.newest.push(Reverse(Newest {
            time,
            line,
            entry: Shown {
                time,
                method: around.method.clone(),
                path: around.path.clone(),
                status: around.status,
                rule: rule.clone(),
                reason: reason.clone(),
                missing: missing.clone(),
                caller: caller.cloned(),
                issuer: issuer.clone(),
            },
        }));
        if self.newest.len() > top {
            self.newest.pop();
        }
    }

    /// The newest first.
    pub fn newest(&self) -> Vec<&Shown> {
        let mut newest: Vec<&Newest> = self.newest.iter().map(|Reverse(newest)| newest).collect();
        newest.sort_by_key(|newest| Reverse((newest.time, newest.line)));
        newest.into_iter().map(|newest| &newest.entry).collect()
    }
}

/// Postern has some fifty; a log may hold anything.
const MOST_REASONS: usize = 128;
