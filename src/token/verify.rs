//! The only place that makes a [`VerifiedToken`].

use super::{TokenError, TokenKind, UnverifiedToken, check_claims};
use crate::crypto::SignatureCheck;
use crate::issuer::{Issuer, Principal};
use crate::json::Json;
use crate::jwks::{Jwk, JwkSet};
use crate::secret::Secret;
use crate::time::UnixTime;

/// A token of a known issuer whose claims are in order: worth fetching keys for, and not yet to be believed.
#[derive(Debug)]
pub struct Candidate {
    token: UnverifiedToken,
    token_kind: TokenKind,
}

impl Candidate {
    /// The checks that need no key, before the one that costs: an attacker's token should cost us little.
    pub fn check(token: UnverifiedToken, issuer: &Issuer, now: UnixTime) -> Result<Self, TokenError> {
        if !issuer.algorithms.contains(&token.header.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let token_kind = check_claims(&token.header, &token.payload, issuer, now)?;
        Ok(Self { token, token_kind })
    }

    /// The token itself, for a request that has to wait: what was read of it takes many times its room.
    pub fn into_raw(self) -> Secret {
        self.token.raw
    }

    /// The key that the token names.
    pub fn kid(&self) -> Option<&str> {
        self.token.header.kid.as_deref()
    }
}

/// A token whose signature, times, issuer and audience were checked.
#[derive(Debug)]
pub struct VerifiedToken {
    raw: Secret,
    payload: Json,
    principal: Principal,
}

/// Checks the signature.
pub fn verify(
    candidate: Candidate,
    issuer: &Issuer,
    keys: &JwkSet,
    signatures: &dyn SignatureCheck,
    now: UnixTime,
) -> Result<VerifiedToken, TokenError> {
    let Candidate { token, token_kind } = candidate;
    let key = choose(&token, keys).ok_or(TokenError::UnknownKey)?;
    if !signatures.verify(token.header.algorithm, &key.key, token.raw.expose(), now) {
        return Err(TokenError::Signature);
    }
    let principal = issuer.principal(&token.payload, token_kind, now)?;
    Ok(VerifiedToken { raw: token.raw, payload: token.payload, principal })
}

/// The one key that the token can be checked with. Trying several would let a key speak for tokens that do not name
/// it, so a token without `kid` is good only where there is no choice.
fn choose<'a>(token: &UnverifiedToken, keys: &'a JwkSet) -> Option<&'a Jwk> {
    let algorithm = token.header.algorithm;
    let mut fitting = keys
        .iter()
        .filter(|key| token.header.kid.is_none() || key.kid == token.header.kid)
        .filter(|key| algorithm.fits(&key.key) && key.algorithm.is_none_or(|only| only == algorithm));
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Some(key),
        _ => None,
    }
}

impl VerifiedToken {
    pub fn raw(&self) -> &Secret {
        &self.raw
    }

    pub fn payload(&self) -> &Json {
        &self.payload
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}
