//! The keys that a token is checked with: given on the command line, or in the configuration, or else none.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use postern::crypto::{Algorithm, PublicKey, SignatureCheck, Signed};
use postern::issuer::{Issuer, IssuerId};
use postern::json::Json;
use postern::jwks::{Jwk, JwkSet, JwkSetError, KeySource};

use super::download::{download, is_url};
use super::trace::Scene;
use crate::bounded;

/// OpenID Connect Discovery §4.
const DISCOVERY: &str = "/.well-known/openid-configuration";

const LARGEST_FILE: u64 = 1024 * 1024;

/// The keys of one issuer.
pub struct Keys {
    pub issuer: IssuerId,
    pub set: Rc<JwkSet>,
    /// Where they are from; absent where there are none and the signature is taken for good.
    pub from: Option<String>,
}

/// Takes every signature for good. It goes with a key that fits whatever the token says of its own, and with nothing
/// else: what comes of it is a decision on a condition, and is told as that.
pub struct Unchecked;

impl SignatureCheck for Unchecked {
    fn verify(&self, _: Algorithm, _: &PublicKey, _: Signed<'_>) -> bool {
        true
    }
}

/// The keys for a token of that issuer, of that algorithm and with that key's name.
pub fn of(scene: &Scene<'_>, (id, issuer): (IssuerId, &Issuer), named: (Algorithm, Option<&str>)) -> io::Result<Keys> {
    let keys = |set, from: Option<String>| Keys { issuer: id, set, from };
    if let Some(source) = given(scene, issuer)? {
        return Ok(keys(Rc::new(read(source)?), Some(source.to_owned())));
    }
    let own = scene.config.reissue.as_ref().is_some_and(|own| own.issuer == issuer.issuer);
    match &issuer.keys {
        // Our own keys, if they are not at hand, were made a moment ago.
        KeySource::Inline(set) if !own || scene.signing_keys.made().is_empty() => {
            Ok(keys(Rc::clone(set), Some("the configuration".to_owned())))
        }
        KeySource::Inline(_) | KeySource::Remote(_) => Ok(keys(Rc::new(fitting(named)), None)),
    }
}

fn behind<'a>(text: &'a str, issuer: &str) -> Option<&'a str> {
    text.strip_prefix(issuer)?.strip_prefix('=')
}

/// What --jwks says for this issuer.
fn given<'a>(scene: &Scene<'a>, issuer: &Issuer) -> io::Result<Option<&'a str>> {
    if let Some(own) = scene.jwks.iter().find_map(|text| behind(text, &issuer.issuer)) {
        return Ok(Some(own));
    }
    let of_another =
        |text: &&String| scene.config.issuers.iter().any(|(_, other)| behind(text, &other.issuer).is_some());
    let mut any = scene.jwks.iter().filter(|text| !of_another(text));
    match (any.next(), any.next()) {
        (first, None) => Ok(first.map(String::as_str)),
        (_, Some(_)) => Err(io::Error::other("several --jwks: write ISSUER= before each, as `issuers` has its name")),
    }
}

fn read(source: &str) -> io::Result<JwkSet> {
    let set = |bytes: &[u8]| JwkSet::parse(bytes);
    let failed = |problem: &dyn std::fmt::Display| io::Error::other(format!("{source}: {problem}"));
    if !is_url(source) {
        return set(&file(source)?).map_err(|error| failed(&format!("no key set: {error}")));
    }
    let first = download(source);
    match first.as_deref().map(|body| (set(body), jwks_uri(body))) {
        Ok((Ok(keys), _)) => return Ok(keys),
        Ok((Err(_), Some(uri))) => return follow(&uri),
        Ok((Err(error @ JwkSetError::NoUsableKey(_)), None)) => return Err(failed(&format!("no key set: {error}"))),
        Ok((Err(_), None)) | Err(_) => {}
    }
    // It may be the issuer's own name.
    match download(&format!("{}{DISCOVERY}", source.trim_end_matches('/'))).map(|body| jwks_uri(&body)) {
        Ok(Some(uri)) => follow(&uri),
        Ok(None) | Err(_) => match first {
            Err(error) => Err(error),
            Ok(_) => Err(failed(&"neither a key set nor an OpenID issuer: it has no `keys` and no `jwks_uri`")),
        },
    }
}

fn follow(uri: &str) -> io::Result<JwkSet> {
    JwkSet::parse(&download(uri)?).map_err(|error| io::Error::other(format!("{uri}: no key set: {error}")))
}

fn jwks_uri(body: &[u8]) -> Option<String> {
    Some(Json::parse(body).ok()?.get("jwks_uri")?.as_str()?.to_owned())
}

fn file(name: &str) -> io::Result<Vec<u8>> {
    let named = |error: io::Error| {
        let problem = format!("{name}: {error}; --jwks takes a file, a URL, or one of these behind ISSUER=");
        io::Error::new(error.kind(), problem)
    };
    let opened = fs::File::open(Path::new(name)).map_err(named)?;
    bounded::read(opened, LARGEST_FILE)
        .map_err(named)?
        .ok_or_else(|| io::Error::other(format!("{name}: larger than 1 MiB, which no key set is")))
}

/// A key of the token's algorithm and name, which nobody signs with: for [`Unchecked`] alone.
fn fitting((algorithm, kid): (Algorithm, Option<&str>)) -> JwkSet {
    const RSA: [u8; 256] = [0xc3; 256];
    let key = match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => PublicKey::rsa(&RSA, &[1, 0, 1]),
        Algorithm::Es256 => p256::SecretKey::from_slice(&[1; 32])
            .ok()
            .and_then(|key| PublicKey::p256(&key.public_key().to_sec1_bytes())),
        Algorithm::Es384 => p384::SecretKey::from_slice(&[1; 48])
            .ok()
            .and_then(|key| PublicKey::p384(&key.public_key().to_sec1_bytes())),
        Algorithm::EdDsa => {
            PublicKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes())
        }
    };
    let named = |key| Jwk { kid: kid.map(str::to_owned), algorithm: None, key };
    JwkSet::new(key.into_iter().map(named).collect())
}
