//! Signatures of every kind that a token may carry, good ones and forged ones, each known to be the one or the other.
//!
//! They are made anew in each run, from the primitives and from numbers: no library of signatures writes most of them.
//! All are over the text of a token that is good but for its signature, so that the same rows are asked of a back end
//! and of the whole filter.

#![allow(dead_code, reason = "each test binary uses a part")]

mod bytes;
mod curve;
mod ecdsa;
mod eddsa;
mod pkcs1;
mod pss;
mod rsa;

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::mint::{AUDIENCE, ISSUER, SUBJECT, Signer, base64url, wall_clock};

pub struct Vector {
    pub name: String,
    pub algorithm: &'static str,
    /// The key as its issuer publishes it. Its `kid` is the token's.
    pub jwk: Value,
    pub token: String,
    pub good: bool,
}

impl Vector {
    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().expect("a kid")
    }
}

pub fn all() -> &'static [Vector] {
    static ALL: LazyLock<Vec<Vector>> = LazyLock::new(|| {
        let schemes = [pkcs1::vectors, pss::vectors, ecdsa::vectors, eddsa::vectors];
        schemes.into_iter().flat_map(|vectors| vectors()).collect()
    });
    &ALL
}

/// A key, and a text for it to sign.
struct Bench {
    algorithm: &'static str,
    jwk: Value,
    text: String,
}

impl Bench {
    fn new(signer: &Signer) -> Self {
        let mut jwk = signer.jwk();
        // One key is used with several algorithms here.
        jwk.as_object_mut().expect("a JWK").remove("alg");
        Self { algorithm: signer.alg(), jwk, text: text(signer.alg(), signer.kid()) }
    }

    fn good(&self, name: &str, signature: &[u8]) -> Vector {
        self.vector(name, signature, true)
    }

    fn bad(&self, name: &str, signature: &[u8]) -> Vector {
        self.vector(name, signature, false)
    }

    fn vector(&self, name: &str, signature: &[u8], good: bool) -> Vector {
        let kid = self.jwk["kid"].as_str().expect("a kid");
        Vector {
            name: format!("{} {kid}: {name}", self.algorithm),
            algorithm: self.algorithm,
            jwk: self.jwk.clone(),
            token: format!("{}.{}", self.text, base64url(signature)),
            good,
        }
    }
}

/// What is signed of a token: its first two parts.
fn text(algorithm: &str, kid: &str) -> String {
    text_with(algorithm, kid, 0)
}

/// The same with a number in it, for those that look for a signature of a certain form.
fn text_with(algorithm: &str, kid: &str, attempt: usize) -> String {
    let now = wall_clock();
    let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
    let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 3600, "jti": attempt.to_string() });
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

/// Over what no token of these says.
const OTHER_TEXT: &[u8] = b"another text";
