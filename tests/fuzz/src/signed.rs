//! One issuer of every kind, each with a key of every algorithm, and what becomes of their tokens.

use postern::config::Config;
use postern::crypto::RustCrypto;
use postern::issuer::Issuer;
use postern::jwks::{JwkSet, KeySource};
use postern::secret::Secret;
use postern::time::UnixTime;
use postern::token::{Candidate, TokenError, UnverifiedToken, VerifiedToken, verify};
use serde_json::json;

use crate::mint::{AUDIENCE, ISSUER, Signer, jwks};

pub const NOW: u64 = 1_800_000_000;

/// What an issuer of this profile is called here.
pub fn issuer_of(profile: &str) -> String {
    // Auth0's names end so.
    format!("https://{profile}.test{}", if profile == "auth0" { "/" } else { "" })
}

/// Beside the generic one, whose name is [`ISSUER`].
pub const PROFILES: [&str; 8] = ["cilogon", "lsst", "cognito", "keycloak", "auth0", "scitokens", "wlcg", "at-jwt"];

pub struct World {
    pub signers: Vec<Signer>,
    config: Config,
}

impl World {
    pub fn new() -> Self {
        let signers = Signer::every_algorithm();
        let algorithms: Vec<&str> = signers.iter().map(Signer::alg).collect();
        let keys = json!({"inline": jwks(&signers.iter().collect::<Vec<_>>())});
        let issuer = |name: String, profile: &str| json!({"issuer": name, "profile": profile, "audiences": [AUDIENCE], "algorithms": algorithms, "jwks": keys});
        let others = PROFILES.iter().map(|profile| issuer(issuer_of(profile), profile));
        let issuers: Vec<_> = std::iter::once(issuer(ISSUER.to_owned(), "generic")).chain(others).collect();
        let config = Config::parse(json!({"issuers": issuers}).to_string().as_bytes()).expect("a configuration");
        Self { signers, config }
    }

    fn keys(issuer: &Issuer) -> &JwkSet {
        match &issuer.keys {
            KeySource::Inline(keys) => keys,
            KeySource::Remote(_) => panic!("the keys are in the configuration"),
        }
    }

    /// The way of a token through the core: read, claims checked, signature checked.
    pub fn judge(&self, raw: &str) -> Result<VerifiedToken, TokenError> {
        let token = UnverifiedToken::parse(Secret::new(raw))?;
        let (_, issuer) = self.config.issuers.find(token.issuer()?).ok_or(TokenError::UnknownIssuer)?;
        let now = UnixTime::from_seconds(NOW);
        let candidate = Candidate::check(token, issuer, now)?;
        assert!(candidate.holds().contains(now), "what was found does not hold now");
        let verified = verify(candidate, issuer, Self::keys(issuer), &RustCrypto, now)?;
        assert_eq!(verified.raw().expose(), raw);
        assert!(verified.holds().contains(now), "what was found does not hold now");
        Ok(verified)
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
