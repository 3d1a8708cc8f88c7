//! The claims of a token as they are written, so that what is not ours goes on byte for byte (DMTN-094 §4.5).
//!
//! A number that is read and written again may become another (`1.0`, `1e3`), and so may a text with escapes: members are
//! copied and never made anew.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one object, in order.
pub struct Members<'a>(Vec<Member<'a>>);

struct Member<'a> {
    name: String,
    /// As it is written, with its quotes.
    written_name: &'a str,
    value: &'a str,
}

impl<'a> Members<'a> {
    /// `None` where it is no object.
    pub fn read(object: &'a str) -> Option<Self> {
        serde_json::from_str(object).ok()
    }

    /// The value of that name, as it is written.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|member| member.name == name).map(|member| member.value)
    }

    /// The object with these members set, each where it stood or else at the end, and without those of which `leave_out`
    /// says so. What is set is written already.
    pub fn rewritten(&self, set: &[(&str, String)], leave_out: impl Fn(&str) -> bool) -> String {
        let mut written = String::from("{");
        let mut write = |name: &str, value: &str| {
            if written.len() > 1 {
                written.push(',');
            }
            written.extend([name, ":", value]);
        };
        for Member { name, written_name, value } in &self.0 {
            if let Some((_, new)) = set.iter().find(|(changed, _)| changed == name) {
                write(written_name, new);
            } else if !leave_out(name) {
                write(written_name, value);
            }
        }
        for (name, value) in set.iter().filter(|(name, _)| self.get(name).is_none()) {
            write(&quoted(name), value);
        }
        written.push('}');
        written
    }
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An object of members that are written already, where they are there.
pub fn object(members: &[(&str, Option<&str>)]) -> String {
    let there = members.iter().filter_map(|(name, value)| Some(format!("{}:{}", quoted(name), (*value)?)));
    format!("{{{}}}", there.collect::<Vec<_>>().join(","))
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMembers;

        impl<'de> Visitor<'de> for OfMembers {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = access.next_entry::<&'de RawValue, &'de RawValue>()? {
                    let written_name = name.get();
                    let name = serde_json::from_str(written_name).map_err(serde::de::Error::custom)?;
                    members.push(Member { name, written_name, value: value.get() });
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(OfMembers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(object: &str, set: &[(&str, &str)], leave_out: &[&str]) -> Option<String> {
        let set: Vec<(&str, String)> = set.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Some(Members::read(object)?.rewritten(&set, |name| leave_out.contains(&name)))
    }

    #[test]
    fn what_is_not_set_is_written_as_it_was() {
        for (name, object, set, leave_out, want) in [
            ("nothing", "{}", &[][..], &[][..], "{}"),
            ("numbers", r#"{"a":1.0,"b":1e3,"c":-0,"d":12345678901234567890123}"#, &[], &[], "same"),
            ("escapes", r#"{"\u0061":"\u00e9\/","b":"\ud83d\ude00"}"#, &[], &[], "same"),
            ("order", r#"{"z":1,"a":{"y":[ 1, 2 ],"b":null}}"#, &[], &[], "same"),
            ("set where it stood", r#"{"a":1,"exp":1.0,"b":2}"#, &[("exp", "7")], &[], r#"{"a":1,"exp":7,"b":2}"#),
            ("set under its own spelling", r#"{"\u0065xp":1}"#, &[("exp", "7")], &[], r#"{"\u0065xp":7}"#),
            ("set at the end", r#"{"a":1}"#, &[("jti", "\"x\""), ("iat", "2")], &[], r#"{"a":1,"jti":"x","iat":2}"#),
            ("set in nothing", "{}", &[("jti", "1")], &[], r#"{"jti":1}"#),
            ("left out", r#"{"a":1,"b":2,"c":3}"#, &[], &["a", "c"], r#"{"b":2}"#),
            ("left out by its meaning", r#"{"\u0061":1,"b":2}"#, &[], &["a"], r#"{"b":2}"#),
            ("all left out", r#"{"a":1}"#, &[], &["a"], "{}"),
            ("set and not left out", r#"{"a":1}"#, &[("a", "2")], &["a"], r#"{"a":2}"#),
            ("white space between", "{ \"a\" : 1 ,\n\"b\":[ 1 ] }", &[], &[], r#"{"a":1,"b":[ 1 ]}"#),
        ] {
            let want = if want == "same" { object } else { want };
            assert_eq!(rewritten(object, set, leave_out).as_deref(), Some(want), "{name}");
        }
        for bad in ["", "[]", "1", "null", "{", "{}{}", r#"{"a"}"#, r#"{1:2}"#] {
            assert_eq!(rewritten(bad, &[], &[]), None, "{bad}");
        }
    }

    #[test]
    fn an_object_has_what_is_there() {
        assert_eq!(object(&[("a", Some("1")), ("b", None), ("c", Some("\"x\""))]), r#"{"a":1,"c":"x"}"#);
        assert_eq!(object(&[("a", None)]), "{}");
        assert_eq!(quoted("a\"\n\\"), r#""a\"\n\\""#);
    }
}
