//! What the checks of a token look at, in words.

use std::collections::BTreeSet;

use postern::denial::Denial;
use postern::issuer::Issuer;
use postern::json::Json;
use postern::time::UnixTime;
use postern::token::{Candidate, Checked, TokenError, TokenUse, UnverifiedToken};

use super::{Stage, Stop, Trace};
use crate::explain::moment;

pub struct Looks {
    algorithm: [String; 2],
    time: Vec<String>,
    lifetime: String,
    kinds: String,
    profile: String,
    audience: [String; 2],
    /// An audience that nearly is one of ours.
    audience_hint: Option<String>,
}

impl Looks {
    pub fn at(token: &UnverifiedToken, issuer: &Issuer, now: UnixTime) -> Self {
        let payload = token.payload();
        let accepted = issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ");
        let kinds = issuer.token_use.iter().map(|kind| match kind {
            TokenUse::Access => "access tokens",
            TokenUse::Id => "ID tokens",
        });
        let profile = issuer.profile;
        let asks = if profile.needs.is_empty() { "asks nothing more of a token" } else { "asks for some claims" };
        let ours: Vec<&str> = issuer.audiences.iter().map(String::as_str).collect();
        let given = issuer.claims.audience.iter().filter_map(|path| path.first(payload));
        let mut given: Vec<String> = given.flat_map(texts).collect();
        // Keycloak's `azp` may stand in `aud` as well.
        let mut seen = BTreeSet::new();
        given.retain(|audience| seen.insert(audience.clone()));
        let named = if given.is_empty() { "there is none".to_owned() } else { given.join(", ") };
        Self {
            algorithm: [token.algorithm().name().to_owned(), format!("accepted are {accepted}")],
            time: times(payload, issuer, now),
            lifetime: lifetime(payload, issuer, now),
            kinds: format!("accepted are {}", kinds.collect::<Vec<_>>().join(", ")),
            profile: format!("profile {} {asks}", profile.name),
            audience: [named, format!("ours are {}", ours.join(", "))],
            audience_hint: given.iter().find_map(|given| alike(given, &ours)),
        }
    }

    pub fn tell(&self, trace: &mut Trace, check: Checked, candidate: Option<&Candidate>) {
        match check {
            Checked::Algorithm => trace.pass(Stage::Token, "algorithm", self.algorithm.clone()),
            Checked::Time => {
                trace.pass(Stage::Token, "time", self.time.clone());
                trace.pass(Stage::Token, "lifetime", self.lifetime.clone());
            }
            Checked::Forms => trace.pass(Stage::Token, "claims", "sub, jti and nonce are texts where they are there"),
            Checked::Kind => {
                let kind = candidate.map(|candidate| match candidate.token_use() {
                    TokenUse::Access => "an access token".to_owned(),
                    TokenUse::Id => "an ID token".to_owned(),
                });
                trace.pass(Stage::Token, "kind", kind.into_iter().chain([self.kinds.clone()]).collect::<Vec<_>>());
            }
            Checked::Profile => trace.pass(Stage::Token, "profile", self.profile.clone()),
            Checked::Audience => trace.pass(Stage::Token, "audience", self.audience.clone()),
        }
    }

    /// `check` is the one that it did not pass.
    pub fn tell_failed(&self, trace: &mut Trace, check: Option<Checked>, error: TokenError) -> Stop {
        let too_long = error == TokenError::LifetimeTooLong;
        let names_more = match &error {
            TokenError::MissingClaim(_) | TokenError::InvalidClaim(_) | TokenError::Kind(_) | TokenError::Header(_) => {
                true
            }
            TokenError::TooLong
            | TokenError::NotJwt
            | TokenError::Opaque
            | TokenError::Unreadable
            | TokenError::UnknownIssuer
            | TokenError::Algorithm
            | TokenError::UnknownKey
            | TokenError::Signature
            | TokenError::Expired
            | TokenError::NotYetValid
            | TokenError::LifetimeTooLong
            | TokenError::Audience => false,
        };
        let denial = Denial::from(error);
        let detail = names_more.then(|| denial.detail());
        let mut fail = |name, facts: &[String]| {
            let facts: Vec<String> = detail.iter().chain(facts).cloned().collect();
            trace.fail(Stage::Token, name, &denial, facts)
        };
        match check {
            Some(Checked::Algorithm) => {
                let stop = fail("algorithm", &self.algorithm);
                let hint = "if this is what the issuer signs with, name it in the issuer's `algorithms`";
                trace.hint(Some(hint.to_owned()));
                stop
            }
            Some(Checked::Time) if too_long => {
                trace.pass(Stage::Token, "time", self.time.clone());
                trace.fail(Stage::Token, "lifetime", &denial, self.lifetime.clone())
            }
            Some(Checked::Time) => fail("time", &self.time),
            Some(Checked::Forms) => fail("claims", &[]),
            Some(Checked::Kind) => fail("kind", std::slice::from_ref(&self.kinds)),
            Some(Checked::Profile) => fail("profile", std::slice::from_ref(&self.profile)),
            Some(Checked::Audience) | None => {
                let stop = fail("audience", &self.audience);
                trace.hint(self.audience_hint.clone());
                stop
            }
        }
    }
}

fn time(payload: &Json, name: &str) -> Option<UnixTime> {
    let seconds = payload.get(name)?.as_integer()?;
    Some(UnixTime::from_seconds(u64::try_from(seconds).ok()?))
}

fn times(payload: &Json, issuer: &Issuer, now: UnixTime) -> Vec<String> {
    let told = |(name, words): (&str, &str)| {
        let time = time(payload, name)?;
        Some(format!("{words} {} ({name} {})", moment::from_now(time, now), moment::date(time)))
    };
    let past = time(payload, "exp").is_some_and(|expires| expires <= now);
    let names = [("exp", if past { "expired" } else { "expires" }), ("nbf", "not before"), ("iat", "issued")];
    let skew = format!("clocks may differ by {}", moment::duration(issuer.clock_skew));
    names.into_iter().filter_map(told).chain([skew]).collect()
}

fn lifetime(payload: &Json, issuer: &Issuer, now: UnixTime) -> String {
    let longest = moment::duration(issuer.max_lifetime);
    match (time(payload, "exp"), time(payload, "iat")) {
        (Some(expires), Some(issued)) => {
            format!("{}, of {longest} at the most", moment::duration(expires.since(issued)))
        }
        (Some(expires), None) => {
            format!("{} to go and no iat, of {longest} at the most", moment::duration(expires.since(now)))
        }
        (None, _) => format!("{longest} at the most"),
    }
}

/// The texts of a claim.
fn texts(claim: &Json) -> Vec<String> {
    match claim.as_array() {
        Some(items) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        None => claim.as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// What a name that is not known may have been meant to be.
pub fn alike(name: &str, known: &[&str]) -> Option<String> {
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/').to_owned()
    };
    let near = known.iter().find(|known| bare(known) == bare(name))?;
    let difference = match (name.trim_end_matches('/') == near.trim_end_matches('/'), name.ends_with('/')) {
        (true, true) => "the token's has a slash at the end",
        (true, false) => "the token's has no slash at the end",
        (false, _) => "they differ in http and https, in capitals or in a slash",
    };
    Some(format!("nearly {near}: {difference}, and they are compared letter for letter"))
}
