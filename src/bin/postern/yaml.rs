//! YAML (and so JSON) with the place of everything in it.
//!
//! A member that stands twice stays twice: the filter refuses that, and so it has to be seen. Words without quotes are
//! read as Envoy reads them, where `yes` and `off` are truth values too.

use std::collections::HashMap;
use std::fmt;

use postern::json::Json;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

/// Deepest nesting that is read. Envoy's own configurations have some twenty levels.
const MAX_DEPTH: usize = 128;

/// Most values of a file, with those that aliases stand for. A short file can stand for more than fits anywhere.
const MAX_VALUES: usize = 1_000_000;

/// Most bytes of text, counted in the same way.
const MAX_TEXT: usize = 64 * 1024 * 1024;

/// Line and column, from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    fn of(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col().saturating_add(1) }
    }
}

#[derive(Clone, Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    /// Anything that is neither text, list nor mapping.
    Plain(Json),
    Text {
        text: String,
        /// As a block (`|`), in which every line is one of the file.
        block: bool,
    },
    List(Vec<Node>),
    Mapping(Vec<Member>),
}

#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub place: Place,
    pub value: Node,
}

/// What is no YAML, and where.
#[derive(Debug)]
pub struct Malformed {
    pub place: Place,
    pub problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.problem)
    }
}

/// The documents of a file, without those that are empty.
pub fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    let mut composer = Composer::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Malformed {
            place: Place::of(*error.marker()),
            problem: format!("this is no YAML: {}", error.info()),
        })?;
        composer.take(event, span)?;
    }
    Ok(composer.documents)
}

impl Node {
    /// The member of that name, also where it is written as Envoy takes it too: `vmId` for `vm_id`. Of several the last,
    /// which is the one that Envoy takes.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|member| is_named(&member.name, name)).map(|member| &member.value)
    }

    /// A member of a member of …
    pub fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| node.get(name))
    }

    pub fn members(&self) -> &[Member] {
        if let Value::Mapping(members) = &self.value { members } else { &[] }
    }

    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    pub fn text(&self) -> Option<&str> {
        if let Value::Text { text, .. } = &self.value { Some(text) } else { None }
    }

    /// Whether what begins at that place is this, or is in it.
    pub fn contains(&self, place: Place) -> bool {
        self.place == place
            || self.members().iter().any(|member| member.value.contains(place))
            || self.items().iter().any(|item| item.contains(place))
    }

    pub fn is_true(&self) -> bool {
        matches!(self.value, Value::Plain(Json::Bool(true)))
    }

    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Plain(json) => json.clone(),
            Value::Text { text, .. } => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(members) => {
                Json::Object(members.iter().map(|member| (member.name.clone(), member.value.to_json())).collect())
            }
        }
    }
}

/// Puts the values together from what the parser tells one after the other.
#[derive(Default)]
struct Composer {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    size: Size,
}

/// What there is of values in all, how deep they lie, and how long their texts are together.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    values: usize,
    depth: usize,
    text: usize,
}

/// A list or a mapping whose end is not there yet.
struct Open {
    place: Place,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    /// With the name whose value comes next.
    Mapping(Vec<Member>, Option<Name>),
}

struct Name {
    text: String,
    place: Place,
    /// By its tag, `!ignore`: Envoy leaves such a member out.
    ignored: bool,
}

