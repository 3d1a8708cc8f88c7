//! Which rule comes first for a request, without looking at every rule.
//!
//! The rules are kept by host, then by Envoy's route name, then by path, then by method, and of those that agree in all
//! of it only the first. A request asks for what is kept under its own host and under the names above it, and so on
//! downwards: what it costs depends on how deep the configuration's own names are, not on how many rules there are nor
//! on how long the request's names are.
//!
//! A criterion may be undecidable: the host cannot be read, or the path, or the method differs from the rule's in its
//! case alone. A rule whose other criteria hold is then neither passed by nor chosen, for letting a later rule have the
//! request could let it in. Such a rule is found with a [`Doubt`]. To find it at once where a host or a path cannot be
//! read, each part keeps a second time, and as one, all rules that have its criterion at all.

use std::collections::BTreeMap;

use super::matching::{HostPattern, Match, NamePattern, PathPattern};
use super::path::{ReadPath, path_of};
use crate::authority::{Host, host};
use crate::request::{RequestHead, Route};

/// A request as rules look at it, read once. It need not be one that was sent: whoever asks what would become of another
/// one puts its facts together.
pub(super) struct Facts<'a> {
    /// Absent where it cannot be read.
    pub(super) host: Option<Host>,
    pub(super) path: ReadPath,
    pub(super) method: Option<&'a str>,
    pub(super) route: RouteName<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RouteName<'a> {
    /// That of the route which Envoy chose, where it has one.
    Known(Option<&'a str>),
    /// Envoy has chosen no route for this request. Rules that ask for one are then in [`Doubt::Route`].
    Unknown,
}

impl<'a> Facts<'a> {
    pub(super) fn of(head: &'a RequestHead, route: &'a Route) -> Self {
        Self {
            host: head.authority().and_then(host),
            path: path_of(head),
            method: head.method(),
            route: RouteName::Known(route.name.as_deref()),
        }
    }

    /// A PUT of that path on the same host.
    pub(super) fn of_writing(head: &RequestHead, path: &str) -> Self {
        Self {
            host: head.authority().and_then(host),
            path: ReadPath::Plain(path.to_owned()),
            method: Some("PUT"),
            route: RouteName::Unknown,
        }
    }
}

/// The criterion that cannot be decided, where all others of the rule hold. Of several that which comes last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// It is the rule's but for capital and small letters, and there are servers that do not tell them apart.
    Method,
    /// There is more than one way to read the path, or none is there (CONNECT).
    Path,
    Route,
    /// The host cannot be read, or has a port of which the rule does not speak.
    Host,
}

/// A rule by its position. Ordered as rules are chosen: the earlier one, and where hosts lead to one rule in two ways,
/// the way without doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    position: usize,
    doubt: Option<Doubt>,
}

fn doubtful(candidate: Option<Candidate>, doubt: Doubt) -> Option<Candidate> {
    candidate.map(|candidate| Candidate { doubt: candidate.doubt.max(Some(doubt)), ..candidate })
}

fn first<const N: usize>(candidates: [Option<Candidate>; N]) -> Option<Candidate> {
    candidates.into_iter().flatten().min()
}

/// What a rule is sought for: one request, or all those that criteria stand for.
struct Question<'a> {
    host: Asked<'a>,
    port: Port,
    route: RouteName<'a>,
    path: Asked<'a>,
    /// `None` for every method, and for a request that has none: no rule that names methods holds.
    method: Option<&'a str>,
}

#[derive(Clone, Copy)]
enum Asked<'a> {
    /// Whatever it is: no rule that names one holds.
    Any,
    One(&'a str),
    /// All names below this; a path is below itself, a host is not.
    Below(&'a str),
    Unreadable,
}

#[derive(Clone, Copy)]
enum Port {
    None,
    Some,
    /// Requests of both kinds are meant, so the rule has to hold for both.
    Either,
}

/// The earlier rules that together match all that a later one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    pub first: usize,
    /// There are others, without which the first does not match all.
    pub with_others: bool,
}

/// Rules by what they match.
#[derive(Debug, Default)]
pub struct Index {
    any_host: Routes,
    /// For hosts without port.
    no_port: Tree<Routes>,
    /// For hosts with any port or none.
    any_port: Tree<Routes>,
    some_host: Routes,
}

#[derive(Debug, Default)]
struct Routes {
    any: Paths,
    named: BTreeMap<String, Paths>,
    some: Paths,
}

