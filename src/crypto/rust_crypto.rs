//! The check by the libraries of RustCrypto and dalek, which run anywhere.

use p256::ecdsa::signature::Verifier;
use rsa::pkcs8::AssociatedOid;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::key::Material;
use super::{Algorithm, PublicKey, SignatureCheck, Signed};

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
