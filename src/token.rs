//! A token before and after verification: two types, so that "forgot to verify" does not compile.

mod cache;
mod claim_path;
mod claims;
mod error;
mod header;
mod kind;
mod verify;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::Json;
use crate::secret::Secret;

pub use cache::{CacheLimits, Ground, Recall, Room, TokenCache};
pub use claim_path::ClaimPath;
use claims::{check_audience, check_claims};
pub use error::TokenError;
use header::JoseHeader;
pub use kind::{TokenKind, TokenUse};
pub use verify::{Candidate, Checked, VerifiedToken, verify};

/// Longest token that is read. Envoy takes header fields up to 60 KiB; real tokens have 0.5 to 4 KiB, and those with
/// hundreds of groups some more.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Longest encoded JOSE header. A header has an algorithm, a key id and a type, some add a certificate thumbprint;
/// a certificate chain is of no use to us.
pub const MAX_HEADER_LENGTH: usize = 4 * 1024;

/// A compact JWS (RFC 7515 §7.1) whose parts were read and whose signature was not: nothing it says is known to be
/// true.
#[derive(Debug)]
pub struct UnverifiedToken {
    raw: Secret,
    header: JoseHeader,
    payload: Json,
    signature: Vec<u8>,
}

impl UnverifiedToken {
    pub fn parse(raw: Secret) -> Result<Self, TokenError> {
        let text = raw.expose();
        if text.len() > MAX_LENGTH {
            return Err(TokenError::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(unreadable(text));
        };
        if header.len() > MAX_HEADER_LENGTH {
            return Err(TokenError::TooLong);
        }
        let header = decode(header)?;
        let payload = decode(payload)?;
        let signature = decode(signature)?;
        let header = JoseHeader::parse(&object(&header)?);
        let payload = object(&payload)?;
        let header = header.map_err(|error| {
            // Keycloak signs refresh tokens with a secret of its own, which is not what is wrong with them here.
            let named = || kind::refused(&payload);
            if error == TokenError::Algorithm { named().unwrap_or(error) } else { error }
        })?;
        Ok(Self { raw, header, payload, signature })
    }

    /// The issuer that the token names.
    pub fn issuer(&self) -> Result<&str, TokenError> {
        match self.payload.get("iss") {
            None => Err(TokenError::MissingClaim("iss")),
            Some(issuer) => issuer.as_str().ok_or(TokenError::InvalidClaim("iss")),
        }
    }
}

/// What is not of three parts: encrypted (RFC 7516 §3.1, five parts; Auth0's are so where no audience was asked for), a
/// handle that only its issuer can look up, or a JWT that lost its end.
fn unreadable(text: &str) -> TokenError {
    // How every JOSE header begins, `{"` encoded.
    const JOSE: &str = "eyJ";
    match text.split('.').count() {
        5 => TokenError::Opaque,
        _ if text.starts_with(JOSE) || text.is_empty() => TokenError::NotJwt,
        _ => TokenError::Opaque,
    }
}

/// Strict base64url: no padding, no other alphabet, no bits left over, so that a token has one spelling only.
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    if part.is_empty() {
        return Err(TokenError::NotJwt);
    }
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotJwt)
}

