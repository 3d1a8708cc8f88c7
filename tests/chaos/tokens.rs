//! The tokens of a row, ready to be sent.

use serde_json::json;

use crate::support::mint::{AUDIENCE, SUBJECT, Signer, Token, compact, wall_clock};
use crate::wire::harness::request::Request;

/// Longer than the long form.
const LIFETIME: i64 = 3600;

/// The key that every issuer begins with.
pub fn old_key() -> Signer {
    Signer::rs256().with_kid("old")
}

/// The key that an issuer brings in later.
pub fn new_key() -> Signer {
    Signer::other_rs256().with_kid("new")
}

/// What is the matter with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing: of the key that the issuer begins with.
    Old,
    /// Nothing: of the key that comes later.
    New,
    /// The new key's signature under the name of the old one.
    Forged,
    Expired,
    /// Names a key that never was.
    Invented,
    /// Of a key that is published and must not be used.
    BadKey,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Old => "the old key's token",
            Self::New => "the new key's token",
            Self::Forged => "a forged token",
            Self::Expired => "an expired token",
            Self::Invented => "an invented key id",
            Self::BadKey => "a bad key's token",
        }
    }

    /// Whether somebody whom the issuer trusts may hold such a token.
    pub fn is_honest(self) -> bool {
        matches!(self, Self::Old | Self::New)
    }

    /// The reasons for which it may be refused with 401.
    pub fn reasons(self) -> &'static [&'static str] {
        match self {
            // When the key was withdrawn, or replaced.
            Self::Old | Self::Forged => &["unknown_key", "bad_signature"],
            Self::New | Self::Invented => &["unknown_key"],
            Self::Expired => &["expired"],
            Self::BadKey => &["unknown_key"],
        }
    }
}

/// A request with a token of this signer.
pub fn signed_by(signer: &Signer, issuer: &str) -> Vec<u8> {
    request(&Token::new(signer).claim("iss", issuer).expires_in(LIFETIME).mint())
}

pub fn expired(issuer: &str) -> Vec<u8> {
    request(&Token::new(&old_key()).claim("iss", issuer).issued_in(-2 * LIFETIME).expires_in(-LIFETIME).mint())
}

/// A request with a token that names this key. Nobody signed it: it is refused before that is looked at.
pub fn invented(issuer: &str, kid: &str) -> Vec<u8> {
    let now = wall_clock();
    let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" });
    let claims = json!({ "iss": issuer, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600 });
    request(&compact(header.to_string().as_bytes(), claims.to_string().as_bytes(), &[0x5a; 256]))
}

fn request(token: &str) -> Vec<u8> {
    Request::get("/me").bearer(token).http1()
}
