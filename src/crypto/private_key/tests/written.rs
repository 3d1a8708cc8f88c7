//! Keys as nobody should have them, written by hand.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256_13::elliptic_curve::sec1::ToEncodedPoint as _;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::{BoxedUint, RsaPrivateKey};
use rsa_09::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa_09::{BigUint, RsaPrivateKey as Rsa};

use super::super::super::der_by_hand::{der, integer};

pub(super) const RSA: &str = "2a864886f70d010101";
pub(super) const EC: &str = "2a8648ce3d0201";
pub(super) const P_256: &str = "2a8648ce3d030107";
pub(super) const ED25519: &str = "2b6570";

pub(super) fn hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn oid(bytes: &str) -> Vec<u8> {
    der(6, &hex(bytes))
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// PEM around these bytes, in lines of 64 characters.
pub(super) fn labelled(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub(super) fn pem(bytes: &[u8]) -> String {
    labelled("PRIVATE KEY", bytes)
}

/// The bytes in a PEM of the tests.
pub(super) fn bytes(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with("--")).collect::<String>()).unwrap()
}

/// PKCS#8 of this algorithm with these parameters.
pub(super) fn pkcs8(algorithm: &str, parameters: &[u8], key: &[u8]) -> String {
    pem(&sequence(&[&integer(&[0]), &sequence(&[&oid(algorithm), parameters]), &der(4, key)]))
}

/// The eight numbers of RFC 8017 appendix A.1.2, behind a version.
pub(super) fn pkcs1(version: u8, numbers: &[Vec<u8>]) -> Vec<u8> {
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| integer(number)).collect();
    sequence(&[&integer(&[version]), &numbers])
}

pub(super) fn rsa_of(numbers: &[Vec<u8>]) -> String {
    pkcs8(RSA, &[5, 0], &pkcs1(0, numbers))
}

/// Those of a key of the tests, whole: n, e, d, p, q, dp, dq, qinv.
pub(super) fn numbers() -> Vec<Vec<u8>> {
    use rsa_09::pkcs8::DecodePrivateKey as _;
    let key = Rsa::from_pkcs8_pem(include_str!("../../../../tests/support/keys/test-rsa2048-a.pem")).unwrap();
    let [p, q] = key.primes() else { panic!("two primes") };
    let one = BigUint::from(1u8);
    let (dp, dq) = (key.d() % (p - &one), key.d() % (q - &one));
    let qinv = key.crt_coefficient().unwrap();
    [key.n(), key.e(), key.d(), p, q, &dp, &dq, &qinv].map(BigUint::to_bytes_be).to_vec()
}

/// With another number in one place.
pub(super) fn rsa_but(at: usize, number: &[u8]) -> String {
    let mut numbers = numbers();
    numbers[at] = number.to_vec();
    rsa_of(&numbers)
}

pub(super) fn swapped(a: usize, b: usize) -> String {
    let mut numbers = numbers();
    numbers.swap(a, b);
    rsa_of(&numbers)
}

/// A number of so many bits that has the lowest two set.
pub(super) fn number(bits: usize) -> Vec<u8> {
    let mut number = vec![0x5b; bits.div_ceil(8)];
    number[0] = 1 << ((bits - 1) % 8);
    number
}

/// EC, on P-256 where nothing else is said.
pub(super) fn ec(scalar: &[u8], public: &[u8]) -> String {
    let public = if public.is_empty() { Vec::new() } else { der(0xa1, &der(3, &[&[0], public].concat())) };
    pkcs8(EC, &oid(P_256), &sequence(&[&integer(&[1]), &der(4, scalar), &public]))
}

pub(super) fn point(scalar: u8, compressed: bool) -> Vec<u8> {
    let key = p256_13::SecretKey::from_slice(&[scalar; 32]).unwrap();
    key.public_key().to_encoded_point(compressed).as_bytes().to_vec()
}

pub(super) fn ed25519_with_public(seed: &[u8], public: &[u8]) -> String {
    let seed = der(4, &der(4, seed));
    let public = der(0x81, &[&[0], public].concat());
    pem(&sequence(&[&integer(&[1]), &sequence(&[&oid(ED25519)]), &seed, &public]))
}

pub(super) fn ed25519_public(seed: u8) -> Vec<u8> {
    ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([seed; 32])).pk.to_vec()
}

/// Two factors that are no primes, and an exponent that is right for them.
pub(super) fn composite() -> String {
    let factor = |last: u8| {
        let mut bytes = [0xc5; 128];
        bytes[127] = last;
        BoxedUint::from_be_slice(&bytes, 1024).unwrap()
    };
    // Odd, and without one of the exponent's factor in what is one less.
    let key = RsaPrivateKey::from_p_q(factor(0x0b), factor(0x17), BoxedUint::from(65_537u32)).unwrap();
    pem(key.to_pkcs8_der().unwrap().as_bytes())
}

pub(super) fn roca() -> Vec<u8> {
    // 1 plus a multiple of all the primes that are looked at is a power of 65537 modulo each.
    let primes = (3u32..=167).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    let product = primes.fold(BigUint::from(1u8), |product, prime| product * prime);
    let places = 2048 - product.bits();
    ((product << places) + 1u8).to_bytes_be()
}
