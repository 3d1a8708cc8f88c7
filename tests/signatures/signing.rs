//! Signatures that are made, checked by other libraries than what made them.

use std::cell::Cell;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256_13::ecdsa::signature::Verifier as _;
use p256_13::pkcs8::DecodePrivateKey as _;
use postern::crypto::{BoringSsl, RustCrypto, SignatureCheck, Signed, Signer, SigningKey};
use postern::json::Json;
use postern::jwks::Jwk;
use rsa_09::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2_10::{Digest as _, Sha256};

use crate::boringssl::{SIGN, ToSign, not_signed, sign, signed, yes};

const TEXT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9";

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../support/keys/test-", $name, ".pem"))
    };
}

pub const KEYS: [(&str, &str); 7] = [
    ("RSA 2048", pem!("rsa2048-a")),
    ("RSA 2049", pem!("rsa2049")),
    ("RSA 3072", pem!("rsa3072")),
    ("RSA 4096", pem!("rsa4096")),
    ("P-256", pem!("p256-a")),
    ("another P-256", pem!("p256-b")),
    ("Ed25519", pem!("ed25519")),
];

pub fn read(pem: &str) -> SigningKey {
    SigningKey::read(pem).expect("a key")
}

/// By the key's PEM and other libraries alone.
fn is_good(pem: &str, text: &str, signature: &[u8]) -> bool {
    if let Ok(key) = RsaPrivateKey::from_pkcs8_pem(pem) {
        let key = RsaPublicKey::from(key);
        return key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), signature).is_ok();
    }
    if let Ok(key) = p256_13::ecdsa::SigningKey::from_pkcs8_pem(pem) {
        let signature = p256_13::ecdsa::Signature::from_slice(signature);
        return signature.is_ok_and(|signature| key.verifying_key().verify(text.as_bytes(), &signature).is_ok());
    }
    let key = ed25519_compact::KeyPair::from_pem(pem).expect("a key").pk;
    ed25519_compact::Signature::from_slice(signature).is_ok_and(|signature| key.verify(text, &signature).is_ok())
}

fn assert_signs(signer: &impl Signer, keys: &[(&str, &str)], name: &str) {
    for (key_name, pem) in keys {
        let key = read(pem);
        for text in [TEXT, "", &TEXT.repeat(200)] {
            let signature = signer.sign(&key, text).expect("a signature");
            let name = format!("{name}, {key_name}, {} bytes", text.len());
            assert_eq!(signature.len(), key.signature_length(), "{name}");
            assert!(is_good(pem, text, &signature), "{name}");
            assert!(!is_good(pem, &format!("{text}."), &signature), "{name}: with another text");
        }
    }
}

fn asked_of(host: fn(&str, &[u8]) -> Option<Vec<u8>>) -> BoringSsl {
    let keys: Vec<SigningKey> = KEYS.iter().map(|(_, pem)| read(pem)).collect();
    let mut signer = BoringSsl::probe(host);
    signer.probe_signing(keys.iter());
    signer
}

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

fn host(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    if name != SIGN {
        return None;
    }
    ASKED.set(ASKED.get() + 1);
    sign(arguments).ok()
}

#[test]
fn what_the_filter_signs_other_libraries_find_good() {
    assert_signs(&RustCrypto, &KEYS, "RustCrypto");
}

#[test]
fn what_the_host_signs_has_the_form_of_a_token_and_is_good() {
    let signer = asked_of(host);
    assert_signs(&signer, &KEYS, "the host");
    for (name, pem) in KEYS {
        let key = read(pem);
        ASKED.set(0);
        signer.sign(&key, TEXT).expect("a signature");
        assert_eq!(ASKED.get(), usize::from(name != "Ed25519"), "{name}");
    }
}

#[test]
fn a_key_that_was_not_tried_is_signed_with_by_the_filter() {
    let mut signer = BoringSsl::probe(host);
    signer.probe_signing([read(pem!("p256-b"))].iter());
    ASKED.set(0);
    let signature = signer.sign(&read(pem!("p256-a")), TEXT).expect("a signature");
    assert!(is_good(pem!("p256-a"), TEXT, &signature));
    assert_eq!(ASKED.get(), 0);
}

#[test]
fn the_keys_that_are_published_check_what_was_signed() {
    for (name, pem) in KEYS {
        let key = read(pem);
        let jwk = key.jwk("a key");
        let read = Jwk::from_json(&Json::parse(jwk.to_string().as_bytes()).expect("JSON")).expect("a key");
        assert_eq!((read.kid.as_deref(), read.algorithm), (Some("a key"), Some(key.algorithm())), "{name}");
        assert_eq!(&read.key, key.public(), "{name}");
        let signature = RustCrypto.sign(&key, TEXT).expect("a signature");
        let token = format!("{TEXT}.{}", crate::support::mint::base64url(&signature));
        let signed = Signed { token: &token, signature: &signature };
        assert!(RustCrypto.verify(key.algorithm(), &read.key, signed), "{name}");
    }
}

