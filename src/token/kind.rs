//! Telling access tokens from whatever else an issuer signs.

use super::TokenError;
use crate::issuer::Issuer;
use crate::json::Json;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    Access,
    /// An ID token tells a client who logged in (OpenID Connect Core §2); it is no key to an API.
    Id,
}

/// Issuers sign other things with the same keys, and say in one of several ways what they are: Cognito in `token_use`,
/// Keycloak in `typ`, OpenID Connect by the claims that only an ID token has.
pub(super) fn check_kind(payload: &Json, issuer: &Issuer) -> Result<(), TokenError> {
    // RFC 7800: whoever presents such a token has to prove that he holds its key, which a Bearer credential does not.
    if payload.get("cnf").is_some() {
        return Err(TokenError::Kind("a token bound to a key"));
    }
    let mut kind = None;
    for marker in ["token_use", "typ"].iter().filter_map(|name| payload.get(name)) {
        let named = match marker.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("id") => TokenUse::Id,
            Some("access" | "bearer" | "jwt" | "at+jwt") => TokenUse::Access,
            Some("refresh" | "offline") => return Err(TokenError::Kind("a refresh token")),
            Some("logout") => return Err(TokenError::Kind("a logout token")),
            Some(_) | None => return Err(TokenError::Kind("a token of another kind")),
        };
        if kind.is_some_and(|other| other != named) {
            return Err(TokenError::Kind("a token of two kinds"));
        }
        kind = Some(named);
    }
    let has = |names: &[&str]| names.iter().any(|name| payload.get(name).is_some());
    let kind = match kind {
        Some(kind) => kind,
        None if has(&["events"]) => return Err(TokenError::Kind("a logout or event token")),
        None if has(&["nonce", "at_hash", "c_hash"]) => TokenUse::Id,
        None => TokenUse::Access,
    };
    match kind {
        kind if issuer.token_use.contains(&kind) => Ok(()),
        TokenUse::Id => Err(TokenError::Kind("an ID token")),
        TokenUse::Access => Err(TokenError::Kind("an access token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_of_token_are_told_apart_and_refused() {
        use TokenError::Kind;
        for (claims, access, id) in [
            (r#""sub":"a""#, Ok(()), Err(Kind("an access token"))),
            (r#""token_use":"access""#, Ok(()), Err(Kind("an access token"))),
            (r#""typ":"Bearer","nonce":"n""#, Ok(()), Err(Kind("an access token"))),
            (r#""token_use":"id""#, Err(Kind("an ID token")), Ok(())),
            (r#""typ":"ID""#, Err(Kind("an ID token")), Ok(())),
            (r#""nonce":"n""#, Err(Kind("an ID token")), Ok(())),
            (r#""at_hash":"h""#, Err(Kind("an ID token")), Ok(())),
            (r#""typ":"Refresh""#, Err(Kind("a refresh token")), Err(Kind("a refresh token"))),
            (r#""typ":"Offline""#, Err(Kind("a refresh token")), Err(Kind("a refresh token"))),
            (r#""typ":"Logout""#, Err(Kind("a logout token")), Err(Kind("a logout token"))),
            (
                r#""typ":"ID","token_use":"access""#,
                Err(Kind("a token of two kinds")),
                Err(Kind("a token of two kinds")),
            ),
            (r#""token_use":["id"]"#, Err(Kind("a token of another kind")), Err(Kind("a token of another kind"))),
            (r#""cnf":{"jkt":"x"}"#, Err(Kind("a token bound to a key")), Err(Kind("a token bound to a key"))),
            (r#""events":{}"#, Err(Kind("a logout or event token")), Err(Kind("a logout or event token"))),
            (r#""token_use":"other""#, Err(Kind("a token of another kind")), Err(Kind("a token of another kind"))),
        ] {
            let payload = Json::parse(format!("{{{claims}}}").as_bytes()).unwrap();
            for (token_use, want) in [(TokenUse::Access, access), (TokenUse::Id, id)] {
                let issuer = Issuer { token_use: vec![token_use], ..Issuer::for_tests("https://issuer.test", &[]) };
                assert_eq!(check_kind(&payload, &issuer), want, "{claims} {token_use:?}");
            }
        }
    }
}
