//! The claims (RFC 7519 §4) that decide whether a token is good: time, types, audience.

use super::header::JoseHeader;
use super::kind::check_kind;
use super::{Checked, TokenError, TokenKind};
use crate::issuer::{AudienceRule, Issuer, Need, is_printable};
use crate::json::Json;
use crate::time::{Span, UnixTime};

/// RFC 7519 §4.1 registers these as strings. Another type is a sign of a broken or hostile issuer.
const STRINGS: [&str; 3] = ["sub", "jti", "nonce"];

/// Checks what an issuer's configuration says of any of its tokens; answers what the token is for, and for which span of
/// time all this comes out so.
pub(super) fn check_claims(
    header: &JoseHeader,
    payload: &Json,
    issuer: &Issuer,
    now: UnixTime,
    mut passed: impl FnMut(Checked),
) -> Result<(TokenKind, Span), TokenError> {
    let span = check_time(payload, issuer, now)?;
    passed(Checked::Time);
    for name in STRINGS {
        if payload.get(name).is_some_and(|claim| claim.as_str().is_none()) {
            return Err(TokenError::InvalidClaim(name));
        }
    }
    passed(Checked::Forms);
    let token_kind = check_kind(header, payload, issuer)?;
    passed(Checked::Kind);
    for need in issuer.profile.needs {
        check_need(*need, header, payload, issuer)?;
    }
    passed(Checked::Profile);
    check_audience(payload, issuer)?;
    passed(Checked::Audience);
    Ok((token_kind, span))
}

fn check_need(need: Need, header: &JoseHeader, payload: &Json, issuer: &Issuer) -> Result<(), TokenError> {
    let claim = |name| payload.get(name).ok_or(TokenError::MissingClaim(name));
    match need {
        Need::Claim(name) => claim(name).map(|_| ()),
        Need::Text(name) => match claim(name)?.as_str() {
            Some(text) if is_printable(text) => Ok(()),
            Some(_) | None => Err(TokenError::InvalidClaim(name)),
        },
        Need::Version(name, known) => {
            let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
            let known = |version: &str| known.iter().any(|known| version.strip_prefix(known).is_some_and(number));
            if claim(name)?.as_str().is_some_and(known) { Ok(()) } else { Err(TokenError::InvalidClaim(name)) }
        }
        Need::KeyId if header.kid.is_some() => Ok(()),
        Need::KeyId => Err(TokenError::Header("its header names no key")),
        Need::Identity => {
            if issuer.claims.name_somebody(payload) {
                Ok(())
            } else {
                Err(TokenError::MissingClaim("uid"))
            }
        }
    }
}

fn check_time(payload: &Json, issuer: &Issuer, now: UnixTime) -> Result<Span, TokenError> {
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
    // What is left becomes less with time: without `iat` it is as if the token had been issued with the longest life.
    let issued = issued.unwrap_or(expires.minus(issuer.max_lifetime));
    let from = not_before.map_or(issued, |time| time.max(issued));
    Ok(Span { from: from.minus(skew), until: expires.plus(skew) })
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

pub(super) fn check_audience(payload: &Json, issuer: &Issuer) -> Result<(), TokenError> {
    let mut given = issuer.claims.audience.iter().filter_map(|path| path.first(payload)).peekable();
    if given.peek().is_none() {
        return Err(TokenError::MissingClaim("aud"));
    }
    let looked_at = match issuer.claims.audience_rule {
        AudienceRule::FirstFound => 1,
        AudienceRule::Either => usize::MAX,
    };
    for audience in given.take(looked_at) {
        if is_ours(audience, issuer)? {
            return Ok(());
        }
    }
    Err(TokenError::Audience)
}

fn is_ours(audience: &Json, issuer: &Issuer) -> Result<bool, TokenError> {
    let known = |aud: &str| issuer.audiences.iter().any(|known| known == aud) || issuer.profile.everyone == Some(aud);
    let matches = |value: &Json| value.as_str().is_some_and(known);
    let Some(values) = audience.as_array() else {
        return Ok(matches(audience));
    };
    if values.iter().all(|value| value.as_str().is_some()) {
        Ok(values.iter().any(matches))
    } else if values.iter().any(matches) {
        Err(TokenError::InvalidClaim("aud"))
    } else {
        Ok(false)
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
        let header = JoseHeader::parse(&Json::parse(br#"{"alg":"ES256"}"#).unwrap()).unwrap();
        let payload = Json::parse(payload.as_bytes()).unwrap();
        check_claims(&header, &payload, &issuer(), UnixTime::from_seconds(NOW), |_| ()).map(|_| ())
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
    fn registered_strings_are_strings() {
        for name in STRINGS {
            let payload = format!(r#"{{"exp":{},"aud":"api","{name}":7}}"#, NOW + 9);
            assert_eq!(check(&payload), Err(TokenError::InvalidClaim(name)), "{name}");
        }
    }
}
