//! A token for a weaker one (DMTN-094 §6.7), by the part of RFC 8693 that needs no clients of its own: who has a token may
//! have one with fewer scopes and a shorter life, to hand to a program.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::mint::{MintError, Order, mint, mint_short};
use super::returned::is_no_more;
use super::{Former, OwnIssuer, Wanted};
use crate::challenge::challenges;
use crate::credential::Scheme;
use crate::crypto::Signer;
use crate::denial::{Denial, Status};
use crate::issuer::{Issuer, Principal};
use crate::policy::{Offer, scope_holds};
use crate::reply::Reply;
use crate::time::UnixTime;
use crate::token::TokenUse;

#[derive(Debug)]
pub struct Exchange {
    pub path: String,
    /// Whom tokens may be for; the first one where that is not said.
    pub audiences: Vec<String>,
    /// The longest that is given.
    pub lifetime: Duration,
    /// Whose tokens are exchanged; everybody's where that is not said. What is made here has one issuer, whoever signed the
    /// token that it is made of: where scopes of two issuers mean different things, not both may be exchanged.
    pub issuers: Option<BTreeSet<String>>,
}

/// Why there is no token, in the words of RFC 6749 §5.2 and RFC 8693 §2.2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another method than POST.
    Method,
    GrantType,
    /// There is a body, and it is not handed over.
    NoForm,
    /// Tokens of this issuer are not exchanged.
    Issuer,
    /// Our own entry reads another caller, or more rights, in what would be given.
    Reading,
    Request(&'static str),
    Scope(&'static str),
    Target(&'static str),
    /// The shortest token that can be made has so many characters.
    Length(usize),
}

/// More than any token needs; each is held against all that the caller has.
const MOST_SCOPES: usize = 256;

/// How often a token may have been made of another.
const DEEPEST: usize = 4;

/// Claims of a login, which a token for programs is none of (OpenID Connect Core §2, §3.1.3.6).
const OF_LOGIN: [&str; 7] = ["auth_time", "acr", "amr", "nonce", "at_hash", "c_hash", "s_hash"];

/// Claims that may call an ID token so.
const OF_KIND: [&str; 4] = ["token_use", "typ", "type", "token_type"];

impl Refused {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Method | Self::NoForm | Self::Request(_) | Self::Length(_) => "invalid_request",
            Self::GrantType => "unsupported_grant_type",
            Self::Reading => "server_error",
            Self::Issuer => "access_denied",
            Self::Scope(_) => "invalid_scope",
            Self::Target(_) => "invalid_target",
        }
    }

    pub fn reason(&self) -> &'static str {
        match self {
            Self::Method => "exchange_method",
            Self::NoForm => "exchange_no_form",
            Self::Reading => "exchange_reading",
            Self::Issuer => "exchange_issuer",
            Self::Request(_) | Self::Length(_) => "exchange_request",
            Self::GrantType => "exchange_grant_type",
            Self::Scope(_) => "exchange_scope",
            Self::Target(_) => "exchange_target",
        }
    }

    pub fn detail(&self) -> String {
        match self {
            Self::Method => "Tokens are exchanged by POST.".to_owned(),
            Self::NoForm => {
                "The form did not come, or this proxy does not read bodies; the parameters may stand in the query."
                    .to_owned()
            }
            Self::Reading => {
                "The new token would be read as another's, or as a stronger one, where it comes back. In the proxy's \
                 configuration the entry of its own issuer needs the profile and claims of this token's issuer."
                    .to_owned()
            }
            Self::Issuer => "The token is good, but tokens of its issuer are not exchanged here.".to_owned(),
            Self::GrantType => "grant_type has to be urn:ietf:params:oauth:grant-type:token-exchange.".to_owned(),
            Self::Request(problem) | Self::Scope(problem) | Self::Target(problem) => format!("{problem}."),
            Self::Length(shortest) => format!(
                "The shortest token would have {shortest} characters. It takes fewer scopes, a short audience, kid and issuer, and a key for ES256 or EdDSA."
            ),
        }
    }
}

