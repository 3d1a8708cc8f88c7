//! What is found out about one request: who is let on as whom, and what is told of it.

use std::rc::Rc;

use super::{AwaitingKeys, Caller, Env, Farewell, Memory, Next, Report, Step};
use crate::config::Config;
use crate::credential::{self, Credential, Credentials};
use crate::denial::Denial;
use crate::jwks::{Lookup, Wait};
use crate::policy::{Access, Clock, Offer, Selected};
use crate::record::{Admittance, Decision, Record};
use crate::reply::{Preferences, reply};
use crate::request::{Mutation, RequestHead, Route};
use crate::time::UnixTime;
use crate::token::{Candidate, Ground, Recall, TokenError, UnverifiedToken, verify};

/// What is known of a request on its way.
#[derive(Debug)]
pub(super) struct Visit {
    config: Rc<Config>,
    selected: Option<Selected>,
    record: Record,
}

pub(super) enum Progress {
    Admitted(Entry),
    Waiting(Credential, Wait),
}

enum Verified {
    Caller(Rc<Caller>),
    Waiting(Credential, Wait),
}

/// How a request is let on.
pub(super) enum Entry {
    /// With a token, and what the rule's grant adds to the request.
    Authenticated(Rc<Caller>, Vec<Mutation>),
    Anonymous,
    Foreign,
}

impl Visit {
    pub(super) fn new(config: &Rc<Config>) -> Self {
        Self { config: Rc::clone(config), selected: None, record: Record::default() }
    }

    pub(super) fn enter(
        &mut self,
        head: &RequestHead,
        route: &Route,
        mutations: &mut Vec<Mutation>,
        memory: &mut Memory,
        env: &Env<'_>,
    ) -> Result<Progress, Denial> {
        let selected = self.config.policy.select(head, route)?;
        let strictest = selected.strictest();
        let access = strictest.access;
        self.record.rule = Some(Rc::clone(&strictest.name));
        let found = credential::find(head, self.config.credentials, selected.foreign());
        // Under a shadow rule nothing changes for the service but what it is told of the caller.
        if !selected.is_shadow() {
            mutations.extend(found.removal);
        }
        let hopeless = selected.hopeless().map(|(rule, denial)| (Rc::clone(&rule.name), denial));
        self.selected = Some(selected);
        if let Some((rule, denial)) = hopeless {
            self.record.rule = Some(rule);
            return Err(denial);
        }
        if found.credentials != Credentials::NotPresented && self.config.require_tls && !head.is_https() {
            return Err(Denial::InsecureTransport);
        }
        match (access, found.credentials) {
            (_, Credentials::LeftAlone) => Ok(Progress::Admitted(Entry::Foreign)),
            (Access::Anonymous, _) | (Access::Optional, Credentials::NotPresented) => {
                Ok(Progress::Admitted(Entry::Anonymous))
            }
            (Access::Optional | Access::Required, credentials) => {
                self.authenticate(presented(credentials)?, None, memory, env)
            }
        }
    }

    pub(super) fn authenticate(
        &mut self,
        credential: Credential,
        waited: Option<Wait>,
        memory: &mut Memory,
        env: &Env<'_>,
    ) -> Result<Progress, Denial> {
        let token = credential.token.expose();
        let recalled = match waited {
            None => memory.recall(token, env.now),
            Some(_) => memory.recall_again(token, env.now),
        };
        let caller = match recalled {
            Recall::Good(caller) => {
                self.record.scheme = Some(credential.scheme);
                caller
            }
            Recall::Forged(issuer) => {
                self.record.scheme = Some(credential.scheme);
                self.record.issuer = Some(self.config.issuers.name(issuer).to_owned());
                return Err(TokenError::Signature.into());
            }
            Recall::Unknown => match self.verify(credential, waited, memory, env)? {
                Verified::Caller(caller) => caller,
                Verified::Waiting(credential, wait) => return Ok(Progress::Waiting(credential, wait)),
            },
        };
        self.judge(caller, env.now)
    }

