//! Where an issuer's keys come from.

use std::rc::Rc;
use std::time::Duration;

use super::{HttpUri, JwkSet};

/// The longest that an answer may be waited for; proxies in front of Envoy commonly give up after this.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The most requests that one fetch makes: a document that is not there, the other one, the key set.
pub const MOST_STEPS: u32 = 3;

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
        let location = match &self.location {
            KeyLocation::Jwks(uri) => format!("jwks {uri}"),
            KeyLocation::Discovery { document, fallback: None } => format!("discovery {document}"),
            KeyLocation::Discovery { document, fallback: Some(other) } => format!("discovery {document} else {other}"),
        };
        // A URI holds no space, and no part but the last a line break, so no two places have one name.
        format!("{location}\n{issuer}\n{}", self.cluster)
    }

    /// How long a fetch with all its steps may take.
    pub fn longest_fetch(&self) -> Duration {
        let steps = match self.location {
            KeyLocation::Jwks(_) => 1,
            KeyLocation::Discovery { fallback: None, .. } => 2,
            KeyLocation::Discovery { fallback: Some(_), .. } => MOST_STEPS,
        };
        self.timeout.saturating_mul(steps)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    Jwks(HttpUri),
    /// The document that names the key set, as OpenID Connect Discovery has it, and where to look where the issuer says
    /// that it has none: RFC 8414 has the same document at another place.
    Discovery {
        document: HttpUri,
        fallback: Option<HttpUri>,
    },
}
