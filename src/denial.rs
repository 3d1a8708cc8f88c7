//! Every refusal, once: what it is called, which status it gets, what the client is told.
//!
//! The words for the client are our own and fixed. Nothing that the client sent is in them, so they need no escaping and
//! reveal nothing of a token; of a rule they name only the capabilities that it asks for (RFC 6750 §3.1).

use std::time::Duration;

use crate::issuer::PrincipalKind;
use crate::policy::Shortfall;
use crate::reissue::Refused;
use crate::token::TokenError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The rule asks for a credential and there is none.
    MissingCredential,
    /// An `Authorization` of a scheme that is not taken here.
    ForeignAuthorization,
    /// User name and password without a token in them.
    Password,
    MalformedCredential(&'static str),
    SeveralCredentials,
    /// A credential came over a connection that is not encrypted.
    InsecureTransport,
    AmbiguousMethod,
    AmbiguousPath,
    AmbiguousHost,
    /// A user part in the host.
    UserInHost,
    /// What COPY or MOVE would write to cannot be read, or not be checked.
    AmbiguousDestination,
    Token(TokenError),
    /// A good token that has not what the rule asks.
    Unmet(Shortfall),
    NoRule,
    /// The route's metadata names no rule that there is.
    UnknownRule,
    KeysUnavailable {
        retry_after: Duration,
    },
    /// More requests wait for keys than are kept.
    Overloaded,
    /// A token is not exchanged for another.
    Exchange(Refused),
    /// Our own entry reads another caller, or more rights, in the token that the service would get.
    ReissueReading,
    Internal(&'static str),
}

/// The statuses of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    BadRequest,
    Unauthorized,
    Forbidden,
    MethodNotAllowed,
    InternalServerError,
    ServiceUnavailable,
}

impl Status {
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::MethodNotAllowed => 405,
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The reason phrase of RFC 9110 §15.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::InternalServerError => "Internal Server Error",
            Self::ServiceUnavailable => "Service Unavailable",
        }
    }
}

/// The `error` of RFC 6750 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    /// RFC 9470 §3.
    InsufficientUserAuthentication,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
        }
    }
}

impl From<Shortfall> for Denial {
    fn from(shortfall: Shortfall) -> Self {
        Self::Unmet(shortfall)
    }
}

impl From<TokenError> for Denial {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl Denial {
    pub fn status(&self) -> Status {
        match self {
            Self::MissingCredential | Self::ForeignAuthorization | Self::Password | Self::Token(_) => {
                Status::Unauthorized
            }
            Self::Unmet(shortfall) => shortfall_status(shortfall),
            Self::MalformedCredential(_)
            | Self::SeveralCredentials
            | Self::InsecureTransport
            | Self::AmbiguousMethod
            | Self::AmbiguousPath
            | Self::AmbiguousHost
            | Self::UserInHost
            | Self::AmbiguousDestination => Status::BadRequest,
            Self::NoRule | Self::UnknownRule => Status::Forbidden,
            Self::Exchange(Refused::Method) => Status::MethodNotAllowed,
            Self::Exchange(Refused::Issuer) => Status::Forbidden,
            Self::Exchange(Refused::Reading) => Status::InternalServerError,
            Self::Exchange(_) => Status::BadRequest,
            Self::KeysUnavailable { .. } | Self::Overloaded => Status::ServiceUnavailable,
            Self::ReissueReading | Self::Internal(_) => Status::InternalServerError,
        }
    }

    /// RFC 6750 §3.1: a request without a credential that we know gets no error code.
    pub fn error_code(&self) -> Option<ErrorCode> {
        match self {
            Self::MalformedCredential(_)
            | Self::SeveralCredentials
            | Self::InsecureTransport
            | Self::AmbiguousMethod
            | Self::AmbiguousPath
            | Self::AmbiguousHost
            | Self::UserInHost
            | Self::AmbiguousDestination => Some(ErrorCode::InvalidRequest),
            Self::Password | Self::Token(_) => Some(ErrorCode::InvalidToken),
            Self::Unmet(shortfall) => shortfall_code(shortfall),
            Self::MissingCredential
            | Self::ForeignAuthorization
            | Self::NoRule
            | Self::UnknownRule
            | Self::KeysUnavailable { .. }
            | Self::Overloaded
            | Self::Exchange(_)
            | Self::ReissueReading
            | Self::Internal(_) => None,
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable { retry_after } => Some(*retry_after),
            Self::Overloaded => Some(Duration::from_secs(1)),
            Self::MissingCredential
            | Self::ForeignAuthorization
            | Self::Password
            | Self::MalformedCredential(_)
            | Self::SeveralCredentials
            | Self::InsecureTransport
            | Self::AmbiguousMethod
            | Self::AmbiguousPath
            | Self::AmbiguousHost
            | Self::UserInHost
            | Self::AmbiguousDestination
            | Self::Token(_)
            | Self::Unmet(_)
            | Self::NoRule
            | Self::UnknownRule
            | Self::Exchange(_)
            | Self::ReissueReading
            | Self::Internal(_) => None,
        }
    }

