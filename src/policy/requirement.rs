//! What a rule asks of a verified token. All that is given must hold.

use std::collections::BTreeSet;

use crate::issuer::Principal;

/// The grammar of RFC 6749 §3.3: printable ASCII without space, quote and backslash.
pub fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    pub capabilities: Option<Choice>,
    pub groups: Option<Choice>,
    pub users: Option<BTreeSet<String>>,
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
    /// `asked` is what the rule wants, for the `scope` of RFC 6750 §3; `missing` what the token does not have of it.
    Capabilities {
        asked: String,
        missing: String,
    },
    Groups,
    User,
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
}

impl Requirement {
    /// Checks the token's capabilities first: what is missing there, a client can ask its issuer for.
    pub fn check(&self, principal: &Principal, extra: Option<&CapabilitySet>) -> Result<(), Shortfall> {
        let mut asked = self.capabilities.clone().unwrap_or_default();
        asked.all_of.extend(extra.iter().flat_map(|set| set.0.iter().cloned()));
        let missing = asked.missing(|name| principal.scopes.contains(name));
        if !missing.is_empty() {
            let names: Vec<&str> = asked.all_of.iter().chain(&asked.any_of).map(String::as_str).collect();
            return Err(Shortfall::Capabilities { asked: names.join(" "), missing: missing.join(" ") });
        }
        let in_group = |name: &str| principal.groups.iter().any(|group| group == name);
        if self.groups.as_ref().is_some_and(|groups| !groups.missing(in_group).is_empty()) {
            return Err(Shortfall::Groups);
        }
        let listed = |users: &BTreeSet<String>| principal.user.as_ref().is_some_and(|user| users.contains(user));
        if !self.users.as_ref().is_none_or(listed) {
            return Err(Shortfall::User);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn principal(scopes: &str, groups: &str) -> Principal {
        Principal {
            user: Some("alice".to_owned()),
            scopes: names(scopes).into_iter().collect(),
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
            let found = match requirement.check(&principal(has, ""), None) {
                Ok(()) => None,
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
        let requirement = Requirement { groups: Some(groups), users, capabilities: None };
        let extra = CapabilitySet::parse("a b").unwrap();
        assert_eq!(requirement.check(&principal("a b", "g"), Some(&extra)), Ok(()));
        assert_eq!(requirement.check(&principal("", "x"), None), Err(Shortfall::Groups));
        let bob = Principal { user: Some("bob".to_owned()), ..principal("", "h") };
        assert_eq!(requirement.check(&bob, None), Err(Shortfall::User));
        assert_eq!(requirement.check(&Principal { user: None, ..bob }, None), Err(Shortfall::User));
        assert!(matches!(
            requirement.check(&principal("a", "g"), Some(&extra)),
            Err(Shortfall::Capabilities { asked, missing }) if asked == "a b" && missing == "b"
        ));
    }

    #[test]
    fn a_list_of_capabilities_has_single_spaces() {
        for bad in ["", " ", "a  b", " a", "a ", "a\tb", "a\"", "é"] {
            assert_eq!(CapabilitySet::parse(bad), None, "{bad:?}");
        }
    }
}
