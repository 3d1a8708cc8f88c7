//! Signature algorithms (RFC 7518, RFC 8037) and the check of one signature.
//!
//! The algorithm is a closed set of asymmetric ones. There is no `none` and no HMAC in it, so the two oldest attacks on
//! JWT have nothing to name. A key fits only the algorithms of its own type ([`Algorithm::fits`]).

use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike, NoCustomClaims, PS256PublicKey, PS384PublicKey, PS512PublicKey, RS256PublicKey, RS384PublicKey,
    RS512PublicKey, RSAPublicKeyLike, UnixTimeStamp, VerificationOptions,
};

use crate::time::UnixTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// The names of RFC 7518 §3.1 and RFC 8037 §3.1.
    pub const ALL: [(&'static str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    pub fn fits(self, key: &PublicKey) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                matches!(key, PublicKey::Rsa { .. })
            }
            Self::Es256 => matches!(key, PublicKey::P256(_)),
            Self::Es384 => matches!(key, PublicKey::P384(_)),
            Self::EdDsa => matches!(key, PublicKey::Ed25519(_)),
        }
    }
}

/// The key material of one JWK, checked by `jwks::key` before it comes here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Big-endian modulus and exponent without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point (SEC 1 §2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Something that can check signatures. The core asks through this, since the host may do it faster than we can.
pub trait SignatureCheck {
    /// Whether `token`, a compact JWS, carries `key`'s signature over its first two parts.
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, token: &str, now: UnixTime) -> bool;
}

/// The check by jwt-simple, which runs anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct JwtSimple;

impl SignatureCheck for JwtSimple {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, token: &str, now: UnixTime) -> bool {
        // Only the signature is asked of the library. Its own rules of time would let a token without `exp` pass and
        // one that expired a quarter of an hour ago; `token::claims` has ours. The widest tolerance that a
        // configuration may hold keeps the library from being stricter than what was configured.
        let options = VerificationOptions {
            accept_future: true,
            artificial_time: Some(UnixTimeStamp::from_secs(now.seconds())),
            time_tolerance: Some(Duration::from_secs(crate::issuer::MAX_CLOCK_SKEW.as_secs())),
            max_token_length: Some(crate::token::MAX_LENGTH),
            max_header_length: Some(crate::token::MAX_HEADER_LENGTH),
            ..VerificationOptions::default()
        };
        macro_rules! verified_by {
            ($key:expr) => {
                $key.is_ok_and(|key| key.verify_token::<NoCustomClaims>(token, Some(options)).is_ok())
            };
        }
        match (algorithm, key) {
            (Algorithm::Rs256, PublicKey::Rsa { n, e }) => verified_by!(RS256PublicKey::from_components(n, e)),
            (Algorithm::Rs384, PublicKey::Rsa { n, e }) => verified_by!(RS384PublicKey::from_components(n, e)),
            (Algorithm::Rs512, PublicKey::Rsa { n, e }) => verified_by!(RS512PublicKey::from_components(n, e)),
            (Algorithm::Ps256, PublicKey::Rsa { n, e }) => verified_by!(PS256PublicKey::from_components(n, e)),
            (Algorithm::Ps384, PublicKey::Rsa { n, e }) => verified_by!(PS384PublicKey::from_components(n, e)),
            (Algorithm::Ps512, PublicKey::Rsa { n, e }) => verified_by!(PS512PublicKey::from_components(n, e)),
            (Algorithm::Es256, PublicKey::P256(point)) => verified_by!(ES256PublicKey::from_bytes(point)),
            (Algorithm::Es384, PublicKey::P384(point)) => verified_by!(ES384PublicKey::from_bytes(point)),
            (Algorithm::EdDsa, PublicKey::Ed25519(bytes)) => verified_by!(Ed25519PublicKey::from_bytes(bytes)),
            (
                Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512
                | Algorithm::Es256
                | Algorithm::Es384
                | Algorithm::EdDsa,
                PublicKey::Rsa { .. } | PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::Ed25519(_),
            ) => false,
        }
    }
}
