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
    /// Whether `typ` says that this is an access token (RFC 9068 §2.1).
    pub is_access_token: bool,
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
        let is_access_token = read_type(header.get("typ"))?;
        let algorithm = header.get("alg").and_then(Json::as_str).ok_or(TokenError::Algorithm)?;
        let algorithm = Algorithm::from_name(algorithm).ok_or(TokenError::Algorithm)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Json::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID_LENGTH => Some(kid.clone()),
            Some(_) => return Err(TokenError::Header("the key id is no short string")),
        };
        Ok(Self { algorithm, kid, is_access_token })
    }
}

/// RFC 8725 §3.11: other kinds of JWT are signed by the same keys and say of themselves what they are. Answers whether
/// this says that it is an access token.
fn read_type(typ: Option<&Json>) -> Result<bool, TokenError> {
    let Some(typ) = typ else {
        return Ok(false);
    };
    let typ = typ.as_str().map(str::to_ascii_lowercase);
    // RFC 7515 §4.1.9: the media type's `application/` may be left out.
    let kind = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    Err(TokenError::Kind(match kind {
        Some("jwt") => return Ok(false),
        Some("at+jwt") => return Ok(true),
        Some("logout+jwt") => "a logout token",
        Some("secevent+jwt") => "a security event token",
        Some("dpop+jwt") => "a DPoP proof",
        Some("kb+jwt") => "a key binding",
        Some("token-introspection+jwt") => "an introspection response",
        Some("oauth-authz-req+jwt") => "an authorization request",
        Some("client-authentication+jwt") => "a client assertion",
        Some(_) | None => "a token of another kind",
    }))
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
    fn what_must_be_understood_is_refused() {
        for extra in [
            r#""crit":["exp"]"#,
            r#""crit":[]"#,
            r#""crit":"exp""#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""enc":"A256GCM""#,
            r#""zip":"DEF""#,
            r#""cty":"JWT""#,
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
    fn the_type_says_what_kind_of_token_it_is() {
        for (typ, want) in [
            ("\"JWT\"", Ok(false)),
            ("\"application/jwt\"", Ok(false)),
            ("\"at+jwt\"", Ok(true)),
            ("\"AT+JWT\"", Ok(true)),
            ("\"application/at+jwt\"", Ok(true)),
            ("\"logout+jwt\"", Err("a logout token")),
            ("\"secevent+jwt\"", Err("a security event token")),
            ("\"application/secevent+jwt\"", Err("a security event token")),
            ("\"dpop+jwt\"", Err("a DPoP proof")),
            ("\"kb+jwt\"", Err("a key binding")),
            ("\"JOSE\"", Err("a token of another kind")),
            ("\"\"", Err("a token of another kind")),
            ("null", Err("a token of another kind")),
            ("1", Err("a token of another kind")),
        ] {
            let found = parse(&format!(r#"{{"alg":"RS256","typ":{typ}}}"#)).map(|header| header.is_access_token);
            assert_eq!(found, want.map_err(TokenError::Kind), "{typ}");
        }
    }

    #[test]
    fn keys_in_the_header_are_not_read() {
        for extra in [r#""jku":"http://127.0.0.1/""#, r#""x5u":"http://127.0.0.1/""#, r#""x5c":["x"]"#] {
            assert!(parse(&format!(r#"{{"alg":"RS256",{extra}}}"#)).is_ok(), "{extra}");
        }
    }
}
