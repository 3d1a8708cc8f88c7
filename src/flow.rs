//! One request, from its head to a decision.
//!
//! [`begin`] takes it as far as it gets. Where keys have to be fetched first it hands back an [`AwaitingKeys`] that owns
//! all it needs; [`AwaitingKeys::resume`] goes on from there once, and is consumed by it.

mod parking;

use std::rc::Rc;

use crate::config::Config;
use crate::credential::{self, Credential, Credentials};
use crate::crypto::SignatureCheck;
use crate::denial::Denial;
use crate::issuer::IssuerId;
use crate::jwks::{KeyStore, Lookup, Wait};
use crate::policy::{Access, Clock, Offer, Selected};
use crate::record::{Admittance, Decision, Record};
use crate::reply::{Preferences, Reply, reply};
use crate::request::{Mutation, RequestHead, Route, hop_by_hop, misleading};
use crate::time::UnixTime;
use crate::token::{Candidate, TokenError, UnverifiedToken, VerifiedToken, verify};

pub use parking::{Handle, MAX_PARKED, Parked, Parking};

/// What the core does not have by itself.
pub struct Env<'a> {
    pub now: UnixTime,
    pub signatures: &'a dyn SignatureCheck,
}

/// What to do with the request: first these changes, then this.
#[must_use]
#[derive(Debug)]
pub struct Step {
    pub mutations: Vec<Mutation>,
    pub next: Next,
}

#[derive(Debug)]
pub enum Next {
    Forward(Report),
    Reply(Reply, Report),
    AwaitKeys(Box<AwaitingKeys>),
}

/// What is told of a decision: a counter, and a line for the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub counter: String,
    pub record: String,
}

/// Decides a request as far as can be without waiting.
pub fn begin(config: &Rc<Config>, head: &RequestHead, route: &Route, keys: &mut KeyStore, env: &Env<'_>) -> Step {
    let mut visit = Visit::new(config, Preferences::of(head));
    let mut mutations = config.headers.removals(head);
    mutations.extend(hop_by_hop(head));
    mutations.extend(misleading(head));
    let progress = visit.enter(head, route, &mut mutations, keys, env);
    let step = visit.conclude(progress, || credential::scrub(head));
    mutations.extend(step.mutations);
    Step { mutations, ..step }
}

/// Refuses a request that the host failed to show.
pub fn refuse_unread(config: &Rc<Config>, problem: &'static str) -> Step {
    Visit::new(config, Preferences::default()).conclude(Err(Denial::Internal(problem)), Vec::new)
}

/// A request whose token is good as far as can be told without its issuer's keys.
#[derive(Debug)]
pub struct AwaitingKeys {
    visit: Visit,
    credential: Credential,
    wait: Wait,
    /// What takes the credentials out should it come to a refusal; those that were looked for are out already, but
    /// where the rule is a shadow.
    scrub: Vec<Mutation>,
}

impl AwaitingKeys {
    pub fn issuer(&self) -> IssuerId {
        self.wait.issuer()
    }

    /// Whether there is something new to decide by.
    pub fn is_ready(&self, keys: &KeyStore) -> bool {
        keys.is_over(self.wait)
    }

    /// Goes on with the keys that are there by now.
    pub fn resume(self, keys: &mut KeyStore, env: &Env<'_>) -> Step {
        let Self { mut visit, credential, wait, scrub } = self;
        let progress = visit.authenticate(credential, Some(wait), keys, env);
        visit.conclude(progress, || scrub)
    }

    /// Ends the wait without keys.
    pub fn refuse(self, denial: Denial) -> Step {
        self.visit.conclude(Err(denial), || self.scrub)
    }
}

/// What is known of a request on its way.
#[derive(Debug)]
struct Visit {
    config: Rc<Config>,
    selected: Option<Selected>,
    preferences: Preferences,
    record: Record,
}

enum Progress {
    Admitted(Entry),
    Waiting(Credential, Wait),
}

/// How a request is let on.
enum Entry {
    /// With a token, and what the rule's grant adds to the request.
    Authenticated(Box<VerifiedToken>, Vec<Mutation>),
    Anonymous,
    Foreign,
}

impl Visit {
    fn new(config: &Rc<Config>, preferences: Preferences) -> Self {
        Self { config: Rc::clone(config), selected: None, preferences, record: Record::default() }
    }

