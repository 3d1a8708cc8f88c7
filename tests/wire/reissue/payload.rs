//! The claims of a token as they are written, byte for byte, and what differs between two.

#[path = "../../support/members.rs"]
mod written;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use written::members;

/// The middle part of a token.
pub fn payload(token: &str) -> String {
    let part = token.split('.').nth(1).expect("a token of three parts");
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("text")
}

/// What differs between two payloads: `-` was there, `+` is there now.
pub fn difference(before: &str, now: &str) -> Vec<String> {
    let (before, now) = (members(before), members(now));
    let line = |sign: char, (name, value): &(String, String)| format!("{sign} {name}: {value}");
    let gone = before.iter().filter(|member| !now.contains(member)).map(|member| line('-', member));
    let come = now.iter().filter(|member| !before.contains(member)).map(|member| line('+', member));
    gone.chain(come).collect()
}

/// The members but those of these names, however they are spelled.
pub fn but(object: &str, names: &[&str]) -> Vec<(String, String)> {
    members(object).into_iter().filter(|(name, _)| !names.contains(&read(name).as_str())).collect()
}

/// The value of the only member of this name, as it is written.
pub fn value(object: &str, name: &str) -> Option<String> {
    let mut found = members(object).into_iter().filter(|(other, _)| read(other) == name).map(|(_, value)| value);
    let first = found.next();
    assert_eq!(found.next(), None, "{name} twice: {object}");
    first
}

fn read(name: &str) -> String {
    serde_json::from_str(name).expect("a text")
}

#[test]
fn members_are_taken_as_they_are_written() {
    let text = r#" {"a":1.0, "b:,":"\"},:","c" : [1,{"d":"]"}] ,"":{"e":{}},"f":"\\"} "#;
    let wanted = [
        ("\"a\"", "1.0"),
        ("\"b:,\"", r#""\"},:""#),
        ("\"c\"", r#"[1,{"d":"]"}]"#),
        ("\"\"", r#"{"e":{}}"#),
        ("\"f\"", r#""\\""#),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(members(text), wanted);
    assert_eq!(difference(r#"{"a":1,"b":2}"#, r#"{"a":1.0,"b":2}"#), [r#"- "a": 1"#, r#"+ "a": 1.0"#]);
    assert_eq!(but(r#"{"\u0061":1,"b":2}"#, &["a"]), [("\"b\"".to_owned(), "2".to_owned())]);
    assert_eq!(value(r#"{"\u0061":1,"b":2}"#, "a").as_deref(), Some("1"));
}
