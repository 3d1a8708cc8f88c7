//! Telling access tokens from whatever else an issuer signs.

use super::TokenError;
use super::header::JoseHeader;
use crate::issuer::{Issuer, Marker};
use crate::json::Json;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    Access,
    /// An ID token tells a client who logged in (OpenID Connect Core §2); it is no key to an API.
    Id,
}

/// What a token is for, and whether that is said or guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenKind {
    pub token_use: TokenUse,
    is_said: bool,
}

impl TokenKind {
    /// A token that says nothing else.
    pub const PLAIN_ACCESS: Self = Self { token_use: TokenUse::Access, is_said: false };

    /// Whether it surely comes of a login: a guess is enough to refuse a token, and not to trust it with more.
    pub fn is_login(self) -> bool {
        self.token_use == TokenUse::Id && self.is_said
    }
}

const REFRESH: TokenError = TokenError::Kind("a refresh token");
const OTHER: TokenError = TokenError::Kind("a token of another kind");
const BOUND: TokenError = TokenError::Kind("a token bound to a key");

/// Issuers sign other things with the same keys, and say in one of several ways what they are: RFC 9068 in the header's
/// `typ`, Cognito in `token_use`, Keycloak in `typ`, OpenID Connect by the claims that only an ID token has.
pub(super) fn check_kind(header: &JoseHeader, payload: &Json, issuer: &Issuer) -> Result<TokenKind, TokenError> {
    // RFC 7800: whoever presents such a token has to prove that he holds its key, which a Bearer credential does not.
    if payload.get("cnf").is_some() {
        return Err(BOUND);
    }
    let has = |name: &&str| payload.get(name).is_some();
    if has(&"events") {
        return Err(TokenError::Kind("a logout or event token"));
    }
    if has(&"state") && (has(&"code") || has(&"error")) {
        return Err(TokenError::Kind("an authorization response"));
    }
    let mut kinds = Vec::new();
    kinds.extend(header.is_access_token.then_some(TokenUse::Access));
    for marker in ["token_use", "typ"].iter().filter_map(|name| payload.get(name)) {
        kinds.extend(marked(marker)?);
    }
    let mut hints = Vec::new();
    for hint in ["type", "token_type"].iter().filter_map(|name| payload.get(name)) {
        hints.extend(hinted(hint)?);
    }
    if kinds.is_empty() {
        // What only an ID token has is no matter of a claim that may mean something else.
        kinds.extend(["nonce", "at_hash", "c_hash"].iter().any(has).then_some(TokenUse::Id));
    }
    // Beside a marker such a claim may mean anything but this.
    let contradicts = |hint: &TokenUse| kinds.is_empty() || *hint == TokenUse::Id || kinds.contains(&TokenUse::Id);
    hints.retain(contradicts);
    kinds.extend(hints);
    let is_said = !kinds.is_empty();
    let kind = match kinds.as_slice() {
        [] => without_marker(payload, issuer),
        [first, others @ ..] if others.iter().all(|other| other == first) => *first,
        _ => return Err(TokenError::Kind("a token of two kinds")),
    };
    if !issuer.token_use.contains(&kind) {
        return Err(match kind {
            TokenUse::Id => TokenError::Kind("an ID token"),
            TokenUse::Access => TokenError::Kind("an access token"),
        });
    }
    let says_so = match issuer.profile.marker {
        Marker::Anywhere => true,
        Marker::Claim(name) => payload.get(name).is_some_and(|marker| matches!(marked(marker), Ok(Some(_)))),
        Marker::HeaderType => header.is_access_token,
    };
    if says_so {
        Ok(TokenKind { token_use: kind, is_said })
    } else {
        Err(TokenError::Kind("a token that does not say what it is for"))
    }
}

/// What is wrong with a token that says itself that it is neither access token nor ID token.
pub(super) fn refused(payload: &Json) -> Option<TokenError> {
    let marked = ["token_use", "typ"].iter().filter_map(|name| marked(payload.get(name)?).err());
    let hinted = ["type", "token_type"].iter().filter_map(|name| hinted(payload.get(name)?).err());
    marked.chain(hinted).next()
}

