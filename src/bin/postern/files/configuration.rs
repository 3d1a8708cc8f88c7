//! The forms in which a plugin's configuration is written, each with the places of what is in it.

use std::collections::BTreeMap;

use postern::config::member_path;
use postern::json::Json;

use crate::yaml::{self, Node, Place, Value};

/// A configuration that was read as far as JSON goes.
pub struct Text {
    pub document: Json,
    pub place: Place,
    pub places: BTreeMap<String, Place>,
}

type Unread = (Option<Place>, String);

/// Reads what stands there: as a mapping, or where it is `packed` as Envoy has it, with its type. `source` is the text of
/// the whole file.
pub fn read(node: Option<&Node>, packed: bool, source: &str) -> Result<Text, Unread> {
    let Some(node) = node else {
        return Err((None, "the plugin has no configuration; it needs `issuers` at least".to_owned()));
    };
    if !packed {
        return Ok(of_mapping(node));
    }
    let kind = node.get("@type").and_then(Node::text).unwrap_or_default();
    let value = node.get("value");
    if let Some(beside) = node.members().iter().find(|member| !matches!(member.name.as_str(), "@type" | "value")) {
        let problem = format!(
            "`{}` stands beside `value`, where Envoy takes nothing; indent it, so that it is in `value`",
            beside.name
        );
        return Err((Some(beside.place), problem));
    }
    match (kind, value) {
        ("type.googleapis.com/google.protobuf.Struct", Some(value)) => Ok(of_mapping(value)),
        ("type.googleapis.com/google.protobuf.StringValue", Some(value)) => of_text(value, source),
        _ => {
            let wanted = "a configuration is a google.protobuf.Struct or a StringValue, with the rest under `value`";
            Err((Some(node.place), wanted.to_owned()))
        }
    }
}

fn of_mapping(node: &Node) -> Text {
    let mut places = BTreeMap::new();
    collect(node, "", &mut places, &|place| place);
    Text { document: node.to_json(), place: node.place, places }
}

/// JSON in a string. The filter takes nothing but JSON there, so that is what it has to be; YAML's reader only finds the
/// places.
fn of_text(node: &Node, source: &str) -> Result<Text, Unread> {
    let Value::Text { text, block } = &node.value else {
        return Err((Some(node.place), "the value of a StringValue is a string with JSON in it".to_owned()));
    };
    let start = if *block { start_of_block(node.place, text, source) } else { node.place };
    let shift = |place: Place| Place {
        line: place.line.saturating_add(start.line).saturating_sub(1),
        column: place.column.saturating_add(start.column).saturating_sub(1),
    };
    let document = Json::parse(text.as_bytes()).map_err(|error| {
        let wrong = |error: &str| format!("the text is no JSON, which is all that the filter reads: {error}");
        // In a block every line is one of the file, and the place is told by that.
        match (serde_json::from_str::<serde_json::Value>(text), error.rsplit_once(" at line ")) {
            (Err(at), Some((problem, _))) if *block => {
                (Some(shift(Place { line: at.line(), column: at.column() })), wrong(problem))
            }
            (Err(_) | Ok(_), _) => (Some(node.place), wrong(&error)),
        }
    })?;
    let mut places = BTreeMap::new();
    if let (true, Ok(documents)) = (*block, yaml::parse(text)) {
        documents.iter().for_each(|inner| collect(inner, "", &mut places, &shift));
    }
    Ok(Text { document, place: node.place, places })
}

/// Where the first line of a block stands in the file, without what it is indented by.
fn start_of_block(place: Place, text: &str, source: &str) -> Place {
    let first = text.lines().next().unwrap_or_default();
    let after = source.lines().enumerate().skip(place.line.saturating_sub(1));
    let line = after.filter(|(_, line)| !first.is_empty() && line.ends_with(first)).map(|(at, line)| {
        let indent = line.chars().count().saturating_sub(first.chars().count());
        Place { line: at.saturating_add(1), column: indent.saturating_add(1) }
    });
    line.into_iter().next().unwrap_or(place)
}

fn collect(node: &Node, path: &str, places: &mut BTreeMap<String, Place>, shift: &impl Fn(Place) -> Place) {
    for member in node.members() {
        let path = member_path(path, &member.name);
        // The name stands where an editor should go, and of two equal ones the second is the mistake.
        places.insert(path.clone(), shift(member.place));
        collect(&member.value, &path, places, shift);
    }
    for (i, item) in node.items().iter().enumerate() {
        let path = format!("{path}[{i}]");
        places.insert(path.clone(), shift(item.place));
        collect(item, &path, places, shift);
    }
}