    /// The field that says it, in whole seconds (RFC 9110 §10.2.3), and rather a little late than too early.
    pub fn retry_after_header(&self) -> Option<(&'static str, String)> {
        let pause = self.retry_after()?;
        let seconds = pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0)).max(1);
        Some(("retry-after", seconds.to_string()))
    }

    /// What the client can ask its issuer for: parameters of a challenge (RFC 6750 §3, RFC 9470 §3).
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self::Unmet(shortfall) = self else {
            return Vec::new();
        };
        match shortfall {
            Shortfall::Capabilities { asked, .. } => vec![("scope", asked.clone())],
            Shortfall::Path { asked, .. } => vec![("scope", (*asked).to_owned())],
            Shortfall::StepUp(step_up) => step_up.parameters(),
            Shortfall::Issuer
            | Shortfall::Principal(_)
            | Shortfall::Client
            | Shortfall::User
            | Shortfall::Groups { .. }
            | Shortfall::Interactive => Vec::new(),
        }
    }

    /// What was missing, for the decision record.
    pub fn missing(&self) -> Option<String> {
        let Self::Unmet(shortfall) = self else {
            return None;
        };
        Some(match shortfall {
            Shortfall::Principal(kinds) => {
                format!("principal {}", kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "))
            }
            Shortfall::Issuer => "issuer".to_owned(),
            Shortfall::Client => "client".to_owned(),
            Shortfall::User => "user".to_owned(),
            Shortfall::Groups { missing } => format!("group {missing}"),
            Shortfall::Interactive => "interactive".to_owned(),
            Shortfall::Capabilities { missing, .. } | Shortfall::Path { missing, .. } => missing.clone(),
            Shortfall::StepUp(step_up) => {
                step_up.parameters().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
        })
    }

    /// The stable name in metrics and records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingCredential => "missing_credential",
            Self::ForeignAuthorization => "foreign_authorization",
            Self::Password => "not_a_token",
            Self::MalformedCredential(_) => "malformed_credential",
            Self::SeveralCredentials => "several_credentials",
            Self::InsecureTransport => "insecure_transport",
            Self::AmbiguousMethod => "ambiguous_method",
            Self::AmbiguousPath => "ambiguous_path",
            Self::AmbiguousHost => "ambiguous_host",
            Self::UserInHost => "user_in_host",
            Self::AmbiguousDestination => "ambiguous_destination",
            Self::Token(error) => token_reason(error),
            Self::Unmet(shortfall) => shortfall_reason(shortfall),
            Self::NoRule => "no_rule",
            Self::UnknownRule => "unknown_rule",
            Self::KeysUnavailable { .. } => "keys_unavailable",
            Self::Overloaded => "overloaded",
            Self::Exchange(refused) => refused.reason(),
            Self::ReissueReading => "reissue_reading",
            Self::Internal(_) => "internal",
        }
    }

    /// For Envoy's access log, `%RESPONSE_CODE_DETAILS%`. What failed inside is told here and nowhere else.
    pub fn details(&self) -> String {
        let reason = self.reason();
        if let Self::Internal(problem) = self {
            format!("postern_{reason}:{problem}")
        } else {
            format!("postern_{reason}")
        }
    }

    /// One sentence for the client, within the characters of an `error_description` (RFC 6750 §3).
    pub fn detail(&self) -> String {
        let fixed = match self {
            Self::MissingCredential => "A token is needed.",
            Self::ForeignAuthorization => "This Authorization scheme is not accepted here.",
            Self::Password => {
                "The user name or the password has to be a token, and the other one empty or x-oauth-basic."
            }
            Self::MalformedCredential(problem) => return format!("The request has {problem}."),
            Self::SeveralCredentials => "The request has more than one credential.",
            Self::InsecureTransport => "A credential may only be sent over https.",
            Self::AmbiguousMethod => "The method can be read in more than one way; write it in capitals.",
            Self::AmbiguousPath => "The path can be read in more than one way.",
            Self::AmbiguousHost => "The host cannot be read.",
            Self::UserInHost => "A credential in the host is not accepted here; send it in Authorization.",
            Self::AmbiguousDestination => {
                "The Destination cannot be read or checked; it has to be one path on this host."
            }
            Self::Token(error) => return token_detail(error),
            Self::Unmet(shortfall) => shortfall_detail(shortfall),
            Self::NoRule | Self::UnknownRule => "No rule allows this request.",
            Self::KeysUnavailable { .. } => "The keys to check the token with cannot be had at the moment.",
            Self::Overloaded => "Too many requests are waiting.",
            Self::Exchange(refused) => return refused.detail(),
            Self::ReissueReading => {
                "The service's token would be read as another's, or as a stronger one, where it comes back; its issuer has to be set up as that of this token is."
            }
            Self::Internal(_) => "The request could not be checked.",
        };
        fixed.to_owned()
    }
}

