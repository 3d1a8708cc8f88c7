//! What a rule asks of a verified token. All that is given must hold.

use std::collections::BTreeSet;
use std::time::Duration;

use super::resource::{Base, Operation, Use, allowed};
use crate::issuer::{PathDialect, Principal, PrincipalKind};
use crate::request::Mutation;
use crate::scope::is_scope_token;
use crate::time::UnixTime;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Whose tokens: what one issuer may say of its users, another need not.
    pub issuers: Option<BTreeSet<String>>,
    pub principals: Option<BTreeSet<PrincipalKind>>,
    pub clients: Option<BTreeSet<String>>,
    pub users: Option<BTreeSet<String>>,
    pub groups: Option<Choice>,
    /// Whether a user has to have logged in for this token.
    pub interactive: bool,
    pub capabilities: Option<Choice>,
    /// Whether the token has to allow, by its scopes with paths, what the request does to which path.
    pub path: Option<Base>,
    pub step_up: StepUp,
}

/// How, and how recently, the user has to have logged in (RFC 9470).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// Any of these; empty where it does not matter.
    pub acr: Vec<String>,
    pub max_auth_age: Option<Duration>,
}

/// Names of which all, one, or some and one of others are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub all_of: Vec<String>,
    pub any_of: Vec<String>,
}

/// Capabilities that are asked for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilitySet(Vec<String>);

/// What a token lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortfall {
    Issuer,
    /// It has to be of one of these kinds.
    Principal(BTreeSet<PrincipalKind>),
    Client,
    User,
    Groups {
        missing: String,
    },
    /// No user logged in for it.
    Interactive,
    /// `asked` is what the rule wants, for the `scope` of RFC 6750 §3; `missing` what the token does not have of it.
    Capabilities {
        asked: String,
        missing: String,
    },
    /// The same for an operation on a path, which is not told to the client.
    Path {
        asked: &'static str,
        missing: String,
        /// Whether it is what COPY or MOVE would write.
        is_destination: bool,
    },
    /// The login is too old, or of another class.
    StepUp(StepUp),
}

/// The parts of a requirement, in the order in which they are looked at: who it is comes first, since no scope helps
/// there; then what a client can ask its issuer for; and last another login, which is asked of those only whom it helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Issuers,
    Principals,
    Clients,
    Users,
    Groups,
    Interactive,
    Capabilities,
    Path,
    StepUp,
}

impl Part {
    pub const ALL: [Self; 9] = [
        Self::Issuers,
        Self::Principals,
        Self::Clients,
        Self::Users,
        Self::Groups,
        Self::Interactive,
        Self::Capabilities,
        Self::Path,
        Self::StepUp,
    ];
}

/// When the request is looked at, by a clock that may be off by this much.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: UnixTime,
    pub skew: Duration,
}

impl Choice {
    fn missing(&self, has: impl Fn(&str) -> bool) -> Vec<&str> {
        let mut missing: Vec<&str> = self.all_of.iter().map(String::as_str).filter(|name| !has(name)).collect();
        if !self.any_of.is_empty() && !self.any_of.iter().any(|name| has(name)) {
            missing.extend(self.any_of.iter().map(String::as_str));
        }
        missing
    }
}

impl CapabilitySet {
    /// A list with single spaces, as in a route's metadata.
    pub fn parse(list: &str) -> Option<Self> {
        let names: Vec<String> = list.split(' ').map(str::to_owned).collect();
        names.iter().all(|name| is_scope_token(name)).then_some(Self(names))
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl StepUp {
    /// What is asked, in the words of RFC 9470 §3.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let acr = (!self.acr.is_empty()).then(|| ("acr_values", self.acr.join(" ")));
        let age = self.max_auth_age.map(|age| ("max_age", age.as_secs().to_string()));
        acr.into_iter().chain(age).collect()
    }

    fn holds(&self, principal: &Principal, clock: Clock) -> bool {
        let of_class = |acr: &String| self.acr.contains(acr);
        let recent = |longest: Duration| {
            let in_time = |time: UnixTime| clock.now.since(time) <= longest.saturating_add(clock.skew);
            principal.auth_time.is_some_and(|time| time <= clock.now.plus(clock.skew) && in_time(time))
        };
        (self.acr.is_empty() || principal.acr.as_ref().is_some_and(of_class)) && self.max_auth_age.is_none_or(recent)
    }
}

impl Requirement {
    /// Answers what has to be changed in the request.
    pub fn check(
        &self,
        principal: &Principal,
        extra: Option<&CapabilitySet>,
        done: Option<&Use>,
        clock: Clock,
    ) -> Result<Vec<Mutation>, Shortfall> {
        let mut additions = Vec::new();
        for part in Part::ALL {
            additions.extend(self.check_part(part, principal, extra, done, clock)?);
        }
        Ok(additions)
    }

