//! What is found out about one request: who is let on as whom, and what is told of it.

use std::rc::Rc;

use super::reissued::for_service;
use super::{AwaitingKeys, Caller, Env, Farewell, Memory, Next, Report, Step};
use crate::config::Config;
use crate::credential::{self, Credential, Credentials};
use crate::denial::Denial;
use crate::identity::Carrying;
use crate::jwks::{Lookup, Wait};
use crate::policy::{Access, Clock, Offer, Selected};
use crate::record::{Admittance, Decision, Record};
use crate::reissue::{Scopes, Wanted, refusal};
use crate::reply::{Preferences, Reply, reply};
use crate::request::{Mutation, RequestHead, Route};
use crate::token::{Candidate, Ground, Recall, TokenError, UnverifiedToken, verify};

/// What is known of a request on its way.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) config: Rc<Config>,
    selected: Option<Selected>,
    record: Record,
    /// The request's method.
    method: String,
    pub(super) purpose: Purpose,
}

/// What the request came for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To go on to the service behind.
    Pass,
    /// For a weaker token; what it is to be, once that is known.
    Exchange(Option<Wanted>),
}

pub(super) enum Progress {
    Admitted(Entry),
    Waiting(Credential, Wait),
    /// There is no service to go on to.
    Answered(Reply),
}

enum Verified {
    Caller(Rc<Caller>),
    Waiting(Credential, Wait),
}

/// How a request is let on.
pub(super) enum Entry {
    /// With a token, what the rule's grant adds to the request, and the token that goes on.
    Authenticated(Rc<Caller>, Vec<Mutation>, Option<Carrying>),
    Anonymous,
    Foreign,
}

impl Visit {
    pub(super) fn new(config: &Rc<Config>) -> Self {
        let (record, method) = (Record::default(), String::new());
        Self { config: Rc::clone(config), selected: None, record, method, purpose: Purpose::Pass }
    }

    /// For a token instead of a service.
    pub(super) fn exchanging(self) -> Self {
        Self { purpose: Purpose::Exchange(None), ..self }
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
        self.method = head.method().unwrap_or_default().to_owned();
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
                self.authenticate(credentials.presented()?, None, memory, env)
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
        self.judge(caller, memory, env)
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
            credential.checked().presented()?;
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
                let caller = Rc::new(Caller::new(&token, issuer, &config));
                memory.tokens.remember(raw, ground.holding(token.holds()), Rc::clone(&caller), env.now);
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

    fn judge(&mut self, caller: Rc<Caller>, memory: &mut Memory, env: &Env<'_>) -> Result<Progress, Denial> {
        let principal = Rc::clone(&caller.principal);
        if let Purpose::Exchange(wanted) = &mut self.purpose {
            let wanted = wanted.take().ok_or(Denial::Internal("nobody knows what token is wanted"))?;
            self.record.principal = Some(principal);
            return self.exchanged(&caller, &wanted, env);
        }
        let Some(selected) = &self.selected else {
            return Err(Denial::Internal("no rule was chosen"));
        };
        let checked = selected.check(&principal, Clock { now: env.now, skew: caller.skew });
        let additions = checked.map_err(|(rule, shortfall)| {
            // With COPY and MOVE it may be that of the other path.
            self.record.rule = Some(Rc::clone(&rule.name));
            Denial::from(shortfall)
        });
        self.record.principal = Some(principal);
        let additions = additions?;
        let carrying = self.token_for_service(&caller, memory, env)?;
        Ok(Progress::Admitted(Entry::Authenticated(caller, additions, carrying)))
    }

    fn token_for_service(
        &self,
        caller: &Caller,
        memory: &mut Memory,
        env: &Env<'_>,
    ) -> Result<Option<Carrying>, Denial> {
        let Some((selected, (rule, reissue))) = self.selected.as_ref().and_then(|s| Some((s, s.reissuing()?))) else {
            return Ok(caller.forwarded.as_deref().cloned());
        };
        let Some(own) = &self.config.reissue else {
            return Err(Denial::Internal("there is no issuer for the service's token"));
        };
        if !reissue.is_for(&self.method) {
            return Ok(None);
        }
        let scope = (reissue.scopes == Scopes::Needed).then(|| selected.needed(&caller.principal));
        let (passage, carrying) = for_service(caller, rule, (reissue, scope), (own, &self.config), env)?;
        memory.count(passage);
        Ok(carrying)
    }

    pub(super) fn conclude(self, progress: Result<Progress, Denial>, farewell: impl FnOnce() -> Farewell) -> Step {
        match progress {
            Ok(Progress::Admitted(entry)) => self.admit(entry),
            Ok(Progress::Answered(reply)) => {
                let report = self.report(Decision::Allow(Admittance::Exchanged));
                Step { mutations: Vec::new(), next: Next::Reply(reply, report) }
            }
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

    /// Answers a request for what everybody may read.
    pub(super) fn publish(&self, reply: Reply, scrub: Vec<Mutation>) -> Step {
        let report = self.report(Decision::Allow(Admittance::Published));
        Step { mutations: scrub, next: Next::Reply(reply, report) }
    }

    fn admit(&self, entry: Entry) -> Step {
        let allow = |admittance| self.report(Decision::Allow(admittance));
        let (mutations, report) = match entry {
            Entry::Authenticated(caller, additions, carrying) => {
                let mut mutations = caller.assertions.clone();
                let (own, authorization) = carrying.map_or((None, None), |c| (c.own, Some(c.authorization)));
                mutations.extend(own);
                if !self.is_shadow() {
                    mutations.extend(authorization);
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
        let reply = match self.purpose {
            Purpose::Pass => reply(denial, offers, &self.config.realm, preferences),
            Purpose::Exchange(_) => refusal(denial, self.record.scheme, &self.config.realm),
        };
        Next::Reply(reply, self.report(Decision::Deny(denial)))
    }

    fn report(&self, decision: Decision<'_>) -> Report {
        Report { counter: self.record.counter(decision).into(), record: self.record.json(decision).into() }
    }
}
