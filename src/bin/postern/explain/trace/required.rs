//! What the rules ask of a token that is good.

use std::collections::BTreeSet;
use std::time::Duration;

use postern::denial::Denial;
use postern::issuer::{Principal, PrincipalKind};
use postern::policy::{Access, Choice, Clock, Demand, Part, Selected};

use super::{Reached, Scene, Stage, Trace};
use crate::explain::moment;

/// Checks one part after the other, of one rule after the other.
pub fn check(
    trace: &mut Trace,
    scene: &Scene<'_>,
    selected: &Selected,
    principal: &Principal,
    skew: Duration,
) -> Reached<()> {
    let clock = Clock { now: scene.now, skew };
    for demand in selected.in_force() {
        for part in Part::ALL {
            let checked = demand.check_part(part, principal, clock);
            let Some((name, asked)) = asked(demand, part) else { continue };
            let facts = [vec![format!("asked is {asked}")], had(part, principal, scene)].concat();
            match checked {
                Ok(_) => {
                    trace.pass(Stage::Required, name, facts);
                    trace.of_rule(&demand.rule().name);
                }
                Err(shortfall) => {
                    let denial = Denial::from(shortfall);
                    let missing = denial.missing().unwrap_or_default();
                    let stop = trace.fail(Stage::Required, name, &denial, facts);
                    trace.of_rule(&demand.rule().name);
                    trace.hint(hint(part, &missing, principal));
                    return Err(stop);
                }
            }
        }
    }
    Ok(())
}

/// The parts that the request does not come to.
pub fn leave_out(trace: &mut Trace, selected: &Selected) {
    for demand in selected.in_force().filter(|demand| demand.rule().access == Access::Required) {
        for (name, asked) in Part::ALL.into_iter().filter_map(|part| asked(demand, part)) {
            trace.leave_out(Stage::Required, Some(&demand.rule().name), name, asked);
        }
    }
}

/// What is asked of that part, with the name it has in the configuration; `None` where nothing is.
fn asked(demand: &Demand, part: Part) -> Option<(&'static str, String)> {
    let require = &demand.rule().require;
    let list = |names: &BTreeSet<String>| {
        format!("any of {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let (name, asked) = match part {
        Part::Issuers => ("issuers", list(require.issuers.as_ref()?)),
        Part::Principals => {
            let kinds = require.principals.as_ref()?.iter().map(|kind| kind.as_str());
            ("principals", format!("any of {}", kinds.collect::<Vec<_>>().join(", ")))
        }
        Part::Clients => ("clients", list(require.clients.as_ref()?)),
        Part::Users => ("users", list(require.users.as_ref()?)),
        Part::Groups => ("groups", choice(require.groups.as_ref()?)),
        Part::Interactive => ("interactive", require.interactive.then(|| "a user who logged in".to_owned())?),
        Part::Capabilities => {
            let extra = demand.extra().map(|extra| format!("{} (the route's metadata)", extra.names().join(" and ")));
            let asked =
                require.capabilities.as_ref().map(choice).into_iter().chain(extra).collect::<Vec<_>>().join(", and ");
            ("capabilities", (!asked.is_empty()).then_some(asked)?)
        }
        Part::Path => {
            let done = demand.done()?;
            ("path", format!("a scope that allows {} on {}", done.operation.as_str(), done.path))
        }
        Part::StepUp => {
            let parameters = require.step_up.parameters();
            let words = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
            ("login", (!words.is_empty()).then_some(words)?)
        }
    };
    Some((name, asked))
}

fn choice(choice: &Choice) -> String {
    let all = (!choice.all_of.is_empty()).then(|| choice.all_of.join(" and "));
    let any = (!choice.any_of.is_empty()).then(|| format!("any of {}", choice.any_of.join(", ")));
    all.into_iter().chain(any).collect::<Vec<_>>().join(", and ")
}

/// What the token has of that.
fn had(part: Part, principal: &Principal, scene: &Scene<'_>) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let names = |names: &mut dyn Iterator<Item = &String>| {
        let names = names.map(String::as_str).collect::<Vec<_>>().join(", ");
        if names.is_empty() { "none".to_owned() } else { names }
    };
    let had = match part {
        Part::Issuers => format!("the token is of {}", principal.issuer),
        Part::Principals => {
            format!(
                "the token is {}",
                principal.kind.map_or("neither's", |kind| match kind {
                    PrincipalKind::User => "a user's",
                    PrincipalKind::Service => "a service's",
                })
            )
        }
        Part::Clients => format!("the token's client is {}", text(&principal.client)),
        Part::Users => format!("the token's user is {}", text(&principal.user)),
        Part::Groups => format!("the token has {}", names(&mut principal.groups.iter())),
        Part::Interactive => {
            let logged_in = if principal.interactive { "the user logged in" } else { "nobody logged in for the token" };
            logged_in.to_owned()
        }
        Part::Capabilities | Part::Path => {
            let withheld = (!principal.withheld.is_empty()).then(|| {
                let names = names(&mut principal.withheld.iter());
                format!("these count only for a user who logged in: {names}")
            });
            let has = format!("the token has {}", names(&mut principal.capabilities.iter()));
            return [has].into_iter().chain(withheld).collect();
        }
        Part::StepUp => {
            let login = principal.auth_time.map_or_else(
                || "the token does not say when the user logged in".to_owned(),
                |time| format!("the user logged in {}", moment::from_now(time, scene.now)),
            );
            format!("{login}, acr {}", text(&principal.acr))
        }
    };
    vec![had]
}

fn hint(part: Part, missing: &str, principal: &Principal) -> Option<String> {
    match part {
        Part::Capabilities if missing == "interactive" => {
            Some("the token has what is asked, and is not one of a user who logged in".to_owned())
        }
        Part::Capabilities => {
            let below = |missing: &&str| {
                let near =
                    |has: &&String| has.starts_with(&format!("{missing}/")) || missing.starts_with(&format!("{has}/"));
                principal.capabilities.iter().find(near)
            };
            let near = missing.split(' ').find_map(|name| Some((name, below(&name)?)));
            near.map_or_else(
                || Some(format!("missing: {missing}")),
                |(name, has)| {
                    Some(format!("missing: {missing}. {has} does not give {name}: they are compared letter for letter"))
                },
            )
        }
        Part::Groups | Part::Path => Some(format!("missing: {missing}")),
        Part::Issuers | Part::Principals | Part::Clients | Part::Users | Part::Interactive | Part::StepUp => None,
    }
}
