//! The rules that a request falls under, and what each of them asks of it.

use std::rc::Rc;

use super::destination::{comes_from_elsewhere, written};
use super::path::{ReadPath, path_of};
use super::requirement::{CapabilitySet, Clock, Shortfall};
use super::resource::{Base, Condition, Operation, Use};
use super::{Access, Offer, Rule};
use crate::credential::Foreign;
use crate::denial::Denial;
use crate::issuer::Principal;
use crate::request::{Mutation, RequestHead};

/// A request falls under one rule; COPY and MOVE also under those of the paths that they write. All of them must hold.
#[derive(Clone, Debug)]
pub struct Selected {
    first: Demand,
    written: Vec<Demand>,
}

#[derive(Clone, Debug)]
struct Demand {
    rule: Rc<Rule>,
    /// What the route's metadata asks on top of the rule.
    extra: Option<CapabilitySet>,
    uses: Vec<Use>,
}

impl Selected {
    pub(super) fn new(
        head: &RequestHead,
        rule: &Rc<Rule>,
        extra: Option<CapabilitySet>,
        rule_of_written: impl Fn(&str) -> Result<Rc<Rule>, Denial>,
    ) -> Result<Self, Denial> {
        let uses = match &rule.require.path {
            Some(base) => own_use(head, base)?.into_iter().collect(),
            None => Vec::new(),
        };
        let mut selected = Self { first: Demand { rule: Rc::clone(rule), extra, uses }, written: Vec::new() };
        for path in written(head)? {
            let rule = rule_of_written(&path)?;
            let uses = match &rule.require.path {
                Some(base) => vec![writing(base, &path)?],
                None => Vec::new(),
            };
            selected.written.push(Demand { rule, extra: None, uses });
        }
        Ok(selected)
    }

    fn demands(&self) -> impl Iterator<Item = &Demand> {
        [&self.first].into_iter().chain(&self.written)
    }

    /// The rule of the request's own path.
    pub fn rule(&self) -> &Rule {
        &self.first.rule
    }

    /// The most that any of the rules asks for.
    pub fn access(&self) -> Access {
        self.demands().map(|demand| demand.rule.access).max().unwrap_or(Access::Required)
    }

    /// What a 401 offers: as the first rule says that asks for the most.
    pub fn offers(&self) -> &[Offer] {
        let strict = self.demands().find(|demand| demand.rule.access == self.access());
        strict.map_or(&[], |demand| &demand.rule.challenge)
    }

    pub fn foreign(&self) -> Foreign {
        let passes = self.demands().all(|demand| demand.rule.foreign == Foreign::Pass);
        if passes { Foreign::Pass } else { Foreign::Refuse }
    }

    /// Whether none of the rules is in force.
    pub fn is_shadow(&self) -> bool {
        self.demands().all(|demand| demand.rule.shadow)
    }

    /// Checks a verified token; answers what has to be added to the request.
    pub fn check(&self, principal: &Principal, clock: Clock) -> Result<Vec<Mutation>, Shortfall> {
        let mut additions = Vec::new();
        for Demand { rule, extra, uses } in self.demands() {
            additions.extend(rule.require.check(principal, extra.as_ref(), uses, clock)?);
        }
        Ok(additions)
    }
}

/// What the request does to its own path, for a rule on paths. A copy from elsewhere does not read it.
fn own_use(head: &RequestHead, base: &Base) -> Result<Option<Use>, Denial> {
    let ReadPath::Plain(path) = path_of(head) else {
        return Err(Denial::AmbiguousPath);
    };
    let path = base.resource(&path).ok_or(Denial::NoRule)?;
    let method = head.method().unwrap_or_default();
    let operation = Operation::of(method).ok_or(Denial::NoRule)?;
    let reads_elsewhere = method == "COPY" && comes_from_elsewhere(head);
    Ok((!reads_elsewhere).then_some(Use { operation, path }))
}

fn writing(base: &Base, path: &str) -> Result<Use, Denial> {
    let path = base.resource(path).ok_or(Denial::NoRule)?;
    Ok(Use { operation: Operation::Create(Condition::NoOverwrite), path })
}
