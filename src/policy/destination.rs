//! What COPY and MOVE write to (RFC 4918 §9.8, §9.9).
//!
//! These methods name a second path in a header, which no route and no rule for the request's own path has looked at.

use super::path::{ReadPath, path_of, read_path};
use crate::authority::{host, split_userinfo};
use crate::denial::Denial;
use crate::request::RequestHead;

/// What a request does with paths beside what its method does to its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    Nothing,
    /// It writes this path, in its normal form.
    Writes(String),
    /// It writes its own path with what it reads on another host (third-party copies do so).
    ReadsFromAway(String),
}

impl Elsewhere {
    pub(super) fn of(head: &RequestHead) -> Result<Self, Denial> {
        let method = head.values(":method").next().unwrap_or_default();
        // Methods are case-sensitive, and not every server knows it.
        let is = |names: &[&[u8]]| names.iter().any(|name| method.eq_ignore_ascii_case(name));
        if is(&[b"BIND", b"REBIND"]) {
            // RFC 5842 §4: they name their second path in the body.
            return Err(Denial::AmbiguousDestination);
        }
        if !is(&[b"COPY", b"MOVE"]) {
            return Ok(Self::Nothing);
        }
        let named = |name| head.values(name).next().is_some();
        match (named("destination"), named("source")) {
            (true, false) => destination(head).map(Self::Writes).ok_or(Denial::AmbiguousDestination),
            (false, true) if is(&[b"COPY"]) && is_away(head) => own_path(head).map(Self::ReadsFromAway),
            // What a server makes of a copy that does not say where to is not known.
            (false, false) => own_path(head).map(Self::Writes),
            // One server heeds the one of them, another the other.
            (true, true) | (false, true) => Err(Denial::AmbiguousDestination),
        }
    }
}

fn own_path(head: &RequestHead) -> Result<String, Denial> {
    match path_of(head) {
        ReadPath::Plain(path) => Ok(path),
        ReadPath::Ambiguous | ReadPath::Absent => Err(Denial::AmbiguousPath),
    }
}

/// An absolute path, or a URI on the request's own host: on another host other rules hold, which are not asked here.
fn destination(head: &RequestHead) -> Option<String> {
    let text = head.text("destination")?;
    let path = if text.starts_with('/') {
        text
    } else {
        let (authority, path) = split_uri(text)?;
        if !is_own_host(authority, head) {
            return None;
        }
        if path.is_empty() { "/" } else { path }
    };
    if path.contains(['?', '#']) {
        return None;
    }
    match read_path(path) {
        ReadPath::Plain(path) => Some(path),
        ReadPath::Ambiguous | ReadPath::Absent => None,
    }
}

/// Whether `Source` is one URI on a host of another name: on this one it would be a path that is read.
fn is_away(head: &RequestHead) -> bool {
    let name =
        |authority: &str| split_userinfo(authority).is_none().then(|| host(authority)).flatten().map(|host| host.name);
    let one = head.text("source").filter(|text| !text.contains([',', ' ']));
    let there = one.and_then(split_uri).and_then(|(authority, _)| name(authority));
    let here = head.authority().and_then(name);
    there.is_some() && here.is_some() && there != here
}

/// The authority of an http URI, and what follows it.
fn split_uri(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    rest.split_at_checked(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()))
}

fn is_own_host(authority: &str, head: &RequestHead) -> bool {
    head.authority().is_some_and(|own| bare(authority).eq_ignore_ascii_case(bare(own)))
}

/// Without the ports that clients write in one place and leave out in the other.
fn bare(authority: &str) -> &str {
    [":443", ":80"].iter().find_map(|port| authority.strip_suffix(port)).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(method: &str, fields: &[(&str, &str)]) -> Result<Elsewhere, Denial> {
        let all = [&[(":method", method), (":path", "/own"), (":authority", "a.test")], fields].concat();
        Elsewhere::of(&RequestHead::new(
            all.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect(),
        ))
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
            ("https://a.test?/b", None),
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
            let want = want.map(|path| Elsewhere::Writes(path.to_owned())).ok_or(Denial::AmbiguousDestination);
            for method in ["COPY", "MOVE", "move"] {
                assert_eq!(elsewhere(method, &[("destination", value)]), want, "{method} {value:?}");
            }
        }
        let twice = elsewhere("MOVE", &[("destination", "/a"), ("destination", "/b")]);
        assert_eq!(twice, Err(Denial::AmbiguousDestination));
    }

    #[test]
    fn a_source_is_on_another_host_and_alone() {
        const AWAY: &str = "https://b.test/x";
        for (name, method, fields, want) in [
            ("from away", "COPY", &[("source", AWAY)][..], Ok(Elsewhere::ReadsFromAway("/own".to_owned()))),
            ("to nowhere", "COPY", &[], Ok(Elsewhere::Writes("/own".to_owned()))),
            ("moved to nowhere", "MOVE", &[], Ok(Elsewhere::Writes("/own".to_owned()))),
            ("no copy", "PUT", &[("destination", "/b"), ("source", AWAY)], Ok(Elsewhere::Nothing)),
            ("moved from away", "MOVE", &[("source", AWAY)], Err(Denial::AmbiguousDestination)),
            (
                "beside a destination",
                "COPY",
                &[("source", AWAY), ("destination", "/b")],
                Err(Denial::AmbiguousDestination),
            ),
            ("twice", "COPY", &[("source", AWAY), ("source", AWAY)], Err(Denial::AmbiguousDestination)),
            ("empty", "COPY", &[("source", "")], Err(Denial::AmbiguousDestination)),
            ("a path", "COPY", &[("source", "/b")], Err(Denial::AmbiguousDestination)),
            ("on this host", "COPY", &[("source", "https://a.test/b")], Err(Denial::AmbiguousDestination)),
            (
                "on this host, with a port",
                "COPY",
                &[("source", "http://A.test:80/b")],
                Err(Denial::AmbiguousDestination),
            ),
            (
                "on this host, at another port",
                "COPY",
                &[("source", "https://a.test:8443/b")],
                Err(Denial::AmbiguousDestination),
            ),
            ("behind a user", "COPY", &[("source", "https://x@a.test/b")], Err(Denial::AmbiguousDestination)),
            ("with a final dot", "COPY", &[("source", "https://a.test./b")], Err(Denial::AmbiguousDestination)),
            ("with an empty port", "COPY", &[("source", "https://a.test:/b")], Err(Denial::AmbiguousDestination)),
            ("encoded", "COPY", &[("source", "https://a%2etest/b")], Err(Denial::AmbiguousDestination)),
            (
                "two of them",
                "COPY",
                &[("source", "https://b.test/x,https://a.test/x")],
                Err(Denial::AmbiguousDestination),
            ),
            ("on no host", "COPY", &[("source", "https:///b")], Err(Denial::AmbiguousDestination)),
            ("no URI", "COPY", &[("source", "x")], Err(Denial::AmbiguousDestination)),
            ("named in the body", "BIND", &[], Err(Denial::AmbiguousDestination)),
            ("named in the body, in small letters", "rebind", &[], Err(Denial::AmbiguousDestination)),
        ] {
            assert_eq!(elsewhere(method, fields), want, "{name}");
        }
    }
}