    /// Checks one part alone.
    pub(super) fn check_part(
        &self,
        part: Part,
        principal: &Principal,
        extra: Option<&CapabilitySet>,
        done: Option<&Use>,
        clock: Clock,
    ) -> Result<Vec<Mutation>, Shortfall> {
        let listed = |names: &Option<BTreeSet<String>>, name: Option<&String>| {
            names.as_ref().is_none_or(|names| name.is_some_and(|name| names.contains(name)))
        };
        let (holds, shortfall) = match part {
            Part::Issuers => (listed(&self.issuers, Some(&principal.issuer)), Shortfall::Issuer),
            Part::Principals => match &self.principals {
                Some(kinds) if !principal.kind.is_some_and(|kind| kinds.contains(&kind)) => {
                    return Err(Shortfall::Principal(kinds.clone()));
                }
                Some(_) | None => return Ok(Vec::new()),
            },
            Part::Clients => (listed(&self.clients, principal.client.as_ref()), Shortfall::Client),
            Part::Users => (listed(&self.users, principal.user.as_ref()), Shortfall::User),
            Part::Groups => return self.check_groups(principal).map(|()| Vec::new()),
            Part::Interactive => (!self.interactive || principal.interactive, Shortfall::Interactive),
            Part::Capabilities => return self.check_capabilities(principal, extra).map(|()| Vec::new()),
            Part::Path => {
                return done.map_or(Ok(Vec::new()), |wanted| {
                    allowed(wanted, principal).ok_or_else(|| path_shortfall(wanted, principal))
                });
            }
            Part::StepUp if self.step_up.holds(principal, clock) => return Ok(Vec::new()),
            Part::StepUp => return Err(Shortfall::StepUp(self.step_up.clone())),
        };
        if holds { Ok(Vec::new()) } else { Err(shortfall) }
    }

    fn check_groups(&self, principal: &Principal) -> Result<(), Shortfall> {
        let Some(groups) = &self.groups else { return Ok(()) };
        let missing = groups.missing(|name| principal.groups.iter().any(|group| group == name));
        if missing.is_empty() { Ok(()) } else { Err(Shortfall::Groups { missing: missing.join(" ") }) }
    }

    /// Whether this capability of the token's is one that is asked for.
    pub fn asks_for(
        &self,
        capability: &String,
        extra: Option<&CapabilitySet>,
        done: Option<&Use>,
        principal: &Principal,
    ) -> bool {
        let named = self.capabilities.iter().flat_map(|choice| choice.all_of.iter().chain(&choice.any_of));
        let alone =
            || Principal { paths: principal.paths, capabilities: [capability.clone()].into(), ..Principal::default() };
        named.chain(extra.into_iter().flat_map(|set| &set.0)).any(|name| name == capability)
            || done.is_some_and(|wanted| allowed(wanted, &alone()).is_some())
    }