/// Makes the weaker token and the answer with it (RFC 8693 §2.2.1). `entry` is that of our own issuer, where its tokens
/// come back.
pub fn exchange(
    (own, exchange, entry): (&OwnIssuer, &Exchange, Option<&Issuer>),
    wanted: &Wanted,
    (principal, former): (&Principal, &Former),
    signer: &dyn Signer,
    now: UnixTime,
) -> Result<Reply, Denial> {
    if exchange.issuers.as_ref().is_some_and(|known| !known.contains(&principal.issuer)) {
        return Err(Refused::Issuer.into());
    }
    if former.times_made > DEEPEST {
        return Err(Refused::Request("The token was made of others too often").into());
    }
    let audience = audience(exchange, wanted, former)?;
    let scope = scopes(wanted, principal, former)?;
    let lifetime =
        wanted.expires_in.map_or(exchange.lifetime, |seconds| exchange.lifetime.min(Duration::from_secs(seconds)));
    let kinds: &[&str] = if former.token_use == TokenUse::Id { &OF_KIND } else { &[] };
    let order = Order {
        audience,
        lifetime,
        outlive: false,
        scope: Some(&scope),
        leave_out: &|name| former.grants(name) || OF_LOGIN.contains(&name) || kinds.contains(&name),
    };
    let minted = mint(own, former, &order, signer, now);
    let minted = match (minted, wanted.max_length) {
        (Ok(minted), Some(longest)) if minted.token.expose().len() > longest => {
            let short = mint_short(own, former, &order, signer, now)?;
            match short.token.expose().len() {
                length if length > longest => return Err(Refused::Length(length).into()),
                _ => short,
            }
        }
        (minted, _) => minted?,
    };
    if minted.expires <= now {
        return Err(Refused::Request("The token has ended").into());
    }
    if entry.is_some_and(|entry| !is_no_more(&minted.token, entry, (principal, &scope), now)) {
        return Err(Refused::Reading.into());
    }
    let content = json!({
        "access_token": minted.token.expose(),
        "issued_token_type": wanted.issued_as,
        "token_type": "Bearer",
        "expires_in": minted.expires.since(now).as_secs(),
        "scope": scope,
    });
    Ok(answer(200, &content, "postern_exchanged"))
}

/// Whoever was given a token for one service gets none for another by it.
fn audience<'a>(exchange: &'a Exchange, wanted: &Wanted, former: &'a Former) -> Result<&'a str, Refused> {
    let known = former.made_for.as_ref().unwrap_or(&exchange.audiences);
    // What another says of a token does not make us sign for whom we were not told to.
    let mut known = known.iter().filter(|audience| former.made_here || exchange.audiences.contains(audience));
    let found = match &wanted.audience {
        Some(wanted) => known.find(|audience| *audience == wanted),
        None => known.next(),
    };
    found.map(String::as_str).ok_or(Refused::Target("There are no tokens for this audience here"))
}

/// What is asked for, where the caller holds all of it; else what he holds and programs may hold.
fn scopes(wanted: &Wanted, principal: &Principal, former: &Former) -> Result<String, Refused> {
    let interactive = |scope: &str| former.issuer.capability_groups.is_interactive(scope);
    let held = principal.capabilities.iter().map(String::as_str).filter(|scope| !interactive(scope));
    let held: BTreeSet<&str> = held.collect();
    let Some(scopes) = &wanted.scopes else {
        return Ok(list(held));
    };
    let scopes: BTreeSet<&str> = scopes.split(' ').collect();
    if scopes.len() > MOST_SCOPES {
        return Err(Refused::Scope("These are too many scopes"));
    }
    if scopes.iter().any(|scope| interactive(scope)) {
        return Err(Refused::Scope("A scope is for users who log in, and not for tokens"));
    }
    if scopes.iter().all(|scope| held.contains(scope) || scope_holds(principal, scope)) {
        Ok(list(scopes))
    } else {
        Err(Refused::Scope("The token does not have all of these scopes"))
    }
}

fn list(scopes: BTreeSet<&str>) -> String {
    scopes.into_iter().collect::<Vec<_>>().join(" ")
}

/// The answer for a refusal, in the form that clients of token endpoints read (RFC 6749 §5.2). What is wrong with a
/// `subject_token` is wrong with the form (RFC 8693 §2.2.2), and no matter of who sends it.
pub fn refusal(denial: &Denial, scheme: Option<Scheme>, realm: &str) -> Reply {
    let is_of_form = denial.status() == Status::Unauthorized && scheme == Some(Scheme::Form);
    let status = if is_of_form { Status::BadRequest } else { denial.status() };
    let code = match (denial, status) {
        (Denial::Exchange(refused), _) => refused.code(),
        (_, Status::Unauthorized) => "invalid_client",
        (_, Status::BadRequest | Status::MethodNotAllowed) => "invalid_request",
        (_, Status::Forbidden) => "access_denied",
        (_, Status::ServiceUnavailable) => "temporarily_unavailable",
        (_, Status::InternalServerError) => "server_error",
    };
    let content = json!({ "error": code, "error_description": denial.detail() });
    let mut reply = answer(status.code(), &content, &denial.details());
    if status == Status::Unauthorized {
        let challenges = challenges(denial, &[Offer::Bearer], realm).into_iter();
        reply.headers.extend(challenges.map(|challenge| ("www-authenticate", challenge)));
    }
    reply.headers.extend(denial.retry_after_header());
    if status == Status::MethodNotAllowed {
        reply.headers.push(("allow", "POST".to_owned()));
    }
    reply
}

fn answer(status: u16, content: &serde_json::Value, details: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("pragma", "no-cache".to_owned()),
        ],
        body: format!("{content}\n"),
        details: details.to_owned(),
    }
}

impl From<Refused> for Denial {
    fn from(refused: Refused) -> Self {
        Self::Exchange(refused)
    }
}

impl From<MintError> for Denial {
    fn from(error: MintError) -> Self {
        Self::Internal(match error {
            MintError::TooLarge => "a token would be too large",
            MintError::Internal(problem) => problem,
        })
    }
}
