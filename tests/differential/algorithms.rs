//! Every algorithm and its signatures: who signs, what the header calls it, and which key it names.

use super::case::{Case, good};
use super::key_sets::VECTORS;
use crate::support::mint::{Signer, compact};
use crate::vectors;

/// Names of algorithms, those that there are and others.
pub const NAMES: [&str; 22] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "ES512", "ES256K", "HS256",
    "HS384", "HS512", "none", "None", "", "rs256", "RS1", "Ed25519", "RSA-OAEP", "ECDH-ES",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let signers = Signer::every_algorithm();
    for signer in &signers {
        cases.push(Case::of(format!("{}: good", signer.alg()), signer, |token| token));
        for name in NAMES {
            for (whose, kid) in [("its own", Some(signer.kid())), ("none", None), ("an unknown", Some("nobody"))] {
                let case = format!("signed with {}, alg {name:?}, {whose} kid", signer.alg());
                let kid = kid.map(str::to_owned);
                cases.push(Case::of(case, signer, move |token| match &kid {
                    Some(kid) => token.header("alg", name).header("kid", kid.as_str()),
                    None => token.header("alg", name).without_header("kid"),
                }));
            }
        }
        for other in &signers {
            let (kid, alg) = (other.kid().to_owned(), other.alg());
            let name = format!("signed with {}, kid of {alg}", signer.alg());
            cases.push(Case::of(name, signer, move |token| token.header("kid", kid.as_str())));
        }
        for (name, signature) in [("no signature", ""), ("a signature of one byte", "A")] {
            let signer = signer.clone();
            cases.push(Case::new(format!("{}: {name}", signer.alg()), super::case::MAIN, move |now| {
                let token = good(&signer, now).mint();
                let (text, _) = token.rsplit_once('.').expect("a token");
                format!("{text}.{signature}")
            }));
        }
    }
    for (name, header) in [("alg none", &b"{\"alg\":\"none\"}"[..]), ("no alg", b"{}"), ("alg null", b"{\"alg\":null}")]
    {
        let claims =
            |now: u64| format!("{{\"iss\":\"https://main.test\",\"aud\":\"https://api.test\",\"exp\":{}}}", now + 60);
        cases.push(Case::new(format!("{name}, unsigned"), super::case::MAIN, move |now| {
            compact(header, claims(now).as_bytes(), b"")
        }));
    }
    for vector in vectors::all() {
        cases.push(Case::new(format!("vector {}", vector.name), VECTORS, |_| vector.token.clone()));
    }
    cases
}
