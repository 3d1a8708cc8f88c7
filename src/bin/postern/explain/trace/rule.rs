//! Which rule the request falls under, and why.

use postern::denial::Denial;
use postern::policy::{Access, Base, Demand, Match, PathPattern, Rule, Selected};
use postern::request::RouteMetadata;

use super::{Reached, Scene, Stage, Trace};
use crate::yaml::Place;

/// Most rules that are told of where none matches.
const MOST_NEARBY: usize = 8;

/// A rule that the request falls under.
pub struct Chosen {
    pub name: String,
    /// Its position among the rules, and where it stands; absent for a route that asks by itself.
    pub written: Option<(usize, Place)>,
    /// Why it is this one.
    pub why: String,
    pub access: &'static str,
    pub is_shadow: bool,
}

/// A rule that does not match.
pub struct Nearby {
    pub name: String,
    pub index: usize,
    pub place: Place,
    /// What does not hold.
    pub why: String,
}

pub fn select(trace: &mut Trace, scene: &Scene<'_>) -> Reached<Selected> {
    match scene.config.policy.select(scene.head, scene.route) {
        Ok(selected) => {
            let why = match &scene.route.metadata {
                RouteMetadata::Present { rule: Some(_), .. } => "the route's metadata names it".to_owned(),
                RouteMetadata::Present { .. } | RouteMetadata::Malformed => {
                    "the route's metadata asks for capabilities by itself".to_owned()
                }
                RouteMetadata::Absent => criteria(selected.own().rule()),
            };
            trace.chosen.push(chosen(scene, selected.own(), why));
            if let Some(written) = selected.written() {
                let why = format!("for what is written: {}", criteria(written.rule()));
                trace.chosen.push(chosen(scene, written, why));
            }
            let names = trace.chosen.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(", and ");
            trace.pass(Stage::Rule, "rule", names);
            Ok(selected)
        }
        Err(denial) => {
            if denial == Denial::NoRule {
                (trace.nearby, trace.not_nearby) = nearby(scene);
            }
            let fact = why_none(scene, &denial);
            Err(trace.fail(Stage::Rule, "rule", &denial, fact))
        }
    }
}

fn chosen(scene: &Scene<'_>, demand: &Demand, why: String) -> Chosen {
    let rule = demand.rule();
    let index = scene.config.policy.rules().iter().position(|other| std::rc::Rc::ptr_eq(other, rule));
    Chosen {
        name: rule.name.to_string(),
        written: index.map(|index| (index, scene.plugin.place(&format!("rules[{index}]")))),
        why,
        access: match rule.access {
            Access::Anonymous => "anonymous",
            Access::Optional => "optional",
            Access::Required => "required",
        },
        is_shadow: rule.shadow,
    }
}

fn why_none(scene: &Scene<'_>, denial: &Denial) -> String {
    match denial {
        Denial::NoRule => "no rule's match holds, and what no rule matches is refused".to_owned(),
        Denial::UnknownRule => "the route's metadata names no rule of this configuration, or cannot be read".to_owned(),
        Denial::AmbiguousPath => {
            let path = scene.head.path().and_then(|path| path.split('?').next()).unwrap_or_default();
            format!(
                "{path} can be read in more than one way, as with empty and dot segments, \\, ; and encoded / and ."
            )
        }
        Denial::AmbiguousHost => {
            "the host cannot be read, or has a port and the rule's hosts are without (write name:*)".to_owned()
        }
        other => other.detail(),
    }
}

/// What a rule matches, in the words of the configuration.
fn criteria(rule: &Rule) -> String {
    rule.matches.as_ref().map_or_else(
        || "it has no match, and is reached by name".to_owned(),
        |matches| {
            let parts: Vec<String> = parts(matches).into_iter().map(|(words, _)| words).collect();
            parts.join(", ")
        },
    )
}

/// Each criterion in words, and by itself.
fn parts(matches: &Match) -> Vec<(String, Match)> {
    let mut parts = Vec::new();
    if !matches.hosts.is_empty() {
        let hosts = matches.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        parts.push((format!("hosts: [{hosts}]"), Match { hosts: matches.hosts.clone(), ..Match::default() }));
    }
    if let Some(path) = &matches.path {
        let words = match path {
            PathPattern::Exact(path) => format!("path: {path}"),
            PathPattern::Prefix(path) => format!("prefix: {path}"),
        };
        parts.push((words, Match { path: Some(path.clone()), ..Match::default() }));
    }
    if !matches.methods.is_empty() {
        let words = format!("methods: [{}]", matches.methods.join(", "));
        parts.push((words, Match { methods: matches.methods.clone(), ..Match::default() }));
    }
    if let Some(route) = &matches.route {
        parts.push((format!("route: {route}"), Match { route: Some(route.clone()), ..Match::default() }));
    }
    parts
}

/// The rules of which the most holds, and how many there are beside them.
fn nearby(scene: &Scene<'_>) -> (Vec<Nearby>, usize) {
    let mut found: Vec<(usize, Nearby)> = Vec::new();
    for (index, rule) in scene.config.policy.rules().iter().enumerate() {
        let Some(matches) = &rule.matches else { continue };
        let parts = parts(matches);
        let fails = |criterion: &Match| criterion.holds(scene.head, scene.route) != Ok(true);
        let failing: Vec<&str> =
            parts.iter().filter(|(_, criterion)| fails(criterion)).map(|(words, _)| words.as_str()).collect();
        let place = scene.plugin.place(&format!("rules[{index}].match"));
        let why = format!("does not hold: {}", failing.join(", "));
        found.push((failing.len(), Nearby { name: rule.name.to_string(), index, place, why }));
    }
    found.sort_by_key(|(failing, _)| *failing);
    let others = found.len().saturating_sub(MOST_NEARBY);
    (found.into_iter().take(MOST_NEARBY).map(|(_, nearby)| nearby).collect(), others)
}

/// What is done to which path, for rules on paths: some requests are refused whatever the token is.
pub fn check_uses(trace: &mut Trace, selected: &Selected) -> Reached<()> {
    const NAME: &str = "path";
    if let Some((rule, denial)) = selected.hopeless() {
        let base = rule.require.path.as_ref().map_or("/", Base::as_str);
        let fact = format!("rule {} is on paths below {base}, and no token allows this there", rule.name);
        return Err(trace.fail(Stage::Rule, NAME, &denial, fact));
    }
    for demand in selected.in_force() {
        if let Some(done) = demand.done() {
            let fact = format!(
                "{} on {}, as scopes of rule {} say it",
                done.operation.as_str(),
                done.path,
                demand.rule().name
            );
            trace.pass(Stage::Rule, NAME, fact);
        }
    }
    Ok(())
}
