//! What a rule matches: host, path, method, Envoy's route name. Which rule a request falls under, `index` finds.

use std::fmt;

use crate::authority::{Host, host};

/// The criteria of a rule. All of them have to hold; one that is left out holds for every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    pub hosts: Vec<HostPattern>,
    pub path: Option<PathPattern>,
    pub methods: Vec<String>,
    pub route: Option<String>,
}

/// `name`, `*.name` for all names below it, either with `:*` behind it for any port.
///
/// Without `:*` the pattern is for authorities without port. One with a port is then neither matched nor passed by:
/// Envoy takes `a.test:80` for another domain than `a.test`, or, told to ignore ports, for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    pub(super) name: NamePattern,
    pub(super) any_port: bool,
}

/// A name in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamePattern {
    Exact(String),
    /// The name itself is not among them, as in Envoy's virtual host domains.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    Exact(String),
    /// This path and all below it, by whole segments: `/api/tap` holds for `/api/tap/sync`, not for `/api/tapas`.
    Prefix(String),
}

impl HostPattern {
    pub fn parse(text: &str) -> Option<Self> {
        let (name, any_port) = text.strip_suffix(":*").map_or((text, false), |name| (name, true));
        let (name, below) = name.strip_prefix("*.").map_or((name, false), |name| (name, true));
        // The same reading as a request's host, and nothing that only a request may have: no port, no capitals.
        let read = host(name).filter(|read| read.name == name)?;
        let name = if below { NamePattern::Below(read.name) } else { NamePattern::Exact(read.name) };
        Some(Self { name, any_port })
    }