#[derive(Debug, Default)]
struct Paths {
    any: Methods,
    named: Tree<Methods>,
    some: Methods,
}

/// The positions of the first rules.
#[derive(Debug, Default)]
struct Methods {
    any: Option<usize>,
    named: BTreeMap<String, usize>,
}

/// What is kept under a name, and what is kept for all names below one.
#[derive(Debug, Default)]
struct Tree<T> {
    at: BTreeMap<String, T>,
    below: BTreeMap<String, T>,
    /// How many names above each other have to be looked up among the latter.
    levels: usize,
}

impl Index {
    /// Adds a rule. Positions have to come in order, for the first rule keeps its place.
    pub fn add(&mut self, position: usize, rule: &Match) {
        if rule.hosts.is_empty() {
            return self.any_host.add(position, rule);
        }
        self.some_host.add(position, rule);
        for HostPattern { name, any_port } in &rule.hosts {
            let tree = if *any_port { &mut self.any_port } else { &mut self.no_port };
            match name {
                NamePattern::Exact(name) => tree.at(name).add(position, rule),
                NamePattern::Below(name) => tree.below(name, depth_of_host(name)).add(position, rule),
            }
        }
    }

    /// The rule that a request falls under, or why that cannot be said.
    pub(super) fn find(&self, facts: &Facts<'_>) -> Result<Option<usize>, Doubt> {
        let (host, port) = match &facts.host {
            None => (Asked::Unreadable, Port::None),
            Some(host) => (Asked::One(&host.name), if host.has_port { Port::Some } else { Port::None }),
        };
        let path = match &facts.path {
            ReadPath::Plain(path) => Asked::One(path),
            ReadPath::Ambiguous | ReadPath::Absent => Asked::Unreadable,
        };
        match self.first(&Question { host, port, route: facts.route, path, method: facts.method }) {
            None => Ok(None),
            Some(Candidate { position, doubt: None }) => Ok(Some(position)),
            Some(Candidate { doubt: Some(doubt), .. }) => Err(doubt),
        }
    }

    /// The rules because of which no request reaches this one, if it is added after them. Each of its hosts with each of
    /// its methods has to be matched by one of them.
    pub fn covering(&self, rule: &Match) -> Option<Covering> {
        let mut hosts: Vec<_> = rule.hosts.iter().map(as_question).collect();
        let mut methods: Vec<_> = rule.methods.iter().map(|method| Some(method.as_str())).collect();
        if hosts.is_empty() {
            hosts.push((Asked::Any, Port::Either));
        }
        if methods.is_empty() {
            methods.push(None);
        }
        let route = RouteName::Known(rule.route.as_deref());
        let path = match &rule.path {
            None => Asked::Any,
            Some(PathPattern::Exact(path)) => Asked::One(path),
            Some(PathPattern::Prefix(prefix)) => Asked::Below(without_slash(prefix)),
        };
        let mut found = Vec::new();
        for (host, port) in hosts {
            for method in &methods {
                // Nothing here is in doubt: these names were read, and a pattern's port is asked for in both ways.
                found.push(self.first(&Question { host, port, route, path, method: *method })?.position);
            }
        }
        let first = found.iter().copied().min()?;
        Some(Covering { first, with_others: found.iter().any(|position| *position != first) })
    }

    fn first(&self, asked: &Question<'_>) -> Option<Candidate> {
        let any = self.any_host.first(asked);
        let under = |tree: &Tree<Routes>| match asked.host {
            Asked::One(name) => tree.first(Some(name), hosts_above(name), |routes| routes.first(asked)),
            Asked::Below(name) => tree.first(None, hosts_above(name).chain([name]), |routes| routes.first(asked)),
            Asked::Any | Asked::Unreadable => None,
        };
        let no_port = match asked.port {
            Port::None => under(&self.no_port),
            // Whether Envoy counts the port as part of the name depends on its configuration.
            Port::Some => doubtful(under(&self.no_port), Doubt::Host),
            Port::Either => None,
        };
        let some = match asked.host {
            Asked::Unreadable => doubtful(self.some_host.first(asked), Doubt::Host),
            Asked::Any | Asked::One(_) | Asked::Below(_) => None,
        };
        first([any, under(&self.any_port), no_port, some])
    }
}

