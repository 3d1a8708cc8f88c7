//! One request, from its head to a decision.
//!
//! What a token says is found out once and kept in [`Memory`] as a [`Caller`]; what a rule asks of it is looked at each
//! time.
//!
//! [`begin`] takes it as far as it gets. Where keys have to be fetched first it hands back an [`AwaitingKeys`] that owns
//! all it needs; [`AwaitingKeys::resume`] goes on from there once, and is consumed by it.

mod caller;
mod exchanging;
mod memory;
mod parking;
mod reissued;
mod visit;

use std::rc::Rc;

use crate::config::Config;
use crate::credential::{self, Credential};
use crate::crypto::{SignatureCheck, Signer};
use crate::denial::Denial;
use crate::issuer::IssuerId;
use crate::jwks::{KeyStore, Wait};
use crate::reissue::Asked;
use crate::reply::{Preferences, Reply};
use crate::request::{Mutation, RequestHead, Route, hop_by_hop, misleading};
use crate::time::UnixTime;
use visit::Visit;

pub use caller::Caller;
pub use exchanging::AwaitingForm;
pub use memory::{Memory, News};
pub use parking::{Handle, MAX_PARKED, MAX_PARKED_IN_ALL, Parked, Parking};

/// What the core does not have by itself.
pub struct Env<'a> {
    pub now: UnixTime,
    pub signatures: &'a dyn SignatureCheck,
    pub signer: &'a dyn Signer,
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
    /// The body has to come first.
    AwaitForm(Box<AwaitingForm>),
}

/// What is told of a decision: a counter, and a line for the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub counter: Rc<str>,
    pub record: Rc<str>,
}

/// Decides a request as far as can be without waiting.
pub fn begin(config: &Rc<Config>, head: &RequestHead, route: &Route, memory: &mut Memory, env: &Env<'_>) -> Step {
    if let Some(own) = &config.reissue
        && let Some(asked) = own.asked(head)
    {
        return match asked {
            Asked::Exchange => exchanging::begin(config, head, memory, env),
            Asked::Document(document) => {
                Visit::new(config).publish(own.documents.answer(document, head), credential::scrub(head))
            }
        };
    }
    let mut visit = Visit::new(config);
    let mut mutations = config.own_names.removals(head);
    mutations.extend(hop_by_hop(head));
    mutations.extend(misleading(head));
    let progress = visit.enter(head, route, &mut mutations, memory, env);
    let step = visit.conclude(progress, || Farewell::of(head));
    mutations.extend(step.mutations);
    Step { mutations, ..step }
}

/// Refuses a request that the host failed to show.
pub fn refuse_unread(config: &Rc<Config>, problem: &'static str) -> Step {
    Visit::new(config).conclude(Err(Denial::Internal(problem)), Farewell::default)
}

/// A request whose token is good as far as can be told without its issuer's keys.
#[derive(Debug)]
pub struct AwaitingKeys {
    visit: Visit,
    credential: Credential,
    wait: Wait,
    farewell: Farewell,
}

/// What a refusal needs of the request's head.
#[derive(Debug, Default)]
struct Farewell {
    /// What takes the credentials out; those that were looked for are out already, but where the rule is a shadow.
    scrub: Vec<Mutation>,
    preferences: Preferences,
}

impl Farewell {
    fn of(head: &RequestHead) -> Self {
        Self { scrub: credential::scrub(head), preferences: Preferences::of(head) }
    }
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
    pub fn resume(self, memory: &mut Memory, env: &Env<'_>) -> Step {
        let Self { mut visit, credential, wait, farewell } = self;
        let progress = visit.authenticate(credential, Some(wait), memory, env);
        visit.conclude(progress, || farewell)
    }

    /// Ends the wait without keys.
    pub fn refuse(self, denial: Denial) -> Step {
        self.visit.conclude(Err(denial), || self.farewell)
    }
}
