//! What the issuer publishes: its key set (RFC 7517 §5) and the document that names it (OpenID Connect Discovery §4).
//!
//! Both are the same for everybody and made once. They stand below the issuer's own path, where its readers look.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::form::GRANT_TYPE;
use super::{OwnKey, algorithms};
use crate::crypto::Algorithm;
use crate::reply::Reply;
use crate::request::RequestHead;

/// What DMTN-094 §6.5 has readers of key sets allow for is five minutes to an hour.
pub const DEFAULT_KEY_CACHE: Duration = Duration::from_secs(600);
pub const SHORTEST_KEY_CACHE: Duration = Duration::from_secs(60);
pub const LONGEST_KEY_CACHE: Duration = Duration::from_secs(3600);

/// Below the issuer.
const KEY_SET_PATH: &str = "/.well-known/jwks.json";
/// OpenID Connect Discovery §4.
const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    KeySet,
    Configuration,
}

#[derive(Debug)]
pub struct Documents {
    /// The issuer's own path, without a slash at its end.
    prefix: String,
    key_cache: Duration,
    key_set: Document,
    configuration: Document,
}

#[derive(Debug)]
struct Document {
    body: String,
    etag: String,
}

impl Document {
    fn new(content: &Value) -> Self {
        let body = format!("{content}\n");
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&body));
        Self { etag: format!("\"{}\"", digest.get(..16).unwrap_or_default()), body }
    }
}

impl Documents {
    /// Of an issuer whose path is `prefix`.
    pub fn new(
        (issuer, prefix): (&str, &str),
        keys: &[OwnKey],
        key_cache: Duration,
        token_endpoint: Option<&str>,
    ) -> Self {
        let published: Vec<Value> = keys.iter().map(|key| key.key.jwk(&key.kid)).collect();
        let mut algorithms: Vec<&str> = algorithms(keys).into_iter().map(Algorithm::name).collect();
        algorithms.sort_unstable();
        let mut configuration = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}{KEY_SET_PATH}"),
            // There is nothing to log in at; those who read this for the keys want the members to be there.
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        });
        if let (Some(endpoint), Some(members)) = (token_endpoint, configuration.as_object_mut()) {
            members.insert("token_endpoint".to_owned(), endpoint.into());
            members.insert("grant_types_supported".to_owned(), json!([GRANT_TYPE]));
        }
        Self {
            prefix: prefix.to_owned(),
            key_cache,
            key_set: Document::new(&json!({ "keys": published })),
            configuration: Document::new(&configuration),
        }
    }

    /// What is asked for at this path.
    pub fn at(&self, path: &str) -> Option<Published> {
        match path.strip_prefix(self.prefix.as_str())? {
            KEY_SET_PATH => Some(Published::KeySet),
            CONFIGURATION_PATH => Some(Published::Configuration),
            _ => None,
        }
    }

    pub fn answer(&self, asked: Published, head: &RequestHead) -> Reply {
        let (document, details) = match asked {
            Published::KeySet => (&self.key_set, "postern_key_set"),
            Published::Configuration => (&self.configuration, "postern_openid_configuration"),
        };
        let reply = |status, more: &[(&'static str, String)], body: &str| Reply {
            status,
            headers: more.to_vec(),
            body: body.to_owned(),
            details: details.to_owned(),
        };
        if !matches!(head.method(), Some("GET" | "HEAD")) {
            return reply(405, &[("allow", "GET, HEAD".to_owned())], "");
        }
        let cached = [
            ("cache-control", format!("public, max-age={}", self.key_cache.as_secs())),
            ("etag", document.etag.clone()),
            // Scripts of any origin may read what everybody may.
            ("access-control-allow-origin", "*".to_owned()),
        ];
        if head.values("if-none-match").any(|known| names(known, &document.etag)) {
            return reply(304, &cached, "");
        }
        let kind = [("content-type", "application/json".to_owned())];
        reply(200, &[&kind[..], &cached].concat(), &document.body)
    }
}

/// Whether this mark is in the list, by weak comparison (RFC 9110 §13.1.2).
fn names(list: &[u8], etag: &str) -> bool {
    let mark = |mark: &[u8]| mark.strip_prefix(b"W/").unwrap_or(mark) == etag.as_bytes();
    list.split(|b| *b == b',').map(<[u8]>::trim_ascii).any(|known| known == b"*" || mark(known))
}
