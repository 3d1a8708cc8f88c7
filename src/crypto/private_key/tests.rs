mod written;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa_09::BigUint;
use written::{
    EC, ED25519, P_256, RSA, bytes, composite, ec, ed25519_public, ed25519_with_public, hex, labelled, number, numbers,
    oid, pem, pkcs1, pkcs8, point, roca, rsa_but, rsa_of, sequence, swapped,
};

use super::super::der_by_hand::{der, integer};
use super::super::{Algorithm, SigningKey};
use super::*;

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../tests/support/keys/test-", $name, ".pem"))
    };
}

#[test]
fn what_is_no_key_to_sign_with_is_refused_in_words_that_help() {
    let good = pem!("p256-a");
    let (p256, rsa) = (bytes(good), bytes(pem!("rsa2048-a")));
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let square = BigUint::from_bytes_be(&[0xff; 128]);
    let square = (&square * &square).to_bytes_be();
    let n = numbers()[0].clone();
    let body = good.lines().nth(1).unwrap();
    let weak = "has a modulus of less than 2048 or more than 4096 bits";
    let rows: Vec<(&str, String, &str)> = vec![
        ("nothing", String::new(), EMPTY),
        ("white space", " \n\\n\r\n\t".into(), EMPTY),
        ("more than a key can have", format!("{}{good}", "\n".repeat(MAX_LENGTH)), TOO_LONG),
        ("a word", "hunter2".into(), NO_PEM),
        ("base64 alone", STANDARD.encode(&p256), NO_PEM),
        ("a JWK", r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMko"}"#.into(), NO_PEM),
        ("a label that breaks off", "-----BEGIN PRIVATE KEY".into(), NO_PEM),
        ("an unknown label", labelled("DSA PRIVATE KEY", &p256), NO_PEM),
        ("no label", labelled("", &p256), NO_PEM),
        ("another case", labelled("Private Key", &p256), NO_PEM),
        ("text before it", format!("Bag Attributes\n{good}"), NO_PEM),
        ("text behind it", format!("{good}hunter2\n"), MORE),
        ("text behind it in its line", format!("{}hunter2\n", good.trim()), MORE),
        ("a second key", format!("{good}{good}"), MORE),
        ("a certificate behind it", format!("{good}{}", labelled("CERTIFICATE", &p256)), MORE),
        ("no end", good.replace("-----END PRIVATE KEY-----", ""), DAMAGED),
        ("another end", good.replace("END PRIVATE", "END PUBLIC"), DAMAGED),
        ("a header", good.replace(body, &format!("Proc-Type: 4\n\n{body}")), DAMAGED),
        ("a character that is none of base64", good.replace(body, &body.replacen('A', "*", 1)), DAMAGED),
        ("a character too few", good.replace(body, &body[1..]), DAMAGED),
        ("a character of another alphabet", good.replace(body, &body.replacen('M', "é", 1)), DAMAGED),
        ("encrypted", labelled("ENCRYPTED PRIVATE KEY", &p256), ENCRYPTED),
        ("PKCS#1", labelled("RSA PRIVATE KEY", &rsa), OLD_FORM),
        ("SEC1", labelled("EC PRIVATE KEY", &p256), OLD_FORM),
        ("SEC1 as `openssl ecparam` has it", labelled("EC PARAMETERS", &oid(P_256)), OLD_FORM),
        ("OpenSSH", labelled("OPENSSH PRIVATE KEY", &p256), OPENSSH),
        ("a public key", labelled("PUBLIC KEY", &p256), PUBLIC),
        ("a public key of PKCS#1", labelled("RSA PUBLIC KEY", &rsa), PUBLIC),
        ("a certificate", labelled("CERTIFICATE", &p256), PUBLIC),
        ("no bytes", pem(&[]), NO_PKCS8),
        ("bytes that are no DER", pem(&[0xff; 99]), NO_PKCS8),
        ("PKCS#1 under the label of PKCS#8", pem(&pkcs1(0, &numbers())), NO_PKCS8),
        ("DER that breaks off", pem(&p256[..p256.len() - 1]), NO_PKCS8),
        ("a byte behind the DER", pem(&[&p256[..], &[0]].concat()), NO_PKCS8),
        ("RSA without its parameters", pkcs8(RSA, &[], &pkcs1(0, &numbers())), NO_PKCS8),
        ("RSA with the parameters of a curve", pkcs8(RSA, &oid(P_256), &pkcs1(0, &numbers())), NO_PKCS8),
        ("no PKCS#1 in it", pkcs8(RSA, &[5, 0], &[0x30, 0]), NO_PKCS8),
        ("RSA for PSS alone", pkcs8("2a864886f70d01010a", &[], &pkcs1(0, &numbers())), KIND),
        ("X25519", pkcs8("2b656e", &[], &der(4, &[7; 32])), KIND),
        ("Ed448", pkcs8("2b6571", &[], &der(4, &[7; 57])), KIND),
        ("DSA", pkcs8("2a8648ce380401", &[], &integer(&[7])), KIND),
        ("P-384", pem!("p384").into(), CURVE),
        ("P-521", pkcs8(EC, &oid("2b81040023"), &sequence(&[&integer(&[1]), &der(4, &[7; 66])])), CURVE),
        ("secp256k1", pkcs8(EC, &oid("2b8104000a"), &sequence(&[&integer(&[1]), &der(4, &[7; 32])])), CURVE),
        ("a curve that is written out", pkcs8(EC, &sequence(&[&integer(&[1])]), &[0x30, 0]), CURVE),
        ("no curve", pkcs8(EC, &[], &[0x30, 0]), CURVE),
        ("RSA of 1024 bits", rsa_but(0, &number(1024)), weak),
        ("RSA of 2047 bits", rsa_but(0, &number(2047)), weak),
        ("RSA of 4097 bits", rsa_but(0, &number(4097)), weak),
        ("an even modulus", rsa_but(0, &[&number(2040)[..], &[2]].concat()), "has an even modulus"),
        ("ROCA", rsa_but(0, &roca()), "has a modulus made by a generator whose keys can be factored (CVE-2017-15361)"),
        ("a square", rsa_but(0, &square), "has a modulus and an exponent that are no RSA key"),
        ("an exponent of 3", rsa_but(1, &[3]), "has an exponent that is even or less than 65537"),
        ("an even exponent", rsa_but(1, &[1, 0, 2]), "has an exponent that is even or less than 65537"),
        (
            "a long exponent",
            rsa_but(1, &[1; 5]),
            "has an exponent that is empty, begins with a zero byte or is too long",
        ),
        ("another exponent", rsa_but(1, &[1, 0, 3]), RSA_NUMBERS),
        ("another modulus", rsa_but(0, &number(2048)), RSA_NUMBERS),
        ("no private exponent", rsa_but(2, &[0]), RSA_NUMBERS),
        ("a private exponent of 1", rsa_but(2, &[1]), RSA_NUMBERS),
        ("a private exponent that is too large", rsa_but(2, &[0xff; 300]), RSA_NUMBERS),
        ("no factor", rsa_but(3, &[0]), RSA_NUMBERS),
        ("a factor of 1", rsa_but(3, &[1]), RSA_NUMBERS),
        ("a factor of another key", rsa_but(3, &number(1024)), RSA_NUMBERS),
        ("factors that have changed places", swapped(3, 4), RSA_NUMBERS),
        ("exponents of the factors that have changed places", swapped(5, 6), RSA_NUMBERS),
        ("no coefficient", rsa_but(7, &[0]), RSA_NUMBERS),
        (
            "1 and the modulus for factors",
            {
                let mut numbers = numbers();
                (numbers[3], numbers[4]) = (vec![1], n.clone());
                rsa_of(&numbers)
            },
            RSA_NUMBERS,
        ),
        ("factors that are no primes", composite(), RSA_NUMBERS),
        (
            "more than two primes",
            {
                let other: Vec<u8> = sequence(&[&integer(&[3]), &integer(&[3]), &integer(&[3])]);
                let numbers: Vec<u8> = numbers().iter().flat_map(|number| integer(number)).collect();
                pkcs8(RSA, &[5, 0], &sequence(&[&integer(&[1]), &numbers, &sequence(&[&other])]))
            },
            RSA_PRIMES,
        ),
        ("a scalar of nought", ec(&[0; 32], &[]), P256_NUMBERS),
        ("the order for a scalar", ec(&order, &[]), P256_NUMBERS),
        ("a scalar above the order", ec(&[0xff; 32], &[]), P256_NUMBERS),
        ("a scalar of 23 bytes", ec(&[7; 23], &[]), P256_NUMBERS),
        ("a scalar of 33 bytes", ec(&[7; 33], &[]), P256_NUMBERS),
        ("a public half of another key on P-256", ec(&[7; 32], &point(8, false)), P256_NUMBERS),
        (
            "a public half of the other sign",
            ec(&[7; 32], &{
                let mut point = point(7, true);
                point[0] ^= 1;
                point
            }),
            P256_NUMBERS,
        ),
        ("a public half off the curve", ec(&[7; 32], &[4; 65]), P256_NUMBERS),
        ("no key on P-256", pkcs8(EC, &oid(P_256), &[7; 32]), P256_NUMBERS),
        (
            "P-256 that names P-384 inside",
            {
                let curve = der(0xa0, &oid("2b81040022"));
                pkcs8(EC, &oid(P_256), &sequence(&[&integer(&[1]), &der(4, &[7; 32]), &curve]))
            },
            P256_NUMBERS,
        ),
        ("Ed25519 of 31 bytes", pkcs8(ED25519, &[], &der(4, &[7; 31])), ED25519_NUMBERS),
        ("Ed25519 of 33 bytes", pkcs8(ED25519, &[], &der(4, &[7; 33])), ED25519_NUMBERS),
        ("Ed25519 as bytes alone", pkcs8(ED25519, &[], &[7; 32]), ED25519_NUMBERS),
        ("a public half of another Ed25519 key", ed25519_with_public(&[7; 32], &ed25519_public(8)), ED25519_NUMBERS),
    ];
    for (name, pem, want) in rows {
        assert_eq!(SigningKey::read(&pem).err(), Some(want), "{name}");
    }
}

#[test]
fn a_key_of_which_one_bit_was_changed_is_refused() {
    for (name, pem_of, step) in [("RSA", pem!("rsa2048-a"), 5), ("P-256", pem!("p256-a"), 1)] {
        let whole = bytes(pem_of);
        for at in (0..whole.len()).step_by(step) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(SigningKey::read(&pem(&changed)).is_err(), "{name}, byte {at}");
        }
    }
}

