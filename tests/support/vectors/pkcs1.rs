//! RSASSA-PKCS1-v1_5 (RFC 8017 §8.2): RS256, RS384, RS512.
//!
//! Most of the forgeries here need the private key. That is the point: each differs from a good signature in one byte
//! of what is inside, and a check that overlooks that byte overlooks it in what others can make too.

use super::rsa::{Hash, bad_by_size, bad_in_any_scheme, beginning_with_zero, exponentiated, fits, length};
use super::{Bench, OTHER_TEXT, Vector};
use crate::support::mint::Signer;

const ALGORITHMS: [(&str, &str, Hash); 3] =
    [("RS256", "PS256", Hash::Sha256), ("RS384", "PS384", Hash::Sha384), ("RS512", "PS512", Hash::Sha512)];

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (algorithm, pss, hash) in ALGORITHMS {
        let signer = Signer::rs256().with_alg(algorithm).with_kid("rsa-2048");
        let bench = Bench::new(&signer);
        let good = signer.signature(bench.text.as_bytes());
        vectors.push(bench.good("as it is signed", &good));
        let by_hand = block(length(&signer), &digest_info(hash, &hash.of(bench.text.as_bytes())));
        vectors.push(bench.good("made by hand", &exponentiated(&signer, &by_hand)));
        vectors.extend(bad_in_any_scheme(&bench, &signer, &good));
        let as_pss = signer.clone().with_alg(pss).signature(bench.text.as_bytes());
        vectors.push(bench.bad("a signature of PSS", &as_pss));
        for (other, _, _) in ALGORITHMS.into_iter().filter(|(other, _, _)| *other != algorithm) {
            let signature = signer.clone().with_alg(other).signature(bench.text.as_bytes());
            vectors.push(bench.bad(&format!("a signature of {other}"), &signature));
        }
        for (name, block) in bad_blocks(hash, length(&signer), bench.text.as_bytes()) {
            assert!(fits(&signer, &block), "{name}: no number below the modulus");
            vectors.push(bench.bad(name, &exponentiated(&signer, &block)));
        }
        vectors.extend(of_other_keys(algorithm));
    }
    vectors
}

fn of_other_keys(algorithm: &'static str) -> Vec<Vector> {
    let odd = Signer::rs256_2049().with_alg(algorithm).with_kid("rsa-2049");
    let mut vectors = beginning_with_zero(&odd, |bench| odd.signature(bench.text.as_bytes()));
    let others = [Signer::rs256_3072().with_kid("rsa-3072"), Signer::rs256_4096().with_kid("rsa-4096"), odd];
    for signer in others {
        let signer = signer.with_alg(algorithm);
        let bench = Bench::new(&signer);
        let good = signer.signature(bench.text.as_bytes());
        vectors.push(bench.good("as it is signed", &good));
        vectors.extend(bad_by_size(&bench, &signer, &good));
    }
    vectors
}

