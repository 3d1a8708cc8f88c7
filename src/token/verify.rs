//! The only place that makes a [`VerifiedToken`].

use std::rc::Rc;

use super::kind::check_kind;
use super::{TokenError, TokenKind, TokenUse, UnverifiedToken, check_audience, check_claims};
use crate::crypto::{Algorithm, SignatureCheck, Signed};
use crate::issuer::{Issuer, Principal};
use crate::json::Json;
use crate::jwks::{Jwk, JwkSet};
use crate::secret::Secret;
use crate::time::{Span, UnixTime};

/// A token of a known issuer whose claims are in order: worth fetching keys for, and not yet to be believed.
#[derive(Debug)]
pub struct Candidate {
    token: UnverifiedToken,
    token_kind: TokenKind,
    holds: Span,
}

/// The checks of a [`Candidate`], in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Algorithm,
    /// `exp`, `nbf` and `iat`.
    Time,
    /// Claims that are registered as strings.
    Forms,
    Kind,
    /// What the issuer's profile asks of every token.
    Profile,
    Audience,
}

impl Checked {
    pub const ALL: [Self; 6] = [Self::Algorithm, Self::Time, Self::Forms, Self::Kind, Self::Profile, Self::Audience];
}

impl Candidate {
    /// The checks that need no key, before the one that costs: an attacker's token should cost us little.
    pub fn check(token: UnverifiedToken, issuer: &Issuer, now: UnixTime) -> Result<Self, TokenError> {
        Self::check_step_by_step(token, issuer, now, |_| ())
    }

    /// The same for those who want to know how far a token gets: `passed` is told of every check that it passes.
    pub fn check_step_by_step(
        token: UnverifiedToken,
        issuer: &Issuer,
        now: UnixTime,
        mut passed: impl FnMut(Checked),
    ) -> Result<Self, TokenError> {
        if !issuer.algorithms.contains(&token.header.algorithm) {
            return Err(TokenError::Algorithm);
        }
        passed(Checked::Algorithm);
        let (token_kind, holds) = check_claims(&token.header, &token.payload, issuer, now, passed)?;
        Ok(Self { token, token_kind, holds })
    }

    /// What it would be used as.
    pub fn token_use(&self) -> TokenUse {
        self.token_kind.token_use
    }

    /// The time for which these checks come out so.
    pub fn holds(&self) -> Span {
        self.holds
    }

    /// The key that the token names.
    pub fn kid(&self) -> Option<&str> {
        self.token.header.kid.as_deref()
    }
}

impl UnverifiedToken {
    pub fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The key that it names.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What it says, whoever wrote that.
    pub fn payload(&self) -> &Json {
        &self.payload
    }

    /// Whether it is for an audience of this issuer's.
    pub fn is_for(&self, issuer: &Issuer) -> bool {
        check_audience(&self.payload, issuer).is_ok()
    }

    /// Whom an issuer would name with such a token, whatever its signature, its times and its audience are.
    pub fn read_as(&self, issuer: &Issuer, now: UnixTime) -> Result<Principal, TokenError> {
        let kind = check_kind(&self.header, &self.payload, issuer)?;
        issuer.principal(&self.payload, kind, now)
    }
}

/// A token whose signature, times, issuer and audience were checked.
#[derive(Debug)]
pub struct VerifiedToken {
    raw: Secret,
    payload: Json,
    principal: Rc<Principal>,
    token_use: TokenUse,
    /// Its header's `typ` says `at+jwt` (RFC 9068 §2.1).
    is_typed: bool,
    holds: Span,
}

/// Checks the signature.
pub fn verify(
    candidate: Candidate,
    issuer: &Issuer,
    keys: &JwkSet,
    signatures: &dyn SignatureCheck,
    now: UnixTime,
) -> Result<VerifiedToken, TokenError> {
    let Candidate { token, token_kind, holds } = candidate;
    let key = choose(&token, keys).ok_or(TokenError::UnknownKey)?;
    let signed = Signed { token: token.raw.expose(), signature: &token.signature };
    if !signatures.verify(token.header.algorithm, &key.key, signed) {
        return Err(TokenError::Signature);
    }
    let principal = Rc::new(issuer.principal(&token.payload, token_kind, now)?);
    let holds = issuer.login_counts_from(&token.payload).map_or(holds, |time| holds.cut(time, now));
    Ok(VerifiedToken {
        raw: token.raw,
        payload: token.payload,
        principal,
        token_use: token_kind.token_use,
        is_typed: token.header.is_access_token,
        holds,
    })
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

    pub fn principal(&self) -> &Rc<Principal> {
        &self.principal
    }

    pub fn token_use(&self) -> TokenUse {
        self.token_use
    }

    pub fn is_typed_as_access_token(&self) -> bool {
        self.is_typed
    }

    /// The time for which all that was found of the token is so.
    pub fn holds(&self) -> Span {
        self.holds
    }
}