impl Composer {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Malformed> {
        let place = Place::of(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let has_tag = |suffix: &str| tag.as_ref().is_some_and(|tag| tag.suffix == suffix);
                let is_text = style != ScalarStyle::Plain || has_tag("str");
                let block = style == ScalarStyle::Literal;
                let value = if is_text { Value::Text { text: text.into_owned(), block } } else { plain(&text) };
                let node = Node { place, value };
                self.count(place, measure(&node))?;
                self.value(node, anchor, has_tag("ignore"))
            }
            Event::SequenceStart(anchor, _) => self.begin(place, anchor, Kind::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(place, anchor, Kind::Mapping(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(malformed(place, "this alias stands for what it is in"));
                };
                let size = measure(&node);
                self.count(place, size)?;
                if self.open.len().saturating_add(size.depth) > MAX_DEPTH {
                    return Err(malformed(place, "nested too deeply"));
                }
                // Where it is used is where a problem has to be looked for.
                self.value(Node { place, ..node }, 0, false)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, kind: Kind) -> Result<(), Malformed> {
        if self.open.len() >= MAX_DEPTH {
            return Err(malformed(place, "nested too deeply"));
        }
        self.count(place, Size { values: 1, depth: 1, text: 0 })?;
        self.open.push(Open { place, anchor, kind });
        Ok(())
    }

    fn count(&mut self, place: Place, size: Size) -> Result<(), Malformed> {
        self.size.values = self.size.values.saturating_add(size.values);
        self.size.text = self.size.text.saturating_add(size.text);
        if self.size.values > MAX_VALUES || self.size.text > MAX_TEXT {
            return Err(malformed(place, "too many values, counting what aliases stand for"));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Malformed> {
        let Some(Open { place, anchor, kind }) = self.open.pop() else {
            return Ok(());
        };
        let value = match kind {
            Kind::List(items) => Value::List(items),
            Kind::Mapping(members, _) => Value::Mapping(members),
        };
        self.value(Node { place, value }, anchor, false)
    }

    fn value(&mut self, node: Node, anchor: usize, ignored: bool) -> Result<(), Malformed> {
        if anchor != 0 {
            // It is kept beside the document, and one within the other each by itself.
            self.count(node.place, measure(&node))?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None if matches!(node.value, Value::Plain(Json::Null)) => {}
            None => self.documents.push(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Mapping(members, name)) => match name.take() {
                Some(Name { ignored: true, .. }) => {}
                Some(Name { text, place, .. }) => members.push(Member { name: text, place, value: node }),
                None => *name = Some(Name { text: name_of(&node)?, place: node.place, ignored }),
            },
        }
        Ok(())
    }
}

fn malformed(place: Place, problem: &str) -> Malformed {
    Malformed { place, problem: problem.to_owned() }
}

fn measure(node: &Node) -> Size {
    let one = |text: usize| Size { values: 1, depth: 1, text };
    let with = |all: Size, name: usize, inner: &Node| {
        let inner = measure(inner);
        Size {
            values: all.values.saturating_add(inner.values),
            depth: all.depth.max(inner.depth.saturating_add(1)),
            text: all.text.saturating_add(inner.text).saturating_add(name),
        }
    };
    match &node.value {
        Value::Plain(_) => one(0),
        Value::Text { text, .. } => one(text.len()),
        Value::List(items) => items.iter().fold(one(0), |all, item| with(all, 0, item)),
        Value::Mapping(members) => {
            members.iter().fold(one(0), |all, member| with(all, member.name.len(), &member.value))
        }
    }
}

/// Whether a name that was written is this one, or the same as JSON has it for protobuf.
fn is_named(written: &str, name: &str) -> bool {
    written == name || (name.contains('_') && !written.contains('_') && written == as_json(name))
}

/// A name as JSON has it for protobuf, `vmId` for `vm_id`. Envoy takes both.
pub fn as_json(name: &str) -> String {
    let upper = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    let (first, rest) = name.split_once('_').unwrap_or((name, ""));
    [first.to_owned()].into_iter().chain(rest.split('_').map(upper)).collect()
}

fn name_of(node: &Node) -> Result<String, Malformed> {
    match &node.value {
        Value::Text { text, .. } => Ok(text.clone()),
        Value::Plain(Json::Bool(value)) => Ok(value.to_string()),
        Value::Plain(Json::Integer(value)) => Ok(value.to_string()),
        Value::Plain(_) | Value::List(_) | Value::Mapping(_) => Err(malformed(node.place, "this cannot be a name")),
    }
}

/// A word without quotes.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Plain(Json::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return Value::Plain(Json::Bool(true));
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Value::Plain(Json::Bool(false));
        }
        _ => {}
    }
    if let Some(number) = integer(text) {
        return number.map_or_else(
            || Value::Text { text: text.to_owned(), block: false },
            |number| Value::Plain(Json::Integer(number.into())),
        );
    }
    match text.parse::<f64>() {
        // `inf` and `nan` are words here, and so is what is larger than any number.
        Ok(number) if number.is_finite() => Value::Plain(Json::Float(number)),
        Ok(_) | Err(_) => Value::Text { text: text.to_owned(), block: false },
    }
}

/// A whole number as C reads it, which Envoy and Kubernetes do: 010 is eight. `None` where it is none, and within it where
/// it looks like one that cannot be read so, as 08 does.
fn integer(text: &str) -> Option<Option<i64>> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let plain = !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let sign = if text.starts_with('-') { "-" } else { "" };
        return plain.then(|| i64::from_str_radix(&format!("{sign}{hex}"), 16).ok());
    }
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let radix = if digits.len() > 1 && digits.starts_with('0') { 8 } else { 10 };
    plain.then(|| i64::from_str_radix(text, radix).ok())
}

#[cfg(test)]
mod tests;