    fn check_capabilities(&self, principal: &Principal, extra: Option<&CapabilitySet>) -> Result<(), Shortfall> {
        let has = |name: &str| principal.capabilities.contains(name);
        let extra = extra.map_or(&[][..], |set| set.0.as_slice());
        let choice = self.capabilities.as_ref();
        let mut missing = choice.map_or_else(Vec::new, |choice| choice.missing(has));
        missing.extend(extra.iter().map(String::as_str).filter(|name| !has(name)));
        if missing.is_empty() {
            return Ok(());
        }
        // Asking the issuer for these would not help: the token has them, and is of the wrong sort.
        if missing.iter().all(|name| principal.withheld.contains(*name)) {
            return Err(Shortfall::Interactive);
        }
        let all_of = choice.iter().flat_map(|choice| &choice.all_of).chain(extra);
        let asked: Vec<&str> =
            all_of.chain(choice.iter().flat_map(|choice| &choice.any_of)).map(String::as_str).collect();
        Err(Shortfall::Capabilities { asked: asked.join(" "), missing: missing.join(" ") })
    }
}

fn path_shortfall(wanted: &Use, principal: &Principal) -> Shortfall {
    let asked = wanted.operation.scope(principal.paths.unwrap_or(PathDialect::SciTokens));
    let is_destination = wanted.operation == Operation::Copied;
    Shortfall::Path { asked, missing: format!("{asked}:{}", wanted.path), is_destination }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { now: UnixTime::from_seconds(1_800_000_000), skew: Duration::from_secs(60) };

    fn check(
        requirement: &Requirement,
        principal: &Principal,
        extra: Option<&CapabilitySet>,
    ) -> Result<Vec<Mutation>, Shortfall> {
        requirement.check(principal, extra, None, CLOCK)
    }

    fn names(list: &str) -> Vec<String> {
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn principal(scopes: &str, groups: &str) -> Principal {
        Principal {
            user: Some("alice".to_owned()),
            capabilities: names(scopes).into_iter().collect(),
            groups: names(groups),
            ..Principal::default()
        }
    }

    #[test]
    fn capabilities_are_exact_all_of_and_any_of() {
        struct Case {
            name: &'static str,
            has: &'static str,
            all_of: &'static str,
            any_of: &'static str,
            missing: Option<&'static str>,
        }
        let cases = [
            Case { name: "nothing asked", has: "", all_of: "", any_of: "", missing: None },
            Case { name: "all there", has: "a b c", all_of: "a b", any_of: "", missing: None },
            Case { name: "one of all missing", has: "a", all_of: "a b", any_of: "", missing: Some("b") },
            Case { name: "one of any", has: "b", all_of: "", any_of: "a b", missing: None },
            Case { name: "none of any", has: "c", all_of: "", any_of: "a b", missing: Some("a b") },
            Case { name: "both kinds", has: "a c", all_of: "a", any_of: "b c", missing: None },
            Case { name: "both kinds, any missing", has: "a", all_of: "a", any_of: "b c", missing: Some("b c") },
            Case { name: "no prefix", has: "read:tap/user", all_of: "read:tap", any_of: "", missing: Some("read:tap") },
            Case { name: "no wildcard", has: "a*", all_of: "ab", any_of: "", missing: Some("ab") },
            Case { name: "case counts", has: "A", all_of: "a", any_of: "", missing: Some("a") },
        ];
        for Case { name, has, all_of, any_of, missing } in cases {
            let choice = Choice { all_of: names(all_of), any_of: names(any_of) };
            let requirement = Requirement { capabilities: Some(choice), ..Requirement::default() };
            let found = match check(&requirement, &principal(has, ""), None) {
                Ok(_) => None,
                Err(Shortfall::Capabilities { missing, asked }) => {
                    assert_eq!(asked, [names(all_of), names(any_of)].concat().join(" "), "{name}");
                    Some(missing)
                }
                Err(other) => panic!("{name}: {other:?}"),
            };
            assert_eq!(found.as_deref(), missing, "{name}");
        }
    }

    #[test]
    fn groups_users_and_the_routes_own_capabilities_hold_together() {
        let groups = Choice { any_of: names("g h"), ..Choice::default() };
        let users = Some(BTreeSet::from(["alice".to_owned()]));
        let requirement = Requirement { groups: Some(groups), users, ..Requirement::default() };
        let extra = CapabilitySet::parse("a b").unwrap();
        assert_eq!(check(&requirement, &principal("a b", "g"), Some(&extra)), Ok(Vec::new()));
        let missing = "g h".to_owned();
        assert_eq!(check(&requirement, &principal("", "x"), None), Err(Shortfall::Groups { missing }));
        let bob = Principal { user: Some("bob".to_owned()), ..principal("", "h") };
        assert_eq!(check(&requirement, &bob, None), Err(Shortfall::User));
        assert_eq!(check(&requirement, &Principal { user: None, ..bob }, None), Err(Shortfall::User));
        assert!(matches!(
            check(&requirement, &principal("a", "g"), Some(&extra)),
            Err(Shortfall::Capabilities { asked, missing }) if asked == "a b" && missing == "b"
        ));
    }

    #[test]
    fn a_list_of_capabilities_has_single_spaces() {
        for bad in ["", " ", "a  b", " a", "a ", "a\tb", "a\"", "é"] {
            assert_eq!(CapabilitySet::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_rule_says_who_may_and_by_which_login() {
        let user = || Principal {
            kind: Some(PrincipalKind::User),
            client: Some("web".to_owned()),
            interactive: true,
            auth_time: Some(UnixTime::from_seconds(1_800_000_000 - 900)),
            acr: Some("mfa".to_owned()),
            ..principal("", "")
        };
        let service =
            Principal { kind: Some(PrincipalKind::Service), client: Some("poller".to_owned()), ..Principal::default() };
        let kinds = |kind| Requirement { principals: Some(BTreeSet::from([kind])), ..Requirement::default() };
        let clients = || Requirement { clients: Some(BTreeSet::from(["poller".to_owned()])), ..Requirement::default() };
        let step_up = |acr: &str, age: Option<u64>| Requirement {
            step_up: StepUp { acr: names(acr), max_auth_age: age.map(Duration::from_secs) },
            ..Requirement::default()
        };
        let interactive = || Requirement { interactive: true, ..Requirement::default() };
        let ago =
            |seconds: u64| Principal { auth_time: Some(UnixTime::from_seconds(1_800_000_000 - seconds)), ..user() };
        let ahead =
            |seconds: u64| Principal { auth_time: Some(UnixTime::from_seconds(1_800_000_000 + seconds)), ..user() };
        let neither = || Principal { kind: None, user: None, ..user() };
        for (name, requirement, principal, want) in [
            ("a user", kinds(PrincipalKind::User), user(), true),
            ("a service for a user", kinds(PrincipalKind::User), service.clone(), false),
            ("a service", kinds(PrincipalKind::Service), service.clone(), true),
            ("neither", kinds(PrincipalKind::User), neither(), false),
            ("the client", clients(), service.clone(), true),
            ("another client", clients(), user(), false),
            ("no client", clients(), Principal { client: None, ..user() }, false),
            ("interactive", interactive(), user(), true),
            ("not interactive", interactive(), service.clone(), false),
            ("class", step_up("x mfa", None), user(), true),
            ("another class", step_up("x mfax", None), user(), false),
            ("no class", step_up("x", None), service.clone(), false),
            ("recent login", step_up("", Some(900)), user(), true),
            ("to the second", step_up("", Some(900)), ago(960), true),
            ("too old", step_up("", Some(900)), ago(961), false),
            ("ahead of time", step_up("", Some(900)), ahead(60), true),
            ("too far ahead of time", step_up("", Some(900)), ahead(61), false),
            ("no time of login", step_up("", Some(900)), service.clone(), false),
        ] {
            assert_eq!(check(&requirement, &principal, None).is_ok(), want, "{name}");
        }
    }

    #[test]
    fn a_capability_that_is_withheld_is_told_from_one_that_is_missing() {
        let holder = Principal { withheld: BTreeSet::from(["exec:nb".to_owned()]), ..principal("a", "") };
        let asking = |all_of: &str| Requirement {
            capabilities: Some(Choice { all_of: names(all_of), any_of: Vec::new() }),
            ..Requirement::default()
        };
        assert_eq!(check(&asking("a exec:nb"), &holder, None), Err(Shortfall::Interactive));
        assert!(matches!(check(&asking("b exec:nb"), &holder, None), Err(Shortfall::Capabilities { .. })));
    }
}
