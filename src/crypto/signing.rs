//! Private keys that tokens are signed with.

use std::fmt;

use p256::elliptic_curve::zeroize::Zeroizing;
use rsa::traits::PublicKeyParts;
use serde_json::Value;

use super::private_key::{PrivateKey, RSA_NUMBERS, document, halves};
use super::{Algorithm, PublicKey, rust_crypto};

/// A private key that tokens are signed with, and what is published of it. `Debug` shows nothing secret.
pub struct SigningKey {
    private: PrivateKey,
    /// For the host.
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
    thumbprint: String,
}

impl SigningKey {
    /// Reads PKCS#8 as PEM; a `\n` written as two characters counts as a line end. The error says what is wrong and what
    /// helps, and nothing of what was read.
    pub fn read(pem: &str) -> Result<Self, &'static str> {
        let pkcs8 = document(pem)?;
        let (private, public) = halves(&pkcs8)?;
        let thumbprint = public.thumbprint();
        let key = Self { private, pkcs8, public, thumbprint };
        if rust_crypto::works(&key) { Ok(key) } else { Err(RSA_NUMBERS) }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self.private {
            PrivateKey::Rsa(_) => Algorithm::Rs256,
            PrivateKey::P256(_) => Algorithm::Es256,
            PrivateKey::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// RFC 7638, base64url, 43 characters.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The public half as a JWK (RFC 7517) with `use`, `alg` and this `kid`.
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.public.members();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("alg".into(), self.algorithm().name().into());
            members.insert("kid".into(), kid.into());
            members.insert("use".into(), "sig".into());
        }
        jwk
    }

    /// In bytes, as it stands in a JWS: 64, or as long as the modulus.
    pub fn signature_length(&self) -> usize {
        match &self.private {
            PrivateKey::Rsa(key) => key.size(),
            PrivateKey::P256(_) | PrivateKey::Ed25519(_) => 64,
        }
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.private
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// Something that signs.
pub trait Signer {
    /// The JWS signature over that text (RFC 7518 §3.3, §3.4 as the two numbers side by side, RFC 8037 §3.1); `None` where it
    /// cannot be made.
    fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>>;

    /// Random bytes; `None` where there are none to be had.
    fn nonce(&self) -> Option<[u8; 16]>;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_published_is_the_public_half_with_its_use() {
        // RFC 8037 appendix A.1 and A.3.
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = SigningKey::read(pem).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let want = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "2026-11 \"ü\"",
        });
        assert_eq!(key.jwk("2026-11 \"ü\""), want);
    }
}
