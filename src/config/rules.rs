//! `rules`: which requests need what.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::reader::{Node, Object, all};
use super::reissue;
use crate::credential::Foreign;
use crate::issuer::{Issuer, PrincipalKind};
use crate::json::Json;
use crate::policy::{
    Access, Base, Choice, Covering, HostPattern, Index, METADATA_RULE, Match, Offer, PathPattern, ReadPath,
    Requirement, Rule, StepUp, read_path,
};
use crate::scope::is_scope_token;

/// Bearer alone: a Basic challenge makes browsers ask for a password, so a rule has to want it.
const DEFAULT_CHALLENGE: [Offer; 1] = [Offer::Bearer];

/// Under a minute is below the clock skew, and nobody could do anything before having to log in again.
const SHORTEST_AUTH_AGE: Duration = Duration::from_secs(60);
const LONGEST_AUTH_AGE: Duration = Duration::from_secs(31 * 24 * 3600);

/// `issuers` are absent where they could not be read: what a rule says of them is then not looked at.
pub(super) fn read(node: &Node<'_>, issuers: Option<&[Issuer]>, reissues: bool) -> Option<Vec<Rule>> {
    let nodes = node.list()?;
    let rules: Vec<Option<Rule>> = nodes.iter().map(|node| read_rule(node, issuers, reissues)).collect();
    check_names(&nodes);
    check_order(&nodes, &rules);
    all(rules.into_iter())
}

fn read_rule(node: &Node<'_>, issuers: Option<&[Issuer]>, reissues: bool) -> Option<Rule> {
    let object = node.object()?;
    let name = object.require("name").and_then(|node| read_name(&node));
    // Left out, the rule is reached by name; there and wrong, it is refused.
    let matches = object.get("match").map_or(Some(None), |node| read_match(&node).map(Some));
    let access = object.get("access").map_or(Some(Access::Required), |node| {
        node.choice(&[("required", Access::Required), ("optional", Access::Optional), ("anonymous", Access::Anonymous)])
    });
    let foreign = object
        .get("foreign_authorization")
        .map_or(Some(Foreign::Refuse), |node| node.choice(&[("refuse", Foreign::Refuse), ("pass", Foreign::Pass)]));
    let require = object.get("require");
    if let (Some(Access::Anonymous | Access::Optional), Some(require)) = (access, &require) {
        require.problem::<()>("asks for something, though `access` lets requests on without a token");
    }
    if let (Some(Foreign::Pass), Some(require)) = (foreign, &require) {
        require.problem::<()>("asks for something, though `foreign_authorization` lets requests on without a token");
    }
    let require = require.map_or_else(
        || Some(Requirement::default()),
        |node| {
            let read = read_requirement(&node, issuers)?;
            check_base(&node, &read, matches.as_ref().and_then(Option::as_ref))?;
            Some(read)
        },
    );
    let challenge = object.get("challenge").map_or(Some(DEFAULT_CHALLENGE.to_vec()), |node| read_challenge(&node));
    let reissue = object.get("reissue");
    if let (Some(Access::Anonymous), Some(reissue)) = (access, &reissue) {
        reissue.problem::<()>("has no token to make one of: `access` is anonymous");
    }
    let reissue = reissue.map_or(Some(None), |node| reissue::read_rule(&node, reissues).map(Some));
    let shadow = object.get("shadow").map_or(Some(false), |node| node.boolean());
    object.finish();
    Some(Rule {
        name: name?.into(),
        matches: matches?,
        access: access?,
        require: require?,
        challenge: challenge?,
        foreign: foreign?,
        reissue: reissue?,
        shadow: shadow?,
    })
}

/// The name is a metric's label and part of its name.
fn read_name(node: &Node<'_>) -> Option<String> {
    const LONGEST: usize = 64;
    let name = node.string()?;
    if name.len() > LONGEST || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return node.problem(format!("may hold letters, digits, - and _, at most {LONGEST}"));
    }
    if ["none", METADATA_RULE].contains(&name) {
        return node.problem("is taken: metrics call so what no rule, or a route's metadata alone, decided");
    }
    Some(name.to_owned())
}