fn shortfall_status(shortfall: &Shortfall) -> Status {
    match shortfall {
        Shortfall::StepUp(_) => Status::Unauthorized,
        Shortfall::Issuer
        | Shortfall::Principal(_)
        | Shortfall::Client
        | Shortfall::User
        | Shortfall::Groups { .. }
        | Shortfall::Interactive
        | Shortfall::Capabilities { .. }
        | Shortfall::Path { .. } => Status::Forbidden,
    }
}

fn shortfall_code(shortfall: &Shortfall) -> Option<ErrorCode> {
    match shortfall {
        Shortfall::Capabilities { .. } | Shortfall::Path { .. } => Some(ErrorCode::InsufficientScope),
        Shortfall::StepUp(_) => Some(ErrorCode::InsufficientUserAuthentication),
        Shortfall::Issuer
        | Shortfall::Principal(_)
        | Shortfall::Client
        | Shortfall::User
        | Shortfall::Groups { .. }
        | Shortfall::Interactive => None,
    }
}

fn shortfall_reason(shortfall: &Shortfall) -> &'static str {
    match shortfall {
        Shortfall::Issuer => "issuer_not_listed",
        Shortfall::Principal(_) => "wrong_principal",
        Shortfall::Client => "client_not_listed",
        Shortfall::User => "user_not_listed",
        Shortfall::Groups { .. } => "not_in_group",
        Shortfall::Interactive => "not_interactive",
        Shortfall::Capabilities { .. } | Shortfall::Path { .. } => "insufficient_scope",
        Shortfall::StepUp(_) => "insufficient_user_authentication",
    }
}

fn shortfall_detail(shortfall: &Shortfall) -> &'static str {
    match shortfall {
        Shortfall::Principal(kinds) => {
            match (kinds.contains(&PrincipalKind::User), kinds.contains(&PrincipalKind::Service)) {
                (true, false) => {
                    "This is for users; the token is a service's own, or does not say which user it is for."
                }
                (false, true) => "This is for services; the token is not a service's own.",
                (true, true) | (false, false) => "The token does not say which user or service it is for.",
            }
        }
        Shortfall::Issuer => "The token is good, but this is not for tokens of its issuer.",
        Shortfall::Client => "The token is good, but this client may not do this.",
        Shortfall::User | Shortfall::Groups { .. } => "The token is good, but this user may not do this.",
        Shortfall::Interactive => "This is for users who logged in; tokens for programs are not accepted.",
        Shortfall::Capabilities { .. } => "The token does not have the capabilities that are needed here.",
        Shortfall::Path { is_destination: false, .. } => "The token does not allow this on this path.",
        Shortfall::Path { is_destination: true, .. } => "The token does not allow writing the Destination.",
        Shortfall::StepUp(_) => "This needs a more recent or a stronger login.",
    }
}

fn token_reason(error: &TokenError) -> &'static str {
    match error {
        TokenError::TooLong => "token_too_long",
        TokenError::NotJwt => "token_not_jwt",
        TokenError::Opaque => "token_opaque",
        TokenError::Unreadable => "token_unreadable",
        TokenError::Header(_) => "token_header",
        TokenError::UnknownIssuer => "unknown_issuer",
        TokenError::Algorithm => "algorithm",
        TokenError::UnknownKey => "unknown_key",
        TokenError::Signature => "bad_signature",
        TokenError::Expired => "expired",
        TokenError::NotYetValid => "not_yet_valid",
        TokenError::LifetimeTooLong => "lifetime_too_long",
        TokenError::Audience => "wrong_audience",
        TokenError::MissingClaim(_) => "missing_claim",
        TokenError::InvalidClaim(_) => "invalid_claim",
        TokenError::Kind(_) => "token_kind",
    }
}

