//! Capabilities that are for paths: SciTokens' `read:/store` and the WLCG profile's `storage.read:/store`.
//!
//! What a request does is read off its method (RFC 9110, RFC 4918), and on which paths off its target and, for COPY and
//! MOVE, off `Destination`. Paths of requests and of scopes have one normal form, [`super::path`]'s.

use super::path::{ReadPath, read_path};
use crate::issuer::{PathDialect, Principal};
use crate::request::Mutation;

/// Where in the request's path the space that scopes speak of begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

/// Something done to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub operation: Operation,
    /// As scopes speak of it.
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    /// Asks whether there is something, and how large: the WLCG profile allows it to all who may do anything there.
    Stat,
    /// Reads what the request's body names.
    Search,
    /// Makes a directory, which fails where there is something (RFC 4918 §9.3).
    MakeCollection,
    Put,
    /// What COPY and MOVE do to `Destination`.
    Copied,
    /// What MOVE does to its own path; with the new name, where that is in the same space.
    Rename(Option<String>),
    /// May change or remove what is there.
    Change,
}

impl Operation {
    /// What this method does to the request's own path; `None` where that is not known. `to` is what MOVE writes.
    pub fn of(method: &str, to: Option<String>) -> Option<Self> {
        Some(match method {
            "HEAD" => Self::Stat,
            "GET" | "OPTIONS" | "PROPFIND" | "COPY" => Self::Read,
            "REPORT" | "SEARCH" => Self::Search,
            "MKCOL" => Self::MakeCollection,
            "PUT" => Self::Put,
            "MOVE" => Self::Rename(to),
            "POST" | "PATCH" | "DELETE" | "PROPPATCH" | "LOCK" | "UNLOCK" => Self::Change,
            _ => return None,
        })
    }

    /// For people.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Stat => "looking whether it is there",
            Self::Search => "searching",
            Self::MakeCollection => "making a directory",
            Self::Put => "writing",
            Self::Copied => "writing by COPY or MOVE",
            Self::Rename(_) => "moving away",
            Self::Change => "changing",
        }
    }

    fn reads(&self) -> bool {
        match self {
            Self::Read | Self::Stat | Self::Search => true,
            Self::MakeCollection | Self::Put | Self::Copied | Self::Rename(_) | Self::Change => false,
        }
    }

    /// The scope that would allow it, without its path.
    pub fn scope(&self, dialect: PathDialect) -> &'static str {
        match (dialect, self.reads()) {
            (PathDialect::SciTokens, true) => "read",
            (PathDialect::SciTokens, false) => "write",
            (PathDialect::Wlcg, true) => "storage.read",
            (PathDialect::Wlcg, false) => "storage.modify",
        }
    }
}

impl Base {
    /// Of a path in its normal form.
    pub fn new(path: &str) -> Self {
        Self(without_slash(path).to_owned())
    }

    /// Without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether another base is at or below this one.
    pub fn holds(&self, other: &Self) -> bool {
        self.resource(&other.0).is_some()
    }

    /// The path as scopes speak of it, where it is below.
    pub fn resource(&self, path: &str) -> Option<String> {
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/".to_owned()),
            rest if rest.starts_with('/') => Some(rest.to_owned()),
            _ => None,
        }
    }
}

/// Whether the token allows this, and what has to be changed in the request for it.
pub fn allowed(wanted: &Use, principal: &Principal) -> Option<Vec<Mutation>> {
    let scopes = Scopes { principal, dialect: principal.paths? };
    let everything = match scopes.dialect {
        PathDialect::SciTokens if wanted.operation.reads() => &["read"][..],
        PathDialect::SciTokens => &["write"],
        PathDialect::Wlcg if wanted.operation == Operation::Stat => {
            &["storage.read", "storage.stage", "storage.create", "storage.modify"]
        }
        // Staging is reading, after a while.
        PathDialect::Wlcg if wanted.operation.reads() => &["storage.read", "storage.stage"],
        PathDialect::Wlcg => &["storage.modify"],
    };
    if everything.iter().any(|operation| scopes.cover(operation, &[wanted.path.as_str()])) {
        return Some(Vec::new());
    }
    match scopes.dialect {
        PathDialect::SciTokens => None,
        // Directories that lead to what may be made are made one by one, and by this profile by whoever may make that.
        PathDialect::Wlcg if wanted.operation == Operation::MakeCollection && scopes.begin_with(&wanted.path) => {
            Some(Vec::new())
        }
        PathDialect::Wlcg => by_creating(wanted, &scopes),
    }
}

