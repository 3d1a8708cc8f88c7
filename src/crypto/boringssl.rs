//! The check, and the signature, by Envoy's own BoringSSL, through its foreign functions `verify_signature` and `sign`.
//!
//! The host is quick and lenient: it takes short keys, SHA-1, and a key with bytes behind it. So it is asked only what we
//! have looked at ourselves: keys that `jwks::key` let through, in an encoding that we wrote, and algorithms of
//! [`Algorithm`]. It is asked for an algorithm only after it has shown, on signatures that are known, that it says yes to
//! the good ones and no to the others. Whatever it does not say clearly is checked by [`RustCrypto`].
//!
//! It signs with a key only after it has shown that it can, and what it then hands over has to have the form of a signature
//! with that key; else [`RustCrypto`] signs.

use std::borrow::Cow;

use p256::elliptic_curve::zeroize::Zeroizing;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::known_answers::{KnownAnswers, TEXT, known_answers};
use super::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed, Signer, SigningKey, rust_crypto};

/// A function of the host's by name: its answer to these arguments, or `None` where it has none.
pub type Foreign = fn(name: &str, arguments: &[u8]) -> Option<Vec<u8>>;

const VERIFY_SIGNATURE: &str = "verify_signature";

const SIGN: &str = "sign";

/// Envoy's `envoy.source.extensions.common.wasm.VerifySignatureArguments`, and `SignArguments`: so many fields of bytes, in
/// order. Written by hand, for a message of prost's owns its fields, and the text is all of the token.
fn arguments<const N: usize>(fields: [&[u8]; N]) -> Vec<u8> {
    const TAG_AND_LENGTH: usize = 4;
    let length: usize = fields.iter().map(|field| field.len().saturating_add(TAG_AND_LENGTH)).sum();
    let mut message = Vec::with_capacity(length);
    for (tag, field) in (1..).zip(fields) {
        encode_key(tag, WireType::LengthDelimited, &mut message);
        encode_varint(field.len().try_into().unwrap_or(u64::MAX), &mut message);
        message.extend_from_slice(field);
    }
    message
}

/// Envoy's `envoy.source.extensions.common.wasm.VerifySignatureResult`, whose other field is a text about the failure.
#[derive(Message)]
struct VerifySignatureResult {
    #[prost(bool, tag = "1")]
    result: bool,
}

/// Envoy's `envoy.source.extensions.common.wasm.SignResult`, whose other field is a text about the failure.
#[derive(Message)]
struct SignResult {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(bytes = "vec", tag = "2")]
    signature: Vec<u8>,
}

/// The host's check, and signature, for what it is good at, ours for the rest.
#[derive(Clone, Debug)]
pub struct BoringSsl {
    host: Foreign,
    proven: Vec<Algorithm>,
    tried: Vec<Tried>,
}

/// A key that the host was to sign with.
#[derive(Clone, Debug)]
struct Tried {
    thumbprint: String,
    algorithm: Algorithm,
    by_host: bool,
}

impl BoringSsl {
    /// Finds out what the host can do.
    pub fn probe(host: Foreign) -> Self {
        let mut proven = Vec::new();
        for KnownAnswers { algorithm, key, good, bad } in known_answers() {
            let says = |text: &str, signature: &[u8]| ask(host, algorithm, &key, text, signature);
            let said_of_good = says(TEXT, &good);
            if said_of_good.is_none() && proven.is_empty() {
                // Envoy logs each call of a function that it does not have, or may not let us call.
                break;
            }
            let is_refused = |text: &str, signature: &[u8]| says(text, signature) == Some(false);
            if said_of_good == Some(true)
                && is_refused("another text", &good)
                && bad.iter().all(|signature| is_refused(TEXT, signature))
            {
                proven.push(algorithm);
            }
        }
        Self { host, proven, tried: Vec::new() }
    }

