//! The facts of one request: what the client sent and which route Envoy chose. Built once, by the shell.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use crate::abi::{Places, places, read_pairs};
use crate::identity::is_alike;

/// The request's header fields as Envoy gives them: names in lower case, pseudo headers among them, repeated fields
/// as separate entries (but for `authorization`, whose values Envoy joins with a comma). Values are bytes: a client
/// may send what is not UTF-8.
#[derive(Clone, Default)]
pub struct RequestHead {
    /// Where all names and values stand.
    map: Vec<u8>,
    places: Places,
    method: Only,
    path: Only,
    authority: Only,
    has_body: bool,
}

/// Which of the fields has a certain name, where it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Only {
    #[default]
    None,
    One(usize),
    Several,
}

impl Only {
    fn add(&mut self, field: usize) {
        *self = if *self == Self::None { Self::One(field) } else { Self::Several };
    }
}

impl RequestHead {
    /// From fields that no host passed.
    pub fn new(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let mut head = Self::default();
        let mut append = |text: &[u8]| {
            let start = head.map.len();
            head.map.extend(text);
            start..head.map.len()
        };
        let places = fields.iter().map(|(name, value)| (append(name), append(value))).collect();
        Self::of(head.map, places)
    }

    /// Takes the map over as the host passes it; `None` where it is none.
    pub fn read(map: Vec<u8>) -> Option<Self> {
        let places = places(&map)?;
        Some(Self::of(map, places))
    }

    /// The same, where more of the request follows.
    #[must_use]
    pub fn with_body(self, has_body: bool) -> Self {
        Self { has_body, ..self }
    }

    pub fn has_body(&self) -> bool {
        self.has_body
    }

    fn of(map: Vec<u8>, places: Places) -> Self {
        let mut head = Self { map, places, ..Self::default() };
        let (mut method, mut path, mut authority) = <(Only, Only, Only)>::default();
        for (at, name) in head.names().enumerate().filter(|(_, name)| name.starts_with(b":")) {
            match name.to_ascii_lowercase().as_slice() {
                b":method" => method.add(at),
                b":path" => path.add(at),
                b":authority" => authority.add(at),
                _ => {}
            }
        }
        (head.method, head.path, head.authority) = (method, path, authority);
        head
    }

    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let text = |place: &Range<usize>| self.map.get(place.clone()).unwrap_or_default();
        self.places.iter().map(move |(name, value)| (text(name), text(value)))
    }

    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.fields().map(|(name, _)| name)
    }

    /// Every value of that field, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields().filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The field's only value. `None` where there is none, several, or one that is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(value), None) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    fn only(&self, field: Only) -> Option<&str> {
        let Only::One(at) = field else { return None };
        let (_, value) = self.places.get(at)?;
        std::str::from_utf8(self.map.get(value.clone())?).ok()
    }

    pub fn method(&self) -> Option<&str> {
        self.only(self.method)
    }

    /// Whether there is no path at all, as with CONNECT.
    pub fn has_no_path(&self) -> bool {
        self.path == Only::None
    }

    pub fn has_no_authority(&self) -> bool {
        self.authority == Only::None
    }

    /// Path and query, as the client sent them and as Envoy's own normalization left them.
    pub fn path(&self) -> Option<&str> {
        self.only(self.path)
    }

    pub fn authority(&self) -> Option<&str> {
        self.only(self.authority)
    }

    /// Whether there was TLS. The scheme alone does not tell: over HTTP/2 a client writes what it likes, and Envoy leaves it.
    /// `x-forwarded-proto` alone does not either, for a hop that is believed may pass on what its own client sent.
    pub fn is_https(&self) -> bool {
        [":scheme", "x-forwarded-proto"]
            .iter()
            .all(|name| self.text(name).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")))
    }
}

/// What Envoy says of the route it chose. Read before any header is changed, for a change makes Envoy choose again
/// and a filter does not see what it chose then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    pub name: Option<String>,
    pub metadata: RouteMetadata,
}

/// The route's `filter_metadata` under `postern`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RouteMetadata {
    #[default]
    Absent,
    Present {
        rule: Option<String>,
        capabilities: Option<String>,
    },
    /// There is metadata for us, and not in a form that we know: whoever wrote it meant to protect something.
    Malformed,
}

impl RouteMetadata {
    /// Reads the map as the host passes it.
    pub fn read(fields: &[u8]) -> Self {
        let Some(fields) = read_pairs(fields) else {
            return Self::Malformed;
        };
        Self::of(fields.into_iter().map(|(name, value)| (name, String::from_utf8(value).ok())))
    }

