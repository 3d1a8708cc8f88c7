//! Fetching a key set: what is asked for, and what is made of the answer.

use std::fmt;
use std::time::Duration;

use super::{HttpUri, JwkSetError};
use crate::issuer::IssuerId;
use crate::json::Json;

/// Longest body that is read of a key set or a discovery document; checked before it is copied. Sixty-four RSA keys
/// with their certificates need less.
pub const MAX_BODY: usize = 256 * 1024;

/// One callout for the shell to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub issuer: IssuerId,
    pub target: Target,
    pub uri: HttpUri,
    pub cluster: String,
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Discovery,
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
    /// What is wrong with an answer of this status and size, before its body is read.
    pub fn of_answer(status: Option<u16>, body_size: usize) -> Option<Self> {
        match status {
            Some(200) if body_size > MAX_BODY => Some(Self::TooLarge),
            Some(200) => None,
            Some(status) => Some(Self::Status(status)),
            None => Some(Self::NoAnswer),
        }
    }
}

/// The name of the counter for a finished fetch: `postern_jwks_fetch_total` and its labels, which the `stats_tags` of the
/// sample configuration take apart again. The issuers are the configuration's.
pub fn counter<T>(issuer: &str, result: &Result<T, FetchError>) -> String {
    let outcome = match result {
        Ok(_) => "ok",
        Err(FetchError::NotSent) => "not_sent",
        Err(FetchError::NoAnswer) => "no_answer",
        Err(FetchError::Status(_)) => "status",
        Err(FetchError::TooLarge) => "too_large",
        Err(FetchError::Jwks(_)) => "bad_jwks",
        Err(FetchError::Discovery(_)) => "bad_discovery",
    };
    format!("postern_jwks_fetch_total.outcome.{outcome}.issuer.{issuer}")
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => {
                f.write_str("Envoy could not send this; is there such a cluster, and does it have a host?")
            }
            Self::NoAnswer => f.write_str("no complete answer within the timeout"),
            Self::Status(status) => write!(f, "status {status}, from there or from Envoy itself where nobody answered"),
            Self::TooLarge => write!(f, "the answer has more than {MAX_BODY} bytes"),
            Self::Jwks(error) => write!(f, "the answer is no usable key set: {}", error.as_str()),
            Self::Discovery(problem) => write!(f, "the discovery document cannot be used: {problem}"),
        }
    }
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HttpUri { scheme, authority, path } = &self.uri;
        write!(f, "GET {scheme}://{authority}{path} through cluster {}", self.cluster)
    }
}

/// What a finished fetch leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Discovery named the key set: fetch that now.
    Continue(Fetch),
    /// The keys are there, or known not to be: those who wait can go on.
    Settled,
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

    #[test]
    fn a_fetch_is_counted_by_its_outcome() {
        assert_eq!(counter("https://a.test", &Ok(())), "postern_jwks_fetch_total.outcome.ok.issuer.https://a.test");
        let refused: Result<(), _> = Err(FetchError::Status(503));
        assert_eq!(counter("a", &refused), "postern_jwks_fetch_total.outcome.status.issuer.a");
    }

    #[test]
    fn an_answer_is_judged_before_its_body_is_read() {
        for (status, size, want) in [
            (Some(200), MAX_BODY, None),
            (Some(200), MAX_BODY + 1, Some(FetchError::TooLarge)),
            (Some(204), 0, Some(FetchError::Status(204))),
            (Some(302), 0, Some(FetchError::Status(302))),
            (Some(500), MAX_BODY + 1, Some(FetchError::Status(500))),
            (None, 0, Some(FetchError::NoAnswer)),
        ] {
            assert_eq!(FetchError::of_answer(status, size), want, "{status:?} {size}");
        }
    }
}
