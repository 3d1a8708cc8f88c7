//! C, the keys: what an issuer must not publish, and who signs with it. Each row has an issuer of its own, which has a
//! good key besides.

use rsa_09::BigUint;
use rsa_09::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2_10::{Digest as _, Sha256};

use super::row::{Place, Row, token};
use super::scene::{Scene, usual};
use crate::support::mint::{Signer, base64url};

pub fn rows() -> Vec<Row> {
    let others = [elliptic(), uses(), names()].into_iter().flatten().map(|row| row.at(Place::OtherKeys));
    rsa().into_iter().map(|row| row.at(Place::RsaKeys)).chain(others).collect()
}

/// The key of the rows' tokens, under another name than the good one's.
fn bad() -> Signer {
    Signer::other_rs256().with_kid("bad")
}

/// A key that must not be used for a token of this signer.
fn refused(id: &'static str, name: &str, key: Value, signer: Signer) -> Row {
    let row = token(id, name, move |scene| scene.by(&signer).mint());
    row.publishing(vec![key, usual().jwk()]).is(401, "unknown_key").fetches(1)
}

/// The same key, changed, and its owner's token.
fn changed(id: &'static str, name: &str, signer: Signer, member: &str, value: impl Into<Value>) -> Row {
    let mut key = signer.jwk();
    key[member] = value.into();
    refused(id, name, key, signer)
}

/// A key of this modulus and exponent, which nobody can sign with.
fn numbers(id: &'static str, name: &str, n: &[u8], e: &[u8]) -> Row {
    let key = json!({ "kty": "RSA", "kid": "bad", "alg": "RS256", "n": base64url(n), "e": base64url(e) });
    refused(id, name, key, bad())
}

fn rsa() -> Vec<Row> {
    let weak = |bits| Signer::weak_rs256(bits, 65_537).with_kid("bad");
    let n = bad().rsa_key().n().to_bytes_be();
    let even = [&n[..n.len() - 1], &[n[n.len() - 1] & 0xfe]].concat();
    let half = Signer::weak_rs256(1024, 65_537);
    let square = (half.rsa_key().n() * half.rsa_key().n()).to_bytes_be();
    let mut rows: Vec<Row> = [512, 1024, 2047]
        .map(|bits| {
            let signer = weak(bits);
            refused("C06", &format!("RSA of {bits} bits"), signer.jwk(), signer)
        })
        .into();
    for (name, e) in [
        ("e = 2", &[2][..]),
        ("e = 3, of another's", &[3]),
        ("e = 4", &[4]),
        ("e = 65536", &[1, 0, 0]),
        ("e with its highest bit", &[0xff, 0xff, 0xff, 0xff, 0xff]),
        ("e with a zero byte first", &[0, 1, 0, 1]),
        ("e empty", &[]),
        ("e of 2^33 + 1", &[2, 0, 0, 0, 1]),
        ("e of 256 bytes", &[0xff; 256]),
    ] {
        rows.push(numbers("C07", name, &n, e));
    }
    // With e = 1 what is to be signed is its own signature.
    let mut one = bad().jwk();
    one["e"] = json!("AQ");
    let row = token("C07", "e = 1, and everybody signs", with_e_of_one);
    rows.push(row.publishing(vec![one, usual().jwk()]).is(401, "unknown_key").fetches(1));
    let three = Signer::weak_rs256(2048, 3).with_kid("bad");
    rows.push(refused("C07", "e = 3", three.jwk(), three));
    rows.extend([
        numbers("C08", "an even modulus", &even, &[1, 0, 1]),
        numbers("C08", "a zero byte before the modulus", &[&[0], &n[..]].concat(), &[1, 0, 1]),
        numbers("C08", "a modulus of ROCA", &roca(), &[1, 0, 1]),
        numbers("C08", "a modulus of 16 384 bits", &[0xff; 2048], &[1, 0, 1]),
        numbers("C08", "a modulus of 4097 bits", &[&[1][..], &[0xff; 512]].concat(), &[1, 0, 1]),
        numbers("C08", "a modulus that is a square", &square, &[1, 0, 1]),
        numbers("C08", "an empty modulus", &[], &[1, 0, 1]),
    ]);
    rows
}

/// A block as RFC 8017 §9.2 has it for a signature.
pub fn block(info: &[u8]) -> Vec<u8> {
    [&[0, 1][..], &vec![0xff; 256 - 3 - info.len()], &[0], info].concat()
}

/// The encoded hash itself (RFC 8017 §9.2), which is what e = 1 makes of a signature.
fn with_e_of_one(scene: &Scene) -> String {
    const SHA_256: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let token = scene.by(&bad()).mint();
    let (text, _) = token.rsplit_once('.').expect("a token");
    let info = [SHA_256, &Sha256::digest(text.as_bytes())].concat();
    format!("{text}.{}", base64url(block(&info)))
}

/// 1 plus a multiple of all the primes that are looked at is a power of 65537 modulo each of them.
fn roca() -> Vec<u8> {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    let product = PRIMES.iter().fold(BigUint::from(1_u8), |product, prime| product * *prime).to_bytes_be();
    let mut modulus = product;
    modulus.resize(257, 0);
    modulus[256] = 1;
    modulus
}

