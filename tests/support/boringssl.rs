//! Envoy's foreign functions `verify_signature` and `sign`, as Envoy 1.40 was measured to answer.
//!
//! Its readers are written anew here, and RSA by its numbers, so that it shares as little as can be with what it is a
//! measure for. It is as lenient as the real one: any size of RSA key, a hash that is not the curve's, bytes behind the
//! key. It does not know SHA-1, which nothing should ask of it.

#![allow(dead_code, reason = "each test binary uses a part")]

use p256_13::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256_13::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use rsa_09::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use sha2_10::{Digest as _, Sha256, Sha384, Sha512};

pub const VERIFY_SIGNATURE: &str = "verify_signature";
pub const SIGN: &str = "sign";

/// The status for arguments that cannot be read.
const BAD_ARGUMENT: u32 = 2;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    pub hash_function: String,
    pub public_key: Vec<u8>,
    pub signature: Vec<u8>,
    pub text: Vec<u8>,
}

impl Arguments {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [hash_function, public_key, signature, text] = fields(bytes)?;
        let hash_function = String::from_utf8(hash_function).ok()?;
        (!public_key.is_empty()).then_some(Self { hash_function, public_key, signature, text })
    }

    pub fn write(&self) -> Vec<u8> {
        message([self.hash_function.as_bytes(), &self.public_key, &self.signature, &self.text])
    }

    /// What a key is of: `RSA`, `EC` or nothing that is known.
    pub fn key_type(&self) -> &'static str {
        const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        let names = |oid: &[u8]| self.public_key.windows(oid.len()).take(12).any(|bytes| bytes == oid);
        if names(RSA) {
            "RSA"
        } else if names(EC) {
            "EC"
        } else {
            "unknown"
        }
    }
}

/// So many fields of bytes, each at most once: what cannot be a message of this kind is none.
fn fields<const N: usize>(mut bytes: &[u8]) -> Option<[Vec<u8>; N]> {
    let mut fields: [Option<Vec<u8>>; N] = [const { None }; N];
    while let Some((tag, rest)) = bytes.split_first() {
        let (length, rest) = varint(rest)?;
        let field = fields.get_mut(usize::from(tag >> 3).checked_sub(1)?).filter(|_| tag & 7 == 2)?;
        let (content, rest) = rest.split_at_checked(length)?;
        if field.replace(content.to_vec()).is_some() {
            return None;
        }
        bytes = rest;
    }
    Some(fields.map(Option::unwrap_or_default))
}

fn message<const N: usize>(fields: [&[u8]; N]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, field) in (1..).zip(fields) {
        let length = field.len();
        assert!(length < 1 << 14, "a length of two bytes");
        bytes.extend([number << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
        bytes.extend(field);
    }
    bytes
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

/// `VerifySignatureResult` of yes.
pub fn yes() -> Vec<u8> {
    vec![0x08, 1]
}

/// `VerifySignatureResult` of no, with Envoy's reason.
pub fn no(why: &str) -> Vec<u8> {
    [&[0x12, why.len() as u8], why.as_bytes()].concat()
}

/// The function itself: an answer, or a status.
pub fn verify_signature(arguments: &[u8]) -> Result<Vec<u8>, u32> {
    let arguments = Arguments::read(arguments).ok_or(BAD_ARGUMENT)?;
    let text = &arguments.text;
    let (prefix, digest) = match arguments.hash_function.to_ascii_lowercase().as_str() {
        "sha256" => (1, Sha256::digest(text).to_vec()),
        "sha384" => (2, Sha384::digest(text).to_vec()),
        "sha512" => (3, Sha512::digest(text).to_vec()),
        other => return Ok(no(&format!("{other} is not supported."))),
    };
    let key = without_what_follows(&arguments.public_key);
    let signature = &arguments.signature;
    let good = if let Some((n, e)) = rsa_numbers(key) {
        rsa(&n, &e, prefix, &digest, signature)
    } else if let Ok(key) = p256_13::ecdsa::VerifyingKey::from_public_key_der(key) {
        p256_13::ecdsa::Signature::from_der(signature).is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok())
    } else if let Ok(key) = p384_13::ecdsa::VerifyingKey::from_public_key_der(key) {
        p384_13::ecdsa::Signature::from_der(signature).is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok())
    } else {
        return Ok(no("Failed to initialize digest verify."));
    };
    Ok(if good { yes() } else { no("Failed to verify digest. Error code: 0") })
}

