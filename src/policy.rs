//! Which rule a request falls under, and what the rule asks.
//!
//! The route's metadata decides first, since the operator wrote it on the very route that Envoy chose; then the rules
//! in their order, the first match wins. Nothing matched is a refusal: a path that nobody thought of is not open.
//!
//! COPY and MOVE write to a path that no route was chosen for. They fall under two rules, and both have to hold.
//!
//! A user part in the host (`user@host`) is refused on every rule. It could not go on to the service, and taking it out
//! makes Envoy choose the route again: `x@a.test` may belong to another virtual host than `a.test`, and what the second
//! route asks for cannot be seen.

mod capability;
mod destination;
mod index;
mod matching;
mod path;
mod requirement;
mod resource;
mod selected;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::authority::split_userinfo;
use crate::credential::Foreign;
use crate::denial::Denial;
use crate::reissue::Reissue;
use crate::request::{RequestHead, Route, RouteMetadata};

pub use capability::{CapabilityGroups, Preset};
pub use index::{Covering, Index};
use index::{Doubt, Facts};
pub use matching::{HostPattern, Match, PathPattern};
pub use path::{ReadPath, read_path};
pub use requirement::{CapabilitySet, Choice, Clock, Part, Requirement, Shortfall, StepUp};
pub use resource::{Base, Operation, Use, scope_holds};
pub use selected::{Demand, Selected};

/// The rule name that stands in records for a route that asks for capabilities by itself.
pub const METADATA_RULE: &str = "metadata";

/// In the order in which they ask for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing is checked.
    Anonymous,
    /// No credential goes on without identity; a bad one is refused.
    Optional,
    /// A good credential, or no entry.
    Required,
}

/// A way to authenticate that a 401 offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Bearer,
    Basic,
}

#[derive(Debug)]
pub struct Rule {
    pub name: Rc<str>,
    /// Left out: the rule is reached by name only.
    pub matches: Option<Match>,
    pub access: Access,
    pub require: Requirement,
    /// In the order in which they are sent: Bearer first, Basic last.
    pub challenge: Vec<Offer>,
    pub foreign: Foreign,
    /// The token that the service gets instead of the user's own.
    pub reissue: Option<Reissue>,
    /// Whether requests that would be refused are let on.
    pub shadow: bool,
}

#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rc<Rule>>,
    index: Index,
    by_name: BTreeMap<Rc<str>, Rc<Rule>>,
    /// What a route gets that names capabilities and no rule.
    by_metadata: Rc<Rule>,
    uses_route_name: bool,
}

impl Policy {
    pub fn new(rules: Vec<Rule>) -> Self {
        let by_metadata = Rc::new(Rule {
            name: METADATA_RULE.into(),
            matches: None,
            access: Access::Required,
            require: Requirement::default(),
            challenge: vec![Offer::Bearer],
            foreign: Foreign::Refuse,
            reissue: None,
            shadow: false,
        });
        let uses_route_name = rules.iter().flat_map(|rule| &rule.matches).any(|m| m.route.is_some());
        let rules: Vec<Rc<Rule>> = rules.into_iter().map(Rc::new).collect();
        let mut index = Index::default();
        let mut by_name = BTreeMap::new();
        for (position, rule) in rules.iter().enumerate() {
            if let Some(criteria) = &rule.matches {
                index.add(position, criteria);
            }
            by_name.entry(rule.name.clone()).or_insert_with(|| Rc::clone(rule));
        }
        Self { rules, index, by_name, by_metadata, uses_route_name }
    }

    /// In the order in which they are looked at.
    pub fn rules(&self) -> &[Rc<Rule>] {
        &self.rules
    }

    /// Whether any rule looks at Envoy's route name, so that the shell need not read it otherwise.
    pub fn uses_route_name(&self) -> bool {
        self.uses_route_name
    }

    /// The rules that let on what they would refuse.
    pub fn shadows(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter(|rule| rule.shadow).map(|rule| &*rule.name)
    }

