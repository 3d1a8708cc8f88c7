//! A private key in the form that operators have it in: PKCS#8 (RFC 5958) as PEM (RFC 7468).
//!
//! A key that is refused is refused in words that name its kind and the command that helps, and nothing of what stood
//! there: it may be the secret of something else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::elliptic_curve;
use p256::elliptic_curve::zeroize::Zeroizing;
use rsa::pkcs1::{self, RsaPrivateKeyRef};
use rsa::pkcs8::der::Decode;
use rsa::pkcs8::der::asn1::{AnyRef, OctetStringRef, UintRef};
use rsa::pkcs8::{AssociatedOid, ObjectIdentifier, PrivateKeyInfoRef};
use rsa::traits::PrivateKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};

use super::PublicKey;

/// As the libraries keep keys. All of them wipe what they held.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// Several times what a key of 4096 bits takes.
const MAX_LENGTH: usize = 16 * 1024;

/// RFC 8410 §3.
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const EMPTY: &str = "is empty; it has to be a private key, PKCS#8 as PEM";
const TOO_LONG: &str = "has more than 16 KiB, which no key that is supported has";
const NO_PEM: &str = "is no private key, PKCS#8 as PEM: that begins with -----BEGIN PRIVATE KEY-----";
const MORE: &str = "has something behind the first -----END PRIVATE KEY-----; leave one private key and nothing else";
const DAMAGED: &str = "is no PEM that can be read: it is damaged, or the line -----END PRIVATE KEY----- is missing";
const OLD_FORM: &str = "is a private key, but not as PKCS#8; `openssl pkcs8 -topk8 -nocrypt -in FILE` writes it so";
const ENCRYPTED: &str = "is encrypted, and there is nothing to decrypt it with; `openssl pkcs8 -topk8 -nocrypt -in FILE` \
                         writes it without a password";
const OPENSSH: &str = "is a key of OpenSSH; make one for this with `openssl genpkey`, PKCS#8 as PEM";
const PUBLIC: &str = "is a public key or a certificate, which nothing can be signed with; the private key belongs here";
const NO_PKCS8: &str =
    "is PEM, but what is in it is no PKCS#8 private key; `openssl pkey -check -noout -in FILE` may say more";
const KIND: &str = "is a key of a kind that is not supported; RSA (of 2048 to 4096 bits), EC on P-256 and Ed25519 are";
const CURVE: &str = "is a key on a curve that is not supported; for EC it is P-256, named and not written out: \
                     `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
const RSA_PRIMES: &str = "is an RSA key of more than two primes, which is not supported";
pub(super) const RSA_NUMBERS: &str =
    "is an RSA key whose numbers do not belong together; `openssl pkey -check -noout -in FILE` says more";
const P256_NUMBERS: &str = "is a key on P-256 whose secret is nought or too large, or whose public half is another's";
const ED25519_NUMBERS: &str = "is an Ed25519 key whose secret has not 32 bytes, or whose public half is another's";

/// The DER in this PEM.
pub(super) fn document(pem: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    if pem.len() > MAX_LENGTH {
        return Err(TOO_LONG);
    }
    let pem = Zeroizing::new(pem.replace("\\n", "\n"));
    let text = pem.trim();
    if text.is_empty() {
        return Err(EMPTY);
    }
    let rest = match text.strip_prefix("-----BEGIN ").and_then(|text| text.split_once("-----")) {
        Some(("PRIVATE KEY", rest)) => rest,
        Some(("ENCRYPTED PRIVATE KEY", _)) => return Err(ENCRYPTED),
        Some(("RSA PRIVATE KEY" | "EC PRIVATE KEY" | "EC PARAMETERS", _)) => return Err(OLD_FORM),
        Some(("OPENSSH PRIVATE KEY", _)) => return Err(OPENSSH),
        Some(("PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE", _)) => return Err(PUBLIC),
        _ => return Err(NO_PEM),
    };
    let (lines, behind) = rest.split_once("-----END PRIVATE KEY-----").ok_or(DAMAGED)?;
    if !behind.is_empty() {
        return Err(MORE);
    }
    // On its way through YAML and environments PEM is indented, and line ends become spaces.
    let mut body = Zeroizing::new(String::with_capacity(lines.len()));
    lines.split_ascii_whitespace().for_each(|line| body.push_str(line));
    let mut der = Zeroizing::new(Vec::with_capacity(body.len()));
    STANDARD.decode_vec(body.as_bytes(), &mut der).map_err(|_| DAMAGED)?;
    Ok(der)
}

/// Both halves of the key in this PKCS#8.
pub(super) fn halves(pkcs8: &[u8]) -> Result<(PrivateKey, PublicKey), &'static str> {
    let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| NO_PKCS8)?;
    match info.algorithm.oid {
        pkcs1::ALGORITHM_OID => rsa(&info),
        elliptic_curve::ALGORITHM_OID => p256(info),
        ID_ED25519 => ed25519(&info),
        _ => Err(KIND),
    }
}

fn rsa(info: &PrivateKeyInfoRef<'_>) -> Result<(PrivateKey, PublicKey), &'static str> {
    let numbers = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(|_| NO_PKCS8)?;
    if info.algorithm.parameters != Some(AnyRef::NULL) {
        return Err(NO_PKCS8);
    }
    if numbers.other_prime_infos.is_some() {
        return Err(RSA_PRIMES);
    }
    // First of all its strength: what follows takes time, more so with large numbers.
    let public = PublicKey::strong_rsa(numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes())?;
    let number = |number: UintRef<'_>| Zeroizing::new(BoxedUint::from_be_slice_vartime(number.as_bytes()));
    let [dp, dq, qinv] = [numbers.exponent1, numbers.exponent2, numbers.coefficient].map(number);
    let key = RsaPrivateKey::try_from(numbers).map_err(|_| RSA_NUMBERS)?;
    // These the library computes anew, and the host takes them as they are written.
    let computed = (key.dp(), key.dq(), key.qinv().map(|qinv| Zeroizing::new(qinv.retrieve())));
    if computed != (Some(&dp), Some(&dq), Some(qinv)) {
        return Err(RSA_NUMBERS);
    }
    Ok((PrivateKey::Rsa(key.into()), public))
}

fn p256(info: PrivateKeyInfoRef<'_>) -> Result<(PrivateKey, PublicKey), &'static str> {
    if info.algorithm.parameters_oid() != Ok(p256::NistP256::OID) {
        return Err(CURVE);
    }
    // A public half that is with it is compared.
    let key = p256::SecretKey::try_from(info).map_err(|_| P256_NUMBERS)?;
    let key = p256::ecdsa::SigningKey::from(key);
    let public = PublicKey::p256(key.verifying_key().to_sec1_point(false).as_bytes()).ok_or(P256_NUMBERS)?;
    Ok((PrivateKey::P256(key.into()), public))
}

fn ed25519(info: &PrivateKeyInfoRef<'_>) -> Result<(PrivateKey, PublicKey), &'static str> {
    let seed = <&OctetStringRef>::from_der(info.private_key.as_bytes()).map_err(|_| ED25519_NUMBERS)?;
    let seed = seed.as_bytes().try_into().map_err(|_| ED25519_NUMBERS)?;
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    let verifying = key.verifying_key();
    if info.public_key.is_some_and(|public| public.as_bytes() != Some(verifying.as_bytes().as_slice())) {
        return Err(ED25519_NUMBERS);
    }
    let public = PublicKey::ed25519(verifying.as_bytes()).ok_or(ED25519_NUMBERS)?;
    Ok((PrivateKey::Ed25519(key.into()), public))
}

#[cfg(test)]
mod tests;
