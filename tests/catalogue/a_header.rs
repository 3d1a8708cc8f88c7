//! A: the JOSE header and the algorithm.

use serde_json::{Value, json};
use sha2_10::{Digest as _, Sha256};

use super::c_keys::block;
use super::row::{Row, token};
use super::scene::{Scene, impostor, usual};
use crate::support::mint::{Signer, base64url, unsigned};

use rsa_09::BigUint;
use rsa_09::pkcs1::EncodeRsaPublicKey as _;
use rsa_09::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa_09::traits::{PrivateKeyParts as _, PublicKeyParts as _};

pub fn rows() -> Vec<Row> {
    // A wrong hash would be refused for that. These are the examples of RFC 3174 and RFC 4231.
    assert_eq!(sha1(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
    assert_eq!(hmac(b"Jefe", b"what do ya want for nothing?")[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    let parts = [algorithms(), confusions(), hints()];
    parts.into_iter().flatten().collect()
}

/// A token whose header has this algorithm, as JSON, and a signature that is good by the key's own.
fn with_alg(scene: &Scene, alg: &str) -> String {
    scene.with_header(&format!(r#"{{"alg":{alg},"kid":"test-rs256","typ":"JWT"}}"#))
}

fn algorithms() -> Vec<Row> {
    let mut rows = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", " none", "none\0"] {
        let header = json!({ "alg": alg, "kid": usual().kid() });
        let name = format!("alg {:?}", alg);
        let with_none = header.clone();
        rows.push(
            token("A01", format!("{name}, no signature"), move |scene| unsigned(&with_none, &scene.claims()))
                .is(401, "token_not_jwt"),
        );
        let row =
            token("A01", format!("{name}, a good signature"), move |scene| usual().sign(&header, &scene.claims()));
        rows.push(row.is(401, "algorithm"));
    }
    for alg in ["null", "1", "[\"RS256\"]", "{}"] {
        rows.push(token("A02", format!("alg {alg}"), move |scene| with_alg(scene, alg)).is(401, "algorithm"));
    }
    rows.push(token("A02", "no alg", |scene| scene.token().without_header("alg").mint()).is(401, "algorithm"));
    rows.push(token("A05", "RS256 with SHA-1 inside", with_sha1).is(401, "bad_signature"));
    for alg in ["RS1", "RSA1_5", "ES224", "RSA-OAEP", "dir", "rs256"] {
        rows.push(
            token("A05", format!("alg {alg}"), move |scene| with_alg(scene, &format!("{alg:?}"))).is(401, "algorithm"),
        );
    }
    rows
}

/// What the owner of the key would sign by an older algorithm, under the name of the newer one.
fn with_sha1(scene: &Scene) -> String {
    const SHA_1: &[u8] = b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14";
    let token = scene.token().mint();
    let (text, _) = token.rsplit_once('.').expect("a token");
    let block = block(&[SHA_1, &sha1(text.as_bytes())].concat());
    let (signer, length) = (usual(), 256);
    let key = signer.rsa_key();
    let number = BigUint::from_bytes_be(&block).modpow(key.d(), key.n()).to_bytes_be();
    format!("{text}.{}", base64url([vec![0; length - number.len()], number].concat()))
}

/// SHA-1 as RFC 3174 has it.
fn sha1(message: &[u8]) -> Vec<u8> {
    let mut padded = [message, &[0x80]].concat();
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for chunk in padded.chunks(64) {
        let mut words: Vec<u32> =
            chunk.chunks(4).map(|word| u32::from_be_bytes(word.try_into().expect("four bytes"))).collect();
        for at in 16..80 {
            words.push((words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (f, k) = match at / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = [a.rotate_left(5), f, e, k, *word].into_iter().fold(0, u32::wrapping_add);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (word, more) in state.iter_mut().zip([a, b, c, d, e]) {
            *word = word.wrapping_add(more);
        }
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// HMAC as RFC 2104 has it.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36)[..], message].concat());
    Sha256::digest([&pad(0x5c)[..], &inner].concat()).to_vec()
}

fn hs256(scene: &Scene, kid: &str, key: &[u8]) -> String {
    let header = json!({ "alg": "HS256", "kid": kid, "typ": "JWT" });
    let input = format!("{}.{}", base64url(header.to_string()), base64url(scene.claims().to_string()));
    format!("{input}.{}", base64url(hmac(key, input.as_bytes())))
}

fn confusions() -> Vec<Row> {
    let public = usual().rsa_key().to_public_key();
    let (rsa, ec) = (usual().jwk(), Signer::es256().jwk());
    let coordinates = [point(&ec, "x"), point(&ec, "y")].concat();
    let pem = public.to_public_key_pem(LineEnding::LF).expect("a PEM");
    let keys: Vec<(&str, &str, Vec<u8>)> = vec![
        ("PEM", "test-rs256", pem.clone().into_bytes()),
        ("PEM without its last line feed", "test-rs256", pem.trim_end().as_bytes().to_vec()),
        ("SPKI DER", "test-rs256", public.to_public_key_der().expect("DER").into_vec()),
        ("PKCS#1 DER", "test-rs256", public.to_pkcs1_der().expect("DER").into_vec()),
        ("n", "test-rs256", public.n().to_bytes_be()),
        ("JWK", "test-rs256", rsa.to_string().into_bytes()),
        ("EC x and y", "test-es256", coordinates),
        ("EC JWK", "test-es256", ec.to_string().into_bytes()),
        ("nothing", "test-rs256", Vec::new()),
    ];
    let mut rows: Vec<Row> = keys
        .into_iter()
        .map(|(name, kid, key)| {
            token("A03", format!("HS256 with {name} as the secret"), move |scene| hs256(scene, kid, &key))
                .is(401, "algorithm")
        })
        .collect();
    for (name, header_alg, signer) in [
        ("ES256 at an RSA key", "ES256", usual()),
        ("RS256 at an EC key", "RS256", Signer::es256()),
        ("ES384 at a P-256 key", "ES384", Signer::es256()),
        ("ES256 at a P-384 key", "ES256", Signer::es384()),
        ("EdDSA at an EC key", "EdDSA", Signer::es256()),
        ("ES256 at an Ed25519 key", "ES256", Signer::eddsa()),
        ("RS256 at a key for PS256", "RS256", Signer::ps256()),
    ] {
        let row = token("A04", name, move |scene| scene.by(&signer).header("alg", header_alg).mint());
        rows.push(row.is(401, "unknown_key"));
    }
    for alg in ["PS256", "RS384", "RS512"] {
        let signer = usual().with_alg(alg);
        let row = token("A04", format!("{alg} at a key for RS256"), move |scene| scene.by(&signer).mint());
        rows.push(row.is(401, "unknown_key"));
    }
    let unknown = token("A04", "ES256K", |scene| scene.by(&Signer::es256()).header("alg", "ES256K").mint());
    rows.push(unknown.is(401, "algorithm"));
    rows
}

fn point(jwk: &Value, member: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text = jwk[member].as_str().expect("a coordinate");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn hints() -> Vec<Row> {
    let embedded = || impostor().jwk();
    let mut rows = vec![
        token("A06", "jwk of the forger", move |scene| scene.by(&impostor()).header("jwk", embedded()).mint())
            .is(401, "token_header"),
        token("A06", "jwk beside a good signature", |scene| scene.token().header("jwk", usual().jwk()).mint())
            .is(401, "token_header"),
        token("A06", "x5c of the forger", |scene| {
            scene.by(&impostor()).header("x5c", json!(["MIIBszCCAVmgAwIBAgIUJunk"])).mint()
        })
        .is(401, "bad_signature"),
        token("A06", "x5c beside a good signature", |scene| scene.token().header("x5c", json!(["junk"])).mint())
            .let_on()
            .pin("never parsed"),
    ];
    for hint in ["jku", "x5u"] {
        let quit = "http://127.0.0.1:9901/quitquitquit";
        let forged = move |scene: &Scene, url: &str| scene.by(&impostor()).header(hint, url).mint();
        rows.extend([
            token("A07", format!("{hint} to Envoy's admin, forged"), move |scene| forged(scene, quit))
                .is(401, "bad_signature"),
            token("A07", format!("{hint} to the forger's keys"), move |scene| forged(scene, &scene.elsewhere))
                .is(401, "bad_signature"),
            token("A07", format!("{hint} to the forger's keys, good"), move |scene| {
                scene.token().header(hint, scene.elsewhere.as_str()).mint()
            })
            .let_on()
            .pin("never read: judged by our keys alone"),
            token("A07", format!("{hint} and a kid of the forger's"), move |scene| {
                let signer = Signer::other_rs256().with_kid("forger");
                scene.by(&signer).header(hint, scene.elsewhere.as_str()).mint()
            })
            .publishing(vec![usual().jwk()])
            .is(401, "unknown_key")
            .fetches(1),
        ]);
    }
    let crit = |name: &str, value: Value| {
        token("A08", format!("crit {name}"), move |scene| scene.token().header("crit", value.clone()).mint())
            .is(401, "token_header")
    };
    rows.extend([
        crit("[exp]", json!(["exp"])),
        crit("[b64]", json!(["b64"])),
        crit("[]", json!([])),
        crit("exp", json!("exp")),
        crit("[1]", json!([1])),
        crit("null", Value::Null),
        token("A08", "crit in the payload", |scene| scene.token().claim("crit", json!(["exp"])).mint()).let_on(),
        token("A09", "b64 false and crit", |scene| {
            scene.token().header("b64", false).header("crit", json!(["b64"])).mint()
        })
        .is(401, "token_header"),
        token("A09", "b64 false alone", |scene| scene.token().header("b64", false).mint()).is(401, "token_header"),
        token("A09", "an unencoded payload", |scene| {
            let header = base64url(r#"{"alg":"RS256","kid":"test-rs256","b64":false,"crit":["b64"]}"#);
            let input = format!("{header}.{}", scene.issuer.replace([':', '/'], "-"));
            format!("{input}.{}", base64url(usual().signature(input.as_bytes())))
        })
        .is(401, "token_not_jwt")
        .pin("a dot in the payload makes four parts"),
    ]);
    rows
}
