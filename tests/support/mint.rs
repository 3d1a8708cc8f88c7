//! Makes tokens: honest ones, and every kind of dishonest one a test needs.
//!
//! Nothing here checks what it is asked to sign. The signers use the raw primitives
//! instead of a token library because a token library refuses to write most of the tokens
//! that the filter has to refuse to read.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::KeyPair;
use p256_13::elliptic_curve::rand_core::OsRng;
use p256_13::pkcs8::DecodePrivateKey as _;
use rsa_09::RsaPrivateKey;
use rsa_09::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa_09::traits::PublicKeyParts as _;
use serde_json::{Map, Value, json};
use sha2_10::{Sha256, Sha384, Sha512};

/// The issuer, audience and subject of a token that says nothing else.
pub const ISSUER: &str = "https://issuer.test";
pub const AUDIENCE: &str = "https://api.test";
pub const SUBJECT: &str = "alice";

/// The wall clock in seconds. The only place in the test support that reads it.
#[allow(clippy::disallowed_methods, reason = "a test stands outside and may look at the clock")]
pub fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Joins a compact JWS from its three parts, whatever they hold.
pub fn compact(header: &[u8], payload: &[u8], signature: &[u8]) -> String {
    format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature))
}

/// A token with no signature at all, under whatever `alg` the header claims.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    compact(header.to_string().as_bytes(), claims.to_string().as_bytes(), b"")
}

/// The key set that publishes these signers.
pub fn jwks(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

enum Key {
    Rsa(&'static RsaPrivateKey),
    P256(p256_13::ecdsa::SigningKey),
    P384(p384_13::ecdsa::SigningKey),
    Ed25519(KeyPair),
}

// Reading an RSA key checks its primes, which takes an unoptimized build a while: once each.
static RSA_2048_A: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa(include_str!("keys/test-rsa2048-a.pem")));
static RSA_2048_B: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa(include_str!("keys/test-rsa2048-b.pem")));
static RSA_2049: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa(include_str!("keys/test-rsa2049.pem")));
static RSA_3072: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa(include_str!("keys/test-rsa3072.pem")));
static RSA_4096: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa(include_str!("keys/test-rsa4096.pem")));

fn rsa(pem: &str) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_pem(pem).expect("a PKCS#8 RSA key")
}

fn p256(pem: &str) -> Key {
    Key::P256(p256_13::ecdsa::SigningKey::from_pkcs8_pem(pem).expect("a PKCS#8 P-256 key"))
}

/// A private key with the algorithm and the `kid` under which its public half is published.
#[derive(Clone)]
pub struct Signer {
    key: Arc<Key>,
    alg: &'static str,
    kid: String,
}

// Written by hand so that a failing assertion never prints a key, not even a test's.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, {})", self.alg, self.kid)
    }
}

impl Signer {
    fn new(alg: &'static str, kid: &str, key: Key) -> Self {
        let key = Arc::new(key);
        let kid = kid.to_owned();
        Self { key, alg, kid }
    }

    pub fn rs256() -> Self {
        Self::new("RS256", "test-rs256", Key::Rsa(&RSA_2048_A))
    }

    pub fn rs384() -> Self {
        Self::new("RS384", "test-rs384", Key::Rsa(&RSA_2048_A))
    }

    pub fn rs512() -> Self {
        Self::new("RS512", "test-rs512", Key::Rsa(&RSA_2048_A))
    }

    pub fn ps256() -> Self {
        Self::new("PS256", "test-ps256", Key::Rsa(&RSA_2048_A))
    }

    pub fn ps384() -> Self {
        Self::new("PS384", "test-ps384", Key::Rsa(&RSA_2048_A))
    }

    pub fn ps512() -> Self {
        Self::new("PS512", "test-ps512", Key::Rsa(&RSA_2048_A))
    }

    pub fn es256() -> Self {
        Self::new("ES256", "test-es256", p256(include_str!("keys/test-p256-a.pem")))
    }

