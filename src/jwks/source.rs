//! Where an issuer's keys come from.

use std::rc::Rc;
use std::time::Duration;

use super::{HttpUri, JwkSet};

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
    /// How long keys are used before they are fetched anew.
    pub cache: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    Jwks(HttpUri),
    /// OIDC discovery: the document that names the key set.
    Discovery(HttpUri),
}