#[test]
fn signatures_on_p_256_and_of_ed25519_go_by_key_and_text_alone() {
    // RFC 6979 appendix A.2.5, SHA-256 of "sample"; RFC 8032 section 7.1, the second test.
    let p256 = "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDJr6nYRbp1FmtcIVdnsdaTTlDD2zbomxJ7imIrEg9nIQ==";
    let ed25519 = "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7";
    for (name, key, text, want) in [
        (
            "RFC 6979",
            p256,
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "RFC 8032",
            ed25519,
            "r",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ] {
        let key = read(&format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n"));
        let signature = RustCrypto.sign(&key, text).expect("a signature");
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, want, "{name}");
    }
}

#[test]
fn no_two_nonces_are_the_same() {
    let host = BoringSsl::probe(host);
    let nonces: BTreeSet<[u8; 16]> =
        (0..100).flat_map(|_| [RustCrypto.nonce(), host.nonce()]).map(|nonce| nonce.expect("randomness")).collect();
    assert_eq!(nonces.len(), 200);
}

type Answer = fn(&[u8]) -> Option<Vec<u8>>;

thread_local! {
    static LATER: Cell<Option<Answer>> = const { Cell::new(None) };
}

/// A host that is right until it is told to be otherwise.
fn fickle(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    match LATER.get() {
        Some(answer) if name == SIGN => answer(arguments),
        _ => host(name, arguments),
    }
}

/// The signature in a right answer.
fn right(arguments: &[u8]) -> Vec<u8> {
    let answer = sign(arguments).expect("an answer");
    answer[5..].to_vec()
}

/// DER of a signature on P-256 by its two numbers.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| [&[2, number.len() as u8], number].concat();
    let numbers = [integer(r), integer(s)].concat();
    [&[0x30, numbers.len() as u8], &numbers[..]].concat()
}

/// The order of P-256, as DER has it.
const ORDER: [u8; 33] = [
    0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
    0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn what_a_host_does_not_sign_any_more_the_filter_signs() {
    let rows: [(&str, Answer); 21] = [
        ("nothing", |_| None),
        ("an empty answer", |_| Some(Vec::new())),
        ("garbage", |_| Some(vec![0xff; 64])),
        ("an answer that breaks off", |asked| Some(signed(&right(asked))[..40].to_vec())),
        ("no", |_| Some(not_signed("no"))),
        ("no, and a signature", |asked| Some([&signed(&right(asked))[2..], &not_signed("no")].concat())),
        ("no at the end, after a signature", |asked| Some([&signed(&right(asked))[..], &[8, 0]].concat())),
        ("yes without a signature", |_| Some(yes())),
        ("yes and an empty signature", |_| Some(signed(&[]))),
        ("a byte too few", |asked| Some(signed(&right(asked)[1..]))),
        ("a byte too few at the end", |asked| Some(signed(right(asked).split_last().unwrap().1))),
        ("a byte too many", |asked| Some(signed(&[&right(asked)[..], &[0]].concat()))),
        ("a byte too many before it", |asked| Some(signed(&[&[0], &right(asked)[..]].concat()))),
        ("twice the signature", |asked| Some(signed(&right(asked).repeat(2)))),
        ("64 bytes, which is no DER", |_| Some(signed(&[7; 64]))),
        ("DER with a zero r", |_| Some(signed(&der(&[0], &[7])))),
        ("DER with a zero s", |_| Some(signed(&der(&[7], &[0])))),
        ("DER with the order for r", |_| Some(signed(&der(&ORDER, &[7])))),
        ("DER with the order for s", |_| Some(signed(&der(&[7], &ORDER)))),
        ("DER with a negative r", |_| Some(signed(&der(&[0x80], &[7])))),
        ("DER of more than 32 bytes", |_| Some(signed(&der(&[7; 33], &[7; 33])))),
    ];
    let signer = asked_of(fickle);
    let [rsa, .., p256, _, ed25519] = KEYS;
    let one_of_each = [rsa, p256, ed25519];
    for (name, answer) in rows {
        LATER.set(Some(answer));
        assert_signs(&signer, &one_of_each, name);
    }
}

#[test]
fn the_host_is_given_the_key_and_the_text_and_the_hash_of_its_algorithm() {
    fn look(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        if name == SIGN {
            let ToSign { hash_function, private_key, text } = ToSign::read(arguments).expect("arguments");
            assert_eq!(hash_function, "sha256");
            let keys = KEYS.map(|(_, pem)| bytes_of(pem));
            assert!(keys.contains(&private_key), "a key that is not as it was written");
            assert!(text == TEXT.as_bytes() || !text.contains(&b'.'), "another text");
        }
        host(name, arguments)
    }
    let signer = asked_of(look);
    for (_, pem) in KEYS {
        assert!(signer.sign(&read(pem), TEXT).is_some());
    }
}

/// The bytes in a PEM.
pub fn bytes_of(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("base64")
}