fn object(bytes: &[u8]) -> Result<Json, TokenError> {
    match Json::parse_unique(bytes) {
        Ok(value @ Json::Object(_)) => Ok(value),
        Ok(_) | Err(_) => Err(TokenError::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn token(header: &str, payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(payload), part("signature"))
    }

    const HEADER: &str = r#"{"alg":"ES256"}"#;

    fn parse(raw: impl Into<Rc<str>>) -> Result<UnverifiedToken, TokenError> {
        UnverifiedToken::parse(Secret::new(raw))
    }

    #[test]
    fn a_token_has_three_parts_of_strict_base64url() {
        let good = token(HEADER, r#"{"iss":"a"}"#);
        assert_eq!(parse(good.as_str()).unwrap().issuer(), Ok("a"));
        let [h, p, s]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        for (name, raw) in [
            ("empty", String::new()),
            ("one dot", format!("{h}.{p}")),
            ("four parts", format!("{h}.{p}.{s}.{s}")),
            ("empty header", format!(".{p}.{s}")),
            ("empty payload", format!("{h}..{s}")),
            ("empty signature", format!("{h}.{p}.")),
            ("dot after", format!("{good}.")),
            ("padding", format!("{h}.{p}.{s}=")),
            ("standard alphabet", format!("{h}.{p}.ab+/")),
            ("bits left over", format!("{h}.{p}.ab1")),
            ("white space", format!("{h}. {p}.{s}")),
            ("not ASCII", format!("{h}.{p}.é")),
        ] {
            assert_eq!(parse(raw).unwrap_err(), TokenError::NotJwt, "{name}");
        }
        for (name, raw) in [
            ("a handle", "gt-abcdef".to_owned()),
            ("a handle of two parts", "gt-abc.def".to_owned()),
            ("five parts, as a JWE", format!("{h}.{p}.{s}.{s}.{s}")),
            ("dot before", format!(".{good}")),
        ] {
            assert_eq!(parse(raw).unwrap_err(), TokenError::Opaque, "{name}");
        }
    }

    #[test]
    fn header_and_payload_are_json_objects_that_read_in_one_way() {
        for payload in ["", "null", "[]", "\"x\"", "1", "{}{}", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":1}}"]
        {
            let want = if payload.is_empty() { TokenError::NotJwt } else { TokenError::Unreadable };
            assert_eq!(parse(token(HEADER, payload)).unwrap_err(), want, "payload {payload}");
            assert_eq!(parse(token(payload, "{}")).unwrap_err(), want, "header {payload}");
        }
        let deep = format!("{{\"a\":{}}}", "[".repeat(4000));
        assert_eq!(parse(token(HEADER, &deep)).unwrap_err(), TokenError::Unreadable);
    }

    #[test]
    fn size_is_checked_before_any_work() {
        let padding = |n| format!(r#"{{"a":"{}"}}"#, "x".repeat(n));
        assert_eq!(parse(token(HEADER, &padding(MAX_LENGTH))).unwrap_err(), TokenError::TooLong);
        assert_eq!(parse(token(&padding(MAX_HEADER_LENGTH), "{}")).unwrap_err(), TokenError::TooLong);
        assert_eq!(parse("x".repeat(MAX_LENGTH)).unwrap_err(), TokenError::Opaque);
        assert_eq!(parse("x".repeat(MAX_LENGTH + 1)).unwrap_err(), TokenError::TooLong);
    }

    #[test]
    fn a_token_of_another_kind_is_called_so_whatever_it_is_signed_with() {
        for (header, payload, want) in [
            (r#"{"alg":"HS512"}"#, r#"{"typ":"Refresh"}"#, TokenError::Kind("a refresh token")),
            (r#"{"alg":"HS512"}"#, r#"{"token_type":"refresh"}"#, TokenError::Kind("a refresh token")),
            (r#"{"alg":"HS512"}"#, r#"{"typ":"Bearer"}"#, TokenError::Algorithm),
            (r#"{"alg":"HS512"}"#, "{}", TokenError::Algorithm),
            (r#"{"alg":"ES256","zip":"DEF"}"#, r#"{"typ":"Refresh"}"#, TokenError::Header("the token is compressed")),
        ] {
            let refused = parse(token(header, payload)).unwrap_err();
            match (&refused, &want) {
                (TokenError::Header(_), TokenError::Header(_)) => {}
                _ => assert_eq!(refused, want, "{header} {payload}"),
            }
        }
    }

    #[test]
    fn debug_output_does_not_hold_the_token() {
        let raw = token(HEADER, r#"{"iss":"a"}"#);
        assert!(!format!("{:?}", parse(raw.as_str()).unwrap()).contains(&raw));
    }
}