fn token_detail(error: &TokenError) -> String {
    let fixed = match error {
        TokenError::TooLong => "The token is too long.",
        TokenError::NotJwt => "The token is not a well-formed JWT; is it cut off?",
        TokenError::Opaque => {
            "The token is opaque: only its issuer can read it. Ask the issuer for a JWT, usually by naming an audience."
        }
        TokenError::Unreadable => "The token cannot be read.",
        TokenError::Header(problem) => return format!("The token is not accepted: {problem}."),
        TokenError::UnknownIssuer => "The token's issuer is not trusted here.",
        TokenError::Algorithm => "The token's signature algorithm is not accepted.",
        TokenError::UnknownKey => "The token names no key that its issuer publishes.",
        TokenError::Signature => "The token's signature is wrong.",
        TokenError::Expired => "The token has expired.",
        TokenError::NotYetValid => "The token is not valid yet.",
        TokenError::LifetimeTooLong => "The token is valid for longer than is accepted.",
        TokenError::Audience => "The token is meant for another audience.",
        TokenError::MissingClaim(claim) => return format!("The token has no claim {claim}."),
        TokenError::Kind(kind) => return format!("This is {kind}, which is not accepted here."),
        TokenError::InvalidClaim(claim) => return format!("The token's claim {claim} cannot be used."),
    };
    fixed.to_owned()
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::policy::StepUp;

    pub fn every() -> Vec<Denial> {
        let token = [
            TokenError::TooLong,
            TokenError::NotJwt,
            TokenError::Opaque,
            TokenError::Unreadable,
            TokenError::Header("the token is encrypted"),
            TokenError::UnknownIssuer,
            TokenError::Algorithm,
            TokenError::UnknownKey,
            TokenError::Signature,
            TokenError::Expired,
            TokenError::NotYetValid,
            TokenError::LifetimeTooLong,
            TokenError::Audience,
            TokenError::MissingClaim("exp"),
            TokenError::InvalidClaim("exp"),
            TokenError::Kind("an ID token"),
        ];
        let unmet = [
            Shortfall::Issuer,
            Shortfall::Principal(BTreeSet::from([PrincipalKind::User])),
            Shortfall::Client,
            Shortfall::User,
            Shortfall::Groups { missing: "g".to_owned() },
            Shortfall::Interactive,
            Shortfall::Capabilities { asked: "read:tap".to_owned(), missing: "read:tap".to_owned() },
            Shortfall::Path { asked: "read", missing: "read:/a".to_owned(), is_destination: false },
            Shortfall::Path { asked: "write", missing: "write:/a".to_owned(), is_destination: true },
            Shortfall::StepUp(StepUp::default()),
        ];
        let mut all = vec![
            Denial::MissingCredential,
            Denial::ForeignAuthorization,
            Denial::Password,
            Denial::MalformedCredential("a Bearer credential without a token"),
            Denial::SeveralCredentials,
            Denial::InsecureTransport,
            Denial::AmbiguousMethod,
            Denial::AmbiguousPath,
            Denial::AmbiguousHost,
            Denial::UserInHost,
            Denial::AmbiguousDestination,
            Denial::NoRule,
            Denial::UnknownRule,
            Denial::KeysUnavailable { retry_after: Duration::from_secs(9) },
            Denial::Overloaded,
            Denial::ReissueReading,
            Denial::Internal("test"),
        ];
        let exchange = [
            Refused::Method,
            Refused::GrantType,
            Refused::NoForm,
            Refused::Reading,
            Refused::Issuer,
            Refused::Request("grant_type is missing"),
            Refused::Scope("The token does not have all of these scopes"),
            Refused::Target("A token is for one audience"),
            Refused::Length(301),
        ];
        all.extend(exchange.map(Denial::Exchange));
        all.extend(token.map(Denial::Token));
        all.extend(unmet.map(Denial::Unmet));
        all
    }

    /// The table that `tests/denials.txt` holds: reviewing its difference is easier than reading the matches.
    #[test]
    fn every_refusal_is_as_the_table_says() {
        let line = |denial: &Denial| {
            let code = denial.error_code().map_or("-", ErrorCode::as_str);
            format!("{:<32} {} {:<32} {}\n", denial.reason(), denial.status().code(), code, denial.detail())
        };
        let table: String = every().iter().map(line).collect();
        let known = include_str!("../tests/denials.txt");
        assert!(
            table == known,
            "tests/denials.txt has another table than this:
{table}"
        );
    }

    #[test]
    fn the_page_for_operators_lists_every_reason() {
        let page = include_str!("../envoy/OPERATING.md");
        for denial in every() {
            assert!(page.contains(&format!("`{}`", denial.reason())), "{}", denial.reason());
        }
    }

    #[test]
    fn what_a_client_is_told_needs_no_escaping() {
        for denial in every() {
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(denial.detail().bytes().all(allowed), "{denial:?}");
        }
    }

    #[test]
    fn an_outage_is_never_the_clients_fault() {
        for denial in every() {
            assert_eq!(denial.status() == Status::ServiceUnavailable, denial.retry_after().is_some(), "{denial:?}");
        }
    }
}
