//! A request that is sent again and again, and what has to come of it.

use super::right::Right;
use crate::wire::harness::request::Request;

/// A name that no token has, under the header by which the service is told who is calling.
const FORGED: (&str, &str) = ("x-auth-request-user", "mallory");

#[derive(Debug)]
pub struct Item {
    pub kind: &'static str,
    pub rule: &'static str,
    pub request: Request,
    pub http1: Vec<u8>,
    /// As whom the service has to be called.
    pub user: Option<String>,
    pub right: Right,
    /// Whether the filter has one token to look for among those it remembers.
    pub looked_up: bool,
}

impl Item {
    /// To the rule of this name.
    pub fn new(rule: &'static str, request: Request, right: Right) -> Self {
        let request = request.field(FORGED.0, FORGED.1);
        let http1 = request.http1();
        Self { kind: rule, rule, request, http1, user: None, right, looked_up: true }
    }

    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    pub fn not_looked_up(mut self) -> Self {
        self.looked_up = false;
        self
    }

    /// Counted under another rule than its path is named after.
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    /// Whether this status is the refusal that is due, and has not waited for the request's body.
    pub fn is_refused_early(&self, status: Option<u16>) -> bool {
        let refused = |status: u16| matches!(self.right, Right::Always(right, _) if right == status && right >= 400);
        self.request.body.is_some() && status.is_some_and(refused)
    }
}
