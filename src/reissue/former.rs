//! The token that others are made of.

use std::rc::Rc;

use super::OwnIssuer;
use crate::issuer::Issuer;
use crate::json::Json;
use crate::secret::Secret;
use crate::token::{TokenUse, VerifiedToken};

/// What is known of a verified token beside who it is of.
#[derive(Debug)]
pub struct Former {
    pub token: Secret,
    pub issuer: Rc<Issuer>,
    /// Its audiences, where a filter like this one has made it: it is for those alone.
    pub made_for: Option<Vec<String>>,
    /// Whether that was this one.
    pub made_here: bool,
    /// How often it was made of another.
    pub times_made: usize,
    pub token_use: TokenUse,
    /// The header's `typ` of what is made of it: where that said what the token is for, the claims alone may say otherwise.
    pub typ: &'static str,
    /// Whether any group was read in it: beside capabilities those of some issuers say nothing.
    has_groups: bool,
    /// Whether it is a user's.
    pub names_user: bool,
}

impl Former {
    pub fn of(token: &VerifiedToken, issuer: &Rc<Issuer>, own: &OwnIssuer) -> Self {
        let payload = token.payload();
        let made_here = issuer.issuer == own.issuer;
        let made_before = made_here || is_reissued(payload);
        Self {
            token: token.raw().clone(),
            issuer: Rc::clone(issuer),
            made_here,
            made_for: made_before.then(|| audiences(payload)),
            times_made: std::iter::successors(payload.get("act"), |act| act.get("act")).count(),
            token_use: token.token_use(),
            typ: if token.is_typed_as_access_token() { "at+jwt" } else { "JWT" },
            has_groups: !token.principal().groups.is_empty(),
            names_user: token.principal().user.is_some(),
        }
    }

    /// Whether the claim of that name says what the token is good for: the scopes do, and groups that stand for
    /// capabilities, or that only count without them.
    pub fn grants(&self, name: &str) -> bool {
        let Issuer { claims, capability_groups, .. } = &*self.issuer;
        let groups = claims.groups.iter().filter(|_| !self.has_groups || !capability_groups.is_empty());
        claims.scopes.iter().chain(groups).any(|path| path.begins_with(name))
    }

    /// About how much memory a token takes that is made of it: it stands in two fields.
    pub fn bytes_of_made(&self) -> usize {
        /// Issuer, audience and token id of both, a longer signature, and what is kept beside the token.
        const MORE: usize = 1024;
        self.token.expose().len().saturating_add(MORE).saturating_mul(2)
    }
}

/// Whether it names another token as its actor (RFC 8693 §4.1), where others name somebody.
fn is_reissued(payload: &Json) -> bool {
    payload.get("act").is_some_and(|act| act.get("iss").is_some() && act.get("sub").is_none())
}

fn audiences(payload: &Json) -> Vec<String> {
    match payload.get("aud") {
        Some(Json::String(audience)) => vec![audience.clone()],
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_made_of_another_is_told_from_one_that_acts_for_somebody() {
        for (payload, want) in [
            (r#"{"act":{"iss":"https://a.test","aud":"x","jti":"1"}}"#, true),
            (r#"{"act":{"iss":"https://a.test"}}"#, true),
            (r#"{"act":{"sub":"service","iss":"https://a.test"}}"#, false),
            (r#"{"act":{"sub":"service"}}"#, false),
            (r#"{"act":"service"}"#, false),
            (r#"{"iss":"https://a.test"}"#, false),
        ] {
            assert_eq!(is_reissued(&Json::parse(payload.as_bytes()).unwrap()), want, "{payload}");
        }
    }
}