    pub fn es384() -> Self {
        let key =
            p384_13::ecdsa::SigningKey::from_pkcs8_pem(include_str!("keys/test-p384.pem")).expect("a PKCS#8 P-384 key");
        Self::new("ES384", "test-es384", Key::P384(key))
    }

    pub fn eddsa() -> Self {
        let key = KeyPair::from_pem(include_str!("keys/test-ed25519.pem")).expect("a PKCS#8 Ed25519 key");
        Self::new("EdDSA", "test-eddsa", Key::Ed25519(key))
    }

    /// RS256 with a key of 3072 bits.
    pub fn rs256_3072() -> Self {
        Self::new("RS256", "test-rs256-3072", Key::Rsa(&RSA_3072))
    }

    /// RS256 with a key whose size is no multiple of eight, and whose exponent has its highest bit set.
    pub fn rs256_2049() -> Self {
        Self::new("RS256", "test-rs256-2049", Key::Rsa(&RSA_2049))
    }

    /// RS256 with a key of 4096 bits.
    pub fn rs256_4096() -> Self {
        Self::new("RS256", "test-rs256-4096", Key::Rsa(&RSA_4096))
    }

    /// RS256 with a key that shares nothing with [`Signer::rs256`]: another issuer's, the
    /// next one of a rotation, or with [`Signer::with_kid`] an attacker's.
    pub fn other_rs256() -> Self {
        Self::new("RS256", "test-other-rs256", Key::Rsa(&RSA_2048_B))
    }

    pub fn other_ps256() -> Self {
        Self::new("PS256", "test-other-ps256", Key::Rsa(&RSA_2048_B))
    }

    /// RS256 with a fresh key that no issuer should have: too short, or of an exponent that is too small.
    pub fn weak_rs256(bits: usize, exponent: u32) -> Self {
        let key = RsaPrivateKey::new_with_exp(&mut OsRng, bits, &exponent.into()).expect("an RSA key");
        Self::new("RS256", "test-weak-rs256", Key::Rsa(Box::leak(Box::new(key))))
    }

    pub fn other_es256() -> Self {
        Self::new("ES256", "test-other-es256", p256(include_str!("keys/test-p256-b.pem")))
    }

    /// One signer for every algorithm the filter can be configured to accept.
    pub fn every_algorithm() -> Vec<Self> {
        vec![
            Self::rs256(),
            Self::rs384(),
            Self::rs512(),
            Self::ps256(),
            Self::ps384(),
            Self::ps512(),
            Self::es256(),
            Self::es384(),
            Self::eddsa(),
        ]
    }

    /// The same key published, or claimed, under another name.
    pub fn with_kid(mut self, kid: &str) -> Self {
        kid.clone_into(&mut self.kid);
        self
    }

    /// The same key put to another use.
    pub fn with_alg(mut self, alg: &'static str) -> Self {
        self.alg = alg;
        self
    }

    /// For signatures that no signer makes.
    pub fn rsa_key(&self) -> &RsaPrivateKey {
        match &*self.key {
            Key::Rsa(key) => key,
            Key::P256(_) | Key::P384(_) | Key::Ed25519(_) => panic!("{self:?} is not of RSA"),
        }
    }

    pub fn ed25519_key(&self) -> &KeyPair {
        match &*self.key {
            Key::Ed25519(key) => key,
            Key::Rsa(_) | Key::P256(_) | Key::P384(_) => panic!("{self:?} is not of Ed25519"),
        }
    }

