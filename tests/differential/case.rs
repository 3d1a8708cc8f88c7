//! A token to be asked about, made when it is sent: some are of the second.

use super::{algorithms, claims, headers, key_sets, mixtures, spellings, times};
use crate::support::mint::{Signer, Token};

/// The keys that most tokens are signed with, by the name under which they stand in [`key_sets`].
pub const MAIN: &str = "main";

pub struct Case {
    pub name: String,
    /// The key set, and by it the issuer.
    pub set: String,
    pub make: Box<dyn Fn(u64) -> String>,
}

impl Case {
    pub fn new(name: impl Into<String>, set: &str, make: impl Fn(u64) -> String + 'static) -> Self {
        Self { name: name.into(), set: set.to_owned(), make: Box::new(make) }
    }

    /// A token of the main issuer, less what is done to it.
    pub fn of(name: impl Into<String>, signer: &Signer, change: impl Fn(Token) -> Token + 'static) -> Self {
        let signer = signer.clone();
        Self::new(name, MAIN, move |now| change(good(&signer, now)).mint())
    }
}

/// A good token of the main issuer.
pub fn good(signer: &Signer, now: u64) -> Token {
    Token::at(signer, now).claim("iss", key_sets::issuer(MAIN)).claim("scope", "read:tap")
}

pub fn all() -> Vec<Case> {
    let mut cases = algorithms::cases();
    cases.extend(headers::cases());
    cases.extend(claims::cases());
    cases.extend(times::cases());
    cases.extend(spellings::cases());
    cases.extend(key_sets::cases());
    cases.extend(mixtures::cases());
    cases
}
