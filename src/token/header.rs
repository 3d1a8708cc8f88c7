//! The JOSE header (RFC 7515 §4): what we need of it, and what we refuse in it.
//!
//! Keys come from the issuer's key set alone. `jku`, `x5u` and `x5c` let a sender name the key that proves his own token
//! and are never used (RFC 8725 §3.10); an embedded `jwk`, which no issuer sends with an access token, refuses it.

use super::TokenError;
use crate::crypto::Algorithm;
use crate::json::Json;

/// Longest key id; real ones are a hash or a short name.
const MAX_KID_LENGTH: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoseHeader {
    pub algorithm: Algorithm,
    pub kid: Option<String>,
}

impl JoseHeader {
    pub(super) fn parse(header: &Json) -> Result<Self, TokenError> {
        // RFC 7515 §4.1.11: a header that must be understood and is not, refuses the token. We understand none.
        for (name, problem) in [
            ("crit", "the header asks for critical extensions"),
            ("b64", "the payload is not encoded (RFC 7797)"),
            ("enc", "the token is encrypted"),
            ("zip", "the token is compressed"),
            ("cty", "the token holds another token"),
            ("jwk", "the header carries a key"),
        ] {
            if header.get(name).is_some() {
                return Err(TokenError::Header(problem));
            }
        }
        check_type(header.get("typ"))?;
        let algorithm = header.get("alg").and_then(Json::as_str).ok_or(TokenError::Algorithm)?;
        let algorithm = Algorithm::from_name(algorithm).ok_or(TokenError::Algorithm)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Json::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID_LENGTH => Some(kid.clone()),
            Some(_) => return Err(TokenError::Header("the key id is no short string")),
        };
        Ok(Self { algorithm, kid })
    }
}

/// RFC 8725 §3.11: other kinds of JWT (logout and security event tokens, DPoP proofs, key bindings) are signed by the
/// same keys and say of themselves what they are.
fn check_type(typ: Option<&Json>) -> Result<(), TokenError> {
    const ACCEPTED: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];
    const OTHER_KIND: TokenError = TokenError::Header("the token is of another kind than an access token");
    let Some(typ) = typ else {
        return Ok(());
    };
    let typ = typ.as_str().ok_or(OTHER_KIND)?;
    let accepted = ACCEPTED.iter().any(|kind| kind.eq_ignore_ascii_case(typ));
    if accepted { Ok(()) } else { Err(OTHER_KIND) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<JoseHeader, TokenError> {
        JoseHeader::parse(&Json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn only_known_asymmetric_algorithms_have_a_name() {
        for (name, algorithm) in Algorithm::ALL {
            assert_eq!(parse(&format!(r#"{{"alg":"{name}"}}"#)).unwrap().algorithm, algorithm);
        }
        for alg in [
            "\"none\"",
            "\"None\"",
            "\"NONE\"",
            "\"\"",
            "\" none\"",
            "\"none\\u0000\"",
            "\"HS256\"",
            "\"RS1\"",
            "\"rs256\"",
            "\"ES256K\"",
            "\"ES512\"",
            "\"RSA1_5\"",
            "null",
            "1",
            "[\"RS256\"]",
            "{}",
        ] {
            assert_eq!(parse(&format!(r#"{{"alg":{alg}}}"#)), Err(TokenError::Algorithm), "{alg}");
        }
        assert_eq!(parse("{}"), Err(TokenError::Algorithm));
    }

    #[test]
    fn what_must_be_understood_or_is_another_kind_is_refused() {
        for extra in [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""crit":"exp""#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""enc":"A256GCM""#,
            r#""zip":"DEF""#,
            r#""cty":"JWT""#,
            r#""typ":"secevent+jwt""#,
            r#""typ":"logout+jwt""#,
            r#""typ":"dpop+jwt""#,
            r#""typ":"kb+jwt""#,
            r#""typ":null"#,
            r#""typ":1"#,
            r#""jwk":{"kty":"oct","k":"eA"}"#,
            r#""kid":null"#,
            r#""kid":7"#,
            r#""kid":[]"#,
            r#""kid":"""#,
        ] {
            let header = parse(&format!(r#"{{"alg":"RS256",{extra}}}"#));
            assert!(matches!(header, Err(TokenError::Header(_))), "{extra}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(MAX_KID_LENGTH + 1));
        assert!(matches!(parse(&long), Err(TokenError::Header(_))));
    }

    #[test]
    fn access_token_types_pass_and_keys_in_the_header_are_not_read() {
        for extra in [
            r#""typ":"JWT""#,
            r#""typ":"jwt""#,
            r#""typ":"at+jwt""#,
            r#""typ":"application/at+jwt""#,
            r#""jku":"http://127.0.0.1/""#,
            r#""x5u":"http://127.0.0.1/""#,
            r#""x5c":["x"]"#,
        ] {
            assert!(parse(&format!(r#"{{"alg":"RS256",{extra}}}"#)).is_ok(), "{extra}");
        }
    }
}
