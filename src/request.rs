//! The facts of one request: what the client sent and which route Envoy chose. Built once, by the shell.

use crate::abi::read_pairs;
use crate::identity::is_alike;

/// The request's header fields as Envoy gives them: names in lower case, pseudo headers among them, repeated fields
/// as separate entries (but for `authorization`, whose values Envoy joins with a comma). Values are bytes: a client
/// may send what is not UTF-8.
#[derive(Clone, Default)]
pub struct RequestHead {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl RequestHead {
    pub fn new(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { fields }
    }

    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().map(|(name, _)| name.as_slice())
    }

    /// Every value of that field, in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// The field's only value. `None` where there is none, several, or one that is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(value), None) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    pub fn method(&self) -> Option<&str> {
        self.text(":method")
    }

    /// Path and query, as the client sent them and as Envoy's own normalization left them.
    pub fn path(&self) -> Option<&str> {
        self.text(":path")
    }

    pub fn authority(&self) -> Option<&str> {
        self.text(":authority")
    }

    pub fn is_https(&self) -> bool {
        self.text(":scheme").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
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
        let (mut rule, mut capabilities) = (None, None);
        for (name, value) in fields {
            let Ok(value) = String::from_utf8(value) else {
                return Self::Malformed;
            };
            match name.as_slice() {
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
    let upgrades = head.values("upgrade").next().is_some();
    (upgrades && !options().all(usual)).then(|| Mutation::Set("connection".to_owned(), b"Upgrade".to_vec()))
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
    head.names().filter(misleads).map(|name| Mutation::Remove(name.to_vec())).collect()
}

/// A change to the request's header fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    Remove(Vec<u8>),
    Set(String, Vec<u8>),
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
}