#[test]
fn a_key_is_read_however_its_lines_end_and_whatever_stands_beside_it() {
    let good = pem!("rsa2048-b");
    let body: String = good.lines().filter(|line| !line.starts_with("--")).collect();
    let rsa = SigningKey::read(good).unwrap();
    for (name, pem) in [
        ("line ends as two characters", good.replace('\n', "\\n")),
        ("line ends of both kinds", good.replace('\n', "\\n\n")),
        ("line ends of Windows", good.replace('\n', "\r\n")),
        ("line ends of Windows as four characters", good.replace('\n', "\\r\\n").replace("\\r", "\r")),
        ("spaces for line ends", good.replace('\n', " ")),
        ("indented", good.replace('\n', "\n      ")),
        ("blank lines", format!("\n\n{}\n\n", good.replace('\n', "\n\n"))),
        ("no line end at the end", good.trim().to_owned()),
        ("one long line", format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----")),
        ("no line ends at all", good.replace('\n', "")),
    ] {
        let read = SigningKey::read(&pem).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.public(), rsa.public(), "{name}");
    }

    let p256 = PublicKey::p256(&point(7, false)).unwrap();
    let ed25519 = PublicKey::ed25519(&ed25519_public(7)).unwrap();
    for (name, pem, want) in [
        ("P-256 alone", ec(&[7; 32], &[]), &p256),
        ("P-256 with its public half", ec(&[7; 32], &point(7, false)), &p256),
        ("P-256 with its public half in short", ec(&[7; 32], &point(7, true)), &p256),
        ("Ed25519 alone", pkcs8(ED25519, &[], &der(4, &[7; 32])[..]), &ed25519),
        ("Ed25519 with its public half", ed25519_with_public(&[7; 32], &ed25519_public(7)), &ed25519),
    ] {
        let read = SigningKey::read(&pem).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.public(), want, "{name}");
    }
}

#[test]
fn the_algorithm_of_a_key_and_the_length_of_its_signatures_go_by_its_kind() {
    for (pem, algorithm, length) in [
        (pem!("rsa2048-a"), Algorithm::Rs256, 256),
        (pem!("rsa2049"), Algorithm::Rs256, 257),
        (pem!("rsa3072"), Algorithm::Rs256, 384),
        (pem!("rsa4096"), Algorithm::Rs256, 512),
        (pem!("p256-a"), Algorithm::Es256, 64),
        (pem!("ed25519"), Algorithm::EdDsa, 64),
    ] {
        let key = SigningKey::read(pem).unwrap();
        assert_eq!((key.algorithm(), key.signature_length()), (algorithm, length));
        assert!(algorithm.fits(key.public()), "{algorithm:?}");
    }
}

#[test]
fn nothing_of_a_key_is_in_its_debug_output() {
    for pem in [pem!("rsa2048-a"), pem!("p256-a"), pem!("ed25519")] {
        let key = SigningKey::read(pem).unwrap();
        let want = format!("SigningKey {{ algorithm: {:?}, thumbprint: {:?}, .. }}", key.algorithm(), key.thumbprint());
        assert_eq!(format!("{key:?}"), want);
    }
}
