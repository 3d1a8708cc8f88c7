//! What COPY and MOVE write to (RFC 4918 §9.8, §9.9).
//!
//! These methods name a second path in a header, which no route and no rule for the request's own path has looked at.

use super::path::{ReadPath, path_of, read_path};
use crate::denial::Denial;
use crate::request::RequestHead;

/// The paths, in their normal form, that are written beside what other methods do to their own path.
pub(super) fn written(head: &RequestHead) -> Result<Vec<String>, Denial> {
    if !copies_or_moves(head) {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    let named = head.values("destination").next().is_some();
    if named {
        paths.push(destination(head).ok_or(Denial::AmbiguousDestination)?);
    }
    // A copy from elsewhere (third-party copies do so) writes here, and so may one that does not say where to.
    if !named || comes_from_elsewhere(head) {
        match path_of(head) {
            ReadPath::Plain(path) => paths.push(path),
            ReadPath::Ambiguous | ReadPath::Absent => return Err(Denial::AmbiguousPath),
        }
    }
    Ok(paths)
}

/// Methods are case-sensitive, and not every server knows it.
fn copies_or_moves(head: &RequestHead) -> bool {
    let method = head.values(":method").next().unwrap_or_default();
    method.eq_ignore_ascii_case(b"COPY") || method.eq_ignore_ascii_case(b"MOVE")
}

pub(super) fn comes_from_elsewhere(head: &RequestHead) -> bool {
    head.values("source").next().is_some()
}

/// An absolute path, or a URI on the request's own host: on another host other rules hold, which are not asked here.
fn destination(head: &RequestHead) -> Option<String> {
    let text = head.text("destination")?;
    if text.contains(['?', '#']) {
        return None;
    }
    let path = if text.starts_with('/') {
        text
    } else {
        let (scheme, rest) = text.split_once("://")?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return None;
        }
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let same = bare(authority).eq_ignore_ascii_case(bare(head.authority()?));
        if !same {
            return None;
        }
        if path.is_empty() { "/" } else { path }
    };
    match read_path(path) {
        ReadPath::Plain(path) => Some(path),
        ReadPath::Ambiguous | ReadPath::Absent => None,
    }
}

/// Without the ports that clients write in one place and leave out in the other.
fn bare(authority: &str) -> &str {
    [":443", ":80"].iter().find_map(|port| authority.strip_suffix(port)).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, fields: &[(&str, &str)]) -> RequestHead {
        let all = [&[(":method", method), (":path", "/own"), (":authority", "a.test")], fields].concat();
        RequestHead::new(all.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect())
    }

    #[test]
    fn a_destination_is_a_path_on_the_same_host() {
        for (value, want) in [
            ("/b", Some("/b")),
            ("/b/%61/", Some("/b/a/")),
            ("http://a.test/b", Some("/b")),
            ("HTTPS://A.test:443/b", Some("/b")),
            ("https://a.test", Some("/")),
            ("https://b.test/b", None),
            ("https://a.test:8443/b", None),
            ("https://a.test@b.test/b", None),
            ("https://x@a.test/b", None),
            ("https://a.test\\@b.test/b", None),
            ("https:///b", None),
            ("//b.test/b", None),
            ("ftp://a.test/b", None),
            ("b", None),
            ("", None),
            ("/b?x", None),
            ("/b#x", None),
            ("/a/../b", None),
            ("/a%2fb", None),
            ("/a\\b", None),
            ("/b ", None),
        ] {
            let want = want.map(|path| vec![path.to_owned()]).ok_or(Denial::AmbiguousDestination);
            for method in ["COPY", "MOVE", "move"] {
                assert_eq!(written(&head(method, &[("destination", value)])), want, "{method} {value:?}");
            }
        }
        assert_eq!(
            written(&head("MOVE", &[("destination", "/a"), ("destination", "/b")])),
            Err(Denial::AmbiguousDestination)
        );
    }

    #[test]
    fn a_copy_from_elsewhere_or_to_nowhere_writes_its_own_path() {
        for (fields, want) in [
            (&[][..], &["/own"][..]),
            (&[("source", "https://b.test/x")], &["/own"]),
            (&[("source", "https://b.test/x"), ("destination", "/b")], &["/b", "/own"]),
        ] {
            assert_eq!(written(&head("COPY", fields)).unwrap(), want, "{fields:?}");
        }
        assert_eq!(written(&head("PUT", &[("destination", "/b")])), Ok(Vec::new()));
    }
}
