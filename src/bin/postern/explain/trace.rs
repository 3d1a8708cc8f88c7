//! The checks of a request one by one.
//!
//! Each is a call of the very part of the core that the decision is made of, in the same order. A test holds the two
//! together: the first check that fails here is for the reason of the decision.

mod credential;
mod looks;
mod own;
mod required;
mod rule;
mod token;

use std::io;
use std::rc::Rc;

use postern::config::Config;
use postern::credential::Scheme;
use postern::denial::Denial;
use postern::issuer::Principal;
use postern::request::{RequestHead, Route};
use postern::secret::Secret;
use postern::time::UnixTime;

use super::decision::Decision;
use super::keys::Keys;
use crate::files::Plugin;
use crate::signing_keys::SigningKeys;

pub use rule::{Chosen, Nearby};

/// All that is looked at.
pub struct Scene<'a> {
    pub plugin: &'a Plugin,
    pub config: &'a Rc<Config>,
    pub head: &'a RequestHead,
    pub route: &'a Route,
    /// The request's body, where it has one.
    pub form: Option<&'a str>,
    pub now: UnixTime,
    pub jwks: &'a [String],
    pub signing_keys: &'a SigningKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Rule,
    Credential,
    Token,
    Required,
    Service,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Required => "required",
            Self::Service => "service",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Passed,
    /// With the reason as metrics have it.
    Failed(String),
    /// Taken for good without being looked at.
    Unchecked,
    NotReached,
}

#[derive(Clone, Debug)]
pub struct Check {
    pub stage: Stage,
    /// The rule that asks for it, where rules do.
    pub rule: Option<String>,
    pub name: &'static str,
    pub state: State,
    /// What was looked at: one thing, or several.
    pub facts: Vec<String>,
    /// What may be meant instead.
    pub hint: Option<String>,
}

/// Facts of a check. A token's texts may be among them, so they are kept apart and not joined by any character.
pub struct Facts(Vec<String>);

impl From<&str> for Facts {
    fn from(fact: &str) -> Self {
        Self(vec![fact.to_owned()])
    }
}

impl From<String> for Facts {
    fn from(fact: String) -> Self {
        Self(vec![fact])
    }
}

impl From<Vec<String>> for Facts {
    fn from(facts: Vec<String>) -> Self {
        Self(facts)
    }
}

impl<const N: usize> From<[String; N]> for Facts {
    fn from(facts: [String; N]) -> Self {
        Self(facts.into())
    }
}

/// Who the token is of, and where each capability comes from: groups, or else a scope.
pub struct Caller {
    pub principal: Rc<Principal>,
    pub sources: Vec<(String, Vec<String>)>,
}

#[derive(Default)]
pub struct Trace {
    pub chosen: Vec<Chosen>,
    /// Rules that nearly match, where none does.
    pub nearby: Vec<Nearby>,
    /// How many more there are, of which less holds.
    pub not_nearby: usize,
    pub checks: Vec<Check>,
    pub scheme: Option<Scheme>,
    /// The token that was presented, for it to be read and never shown.
    pub token: Option<Secret>,
    pub caller: Option<Caller>,
    pub keys: Option<Keys>,
    /// The audience of the token that the rule has made for its service.
    reissued_for: Option<String>,
    is_for_method: bool,
    /// The checks of a token that is to be exchanged, and who it is of.
    exchanged: Option<Box<Self>>,
}

/// The end of the way: what comes after it is not reached.
struct Stop;

type Reached<T> = Result<T, Stop>;

impl Trace {
    fn add(&mut self, stage: Stage, name: &'static str, state: State, facts: impl Into<Facts>) {
        self.checks.push(Check { stage, rule: None, name, state, facts: facts.into().0, hint: None });
    }

    fn pass(&mut self, stage: Stage, name: &'static str, facts: impl Into<Facts>) {
        self.add(stage, name, State::Passed, facts);
    }

    fn fail(&mut self, stage: Stage, name: &'static str, denial: &Denial, facts: impl Into<Facts>) -> Stop {
        self.add(stage, name, State::Failed(denial.reason().to_owned()), facts);
        Stop
    }

    /// Says of the last check which rule asks for it.
    fn of_rule(&mut self, rule: &str) {
        if let Some(check) = self.checks.last_mut() {
            check.rule = Some(rule.to_owned());
        }
    }

    fn hint(&mut self, hint: Option<String>) {
        if let Some(check) = self.checks.last_mut() {
            check.hint = hint;
        }
    }

    pub fn failed(&self) -> Option<&Check> {
        self.checks.iter().find(|check| matches!(check.state, State::Failed(_)))
    }

    /// Notes a check that the request does not come to.
    fn leave_out(&mut self, stage: Stage, rule: Option<&str>, name: &'static str, facts: impl Into<Facts>) {
        let is_it = |check: &Check| check.stage == stage && check.rule.as_deref() == rule && check.name == name;
        if !self.checks.iter().any(is_it) {
            self.add(stage, name, State::NotReached, facts);
            rule.into_iter().for_each(|rule| self.of_rule(rule));
        }
    }

    /// What the decision alone can tell: what became of the token for the service, and of a request for the filter itself.
    pub fn complete(&mut self, scene: &Scene<'_>, decision: &Decision) {
        own::complete(self, decision);
        const NAME: &str = "service's token";
        let Some(audience) = &self.reissued_for else { return };
        let fact = format!("one for {audience}, signed by the filter");
        let presented = self.token.as_ref().map(Secret::expose);
        if self.failed().is_some() {
            self.add(Stage::Service, NAME, State::NotReached, fact);
        } else if !decision.is_let_on() || decision.is_shadow() {
            self.add(Stage::Service, NAME, State::Failed(decision.reason.clone()), fact);
        } else {
            let method = scene.head.method().unwrap_or_default();
            let fact = match decision.token_for_service() {
                Some(token) if Some(token.as_str()) == presented => {
                    format!("the presented one, which was made here for {audience} before")
                }
                Some(_) => fact,
                None if self.is_for_method => "none: the presented one was made here, for another service".to_owned(),
                None => format!("none: {method} changes nothing, and safe_methods is off"),
            };
            self.add(Stage::Service, NAME, State::Passed, fact);
        }
    }
}

/// Follows a request as far as it gets. Fails where keys that were given cannot be read.
pub fn trace(scene: &Scene<'_>) -> io::Result<Trace> {
    let mut trace = Trace::default();
    if let Some(asked) = scene.config.reissue.as_ref().and_then(|own| own.asked(scene.head)) {
        own::look(&mut trace, scene, asked)?;
        return Ok(trace);
    }
    let Ok(selected) = rule::select(&mut trace, scene) else { return Ok(trace) };
    if let Some((_, reissue)) = selected.reissuing() {
        trace.reissued_for = Some(reissue.audience.clone());
        trace.is_for_method = reissue.is_for(scene.head.method().unwrap_or_default());
    }
    let Ok(Some(credential)) = credential::find(&mut trace, scene, &selected) else {
        if trace.failed().is_some() {
            token::leave_out(&mut trace);
            required::leave_out(&mut trace, &selected);
        } else {
            trace.reissued_for = None;
        }
        return Ok(trace);
    };
    let caller = token::check(&mut trace, scene, credential)?;
    token::leave_out(&mut trace);
    if let Ok(caller) = caller {
        let skew = caller.skew;
        let principal = Rc::clone(&caller.caller.principal);
        trace.caller = Some(caller.caller);
        // What it comes to is in the trace already.
        let _ = required::check(&mut trace, scene, &selected, &principal, skew);
    }
    required::leave_out(&mut trace, &selected);
    Ok(trace)
}
