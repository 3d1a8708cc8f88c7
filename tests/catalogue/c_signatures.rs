//! C, the signatures: every one of the table that the back ends are tested with, as a whole request.

use super::row::{Place, Row, token};
use super::world::is_usable;
use crate::vectors::{Vector, all};

pub fn rows() -> Vec<Row> {
    all().iter().map(of_vector).collect()
}

fn of_vector(vector: &'static Vector) -> Row {
    let row = token(id(vector), vector.name.as_str(), |_| vector.token.clone()).at(Place::Vectors);
    if vector.good {
        return match id(vector) {
            "C03" => row.let_on().pin("good by its numbers; remembered by all of its text"),
            _ => row.let_on(),
        };
    }
    let (_, signature) = vector.token.rsplit_once('.').expect("a token");
    match signature {
        "" => row.is(401, "token_not_jwt"),
        _ if !is_usable(&vector.jwk) || !fits(vector) => row.is(401, "unknown_key"),
        _ => row.is(401, "bad_signature"),
    }
}

/// Whether the key is of the algorithm's own kind.
fn fits(vector: &Vector) -> bool {
    let kind = (vector.jwk["kty"].as_str(), vector.jwk["crv"].as_str());
    match vector.algorithm {
        "ES256" => kind == (Some("EC"), Some("P-256")),
        "ES384" => kind == (Some("EC"), Some("P-384")),
        "EdDSA" => kind == (Some("OKP"), Some("Ed25519")),
        _ => kind.0 == Some("RSA"),
    }
}

/// What is done to the bytes of a signature of any kind.
const LENGTHS: [&str; 12] = [
    "empty",
    "one zero byte",
    "all bytes zero",
    "without its first byte",
    "without its last byte",
    "its first half",
    "a zero byte before it",
    "a byte before it",
    "a zero byte after it",
    "a byte after it",
    "twice",
    "without its zero byte",
];

const NUMBERS: [&str; 8] = ["1", "n - 1", "n", "n + 1", "n - s", "s + n", "s + n in one byte more", "s + 100 n"];

fn id(vector: &Vector) -> &'static str {
    let (_, what) = vector.name.rsplit_once(": ").unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| what.contains(word));
    match vector.algorithm {
        "ES256" | "ES384" if ["its twin, n - s", "r, n - s"].contains(&what) => "C03",
        "ES256" | "ES384" if LENGTHS.contains(&what) || has(&["DER", "both numbers", "other curve"]) => "C02",
        "ES256" | "ES384" => "C01",
        "EdDSA" => "C10",
        "PS256" | "PS384" | "PS512" => "C11",
        _ if LENGTHS.contains(&what) || NUMBERS.contains(&what) => "C04",
        _ => "C05",
    }
}
