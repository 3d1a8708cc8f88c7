//! The claims (RFC 7519 §4): time and audience, and the paths under which an issuer keeps the rest.

use super::TokenError;
use crate::issuer::Issuer;
use crate::json::Json;
use crate::time::UnixTime;

/// RFC 7519 §4.1 registers these as strings. Another type is a sign of a broken or hostile issuer.
const STRINGS: [&str; 3] = ["sub", "jti", "nonce"];

/// Checks what an issuer's configuration says of any of its tokens.
pub fn check_claims(payload: &Json, issuer: &Issuer, now: UnixTime) -> Result<(), TokenError> {
    check_time(payload, issuer, now)?;
    for name in STRINGS {
        if payload.get(name).is_some_and(|claim| claim.as_str().is_none()) {
            return Err(TokenError::InvalidClaim(name));
        }
    }
    check_kind(payload, issuer)?;
    check_audience(payload, issuer)
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    Access,
    /// An ID token tells a client who logged in (OpenID Connect Core §2); it is no key to an API.
    Id,
}

/// Issuers sign other things with the same keys, and say in one of several ways what they are: Cognito in `token_use`,
/// Keycloak in `typ`, OpenID Connect by the claims that only an ID token has.
fn check_kind(payload: &Json, issuer: &Issuer) -> Result<(), TokenError> {
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

fn check_time(payload: &Json, issuer: &Issuer, now: UnixTime) -> Result<(), TokenError> {
    let skew = issuer.clock_skew;
    let expires = numeric_date(payload, "exp")?.ok_or(TokenError::MissingClaim("exp"))?;
    let not_before = numeric_date(payload, "nbf")?;
    let issued = numeric_date(payload, "iat")?;
    // RFC 7519 §4.1.4: the current time must be *before* `exp`.
    if now >= expires.plus(skew) {
        return Err(TokenError::Expired);
    }
    if not_before.is_some_and(|time| time > now.plus(skew)) || issued.is_some_and(|time| time > now.plus(skew)) {
        return Err(TokenError::NotYetValid);
    }
    // A token that ends before it begins was never valid, whatever the skew lets through.
    if not_before.is_some_and(|time| time > expires) || issued.is_some_and(|time| time > expires) {
        return Err(TokenError::InvalidClaim("exp"));
    }
    // Without `iat`, what is left of the token's life cannot be more than the whole of it.
    let lifetime = issued.map_or_else(|| expires.since(now.plus(skew)), |issued| expires.since(issued));
    if lifetime > issuer.max_lifetime {
        return Err(TokenError::LifetimeTooLong);
    }
    Ok(())
}

/// An integer number of seconds. RFC 7519 allows fractions; no issuer of this field sends them, and reading them would
/// mean rounding, differently from the next reader.
fn numeric_date(payload: &Json, name: &'static str) -> Result<Option<UnixTime>, TokenError> {
    let Some(value) = payload.get(name) else {
        return Ok(None);
    };
    // Some Keycloaks write `nbf: 0`, which says nothing; an `exp` of 0 is somebody's "never".
    let says_something = |seconds: &u64| *seconds > 0 || name == "nbf";
    let seconds = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(says_something);
    seconds.map(|seconds| Some(UnixTime::from_seconds(seconds))).ok_or(TokenError::InvalidClaim(name))
}

fn check_audience(payload: &Json, issuer: &Issuer) -> Result<(), TokenError> {
    let audience = issuer.claims.audience.iter().find_map(|path| path.first(payload));
    let matches = |value: &Json| value.as_str().is_some_and(|aud| issuer.audiences.iter().any(|known| known == aud));
    match audience {
        None => Err(TokenError::MissingClaim("aud")),
        Some(value @ Json::String(_)) if matches(value) => Ok(()),
        Some(Json::Array(values)) if values.iter().any(matches) => {
            let strings = values.iter().all(|value| value.as_str().is_some());
            if strings { Ok(()) } else { Err(TokenError::InvalidClaim("aud")) }
        }
        Some(_) => Err(TokenError::Audience),
    }
}

/// Where in the payload a claim is: `a.b`, `a[].b` for each item of a list, `["https://ns/x"]` for a name with dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Member(String),
    EachItem,
}

