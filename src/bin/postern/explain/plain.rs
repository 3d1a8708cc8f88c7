//! Text that may be shown: nothing in it acts on a terminal, and no token is in it.

use serde_json::Value;

use crate::acts::{escaped, escaped_json};

/// Longest text of a token or a header that is shown.
const LONGEST: usize = 400;

/// What is shorter may be any word.
const SHORTEST_TOKEN: usize = 12;

/// One line, with escapes for what acts.
pub fn line(text: &str) -> String {
    let text = without_tokens(text, &[]);
    match text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)) {
        Some(beginning) => format!("{}… ({} characters)", escaped(beginning), text.chars().count()),
        None => escaped(&text),
    }
}

/// The document, with JSON's own escapes for what acts.
pub fn json(value: &Value) -> String {
    escaped_json(&without_tokens(&format!("{value:#}"), &[]))
}

/// The text with something else in the place of every token.
pub fn without_tokens(text: &str, known: &[&str]) -> String {
    let mut plain = text.to_owned();
    for token in known.iter().filter(|token| token.len() >= SHORTEST_TOKEN) {
        plain = plain.replace(token, &hidden(token));
    }
    let mut shown = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    // Also where nobody knows of it, as in a claim: what begins as every JOSE header does and has three parts.
    while let Some((before, token)) = rest.find("eyJ").and_then(|at| rest.split_at_checked(at)) {
        let end = token.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(token.len());
        let (token, after) = token.split_at_checked(end).unwrap_or((token, ""));
        shown.push_str(before);
        shown.push_str(&if token.split('.').count() >= 3 { hidden(token) } else { token.to_owned() });
        rest = after;
    }
    shown + rest
}

fn hidden(token: &str) -> String {
    format!("(a token of {} characters)", token.chars().count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::acts::acts;

    #[test]
    fn nothing_that_acts_is_left() {
        let hostile = "a\u{1b}[2J\r\n\u{9b}b\u{202e}c\u{200b}é";
        let plain = line(hostile);
        assert!(!plain.chars().any(acts), "{plain}");
        assert!(plain.contains("\\u{1b}[2J") && plain.ends_with('é'), "{plain}");
        let written = json(&json!({"a": [hostile, "\u{e0001}"]}));
        assert!(!written.chars().any(|c| acts(c) && c != '\n'), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!({"a": [hostile, "\u{e0001}"]}));
        assert!(line(&"a".repeat(5000)).chars().count() < 450);
    }

    #[test]
    fn no_token_is_left() {
        for (text, want) in [
            ("Bearer T0K-0123-abc", "Bearer (a token of 12 characters)"),
            ("Bearer eyJa.b.c", "Bearer (a token of 8 characters)"),
            ("/a?x=T0K-0123-abc&y", "/a?x=(a token of 12 characters)&y"),
            ("alice", "alice"),
            ("{\"a\":\"eyJa.b.c\",\"b\":\"eyJ0\"}", "{\"a\":\"(a token of 8 characters)\",\"b\":\"eyJ0\"}"),
            ("a=eyJ.e-_J.x,eyJa.b.c.d.e", "a=(a token of 10 characters),(a token of 12 characters)"),
        ] {
            assert_eq!(without_tokens(text, &["T0K-0123-abc", "", "li"]), want);
        }
    }
}
