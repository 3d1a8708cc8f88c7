//! JSON from outside: tokens, key sets, discovery documents and the plugin's own configuration.
//!
//! A general JSON value keeps one of two members with the same name, and which one differs from library to library:
//! two readers of one token then see two tokens (RFC 8725 §2.4). This value keeps all members in order, so that the
//! caller can refuse the document ([`Json::first_duplicate`]), and it is parsed with a limit on nesting, because a
//! worker's stack is small and running out of it takes the worker's whole VM.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of arrays and objects that is read. Real tokens and key sets use four or five levels.
pub const MAX_DEPTH: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A number that is written as an integer and fits.
    Integer(i128),
    /// Any other number. Nothing in a token that we decide on may be one.
    Float(f64),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads one JSON document; white space may follow it, nothing else.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        // JSON is UTF-8 (RFC 8259 §8.1). Seen to once for all of it, it need not be for each string.
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = AtDepth(0)
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|e| e.to_string())?;
        Ok(value)
    }

    /// As [`Json::parse`], refusing documents in which a member name stands twice in one object.
    pub fn parse_unique(bytes: &[u8]) -> Result<Self, String> {
        let value = Self::parse(bytes)?;
        match value.first_duplicate() {
            Some(_) => Err("a member name stands twice in one object".to_owned()),
            None => Ok(value),
        }
    }

    /// The first member name that stands twice in one object, at any depth.
    pub fn first_duplicate(&self) -> Option<&str> {
        match self {
            Self::Object(members) => {
                duplicate_name(members).or_else(|| members.iter().find_map(|(_, value)| value.first_duplicate()))
            }
            Self::Array(items) => items.iter().find_map(Self::first_duplicate),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Float(_) | Self::String(_) => None,
        }
    }

    /// The member of that name, where this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub fn as_integer(&self) -> Option<i128> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// What this is, in the words of RFC 8259, for error messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Sorts the names rather than comparing each with each: a sender chooses how many there are.
fn duplicate_name(members: &[(String, Json)]) -> Option<&str> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b).map(|(name, _)| *name)
}

/// Reads a value that stands below this many arrays and objects.
struct AtDepth(usize);

impl<'de> DeserializeSeed<'de> for AtDepth {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl AtDepth {
    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        if self.0 < MAX_DEPTH {
            Ok(self.0.saturating_add(1))
        } else {
            Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")))
        }
    }
}

impl<'de> Visitor<'de> for AtDepth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Self(depth))? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let depth = self.deeper()?;
        // Most documents have some dozen members, and what is in them has few.
        let mut members = Vec::with_capacity(if self.0 == 0 { 16 } else { 0 });
        while let Some(name) = access.next_key::<String>()? {
            members.push((name, access.next_value_seed(Self(depth))?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_whole_or_not_at_all() {
        struct Case {
            name: &'static str,
            text: &'static [u8],
            ok: bool,
        }
        let cases = [
            Case { name: "object", text: br#"{"a":[1,-2,"x",null,true]}"#, ok: true },
            Case { name: "white space after", text: b"{}\n \t", ok: true },
            Case { name: "two documents", text: b"{}{}", ok: false },
            Case { name: "junk after", text: b"{}x", ok: false },
            Case { name: "NUL after", text: b"{}\0", ok: false },
            Case { name: "byte order mark", text: b"\xef\xbb\xbf{}", ok: false },
            Case { name: "not UTF-8", text: b"\"\xff\"", ok: false },
            Case { name: "lone surrogate", text: br#""\ud800""#, ok: false },
            Case { name: "leading zero", text: b"01", ok: false },
            Case { name: "plus sign", text: b"+1", ok: false },
            Case { name: "NaN", text: b"NaN", ok: false },
            Case { name: "number out of range", text: b"1e400", ok: false },
            Case { name: "empty", text: b"", ok: false },
        ];
        for Case { name, text, ok } in cases {
            assert_eq!(Json::parse(text).is_ok(), ok, "{name}");
        }
    }

    #[test]
    fn nesting_is_read_up_to_the_limit_and_no_deeper() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(Json::parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(Json::parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(Json::parse("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_name_that_stands_twice_is_found_at_any_depth_and_in_any_spelling() {
        struct Case {
            name: &'static str,
            text: &'static str,
            duplicate: Option<&'static str>,
        }
        let cases = [
            Case { name: "none", text: r#"{"a":1,"b":{"a":1}}"#, duplicate: None },
            Case { name: "at the top", text: r#"{"a":1,"b":2,"a":3}"#, duplicate: Some("a") },
            Case { name: "escaped twin", text: r#"{"exp":1,"\u0065xp":2}"#, duplicate: Some("exp") },
            Case { name: "inside an array", text: r#"{"a":[{"b":1,"b":2}]}"#, duplicate: Some("b") },
        ];
        for Case { name, text, duplicate } in cases {
            let value = Json::parse(text.as_bytes()).unwrap();
            assert_eq!(value.first_duplicate(), duplicate, "{name}");
            assert_eq!(Json::parse_unique(text.as_bytes()).is_err(), duplicate.is_some(), "{name}");
        }
    }

    #[test]
    fn only_a_number_written_as_an_integer_is_one() {
        for (text, integer) in [
            ("10", Some(10)),
            ("-1", Some(-1)),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("1.0", None),
            ("1e3", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().as_integer(), integer, "{text}");
        }
    }
}
