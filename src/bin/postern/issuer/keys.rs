//! The issuer's keys: one for each algorithm, made anew at every start.

use jwt_simple::Error;
use jwt_simple::prelude::*;
use jwt_simple::reexports::rand::random;
use serde_json::{Map, Value, json};

pub type Claims = Map<String, Value>;

pub struct Keys(Vec<Key>);

struct Key {
    algorithm: &'static str,
    public: Value,
    sign: Box<Sign>,
}

/// The nine kinds of key pair have no type in common; each is put behind this.
type Sign = dyn Fn(JWTClaims<Claims>, &HeaderOptions) -> Result<String, Error> + Send + Sync;

impl Keys {
    pub fn generate() -> Result<Self, Error> {
        // One pair of RSA numbers under six names, as making them is slow. Each name has its own
        // `kid` and `alg`, which is all that a verifier goes by.
        let pair = RS256KeyPair::generate(2048)?;
        let (der, numbers) = (pair.to_der()?, pair.public_key().to_components());
        Ok(Self(vec![
            rsa(RS256KeyPair::from_der(&der)?.with_key_id(&kid("rs256")), &numbers),
            rsa(RS384KeyPair::from_der(&der)?.with_key_id(&kid("rs384")), &numbers),
            rsa(RS512KeyPair::from_der(&der)?.with_key_id(&kid("rs512")), &numbers),
            rsa(PS256KeyPair::from_der(&der)?.with_key_id(&kid("ps256")), &numbers),
            rsa(PS384KeyPair::from_der(&der)?.with_key_id(&kid("ps384")), &numbers),
            rsa(PS512KeyPair::from_der(&der)?.with_key_id(&kid("ps512")), &numbers),
            es256(ES256KeyPair::generate().with_key_id(&kid("es256"))),
            es384(ES384KeyPair::generate().with_key_id(&kid("es384"))),
            eddsa(Ed25519KeyPair::generate().with_key_id(&kid("eddsa"))),
        ]))
    }

    pub fn algorithms(&self) -> Vec<&'static str> {
        self.0.iter().map(|key| key.algorithm).collect()
    }

    pub fn jwks(&self) -> Value {
        let keys: Vec<&Value> = self.0.iter().map(|key| &key.public).collect();
        json!({ "keys": keys })
    }

    pub fn sign(&self, algorithm: &str, typ: Option<&str>, claims: Claims) -> Result<String, Error> {
        let key = self
            .0
            .iter()
            .find(|key| key.algorithm == algorithm)
            .ok_or_else(|| Error::msg(format!("no key for {algorithm}")))?;
        let header = HeaderOptions { signature_type: typ.map(str::to_owned), ..HeaderOptions::default() };
        (key.sign)(exactly(claims), &header)
    }
}

/// 96 random bits, to tell keys and tokens apart.
pub fn random_id() -> String {
    base64url(&random::<[u8; 12]>())
}

/// The name is random in part: a verifier that still holds the key of an earlier start must see
/// that this is another one, and fetch it.
fn kid(algorithm: &str) -> String {
    format!("{algorithm}-{}", random_id())
}

/// All claims are the caller's, also those for which jwt-simple has a place and a form of its own.
fn exactly(claims: Claims) -> JWTClaims<Claims> {
    JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom: claims,
    }
}

fn rsa<P>(pair: P, numbers: &RSAPublicKeyComponents) -> Key
where
    P: RSAKeyPairLike + Send + Sync + 'static,
{
    Key {
        algorithm: P::jwt_alg_name(),
        public: json!({
            "kty": "RSA", "use": "sig", "alg": P::jwt_alg_name(), "kid": pair.key_id(),
            "n": base64url(&numbers.n), "e": base64url(&numbers.e),
        }),
        sign: Box::new(move |claims, header| pair.sign_with_options(claims, header)),
    }
}

fn es256(pair: ES256KeyPair) -> Key {
    let point = pair.public_key().public_key().to_bytes_uncompressed();
    Key {
        algorithm: ES256KeyPair::jwt_alg_name(),
        public: curve(ES256KeyPair::jwt_alg_name(), "P-256", pair.key_id(), &point),
        sign: Box::new(move |claims, header| pair.sign_with_options(claims, header)),
    }
}

fn es384(pair: ES384KeyPair) -> Key {
    let point = pair.public_key().public_key().to_bytes_uncompressed();
    Key {
        algorithm: ES384KeyPair::jwt_alg_name(),
        public: curve(ES384KeyPair::jwt_alg_name(), "P-384", pair.key_id(), &point),
        sign: Box::new(move |claims, header| pair.sign_with_options(claims, header)),
    }
}

/// `point` is SEC 1's uncompressed form: the byte 4, then x and y of equal length.
fn curve(algorithm: &str, curve: &str, kid: &Option<String>, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({
        "kty": "EC", "use": "sig", "alg": algorithm, "kid": kid, "crv": curve,
        "x": base64url(x), "y": base64url(y),
    })
}

fn eddsa(pair: Ed25519KeyPair) -> Key {
    Key {
        algorithm: Ed25519KeyPair::jwt_alg_name(),
        public: json!({
            "kty": "OKP", "use": "sig", "alg": Ed25519KeyPair::jwt_alg_name(),
            "kid": pair.key_id(), "crv": "Ed25519", "x": base64url(&pair.public_key().to_bytes()),
        }),
        sign: Box::new(move |claims, header| pair.sign_with_options(claims, header)),
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
