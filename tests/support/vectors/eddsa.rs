//! Ed25519 (RFC 8032 §5.1): EdDSA.

use ed25519_compact::KeyPair;
use rsa_09::BigUint;
use serde_json::json;
use sha2_10::{Digest as _, Sha512};

use super::bytes::spoiled;
use super::{Bench, OTHER_TEXT, Vector, text};
use crate::support::mint::{Signer, base64url};

/// The order of the group, L of the RFC.
const ORDER: &[u8] = b"1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/// The point that changes nothing, in its one right form: x = 0, y = 1.
const NEUTRAL: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

pub(super) fn vectors() -> Vec<Vector> {
    let signer = Signer::eddsa().with_kid("Ed25519");
    let bench = Bench::new(&signer);
    let message = bench.text.as_bytes();
    let good = signer.signature(message);
    let (r, s) = good.split_at(32);
    let order = BigUint::parse_bytes(ORDER, 16).expect("a number");
    let number = BigUint::from_bytes_le(s);
    let with_s = |s: &BigUint| [r, &little_endian(s)].concat();
    let other = KeyPair::from_seed([7; 32].into());
    let rows = [
        ("S + L", with_s(&(&number + &order))),
        ("S + 8 L", with_s(&(&number + &order * BigUint::from(8_u8)))),
        ("L - S", with_s(&(&order - &number))),
        ("S = 0", with_s(&BigUint::from(0_u8))),
        ("S = 1", with_s(&BigUint::from(1_u8))),
        ("S = L", with_s(&order)),
        ("the sign of R", [&r[..31], &[r[31] ^ 0x80], s].concat()),
        ("R is the neutral point", [&NEUTRAL[..], s].concat()),
        ("R is no point", [&[2; 32], s].concat()),
        ("S before R", [s, r].concat()),
        ("R twice", [r, r].concat()),
        ("over another text", signer.signature(OTHER_TEXT)),
        ("of another key", other.sk.sign(message, None).to_vec()),
        ("the hash is signed", signer.signature(&Sha512::digest(message))),
        ("a signature of ES256", Signer::es256().signature(message)),
        ("a signature of RS256", Signer::rs256().signature(message)),
    ];
    let mut vectors = vec![bench.good("as it is signed", &good)];
    vectors.extend(spoiled(&good).into_iter().chain(rows).map(|(name, signature)| bench.bad(name, &signature)));
    vectors.extend(written_otherwise().map(|(name, r)| bench.bad(name, &over_the_neutral_point(&signer, &r, message))));
    vectors.extend(of_a_key_of_small_order());
    vectors
}

/// Forms of the neutral point that a check must not read (RFC 8032 §5.1.3): y is not below 2^255 - 19, or x = 0 has a
/// sign.
fn written_otherwise() -> impl Iterator<Item = (&'static str, [u8; 32])> {
    let beyond = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xee, 0x7f);
        bytes
    };
    let signed = |mut bytes: [u8; 32]| {
        bytes[31] |= 0x80;
        bytes
    };
    [
        ("R is the neutral point, its y beyond the field", beyond),
        ("R is the neutral point with a sign", signed(NEUTRAL)),
        ("R is the neutral point with a sign, its y beyond the field", signed(beyond)),
    ]
    .into_iter()
}

/// What only the key's owner can make: R is written so, and else all is right.
fn over_the_neutral_point(signer: &Signer, r: &[u8; 32], message: &[u8]) -> Vec<u8> {
    let order = BigUint::parse_bytes(ORDER, 16).expect("a number");
    let key = signer.ed25519_key();
    let mut secret = Sha512::digest(&key.sk[..32])[..32].to_vec();
    secret[0] &= 0xf8;
    secret[31] = secret[31] & 0x7f | 0x40;
    let k = BigUint::from_bytes_le(&Sha512::digest([r, &key.pk[..], message].concat()));
    let s = k * BigUint::from_bytes_le(&secret) % order;
    [&r[..], &little_endian(&s)].concat()
}

/// Under such a key anything is signed by one signature. None should take it for a key, or believe it.
fn of_a_key_of_small_order() -> impl Iterator<Item = Vector> {
    let keys = [("the neutral point as a key", NEUTRAL), ("the point of order 4 as a key", [0; 32])];
    keys.into_iter().map(|(kid, x)| {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(x), "kid": kid });
        let bench = Bench { algorithm: "EdDSA", jwk, text: text("EdDSA", kid) };
        bench.bad("R is the neutral point, S = 0", &[&NEUTRAL[..], &[0; 32]].concat())
    })
}

fn little_endian(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_le();
    assert!(bytes.len() <= 32, "a number that can be written");
    bytes.resize(32, 0);
    bytes
}