/// The block that is right but for one thing.
fn bad_blocks(hash: Hash, k: usize, text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let digest = hash.of(text);
    let info = digest_info(hash, &digest);
    let right = block(k, &info);
    let separator = k - info.len() - 1;
    let changed = |at: usize, to: u8| {
        let mut block = right.clone();
        block[at] = to;
        block
    };
    let octets = |digest: &[u8]| der(0x04, digest);
    let with_algorithm = |algorithm: &[u8]| block(k, &der(0x30, &[der(0x30, algorithm), octets(&digest)].concat()));
    let with_octets = |octets: &[u8]| block(k, &der(0x30, &[identifier(hash), octets.to_vec()].concat()));
    // Little padding, and the room behind the hash filled up: what a check that reads from the left lets pass.
    let filled = |padding: usize, filling: u8| {
        let mut block = [&[0, 1], &vec![0xff; padding][..], &[0], &info].concat();
        block.resize(k, filling);
        block
    };
    let long_form = |bytes: &[u8]| [&bytes[..1], &[0x81], &bytes[1..]].concat();
    let next = if hash == Hash::Sha512 { Hash::Sha384 } else { Hash::Sha512 };
    vec![
        ("no NULL after the hash's name", with_algorithm(&oid(hash))),
        ("a NULL with something in it", with_algorithm(&[oid(hash), vec![5, 1, 0]].concat())),
        ("an empty string instead of NULL", with_algorithm(&[oid(hash), vec![4, 0]].concat())),
        ("NULL twice", with_algorithm(&[oid(hash), vec![5, 0, 5, 0]].concat())),
        ("NULL with a long length", with_algorithm(&[oid(hash), vec![5, 0x81, 0]].concat())),
        ("another hash's name", with_algorithm(&[oid(next), vec![5, 0]].concat())),
        ("the name of no hash", with_algorithm(&[vec![6, 1, 0x2a], vec![5, 0]].concat())),
        ("the digest alone", block(k, &digest)),
        ("the digest as octets, without a name", block(k, &octets(&digest))),
        ("the digest of another text", block(k, &digest_info(hash, &hash.of(OTHER_TEXT)))),
        ("another hash under this one's name", with_octets(&octets(&next.of(text)))),
        ("the digest less its last byte", with_octets(&octets(&digest[..digest.len() - 1]))),
        ("the digest less its first byte", with_octets(&octets(&digest[1..]))),
        ("a zero byte in the octets before the digest", with_octets(&octets(&[&[0], &digest[..]].concat()))),
        ("a zero byte in the octets after the digest", with_octets(&octets(&[&digest[..], &[0]].concat()))),
        ("a long length of the octets", with_octets(&long_form(&octets(&digest)))),
        ("a long length of all", block(k, &long_form(&info))),
        ("more in the sequence after the octets", with_octets(&[octets(&digest), vec![5, 0]].concat())),
        ("a zero byte at the end", block(k, &[&info[..], &[0]].concat())),
        ("bytes at the end", block(k, &[&info[..], &[0xaa; 16]].concat())),
        ("8 bytes of padding, then zeros at the end", filled(8, 0)),
        ("8 bytes of padding, then bytes at the end", filled(8, 0xaa)),
        ("7 bytes of padding, then bytes at the end", filled(7, 0xaa)),
        ("no padding, then bytes at the end", filled(0, 0xaa)),
        ("one byte less of padding, then a byte at the end", filled(k - info.len() - 4, 0xaa)),
        ("a zero byte more before all, and one less of padding", {
            let mut block = block(k - 1, &info);
            block.insert(0, 0);
            block
        }),
        ("the first byte of padding changed", changed(2, 0xfe)),
        ("a byte in the midst of the padding changed", changed(separator / 2, 0x7f)),
        ("the last byte of padding changed", changed(separator - 1, 0xfe)),
        ("the first byte of padding zero", changed(2, 0)),
        ("a zero in the midst of the padding", changed(separator / 2, 0)),
        ("the last byte of padding zero", changed(separator - 1, 0)),
        ("padding of zeros", [&[0, 1], &vec![0; k - info.len() - 2][..], &info].concat()),
        ("padding of random bytes, as of encryption", {
            let padding: Vec<u8> = (0..k - info.len() - 3).map(|at| 1 + (at % 251) as u8).collect();
            [&[0, 2], &padding[..], &[0], &info].concat()
        }),
        ("block type 0", changed(1, 0)),
        ("block type 2", changed(1, 2)),
        ("block type 255", changed(1, 255)),
        ("the first byte 1", changed(0, 1)),
        ("the separator 255", changed(separator, 0xff)),
        ("the separator 1", changed(separator, 1)),
        ("the digest's last bit", changed(k - 1, right[k - 1] ^ 1)),
        ("the digest's first bit", changed(k - digest.len(), right[k - digest.len()] ^ 0x80)),
        ("only the digest, behind zeros", [vec![0; k - digest.len()], digest.clone()].concat()),
    ]
}

/// EMSA-PKCS1-v1_5 (RFC 8017 §9.2) around whatever is to stand in it.
fn block(k: usize, content: &[u8]) -> Vec<u8> {
    [&[0, 1], &vec![0xff; k - content.len() - 3][..], &[0], content].concat()
}

fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    der(0x30, &[identifier(hash), der(0x04, digest)].concat())
}

fn identifier(hash: Hash) -> Vec<u8> {
    der(0x30, &[oid(hash), vec![5, 0]].concat())
}

/// 2.16.840.1.101.3.4.2.1 to 3.
fn oid(hash: Hash) -> Vec<u8> {
    let last = match hash {
        Hash::Sha256 => 1,
        Hash::Sha384 => 2,
        Hash::Sha512 => 3,
    };
    der(0x06, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last])
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128, "a short length");
    [&[tag, content.len() as u8], content].concat()
}
