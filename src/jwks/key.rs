//! One key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), and whether it may be used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::{Algorithm, PublicKey};
use crate::json::Json;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    pub kid: Option<String>,
    /// The only algorithm that the key is for, where it says so.
    pub algorithm: Option<Algorithm>,
    pub key: PublicKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// No JSON that is read in one way: a member twice, nested too deep, a character or a number that there is not.
    Unreadable,
    NotAnObject,
    /// A type or curve that we do not check signatures with.
    Unsupported,
    /// Not meant for signatures.
    Use,
    /// The secret half is in it: whoever published it can no longer say who signs.
    Private,
    Kid,
    DuplicateKid,
    /// Key material that is missing, badly encoded, weak or not on its curve.
    Material(&'static str),
}

impl KeyError {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read, or only in several ways",
            Self::NotAnObject => "not an object",
            Self::Unsupported => "a type or algorithm that is not supported",
            Self::Use => "not a key for signatures",
            Self::Private => "a private key, which does not belong here",
            Self::Kid => "kid is not a string",
            Self::DuplicateKid => "another key has the same kid",
            Self::Material(problem) => problem,
        }
    }
}

impl Jwk {
    pub fn from_json(jwk: &Json) -> Result<Self, KeyError> {
        if !matches!(jwk, Json::Object(_)) {
            return Err(KeyError::NotAnObject);
        }
        check_use(jwk)?;
        let key = public_key(jwk)?;
        // The members of RFC 7518 §6.2.2 and §6.3.2 that only a private key has.
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|member| jwk.get(member).is_some()) {
            return Err(KeyError::Private);
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => {
                let algorithm = name.as_str().and_then(Algorithm::from_name).ok_or(KeyError::Unsupported)?;
                Some(algorithm).filter(|algorithm| algorithm.fits(&key)).ok_or(KeyError::Unsupported)?.into()
            }
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(KeyError::Kid)?.to_owned()),
        };
        Ok(Self { kid, algorithm, key })
    }
}

fn check_use(jwk: &Json) -> Result<(), KeyError> {
    let meant = jwk.get("use").is_none_or(|usage| usage.as_str() == Some("sig"));
    let verifies = |operations: &Json| {
        operations.as_array().is_some_and(|operations| operations.iter().any(|o| o.as_str() == Some("verify")))
    };
    if meant && jwk.get("key_ops").is_none_or(verifies) { Ok(()) } else { Err(KeyError::Use) }
}

fn public_key(jwk: &Json) -> Result<PublicKey, KeyError> {
    let text = |member| jwk.get(member).and_then(Json::as_str);
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => PublicKey::strong_rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?).map_err(KeyError::Material),
        (Some("EC"), Some("P-256")) => {
            PublicKey::p256(&point(jwk, 32)?).ok_or(KeyError::Material("the point is not on its curve"))
        }
        (Some("EC"), Some("P-384")) => {
            PublicKey::p384(&point(jwk, 48)?).ok_or(KeyError::Material("the point is not on its curve"))
        }
        (Some("OKP"), Some("Ed25519")) => {
            PublicKey::ed25519(&bytes(jwk, "x")?).ok_or(KeyError::Material("x is not an Ed25519 key"))
        }
        _ => Err(KeyError::Unsupported),
    }
}

/// The uncompressed form of a point (SEC 1 §2.3.3). RFC 7518 §6.2.1.2: a coordinate has the full length of its field.
fn point(jwk: &Json, length: usize) -> Result<Vec<u8>, KeyError> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != length || y.len() != length {
        return Err(KeyError::Material("a coordinate has another length than its field"));
    }
    Ok([&[0x04], x.as_slice(), y.as_slice()].concat())
}

