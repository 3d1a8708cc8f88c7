//! The public half of a key, in every form that a check needs. Whether one of RSA is strong enough is looked at in
//! [`super::strength`], and whether it is meant for signatures by [`crate::jwks`].

use rsa::pkcs8::EncodePublicKey;
use rsa::{BoxedUint, RsaPublicKey};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    material: Material,
    /// DER of the `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), for the host. Ours, not the issuer's: the host ignores what
    /// stands behind it. Empty where the host is never asked.
    spki: Vec<u8>,
}

/// As the libraries keep keys, so that what can be computed of a key alone is computed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// `None` where it is no modulus, or one prime twice, as a generator has made that began anew in between: who sees
    /// such a number has its factors.
    pub fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let [n, e] = [n, e].map(BoxedUint::from_be_slice_vartime);
        if n.checked_sqrt_vartime().is_some() {
            return None;
        }
        let key = RsaPublicKey::new(n, e).ok()?;
        let spki = der(&key)?;
        Some(Self { material: Material::Rsa(key), spki })
    }

    /// `None` where the point is not on the curve.
    pub fn p256(point: &[u8]) -> Option<Self> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
        let spki = der(&key)?;
        Some(Self { material: Material::P256(key), spki })
    }

    /// `None` where the point is not on the curve.
    pub fn p384(point: &[u8]) -> Option<Self> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
        let spki = der(&key)?;
        Some(Self { material: Material::P384(key), spki })
    }

    /// `None` where it is not a point of the curve, or one of small order.
    pub fn ed25519(bytes: &[u8]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self { material: Material::Ed25519(key), spki: Vec::new() })
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }

    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }
}

fn der(key: &impl EncodePublicKey) -> Option<Vec<u8>> {
    Some(key.to_public_key_der().ok()?.into_vec())
}

#[cfg(test)]
mod tests {
    use p256_13::pkcs8::DecodePrivateKey as _;
    use rsa_09::RsaPrivateKey;
    use rsa_09::traits::PublicKeyParts as _;
    use sha2::{Digest as _, Sha256};

    use super::super::der_by_hand::{der, integer};
    use super::*;

    fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
        der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat())
    }

    /// A number with this first and last byte.
    fn number(length: usize, first: u8, last: u8) -> Vec<u8> {
        let mut number = vec![0x5a; length];
        (number[0], number[length - 1]) = (first, last);
        number
    }

    #[test]
    fn an_rsa_key_is_written_as_rfc_3279_has_it_whatever_its_highest_bits_are() {
        // rsaEncryption and NULL.
        let algorithm = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        for (name, n, e) in [
            ("2048 bits", number(256, 0x80, 1), &[1, 0, 1][..]),
            ("2048 bits, all of the first byte", number(256, 0xff, 0xff), &[1, 0, 1]),
            ("2049 bits", number(257, 1, 3), &[1, 0, 1]),
            ("2055 bits", number(257, 0x7f, 3), &[1, 0, 1]),
            ("2056 bits", number(257, 0xff, 3), &[1, 0, 1]),
            ("3072 bits", number(384, 0xc3, 5), &[1, 0, 1]),
            ("4096 bits", number(512, 0x99, 7), &[1, 0, 1]),
            ("an exponent with its highest bit", number(256, 0x80, 1), &[0x80, 0, 0, 1]),
            ("the longest exponent", number(256, 0x80, 1), &[0xff, 0xff, 0xff, 0xff]),
            ("an exponent of four bytes without its highest bit", number(256, 0x80, 1), &[0x7f, 0, 0, 1]),
            ("an exponent of three bytes with its highest bit", number(256, 0x80, 1), &[0xff, 0, 1]),
        ] {
            let want = spki(&algorithm, &der(0x30, &[integer(&n), integer(e)].concat()));
            assert_eq!(PublicKey::rsa(&n, e).unwrap().spki(), want, "{name}");
        }
    }

    #[test]
    fn a_key_on_a_curve_is_written_as_rfc_5480_has_it() {
        // id-ecPublicKey, and the curve.
        let p256_algorithm = "06072a8648ce3d020106082a8648ce3d030107";
        let p384_algorithm = "06072a8648ce3d020106052b81040022";
        let p256 = p256_13::SecretKey::from_slice(&[3; 32]).unwrap().public_key().to_sec1_bytes();
        let p384 = p384_13::SecretKey::from_slice(&[3; 48]).unwrap().public_key().to_sec1_bytes();
        for (name, key, want) in [
            ("P-256", PublicKey::p256(&p256), spki(&bytes(p256_algorithm), &p256)),
            ("P-384", PublicKey::p384(&p384), spki(&bytes(p384_algorithm), &p384)),
        ] {
            assert_eq!(key.unwrap().spki(), want, "{name}");
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn keys_are_written_as_openssl_writes_them() {
        let rsa = |pem| {
            let key = RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
            PublicKey::rsa(&key.n().to_bytes_be(), &key.e().to_bytes_be())
        };
        let p256 =
            |pem| PublicKey::p256(&p256_13::SecretKey::from_pkcs8_pem(pem).unwrap().public_key().to_sec1_bytes());
        let p384 =
            |pem| PublicKey::p384(&p384_13::SecretKey::from_pkcs8_pem(pem).unwrap().public_key().to_sec1_bytes());
        macro_rules! pem {
            ($name:literal) => {
                include_str!(concat!("../../tests/support/keys/test-", $name, ".pem"))
            };
        }
        // SHA-256 of what `openssl pkey -pubout -outform DER` writes.
        for (name, key, want) in [
            ("RSA 2048, a", rsa(pem!("rsa2048-a")), "260dacb8bd48693420bbc2c84b5a0f9014f7c15f626ad2426a43d40571ab3ee4"),
            ("RSA 2048, b", rsa(pem!("rsa2048-b")), "187913cb3c41db821c66e95f5c6218e400292c448d363a0d87fe1f891399e2a3"),
            ("RSA 2049", rsa(pem!("rsa2049")), "8079b8ac01bfc083c54d60afdfddb8a8deeac27e735ac5f13d24e53943519585"),
            ("RSA 3072", rsa(pem!("rsa3072")), "e19d8197e2671bb2d232502c096c10ed2d47e95402121dc6ef8227efe9caaa5a"),
            ("RSA 4096", rsa(pem!("rsa4096")), "cdc57b83e829e49a9b0e90b15a991a628b35484375b2356dfef3f8ebce43fff0"),
            ("P-256, a", p256(pem!("p256-a")), "98ae043c54176fd9733166bfb9f0337409c6e04171f63344f77f02a1ca985cca"),
            ("P-256, b", p256(pem!("p256-b")), "8d15eeac1159d7f8905568edca1460baf59f6812cea7b3073fd2679edededd1a"),
            ("P-384", p384(pem!("p384")), "a0d3e45395a19c915a480a57d08437ab9f0b2801848db1d14f080ae4ecfa341c"),
        ] {
            assert_eq!(Sha256::digest(key.unwrap().spki())[..], bytes(want), "{name}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let point = p256_13::SecretKey::from_slice(&[3; 32]).unwrap().public_key().to_sec1_bytes();
        let off_the_curve = {
            let mut point = point.to_vec();
            point[64] ^= 1;
            point
        };
        let square = rsa_09::BigUint::from_bytes_be(&[0xff; 128]);
        let square = (&square * &square).to_bytes_be();
        for (name, key) in [
            ("a point off P-256", PublicKey::p256(&off_the_curve)),
            ("the point at infinity", PublicKey::p256(&[0])),
            ("no point", PublicKey::p256(&[])),
            ("a point cut short", PublicKey::p256(&point[..64])),
            ("a point of P-256 as one of P-384", PublicKey::p384(&point)),
            ("no number for a modulus", PublicKey::rsa(&[], &[1, 0, 1])),
            ("a modulus that is a square", PublicKey::rsa(&square, &[1, 0, 1])),
            ("no exponent", PublicKey::rsa(&number(256, 0x80, 1), &[])),
            ("Ed25519 of 31 bytes", PublicKey::ed25519(&[9; 31])),
            ("Ed25519 of 33 bytes", PublicKey::ed25519(&[9; 33])),
        ] {
            assert_eq!(key, None, "{name}");
        }
    }
}