    /// Whether it is this one, where nothing depends on a host that is not.
    pub fn holds(&self, host: &Host) -> bool {
        let is_named = match &self.name {
            NamePattern::Exact(name) => host.name == *name,
            NamePattern::Below(name) => host.name.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.')),
        };
        is_named && (self.any_port || !host.has_port)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            NamePattern::Exact(name) => f.write_str(name)?,
            NamePattern::Below(name) => write!(f, "*.{name}")?,
        }
        f.write_str(if self.any_port { ":*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::{Covering, Doubt, Facts, Index};
    use super::*;
    use crate::request::{RequestHead, Route};

    fn only(criteria: &Match) -> Index {
        let mut index = Index::default();
        index.add(0, criteria);
        index
    }

    fn holds(criteria: &Match, method: &str, authority: &str, path: &str, route: Option<&str>) -> Result<bool, Doubt> {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let head =
            RequestHead::new(vec![field(":method", method), field(":authority", authority), field(":path", path)]);
        let route = Route { name: route.map(str::to_owned), ..Route::default() };
        only(criteria).find(&Facts::of(&head, &route)).map(|found| found == Some(0))
    }

    #[test]
    fn a_prefix_matches_whole_segments() {
        for (prefix, path, want) in [
            ("/api/tap", "/api/tap", true),
            ("/api/tap", "/api/tap/", true),
            ("/api/tap", "/api/tap/sync?x", true),
            ("/api/tap", "/api/tapas", false),
            ("/api/tap", "/api", false),
            ("/api/tap", "/API/tap", false),
            ("/api/tap", "/%61pi/tap", true),
            ("/", "/anything", true),
        ] {
            let criteria = Match { path: Some(PathPattern::Prefix(prefix.into())), ..Match::default() };
            assert_eq!(holds(&criteria, "GET", "h", path, None).unwrap(), want, "{prefix} {path}");
        }
        let exact = Match { path: Some(PathPattern::Exact("/a".into())), ..Match::default() };
        for (path, want) in [("/a", true), ("/a?x", true), ("/a/", false), ("/a/b", false)] {
            assert_eq!(holds(&exact, "GET", "h", path, None).unwrap(), want, "{path}");
        }
    }

    #[test]
    fn hosts_match_in_any_case_and_a_port_has_to_be_allowed_for() {
        let criteria = |host: &str| Match { hosts: vec![HostPattern::parse(host).unwrap()], ..Match::default() };
        for (host, authority, want) in [
            ("a.test", "a.test", Some(true)),
            ("a.test", "A.test", Some(true)),
            ("a.test", "b.test", Some(false)),
            ("a.test", "b.test:80", Some(false)),
            ("a.test", "a.test.evil.test", Some(false)),
            ("a.test", "a.test:80", None),
            ("a.test", "a.test:443", None),
            ("a.test:*", "a.test:80", Some(true)),
            ("a.test:*", "a.test", Some(true)),
            ("*.a.test", "b.a.test", Some(true)),
            ("*.a.test", "c.b.a.test", Some(true)),
            ("*.a.test", "c.b.a.test:80", None),
            ("*.a.test:*", "c.b.a.test:80", Some(true)),
            ("*.a.test", "a.test", Some(false)),
            ("*.a.test", "evila.test", Some(false)),
            ("[::1]:*", "[::1]:8080", Some(true)),
            ("127.0.0.1:*", "127.0.0.1:8080", Some(true)),
        ] {
            assert_eq!(holds(&criteria(host), "GET", authority, "/", None).ok(), want, "{host} {authority}");
        }
        for authority in ["", ".", "a.test.", "a.test:", "a..b", "a,b", "a b", "a:80:90", "a:x", "[::1", "a/b", "a%2eb"]
        {
            let refused = holds(&criteria("h"), "GET", authority, "/", None);
            assert_eq!(refused, Err(Doubt::Host), "{authority:?}");
        }
    }

    #[test]
    fn a_host_pattern_is_a_plain_name() {
        for bad in ["", "*", "*.", ":*", "a:80", "A.test", "a.test.", "a b", "*.*.a", "a@b", "a:*:*"] {
            assert_eq!(HostPattern::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn methods_and_route_names_are_exact() {
        let criteria =
            Match { methods: vec!["GET".into(), "HEAD".into()], route: Some("tap".into()), ..Match::default() };
        for (method, route, want) in [
            ("GET", Some("tap"), true),
            ("HEAD", Some("tap"), true),
            ("POST", Some("tap"), false),
            ("GETS", Some("tap"), false),
            ("GET", Some("tap2"), false),
            ("GET", None, false),
        ] {
            assert_eq!(holds(&criteria, method, "h", "/", route).unwrap(), want, "{method} {route:?}");
        }
        // A server that does not tell capitals from small letters would take it for the rule's.
        for method in ["get", "Get", "HEAd"] {
            assert_eq!(holds(&criteria, method, "h", "/", Some("tap")), Err(Doubt::Method), "{method}");
        }
        assert_eq!(holds(&criteria, "get", "h", "/", Some("tap2")), Ok(false));
    }

    #[test]
    fn an_ambiguous_path_is_refused_only_where_a_path_decides() {
        let by_path = Match { path: Some(PathPattern::Prefix("/a".into())), ..Match::default() };
        let by_host = Match { hosts: vec![HostPattern::parse("h").unwrap()], ..Match::default() };
        let by_method = Match { methods: vec!["PUT".into()], ..by_path.clone() };
        assert_eq!(holds(&by_path, "GET", "h", "/a/../b", None), Err(Doubt::Path));
        assert!(holds(&by_host, "GET", "h", "/a/../b", None).unwrap());
        assert!(!holds(&by_method, "GET", "h", "/a/../b", None).unwrap());
        let connect = RequestHead::new(vec![(b":method".to_vec(), b"CONNECT".to_vec())]);
        let route = Route::default();
        assert_eq!(only(&by_path).find(&Facts::of(&connect, &route)), Err(Doubt::Path));
    }

    #[test]
    fn a_rule_that_an_earlier_one_covers_is_noticed() {
        let prefix = |path: &str| Match { path: Some(PathPattern::Prefix(path.into())), ..Match::default() };
        let exact = |path: &str| Match { path: Some(PathPattern::Exact(path.into())), ..Match::default() };
        let host = |host: &str| Match { hosts: vec![HostPattern::parse(host).unwrap()], ..Match::default() };
        let method =
            |methods: &[&str]| Match { methods: methods.iter().map(|&m| m.into()).collect(), ..Match::default() };
        for (name, earlier, later, want) in [
            ("everything", Match::default(), prefix("/a"), true),
            ("prefix over prefix", prefix("/a"), prefix("/a/b"), true),
            ("prefix over exact", prefix("/a"), exact("/a"), true),
            ("longer prefix first", prefix("/a/b"), prefix("/a"), false),
            ("exact over prefix", exact("/a"), prefix("/a"), false),
            ("prefix over everything", prefix("/a"), Match::default(), false),
            ("sibling", prefix("/a"), prefix("/ab"), false),
            ("wildcard over name", host("*.a.test"), host("b.a.test"), true),
            ("any port over none", host("a.test:*"), host("a.test"), true),
            ("no port over any", host("a.test"), host("a.test:*"), false),
            ("name over wildcard", host("b.a.test"), host("*.a.test"), false),
            ("more methods", method(&["GET", "PUT"]), method(&["GET"]), true),
            ("fewer methods", method(&["GET"]), method(&["GET", "PUT"]), false),
            ("another route", Match { route: Some("a".into()), ..Match::default() }, prefix("/a"), false),
            ("methods over all", method(&["GET"]), Match::default(), false),
        ] {
            let covering = want.then_some(Covering { first: 0, with_others: false });
            assert_eq!(only(&earlier).covering(&later), covering, "{name}");
        }
    }
}