impl Routes {
    fn add(&mut self, position: usize, rule: &Match) {
        match &rule.route {
            None => self.any.add(position, rule),
            Some(name) => {
                self.some.add(position, rule);
                self.named.entry(name.clone()).or_default().add(position, rule);
            }
        }
    }

    fn first(&self, asked: &Question<'_>) -> Option<Candidate> {
        let named = match asked.route {
            RouteName::Known(name) => name.and_then(|name| self.named.get(name)).and_then(|paths| paths.first(asked)),
            RouteName::Unknown => doubtful(self.some.first(asked), Doubt::Route),
        };
        first([self.any.first(asked), named])
    }
}

impl Paths {
    fn add(&mut self, position: usize, rule: &Match) {
        let Some(path) = &rule.path else {
            return self.any.add(position, rule);
        };
        self.some.add(position, rule);
        match path {
            PathPattern::Exact(path) => self.named.at(path).add(position, rule),
            PathPattern::Prefix(prefix) => {
                let prefix = without_slash(prefix);
                self.named.below(prefix, depth_of_path(prefix)).add(position, rule);
            }
        }
    }

    fn first(&self, asked: &Question<'_>) -> Option<Candidate> {
        let in_methods = |methods: &Methods| methods.first(asked);
        let named = match asked.path {
            Asked::Any => None,
            Asked::One(path) => self.named.first(Some(path), paths_from_top(path), in_methods),
            Asked::Below(path) => self.named.first(None, paths_from_top(path), in_methods),
            Asked::Unreadable => doubtful(self.some.first(asked), Doubt::Path),
        };
        first([self.any.first(asked), named])
    }
}

impl Methods {
    fn add(&mut self, position: usize, rule: &Match) {
        if rule.methods.is_empty() {
            self.any.get_or_insert(position);
        }
        for method in &rule.methods {
            self.named.entry(method.clone()).or_insert(position);
        }
    }

    fn first(&self, asked: &Question<'_>) -> Option<Candidate> {
        let candidate = |position: usize| Candidate { position, doubt: None };
        let named = asked.method.and_then(|method| match self.named.get(method) {
            Some(position) => Some(candidate(*position)),
            None => {
                let alike = self.named.iter().find(|(name, _)| name.eq_ignore_ascii_case(method));
                doubtful(alike.map(|(_, position)| candidate(*position)), Doubt::Method)
            }
        });
        first([self.any.map(candidate), named])
    }
}

impl<T: Default> Tree<T> {
    fn at(&mut self, name: &str) -> &mut T {
        self.at.entry(name.to_owned()).or_default()
    }

    /// `depth` says how many names are above this one.
    fn below(&mut self, name: &str, depth: usize) -> &mut T {
        self.levels = self.levels.max(depth.saturating_add(1));
        self.below.entry(name.to_owned()).or_default()
    }

    /// The first of what is kept under one name and of what is kept for all below others, which come from the top.
    fn first<'n>(
        &self,
        at: Option<&str>,
        below: impl Iterator<Item = &'n str>,
        find: impl Fn(&T) -> Option<Candidate>,
    ) -> Option<Candidate> {
        let at = at.and_then(|name| self.at.get(name));
        // A client may send names of thousands of parts. What is deeper than all that is kept is not looked up.
        let below = below.take(self.levels).filter_map(|name| self.below.get(name));
        at.into_iter().chain(below).filter_map(find).min()
    }
}

fn as_question(pattern: &HostPattern) -> (Asked<'_>, Port) {
    let host = match &pattern.name {
        NamePattern::Exact(name) => Asked::One(name),
        NamePattern::Below(name) => Asked::Below(name),
    };
    (host, if pattern.any_port { Port::Either } else { Port::None })
}

/// `test`, `a.test` for `b.a.test`.
fn hosts_above(name: &str) -> impl Iterator<Item = &str> {
    name.rmatch_indices('.').filter_map(|(dot, _)| name.get(dot.saturating_add(1)..))
}

fn depth_of_host(name: &str) -> usize {
    hosts_above(name).count()
}

/// The empty one, `/a`, `/a/b` for `/a/b`. The first is above all paths.
fn paths_from_top(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(slash, _)| path.get(..slash)).chain([path])
}

fn depth_of_path(path: &str) -> usize {
    path.matches('/').count()
}

/// A prefix stands for whole segments, so that `/` stands for what every path begins with.
fn without_slash(prefix: &str) -> &str {
    if prefix == "/" { "" } else { prefix }
}

#[cfg(test)]
mod tests;