/// Whether the token has all that this scope says: another one of the same operation, on this path or above.
pub fn scope_holds(principal: &Principal, scope: &str) -> bool {
    let Some(dialect) = principal.paths else { return false };
    let operations = match dialect {
        PathDialect::SciTokens => &["read", "write"][..],
        PathDialect::Wlcg => &["storage.read", "storage.create", "storage.modify", "storage.stage"],
    };
    operations.iter().any(|operation| {
        let path = scope_path(scope, operation, dialect);
        path.is_some_and(|path| Scopes { principal, dialect }.cover(operation, &[&path]))
    })
}

/// `storage.create` makes what is new and overwrites nothing. Whether there is something is for the service to find out:
/// it is asked to, in HTTP's own words.
fn by_creating(wanted: &Use, scopes: &Scopes<'_>) -> Option<Vec<Mutation>> {
    let no_overwrite = || vec![Mutation::set("overwrite", *b"F")];
    let (paths, conditions) = match &wanted.operation {
        Operation::MakeCollection => (vec![wanted.path.as_str()], Vec::new()),
        Operation::Put => {
            // RFC 9110 §13.2.2: a server that looks at If-Match first need not come to the other.
            let no_match = Mutation::remove(b"if-match");
            (vec![wanted.path.as_str()], vec![no_match, Mutation::set("if-none-match", *b"*")])
        }
        // RFC 4918 §10.6.
        Operation::Copied => (vec![wanted.path.as_str()], no_overwrite()),
        // The WLCG profile counts renaming as creating. From one scope's space into another's it would be a way to read
        // what may only be written.
        Operation::Rename(Some(to)) => (vec![wanted.path.as_str(), to.as_str()], no_overwrite()),
        Operation::Rename(None) | Operation::Change | Operation::Read | Operation::Stat | Operation::Search => {
            return None;
        }
    };
    scopes.cover("storage.create", &paths).then_some(conditions)
}

struct Scopes<'a> {
    principal: &'a Principal,
    dialect: PathDialect,
}

impl Scopes<'_> {
    /// The paths on which this operation is allowed.
    fn of(&self, operation: &str) -> impl Iterator<Item = String> {
        self.principal.capabilities.iter().filter_map(move |scope| scope_path(scope, operation, self.dialect))
    }

    /// Whether this path is above one where something may be made.
    fn begin_with(&self, path: &str) -> bool {
        let mut made = self.of("storage.create").chain(self.of("storage.modify"));
        made.any(|scope| covers(without_slash(path), &scope))
    }

    /// Whether one scope allows this operation on all of these paths.
    fn cover(&self, operation: &str, paths: &[&str]) -> bool {
        self.of(operation).any(|scope| paths.iter().all(|path| covers(&scope, path)))
    }
}

/// The path for which a capability allows that operation. One that can be read in two ways allows nothing.
fn scope_path(capability: &str, operation: &str, dialect: PathDialect) -> Option<String> {
    let path = match capability.strip_prefix(operation)? {
        // SciTokens: left out, it is the whole space. The WLCG profile wants a path.
        "" if dialect == PathDialect::SciTokens => return Some(String::new()),
        rest => rest.strip_prefix(':')?,
    };
    match read_path(path) {
        ReadPath::Plain(plain) if plain == "/" && path == "/" => Some(String::new()),
        ReadPath::Plain(plain) if !path.contains('?') => Some(plain),
        ReadPath::Plain(_) | ReadPath::Ambiguous | ReadPath::Absent => None,
    }
}

/// By whole segments: `/store` covers `/store/x` and not `/storex`. `/store/` is what is in that directory, and not a file
/// of that name.
fn covers(scope: &str, path: &str) -> bool {
    path.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || scope.ends_with('/'))
}