    /// Finds out which of these keys the host signs with.
    pub fn probe_signing<'a>(&mut self, keys: impl Iterator<Item = &'a SigningKey>) {
        let mut answers = true;
        let mut by_host = |key: &SigningKey| {
            // Envoy logs each call of a function that it does not have, or may not let us call.
            if !answers || !may_be_asked_for(key) {
                return false;
            }
            let answer = sign(self.host, key, TEXT);
            answers = answer.is_some();
            let signature = answer.and_then(|answer| read_signature(key, &answer));
            signature.is_some_and(|signature| rust_crypto::is_good(key, TEXT, &signature))
        };
        self.tried = keys
            .map(|key| Tried {
                thumbprint: key.thumbprint().to_owned(),
                algorithm: key.algorithm(),
                by_host: by_host(key),
            })
            .collect();
    }

    /// Who does what, for a log: an operator who wonders where a worker's time goes should find it there.
    pub fn summary(&self) -> String {
        let names = |is_named: &dyn Fn(Algorithm) -> bool| {
            let names = Algorithm::ALL.iter().filter(|(_, algorithm)| is_named(*algorithm));
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            names.join(", ")
        };
        let checks = |by_host: bool| names(&|algorithm| self.proven.contains(&algorithm) == by_host);
        let signs = |by_host: bool| {
            names(&|algorithm| self.tried.iter().any(|it| (it.algorithm, it.by_host) == (algorithm, by_host)))
        };
        let host = Some(checks(true)).filter(|names| !names.is_empty()).unwrap_or_else(|| "none".to_owned());
        let mut summary = format!("the host checks {host}; the filter checks {}", checks(false));
        for (who, signs) in [("host", signs(true)), ("filter", signs(false))] {
            if !signs.is_empty() {
                summary.push_str(&format!("; the {who} signs with {signs}"));
            }
        }
        summary
    }
}

impl SignatureCheck for BoringSsl {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        let proven = self.proven.contains(&algorithm) && algorithm.fits(key);
        let said = if proven { ask(self.host, algorithm, key, signed.text(), signed.signature) } else { None };
        said.unwrap_or_else(|| RustCrypto.verify(algorithm, key, signed))
    }
}

/// `None` where the host cannot say.
fn ask(host: Foreign, algorithm: Algorithm, key: &PublicKey, text: &str, signature: &[u8]) -> Option<bool> {
    let hash_function = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => "sha256",
        Algorithm::Rs384 | Algorithm::Es384 => "sha384",
        Algorithm::Rs512 => "sha512",
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 | Algorithm::EdDsa => return None,
    };
    let Some(signature) = host_form(algorithm, signature) else {
        return Some(false);
    };
    let asked = arguments([hash_function.as_bytes(), key.spki(), &signature, text.as_bytes()]);
    let answer = host(VERIFY_SIGNATURE, &asked)?;
    VerifySignatureResult::decode(answer.as_slice()).ok().map(|answer| answer.result)
}

/// RFC 7518 §3.4 writes the two numbers of an ECDSA signature side by side, BoringSSL reads them as DER. `None` where they
/// are not two numbers of the right length, more than nought and less than the order of the curve.
fn host_form(algorithm: Algorithm, signature: &[u8]) -> Option<Cow<'_, [u8]>> {
    match algorithm {
        Algorithm::Es256 => {
            Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec().into())
        }
        Algorithm::Es384 => {
            Some(p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().to_vec().into())
        }
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::EdDsa => Some(signature.into()),
    }
}

impl Signer for BoringSsl {
    fn sign(&self, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
        let by_host = self.tried.iter().any(|tried| tried.by_host && tried.thumbprint == key.thumbprint());
        let answer = if by_host { sign(self.host, key, text) } else { None };
        answer.and_then(|answer| read_signature(key, &answer)).or_else(|| RustCrypto.sign(key, text))
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        RustCrypto.nonce()
    }
}

/// Of Ed25519 Envoy knows nothing.
fn may_be_asked_for(key: &SigningKey) -> bool {
    [Algorithm::Rs256, Algorithm::Es256].contains(&key.algorithm())
}

/// The host's answer, `None` where it has none.
fn sign(host: Foreign, key: &SigningKey, text: &str) -> Option<Vec<u8>> {
    let asked = Zeroizing::new(arguments([b"sha256", key.pkcs8(), text.as_bytes()]));
    host(SIGN, &asked)
}

/// A signature as RFC 7518 §3.3 and §3.4 have it, out of the host's answer. `None` where it is none of that form.
fn read_signature(key: &SigningKey, answer: &[u8]) -> Option<Vec<u8>> {
    let SignResult { result, signature } = SignResult::decode(answer).ok()?;
    let signature = match key.algorithm() {
        // DER of two numbers, more than nought and less than the order of the curve.
        Algorithm::Es256 => p256::ecdsa::Signature::from_der(&signature).ok()?.to_vec(),
        Algorithm::Rs256 => signature,
        Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es384
        | Algorithm::EdDsa => return None,
    };
    (result && signature.len() == key.signature_length()).then_some(signature)
}