/// One value of DER with this tag at the beginning, and what is behind it.
fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        0x80 | 0x85.. => return None,
    };
    if *found == tag { rest.split_at_checked(length) } else { None }
}

fn without_what_follows(key: &[u8]) -> &[u8] {
    der(0x30, key).map_or(key, |(_, rest)| &key[..key.len() - rest.len()])
}

/// Modulus and exponent of a `SubjectPublicKeyInfo` of RSA.
fn rsa_numbers(key: &[u8]) -> Option<(BigUint, BigUint)> {
    const ALGORITHM: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0];
    let (content, _) = der(0x30, key)?;
    let (algorithm, content) = der(0x30, content)?;
    let (bits, behind) = der(0x03, content)?;
    let (numbers, rest) = der(0x30, bits.strip_prefix(&[0])?)?;
    let (n, numbers) = der(0x02, numbers)?;
    let (e, numbers) = der(0x02, numbers)?;
    let whole = algorithm == ALGORITHM && behind.is_empty() && rest.is_empty() && numbers.is_empty();
    // A number with its highest bit set would be negative.
    let number =
        |bytes: &[u8]| bytes.first().is_some_and(|first| first & 0x80 == 0).then(|| BigUint::from_bytes_be(bytes));
    if whole { Some((number(n)?, number(e)?)) } else { None }
}

/// RFC 8017 §8.2.2: what should have been signed is built, and compared whole.
fn rsa(n: &BigUint, e: &BigUint, hash: u8, digest: &[u8], signature: &[u8]) -> bool {
    let k = n.bits().div_ceil(8);
    let s = BigUint::from_bytes_be(signature);
    if signature.len() != k || s >= *n {
        return false;
    }
    let size = digest.len() as u8;
    let head = [0x30, size + 17, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, hash, 5, 0, 4, size];
    let padding = vec![0xff; k - 3 - head.len() - digest.len()];
    let block = [&[0, 1], &padding[..], &[0], &head, digest].concat();
    s.modpow(e, n) == BigUint::from_bytes_be(&block)
}

/// What is to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    pub hash_function: String,
    /// DER of PKCS#8.
    pub private_key: Vec<u8>,
    pub text: Vec<u8>,
}

impl ToSign {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [hash_function, private_key, text] = fields(bytes)?;
        let hash_function = String::from_utf8(hash_function).ok()?;
        (!private_key.is_empty()).then_some(Self { hash_function, private_key, text })
    }

    pub fn write(&self) -> Vec<u8> {
        message([self.hash_function.as_bytes(), &self.private_key, &self.text])
    }
}

/// `SignResult` of a signature.
pub fn signed(signature: &[u8]) -> Vec<u8> {
    let length = signature.len();
    [&yes()[..], &[0x12, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8], signature].concat()
}

/// `SignResult` of none, with Envoy's reason.
pub fn not_signed(why: &str) -> Vec<u8> {
    [&[0x1a, why.len() as u8], why.as_bytes()].concat()
}

/// The function itself: an answer, or a status.
pub fn sign(arguments: &[u8]) -> Result<Vec<u8>, u32> {
    let ToSign { hash_function, private_key, text } = ToSign::read(arguments).ok_or(BAD_ARGUMENT)?;
    if !hash_function.eq_ignore_ascii_case("sha256") {
        return Ok(not_signed("that hash is not supported."));
    }
    let digest = Sha256::digest(text);
    Ok(if let Ok(key) = RsaPrivateKey::from_pkcs8_der(&private_key) {
        signed(&key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).expect("a signature"))
    } else if let Ok(key) = p256_13::ecdsa::SigningKey::from_pkcs8_der(&private_key) {
        let signature: p256_13::ecdsa::DerSignature = key.sign_prehash(&digest).expect("a signature");
        signed(signature.as_bytes())
    } else {
        not_signed("Invalid private key.")
    })
}
