//! `WWW-Authenticate` (RFC 9110 §11.6.1) for a refusal.
//!
//! Each challenge is a header line of its own, Bearer first and Basic last: the wget of Debian 12 aborts where the last
//! challenge has a scheme that it does not know.

use crate::denial::{Denial, ErrorCode, Status};
use crate::policy::Offer;

/// The challenges of a refusal under a rule that offers these.
pub fn challenges(denial: &Denial, offers: &[Offer], realm: &str) -> Vec<String> {
    match (denial.status(), denial.error_code()) {
        // Which login is asked for can be said with Bearer alone.
        (Status::Unauthorized, Some(ErrorCode::InsufficientUserAuthentication)) => {
            let others = offers.iter().filter(|offer| **offer != Offer::Bearer);
            [&Offer::Bearer].into_iter().chain(others).map(|offer| challenge(*offer, denial, realm)).collect()
        }
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

/// RFC 6750 §3, and RFC 9470 §3 for another login. None of these values holds a quote or a backslash: the realm, the
/// capabilities and the classes are checked when the configuration is read, and the description is our own.
fn bearer(denial: &Denial, realm: &str) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    if let Some(code) = denial.error_code() {
        challenge.push_str(&format!(", error=\"{}\", error_description=\"{}\"", code.as_str(), denial.detail()));
    }
    for (name, value) in denial.parameters() {
        challenge.push_str(&format!(", {name}=\"{value}\""));
    }
    challenge
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Shortfall, StepUp};
    use crate::token::TokenError;

    #[test]
    fn a_challenge_says_what_rfc_6750_says() {
        let scope = Denial::Unmet(Shortfall::Capabilities { asked: "read:tap a".to_owned(), missing: "a".to_owned() });
        let path =
            Denial::Unmet(Shortfall::Path { asked: "read", missing: "read:/secret".to_owned(), is_destination: false });
        let step_up = |acr: &[&str], age: Option<u64>| {
            let acr = acr.iter().map(|&acr| acr.to_owned()).collect();
            Denial::Unmet(Shortfall::StepUp(StepUp { acr, max_auth_age: age.map(Duration::from_secs) }))
        };
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
            (
                path,
                &both,
                &[
                    "Bearer realm=\"r\", error=\"insufficient_scope\", error_description=\"The token does not allow this \
                   on this path.\", scope=\"read\"",
                ],
            ),
            (
                step_up(&["mfa", "hw"], Some(900)),
                &both[..1],
                &[
                    "Bearer realm=\"r\", error=\"insufficient_user_authentication\", error_description=\"This needs a more \
                   recent or a stronger login.\", acr_values=\"mfa hw\", max_age=\"900\"",
                ],
            ),
            (
                step_up(&[], Some(900)),
                &both[1..],
                &[
                    "Bearer realm=\"r\", error=\"insufficient_user_authentication\", error_description=\"This needs a \
                     more recent or a stronger login.\", max_age=\"900\"",
                    "Basic realm=\"r\"",
                ],
            ),
            (Denial::Unmet(Shortfall::Interactive), &both, &[]),
            (Denial::NoRule, &both, &[]),
            (Denial::Overloaded, &both, &[]),
            (Denial::Internal(""), &both, &[]),
        ] {
            assert_eq!(challenges(&denial, offers, "r"), want, "{denial:?}");
        }
    }
}