    fn enter(
        &mut self,
        head: &RequestHead,
        route: &Route,
        mutations: &mut Vec<Mutation>,
        keys: &mut KeyStore,
        env: &Env<'_>,
    ) -> Result<Progress, Denial> {
        let selected = self.config.policy.select(head, route)?;
        let strictest = selected.strictest();
        let access = strictest.access;
        self.record.rule = Some(strictest.name.clone());
        let found = credential::find(head, self.config.credentials, selected.foreign());
        // Under a shadow rule nothing changes for the service but what it is told of the caller.
        if !selected.is_shadow() {
            mutations.extend(found.removal);
        }
        let hopeless = selected.hopeless().map(|(rule, denial)| (rule.name.clone(), denial));
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
                self.authenticate(presented(credentials)?, None, keys, env)
            }
        }
    }

    /// Cheap checks first, then those that need a key.
    fn authenticate(
        &mut self,
        credential: Credential,
        waited: Option<Wait>,
        keys: &mut KeyStore,
        env: &Env<'_>,
    ) -> Result<Progress, Denial> {
        let scheme = credential.scheme;
        self.record.scheme = Some(scheme);
        let token = UnverifiedToken::parse(credential.token)?;
        let config = Rc::clone(&self.config);
        // Also where it is unknown: the record is what an operator has to find a slash too many.
        let iss = token.issuer()?;
        self.record.issuer = Some(iss.to_owned());
        let (id, issuer) = config.issuers.find(iss).ok_or(TokenError::UnknownIssuer)?;
        let candidate = Candidate::check(token, issuer, env.now)?;
        let found = match waited {
            None => keys.lookup(id, candidate.kid(), env.now),
            Some(wait) => keys.after_wait(wait, candidate.kid(), env.now),
        };
        let set = match found {
            Lookup::Ready(set) => set,
            Lookup::Pending(wait) => {
                return Ok(Progress::Waiting(Credential { token: candidate.into_raw(), scheme }, wait));
            }
            Lookup::Unavailable { retry_after } => return Err(Denial::KeysUnavailable { retry_after }),
        };
        let token = verify(candidate, issuer, &set, env.signatures, env.now)?;
        self.record.set_principal(token.principal());
        let clock = Clock { now: env.now, skew: issuer.clock_skew };
        let Some(selected) = &self.selected else {
            return Err(Denial::Internal("no rule was chosen"));
        };
        let additions = selected.check(token.principal(), clock).map_err(|(rule, shortfall)| {
            // With COPY and MOVE it may be that of the other path.
            self.record.rule = Some(rule.name.clone());
            Denial::from(shortfall)
        })?;
        Ok(Progress::Admitted(Entry::Authenticated(Box::new(token), additions)))
    }

    fn conclude(self, progress: Result<Progress, Denial>, scrub: impl FnOnce() -> Vec<Mutation>) -> Step {
        match progress {
            Ok(Progress::Admitted(entry)) => self.admit(entry),
            Ok(Progress::Waiting(credential, wait)) => {
                let waiting = AwaitingKeys { visit: self, credential, wait, scrub: scrub() };
                Step { mutations: Vec::new(), next: Next::AwaitKeys(Box::new(waiting)) }
            }
            Err(denial) if self.is_shadow() => {
                Step { mutations: Vec::new(), next: Next::Forward(self.report(Decision::ShadowDeny(&denial))) }
            }
            Err(denial) => Step { mutations: scrub(), next: self.deny(&denial) },
        }
    }

    fn admit(&self, entry: Entry) -> Step {
        let (admittance, mutations) = match entry {
            Entry::Authenticated(token, additions) => {
                let mut mutations = self.config.headers.assertions(&token);
                if !self.is_shadow() {
                    mutations.extend(self.config.headers.forwarded(&token));
                    mutations.extend(additions);
                }
                (Admittance::Authenticated, mutations)
            }
            Entry::Anonymous => (Admittance::Anonymous, Vec::new()),
            Entry::Foreign => (Admittance::Foreign, Vec::new()),
        };
        Step { mutations, next: Next::Forward(self.report(Decision::Allow(admittance))) }
    }

    /// Whether a rule was found and is not in force.
    fn is_shadow(&self) -> bool {
        self.selected.as_ref().is_some_and(Selected::is_shadow)
    }

    fn deny(&self, denial: &Denial) -> Next {
        let offers: &[Offer] =
            self.selected.as_ref().map_or(&[Offer::Bearer], |selected| &selected.strictest().challenge);
        let reply = reply(denial, offers, &self.config.realm, &self.preferences);
        Next::Reply(reply, self.report(Decision::Deny(denial)))
    }

    fn report(&self, decision: Decision<'_>) -> Report {
        Report { counter: self.record.counter(decision), record: self.record.json(decision) }
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
