//! Lines for a terminal, or for a file.

use anstyle::{AnsiColor, Style};

use crate::explain::plain;
use crate::explain::trace::{Check, State};

const BOLD: Style = Style::new().bold();

/// Of the names of checks, and of what stands beside them.
const WIDTH: usize = 15;

pub const NOT_REACHED: &str = "not reached";

/// Lines, none of which holds anything that acts on a terminal but its own colours.
#[derive(Default)]
pub struct Page(pub String);

impl Page {
    pub fn head(&mut self, text: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0.push_str(&format!("{gap}{BOLD}{}{BOLD:#}\n", plain::line(text)));
    }

    pub fn check(&mut self, check: &Check) {
        let reason = if let State::Failed(reason) = &check.state { Some(reason.clone()) } else { None };
        let left_out = (check.state == State::NotReached).then_some(NOT_REACHED);
        let facts = check.facts.iter().map(|fact| match left_out {
            Some(left_out) => format!("{left_out}: {fact}"),
            None => fact.clone(),
        });
        let hint = check.hint.iter().map(|hint| format!("hint: {hint}"));
        self.marked(&check.state, check.name, reason.into_iter().chain(facts).chain(hint));
    }

    pub fn marked(&mut self, state: &State, name: &str, facts: impl IntoIterator<Item = String>) {
        let (mark, color) = match state {
            State::Passed => ("ok", AnsiColor::Green),
            State::Failed(_) => ("FAIL", AnsiColor::Red),
            State::Unchecked => ("??", AnsiColor::Yellow),
            State::NotReached => ("-", AnsiColor::BrightBlack),
        };
        let style = color.on_default().bold();
        let mut lead = format!("{style}{mark:<4}{style:#}");
        let mut name = plain::line(name);
        for fact in facts {
            self.line(&lead, &name, &fact);
            (lead, name) = ("    ".to_owned(), String::new());
        }
    }

    pub fn entry(&mut self, name: &str, fact: &str) {
        self.line("    ", &plain::line(name), fact);
    }

    /// `lead` and `name` may be shown as they are.
    pub fn line(&mut self, lead: &str, name: &str, fact: &str) {
        let fact = plain::line(fact);
        // A name that takes more room has a line of its own.
        let (above, name) = if name.chars().count() > WIDTH { (Some(name), "") } else { (None, name) };
        let lead = above.map_or(lead, |above| {
            self.0.push_str(&format!("  {lead}  {above}\n"));
            "    "
        });
        self.0.push_str(&format!("  {lead}  {name:<WIDTH$} {fact}\n"));
    }

    pub fn loud(&mut self, color: AnsiColor, text: &str) {
        let style = color.on_default().bold();
        self.0.push_str(&format!("  {style}{}{style:#}\n", plain::line(text)));
    }
}
