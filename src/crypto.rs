//! Signature algorithms (RFC 7518, RFC 8037), the check of one signature, and the making of one.
//!
//! The algorithm is a closed set of asymmetric ones. There is no `none` and no HMAC in it, so the two oldest attacks on
//! JWT have nothing to name. A key fits only the algorithms of its own type ([`Algorithm::fits`]).

mod boringssl;
#[cfg(test)]
mod der_by_hand;
mod key;
mod known_answers;
mod private_key;
mod published;
mod rust_crypto;
mod signing;
mod strength;

pub use boringssl::{BoringSsl, Foreign};
use key::Material;
pub use key::PublicKey;
pub use rust_crypto::RustCrypto;
pub use signing::{Signer, SigningKey};

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

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    pub fn fits(self, key: &PublicKey) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                matches!(key.material(), Material::Rsa(_))
            }
            Self::Es256 => matches!(key.material(), Material::P256(_)),
            Self::Es384 => matches!(key.material(), Material::P384(_)),
            Self::EdDsa => matches!(key.material(), Material::Ed25519(_)),
        }
    }
}

/// A compact JWS (RFC 7515 §7.1) whose signature has been decoded.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// All three parts.
    pub token: &'a str,
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// What the signature is over (RFC 7515 §5.2): all before the second dot.
    pub fn text(&self) -> &'a str {
        self.token.rsplit_once('.').map_or("", |(text, _)| text)
    }
}

/// Something that can check signatures. The core asks through this, since the host may do it faster than we can.
pub trait SignatureCheck {
    /// Whether the token carries `key`'s signature.
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool;
}