    pub fn select(&self, head: &RequestHead, route: &Route) -> Result<Selected, Denial> {
        check_readable(head)?;
        match &route.metadata {
            RouteMetadata::Malformed => Err(Denial::UnknownRule),
            RouteMetadata::Present { rule, capabilities } => {
                let (rule, extra) = self.by_metadata(rule.as_deref(), capabilities.as_deref())?;
                Selected::new(head, rule, extra, |path| match answers_for_paths(rule) {
                    // What its own route's metadata picked says itself what is below it.
                    true => Ok(Rc::clone(rule)),
                    false => self.by_written_path(head, path),
                })
            }
            RouteMetadata::Absent => {
                let rule = self.by_match(&Facts::of(head, route))?;
                let by_route = rule.matches.as_ref().is_some_and(|criteria| criteria.route.is_some());
                Selected::new(head, rule, None, |path| match self.by_written_path(head, path) {
                    // Which route another path would have cannot be known; a rule on paths can be asked without.
                    Err(Denial::AmbiguousDestination) if by_route && answers_for_paths(rule) => Ok(Rc::clone(rule)),
                    found => found,
                })
            }
        }
    }

    fn by_metadata(
        &self,
        rule: Option<&str>,
        capabilities: Option<&str>,
    ) -> Result<(&Rc<Rule>, Option<CapabilitySet>), Denial> {
        let rule = match rule {
            Some(name) => self.by_name.get(name).ok_or(Denial::UnknownRule)?,
            None if capabilities.is_some() => &self.by_metadata,
            None => return Err(Denial::UnknownRule),
        };
        let extra = match capabilities {
            None => None,
            Some(list) => Some(CapabilitySet::parse(list).ok_or(Denial::UnknownRule)?),
        };
        // A rule that lets strangers on cannot hold what the route asks on top.
        if extra.is_some() && (rule.access != Access::Required || rule.foreign == Foreign::Pass) {
            return Err(Denial::UnknownRule);
        }
        Ok((rule, extra))
    }

    /// The rule that a PUT of this path on the same host would fall under.
    fn by_written_path(&self, head: &RequestHead, path: &str) -> Result<Rc<Rule>, Denial> {
        self.by_match(&Facts::of_writing(head, path)).map(Rc::clone)
    }

    fn by_match(&self, facts: &Facts<'_>) -> Result<&Rc<Rule>, Denial> {
        let position = self.index.find(facts)?;
        position.and_then(|position| self.rules.get(position)).ok_or(Denial::NoRule)
    }
}

impl From<Doubt> for Denial {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Method => Self::AmbiguousMethod,
            Doubt::Host => Self::AmbiguousHost,
            Doubt::Path => Self::AmbiguousPath,
            // Only what COPY and MOVE write is asked for without a route.
            Doubt::Route => Self::AmbiguousDestination,
        }
    }
}

impl Match {
    /// Whether a request fits these criteria, of whatever rule they are.
    pub fn holds(&self, head: &RequestHead, route: &Route) -> Result<bool, Denial> {
        let mut index = Index::default();
        index.add(0, self);
        Ok(index.find(&Facts::of(head, route))?.is_some())
    }
}

/// Whether a rule that Envoy's route picked is asked about another path as well: it says itself which paths are its own.
/// It has to be in force, for another rule that is might protect that path.
fn answers_for_paths(rule: &Rule) -> bool {
    !rule.shadow && rule.require.path.is_some()
}

/// A path or host that is there and is not text is refused on every rule: HTTP/2 lets any byte through, and what is not
/// read is compared with nothing.
fn check_readable(head: &RequestHead) -> Result<(), Denial> {
    if head.path().is_none() && !head.has_no_path() {
        return Err(Denial::AmbiguousPath);
    }
    if head.authority().is_none() && !head.has_no_authority() {
        return Err(Denial::AmbiguousHost);
    }
    let has_userinfo = head.authority().is_some_and(|authority| split_userinfo(authority).is_some());
    if has_userinfo { Err(Denial::UserInHost) } else { Ok(()) }
}
