//! The plugin configuration: read once, refused whole if anything in it is wrong, unchangeable afterwards.
//!
//! `reader` walks the document and collects problems; `issuers`, `reissue`, `rules` and this file give its parts their
//! meaning. Secrets do not stand in it: it names variables of the environment, and what is in those is read with it.
//! A value of [`Config`] is valid by construction: nothing that a request meets has to be parsed or looked up by name
//! again.

mod capabilities;
mod error;
mod issuers;
mod reader;
mod reissue;
mod rules;
mod source;
mod token_cache;

use std::rc::Rc;

use crate::credential::Places;
use crate::identity::{IdentityHeaders, OwnNames, begins_alike, is_alike};
use crate::issuer::{Issuer, Issuers};
use crate::json::Json;
use crate::policy::{CapabilityGroups, Policy};
use crate::reissue::OwnIssuer;
use crate::secret::Secret;
use crate::token::{CacheLimits, ClaimPath};

pub use error::ConfigError;
use error::Problems;
use issuers::Own;
pub use reader::member_path;
use reader::{Node, Object, all, quote};

/// Names the protection space where none is configured (RFC 9110 §11.5).
pub const DEFAULT_REALM: &str = "postern";

/// Bearer is how DMTN-094 §6.2.1 carries every token; Basic is for the clients that know nothing else. A token in the
/// query ends up in logs and histories (RFC 6750 §5.3), so that has to be asked for.
pub const DEFAULT_PLACES: Places = Places { bearer: true, basic: true, query: false };

#[derive(Debug)]
pub struct Config {
    pub realm: String,
    pub issuers: Issuers,
    pub credentials: Places,
    pub headers: IdentityHeaders,
    /// The names of `headers` and all that are like them: no client may send those.
    pub own_names: OwnNames,
    pub policy: Policy,
    /// Whether a credential that came over plain http is refused.
    pub require_tls: bool,
    /// How much a worker remembers of tokens.
    pub token_cache: CacheLimits,
    /// The issuer that makes the tokens of services, where there is one.
    pub reissue: Option<Rc<OwnIssuer>>,
}

/// What stands in a variable of the VM's environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Secret>;

impl Config {
    /// Reads a configuration that needs no secrets.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<ConfigError>> {
        Self::parse_in(bytes, &|_| None)
    }

    /// The entry by which the tokens that are made here are read, where they come back.
    pub fn own_entry(&self) -> Option<&Issuer> {
        let (_, entry) = self.issuers.find(&self.reissue.as_ref()?.issuer)?;
        Some(entry)
    }

    /// What is right as it stands, and seldom meant. The token endpoint may be there for other readers alone.
    pub fn notices(&self) -> Vec<String> {
        let shadow = |name: &str| format!("rule {name} is a shadow: every request under it is let on");
        let mut notices: Vec<String> = self.policy.shadows().map(shadow).collect();
        if let Some(exchange) = self.reissue.as_ref().and_then(|own| own.exchange.as_ref()) {
            match self.own_entry() {
                None => notices.push(
                    "reissue.exchange: its tokens are refused here: `issuers` has no entry of the `issuer` of `reissue`"
                        .to_owned(),
                ),
                Some(entry) if !exchange.audiences.iter().any(|audience| entry.audiences.contains(audience)) => {
                    notices.push(
                        "reissue.exchange: its tokens are refused here: the entry of the `issuer` of `reissue` has none \
                         of its `audiences`"
                            .to_owned(),
                    );
                }
                Some(_) => {}
            }
        }
        notices
    }

    /// Reads a configuration in either of the forms in which Envoy passes it. Every problem is reported.
    pub fn parse_in(bytes: &[u8], environment: Environment<'_>) -> Result<Self, Vec<ConfigError>> {
        let document = source::parse(bytes).map_err(|problem| vec![ConfigError { path: String::new(), problem }])?;
        Self::of(&document, environment)
    }

    /// Reads a configuration that is taken apart already.
    pub fn of(document: &Json, environment: Environment<'_>) -> Result<Self, Vec<ConfigError>> {
        let problems = Problems::default();
        let config = Self::read(document, &problems, environment);
        let errors = problems.into_errors();
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    fn read(document: &Json, problems: &Problems, environment: Environment<'_>) -> Option<Self> {
        let root = Node::new(document, "", problems).object()?;
        let realm = root.get("realm").map_or(Some(DEFAULT_REALM.to_owned()), |node| read_realm(&node));
        // Every issuer's tokens may have such groups. Where this is wrong nothing of it is used.
        let capabilities = root
            .get("capabilities")
            .map_or_else(|| Some(CapabilityGroups::default()), |node| capabilities::read(&node));
        let groups = Rc::new(capabilities.clone().unwrap_or_default());
        let reissue =
            root.get("reissue").map_or(Some(None), |node| reissue::read(&node, environment, document).map(Some));
        let own = match &reissue {
            None => Own::Unread,
            Some(own) => own.as_ref().map_or(Own::Absent, Own::Read),
        };
        let issuers = root.require("issuers").and_then(|node| issuers::read(&node, &groups, own));
        let credentials = root.get("credentials").map_or(Some(DEFAULT_PLACES), |node| read_places(&node));
        let headers = root.get("headers").map_or_else(|| Some(IdentityHeaders::default()), |node| read_headers(&node));
        // One that could not be read is there all the same.
        let reissues = reissue.as_ref().is_none_or(Option::is_some);
        let rules =
            root.get("rules").map_or_else(|| Some(Vec::new()), |node| rules::read(&node, issuers.as_deref(), reissues));
        let require_tls = root.get("require_tls").map_or(Some(false), |node| node.boolean());
        let token_cache =
            root.get("token_cache").map_or_else(|| Some(CacheLimits::default()), |n| token_cache::read(&n));
        root.finish();
        capabilities?;
        let headers = headers?;
        Some(Self {
            realm: realm?,
            issuers: Issuers::new(issuers?),
            credentials: credentials?,
            own_names: headers.own_names(),
            headers,
            policy: Policy::new(rules?),
            require_tls: require_tls?,
            token_cache: token_cache?,
            reissue: reissue?.map(Rc::new),
        })
    }
}

