//! Who is calling, as far as a verified token says it.

use std::collections::BTreeSet;

use super::PathDialect;
use crate::time::UnixTime;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// Absent where the token names neither a user nor a client on its own behalf.
    pub kind: Option<PrincipalKind>,
    /// A service has none: its client id might be somebody's user name (RFC 9068 §5).
    pub user: Option<String>,
    pub uid: Option<u32>,
    pub email: Option<String>,
    /// The client that the token was given to, a user's as well as a service's own.
    pub client: Option<String>,
    pub token_id: Option<String>,
    pub groups: Vec<String>,
    /// The token's scopes, and what its groups stand for.
    pub capabilities: BTreeSet<String>,
    /// Capabilities that the token lists and that count for interactive tokens only, which it is not.
    pub withheld: BTreeSet<String>,
    /// Whether a user logged in for this token, as opposed to a token made for programs.
    pub interactive: bool,
    /// When the user logged in (OpenID Connect Core §2).
    pub auth_time: Option<UnixTime>,
    /// How the user logged in (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// How capabilities with paths are to be read, where they mean anything.
    pub paths: Option<PathDialect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalKind {
    User,
    /// A client on its own behalf (RFC 6749 §4.4).
    Service,
}

impl PrincipalKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
        }
    }
}
