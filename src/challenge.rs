//! `WWW-Authenticate` (RFC 9110 §11.6.1) for a refusal.
//!
//! Each challenge is a header line of its own, Bearer first and Basic last: the wget of Debian 12 aborts where the last
//! challenge has a scheme that it does not know.

use crate::denial::{Denial, ErrorCode, Status};
use crate::policy::Offer;

/// The challenges of a refusal under a rule that offers these.
pub fn challenges(denial: &Denial, offers: &[Offer], realm: &str) -> Vec<String> {
    match (denial.status(), denial.error_code()) {
        // Only a 401 asks for another credential; the other refusals just say in RFC 6750's way what is wrong.
        (Status::Unauthorized, _) => offers.iter().map(|offer| challenge(*offer, denial, realm)).collect(),
        (_, Some(_)) => vec![bearer(denial, realm)],
        (_, None) => Vec::new(),
    }
}

fn challenge(offer: Offer, denial: &Denial, realm: &str) -> String {
    match offer {
        Offer::Bearer => bearer(denial, realm),
        Offer::Basic => format!("Basic realm=\"{realm}\""),
    }
}

/// RFC 6750 §3. None of these values holds a quote or a backslash: the realm and the capabilities are checked when the
/// configuration is read, and the description is our own.
fn bearer(denial: &Denial, realm: &str) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    if let Some(code) = denial.error_code() {
        challenge.push_str(&format!(", error=\"{}\", error_description=\"{}\"", code.as_str(), denial.detail()));
        if let (ErrorCode::InsufficientScope, Denial::InsufficientScope { asked, .. }) = (code, denial) {
            challenge.push_str(&format!(", scope=\"{asked}\""));
        }
    }
    challenge
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenError;

    #[test]
    fn a_challenge_says_what_rfc_6750_says() {
        let scope = Denial::InsufficientScope { asked: "read:tap a".to_owned(), missing: "a".to_owned() };
        let both = [Offer::Bearer, Offer::Basic];
        for (denial, offers, want) in [
            (Denial::MissingCredential, &both[..], &["Bearer realm=\"r\"", "Basic realm=\"r\""][..]),
            (Denial::MissingCredential, &both[..1], &["Bearer realm=\"r\""]),
            (Denial::MissingCredential, &both[1..], &["Basic realm=\"r\""]),
            (
                Denial::Token(TokenError::Expired),
                &both,
                &[
                    "Bearer realm=\"r\", error=\"invalid_token\", error_description=\"The token has expired.\"",
                    "Basic realm=\"r\"",
                ],
            ),
            (
                scope,
                &both,
                &["Bearer realm=\"r\", error=\"insufficient_scope\", error_description=\"The token does not have \
                   the capabilities that are needed here.\", scope=\"read:tap a\""],
            ),
            (
                Denial::SeveralCredentials,
                &both,
                &["Bearer realm=\"r\", error=\"invalid_request\", error_description=\"The request has more than one \
                   credential.\""],
            ),
            (Denial::NoRule, &both, &[]),
            (Denial::Overloaded, &both, &[]),
            (Denial::Internal(""), &both, &[]),
        ] {
            assert_eq!(challenges(&denial, offers, "r"), want, "{denial:?}");
        }
    }
}