    pub fn alg(&self) -> &'static str {
        self.alg
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as an issuer publishes it, with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &*self.key {
            Key::Rsa(key) => json!({
                "kty": "RSA",
                "n": base64url(key.n().to_bytes_be()),
                "e": base64url(key.e().to_bytes_be()),
            }),
            Key::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                elliptic("P-256", point.x(), point.y())
            }
            Key::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                elliptic("P-384", point.x(), point.y())
            }
            Key::Ed25519(key) => json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url(&key.pk[..]),
            }),
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.alg);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The protected header of an ordinary token of this signer.
    pub fn header(&self) -> Value {
        json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" })
    }

    /// Signs this header and these claims as they are. The signature is made with this
    /// signer's algorithm, whatever the header says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// Signs parts that need not be JSON.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url(header), base64url(payload));
        let signature = base64url(self.signature(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// The bare signature, in the form JWS asks for (r‖s for the elliptic curves).
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match (&*self.key, self.alg) {
            (Key::Rsa(key), "RS256") => pkcs1::<Sha256>(key, message),
            (Key::Rsa(key), "RS384") => pkcs1::<Sha384>(key, message),
            (Key::Rsa(key), "RS512") => pkcs1::<Sha512>(key, message),
            (Key::Rsa(key), "PS256") => pss::<Sha256>(key, message),
            (Key::Rsa(key), "PS384") => pss::<Sha384>(key, message),
            (Key::Rsa(key), "PS512") => pss::<Sha512>(key, message),
            (Key::P256(key), _) => {
                let signature: p256_13::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Key::P384(key), _) => {
                let signature: p384_13::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Key::Ed25519(key), _) => key.sk.sign(message, None).to_vec(),
            (Key::Rsa(_), alg) => panic!("no constructor gives an RSA key {alg}"),
        }
    }
}

fn elliptic<B: AsRef<[u8]>>(crv: &str, x: Option<B>, y: Option<B>) -> Value {
    let (x, y) = (x.expect("uncompressed"), y.expect("uncompressed"));
    json!({ "kty": "EC", "crv": crv, "x": base64url(x), "y": base64url(y) })
}

fn pkcs1<D>(key: &RsaPrivateKey, message: &[u8]) -> Vec<u8>
where
    D: sha2_10::Digest + rsa_09::pkcs8::AssociatedOid,
{
    rsa_09::pkcs1v15::SigningKey::<D>::new(key.clone()).sign(message).to_vec()
}

fn pss<D>(key: &RsaPrivateKey, message: &[u8]) -> Vec<u8>
where
    D: sha2_10::Digest + sha2_10::digest::FixedOutputReset,
{
    rsa_09::pss::SigningKey::<D>::new(key.clone()).sign_with_rng(&mut OsRng, message).to_vec()
}

/// A token to be: a good one, less what a test takes from it.
#[derive(Clone, Debug)]
pub struct Token {
    signer: Signer,
    now: u64,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token of this moment.
    pub fn new(signer: &Signer) -> Self {
        Self::at(signer, wall_clock())
    }

    /// A token issued at `now`, good for ten minutes.
    pub fn at(signer: &Signer, now: u64) -> Self {
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": SUBJECT,
            "iat": now,
            "exp": now + 600,
        });
        Self { signer: signer.clone(), now, header: members(signer.header()), claims: members(claims) }
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Sets every member of this object as a claim.
    pub fn claims(mut self, claims: Value) -> Self {
        self.claims.extend(members(claims));
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a member of the protected header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a member of the protected header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Ends this many seconds from the token's own moment; negative is already over.
    pub fn expires_in(self, seconds: i64) -> Self {
        let exp = self.now.saturating_add_signed(seconds);
        self.claim("exp", exp)
    }

    /// Was issued this many seconds from the token's own moment; negative is earlier.
    pub fn issued_in(self, seconds: i64) -> Self {
        let iat = self.now.saturating_add_signed(seconds);
        self.claim("iat", iat)
    }

    pub fn mint(&self) -> String {
        let header = Value::Object(self.header.clone());
        let claims = Value::Object(self.claims.clone());
        self.signer.sign(&header, &claims)
    }
}

fn members(object: Value) -> Map<String, Value> {
    let Value::Object(members) = object else { panic!("not a JSON object: {object}") };
    members
}