impl ClaimPath {
    /// A path of one literal name.
    pub fn of(name: &str) -> Self {
        Self(vec![Segment::Member(name.to_owned())])
    }

    /// A path whose segments are literal names.
    pub fn literal(names: Vec<String>) -> Self {
        Self(names.into_iter().map(Segment::Member).collect())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]") {
                // A list is what some name leads to.
                segments.last()?;
                segments.push(Segment::EachItem);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (name, after) = after.split_once("\"]")?;
                segments.push(Segment::Member(name.to_owned()));
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end)?;
                // A URL that is not quoted would be cut at its dots.
                if name.is_empty() || name.contains('/') {
                    return None;
                }
                segments.push(Segment::Member(name.to_owned()));
                rest = after;
            }
            if let Some(after) = rest.strip_prefix('.') {
                // A dot stands between two names.
                if after.is_empty() || after.starts_with(['.', '[']) {
                    return None;
                }
                rest = after;
            } else if !rest.is_empty() && !rest.starts_with('[') {
                return None;
            }
        }
        let named = segments.iter().all(|s| !matches!(s, Segment::Member(name) if name.is_empty()));
        (named && !segments.is_empty()).then_some(Self(segments))
    }

    /// Every value at this path, in order.
    pub fn all<'a>(&self, payload: &'a Json) -> Vec<&'a Json> {
        let mut values = vec![payload];
        for segment in &self.0 {
            values = match segment {
                Segment::Member(name) => values.iter().filter_map(|value| value.get(name)).collect(),
                Segment::EachItem => values.iter().filter_map(|value| value.as_array()).flatten().collect(),
            };
        }
        values
    }

    pub fn first<'a>(&self, payload: &'a Json) -> Option<&'a Json> {
        self.all(payload).into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn issuer() -> Issuer {
        Issuer::for_tests("https://issuer.test", &["api"])
    }

    fn check(payload: &str) -> Result<(), TokenError> {
        check_claims(&Json::parse(payload.as_bytes()).unwrap(), &issuer(), UnixTime::from_seconds(NOW))
    }

    #[test]
    fn time_is_checked_to_the_second() {
        use TokenError::*;
        // Skew is 60 s, the longest life 24 h.
        let day = 86_400;
        let cases: &[(&str, String, Result<(), TokenError>)] = &[
            ("a second before exp + skew", format!(r#""exp":{}"#, NOW - 59), Ok(())),
            ("at exp + skew", format!(r#""exp":{}"#, NOW - 60), Err(Expired)),
            ("long ago", r#""exp":1"#.into(), Err(Expired)),
            ("nbf at the edge", format!(r#""exp":{},"nbf":{}"#, NOW + 99, NOW + 60), Ok(())),
            ("nbf past the edge", format!(r#""exp":{},"nbf":{}"#, NOW + 99, NOW + 61), Err(NotYetValid)),
            ("iat at the edge", format!(r#""exp":{},"iat":{}"#, NOW + 99, NOW + 60), Ok(())),
            ("iat past the edge", format!(r#""exp":{},"iat":{}"#, NOW + 99, NOW + 61), Err(NotYetValid)),
            ("longest life", format!(r#""exp":{},"iat":{}"#, NOW + day, NOW), Ok(())),
            ("a second longer", format!(r#""exp":{},"iat":{}"#, NOW + day + 1, NOW), Err(LifetimeTooLong)),
            ("longest rest without iat", format!(r#""exp":{}"#, NOW + day + 60), Ok(())),
            ("longer rest without iat", format!(r#""exp":{}"#, NOW + day + 61), Err(LifetimeTooLong)),
            ("iat after exp", format!(r#""exp":{},"iat":{}"#, NOW - 9, NOW), Err(InvalidClaim("exp"))),
            ("nbf after exp", format!(r#""exp":{},"nbf":{}"#, NOW - 9, NOW), Err(InvalidClaim("exp"))),
            ("largest number", format!(r#""exp":{}"#, u64::MAX), Err(LifetimeTooLong)),
            ("no exp", String::from(r#""iat":1"#), Err(MissingClaim("exp"))),
        ];
        for (name, claims, want) in cases {
            assert_eq!(&check(&format!(r#"{{"aud":"api",{claims}}}"#)), want, "{name}");
        }
    }

    #[test]
    fn a_time_is_a_positive_integer() {
        for value in ["0", "-1", "\"1893456000\"", "1.5", "1e3", "1e18", "null", "[]", "true", "99999999999999999999"] {
            for name in ["exp", "nbf", "iat"] {
                let exp = if name == "exp" { String::new() } else { format!(r#","exp":{}"#, NOW + 9) };
                if (name, value) == ("nbf", "0") {
                    continue;
                }
                let payload = format!(r#"{{"aud":"api","{name}":{value}{exp}}}"#);
                assert_eq!(check(&payload), Err(TokenError::InvalidClaim(name)), "{name} {value}");
            }
        }
    }

    #[test]
    fn audience_is_any_of_and_exact() {
        for (aud, want) in [
            (r#""api""#, Ok(())),
            (r#"["x","api"]"#, Ok(())),
            (r#""api2""#, Err(TokenError::Audience)),
            (r#""API""#, Err(TokenError::Audience)),
            (r#""api/""#, Err(TokenError::Audience)),
            (r#""""#, Err(TokenError::Audience)),
            ("[]", Err(TokenError::Audience)),
            ("[[\"api\"]]", Err(TokenError::Audience)),
            ("1", Err(TokenError::Audience)),
            ("[\"api\",1]", Err(TokenError::InvalidClaim("aud"))),
        ] {
            assert_eq!(check(&format!(r#"{{"exp":{},"aud":{aud}}}"#, NOW + 9)), want, "{aud}");
        }
        assert_eq!(check(&format!(r#"{{"exp":{}}}"#, NOW + 9)), Err(TokenError::MissingClaim("aud")));
    }

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
            let payload = Json::parse(format!(r#"{{"exp":{},"aud":"api",{claims}}}"#, NOW + 9).as_bytes()).unwrap();
            for (token_use, want) in [(TokenUse::Access, access), (TokenUse::Id, id)] {
                let issuer = Issuer { token_use: vec![token_use], ..issuer() };
                assert_eq!(
                    check_claims(&payload, &issuer, UnixTime::from_seconds(NOW)),
                    want,
                    "{claims} {token_use:?}"
                );
            }
        }
    }

    #[test]
    fn registered_strings_are_strings() {
        for name in STRINGS {
            let payload = format!(r#"{{"exp":{},"aud":"api","{name}":7}}"#, NOW + 9);
            assert_eq!(check(&payload), Err(TokenError::InvalidClaim(name)), "{name}");
        }
    }

    #[test]
    fn a_claim_path_leads_through_objects_and_lists() {
        let payload = br#"{"uid":"a","o":{"b":{"c":1}},"m":[{"name":"x"},{"id":1},{"name":"y"}],
            "https://ns/x":["r"],"deep":{"a.b":[[1,2],[3]]}}"#;
        let payload = Json::parse(payload).unwrap();
        for (path, want) in [
            ("uid", r#"["a"]"#),
            ("o.b.c", "[1]"),
            ("m[].name", r#"["x","y"]"#),
            (r#"["https://ns/x"]"#, r#"[["r"]]"#),
            (r#"["https://ns/x"][]"#, r#"["r"]"#),
            (r#"deep["a.b"][][]"#, "[1,2,3]"),
            ("missing.b", "[]"),
            ("uid.b", "[]"),
            ("uid[]", "[]"),
        ] {
            let want = Json::parse(want.as_bytes()).unwrap();
            let found = ClaimPath::parse(path).unwrap().all(&payload).into_iter().cloned().collect();
            assert_eq!(Json::Array(found), want, "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused() {
        for path in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "[]",
            "a[",
            "a[b]",
            "a[]b",
            "a.[]",
            "[\"a\"",
            "[\"\"]",
            "[\"a\"]b",
            "https://ns/x",
        ] {
            assert_eq!(ClaimPath::parse(path), None, "{path:?}");
        }
    }
}
