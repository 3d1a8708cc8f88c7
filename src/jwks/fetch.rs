//! Fetching a key set: what is asked for, and what is made of the answer.

use std::fmt;
use std::time::Duration;

use super::{HttpUri, JwkSetError};
use crate::issuer::IssuerId;
use crate::json::Json;

/// Longest body that is read of a key set or a discovery document; checked before it is copied. Sixty-four RSA keys
/// with their certificates need less.
pub const MAX_BODY: usize = 256 * 1024;

/// As much of a URI as a line of the log shows.
const LONGEST_SHOWN: usize = 200;

/// Longest entity tag that is kept. Usual ones have up to eighty characters.
const MAX_ETAG: usize = 256;

/// One callout for the shell to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub issuer: IssuerId,
    pub target: Target,
    pub uri: HttpUri,
    pub cluster: String,
    pub timeout: Duration,
    /// The mark of what is there already (RFC 9110 §13.1.2).
    pub if_none_match: Option<String>,
    /// Not what a cache on the way has kept, for it is known to lack something.
    pub no_cache: bool,
    /// Which attempt it belongs to: an answer to an earlier one comes too late.
    pub attempt: u64,
}

/// What came back, as far as it matters. Header fields are bytes: an issuer may send any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub cache_control: Option<Vec<u8>>,
    pub age: Option<Vec<u8>>,
    pub etag: Option<Vec<u8>>,
}

impl Answer {
    /// The mark, where it is one that can be sent back (RFC 9110 §8.8.3).
    pub(super) fn etag(&self) -> Option<String> {
        let value = std::str::from_utf8(self.etag.as_deref()?).ok()?;
        let opaque = value.strip_prefix("W/").unwrap_or(value).strip_prefix('"')?.strip_suffix('"')?;
        let fits = value.len() <= MAX_ETAG && opaque.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        fits.then(|| value.to_owned())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The document that names the key set.
    Discovery,
    /// The other one, because there is no such document.
    Fallback,
    Jwks,
}

/// Why a fetch gave no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Envoy knows no such cluster, or it has no host.
    NotSent,
    /// No answer, or not all of one, within the timeout.
    NoAnswer,
    Status(u16),
    TooLarge,
    Jwks(JwkSetError),
    Discovery(&'static str),
}

impl FetchError {
    /// What is wrong with the answer to this fetch, by its status and size, before its body is read.
    pub fn of_answer(fetch: &Fetch, status: Option<u16>, body_size: usize) -> Option<Self> {
        match status {
            Some(200) if body_size > MAX_BODY => Some(Self::TooLarge),
            Some(200) => None,
            Some(304) if fetch.if_none_match.is_some() => None,
            Some(status) => Some(Self::Status(status)),
            None => Some(Self::NoAnswer),
        }
    }

    /// Whether the issuer says that it has no such thing. Servers of files may say so by forbidding it; that somebody came
    /// too late or too often (408, 429) says nothing of what is there.
    pub(super) fn is_not_there(&self) -> bool {
        matches!(self, Self::Status(400..=407 | 409..=428 | 430..=499))
    }

    /// The outcome in the counter's label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::NoAnswer => "no_answer",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Jwks(_) => "bad_jwks",
            Self::Discovery(_) => "bad_discovery",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => {
                f.write_str("Envoy could not send this; is there such a cluster, and does it have a host?")
            }
            Self::NoAnswer => f.write_str("the answer did not come, or not whole"),
            Self::Status(status @ (300..=303 | 305..=399)) => write!(f, "status {status}; redirects are not followed"),
            Self::Status(status @ 502..=504) => {
                write!(f, "status {status}, from there, or from Envoy itself where nobody could be reached in time")
            }
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => write!(f, "the answer has more than {MAX_BODY} bytes"),
            Self::Jwks(error) => write!(f, "the answer is no usable key set: {error}"),
            Self::Discovery(problem) => write!(f, "the discovery document cannot be used: {problem}"),
        }
    }
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A discovery document may name any path.
        let uri: String = self.uri.to_string().chars().take(LONGEST_SHOWN).collect();
        write!(f, "GET {uri} through cluster {}", self.cluster)
    }
}