    /// Of fields with their values; one that is no text is `None`.
    pub fn of<N: AsRef<[u8]>>(fields: impl IntoIterator<Item = (N, Option<String>)>) -> Self {
        let (mut rule, mut capabilities) = (None, None);
        for (name, value) in fields {
            let Some(value) = value else {
                return Self::Malformed;
            };
            match name.as_ref() {
                b"rule" => rule = Some(value),
                b"capabilities" => capabilities = Some(value),
                // A misspelt field was meant to ask for something.
                _ => return Self::Malformed,
            }
        }
        Self::Present { rule, capabilities }
    }
}

/// On an upgrade Envoy passes `Connection` on, and with it the names of fields that the next hop is to drop (RFC 9110
/// §7.6.1): no client may name ours.
pub fn hop_by_hop(head: &RequestHead) -> Option<Mutation> {
    let usual =
        |option: &[u8]| ["upgrade", "keep-alive"].iter().any(|name| option.eq_ignore_ascii_case(name.as_bytes()));
    let options = || head.values("connection").flat_map(|value| value.split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    let upgrades = || head.values("upgrade").next().is_some();
    (!options().all(usual) && upgrades()).then(|| Mutation::set("connection", *b"Upgrade"))
}

/// Fields by which some frameworks let a request have another method.
pub const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Fields by which a service may take the request for another than the rules have looked at: method overrides, and
/// spellings of conditions that some servers take for the condition itself.
pub fn misleading(head: &RequestHead) -> Vec<Mutation> {
    const CONDITIONS: [&str; 3] = ["if-match", "if-none-match", "content-range"];
    let alike = |name: &[u8], known: &[&str]| known.iter().any(|known| is_alike(name, known));
    let is_plain = |name: &[u8]| CONDITIONS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    let misleads = |name: &&[u8]| alike(name, &METHOD_OVERRIDES) || (alike(name, &CONDITIONS) && !is_plain(name));
    head.names().filter(misleads).map(|name| Mutation::remove(name.to_vec())).collect()
}

/// A change to the request's header fields. Copies share their text, since those of one token are made once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    Remove(Cow<'static, [u8]>),
    Set(Rc<str>, Rc<[u8]>),
    /// Sets what is not there: Envoy need not look for it, which costs more than all else about a field.
    Add(Rc<str>, Rc<[u8]>),
}

impl Mutation {
    pub fn remove(name: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::Remove(name.into())
    }

    pub fn set(name: impl Into<Rc<str>>, value: impl Into<Rc<[u8]>>) -> Self {
        Self::Set(name.into(), value.into())
    }

    pub fn add(name: impl Into<Rc<str>>, value: impl Into<Rc<[u8]>>) -> Self {
        Self::Add(name.into(), value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stands_twice_or_is_not_utf_8_has_no_text() {
        let head = RequestHead::new(vec![
            (b"accept".to_vec(), b"a".to_vec()),
            (b"accept".to_vec(), b"b".to_vec()),
            (b"x-bytes".to_vec(), vec![0xff]),
            (b":method".to_vec(), b"GET".to_vec()),
        ]);
        assert_eq!(head.values("accept").count(), 2);
        assert_eq!(head.text("accept"), None);
        assert_eq!(head.text("x-bytes"), None);
        assert_eq!(head.method(), Some("GET"));
    }

    #[test]
    fn a_pseudo_header_that_stands_twice_or_is_not_utf_8_is_there_and_has_no_text() {
        type Read = fn(&RequestHead) -> Option<&str>;
        type Is = fn(&RequestHead) -> bool;
        let rows: [(&str, Read, Is); 3] = [
            (":method", RequestHead::method, |head| head.method == Only::None),
            (":path", RequestHead::path, RequestHead::has_no_path),
            (":authority", RequestHead::authority, RequestHead::has_no_authority),
        ];
        for (name, read, is_absent) in rows {
            let capitals = name.to_ascii_uppercase();
            for (fields, text, is_there) in [
                (&[][..], None, false),
                (&[("x", &b"a"[..])], None, false),
                (&[(name, b"a")], Some("a"), true),
                (&[(&capitals, b"a")], Some("a"), true),
                (&[(name, b"")], Some(""), true),
                (&[(name, b"\xff")], None, true),
                (&[(name, b"a"), (name, b"a")], None, true),
                (&[(name, b"a"), (&capitals, b"b")], None, true),
                (&[(name, b"a"), ("x", b"a"), (name, b"b"), (name, b"c")], None, true),
            ] {
                let head = RequestHead::new(
                    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect(),
                );
                assert_eq!(read(&head), text, "{fields:?}");
                assert_eq!(is_absent(&head), !is_there, "{fields:?}");
            }
        }
    }
}
