//! The two forms in which Envoy hands over the plugin configuration.
//!
//! A `StringValue` arrives as the text itself (Istio's `pluginConfig` comes so); a `Struct`, which is what YAML in
//! Envoy's own configuration becomes, arrives as that message's protobuf bytes.

use prost::Message;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use crate::json::Json;

/// Text is tried first. No `Struct` is taken for it: each of its fields holds the tag 0x12, a control character that may
/// not stand in JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<Json, String> {
    let not_json = match Json::parse(bytes) {
        Ok(json) => return Ok(json),
        Err(_) if bytes.is_empty() => "the configuration is empty; it is a Struct, or JSON text".to_owned(),
        Err(error) => format!("the configuration is neither JSON text nor a Struct (which YAML needs): {error}"),
    };
    match Struct::decode(bytes) {
        Ok(message) if !message.fields.is_empty() => Ok(from_struct(message)),
        Ok(_) | Err(_) => Err(not_json),
    }
}

fn from_struct(message: Struct) -> Json {
    Json::Object(message.fields.into_iter().map(|(name, value)| (name, from_value(value))).collect())
}

fn from_value(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::NumberValue(number)) => from_number(number),
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::StructValue(message)) => from_struct(message),
        Some(Kind::ListValue(list)) => Json::Array(list.values.into_iter().map(from_value).collect()),
    }
}

/// A `Struct` has only doubles. One that is a whole number was written as one.
fn from_number(number: f64) -> Json {
    // Beyond 2^53 a double no longer tells neighbouring integers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "the range was checked, and the fraction is zero")]
        return Json::Integer(number as i128);
    }
    Json::Float(number)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What Envoy does to YAML on its way to the plugin.
    pub(crate) fn to_struct(json: &Json) -> Vec<u8> {
        let Json::Object(members) = json else { panic!("a Struct is an object") };
        fields(members).encode_to_vec()
    }

    fn fields(members: &[(String, Json)]) -> Struct {
        Struct { fields: members.iter().map(|(n, v)| (n.clone(), value(v))).collect() }
    }

    fn value(json: &Json) -> Value {
        let kind = match json {
            Json::Null => Kind::NullValue(0),
            Json::Bool(b) => Kind::BoolValue(*b),
            Json::Integer(n) => Kind::NumberValue(*n as f64),
            Json::Float(n) => Kind::NumberValue(*n),
            Json::String(s) => Kind::StringValue(s.clone()),
            Json::Array(items) => Kind::ListValue(prost_types::ListValue { values: items.iter().map(value).collect() }),
            Json::Object(members) => Kind::StructValue(fields(members)),
        };
        Value { kind: Some(kind) }
    }

    #[test]
    fn both_forms_of_one_configuration_read_alike() {
        let text = br#"{"a":{"b":[1,"x",true,null,0.5]},"c":"0123456789"}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(parse(text), Ok(json.clone()));
        assert_eq!(parse(&to_struct(&json)), Ok(json));
    }

    #[test]
    fn json_text_that_begins_with_a_line_feed_is_still_json() {
        let text = b"\n{\"realm\":\"a\",\"issuers\":[]}";
        assert!(matches!(parse(text), Ok(Json::Object(members)) if members.len() == 2));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bytes in [&b""[..], b"realm: x", b"\x0a\xff\xff", b"\xff\xfe"] {
            assert!(parse(bytes).unwrap_err().starts_with("the configuration is "), "{bytes:?}");
        }
    }
}