/// The key set that a discovery document names (OpenID Connect Discovery §4.3).
pub(super) fn jwks_uri(body: &[u8], issuer: &str, document_at: &HttpUri) -> Result<HttpUri, &'static str> {
    let document = Json::parse_unique(body).map_err(|_| "not a JSON document")?;
    let text = |member| document.get(member).and_then(Json::as_str);
    if text("issuer") != Some(issuer) {
        return Err("its issuer is another one");
    }
    let uri = text("jwks_uri").and_then(HttpUri::parse).ok_or("it has no jwks_uri that can be read")?;
    // The cluster reaches one host. What another host's keys are worth, only the configuration can say.
    if (uri.scheme, &uri.authority) != (document_at.scheme, &document_at.authority) {
        return Err("its jwks_uri has another scheme or host; set jwks.uri and a cluster for that host");
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::{Issuer, Issuers};

    #[test]
    fn discovery_leads_only_to_the_same_place_of_the_same_issuer() {
        let at = HttpUri::parse("https://a.test/.well-known/openid-configuration").unwrap();
        let read = |body: &str| jwks_uri(body.as_bytes(), "https://a.test", &at);
        let good = read(r#"{"issuer":"https://a.test","jwks_uri":"https://a.test:443/keys"}"#).unwrap();
        assert_eq!(good, HttpUri::parse("https://a.test/keys").unwrap());
        for bad in [
            "",
            "[]",
            r#"{"jwks_uri":"https://a.test/keys"}"#,
            r#"{"issuer":"https://a.test/","jwks_uri":"https://a.test/keys"}"#,
            r#"{"issuer":"https://a.test"}"#,
            r#"{"issuer":"https://a.test","jwks_uri":"https://b.test/keys"}"#,
            r#"{"issuer":"https://a.test","jwks_uri":"https://a.test@b.test/keys"}"#,
            r#"{"issuer":"https://a.test","jwks_uri":"http://a.test/keys"}"#,
            r#"{"issuer":"https://a.test","jwks_uri":"https://a.test:8443/keys"}"#,
            r#"{"issuer":"https://a.test","jwks_uri":"file:///keys"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    fn fetch(if_none_match: Option<&str>) -> Fetch {
        Fetch {
            issuer: Issuers::new(vec![Issuer::for_tests("a", &[])]).find("a").unwrap().0,
            target: Target::Jwks,
            uri: HttpUri::parse("https://a.test/keys").unwrap(),
            cluster: "a".to_owned(),
            timeout: Duration::from_secs(5),
            if_none_match: if_none_match.map(str::to_owned),
            no_cache: false,
            attempt: 0,
        }
    }

    #[test]
    fn an_answer_is_judged_before_its_body_is_read() {
        for (mark, status, size, want) in [
            (None, Some(200), MAX_BODY, None),
            (None, Some(200), MAX_BODY + 1, Some(FetchError::TooLarge)),
            (None, Some(204), 0, Some(FetchError::Status(204))),
            (None, Some(302), 0, Some(FetchError::Status(302))),
            (None, Some(304), 0, Some(FetchError::Status(304))),
            (Some("\"a\""), Some(304), 0, None),
            (Some("\"a\""), Some(200), 9, None),
            (None, Some(500), MAX_BODY + 1, Some(FetchError::Status(500))),
            (None, None, 0, Some(FetchError::NoAnswer)),
        ] {
            assert_eq!(FetchError::of_answer(&fetch(mark), status, size), want, "{mark:?} {status:?} {size}");
        }
    }

    #[test]
    fn only_an_entity_tag_that_can_be_sent_back_is_kept() {
        let long = format!("\"{}\"", "a".repeat(MAX_ETAG));
        for (etag, want) in [
            (&b"\"v1\""[..], true),
            (b"W/\"v1\"", true),
            (b"\"\"", true),
            (b"v1", false),
            (b"\"", false),
            (b"", false),
            (b"w/\"v1\"", false),
            (b"\"a\"b\"", false),
            (b"\"a b\"", false),
            (b"\"a\r\nx: y\"", false),
            (b"\"\xff\"", false),
            (long.as_bytes(), false),
        ] {
            let answer = Answer { etag: Some(etag.to_vec()), ..Answer::default() };
            assert_eq!(answer.etag().is_some(), want, "{}", String::from_utf8_lossy(etag));
        }
        assert_eq!(Answer::default().etag(), None);
    }
}
