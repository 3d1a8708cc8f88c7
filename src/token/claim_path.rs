//! The paths under which an issuer keeps its claims.

use crate::json::Json;

/// Where in the payload a claim is: `a.b`, `a[].b` for each item of a list, `["https://ns/x"]` for a name with dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Member(String),
    EachItem,
}

impl ClaimPath {
    /// A path whose segments are literal names.
    pub fn literal(names: Vec<String>) -> Self {
        Self(names.into_iter().map(Segment::Member).collect())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]") {
                // A list is what some name leads to.
                segments.last()?;
                segments.push(Segment::EachItem);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (name, after) = after.split_once("\"]")?;
                segments.push(Segment::Member(name.to_owned()));
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end)?;
                // A URL that is not quoted would be cut at its dots.
                if name.is_empty() || name.contains('/') {
                    return None;
                }
                segments.push(Segment::Member(name.to_owned()));
                rest = after;
            }
            if let Some(after) = rest.strip_prefix('.') {
                // A dot stands between two names.
                if after.is_empty() || after.starts_with(['.', '[']) {
                    return None;
                }
                rest = after;
            } else if !rest.is_empty() && !rest.starts_with('[') {
                return None;
            }
        }
        let named = segments.iter().all(|s| !matches!(s, Segment::Member(name) if name.is_empty()));
        (named && !segments.is_empty()).then_some(Self(segments))
    }

    /// Whether the path leads through the claim of that name.
    pub fn begins_with(&self, name: &str) -> bool {
        matches!(self.0.first(), Some(Segment::Member(first)) if first == name)
    }

    /// The claim's name, where the path is no more.
    pub fn only_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Segment::Member(name)] => Some(name),
            _ => None,
        }
    }

    /// Every value at this path, in order.
    pub fn all<'a>(&self, payload: &'a Json) -> Vec<&'a Json> {
        let mut values = Vec::new();
        find(&self.0, payload, &mut |value| {
            values.push(value);
            None::<()>
        });
        values
    }

    pub fn first<'a>(&self, payload: &'a Json) -> Option<&'a Json> {
        find(&self.0, payload, &mut Some)
    }
}

/// Asks for each value at this path in turn, until one is taken.
fn find<'a, T>(path: &[Segment], value: &'a Json, take: &mut impl FnMut(&'a Json) -> Option<T>) -> Option<T> {
    match path.split_first() {
        None => take(value),
        Some((Segment::Member(name), rest)) => find(rest, value.get(name)?, take),
        Some((Segment::EachItem, rest)) => value.as_array()?.iter().find_map(|item| find(rest, item, take)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_path_leads_through_objects_and_lists() {
        let payload = br#"{"uid":"a","o":{"b":{"c":1}},"m":[{"name":"x"},{"id":1},{"name":"y"}],
            "https://ns/x":["r"],"deep":{"a.b":[[1,2],[3]]}}"#;
        let payload = Json::parse(payload).unwrap();
        for (path, want) in [
            ("uid", r#"["a"]"#),
            ("o.b.c", "[1]"),
            ("m[].name", r#"["x","y"]"#),
            (r#"["https://ns/x"]"#, r#"[["r"]]"#),
            (r#"["https://ns/x"][]"#, r#"["r"]"#),
            (r#"deep["a.b"][][]"#, "[1,2,3]"),
            ("missing.b", "[]"),
            ("uid.b", "[]"),
            ("uid[]", "[]"),
        ] {
            let want = Json::parse(want.as_bytes()).unwrap();
            let found = ClaimPath::parse(path).unwrap().all(&payload).into_iter().cloned().collect();
            assert_eq!(Json::Array(found), want, "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        for path in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "[]",
            "a[",
            "a[b]",
            "a[]b",
            "a.[]",
            "[\"a\"",
            "[\"\"]",
            "[\"a\"]b",
            "https://ns/x",
        ] {
            assert_eq!(ClaimPath::parse(path), None, "{path:?}");
        }
    }
}