fn elliptic() -> Vec<Row> {
    let ec = || Signer::es256().with_kid("bad");
    let (zero, x) = ("A".repeat(43), ec().jwk()["x"].clone());
    let point = |x: Value, y: Value| json!({ "kty": "EC", "crv": "P-256", "kid": "bad", "x": x, "y": y });
    // The field's prime, and so an x that is 0 to who reduces it.
    let p = [&[0xff; 4][..], &[0, 0, 0, 1], &[0; 12], &[0xff; 12]].concat();
    let without = |signer: Signer, member: &str| {
        let mut key = signer.jwk();
        key.as_object_mut().expect("a JWK").remove(member);
        key
    };
    let decoded = |length: usize| base64url(vec![0x11; length]);
    let ed = || Signer::eddsa().with_kid("bad");
    let mut rows = vec![
        changed("C09", "a point off its curve", ec(), "y", x.clone()),
        refused("C09", "the point at infinity", point(json!(zero), json!(zero)), ec()),
        refused("C09", "x is the field's prime", point(json!(base64url(p)), ec().jwk()["y"].clone()), ec()),
        refused("C09", "a coordinate of 31 bytes", point(json!(decoded(31)), ec().jwk()["y"].clone()), ec()),
        refused("C09", "a coordinate of 33 bytes", point(json!(decoded(33)), ec().jwk()["y"].clone()), ec()),
        refused("C09", "no y", without(ec(), "y"), ec()),
        refused("C09", "no x", without(ec(), "x"), ec()),
        refused("C09", "no crv", without(ec(), "crv"), ec()),
        changed("C09", "crv of P-384", ec(), "crv", "P-384"),
        changed("C09", "crv of P-521", ec(), "crv", "P-521"),
        changed("C09", "crv of secp256k1", ec(), "crv", "secp256k1"),
        changed("C09", "kty of RSA", ec(), "kty", "RSA"),
        changed("C10", "crv of Ed448", ed(), "crv", "Ed448"),
        changed("C10", "x of 31 bytes", ed(), "x", decoded(31)),
        changed("C10", "x of 33 bytes", ed(), "x", decoded(33)),
    ];
    rows.extend(["RSA", "EC", "AKP"].map(|kty| changed("C09", &format!("Ed25519 as {kty}"), ed(), "kty", kty)));
    rows
}

fn uses() -> Vec<Row> {
    let mut rows: Vec<Row> = ["d", "p", "q", "dp", "dq", "qi", "k"]
        .map(|member| {
            let name = format!("a private member, {member}");
            changed("C12", &name, bad(), member, "c2VjcmV0LXNlY3JldC1zZWNyZXQ").hides("c2VjcmV0LXNlY3JldC1zZWNyZXQ")
        })
        .into();
    rows.push(changed("C12", "a private member, d, of EC", Signer::es256().with_kid("bad"), "d", "c2VjcmV0"));
    let oct = json!({ "kty": "oct", "kid": "bad", "alg": "HS256", "k": base64url("a secret of the issuer's") });
    rows.extend([
        refused("C13", "a secret in the key set", oct.clone(), bad()),
        token("C13", "the key beside it", |scene| scene.token().mint()).publishing(vec![oct, usual().jwk()]).let_on(),
        changed("C14", "use enc", bad(), "use", "enc"),
        changed("C14", "use of another kind", bad(), "use", "tls"),
        changed("C14", "use that is a list", bad(), "use", json!(["sig"])),
        changed("C14", "key_ops encrypt, use sig", bad(), "key_ops", json!(["encrypt"])),
        changed("C14", "key_ops sign", bad(), "key_ops", json!(["sign"])),
        changed("C14", "key_ops empty", bad(), "key_ops", json!([])),
        changed("C14", "key_ops that is a string", bad(), "key_ops", "verify"),
        changed("C14", "alg of encryption", bad(), "alg", "RSA-OAEP"),
        changed("C14", "alg none", bad(), "alg", "none"),
        changed("C14", "alg of another kind of key", bad(), "alg", "ES256"),
    ]);
    let mut both = bad().jwk();
    (both["use"], both["key_ops"]) = (json!("enc"), json!(["verify"]));
    rows.push(refused("C14", "use enc, key_ops verify", both, bad()));
    let mut certified = bad().jwk();
    certified["x5c"] = json!(["MIIBszCCAVmgAwIBAgIUJunk"]);
    let row = token("C15", "x5c that is not of this key", |scene| scene.by(&bad()).mint());
    rows.push(row.publishing(vec![certified, usual().jwk()]).let_on().pin("x5c is not read, n and e are"));
    rows
}

fn names() -> Vec<Row> {
    let twin = || usual().with_kid("bad").jwk();
    let ec = || Signer::es256().with_kid("bad").jwk();
    let of = |name: &str, keys: Vec<Value>| {
        token("C16", name, |scene| scene.by(&bad()).mint()).publishing(keys).is(401, "unknown_key").fetches(1)
    };
    vec![
        of("two keys of one name", vec![bad().jwk(), twin(), usual().jwk()]),
        of("two kinds of keys of one name", vec![bad().jwk(), ec(), usual().jwk()]),
        of("one key twice", vec![bad().jwk(), bad().jwk(), usual().jwk()]),
        token("C16", "a twin of no kind that is known", |scene| scene.by(&bad()).mint())
            .publishing(vec![bad().jwk(), json!({ "kty": "NEW", "kid": "bad" }), usual().jwk()])
            .let_on()
            .pin("what is not understood is not there: RFC 7517 5"),
        token("C16", "another key beside them", |scene| scene.token().mint())
            .publishing(vec![bad().jwk(), twin(), usual().jwk()])
            .let_on(),
    ]
}