    /// Cheap checks first, then those that need a key.
    fn verify(
        &mut self,
        credential: Credential,
        waited: Option<Wait>,
        memory: &mut Memory,
        env: &Env<'_>,
    ) -> Result<Verified, Denial> {
        let (raw, scheme) = (credential.token.clone(), credential.scheme);
        let parsed = UnverifiedToken::parse(raw.clone());
        if parsed.is_err() {
            // What is no token at all is a mistake in the request and not in the token.
            presented(credential.checked())?;
        }
        self.record.scheme = Some(scheme);
        let token = parsed?;
        let config = Rc::clone(&self.config);
        // Also where it is unknown: the record is what an operator has to find a slash too many.
        let iss = token.issuer()?;
        self.record.issuer = Some(iss.to_owned());
        let (id, issuer) = config.issuers.find(iss).ok_or(TokenError::UnknownIssuer)?;
        let candidate = Candidate::check(token, issuer, env.now)?;
        let found = match waited {
            None => memory.keys.lookup(id, candidate.kid(), env.now),
            Some(wait) => memory.keys.after_wait(wait, candidate.kid(), env.now),
        };
        let set = match found {
            Lookup::Ready(set) => set,
            // What was read of the token takes many times its room, and is read again after the wait.
            Lookup::Pending(wait) => return Ok(Verified::Waiting(Credential { token: raw, scheme }, wait)),
            Lookup::Unavailable { retry_after } => return Err(Denial::KeysUnavailable { retry_after }),
        };
        let ground = Ground::new(id, candidate.kid(), &set, candidate.holds());
        match verify(candidate, issuer, &set, env.signatures, env.now) {
            Ok(token) => {
                let caller = Rc::new(Caller::new(&token, issuer, &config.headers));
                memory.tokens.remember(raw, ground.holding(token.holds()), Rc::clone(&caller));
                Ok(Verified::Caller(caller))
            }
            Err(error) => {
                if error == TokenError::Signature {
                    memory.tokens.remember_forged(raw, ground);
                }
                Err(error.into())
            }
        }
    }

    fn judge(&mut self, caller: Rc<Caller>, now: UnixTime) -> Result<Progress, Denial> {
        let principal = Rc::clone(&caller.principal);
        let Some(selected) = &self.selected else {
            return Err(Denial::Internal("no rule was chosen"));
        };
        let checked = selected.check(&principal, Clock { now, skew: caller.skew });
        let additions = checked.map_err(|(rule, shortfall)| {
            // With COPY and MOVE it may be that of the other path.
            self.record.rule = Some(Rc::clone(&rule.name));
            Denial::from(shortfall)
        });
        self.record.principal = Some(principal);
        Ok(Progress::Admitted(Entry::Authenticated(caller, additions?)))
    }

    pub(super) fn conclude(self, progress: Result<Progress, Denial>, farewell: impl FnOnce() -> Farewell) -> Step {
        match progress {
            Ok(Progress::Admitted(entry)) => self.admit(entry),
            Ok(Progress::Waiting(credential, wait)) => {
                let waiting = AwaitingKeys { visit: self, credential, wait, farewell: farewell() };
                Step { mutations: Vec::new(), next: Next::AwaitKeys(Box::new(waiting)) }
            }
            Err(denial) if self.is_shadow() => {
                Step { mutations: Vec::new(), next: Next::Forward(self.report(Decision::ShadowDeny(&denial))) }
            }
            Err(denial) => {
                let Farewell { scrub, preferences } = farewell();
                Step { mutations: scrub, next: self.deny(&denial, &preferences) }
            }
        }
    }

    fn admit(&self, entry: Entry) -> Step {
        let allow = |admittance| self.report(Decision::Allow(admittance));
        let (mutations, report) = match entry {
            Entry::Authenticated(caller, additions) => {
                let mut mutations = caller.assertions.clone();
                if !self.is_shadow() {
                    mutations.extend(caller.forwarded.clone());
                    mutations.extend(additions);
                }
                (mutations, self.welcome(&caller))
            }
            Entry::Anonymous => (Vec::new(), allow(Admittance::Anonymous)),
            Entry::Foreign => (Vec::new(), allow(Admittance::Foreign)),
        };
        Step { mutations, next: Next::Forward(report) }
    }

    /// What is told of a request that goes on with a token.
    fn welcome(&self, caller: &Caller) -> Report {
        let report = || self.report(Decision::Allow(Admittance::Authenticated));
        match (&self.selected, self.record.scheme) {
            (Some(selected), Some(scheme)) => caller.report(selected.strictest(), scheme, report),
            _ => report(),
        }
    }

    /// Whether a rule was found and is not in force.
    fn is_shadow(&self) -> bool {
        self.selected.as_ref().is_some_and(Selected::is_shadow)
    }

    fn deny(&self, denial: &Denial, preferences: &Preferences) -> Next {
        let offers: &[Offer] =
            self.selected.as_ref().map_or(&[Offer::Bearer], |selected| &selected.strictest().challenge);
        let reply = reply(denial, offers, &self.config.realm, preferences);
        Next::Reply(reply, self.report(Decision::Deny(denial)))
    }

    fn report(&self, decision: Decision<'_>) -> Report {
        Report { counter: self.record.counter(decision).into(), record: self.record.json(decision).into() }
    }
}

fn presented(credentials: Credentials) -> Result<Credential, Denial> {
    match credentials {
        Credentials::Presented(credential) => Ok(credential),
        Credentials::NotPresented => Err(Denial::MissingCredential),
        Credentials::Foreign | Credentials::LeftAlone => Err(Denial::ForeignAuthorization),
        Credentials::Password => Err(Denial::Password),
        Credentials::Malformed(problem) => Err(Denial::MalformedCredential(problem)),
        Credentials::Several => Err(Denial::SeveralCredentials),
    }
}
