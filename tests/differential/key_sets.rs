//! The issuers, each with a key set of its own: one that most tokens are of, and one for each odd kind of key.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::case::{Case, MAIN};
use crate::support::mint::{Signer, Token, jwks};
use crate::vectors;

/// The key set of the table of signatures.
pub const VECTORS: &str = "issuer";

pub struct KeySet {
    pub name: String,
    /// As it is published, which need not be JSON.
    pub document: String,
    /// Who signs by it.
    signers: Vec<Signer>,
}

pub fn issuer(set: &str) -> String {
    format!("https://{set}.test")
}

pub fn all() -> Vec<KeySet> {
    let signers = Signer::every_algorithm();
    let main = jwks(&signers.iter().collect::<Vec<_>>()).to_string();
    let of_vectors: BTreeMap<&str, &Value> = vectors::all().iter().map(|vector| (vector.kid(), &vector.jwk)).collect();
    let of_vectors = json!({ "keys": of_vectors.values().collect::<Vec<_>>() }).to_string();
    let mut sets = vec![
        KeySet { name: MAIN.to_owned(), document: main, signers: Vec::new() },
        KeySet { name: VECTORS.to_owned(), document: of_vectors, signers: Vec::new() },
    ];
    sets.extend(odd_members());
    sets.extend(odd_keys());
    sets.extend(odd_documents());
    sets
}

fn named(name: &str, document: String, signers: Vec<Signer>) -> KeySet {
    KeySet { name: name.to_owned(), document, signers }
}

fn one(name: &str, jwk: &Value, signer: Signer) -> KeySet {
    named(name, json!({ "keys": [jwk] }).to_string(), vec![signer])
}

/// A good key with this member.
fn with(name: &str, signer: Signer, member: &str, value: Value) -> KeySet {
    let mut jwk = signer.jwk();
    jwk[member] = value;
    one(name, &jwk, signer)
}

fn without(name: &str, signer: Signer, member: &str) -> KeySet {
    let mut jwk = signer.jwk();
    jwk.as_object_mut().expect("a JWK").remove(member);
    one(name, &jwk, signer)
}

fn odd_members() -> Vec<KeySet> {
    let (ec, rsa, ed) = (Signer::es256, Signer::rs256, Signer::eddsa);
    vec![
        with("use-enc", rsa(), "use", json!("enc")),
        with("use-upper", rsa(), "use", json!("SIG")),
        with("use-number", ec(), "use", json!(1)),
        without("no-use", ec(), "use"),
        with("ops-sign", rsa(), "key_ops", json!(["sign"])),
        with("ops-encrypt", ec(), "key_ops", json!(["encrypt"])),
        with("ops-none", ec(), "key_ops", json!([])),
        with("ops-text", ec(), "key_ops", json!("verify")),
        with("ops-verify", ec(), "key_ops", json!(["verify"])),
        without("no-alg", rsa(), "alg"),
        without("no-alg-ec", ec(), "alg"),
        without("no-alg-ed", ed(), "alg"),
        with("alg-other-hash", rsa(), "alg", json!("RS512")),
        with("alg-pss", rsa(), "alg", json!("PS256")),
        with("alg-encryption", rsa(), "alg", json!("RSA-OAEP")),
        with("alg-other-kind", rsa(), "alg", json!("ES256")),
        with("alg-other-curve", ec(), "alg", json!("ES384")),
        with("alg-es512", ec(), "alg", json!("ES512")),
        with("alg-number", ec(), "alg", json!(1)),
        with("alg-hmac", rsa(), "alg", json!("HS256")),
        with("alg-ed25519", ed(), "alg", json!("Ed25519")),
        without("no-kid", ec(), "kid"),
        without("no-kid-rsa", rsa(), "kid"),
        with("kid-number", ec(), "kid", json!(7)),
        with("kid-empty", ec(), "kid", json!("")),
        with("private", ec(), "d", json!("AQ")),
        with("private-rsa", rsa(), "p", json!("AQAB")),
        with("secret", ec(), "k", json!("AQAB")),
        with("certificate", rsa(), "x5c", json!(["AQAB"])),
        with("thumbprint", rsa(), "x5t", json!("AQAB")),
        without("no-kty", rsa(), "kty"),
        with("kty-lower", rsa(), "kty", json!("rsa")),
        with("kty-other", rsa(), "kty", json!("EC")),
        without("no-crv", ec(), "crv"),
        with("crv-other", ec(), "crv", json!("P-384")),
        with("crv-k1", ec(), "crv", json!("secp256k1")),
        without("no-crv-ed", ed(), "crv"),
        with("crv-x25519", ed(), "crv", json!("X25519")),
    ]
}

fn text(jwk: &Value, member: &str) -> String {
    jwk[member].as_str().expect("a member of text").to_owned()
}

/// Keys that are made for this, once: who publishes them also signs with them.
static MADE: LazyLock<[Signer; 4]> = LazyLock::new(|| {
    [(1024, 65_537), (2048, 3), (2049, 65_537), (2048, 0x8000_0011)]
        .map(|(bits, exponent)| Signer::weak_rs256(bits, exponent))
});

