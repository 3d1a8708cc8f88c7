//! The token that the service behind gets instead of the user's own (DMTN-094 §4.5, §6.8.1), and what proves it.
//!
//! The user's token opens every door of the platform. A service that is given one of its own can do with it what it is
//! there for, and what it loses is worth no more than that. It is made of the user's, with another issuer, audience and
//! times; it says in `act` which one it was made of; and it is signed by a key whose public half is served here.

mod documents;
mod exchange;
mod form;
mod former;
mod mint;
mod payload;
mod returned;

use std::time::Duration;

use crate::authority::{host, split_userinfo};
use crate::crypto::{Algorithm, SigningKey};
use crate::jwks::{Jwk, JwkSet};
use crate::policy::{HostPattern, ReadPath, read_path};
use crate::request::RequestHead;

pub use documents::{DEFAULT_KEY_CACHE, Documents, LONGEST_KEY_CACHE, Published, SHORTEST_KEY_CACHE};
pub use exchange::{Exchange, Refused, exchange, refusal};
pub use form::{LONGEST_FORM, Wanted};
pub use former::Former;
pub use mint::{MintError, Minted, Order, mint};
pub use returned::of_service_is_no_more;

/// DMTN-094 §6.8: no access token lives longer.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Less is below the clock skew that services allow for.
pub const SHORTEST_LIFETIME: Duration = Duration::from_secs(60);

/// As long as the requests of a session may take, and short enough for a token that was lost.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

/// The issuer that the filter itself is.
#[derive(Debug)]
pub struct OwnIssuer {
    /// The tokens' `iss`.
    pub issuer: String,
    /// Where it answers requests itself.
    pub hosts: Vec<HostPattern>,
    /// The first one signs; all of them are published.
    pub keys: Vec<OwnKey>,
    pub documents: Documents,
    pub exchange: Option<Exchange>,
}

#[derive(Debug)]
pub struct OwnKey {
    pub kid: String,
    pub key: SigningKey,
}

/// What a rule says of the token that its service gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reissue {
    pub audience: String,
    pub lifetime: Duration,
    /// Whether requests get one that change nothing (RFC 9110 §9.2.1).
    pub safe_methods: bool,
    pub scopes: Scopes,
    /// Whether it may end later than the user's own.
    pub outlive: bool,
    /// Whether one may serve several requests.
    pub reuse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Those of the user's token.
    Keep,
    /// Those alone that the rule asks for.
    Needed,
}

/// A request that is not for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Document(Published),
    /// A token for another.
    Exchange,
}

impl OwnIssuer {
    /// The keys that its tokens are checked with where they come back.
    pub fn key_set(&self) -> JwkSet {
        let published = |OwnKey { kid, key }: &OwnKey| Jwk {
            kid: Some(kid.clone()),
            algorithm: Some(key.algorithm()),
            key: key.public().clone(),
        };
        JwkSet::new(self.keys.iter().map(published).collect())
    }

    /// Those that its keys are for.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        algorithms(&self.keys)
    }

    /// What a request asks of the issuer itself. One that can be read in more than one way asks nothing: the rules refuse it.
    pub fn asked(&self, head: &RequestHead) -> Option<Asked> {
        let asked = match read_path(head.path()?) {
            ReadPath::Plain(path) if self.exchange.as_ref().is_some_and(|exchange| exchange.path == path) => {
                Asked::Exchange
            }
            ReadPath::Plain(path) => Asked::Document(self.documents.at(&path)?),
            ReadPath::Ambiguous | ReadPath::Absent => return None,
        };
        let authority = head.authority().filter(|authority| split_userinfo(authority).is_none())?;
        let host = host(authority)?;
        self.hosts.iter().any(|pattern| pattern.holds(&host)).then_some(asked)
    }
}

fn algorithms(keys: &[OwnKey]) -> Vec<Algorithm> {
    let mut algorithms: Vec<Algorithm> = Vec::new();
    for key in keys {
        if !algorithms.contains(&key.key.algorithm()) {
            algorithms.push(key.key.algorithm());
        }
    }
    algorithms
}

impl Reissue {
    pub fn is_for(&self, method: &str) -> bool {
        /// Those of RFC 9110 §9.2.1, RFC 4918 §9.1, RFC 3253 §3.6 and RFC 5323 §2.
        const SAFE: [&str; 7] = ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH"];
        self.safe_methods || !SAFE.contains(&method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_changes_nothing_gets_none_unless_that_is_asked_for() {
        let reissue = |safe_methods| Reissue {
            audience: "api".to_owned(),
            lifetime: DEFAULT_LIFETIME,
            safe_methods,
            scopes: Scopes::Keep,
            outlive: false,
            reuse: true,
        };
        for (method, want) in
            [("GET", false), ("HEAD", false), ("PROPFIND", false), ("POST", true), ("PUT", true), ("get", true)]
        {
            assert_eq!(reissue(false).is_for(method), want, "{method}");
            assert!(reissue(true).is_for(method), "{method}");
        }
    }
}