fn read_match(node: &Node<'_>) -> Option<Match> {
    let object = node.object()?;
    let hosts = object.get("hosts").map_or(Some(Vec::new()), |node| node.each(read_host));
    let path = read_path_pattern(&object);
    let methods = object.get("methods").map_or(Some(Vec::new()), |node| {
        let method = |node: &Node<'_>| match node.string()? {
            method if method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => Some(method.to_owned()),
            _ => node.problem("methods are case-sensitive; write it in capitals, such as GET"),
        };
        node.each(method)
    });
    let route = object.get("route").map_or(Some(None), |node| node.string().map(|route| Some(route.to_owned())));
    object.finish();
    let criteria = Match { hosts: hosts?, path: path?, methods: methods?, route: route? };
    if criteria == Match::default() && matches!(node.value(), Json::Object(members) if members.is_empty()) {
        return node.problem("has no criterion; write `prefix: /` for every path, or leave `match` out");
    }
    Some(criteria)
}

pub(super) fn read_host(node: &Node<'_>) -> Option<HostPattern> {
    match HostPattern::parse(node.string()?) {
        Some(host) => Some(host),
        None => node.problem(
            "write a host name in lower case, or *.name for all below it, with :* behind it where a port may follow",
        ),
    }
}

fn read_path_pattern(object: &Object<'_>) -> Option<Option<PathPattern>> {
    let (exact, prefix) = (object.get("path"), object.get("prefix"));
    match (exact, prefix) {
        (None, None) => Some(None),
        (Some(_), Some(prefix)) => prefix.problem("give either `path` or `prefix`"),
        (Some(node), None) => read_one_way(&node).map(|path| Some(PathPattern::Exact(path))),
        (None, Some(node)) => match read_one_way(&node)? {
            path if path != "/" && path.ends_with('/') => {
                node.problem("a prefix stands for whole segments; leave out the / at its end")
            }
            path => Some(Some(PathPattern::Prefix(path))),
        },
    }
}

fn read_one_way(node: &Node<'_>) -> Option<String> {
    let text = node.string()?;
    if !text.starts_with('/') {
        return node.problem("has to begin with /");
    }
    if text.contains('*') {
        return node.problem("* has no meaning here: `path` is one path, and `prefix` stands for all below it");
    }
    match read_path(text) {
        ReadPath::Plain(path) if !text.contains('?') => Some(path),
        ReadPath::Plain(_) => node.problem("a query is never matched; write the path alone"),
        ReadPath::Ambiguous | ReadPath::Absent => node
            .problem("can be read in more than one way: leave out empty and dot segments, \\, ; and encoded / and ."),
    }
}

fn read_requirement(node: &Node<'_>, issuers: Option<&[Issuer]>) -> Option<Requirement> {
    let object = node.object()?;
    let is_known = |name: &str| issuers.is_none_or(|known| known.iter().any(|issuer| issuer.issuer == name));
    let issuers = object.get("issuers").map_or(Some(None), |node| read_issuers(&node, is_known).map(Some));
    let capabilities = object.get("capabilities").map_or(Some(None), |node| read_choice(&node, capability).map(Some));
    let groups = object.get("groups").map_or(Some(None), |node| read_choice(&node, group).map(Some));
    let names = |field| object.get(field).map_or(Some(None), |node| read_names(&node).map(Some));
    let (users, clients) = (names("users"), names("clients"));
    let principals = object.get("principals").map_or(Some(None), |node| read_principals(&node).map(Some));
    let interactive = object.get("interactive").map_or(Some(false), |node| node.boolean());
    let path = object.get("path").map_or(Some(None), |node| read_base(&node).map(Some));
    let acr = object.get("acr").map_or(Some(Vec::new()), |node| node.each(authentication_class));
    let max_auth_age = object
        .get("max_auth_age")
        .map_or(Some(None), |node| node.duration(SHORTEST_AUTH_AGE, LONGEST_AUTH_AGE).map(Some));
    object.finish();
    Some(Requirement {
        issuers: issuers?,
        principals: principals?,
        clients: clients?,
        users: users?,
        groups: groups?,
        interactive: interactive?,
        capabilities: capabilities?,
        path: path?,
        step_up: StepUp { acr: acr?, max_auth_age: max_auth_age? },
    })
}

fn read_names(node: &Node<'_>) -> Option<BTreeSet<String>> {
    node.strings().map(|names| names.into_iter().collect())
}

fn read_principals(node: &Node<'_>) -> Option<BTreeSet<PrincipalKind>> {
    let kind = |node: &Node<'_>| node.choice(&[("user", PrincipalKind::User), ("service", PrincipalKind::Service)]);
    node.each(kind).map(|kinds| kinds.into_iter().collect())
}

