//! The one normal form of a path, for the rules and for requests alike.
//!
//! A rule on a path protects something only if the service behind reads the path as we do. Where servers are known to
//! differ (encoded slashes and dots, backslashes, empty and dot segments, path parameters, double encoding) there is no
//! reading to rely on, and the path is not interpreted but refused. What is left differs at most in percent-encoding
//! that every server undoes once; it is undone here, so that `/%61dmin` falls under the rule for `/admin`.

use crate::percent;
use crate::request::RequestHead;

/// A path, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadPath {
    /// Decoded, beginning with `/`, with no empty or dot segment but for a final `/`.
    Plain(String),
    /// There is more than one way to read it.
    Ambiguous,
    /// The request has none (CONNECT).
    Absent,
}

/// The path of a request. One that is there and cannot be read is not the same as none.
pub fn path_of(head: &RequestHead) -> ReadPath {
    match head.path() {
        Some(path) => read_path(path),
        None if head.has_no_path() => ReadPath::Absent,
        None => ReadPath::Ambiguous,
    }
}

/// Reads a path, leaving a query out: what is asked for is never in the query.
pub fn read_path(path_and_query: &str) -> ReadPath {
    let (path, _) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    plain(path).map_or(ReadPath::Ambiguous, ReadPath::Plain)
}

fn plain(path: &str) -> Option<String> {
    if path.bytes().any(|b| matches!(b, b'\\' | b'#' | b';') || !b.is_ascii_graphic()) {
        return None;
    }
    let decoded = if path.contains('%') { decoded(path)? } else { path.to_owned() };
    let rest = decoded.strip_prefix('/')?;
    let mut segments = rest.split('/');
    let last = segments.next_back();
    let readable = |segment: &str| !matches!(segment, "." | "..");
    // Only the last segment may be empty: `/a/` is a path of its own, `/a//b` is read in two ways.
    let ok = segments.all(|segment| !segment.is_empty() && readable(segment)) && last.is_none_or(readable);
    ok.then_some(decoded)
}

fn decoded(path: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%2e"].iter().any(|escape| lower.contains(escape)) {
        return None;
    }
    let decoded = String::from_utf8(percent::decode(path.as_bytes())?).ok()?;
    // What was encoded must not mean something once decoded, and an escape that was encoded itself is another character
    // for a server that decodes twice.
    let meaningful = |c: char| c.is_control() || matches!(c, '\\' | '#' | ';' | '?');
    if decoded.contains(meaningful) || holds_an_escape(&decoded) { None } else { Some(decoded) }
}

fn holds_an_escape(decoded: &str) -> bool {
    decoded.split('%').skip(1).any(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_one_reading_is_decoded_and_loses_its_query() {
        for (path, want) in [
            ("/", "/"),
            ("/api/tap", "/api/tap"),
            ("/api/tap/", "/api/tap/"),
            ("/api/tap?x=/../%2e%2e;//", "/api/tap"),
            ("/%61dmin", "/admin"),
            ("/a%20b/%C3%A9", "/a b/é"),
            ("/100%25", "/100%"),
            ("/100%25.fits", "/100%.fits"),
            ("/.well-known/x", "/.well-known/x"),
            ("/...", "/..."),
            ("/a.b/..c", "/a.b/..c"),
            ("/Admin", "/Admin"),
        ] {
            assert_eq!(read_path(path), ReadPath::Plain(want.to_owned()), "{path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_not_interpreted() {
        for path in [
            "",
            "*",
            "admin",
            "//",
            "//admin",
            "/a//b",
            "/a//",
            "/./admin",
            "/.",
            "/a/.",
            "/a/..",
            "/a/../admin",
            "/a/%2e%2e/admin",
            "/a/%2E/admin",
            "/a%2eb",
            "/%2Ewell-known/x",
            "/a%2fadmin",
            "/a%2Fadmin",
            "/a%5cadmin",
            "/a%5Cadmin",
            "/a\\admin",
            "/a%00b",
            "/a%0d%0ab",
            "/a%7f",
            "/a%1f",
            "/admin;x=1/b",
            "/a/..;/admin",
            "/a%3b",
            "/admin#f",
            "/a b",
            "/%252e%252e/admin",
            "/a%252fb",
            "/..%c0%af/",
            "/%c0%ae%c0%ae/",
            "/%ff",
            "/%",
            "/%2",
            "/%zz",
            "/a\u{e9}",
            "/%C2%85",
            "/%25%36%31dmin",
            "/a/%25%32%65%25%32%65/b",
            "/admin%3fx",
            "/admin%23",
        ] {
            assert_eq!(read_path(path), ReadPath::Ambiguous, "{path:?}");
        }
    }

    #[test]
    fn reading_a_plain_path_again_changes_nothing() {
        // What was decoded is written again as a client has to write it.
        for path in ["/", "/api/tap/", "/.well-known/x", "/a%20b", "/%C3%A9", "/100%25", "/a%25zz"] {
            let ReadPath::Plain(once) = read_path(path) else { panic!("{path}") };
            let written = once.replace('%', "%25").replace(' ', "%20").replace('é', "%C3%A9");
            assert_eq!(read_path(&written), ReadPath::Plain(once), "{path}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_is_not_the_same_as_none() {
        let head =
            |paths: &[&[u8]]| RequestHead::new(paths.iter().map(|path| (b":path".to_vec(), path.to_vec())).collect());
        assert_eq!(path_of(&head(&[])), ReadPath::Absent);
        assert_eq!(path_of(&head(&[b"/a"])), ReadPath::Plain("/a".to_owned()));
        assert_eq!(path_of(&head(&[b"/a?\xff"])), ReadPath::Ambiguous);
        assert_eq!(path_of(&head(&[b"/a", b"/b"])), ReadPath::Ambiguous);
    }
}