fn bytes(jwk: &Json, member: &'static str) -> Result<Vec<u8>, KeyError> {
    let encoded = jwk.get(member).and_then(Json::as_str);
    let decoded = encoded.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or(KeyError::Material("key material is missing or not base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwk(text: &str) -> Result<Jwk, KeyError> {
        Jwk::from_json(&Json::parse(text.as_bytes()).unwrap())
    }

    fn rsa_jwk(n: &[u8], e: &[u8]) -> String {
        format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e))
    }

    /// Only sizes and parity are looked at here; no signature is checked with it.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut n = vec![0xff; bits.div_ceil(8)];
        n[0] >>= n.len() * 8 - bits;
        n
    }

    const E: &[u8] = &[1, 0, 1];
    // RFC 7515 appendix A.3, RFC 8037 appendix A.2.
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    const ED25519: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    #[test]
    fn rsa_keys_have_a_sound_size_and_exponent() {
        let refused = |n: &[u8], e: &[u8]| matches!(jwk(&rsa_jwk(n, e)), Err(KeyError::Material(_)));
        for bits in [2048, 3072, 4096] {
            assert!(jwk(&rsa_jwk(&modulus(bits), E)).is_ok(), "{bits} bits");
        }
        for bits in [512, 1024, 2047, 4097, 16_384] {
            assert!(refused(&modulus(bits), E), "{bits} bits");
        }
        let even = [&modulus(2040)[..], &[2]].concat();
        let padded = [&[0], &modulus(2048)[..]].concat();
        assert!(refused(&even, E) && refused(&padded, E) && refused(&[], E));
        for e in [&[][..], &[1], &[2], &[3], &[4], &[1, 0, 0], &[0, 1, 0, 1], &[1, 0, 0, 0, 1]] {
            assert!(refused(&modulus(2048), e), "exponent {e:?}");
        }
    }

    #[test]
    fn a_modulus_with_the_fingerprint_of_roca_is_refused() {
        // 1 plus a multiple of all the primes is a power of 65537 modulo each: the zeroth.
        let mut product = vec![1u32];
        for prime in [
            3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
            109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
        ] {
            let mut carry = 0;
            for byte in &mut product {
                carry += *byte * prime;
                *byte = carry & 0xff;
                carry >>= 8;
            }
            product.push(carry);
        }
        while product.last() == Some(&0) {
            product.pop();
        }
        let mut modulus: Vec<u8> = product.iter().rev().map(|byte| u8::try_from(*byte).unwrap()).collect();
        modulus.resize(257, 0);
        modulus[256] = 1;
        let roca = jwk(&rsa_jwk(&modulus, E));
        assert!(matches!(roca, Err(KeyError::Material(problem)) if problem.contains("CVE-2017-15361")), "{roca:?}");
        modulus[256] = 3;
        assert!(jwk(&rsa_jwk(&modulus, E)).is_ok());
    }

    #[test]
    fn points_lie_on_their_curve_and_have_full_length() {
        assert!(jwk(&format!("{{{P256}}}")).is_ok());
        for (name, text) in [
            ("off the curve", P256.replace("x_FEz", "x_FEa")),
            ("short coordinate", P256.replace("WI5a0\"", "WI5\"")),
            ("missing y", P256.replace("\"y\"", "\"z\"")),
            ("padded", P256.replace("WI5a0\"", "WI5a0=\"")),
            ("zero", r#""kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#.into()),
            ("short Ed25519", ED25519.replace("HURo\"", "HU\"")),
        ] {
            assert!(matches!(jwk(&format!("{{{text}}}")), Err(KeyError::Material(_))), "{name}");
        }
        assert_eq!(jwk(&format!("{{{}}}", P256.replace("P-256", "P-521"))), Err(KeyError::Unsupported));
    }

    #[test]
    fn a_key_is_used_for_what_it_says_and_no_more() {
        for (members, want) in [
            (r#""use":"sig""#, None),
            (r#""key_ops":["verify"]"#, None),
            (r#""alg":"EdDSA""#, None),
            (r#""x5c":["junk"]"#, None),
            (r#""use":"enc""#, Some(KeyError::Use)),
            (r#""use":1"#, Some(KeyError::Use)),
            (r#""key_ops":["encrypt"]"#, Some(KeyError::Use)),
            (r#""key_ops":"verify""#, Some(KeyError::Use)),
            (r#""use":"sig","key_ops":["sign"]"#, Some(KeyError::Use)),
            (r#""alg":"ES256""#, Some(KeyError::Unsupported)),
            (r#""alg":"none""#, Some(KeyError::Unsupported)),
            (r#""alg":null"#, Some(KeyError::Unsupported)),
            (r#""d":"AAAA""#, Some(KeyError::Private)),
            (r#""kid":7"#, Some(KeyError::Kid)),
        ] {
            assert_eq!(jwk(&format!("{{{ED25519},{members}}}")).err(), want, "{members}");
        }
    }
}
