//! A refusal in the terms of a table: the status, and what the challenge says.

use super::config::REALM;
use super::request::Request;
use super::stage::{Protocol, Stage};
use crate::support::challenge::{Challenge, ErrorCode, Scheme};

/// What `WWW-Authenticate` says, apart from the words of a description.
#[derive(Clone, Copy, Debug)]
pub enum Challenged {
    /// No such header.
    No,
    /// `Bearer` that only asks.
    Asked,
    /// `Bearer` that only asks, then `Basic`.
    AskedBoth,
    /// `Bearer` with this error.
    Error(ErrorCode),
    /// `Bearer` with this error, then `Basic`.
    ErrorBoth(ErrorCode),
    /// `Bearer` with `insufficient_scope` and this scope.
    Scope(&'static str),
    /// `Bearer`, with or without `invalid_token`: both are right for what is no token of ours.
    AskedOrInvalid,
}

impl Challenged {
    /// The lists of challenges that will do.
    fn wanted(self) -> Vec<Vec<Challenge>> {
        let bearer = Challenge::bare(Scheme::Bearer, REALM);
        let basic = Challenge::bare(Scheme::Basic, REALM);
        let error = |code| Challenge { error: Some(code), ..bearer.clone() };
        match self {
            Self::No => vec![vec![]],
            Self::Asked => vec![vec![bearer]],
            Self::AskedBoth => vec![vec![bearer, basic]],
            Self::Error(code) => vec![vec![error(code)]],
            Self::ErrorBoth(code) => vec![vec![error(code), basic]],
            Self::Scope(scope) => {
                let scope = Some(scope.to_owned());
                vec![vec![Challenge { scope, ..error(ErrorCode::InsufficientScope) }]]
            }
            Self::AskedOrInvalid => {
                vec![vec![bearer.clone()], vec![error(ErrorCode::InvalidToken)]]
            }
        }
    }
}

/// A request that must be refused: its name, the status, and what it is told.
pub type Row<'a> = (&'a str, Request, u16, Challenged);

/// Sends it, and holds the refusal to all that every refusal has in common.
pub fn check(stage: &Stage, protocol: Protocol, row: &Row<'_>) {
    let (name, request, status, challenged) = row;
    let name = format!("{name} over {protocol:?}");
    let answer = stage.send(protocol, request).refused(&name, *status);
    let challenges: Vec<Challenge> =
        answer.challenges().into_iter().map(|challenge| Challenge { error_description: None, ..challenge }).collect();
    let wanted = challenged.wanted();
    assert!(wanted.contains(&challenges), "{name}: {challenges:?}, not one of {wanted:?}");
    assert_eq!(answer.value("cache-control").as_deref(), Some("no-store"), "{name}");
}
