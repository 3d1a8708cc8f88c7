//! The few shapes that the schema is made of. Each has a description, which editors show.

use serde_json::{Map, Value, json};

use super::patterns;

pub fn add(schema: &mut Value, keyword: &str, value: Value) {
    if let Value::Object(members) = schema {
        members.insert(keyword.to_owned(), value);
    }
}

pub fn describe(schema: &mut Value, description: &str) {
    add(schema, "description", json!(description));
}

fn described(mut schema: Value, description: &str) -> Value {
    describe(&mut schema, description);
    schema
}

/// An object with these fields and no others.
pub fn object(description: &str, required: &[&str], fields: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        add(&mut schema, "required", json!(required));
    }
    described(schema, description)
}

/// A list with at least one item.
pub fn list(description: &str, items: Value) -> Value {
    described(json!({ "type": "array", "minItems": 1, "items": items }), description)
}

pub fn text(description: &str) -> Value {
    described(json!({ "type": "string", "minLength": 1 }), description)
}

pub fn pattern(description: &str, pattern: &str, default: Option<&str>) -> Value {
    // No word of JSON Schema's, but editors show it where they would show the pattern.
    let mut schema = json!({ "type": "string", "pattern": pattern, "patternErrorMessage": description });
    if let Some(default) = default {
        add(&mut schema, "default", json!(default));
    }
    described(schema, description)
}

pub fn switch(description: &str, default: bool) -> Value {
    described(json!({ "type": "boolean", "default": default }), description)
}

pub fn word(description: &str, words: &[&str], default: Option<&str>) -> Value {
    let mut schema = json!({ "type": "string", "enum": words });
    if let Some(default) = default {
        add(&mut schema, "default", json!(default));
    }
    described(schema, description)
}

/// A whole number from nought.
pub fn integer(description: &str, most: u64, default: u64) -> Value {
    described(json!({ "type": "integer", "minimum": 0, "maximum": most, "default": default }), description)
}

/// The bounds are in seconds.
pub fn duration(description: &str, (least, most): (u64, u64), default: Option<&str>) -> Value {
    let description = format!(
        "{description} A whole number and s, m or h, from {} to {}.",
        patterns::in_words(least),
        patterns::in_words(most)
    );
    pattern(&description, &patterns::duration(least, most), default)
}
