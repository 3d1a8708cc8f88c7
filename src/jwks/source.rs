//! Where an issuer's keys come from.

use std::rc::Rc;
use std::time::Duration;

use super::{HttpUri, JwkSet};

/// The longest that an answer may be waited for; proxies in front of Envoy commonly give up after this.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub enum KeySource {
    Inline(Rc<JwkSet>),
    Remote(RemoteKeys),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteKeys {
    pub location: KeyLocation,
    /// The Envoy cluster that reaches it.
    pub cluster: String,
    pub timeout: Duration,
    /// The longest time that keys are used before they are fetched anew; else it is as the issuer says.
    pub cache: Option<Duration>,
}

impl RemoteKeys {
    /// Names this place among all that keys may come from. Keys that came by another way may be other ones.
    pub fn identity(&self, issuer: &str) -> String {
        let (kind, uri) = match &self.location {
            KeyLocation::Jwks(uri) => ("jwks", uri),
            KeyLocation::Discovery(uri) => ("discovery", uri),
        };
        // No part but the last can hold a line break, so no two places have one name.
        format!("{kind} {uri}\n{issuer}\n{}", self.cluster)
    }

    /// How long a fetch with all its steps may take.
    pub fn longest_fetch(&self) -> Duration {
        match self.location {
            KeyLocation::Jwks(_) => self.timeout,
            KeyLocation::Discovery(_) => self.timeout.saturating_mul(2),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    Jwks(HttpUri),
    /// OIDC discovery: the document that names the key set.
    Discovery(HttpUri),
}
