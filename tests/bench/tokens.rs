//! The tokens of a run: made once, on all cores, and given to every contender.

use std::fmt;
use std::thread;

use p256_13::elliptic_curve::rand_core::{OsRng, RngCore as _};
use serde_json::json;

use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, base64url, wall_clock};

pub const CAPABILITY: &str = "read:tap";
const SCOPE: &str = "openid read:tap read:image";

/// Good for longer than any run.
const LIFETIME: i64 = 8 * 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alg {
    Rs256,
    Es256,
    EdDsa,
}

impl Alg {
    pub fn signer(self) -> Signer {
        match self {
            Self::Rs256 => Signer::rs256(),
            Self::Es256 => Signer::es256(),
            Self::EdDsa => Signer::eddsa(),
        }
    }

    /// The signer's private key, as an operator has it.
    pub fn pem(self) -> &'static str {
        match self {
            Self::Rs256 => include_str!("../support/keys/test-rsa2048-a.pem"),
            Self::Es256 => include_str!("../support/keys/test-p256-a.pem"),
            Self::EdDsa => include_str!("../support/keys/test-ed25519.pem"),
        }
    }
}

impl fmt::Display for Alg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        })
    }
}

/// What an ordinary access token says. Only its id tells one from the next.
fn token(signer: &Signer, now: u64, number: usize) -> Token {
    let claims = json!({
        "iss": ISSUER,
        "sub": "0f8b7c1e-52f4-4c0e-9d0a-6f1f3f0c2a77",
        "aud": AUDIENCE,
        "jti": format!("6c1d5b0e-0000-4000-8000-{number:012x}"),
        "client_id": "portal",
        "scope": SCOPE,
        "groups": ["astronomers", "survey-science", "image-processing"],
        "name": "Ada Lovelace",
        "email": "ada.lovelace@example.org",
    });
    Token::at(signer, now).claims(claims).issued_in(-30).expires_in(LIFETIME)
}

/// So many good tokens, each another one.
pub fn mint(alg: Alg, count: usize) -> Vec<String> {
    let now = wall_clock();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let numbers = (worker * share).min(count)..((worker + 1) * share).min(count);
                scope.spawn(move || {
                    let signer = alg.signer();
                    numbers.map(|number| token(&signer, now, number).mint()).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a signer that does not fail")).collect()
    })
}

/// A good token but for the capability.
pub fn without_capability(alg: Alg) -> String {
    token(&alg.signer(), wall_clock(), 0).claim("scope", "openid").mint()
}

/// These tokens, each with a random signature that only the whole calculation can tell from a good one.
pub fn spoil(alg: Alg, tokens: &[String]) -> Vec<String> {
    let signer = alg.signer();
    let length = signer.signature(b"").len();
    let spoiled = tokens.iter().map(|token| {
        let mut signature = vec![0; length];
        OsRng.fill_bytes(&mut signature);
        // A number beyond the modulus or the group's order is refused without calculating.
        match alg {
            Alg::Rs256 | Alg::Es256 => signature[0] &= 0x7f,
            Alg::EdDsa => signature[length - 1] &= 0x0f,
        }
        let (signed, _) = token.rsplit_once('.').expect("a token has a signature");
        format!("{signed}.{}", base64url(signature))
    });
    spoiled.collect()
}
