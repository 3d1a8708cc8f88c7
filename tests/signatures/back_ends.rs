//! The table itself, and each back end's answers to it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern::crypto::{Algorithm, BoringSsl, RustCrypto, SignatureCheck, Signed};
use postern::json::Json;
use postern::jwks::Jwk;

use crate::boringssl::{Arguments, VERIFY_SIGNATURE, verify_signature};
use crate::support::mint::Signer;
use crate::vectors::{Vector, all};

/// What a back end says. A key that is not even read is a signature that is not believed.
fn says(check: &dyn SignatureCheck, vector: &Vector) -> bool {
    let jwk = Json::parse(vector.jwk.to_string().as_bytes()).expect("JSON");
    let Ok(jwk) = Jwk::from_json(&jwk) else { return false };
    let (_, signature) = vector.token.rsplit_once('.').expect("a token");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let signed = Signed { token: &vector.token, signature: &signature };
    let algorithm = Algorithm::from_name(vector.algorithm).expect("an algorithm");
    check.verify(algorithm, &jwk.key, signed)
}

fn wrongly_answered(check: &dyn SignatureCheck, vectors: &[Vector]) -> Vec<String> {
    let wrong = vectors.iter().filter(|vector| says(check, vector) != vector.good);
    wrong.map(|vector| format!("{} is {}", vector.name, if vector.good { "good" } else { "bad" })).collect()
}

thread_local! {
    static ASKED: RefCell<Vec<Arguments>> = const { RefCell::new(Vec::new()) };
}

fn host(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    assert_eq!(name, VERIFY_SIGNATURE);
    let read = Arguments::read(arguments).expect("arguments that can be read");
    ASKED.with_borrow_mut(|asked| asked.push(read));
    verify_signature(arguments).ok()
}

#[test]
fn the_table_has_good_and_bad_signatures_of_every_algorithm_each_with_its_own_name() {
    let vectors = all();
    for (algorithm, _) in Algorithm::ALL {
        for good in [true, false] {
            let has = vectors.iter().any(|vector| vector.algorithm == algorithm && vector.good == good);
            assert!(has, "{algorithm}: no signature that is good: {good}");
        }
    }
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.len(), "a name twice");
}

#[test]
fn both_back_ends_pass_the_same_vectors() {
    let vectors = all();
    assert_eq!(wrongly_answered(&RustCrypto, vectors), [""; 0], "RustCrypto");
    let check = BoringSsl::probe(host);
    assert_eq!(wrongly_answered(&check, vectors), [""; 0], "the host");
}

#[test]
fn the_host_is_asked_for_rs_and_es_once_a_signature_and_for_nothing_else() {
    let check = BoringSsl::probe(host);
    for vector in all() {
        ASKED.take();
        let good = says(&check, vector);
        let asked = ASKED.take();
        let name = &vector.name;
        let Some((key_type, hash_function)) = asked_of_the_host(vector.algorithm) else {
            assert_eq!(asked, [], "{name}");
            continue;
        };
        // What cannot be two numbers below the order is not put to it, nor what is under a key of another algorithm.
        if asked.is_empty() {
            assert!(!good && vector.jwk["kty"] == "EC", "{name}: the host is not asked");
            continue;
        }
        let [arguments] = &asked[..] else { panic!("{name}: asked {} times", asked.len()) };
        let (text, _) = vector.token.rsplit_once('.').expect("a token");
        assert_eq!((arguments.key_type(), arguments.hash_function.as_str()), (key_type, hash_function), "{name}");
        assert_eq!(arguments.text, text.as_bytes(), "{name}");
    }
}

fn asked_of_the_host(algorithm: &str) -> Option<(&'static str, &'static str)> {
    match algorithm {
        "RS256" => Some(("RSA", "sha256")),
        "RS384" => Some(("RSA", "sha384")),
        "RS512" => Some(("RSA", "sha512")),
        "ES256" => Some(("EC", "sha256")),
        "ES384" => Some(("EC", "sha384")),
        _ => None,
    }
}

#[test]
fn an_algorithm_fits_the_keys_of_its_own_kind_alone() {
    let kind = |algorithm: &str| if algorithm.starts_with('E') { algorithm.to_owned() } else { "RSA".to_owned() };
    for signer in Signer::every_algorithm() {
        let jwk = Json::parse(signer.jwk().to_string().as_bytes()).expect("JSON");
        let key = Jwk::from_json(&jwk).expect("a key").key;
        for (name, algorithm) in Algorithm::ALL {
            assert_eq!(algorithm.fits(&key), kind(name) == kind(signer.alg()), "{name} with a key of {signer:?}");
        }
    }
}
