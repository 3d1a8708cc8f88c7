//! What issuers publish: good key sets, and bodies and keys that no issuer should.

use serde_json::{Value, json};

use super::tokens::{new_key, old_key};
use crate::support::mint::{Signer, base64url, jwks};
use crate::wire::harness::issuer::Script;

/// The keys in use.
pub fn old() -> Script {
    Script::json(&jwks(&[&old_key()]))
}

/// The keys in use, and the next one.
pub fn old_and_new() -> Script {
    Script::json(&jwks(&[&old_key(), &new_key()]))
}

/// Only the next key: the one in use is withdrawn.
pub fn only_new() -> Script {
    Script::json(&jwks(&[&new_key()]))
}

/// Another key under the name of the one in use.
pub fn replaced() -> Script {
    Script::json(&jwks(&[&new_key().with_kid(old_key().kid())]))
}

/// The good keys as text, for answers that spoil it.
pub fn text() -> String {
    jwks(&[&old_key(), &new_key()]).to_string()
}

/// The good keys with these among them.
pub fn among_good(bad: &[Value]) -> Script {
    let mut keys = vec![old_key().jwk()];
    keys.extend_from_slice(bad);
    keys.push(new_key().jwk());
    Script::json(&json!({ "keys": keys }))
}

/// The good keys and so many of no use that there are `count`.
pub fn crowded(count: usize) -> Script {
    let mut keys = vec![old_key().jwk(), new_key().jwk()];
    keys.resize(count, json!(1));
    Script::json(&json!({ "keys": keys }))
}

/// The good keys, and spaces up to this size.
pub fn padded(size: usize) -> Script {
    let text = text();
    Script::bytes(200, format!("{text}{}", " ".repeat(size - text.len())).as_bytes())
}

/// A public key of this signer as an issuer publishes it, with this changed.
pub fn changed(signer: &Signer, member: &str, value: impl Into<Value>) -> Value {
    let mut jwk = signer.jwk();
    jwk[member] = value.into();
    jwk
}

/// An RSA key of this modulus, which nobody has the other half of.
pub fn rsa(modulus: &[u8], kid: &str) -> Value {
    json!({ "kty": "RSA", "kid": kid, "alg": "RS256", "n": base64url(modulus), "e": "AQAB" })
}

/// A modulus with the fingerprint of CVE-2017-15361: 1 plus a multiple of all the primes that it is looked for with is a
/// power of 65537 modulo each of them.
pub fn roca_modulus() -> Vec<u8> {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    let mut product = vec![1_u8];
    for prime in PRIMES {
        let mut carry = 0;
        for byte in product.iter_mut().rev() {
            carry += u32::from(*byte) * prime;
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        product.insert(0, carry.to_le_bytes()[0]);
    }
    let mut modulus: Vec<u8> = product.into_iter().skip_while(|byte| *byte == 0).collect();
    modulus.resize(257, 0);
    modulus[256] = 1;
    modulus
}
