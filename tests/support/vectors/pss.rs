//! RSASSA-PSS (RFC 8017 §8.1) as RFC 7518 §3.5 has it: one hash for all, and a salt as long as it. PS256, PS384, PS512.

use rsa_09::traits::PublicKeyParts as _;

use super::rsa::{Hash, bad_by_size, bad_in_any_scheme, beginning_with_zero, exponentiated, fits, length};
use super::{Bench, OTHER_TEXT, Vector};
use crate::support::mint::Signer;

const ALGORITHMS: [(&str, &str, Hash); 3] =
    [("PS256", "RS256", Hash::Sha256), ("PS384", "RS384", Hash::Sha384), ("PS512", "RS512", Hash::Sha512)];

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (algorithm, pkcs1, hash) in ALGORITHMS {
        let signer = Signer::rs256().with_alg(algorithm).with_kid("rsa-2048");
        let bench = Bench::new(&signer);
        let good = signer.signature(bench.text.as_bytes());
        vectors.push(bench.good("as it is signed", &good));
        vectors.extend(bad_in_any_scheme(&bench, &signer, &good));
        let as_pkcs1 = signer.clone().with_alg(pkcs1).signature(bench.text.as_bytes());
        vectors.push(bench.bad("a signature of PKCS #1 v1.5", &as_pkcs1));
        let right = Encoding::of(hash, &signer, &bench);
        vectors.push(bench.good("made by hand", &exponentiated(&signer, &right.block())));
        for (name, block) in bad_blocks(hash, &right, &signer) {
            assert!(fits(&signer, &block), "{name}: no number below the modulus");
            vectors.push(bench.bad(&name, &exponentiated(&signer, &block)));
        }
        vectors.extend(of_other_keys(algorithm, hash));
    }
    vectors
}

fn of_other_keys(algorithm: &'static str, hash: Hash) -> Vec<Vector> {
    let mut vectors = Vec::new();
    let odd = Signer::rs256_2049().with_kid("rsa-2049");
    for signer in [Signer::rs256_3072().with_kid("rsa-3072"), Signer::rs256_4096().with_kid("rsa-4096"), odd] {
        let signer = signer.with_alg(algorithm);
        let bench = Bench::new(&signer);
        let good = exponentiated(&signer, &Encoding::of(hash, &signer, &bench).block());
        vectors.push(bench.good("made by hand", &good));
        vectors.push(bench.good("as it is signed", &signer.signature(bench.text.as_bytes())));
        vectors.extend(bad_by_size(&bench, &signer, &good));
        if signer.kid() == "rsa-2049" {
            vectors.extend(beginning_with_zero(&signer, |bench| {
                exponentiated(&signer, &Encoding::of(hash, &signer, bench).block())
            }));
        }
    }
    vectors
}

/// EMSA-PSS (RFC 8017 §9.1.1), each part of which can be another.
#[derive(Clone)]
struct Encoding {
    hash: Hash,
    mask: Hash,
    digest: Vec<u8>,
    salt: Vec<u8>,
    em_bits: usize,
    /// Eight zero bytes, by the standard.
    prefix: Vec<u8>,
    /// What parts the padding from the salt.
    separator: u8,
    padding: u8,
    trailer: u8,
}

impl Encoding {
    fn of(hash: Hash, signer: &Signer, bench: &Bench) -> Self {
        Self {
            hash,
            mask: hash,
            digest: hash.of(bench.text.as_bytes()),
            salt: (1..=hash.size() as u8).collect(),
            em_bits: signer.rsa_key().n().bits() - 1,
            prefix: vec![0; 8],
            separator: 1,
            padding: 0,
            trailer: 0xbc,
        }
    }

    fn block(&self) -> Vec<u8> {
        let em_len = self.em_bits.div_ceil(8);
        let h = self.hash.of(&[&self.prefix[..], &self.digest, &self.salt].concat());
        let padding = vec![self.padding; em_len - self.salt.len() - h.len() - 2];
        let mut db = [&padding[..], &[self.separator], &self.salt].concat();
        for (byte, mask) in db.iter_mut().zip(self.mask(&h, em_len - h.len() - 1)) {
            *byte ^= mask;
        }
        db[0] &= 0xff >> (8 * em_len - self.em_bits);
        [&db[..], &h, &[self.trailer]].concat()
    }

    /// MGF1 (RFC 8017 §B.2.1).
    fn mask(&self, seed: &[u8], length: usize) -> Vec<u8> {
        let block = |counter: u32| self.mask.of(&[seed, &counter.to_be_bytes()].concat());
        (0..).flat_map(block).take(length).collect()
    }
}

fn bad_blocks(hash: Hash, right: &Encoding, signer: &Signer) -> Vec<(String, Vec<u8>)> {
    let mut blocks = Vec::new();
    let longest = length(signer) - hash.size() - 2;
    for size in [0, 1, 20, 32, 48, 64, hash.size() - 1, hash.size() + 1, longest] {
        if size != hash.size() {
            let salt = vec![0x5a; size];
            blocks.push((format!("a salt of {size} bytes"), Encoding { salt, ..right.clone() }.block()));
        }
    }
    let changed = |at: usize, bit: u8| {
        let mut block = right.block();
        block[at] ^= bit;
        block
    };
    let last = length(signer) - 1;
    let named = [
        ("another hash in the mask", Encoding { mask: hash.other(), ..right.clone() }.block()),
        ("another hash and the same mask", Encoding { hash: hash.other(), ..right.clone() }.block()),
        ("the digest of another text", Encoding { digest: hash.of(OTHER_TEXT), ..right.clone() }.block()),
        ("no zeros before the digest", Encoding { prefix: Vec::new(), ..right.clone() }.block()),
        ("other bytes before the digest", Encoding { prefix: vec![1; 8], ..right.clone() }.block()),
        ("a separator of 0", Encoding { separator: 0, ..right.clone() }.block()),
        ("a separator of 2", Encoding { separator: 2, ..right.clone() }.block()),
        ("padding of ones", Encoding { padding: 1, ..right.clone() }.block()),
        ("padding of all bits", Encoding { padding: 0xff, ..right.clone() }.block()),
        ("trailer 0", Encoding { trailer: 0, ..right.clone() }.block()),
        ("trailer 0xcc, that of X9.31", Encoding { trailer: 0xcc, ..right.clone() }.block()),
        ("a bit of the padding", changed(8, 1)),
        ("a bit of the salt", changed(last - hash.size() - 1, 1)),
        ("a bit of the hash", changed(last - 1, 1)),
        ("the first bit, which has to be zero", first_bit_set(right, signer)),
    ];
    blocks.extend(named.into_iter().map(|(name, block)| (name.to_owned(), block)));
    blocks
}

/// A salt leaves the number below the modulus, or the next one does.
fn first_bit_set(right: &Encoding, signer: &Signer) -> Vec<u8> {
    let block = |salt: u8| {
        let mut block = Encoding { salt: vec![salt; right.salt.len()], ..right.clone() }.block();
        block[0] |= 0x80;
        block
    };
    (0..=255).map(block).find(|block| fits(signer, block)).expect("a number below the modulus")
}
