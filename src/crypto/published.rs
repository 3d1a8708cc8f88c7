//! A public key as it is published: as a JWK (RFC 7517), and its thumbprint (RFC 7638).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::PublicKey;
use super::key::Material;

impl PublicKey {
    /// The members that make it this key and no other (RFC 7638 §3.2, RFC 8037 §2), sorted by name.
    pub(super) fn members(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // The uncompressed form of a point (SEC 1 §2.3.3): one byte, and the two coordinates.
        let point = |curve: &str, bytes: &[u8]| {
            let coordinates = bytes.get(1..).unwrap_or_default();
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            json!({"crv": curve, "kty": "EC", "x": text(x), "y": text(y)})
        };
        match self.material() {
            Material::Rsa(key) => json!({"e": text(&key.e_bytes()), "kty": "RSA", "n": text(&key.n_bytes())}),
            Material::P256(key) => point("P-256", key.to_sec1_point(false).as_bytes()),
            Material::P384(key) => point("P-384", key.to_sec1_point(false).as_bytes()),
            Material::Ed25519(key) => json!({"crv": "Ed25519", "kty": "OKP", "x": text(key.as_bytes())}),
        }
    }

    /// RFC 7638, with SHA-256, in base64url.
    pub(super) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.members().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::jwks::Jwk;

    const RFC_7638: &str = r#"{"e":"AQAB","kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#;
    const RFC_8037: &str = r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    // RFC 7515 appendix A.3; of it no document has the thumbprint.
    const P256: &str = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    fn key(jwk: &str) -> PublicKey {
        Jwk::from_json(&Json::parse(jwk.as_bytes()).unwrap()).unwrap().key
    }

    #[test]
    fn a_key_is_published_as_it_was_read() {
        for jwk in [RFC_7638, RFC_8037, P256] {
            assert_eq!(key(jwk).members().to_string(), jwk);
        }
        let p384 = p384_13::SecretKey::from_slice(&[3; 48]).unwrap().public_key();
        let p384 = PublicKey::p384(&p384.to_sec1_bytes()).unwrap();
        assert_eq!(key(&p384.members().to_string()), p384);
    }

    #[test]
    fn thumbprints_are_those_of_the_standards() {
        for (name, jwk, want) in [
            ("RFC 7638 section 3.1", RFC_7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            ("RFC 8037 appendix A.3", RFC_8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(key(jwk).thumbprint(), want, "{name}");
        }
    }
}