/// The realm stands between quotes in a header; leaving out what would have to be escaped keeps it one word for all.
fn read_realm(node: &Node<'_>) -> Option<String> {
    let realm = node.string()?;
    if realm.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        Some(realm.to_owned())
    } else {
        node.problem("may hold printable ASCII only, without quotes and backslashes")
    }
}

fn read_places(node: &Node<'_>) -> Option<Places> {
    let object = node.object()?;
    let switch = |name, default| object.get(name).map_or(Some(default), |node| node.boolean());
    let bearer = switch("bearer", DEFAULT_PLACES.bearer);
    let basic = switch("basic", DEFAULT_PLACES.basic);
    let query = switch("query", DEFAULT_PLACES.query);
    object.finish();
    let places = Places { bearer: bearer?, basic: basic?, query: query? };
    if places == (Places { bearer: false, basic: false, query: false }) {
        return node.problem("nothing is switched on: no request could carry a token");
    }
    Some(places)
}

fn read_headers(node: &Node<'_>) -> Option<IdentityHeaders> {
    let object = node.object()?;
    let default = IdentityHeaders::default();
    let claims = object.get("claims").map_or(Some(Vec::new()), |node| read_claim_headers(&node));
    let forward_token = object.get("forward_token").map_or(Some(default.forward_token), |node| node.boolean());
    let headers = IdentityHeaders {
        user: read_header_name(&object, "user", default.user),
        uid: read_header_name(&object, "uid", default.uid),
        email: read_header_name(&object, "email", default.email),
        groups: read_header_name(&object, "groups", default.groups),
        scopes: read_header_name(&object, "scopes", default.scopes),
        token: read_header_name(&object, "token", default.token),
        client: read_header_name(&object, "client", default.client),
        claims: Vec::new(),
        forward_token: false,
    };
    object.finish();
    let headers = IdentityHeaders { claims: claims?, forward_token: forward_token?, ..headers };
    for (i, name) in headers.names().enumerate() {
        if headers.names().take(i).any(|earlier| is_alike(name.as_bytes(), earlier)) {
            return node.problem(format!("{name} is the name of two headers"));
        }
    }
    Some(headers)
}

/// A name, or `null` for a header that is not set. A wrong name is noted; what is returned then is never used.
fn read_header_name(object: &Object<'_>, field: &'static str, default: Option<Rc<str>>) -> Option<Rc<str>> {
    match object.get(field) {
        None => default,
        Some(node) if node.is_null() => None,
        Some(node) => check_header_name(&node, node.string()?),
    }
}

fn read_claim_headers(node: &Node<'_>) -> Option<Vec<(Rc<str>, Vec<ClaimPath>)>> {
    let read = |(name, node): (&str, Node<'_>)| {
        let paths = issuers::read_claim_paths(&node);
        Some((check_header_name(&node, name)?, paths?))
    };
    all(node.object()?.entries().into_iter().map(read))
}

/// Names that mean something to Envoy or to HTTP itself, and the one that carries the credential.
pub const IDENTITY_NAMES_TAKEN: [&str; 15] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// How other names begin that Envoy gives a meaning to.
pub const IDENTITY_FAMILIES_TAKEN: [&str; 2] = ["x-envoy-", "x-forwarded-"];

fn check_header_name(node: &Node<'_>, name: &str) -> Option<Rc<str>> {
    // RFC 9110 §5.6.2.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return node.problem(format!("{} is not a header name", quote(name)));
    }
    // The filter takes every look-alike of its names out of requests, so a look-alike of these is as bad.
    let taken = IDENTITY_NAMES_TAKEN.iter().any(|other| is_alike(name.as_bytes(), other))
        || IDENTITY_FAMILIES_TAKEN.iter().any(|family| begins_alike(name.as_bytes(), family));
    if taken {
        return node.problem(format!("{} means something else and cannot carry an identity", quote(name)));
    }
    Some(name.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests;
