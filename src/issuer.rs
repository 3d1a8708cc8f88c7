//! The whitelist of issuers (DMTN-094 §6.5) and what each one's tokens look like.

mod claims;
mod principal;
mod profile;
mod service;

use std::rc::Rc;
use std::time::Duration;

use crate::crypto::Algorithm;
use crate::jwks::KeySource;
use crate::policy::CapabilityGroups;
use crate::token::TokenUse;

pub use claims::{ClaimMap, is_printable};
pub use principal::{Principal, PrincipalKind};
pub use profile::{AudienceRule, KeysAt, Marker, Need, PathDialect, Profile, Services};

/// RS256 is what DMTN-094 §6.5 names and every issuer of the field signs with; others are opted into.
pub const DEFAULT_ALGORITHMS: [Algorithm; 1] = [Algorithm::Rs256];

/// What Envoy's `jwt_authn` allows by default.
pub const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// More than this is a broken clock, which should be mended rather than allowed for.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// DMTN-094 §6.8: access tokens live for hours, at most 24.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Position in the whitelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId(usize);

#[derive(Debug)]
pub struct Issuer {
    /// Exactly the tokens' `iss`.
    pub issuer: String,
    pub profile: &'static Profile,
    pub audiences: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    pub clock_skew: Duration,
    pub max_lifetime: Duration,
    pub token_use: Vec<TokenUse>,
    pub keys: KeySource,
    pub claims: ClaimMap,
    /// What its tokens' groups stand for.
    pub capability_groups: Rc<CapabilityGroups>,
}

/// The issuers that tokens are accepted from, found by the exact `iss`.
#[derive(Debug)]
pub struct Issuers(Vec<Rc<Issuer>>);

impl Issuers {
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self(issuers.into_iter().map(Rc::new).collect())
    }

    pub fn find(&self, iss: &str) -> Option<(IssuerId, &Rc<Issuer>)> {
        self.iter().find(|(_, issuer)| issuer.issuer == iss)
    }

    /// The issuer's name, for a log.
    pub fn name(&self, id: IssuerId) -> &str {
        self.0.get(id.0).map_or("", |issuer| issuer.issuer.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (IssuerId, &Rc<Issuer>)> {
        self.0.iter().enumerate().map(|(i, issuer)| (IssuerId(i), issuer))
    }
}

#[cfg(test)]
impl Issuer {
    pub(crate) fn for_tests(issuer: &str, audiences: &[&str]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            profile: Profile::generic(),
            audiences: audiences.iter().map(|&a| a.to_owned()).collect(),
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            clock_skew: DEFAULT_CLOCK_SKEW,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            token_use: vec![TokenUse::Access],
            keys: KeySource::Inline(Rc::default()),
            claims: ClaimMap::of(Profile::generic()),
            capability_groups: Rc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_found_by_its_exact_name() {
        let issuers =
            Issuers::new(vec![Issuer::for_tests("https://a.test", &[]), Issuer::for_tests("https://b.test", &[])]);
        assert!(issuers.find("https://b.test").is_some());
        for iss in ["https://b.test/", "HTTPS://b.test", "https://b.test:443", "https://b.test ", "b.test", ""] {
            assert!(issuers.find(iss).is_none(), "{iss}");
        }
    }
}
