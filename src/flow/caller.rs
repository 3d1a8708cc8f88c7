//! A verified token with all that its requests need of it, made once for all of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::Report;
use super::reissued::{MOST_KEPT, Origin};
use crate::config::Config;
use crate::credential::Scheme;
use crate::identity::Carrying;
use crate::issuer::{Issuer, Principal};
use crate::policy::Rule;
use crate::reissue::Former;
use crate::request::Mutation;
use crate::token::{Room, VerifiedToken};

#[derive(Debug)]
pub struct Caller {
    pub principal: Rc<Principal>,
    /// How far the clock of its issuer may be off.
    pub skew: Duration,
    /// The fields that tell the service who is calling.
    pub assertions: Vec<Mutation>,
    /// The user's own token, where the service gets it.
    pub forwarded: Option<Box<Carrying>>,
    /// What the tokens of services are made of, where there are any.
    pub(super) origin: Option<Box<Origin>>,
    /// What was told of the last request: the next one is mostly under the same rule.
    told: RefCell<Option<Told>>,
}

#[derive(Debug)]
struct Told {
    rule: Rc<Rule>,
    scheme: Scheme,
    report: Report,
}

#[cfg(test)]
impl Caller {
    /// Nobody in particular.
    pub(super) fn for_tests() -> Self {
        Self {
            principal: Rc::default(),
            skew: Duration::ZERO,
            assertions: Vec::new(),
            forwarded: None,
            origin: None,
            told: RefCell::default(),
        }
    }
}

impl Caller {
    pub fn new(token: &VerifiedToken, issuer: &Rc<Issuer>, config: &Config) -> Self {
        let headers = &config.headers;
        Self {
            principal: Rc::clone(token.principal()),
            skew: issuer.clock_skew,
            assertions: headers.assertions(token),
            forwarded: headers.forward_token.then(|| Box::new(headers.carrying(token.raw()))),
            origin: config.reissue.as_ref().map(|own| Box::new(Origin::new(Former::of(token, issuer, own)))),
            told: RefCell::default(),
        }
    }

    /// What is told of a request that is let on with this token. That it depends on rule and scheme alone is for
    /// `report` to see to.
    pub fn report(&self, rule: &Rc<Rule>, scheme: Scheme, report: impl FnOnce() -> Report) -> Report {
        let mut told = self.told.borrow_mut();
        match &*told {
            Some(told) if Rc::ptr_eq(&told.rule, rule) && told.scheme == scheme => told.report.clone(),
            _ => {
                let report = report();
                *told = Some(Told { rule: Rc::clone(rule), scheme, report: report.clone() });
                report
            }
        }
    }
}

impl Room for Caller {
    fn bytes(&self) -> usize {
        /// A counter's name, and a record but for what it repeats of the principal.
        const TOLD: usize = 512;
        /// A record cuts its values to 256 characters.
        const LONGEST_REPEATED: usize = 1024;
        /// What the allocator and the counts of `Rc` add to a name and a value.
        const EACH: usize = 64;
        let text = |change: &Mutation| match change {
            Mutation::Remove(name) => name.len(),
            Mutation::Set(name, value) | Mutation::Add(name, value) => name.len().saturating_add(value.len()),
        };
        let forwarded = self.forwarded.iter().flat_map(|carrying| carrying.fields());
        let changes = self.assertions.iter().chain(forwarded);
        let changes: usize = changes.map(|change| text(change).saturating_add(size_of::<Mutation>() + EACH)).sum();
        let said = [&self.principal.user, &self.principal.client, &self.principal.token_id];
        let repeated: usize = said.into_iter().flatten().map(|text| text.len().min(LONGEST_REPEATED)).sum();
        let own = size_of::<Self>().saturating_add(TOLD).saturating_add(repeated);
        let made = self.origin.as_ref().map_or(0, |origin| origin.former.bytes_of_made().saturating_mul(MOST_KEPT));
        own.saturating_add(changes).saturating_add(self.principal.bytes()).saturating_add(made)
    }
}
