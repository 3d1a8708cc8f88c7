//! What was sent and what came of it, as the client knows it: to be held against what the filter says.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The rule, and the decision with its reason.
pub type Label = (String, String, String);

/// Requests of a kind by what was answered.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    pub statuses: BTreeMap<u16, u64>,
    pub unanswered: u64,
    pub wrong: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub kinds: BTreeMap<&'static str, Kind>,
    /// Answered: decided once, and this way.
    pub decided: BTreeMap<Label, u64>,
    /// By rule: whether the filter decided these nobody knows who hung up.
    pub perhaps: BTreeMap<&'static str, u64>,
    /// Tokens that were looked for among those remembered: for sure, and perhaps.
    pub looked_up: (u64, u64),
    pub resets: BTreeMap<&'static str, u64>,
    pub deviations: BTreeMap<String, u64>,
}

impl Ledger {
    pub fn answered(&mut self, kind: &'static str, label: Label, status: u16, looked_up: bool) {
        *self.kinds.entry(kind).or_default().statuses.entry(status).or_default() += 1;
        *self.decided.entry(label).or_default() += 1;
        self.looked_up.0 += u64::from(looked_up);
    }

    pub fn wrong(&mut self, kind: &'static str, what: String) {
        self.kinds.entry(kind).or_default().wrong += 1;
        self.object(what);
    }

    /// A request of which nobody knows whether it was decided.
    pub fn unknown(&mut self, kind: &'static str, rule: &'static str, looked_up: bool) {
        self.kinds.entry(kind).or_default().unanswered += 1;
        *self.perhaps.entry(rule).or_default() += 1;
        self.looked_up.1 += u64::from(looked_up);
    }

    pub fn reset(&mut self, phase: &'static str) {
        *self.resets.entry(phase).or_default() += 1;
    }

    pub fn object(&mut self, what: String) {
        *self.deviations.entry(what).or_default() += 1;
    }

    pub fn rules(&self) -> impl Iterator<Item = &str> {
        let mut rules: Vec<&str> = self.decided.keys().map(|(rule, ..)| rule.as_str()).collect();
        rules.extend(self.perhaps.keys());
        rules.sort_unstable();
        rules.dedup();
        rules.into_iter()
    }

    /// How often the filter may say that it decided under this rule.
    pub fn bounds(&self, rule: &str) -> RangeInclusive<u64> {
        let sure = self.decided.iter().filter(|((other, ..), _)| other == rule).map(|(_, count)| count).sum();
        sure..=sure + self.perhaps.get(rule).copied().unwrap_or_default()
    }

    pub fn looked_up(&self) -> RangeInclusive<u64> {
        self.looked_up.0..=self.looked_up.0 + self.looked_up.1
    }
}
