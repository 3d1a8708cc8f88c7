//! What a line says of its request beside the record, where that can be seen: time, method, path and status.

use serde_json::Value;

use super::clean::clean;
use super::time;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Seconds since 1970.
    pub time: Option<i64>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub status: Option<u16>,
}

/// Words of a line of text, in the order in which nearly all formats have them: time, method, path, status.
pub fn of_text(before: &str) -> Around {
    let marks = ['[', ']', '"', '\'', '(', ')', ',', '|'];
    let words: Vec<&str> = before.split_whitespace().map(|word| word.trim_matches(marks)).take(MOST_WORDS).collect();
    let at = words.iter().position(|word| word.starts_with('/')).unwrap_or(words.len());
    // What stands behind the path may be a client's.
    let (ahead, behind) = words.split_at_checked(at).unwrap_or((&words, &[]));
    let joined = ahead.windows(2).map(|pair| pair.join(" "));
    let method = ahead.last().filter(|word| is_method(word) && at < words.len());
    Around {
        // A date alone is a time as well, so two words are tried before one.
        time: joined
            .into_iter()
            .find_map(|pair| time::parse(&pair))
            .or_else(|| ahead.iter().find_map(|w| time::parse(w))),
        method: method.map(|method| clean(method)),
        path: behind.first().map(|path| without_query(path)),
        status: behind.iter().skip(1).find_map(|word| status(word)),
    }
}

/// No format has its status behind more words.
const MOST_WORDS: usize = 64;

/// By the names that Envoy's and Istio's samples, and shippers of logs, have for them.
pub fn of_document(document: &Value) -> Around {
    let text = |names: &[&str]| find(document, names, DEEPEST).and_then(Value::as_str);
    let time = find(document, &["start_time", "@timestamp", "timestamp", "time", "ts"], DEEPEST);
    let status_of =
        |value: &Value| value.as_u64().map_or_else(|| value.as_str().and_then(status), |n| u16::try_from(n).ok());
    Around {
        time: time
            .and_then(|value| value.as_str().map_or_else(|| value.as_f64().and_then(time::of_number), time::parse)),
        method: text(&["method", ":method", "request_method"]).map(clean),
        path: text(&["path", ":path", "request_path", "uri", "url"]).map(without_query),
        status: find(document, &["response_code", "status", "status_code", "code"], DEEPEST).and_then(status_of),
    }
}

const DEEPEST: usize = 4;

/// The member by the first of these names, at the least depth.
fn find<'a>(value: &'a Value, names: &[&str], depth: usize) -> Option<&'a Value> {
    let members = value.as_object()?;
    let here = names.iter().find_map(|name| members.get(*name).filter(|value| !value.is_object()));
    here.or_else(|| {
        let deeper = depth.checked_sub(1)?;
        // A record has none of these names.
        members.values().find_map(|value| find(value, names, deeper))
    })
}

/// A careless client puts its token there.
fn without_query(path: &str) -> String {
    clean(path.split_once('?').map_or(path, |(path, _)| path))
}

fn is_method(word: &str) -> bool {
    (3..=20).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')
}

fn status(word: &str) -> Option<u16> {
    if word.len() != 3 {
        return None;
    }
    word.parse().ok().filter(|status| (100..600).contains(status))
}
