//! The numbers of RSA, and its hashes: what both kinds of RSA signatures are built from.

use rsa_09::BigUint;
use rsa_09::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use sha2_10::{Digest as _, Sha256, Sha384, Sha512};

use super::bytes::spoiled;
use super::{Bench, OTHER_TEXT, Vector};
use crate::support::mint::Signer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn of(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha384 => Sha384::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
        }
    }

    pub(super) fn size(self) -> usize {
        self.of(b"").len()
    }

    /// Another one.
    pub(super) fn other(self) -> Self {
        if self == Self::Sha256 { Self::Sha512 } else { Self::Sha256 }
    }
}

/// The length of a signature in bytes: k of RFC 8017.
pub(super) fn length(signer: &Signer) -> usize {
    signer.rsa_key().size()
}

/// What the private key makes of a block (RFC 8017 §5.2.1), whatever is in it.
pub(super) fn exponentiated(signer: &Signer, block: &[u8]) -> Vec<u8> {
    let key = signer.rsa_key();
    bytes_of(&BigUint::from_bytes_be(block).modpow(key.d(), key.n()), length(signer))
}

pub(super) fn fits(signer: &Signer, block: &[u8]) -> bool {
    BigUint::from_bytes_be(block) < *signer.rsa_key().n()
}

fn bytes_of(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; length.saturating_sub(bytes.len())], bytes].concat()
}

/// What is bad of a signature by its bytes, by its number, and by what and who made it.
pub(super) fn bad_in_any_scheme(bench: &Bench, signer: &Signer, good: &[u8]) -> Vec<Vector> {
    let n = signer.rsa_key().n();
    let s = BigUint::from_bytes_be(good);
    let one = BigUint::from(1_u8);
    let number = |number: &BigUint| bytes_of(number, length(signer));
    let numbers = [
        ("1", number(&one)),
        ("n - 1", number(&(n - &one))),
        ("n", number(n)),
        ("n + 1", number(&(n + &one))),
        ("n - s", number(&(n - &s))),
        ("s + n", number(&(&s + n))),
        ("s + n in one byte more", bytes_of(&(&s + n), length(signer) + 1)),
        ("s + 100 n", number(&(&s + n * BigUint::from(100_u8)))),
    ];
    let others = [
        ("of another key", Signer::other_rs256().with_alg(signer.alg()).signature(bench.text.as_bytes())),
        ("over another text", signer.signature(OTHER_TEXT)),
        ("over nothing", signer.signature(b"")),
    ];
    let rows = spoiled(good).into_iter().chain(numbers).chain(others);
    rows.map(|(name, signature)| bench.bad(name, &signature)).collect()
}

/// The same of another key, whole with one hash only: what is read of it has not to do with the size.
pub(super) fn bad_by_size(bench: &Bench, signer: &Signer, good: &[u8]) -> Vec<Vector> {
    if bench.algorithm.ends_with("256") {
        return bad_in_any_scheme(bench, signer, good);
    }
    vec![
        bench.bad("over another text", &signer.signature(OTHER_TEXT)),
        bench.bad("without its last byte", &good[..good.len() - 1]),
    ]
}

/// A good signature of the key of 2049 bits whose first byte is zero, where `sign` makes one for a text.
pub(super) fn beginning_with_zero(signer: &Signer, sign: impl Fn(&Bench) -> Vec<u8>) -> Vec<Vector> {
    // More than half of all numbers below such a modulus begin so.
    let found = (0..100).find_map(|attempt| {
        let mut bench = Bench::new(signer);
        bench.text = super::text_with(signer.alg(), signer.kid(), attempt);
        let signature = sign(&bench);
        (signature[0] == 0).then_some((bench, signature))
    });
    let (bench, signature) = found.expect("a signature that begins with a zero byte");
    vec![bench.good("a zero byte first", &signature), bench.bad("without its zero byte", &signature[1..])]
}
