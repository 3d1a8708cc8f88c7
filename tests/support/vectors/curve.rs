//! The two curves, and the numbers of a signature on them.

use p256_13::ecdsa::signature::hazmat::PrehashSigner as _;
use rsa_09::BigUint;
use serde_json::{Value, json};
use sha2_10::{Digest as _, Sha256, Sha384};

use crate::support::mint::{Signer, base64url};

/// The two coordinates.
type Point = (Vec<u8>, Vec<u8>);

pub(super) struct Curve {
    pub(super) name: &'static str,
    pub(super) algorithm: &'static str,
    /// Of each of the two numbers, in bytes.
    pub(super) length: usize,
    /// Of the group, in hexadecimal.
    order: &'static [u8],
    pub(super) signer: fn() -> Signer,
    /// A signature of another key.
    pub(super) of_another_key: fn(&[u8]) -> Vec<u8>,
    /// A signature of the key over another hash of the text.
    pub(super) of_another_hash: fn(&[u8]) -> Vec<u8>,
    pub(super) hash: fn(&[u8]) -> Vec<u8>,
    /// The key under which these numbers sign a text of this hash, where there is one. `x` is of
    /// [`AS_IT_IS`] and [`REDUCED`].
    key_of: fn(digest: &[u8], signature: &[u8], x: u8) -> Option<Point>,
}

// How r is made from a point's x: it is x itself, or what x has more than the order.
pub(super) const AS_IT_IS: u8 = 0;
pub(super) const REDUCED: u8 = 2;

pub(super) const CURVES: [Curve; 2] = [
    Curve {
        name: "P-256",
        algorithm: "ES256",
        length: 32,
        order: b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        signer: Signer::es256,
        of_another_key: |text| Signer::other_es256().signature(text),
        of_another_hash: |text| {
            let pem = include_str!("../keys/test-p256-a.pem");
            let key =
                <p256_13::ecdsa::SigningKey as p256_13::pkcs8::DecodePrivateKey>::from_pkcs8_pem(pem).expect("a key");
            let signature: p256_13::ecdsa::Signature = key.sign_prehash(&Sha384::digest(text)).expect("a signature");
            signature.to_vec()
        },
        hash: |text| Sha256::digest(text).to_vec(),
        key_of: |digest, signature, x| {
            use p256_13::ecdsa::{Signature, VerifyingKey};
            let signature = Signature::from_slice(signature).expect("two numbers below the order");
            let key = VerifyingKey::recover_from_prehash(digest, &signature, x.try_into().ok()?).ok()?;
            let point = key.to_encoded_point(false);
            Some((point.x()?.to_vec(), point.y()?.to_vec()))
        },
    },
    Curve {
        name: "P-384",
        algorithm: "ES384",
        length: 48,
        order: b"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        signer: Signer::es384,
        of_another_key: |text| {
            let key = p384_13::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a key");
            let signature: p384_13::ecdsa::Signature = p384_13::ecdsa::signature::Signer::sign(&key, text);
            signature.to_vec()
        },
        of_another_hash: |text| {
            let pem = include_str!("../keys/test-p384.pem");
            let key =
                <p384_13::ecdsa::SigningKey as p384_13::pkcs8::DecodePrivateKey>::from_pkcs8_pem(pem).expect("a key");
            let signature: p384_13::ecdsa::Signature = key.sign_prehash(&Sha256::digest(text)).expect("a signature");
            signature.to_vec()
        },
        hash: |text| Sha384::digest(text).to_vec(),
        key_of: |digest, signature, x| {
            use p384_13::ecdsa::{Signature, VerifyingKey};
            let signature = Signature::from_slice(signature).expect("two numbers below the order");
            let key = VerifyingKey::recover_from_prehash(digest, &signature, x.try_into().ok()?).ok()?;
            let point = key.to_encoded_point(false);
            Some((point.x()?.to_vec(), point.y()?.to_vec()))
        },
    },
];

impl Curve {
    pub(super) fn order(&self) -> BigUint {
        BigUint::parse_bytes(self.order, 16).expect("a number")
    }

    pub(super) fn side_by_side(&self, r: &BigUint, s: &BigUint) -> Vec<u8> {
        let padded = |number: &BigUint| {
            let bytes = number.to_bytes_be();
            [vec![0; self.length - bytes.len()], bytes].concat()
        };
        [padded(r), padded(s)].concat()
    }

    /// The least r from this one on for which there is a key, and that.
    pub(super) fn find(&self, kid: &str, digest: &[u8], from: &BigUint, s: &BigUint, x: u8) -> (Value, BigUint) {
        let mut r = from.clone();
        loop {
            if let Some((x, y)) = (self.key_of)(digest, &self.side_by_side(&r, s), x) {
                let (x, y) = (base64url(x), base64url(y));
                return (json!({ "kty": "EC", "crv": self.name, "x": x, "y": y, "kid": kid }), r);
            }
            r += BigUint::from(1_u8);
        }
    }
}