/// The root becomes empty, so that what is below is found by what follows it.
fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_what_is_below_the_base() {
        for (base, path, want) in [
            ("/", "/", Some("/")),
            ("/", "/store", Some("/store")),
            ("/", "/store/", Some("/store/")),
            ("/dav", "/dav", Some("/")),
            ("/dav", "/dav/", Some("/")),
            ("/dav", "/dav/store/x", Some("/store/x")),
            ("/dav/", "/dav/store", Some("/store")),
            ("/dav", "/davx", None),
            ("/dav", "/", None),
            ("/dav", "/other", None),
        ] {
            assert_eq!(Base::new(base).resource(path).as_deref(), want, "{base} {path}");
        }
    }

    #[test]
    fn a_scope_covers_its_path_and_all_below_by_whole_segments() {
        use PathDialect::{SciTokens, Wlcg};
        for (dialect, scope, path, want) in [
            (SciTokens, "read:/store", "/store", true),
            (SciTokens, "read:/store", "/store/a/b", true),
            (SciTokens, "read:/store/", "/store", false),
            (SciTokens, "read:/store/", "/store/", true),
            (SciTokens, "read:/store/", "/store/a", true),
            (SciTokens, "read:/store/", "/storex", false),
            (SciTokens, "read:/store", "/store/", true),
            (SciTokens, "read:/store", "/storex", false),
            (SciTokens, "read:/store", "/", false),
            (SciTokens, "read:/", "/", true),
            (SciTokens, "read:/", "/a", true),
            (SciTokens, "read", "/a", true),
            (SciTokens, "read:", "/a", false),
            (SciTokens, "read:store", "/store", false),
            (SciTokens, "reader:/", "/a", false),
            (SciTokens, "write:/", "/a", false),
            (SciTokens, "READ:/", "/a", false),
            (SciTokens, "storage.read:/", "/a", false),
            (SciTokens, "read:/%61", "/a", true),
            (SciTokens, "read:/a/..", "/a", false),
            (SciTokens, "read:/a//b", "/a/b", false),
            (SciTokens, "read:/a%2fb", "/a/b", false),
            (SciTokens, "read:/?", "/a", false),
            (SciTokens, "read:/a;b", "/a", false),
            (Wlcg, "storage.read:/store", "/store/a", true),
            (Wlcg, "storage.stage:/store", "/store/a", true),
            (Wlcg, "storage.read", "/store", false),
            (Wlcg, "storage.modify:/", "/store", false),
            (Wlcg, "read:/", "/store", false),
        ] {
            let principal = Principal {
                paths: Some(dialect),
                capabilities: [scope.to_owned()].into_iter().collect(),
                ..Principal::default()
            };
            let wanted = Use { operation: Operation::Read, path: path.to_owned() };
            assert_eq!(allowed(&wanted, &principal).is_some(), want, "{dialect:?} {scope} {path}");
            // Where scopes hold no paths, nothing that looks like one counts.
            assert_eq!(allowed(&wanted, &Principal { paths: None, ..principal }), None, "{scope}");
        }
    }

    #[test]
    fn a_scope_is_held_by_one_of_its_operation_on_its_path_or_above() {
        use PathDialect::{SciTokens, Wlcg};
        for (dialect, held, asked, want) in [
            (SciTokens, "read:/a", "read:/a", true),
            (SciTokens, "read:/a", "read:/a/b", true),
            (SciTokens, "read:/a", "read:/ab", false),
            (SciTokens, "read:/a/b", "read:/a", false),
            (SciTokens, "read:/a", "read:/", false),
            (SciTokens, "read:/a", "read", false),
            (SciTokens, "read", "read:/a", true),
            (SciTokens, "read:/", "read", true),
            (SciTokens, "read:/a", "write:/a", false),
            (SciTokens, "read:/a", "read:/a/../b", false),
            (SciTokens, "queue", "queue", false),
            (Wlcg, "storage.create:/a", "storage.create:/a/b", true),
            (Wlcg, "storage.read:/a", "storage.read:/a/b", true),
            (Wlcg, "storage.modify:/a", "storage.modify:/a/b", true),
            (Wlcg, "storage.stage:/a", "storage.stage:/a/b", true),
            (Wlcg, "storage.modify:/a", "storage.create:/a", false),
            (Wlcg, "storage.read:/a", "storage.read", false),
            (Wlcg, "read:/a", "read:/a", false),
        ] {
            let capabilities = [held.to_owned()].into();
            let principal = Principal { paths: Some(dialect), capabilities, ..Principal::default() };
            assert_eq!(scope_holds(&principal, asked), want, "{dialect:?} {held} {asked}");
            assert!(!scope_holds(&Principal { paths: None, ..principal }, asked), "{asked}");
        }
    }

    fn holder(scopes: &[&str]) -> Principal {
        Principal {
            paths: Some(PathDialect::Wlcg),
            capabilities: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..Principal::default()
        }
    }

    #[test]
    fn creating_is_allowed_only_where_nothing_is_overwritten() {
        let set = |name: &str, value: &str| Mutation::set(name, value.as_bytes());
        let no_match = || Mutation::remove(b"if-match");
        for (method, create, modify) in [
            ("GET", None, None),
            ("HEAD", Some(vec![]), Some(vec![])),
            ("REPORT", None, None),
            ("MKCOL", Some(vec![]), Some(vec![])),
            ("PUT", Some(vec![no_match(), set("if-none-match", "*")]), Some(vec![])),
            ("MOVE", Some(vec![set("overwrite", "F")]), Some(vec![])),
            ("DELETE", None, Some(vec![])),
            ("PATCH", None, Some(vec![])),
            ("LOCK", None, Some(vec![])),
        ] {
            let operation = Operation::of(method, Some("/a/c".to_owned())).unwrap();
            let wanted = Use { operation, path: "/a/b".to_owned() };
            assert_eq!(allowed(&wanted, &holder(&["storage.create:/a"])), create, "{method} by create");
            assert_eq!(allowed(&wanted, &holder(&["storage.modify:/a"])), modify, "{method} by modify");
        }
        for method in ["TRACE", "CONNECT", "BIND", "get", "PUT ", ""] {
            assert_eq!(Operation::of(method, None), None, "{method:?}");
        }
    }

    #[test]
    fn directories_on_the_way_to_what_may_be_made_may_be_made() {
        for (scope, path, want) in [
            ("storage.create:/a/b/c", "/a", true),
            ("storage.create:/a/b/c", "/a/b/", true),
            ("storage.create:/a/b/c", "/a/b/c/d", true),
            ("storage.modify:/a/b/c", "/a/b", true),
            ("storage.create:/a/b/c", "/a/bc", false),
            ("storage.create:/a/b/c", "/x", false),
            ("storage.read:/a/b/c", "/a", false),
        ] {
            let wanted = Use { operation: Operation::MakeCollection, path: path.to_owned() };
            assert_eq!(allowed(&wanted, &holder(&[scope])).is_some(), want, "{scope} {path}");
            // Nothing but directories is made there.
            let put = Use { operation: Operation::Put, path: "/a".to_owned() };
            assert_eq!(allowed(&put, &holder(&[scope])), None, "{scope}");
        }
    }

    #[test]
    fn what_may_only_be_created_is_renamed_within_its_own_space_alone() {
        for (name, scopes, to, want) in [
            ("one scope", &["storage.create:/a"][..], Some("/a/c"), true),
            ("two scopes", &["storage.create:/a/b", "storage.create:/a/c"], Some("/a/c"), false),
            ("two scopes and one for both", &["storage.create:/a/b", "storage.create:/a"], Some("/a/c"), true),
            ("out of its space", &["storage.create:/a"], Some("/x"), false),
            ("out of the rule's space", &["storage.create:/"], None, false),
            ("what may be changed, anywhere", &["storage.modify:/a/b"], None, true),
        ] {
            let wanted = Use { operation: Operation::Rename(to.map(str::to_owned)), path: "/a/b".to_owned() };
            assert_eq!(allowed(&wanted, &holder(scopes)).is_some(), want, "{name}");
        }
    }
}
