//! What a row makes its request of.

use serde_json::{Value, json};

use crate::support::mint::{AUDIENCE, SUBJECT, Signer, Token};

pub struct Scene {
    pub now: u64,
    /// The issuer whose tokens the row sends.
    pub issuer: String,
    /// Where whoever asks is counted, and nobody may ask.
    pub elsewhere: String,
    /// A token that was let on before, and will be again.
    pub good: String,
}

/// The key of most rows.
pub fn usual() -> Signer {
    Signer::rs256()
}

/// The same name with another key behind it.
pub fn impostor() -> Signer {
    Signer::other_rs256().with_kid(usual().kid())
}

impl Scene {
    /// A good token, before a row spoils it.
    pub fn token(&self) -> Token {
        self.by(&usual())
    }

    pub fn by(&self, signer: &Signer) -> Token {
        Token::at(signer, self.now).claim("iss", self.issuer.as_str())
    }

    /// The claims of a good token.
    pub fn claims(&self) -> Value {
        json!({ "iss": self.issuer, "aud": AUDIENCE, "sub": SUBJECT, "iat": self.now, "exp": self.now + 600 })
    }

    /// Good claims as text, and this in front of them.
    pub fn claims_after(&self, members: &str) -> String {
        format!("{{{members},{}", &self.claims().to_string()[1..])
    }

    /// A token with this header, signed by the usual key whatever it says.
    pub fn with_header(&self, header: &str) -> String {
        usual().sign_bytes(header.as_bytes(), self.claims().to_string().as_bytes())
    }

    /// A token with this payload, signed as usual.
    pub fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        usual().sign_bytes(usual().header().to_string().as_bytes(), payload.as_ref())
    }

    /// A good token with one more claim, which is written so.
    pub fn saying(&self, members: &str) -> String {
        self.with_payload(self.claims_after(members))
    }

    /// The same in place of the good claim of that name.
    pub fn with_claim_text(&self, name: &str, text: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().expect("claims").remove(name);
        self.with_payload(format!("{{\"{name}\":{text},{}", &claims.to_string()[1..]))
    }

    pub fn seconds(&self, from_now: i64) -> u64 {
        self.now.saturating_add_signed(from_now)
    }
}