/// Claims that are there for this. What they say and we do not know is another kind.
fn marked(marker: &Json) -> Result<Option<TokenUse>, TokenError> {
    match marker.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("id") => Ok(Some(TokenUse::Id)),
        Some("access" | "bearer" | "at+jwt") => Ok(Some(TokenUse::Access)),
        // The header's word, which says nothing.
        Some("jwt") => Ok(None),
        Some("refresh" | "offline") => Err(REFRESH),
        Some("logout") => Err(TokenError::Kind("a logout token")),
        Some("dpop") => Err(BOUND),
        Some(_) | None => Err(OTHER),
    }
}

/// Claims that some issuers (Glewlwyd, Django's) use for this and others for anything.
fn hinted(hint: &Json) -> Result<Option<TokenUse>, TokenError> {
    match hint.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("id_token" | "id-token" | "id") => Ok(Some(TokenUse::Id)),
        Some("access_token" | "access-token" | "access") => Ok(Some(TokenUse::Access)),
        Some(kind) if kind.starts_with("refresh") || kind.starts_with("offline") => Err(REFRESH),
        Some(kind) if kind.starts_with("logout") => Err(TokenError::Kind("a logout token")),
        Some(_) | None => Ok(None),
    }
}

fn without_marker(payload: &Json, issuer: &Issuer) -> TokenUse {
    // An ID token is for the client that asked for it (OpenID Connect Core §2), and gives it no scope.
    let only_audience = match payload.get("aud") {
        Some(Json::Array(values)) => values.first().filter(|_| values.len() == 1),
        other => other,
    };
    let for_its_client = only_audience.is_some() && only_audience == payload.get("azp");
    let gives_scope = ["scope", "scp", "permissions"].iter().any(|name| payload.get(name).is_some())
        || issuer.claims.scopes.iter().any(|path| path.first(payload).is_some());
    if for_its_client && !gives_scope { TokenUse::Id } else { TokenUse::Access }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::Profile;

    fn header(typ: &str) -> JoseHeader {
        JoseHeader::parse(&Json::parse(format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#).as_bytes()).unwrap()).unwrap()
    }

    fn kind(typ: &str, claims: &str, issuer: &Issuer) -> Result<TokenUse, TokenError> {
        let payload = Json::parse(format!("{{{claims}}}").as_bytes()).unwrap();
        check_kind(&header(typ), &payload, issuer).map(|kind| kind.token_use)
    }

    #[test]
    fn kinds_of_token_are_told_apart_by_what_they_say_or_hold() {
        use TokenError::Kind;
        use TokenUse::{Access, Id};
        let both = Issuer { token_use: vec![Access, Id], ..Issuer::for_tests("https://issuer.test", &[]) };
        for (typ, claims, want) in [
            ("JWT", r#""sub":"a""#, Ok(Access)),
            ("JWT", r#""token_use":"access""#, Ok(Access)),
            ("JWT", r#""typ":"Bearer","nonce":"n""#, Ok(Access)),
            ("at+jwt", r#""nonce":"n""#, Ok(Access)),
            ("JWT", r#""type":"access_token""#, Ok(Access)),
            ("JWT", r#""type":"access_token","nonce":"n""#, Err(Kind("a token of two kinds"))),
            ("JWT", r#""typ":"JWT","nonce":"n""#, Ok(Id)),
            ("JWT", r#""typ":"Bearer","events":{}"#, Err(Kind("a logout or event token"))),
            ("JWT", r#""code":"c","state":"s""#, Err(Kind("an authorization response"))),
            ("JWT", r#""error":"e","state":"s""#, Err(Kind("an authorization response"))),
            ("JWT", r#""typ":"Bearer","type":"access_token""#, Ok(Access)),
            ("JWT", r#""typ":"Bearer","type":"id_token""#, Err(Kind("a token of two kinds"))),
            ("JWT", r#""type":"refresh-token""#, Err(REFRESH)),
            ("JWT", r#""token_type":"offline""#, Err(REFRESH)),
            ("JWT", r#""type":"logout""#, Err(Kind("a logout token"))),
            ("JWT", r#""token_type":"id""#, Ok(Id)),
            ("JWT", r#""typ":"at+jwt","nonce":"n""#, Ok(Access)),
            ("JWT", r#""type":"user""#, Ok(Access)),
            ("JWT", r#""token_use":"id""#, Ok(Id)),
            ("JWT", r#""typ":"ID""#, Ok(Id)),
            ("JWT", r#""type":"id_token""#, Ok(Id)),
            ("JWT", r#""nonce":"n""#, Ok(Id)),
            ("JWT", r#""at_hash":"h""#, Ok(Id)),
            ("JWT", r#""c_hash":"h""#, Ok(Id)),
            ("JWT", r#""aud":"web","azp":"web""#, Ok(Id)),
            ("JWT", r#""aud":["web"],"azp":"web""#, Ok(Id)),
            ("JWT", r#""aud":"web","azp":"web","scope":"a""#, Ok(Access)),
            ("JWT", r#""aud":"web","azp":"web","permissions":[]"#, Ok(Access)),
            ("JWT", r#""aud":["web","api"],"azp":"web""#, Ok(Access)),
            ("JWT", r#""aud":"api","azp":"web""#, Ok(Access)),
            ("JWT", r#""typ":"Refresh""#, Err(REFRESH)),
            ("JWT", r#""typ":"Offline""#, Err(REFRESH)),
            ("JWT", r#""type":"refresh_token""#, Err(REFRESH)),
            ("JWT", r#""token_type":"refresh""#, Err(REFRESH)),
            ("JWT", r#""typ":"Logout""#, Err(Kind("a logout token"))),
            ("JWT", r#""events":{}"#, Err(Kind("a logout or event token"))),
            ("JWT", r#""typ":"ID","token_use":"access""#, Err(Kind("a token of two kinds"))),
            ("at+jwt", r#""typ":"ID""#, Err(Kind("a token of two kinds"))),
            ("JWT", r#""token_use":["id"]"#, Err(OTHER)),
            ("JWT", r#""token_use":"other""#, Err(OTHER)),
            ("JWT", r#""typ":null"#, Err(OTHER)),
            ("JWT", r#""typ":"DPoP""#, Err(BOUND)),
            ("JWT", r#""cnf":{"jkt":"x"}"#, Err(BOUND)),
        ] {
            assert_eq!(kind(typ, claims, &both), want, "{typ} {claims}");
            for (only, refused) in [(Access, Kind("an ID token")), (Id, Kind("an access token"))] {
                let issuer = Issuer { token_use: vec![only], ..Issuer::for_tests("https://issuer.test", &[]) };
                let want = want.clone().and_then(|kind| if kind == only { Ok(kind) } else { Err(refused) });
                assert_eq!(kind(typ, claims, &issuer), want, "{typ} {claims} where {only:?} is accepted");
            }
        }
    }

    #[test]
    fn some_issuers_tokens_have_to_say_what_they_are() {
        let of = |name: &str| Issuer {
            profile: Profile::all().iter().find(|profile| profile.name == name).unwrap(),
            ..Issuer::for_tests("https://issuer.test", &[])
        };
        for (profile, typ, claims, want) in [
            ("cognito", "JWT", r#""token_use":"access""#, true),
            ("cognito", "JWT", r#""typ":"Bearer""#, false),
            ("cognito", "at+jwt", "", false),
            ("keycloak", "JWT", r#""typ":"Bearer""#, true),
            ("keycloak", "JWT", r#""token_use":"access""#, false),
            ("keycloak", "JWT", r#""typ":"JWT""#, false),
            ("at-jwt", "at+jwt", "", true),
            ("at-jwt", "JWT", r#""typ":"Bearer""#, false),
            ("auth0", "JWT", "", true),
        ] {
            assert_eq!(kind(typ, claims, &of(profile)).is_ok(), want, "{profile} {typ} {claims}");
        }
    }
}
