//! The check, and the signature, by the libraries of RustCrypto and dalek, which run anywhere.

use getrandom::SysRng;
use p256::ecdsa::signature::{Signer as _, Verifier};
use rsa::pkcs8::AssociatedOid;
use rsa::rand_core::TryCryptoRng;
use rsa::traits::SignatureScheme;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::key::Material;
use super::known_answers::TEXT;
use super::private_key::PrivateKey;
use super::{Algorithm, PublicKey, SignatureCheck, Signed, Signer, SigningKey};

#[derive(Clone, Copy, Debug, Default)]
pub struct RustCrypto;

impl SignatureCheck for RustCrypto {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        let (text, signature) = (signed.text().as_bytes(), signed.signature);
        match (algorithm, key.material()) {
            (Algorithm::Rs256, Material::Rsa(key)) => pkcs1::<Sha256>(key, text, signature),
            (Algorithm::Rs384, Material::Rsa(key)) => pkcs1::<Sha384>(key, text, signature),
            (Algorithm::Rs512, Material::Rsa(key)) => pkcs1::<Sha512>(key, text, signature),
            (Algorithm::Ps256, Material::Rsa(key)) => pss::<Sha256>(key, text, signature),
            (Algorithm::Ps384, Material::Rsa(key)) => pss::<Sha384>(key, text, signature),
            (Algorithm::Ps512, Material::Rsa(key)) => pss::<Sha512>(key, text, signature),
            (Algorithm::Es256, Material::P256(key)) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            (Algorithm::Es384, Material::P384(key)) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            // Strictly: a point of small order makes one signature good for many texts.
            (Algorithm::EdDsa, Material::Ed25519(key)) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(text, &signature).is_ok()),
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
                Material::Rsa(_) | Material::P256(_) | Material::P384(_) | Material::Ed25519(_),
            ) => false,
        }
    }
}

fn pkcs1<D: Digest + AssociatedOid>(key: &RsaPublicKey, text: &[u8], signature: &[u8]) -> bool {
    key.verify(Pkcs1v15Sign::new::<D>(), &D::digest(text), signature).is_ok()
}

/// With a salt as long as the digest, which RFC 7518 §3.5 asks for.
fn pss<D: Digest + FixedOutputReset>(key: &RsaPublicKey, text: &[u8], signature: &[u8]) -> bool {
    key.verify(Pss::<D>::new(), &D::digest(text), signature).is_ok()
}

impl Signer for RustCrypto {
    fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
        // Blinded: how long RSA takes may tell of the key (RUSTSEC-2023-0071). The other two have no need of randomness.
        signature(key, text, Some(&mut SysRng))
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        Some(nonce)
    }
}

fn signature(key: &SigningKey, text: &str, rng: Option<&mut impl TryCryptoRng>) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    match key.private() {
        PrivateKey::Rsa(key) => Pkcs1v15Sign::new::<Sha256>().sign(rng, key, &Sha256::digest(text)).ok(),
        PrivateKey::P256(key) => {
            let signature: p256::ecdsa::Signature = key.try_sign(text).ok()?;
            Some(signature.to_vec())
        }
        PrivateKey::Ed25519(key) => Some(key.try_sign(text).ok()?.to_bytes().to_vec()),
    }
}

/// Whether what this key signs is found good: with factors that are no primes it is not.
pub(super) fn works(key: &SigningKey) -> bool {
    // Once, over a text that nobody chose: nothing to be blinded, and no randomness that might be missing.
    signature(key, TEXT, None::<&mut SysRng>).is_some_and(|signature| is_good(key, TEXT, &signature))
}

/// Whether this is `key`'s signature over that text.
pub(super) fn is_good(key: &SigningKey, text: &str, signature: &[u8]) -> bool {
    let token = format!("{text}.");
    RustCrypto.verify(key.algorithm(), key.public(), Signed { token: &token, signature })
}

#[cfg(test)]
mod tests {
    use rsa::rand_core::TryRng;

    use super::*;

    /// Randomness that can be had so many times.
    struct Scarce(u32);

    impl TryRng for Scarce {
        type Error = std::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.0 = self.0.checked_sub(1).ok_or(std::fmt::Error)?;
            Ok(0x5eed_5eed)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.try_next_u32().map(u64::from)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            self.try_next_u32().map(|_| bytes.fill(0x5e))
        }
    }

    impl TryCryptoRng for Scarce {}

    #[test]
    fn rsa_is_blinded_and_makes_nothing_without_randomness_and_the_others_need_none() {
        for (pem, is_blinded) in [
            (include_str!("../../tests/support/keys/test-rsa2048-a.pem"), true),
            (include_str!("../../tests/support/keys/test-p256-a.pem"), false),
            (include_str!("../../tests/support/keys/test-ed25519.pem"), false),
        ] {
            let key = SigningKey::read(pem).unwrap();
            let mut scarce = Scarce(1000);
            let signature = signature(&key, TEXT, Some(&mut scarce)).unwrap();
            assert!(is_good(&key, TEXT, &signature), "{key:?}");
            assert_eq!(scarce.0 < 1000, is_blinded, "{key:?}");
            assert_eq!(super::signature(&key, TEXT, Some(&mut Scarce(0))).is_none(), is_blinded, "{key:?}");
        }
    }
}