/// A name that no issuer has would let nobody on, though its author thinks it does.
pub(super) fn read_issuers(node: &Node<'_>, is_known: impl Fn(&str) -> bool) -> Option<BTreeSet<String>> {
    let name = |node: &Node<'_>| match node.string()? {
        name if is_known(name) => Some(name.to_owned()),
        _ => node.problem("is none of `issuers`"),
    };
    node.each(name).map(|names| names.into_iter().collect())
}

/// `base` is left out where the whole path is the scopes'.
fn read_base(node: &Node<'_>) -> Option<Base> {
    let object = node.object()?;
    let base = object.get("base").map_or(Some("/".to_owned()), |node| read_one_way(&node));
    object.finish();
    base.map(|base| Base::new(&base))
}

/// A base beside the rule's own path would refuse everybody.
fn check_base(node: &Node<'_>, require: &Requirement, criteria: Option<&Match>) -> Option<()> {
    let (Some(base), Some(path)) = (&require.path, criteria.and_then(|criteria| criteria.path.as_ref())) else {
        return Some(());
    };
    let meet = match path {
        PathPattern::Exact(path) => base.resource(path).is_some(),
        PathPattern::Prefix(prefix) => base.resource(prefix).is_some() || Base::new(prefix).holds(base),
    };
    if meet { Some(()) } else { node.problem("`path.base` is neither above nor below the path that the rule matches") }
}

/// It stands in a list with spaces between, and in quotes (RFC 9470 §3).
fn authentication_class(node: &Node<'_>) -> Option<String> {
    match node.string()? {
        acr if is_scope_token(acr) => Some(acr.to_owned()),
        _ => node.problem("may hold no space, quote or backslash"),
    }
}

pub(super) fn capability(node: &Node<'_>) -> Option<String> {
    match node.string()? {
        name if is_scope_token(name) => Some(name.to_owned()),
        _ => node.problem("is no capability: it may hold no space, quote or backslash"),
    }
}

fn group(node: &Node<'_>) -> Option<String> {
    node.string().map(str::to_owned)
}

fn read_choice(node: &Node<'_>, name: fn(&Node<'_>) -> Option<String>) -> Option<Choice> {
    let object = node.object()?;
    let names = |field| object.get(field).map_or(Some(Vec::new()), |list| list.each(name));
    let (all_of, any_of) = (names("all_of"), names("any_of"));
    object.finish();
    let choice = Choice { all_of: all_of?, any_of: any_of? };
    if choice == Choice::default() { node.problem("needs `all_of` or `any_of`") } else { Some(choice) }
}

fn read_challenge(node: &Node<'_>) -> Option<Vec<Offer>> {
    let offer = |node: &Node<'_>| node.choice(&[("bearer", Offer::Bearer), ("basic", Offer::Basic)]);
    let offers = node.each(offer)?;
    // The order on the wire is fixed, whatever the order here.
    Some([Offer::Bearer, Offer::Basic].into_iter().filter(|offer| offers.contains(offer)).collect())
}

fn check_names(nodes: &[Node<'_>]) {
    let mut known: BTreeMap<&str, &Node<'_>> = BTreeMap::new();
    for node in nodes {
        let Some(name) = node.value().get("name").and_then(Json::as_str) else {
            continue;
        };
        match known.entry(name) {
            Entry::Vacant(entry) => _ = entry.insert(node),
            Entry::Occupied(earlier) => {
                node.problem::<()>(format!("{} has the same name", earlier.get().path()));
            }
        }
    }
}

/// A rule that no request reaches protects nothing, though its author thinks it does.
fn check_order(nodes: &[Node<'_>], rules: &[Option<Rule>]) {
    let mut earlier = Index::default();
    for (position, (node, rule)) in nodes.iter().zip(rules).enumerate() {
        let Some(criteria) = rule.as_ref().and_then(|rule| rule.matches.as_ref()) else {
            continue;
        };
        if let Some(Covering { first, with_others }) = earlier.covering(criteria)
            && let Some(first) = nodes.get(first)
        {
            let matched = if with_others { " and others match" } else { " matches" };
            node.problem::<()>(format!("never reached: {}{matched} all of it first", first.path()));
        }
        earlier.add(position, criteria);
    }
}
