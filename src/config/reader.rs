//! Walks a configuration document and notes every problem with its path.
//!
//! Deriving `Deserialize` would stop at the first problem; a person who edits mesh YAML through a slow pipeline wants
//! all of them. A reader also knows the path by construction and can say which fields exist where one is misspelt.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::error::Problems;
use crate::json::Json;

/// One value of the document.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: &'a Json,
    path: String,
    problems: &'a Problems,
}

impl<'a> Node<'a> {
    pub(super) fn new(value: &'a Json, path: impl Into<String>, problems: &'a Problems) -> Self {
        Self { value, path: path.into(), problems }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn value(&self) -> &'a Json {
        self.value
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Json::Null)
    }

    /// Notes a problem with this value. Returns `None`, so that a reader can end with it.
    pub(super) fn problem<T>(&self, problem: impl Into<String>) -> Option<T> {
        self.problems.add(&self.path, problem);
        None
    }

    pub(super) fn object(&self) -> Option<Object<'a>> {
        let Json::Object(members) = self.value else {
            return self.expected("an object");
        };
        let mut earlier = BTreeSet::new();
        if let Some((name, _)) = members.iter().find(|(name, _)| !earlier.insert(name)) {
            self.problems.add(&member_path(&self.path, name), "stands twice");
        }
        Some(Object { members, node: self.clone(), known: RefCell::default() })
    }

    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Some(items) = self.value.as_array() else {
            return self.expected("a list");
        };
        let item = |(i, value)| Self::new(value, format!("{}[{i}]", self.path), self.problems);
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A list with at least one item: an empty one is more often a mistake than a meaning.
    pub(super) fn non_empty_list(&self) -> Option<Vec<Self>> {
        let items = self.list()?;
        if items.is_empty() { self.problem("needs at least one item") } else { Some(items) }
    }

    pub(super) fn string(&self) -> Option<&'a str> {
        match self.value.as_str() {
            Some("") => self.problem("is empty"),
            Some(text) => Some(text),
            None => self.expected("a string"),
        }
    }

    /// Reads each item of a list that is not empty, to the last one even where one is wrong.
    pub(super) fn each<T>(&self, read: impl FnMut(&Self) -> Option<T>) -> Option<Vec<T>> {
        all(self.non_empty_list()?.iter().map(read))
    }

    pub(super) fn strings(&self) -> Option<Vec<String>> {
        self.each(|node| node.string().map(str::to_owned))
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        if let Json::Bool(value) = self.value { Some(*value) } else { self.expected("true or false") }
    }

    /// A whole number from nought to `most`.
    pub(super) fn integer(&self, most: usize) -> Option<usize> {
        let number = self.value.as_integer().and_then(|number| usize::try_from(number).ok());
        match number.filter(|number| *number <= most) {
            Some(number) => Some(number),
            None => self.problem(format!("has to be a whole number from 0 to {most}")),
        }
    }

    /// A string such as `"300s"`, `"10m"` or `"1h"`, between `least` and `most`.
    pub(super) fn duration(&self, least: Duration, most: Duration) -> Option<Duration> {
        let Some(duration) = self.value.as_str().and_then(parse_duration) else {
            return self.problem("expected a duration such as \"300s\", \"10m\" or \"1h\", with s, m or h");
        };
        if duration < least || duration > most {
            return self.problem(format!("must be between {} and {}", write_duration(least), write_duration(most)));
        }
        Some(duration)
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let chosen = self.value.as_str().and_then(|word| choices.iter().find(|(name, _)| *name == word));
        let Some((_, value)) = chosen else {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            return self.expected(&format!("one of {}", names.join(", ")));
        };
        Some(*value)
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        let found = match self.value.as_str() {
            Some(text) if text.len() <= LONGEST_QUOTE => format!("{text:?}"),
            _ => self.value.kind().to_owned(),
        };
        self.problem(format!("expected {what}, found {found}"))
    }
}

/// Collects what was read, after all of it was read.
pub(super) fn all<T, C: FromIterator<T>>(items: impl Iterator<Item = Option<T>>) -> Option<C> {
    let items: Vec<Option<T>> = items.collect();
    items.into_iter().collect()
}

/// An object of the document, which knows afterwards which of its members nobody asked for.
pub(super) struct Object<'a> {
    members: &'a [(String, Json)],
    node: Node<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Object<'a> {
    /// The member of that name, where given.
    pub(super) fn get(&self, name: &'static str) -> Option<Node<'a>> {
        let mut known = self.known.borrow_mut();
        // A reader may come back to a member.
        if !known.contains(&name) {
            known.push(name);
        }
        let (_, value) = self.members.iter().find(|(member, _)| member == name)?;
        Some(self.child(name, value))
    }

    /// The member of that name; its absence is a problem.
    pub(super) fn require(&self, name: &'static str) -> Option<Node<'a>> {
        let node = self.get(name);
        if node.is_none() {
            self.missing::<()>(name, "is missing");
        }
        node
    }

    pub(super) fn missing<T>(&self, name: &str, problem: &str) -> Option<T> {
        self.node.problems.add(&member_path(self.node.path(), name), problem);
        None
    }

    /// Every member, for objects whose names are the user's own.
    pub(super) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_str(), self.child(name, value))).collect()
    }

    /// Notes the members that no one asked for. Call it after the last [`Object::get`].
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (name, _) in self.members {
            if !known.contains(&name.as_str()) {
                let path = member_path(self.node.path(), name);
                self.node.problems.add(&path, format!("unknown field; known here: {}", known.join(", ")));
            }
        }
    }

    fn child(&self, name: &str, value: &'a Json) -> Node<'a> {
        Node::new(value, member_path(self.node.path(), name), self.node.problems)
    }
}

/// A word may be quoted; a longer text may be a secret that was pasted into the wrong place.
const LONGEST_QUOTE: usize = 16;

/// What can be shown of a text that is wrong.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.split_at_checked(end).map_or("", |(start, _)| start)),
    }
}

/// The path of a member of the value at `path`, as problems are told with it.
pub fn member_path(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    // The longest name that is known has 21 characters.
    match (path.is_empty(), plain && name.len() <= 24) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{}]", quote(name)),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, seconds) = [("s", 1), ("m", 60), ("h", 3600)]
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, *seconds)))?;
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        for (text, seconds) in [
            ("300s", Some(300)),
            ("10m", Some(600)),
            ("1h", Some(3600)),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("10", None),
            ("1.5h", None),
            ("-1s", None),
            ("+1s", None),
            ("1 h", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_secs()), seconds, "{text:?}");
        }
    }

    #[test]
    fn a_path_quotes_names_that_are_not_plain() {
        assert_eq!(member_path("", "realm"), "realm");
        assert_eq!(member_path("headers", "user"), "headers.user");
        assert_eq!(member_path("scope_map", "rs/read.tap"), "scope_map[\"rs/read.tap\"]");
        assert_eq!(member_path("", "hunter2-hunter2-hunter2-hunter2"), "[\"hunter2-hunter2-\"…]");
    }
}
