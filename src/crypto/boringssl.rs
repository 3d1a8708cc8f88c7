//! The check by Envoy's own BoringSSL, through its foreign function `verify_signature`.
//!
//! The host is quick and lenient: it takes short keys, SHA-1, and a key with bytes behind it. So it is asked only what we
//! have looked at ourselves: keys that `jwks::key` let through, in an encoding that we wrote, and algorithms of
//! [`Algorithm`]. It is asked for an algorithm only after it has shown, on signatures that are known, that it says yes to
//! the good ones and no to the others. Whatever it does not say clearly is checked by [`RustCrypto`].

use std::borrow::Cow;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::known_answers::{KnownAnswers, TEXT, known_answers};
use super::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};

/// A function of the host's by name: its answer to these arguments, or `None` where it has none.
pub type Foreign = fn(name: &str, arguments: &[u8]) -> Option<Vec<u8>>;

const VERIFY_SIGNATURE: &str = "verify_signature";

/// Envoy's `envoy.source.extensions.common.wasm.VerifySignatureArguments`. Written by hand, for a message of prost's owns
/// its fields, and the text is all of the token.
fn arguments(hash_function: &str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    const TAGS_AND_LENGTHS: usize = 4 * 4;
    let fields = [(1, hash_function.as_bytes()), (2, public_key), (3, signature), (4, text)];
    let length: usize = fields.iter().map(|(_, field)| field.len()).sum();
    let mut message = Vec::with_capacity(length.saturating_add(TAGS_AND_LENGTHS));
    for (tag, field) in fields {
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

/// The host's check for what it is good at, ours for the rest.
#[derive(Clone, Debug)]
pub struct BoringSsl {
    host: Foreign,
    proven: Vec<Algorithm>,
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
        Self { host, proven }
    }

    /// Who checks what, for a log: an operator who wonders where a worker's time goes should find it there.
    pub fn summary(&self) -> String {
        let names = |by_host: bool| {
            let names = Algorithm::ALL.iter().filter(|(_, algorithm)| self.proven.contains(algorithm) == by_host);
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        format!("the host checks {}; the filter checks {}", names(true), names(false))
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
    let answer = host(VERIFY_SIGNATURE, &arguments(hash_function, key.spki(), &signature, text.as_bytes()))?;
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
