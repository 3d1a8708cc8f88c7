//! The rules that a request falls under, and what each of them asks of it.

use std::rc::Rc;

use super::destination::Elsewhere;
use super::path::{ReadPath, path_of};
use super::requirement::{CapabilitySet, Clock, Part, Shortfall};
use super::resource::{Base, Operation, Use};
use super::{Access, Rule};
use crate::credential::Foreign;
use crate::denial::Denial;
use crate::issuer::Principal;
use crate::reissue::Reissue;
use crate::request::{Mutation, RequestHead};

/// A request falls under one rule; COPY and MOVE also under that of the path that they write. Both must hold.
#[derive(Clone, Debug)]
pub struct Selected {
    own: Demand,
    written: Option<Demand>,
}

/// A rule, and what it comes to for one request.
#[derive(Clone, Debug)]
pub struct Demand {
    rule: Rc<Rule>,
    /// What the route's metadata asks on top of the rule.
    extra: Option<CapabilitySet>,
    /// What is done to which path, for a rule on paths; or why no token would do.
    done: Result<Option<Use>, Denial>,
}

impl Selected {
    pub(super) fn new(
        head: &RequestHead,
        rule: &Rc<Rule>,
        extra: Option<CapabilitySet>,
        rule_of_written: impl Fn(&str) -> Result<Rc<Rule>, Denial>,
    ) -> Result<Self, Denial> {
        let elsewhere = Elsewhere::of(head)?;
        let written = match &elsewhere {
            Elsewhere::Nothing => None,
            Elsewhere::Writes(path) | Elsewhere::ReadsFromAway(path) => {
                let rule = rule_of_written(path)?;
                let done = rule.require.path.as_ref().map_or(Ok(None), |base| writing(base, path).map(Some));
                Some(Demand { rule, extra: None, done })
            }
        };
        // Under another rule it is another space, though its paths may look the same.
        let stays = written.as_ref().is_some_and(|written| Rc::ptr_eq(&written.rule, rule));
        let done = rule.require.path.as_ref().map_or(Ok(None), |base| own_use(head, base, &elsewhere, stays));
        Ok(Self { own: Demand { rule: Rc::clone(rule), extra, done }, written })
    }

    fn demands(&self) -> impl Iterator<Item = &Demand> {
        [&self.own].into_iter().chain(&self.written)
    }

    /// That of the request's own path.
    pub fn own(&self) -> &Demand {
        &self.own
    }

    /// That of the path which COPY and MOVE write.
    pub fn written(&self) -> Option<&Demand> {
        self.written.as_ref()
    }

    /// The demands that count: shadows do only where there is nothing else.
    pub fn in_force(&self) -> impl Iterator<Item = &Demand> {
        let shadow = self.is_shadow();
        self.demands().filter(move |demand| shadow || !demand.rule.shadow)
    }

    /// Whether no rule is in force.
    pub fn is_shadow(&self) -> bool {
        self.demands().all(|demand| demand.rule.shadow)
    }

    /// The rule under which no token would do, and why.
    pub fn hopeless(&self) -> Option<(&Rule, Denial)> {
        self.in_force().find_map(|demand| Some((&*demand.rule, demand.done.as_ref().err()?.clone())))
    }

    /// The rule that asks for the most, and of two that ask for as much that of the request's own path.
    pub fn strictest(&self) -> &Rc<Rule> {
        let stricter = |first: &Demand, other: &Demand| other.rule.access > first.rule.access;
        let strictest = self.in_force().reduce(|first, other| if stricter(first, other) { other } else { first });
        &strictest.unwrap_or(&self.own).rule
    }

    /// The rule of the request's own path, where it is in force and says what token its service gets.
    pub fn reissuing(&self) -> Option<(&Rc<Rule>, &Reissue)> {
        let rule = Some(&self.own.rule).filter(|rule| !rule.shadow)?;
        Some((rule, rule.reissue.as_ref()?))
    }

    /// Those of the token's capabilities that the request's own rule asks for, as a list with spaces.
    pub fn needed(&self, principal: &Principal) -> String {
        let Demand { rule, .. } = &self.own;
        let is_needed = |name: &&String| rule.require.asks_for(name, self.own.extra(), self.own.done(), principal);
        principal.capabilities.iter().filter(is_needed).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    pub fn foreign(&self) -> Foreign {
        // A rule that asks for nothing has no say in this.
        let mut asking = self.in_force().filter(|demand| demand.rule.access != Access::Anonymous).peekable();
        let all_pass = |demand: &Demand| demand.rule.foreign == Foreign::Pass;
        let passes = if asking.peek().is_some() { asking.all(all_pass) } else { self.in_force().all(all_pass) };
        if passes { Foreign::Pass } else { Foreign::Refuse }
    }

    /// Checks a verified token; answers what has to be changed in the request, or which rule does not let it on.
    pub fn check(&self, principal: &Principal, clock: Clock) -> Result<Vec<Mutation>, (&Rule, Shortfall)> {
        let mut additions = Vec::new();
        for demand in self.in_force() {
            let checked = demand.rule.require.check(principal, demand.extra(), demand.done(), clock);
            additions.extend(checked.map_err(|shortfall| (&*demand.rule, shortfall))?);
        }
        Ok(additions)
    }
}

impl Demand {
    pub fn rule(&self) -> &Rc<Rule> {
        &self.rule
    }

    /// What the route's metadata asks on top of the rule.
    pub fn extra(&self) -> Option<&CapabilitySet> {
        self.extra.as_ref()
    }

    /// What is done to which path, where the rule is on paths and the request can be read so.
    pub fn done(&self) -> Option<&Use> {
        self.done.as_ref().ok().and_then(Option::as_ref)
    }

    /// Checks one part of what is asked.
    pub fn check_part(&self, part: Part, principal: &Principal, clock: Clock) -> Result<Vec<Mutation>, Shortfall> {
        self.rule.require.check_part(part, principal, self.extra(), self.done(), clock)
    }
}

/// What the request does to its own path. A copy from away does not read it, but writes it.
fn own_use(head: &RequestHead, base: &Base, elsewhere: &Elsewhere, stays: bool) -> Result<Option<Use>, Denial> {
    let ReadPath::Plain(path) = path_of(head) else {
        return Err(Denial::AmbiguousPath);
    };
    let path = base.resource(&path).ok_or(Denial::NoRule)?;
    let to = match elsewhere {
        Elsewhere::Nothing => None,
        Elsewhere::Writes(path) => base.resource(path).filter(|_| stays),
        Elsewhere::ReadsFromAway(_) => return Ok(Some(Use { operation: Operation::Copied, path })),
    };
    let operation = Operation::of(head.method().unwrap_or_default(), to).ok_or(Denial::NoRule)?;
    // What is searched stands in the body, and may be anywhere.
    let path = if operation == Operation::Search { "/".to_owned() } else { path };
    Ok(Some(Use { operation, path }))
}

fn writing(base: &Base, path: &str) -> Result<Use, Denial> {
    let path = base.resource(path).ok_or(Denial::NoRule)?;
    Ok(Use { operation: Operation::Copied, path })
}