fn odd_keys() -> Vec<KeySet> {
    let (ec, rsa, ed) = (Signer::es256, Signer::rs256, Signer::eddsa);
    let n = text(&rsa().jwk(), "n");
    let (x, y) = (text(&ec().jwk(), "x"), text(&ec().jwk(), "y"));
    let [short, small, odd_size, long] = &*MADE;
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    vec![
        one("rsa-1024", &short.jwk(), short.clone()),
        one("rsa-e3", &small.jwk(), small.clone()),
        one("rsa-2049-usual-exponent", &odd_size.jwk(), odd_size.clone()),
        one("rsa-long-exponent", &long.jwk(), long.clone()),
        one("rsa-2049", &Signer::rs256_2049().jwk(), Signer::rs256_2049()),
        one("rsa-3072", &Signer::rs256_3072().jwk(), Signer::rs256_3072()),
        one("rsa-4096", &Signer::rs256_4096().jwk(), Signer::rs256_4096()),
        with("n-zero-first", rsa(), "n", json!(format!("AAAA{n}"))),
        with("n-padded", rsa(), "n", json!(format!("{n}=="))),
        with("n-standard", rsa(), "n", json!(standard(&n))),
        with("n-space", rsa(), "n", json!(format!("{n} "))),
        with("e-zero-first", rsa(), "e", json!("AAEAAQ")),
        with("e-even", rsa(), "e", json!("AQAA")),
        with("e-one", rsa(), "e", json!("AQ")),
        without("no-e", rsa(), "e"),
        without("no-n", rsa(), "n"),
        with("x-zero-first", ec(), "x", json!(crate::support::mint::base64url([&[0], &bytes(&x)[..]].concat()))),
        with("x-padded", ec(), "x", json!(format!("{x}="))),
        with("x-short", ec(), "x", json!(&x[..x.len() - 4])),
        with("y-off", ec(), "y", json!(x)),
        without("no-y", ec(), "y"),
        with("xy-standard", ec(), "y", json!(standard(&y))),
        with("ed-padded", ed(), "x", json!(format!("{}=", text(&ed().jwk(), "x")))),
        with("ed-zero", ed(), "x", json!("A".repeat(43))),
    ]
}

fn bytes(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn odd_documents() -> Vec<KeySet> {
    let good = Signer::es256();
    let jwk = good.jwk();
    let set = json!({ "keys": [jwk] }).to_string();
    let own = || vec![good.clone()];
    let namesake = Signer::rs256().with_kid(good.kid());
    let rival = Signer::other_es256().with_kid(good.kid());
    let (a, b) = (Signer::es256().with_kid("a"), Signer::other_es256().with_kid("b"));
    let nameless = |signer: &Signer| {
        let mut jwk = signer.jwk();
        jwk.as_object_mut().expect("a JWK").remove("kid");
        jwk
    };
    let many: Vec<Value> =
        (0..64).map(|n| Signer::eddsa().with_kid(&n.to_string()).jwk()).chain([jwk.clone()]).collect();
    vec![
        named("same-name", json!({ "keys": [jwk, rival.jwk()] }).to_string(), vec![good.clone(), rival.clone()]),
        named("same-key", json!({ "keys": [jwk, jwk] }).to_string(), own()),
        named("same-name-kinds", json!({ "keys": [jwk, namesake.jwk()] }).to_string(), vec![good.clone(), namesake]),
        named("two-names", jwks(&[&a, &b]).to_string(), vec![a.clone(), b.clone(), a.clone().with_kid("b")]),
        named("nameless", json!({ "keys": [nameless(&a), nameless(&b)] }).to_string(), vec![a, b]),
        named("beside-secret", json!({ "keys": [{"kty": "oct", "k": "AQAB", "kid": "s"}, jwk] }).to_string(), own()),
        named("beside-unknown", json!({ "keys": [{"kty": "NEW", "kid": "s"}, jwk] }).to_string(), own()),
        named(
            "beside-bad",
            json!({ "keys": [{"kty": "RSA", "n": "!", "e": "AQAB", "kid": "s"}, jwk] }).to_string(),
            own(),
        ),
        named("beside-number", json!({ "keys": [7, jwk] }).to_string(), own()),
        named("many", json!({ "keys": many }).to_string(), own()),
        named("empty", json!({ "keys": [] }).to_string(), own()),
        named("no-keys", json!({ "jwks": [jwk] }).to_string(), own()),
        named("a-list", json!([jwk]).to_string(), own()),
        named("a-key", jwk.to_string(), own()),
        named("keys-object", json!({ "keys": {"a": jwk} }).to_string(), own()),
        named("mark", format!("\u{feff}{set}"), own()),
        named("junk", format!("{set}x"), own()),
        named("cut", set[..set.len() - 1].to_owned(), own()),
        named("white", format!(" \r\n{set}\n"), own()),
        named("keys-twice", set.replacen('{', "{\"keys\":[],", 1), own()),
        named("member-twice", set.replacen("\"kty\":", "\"kty\":\"RSA\",\"kty\":", 1), own()),
        named("other-member-twice", set.replacen("\"kty\":", "\"x1\":1,\"x1\":2,\"kty\":", 1), own()),
        named("commas", set.replace("}]", "},]"), own()),
        named("comment", set.replacen('{', "{/**/", 1), own()),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for set in all() {
        for signer in set.signers {
            let issuer = issuer(&set.name);
            let token = move |now| Token::at(&signer, now).claim("iss", issuer.as_str());
            let nameless = token.clone();
            let strange = token.clone();
            cases.push(Case::new(format!("keys {}: by its name", set.name), &set.name, move |now| token(now).mint()));
            cases.push(Case::new(format!("keys {}: without a name", set.name), &set.name, move |now| {
                nameless(now).without_header("kid").mint()
            }));
            cases.push(Case::new(format!("keys {}: by another name", set.name), &set.name, move |now| {
                strange(now).header("kid", "nobody").mint()
            }));
        }
    }
    cases
}
