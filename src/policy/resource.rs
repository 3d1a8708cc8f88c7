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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    /// Makes something new, and under this condition nothing else.
    Create(Condition),
    /// May change or remove what is there.
    Change,
}

/// What keeps an operation from overwriting. `storage.create` does not allow that, and whether there is something is for
/// the service to find out: it is asked to, in HTTP's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// RFC 4918 §9.3: MKCOL fails where there is something.
    Itself,
    /// RFC 9110 §13.1.2.
    IfNoneMatch,
    /// RFC 4918 §10.6.
    NoOverwrite,
}

impl Condition {
    fn mutation(self) -> Option<Mutation> {
        match self {
            Self::Itself => None,
            Self::IfNoneMatch => Some(Mutation::Set("if-none-match".to_owned(), b"*".to_vec())),
            Self::NoOverwrite => Some(Mutation::Set("overwrite".to_owned(), b"F".to_vec())),
        }
    }
}

impl Operation {
    /// What this method does to the request's own path; `None` where that is not known.
    pub fn of(method: &str) -> Option<Self> {
        Some(match method {
            "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" | "SEARCH" | "COPY" => Self::Read,
            "MKCOL" => Self::Create(Condition::Itself),
            "PUT" => Self::Create(Condition::IfNoneMatch),
            // The WLCG profile counts renaming as creating, where nothing is overwritten.
            "MOVE" => Self::Create(Condition::NoOverwrite),
            "POST" | "PATCH" | "DELETE" | "PROPPATCH" | "LOCK" | "UNLOCK" => Self::Change,
            _ => return None,
        })
    }

    /// The scope that would allow it, without its path.
    pub fn scope(self, dialect: PathDialect) -> &'static str {
        match (dialect, self) {
            (PathDialect::SciTokens, Self::Read) => "read",
            (PathDialect::SciTokens, Self::Create(_) | Self::Change) => "write",
            (PathDialect::Wlcg, Self::Read) => "storage.read",
            (PathDialect::Wlcg, Self::Create(_) | Self::Change) => "storage.modify",
        }
    }
}

impl Base {
    /// Of a path in its normal form.
    pub fn new(path: &str) -> Self {
        Self(without_slash(path).to_owned())
    }

    /// The path as scopes speak of it, where it is below.
    pub fn resource(&self, path: &str) -> Option<String> {
        let path = without_slash(path);
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/".to_owned()),
            rest if rest.starts_with('/') || self.0.is_empty() => Some(rest.to_owned()),
            _ => None,
        }
    }
}

/// Whether the token allows this, and what has to be added to the request for it.
pub fn allowed(wanted: &Use, principal: &Principal) -> Option<Option<Mutation>> {
    let dialect = principal.paths?;
    let has = |operation: &str| {
        principal
            .capabilities
            .iter()
            .filter_map(|capability| scope_path(capability, operation, dialect))
            .any(|scope| covers(&scope, &wanted.path))
    };
    match (dialect, wanted.operation) {
        (PathDialect::SciTokens, Operation::Read) => has("read").then_some(None),
        (PathDialect::SciTokens, Operation::Create(_) | Operation::Change) => has("write").then_some(None),
        // Staging is reading, after a while.
        (PathDialect::Wlcg, Operation::Read) => (has("storage.read") || has("storage.stage")).then_some(None),
        (PathDialect::Wlcg, Operation::Change | Operation::Create(_)) if has("storage.modify") => Some(None),
        (PathDialect::Wlcg, Operation::Create(condition)) => has("storage.create").then(|| condition.mutation()),
        (PathDialect::Wlcg, Operation::Change) => None,
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
        ReadPath::Plain(plain) if !path.contains('?') => Some(without_slash(&plain).to_owned()),
        ReadPath::Plain(_) | ReadPath::Ambiguous | ReadPath::Absent => None,
    }
}

/// By whole segments: `/store` covers `/store/x` and not `/storex`.
fn covers(scope: &str, path: &str) -> bool {
    without_slash(path).strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A slash at the end says that it is a directory, and not which one; the root becomes empty.
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
            ("/", "/store/", Some("/store")),
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
            (SciTokens, "read:/store/", "/store", true),
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
    fn creating_is_allowed_only_where_nothing_is_overwritten() {
        let holder = |scope: &str| Principal {
            paths: Some(PathDialect::Wlcg),
            capabilities: [scope.to_owned()].into_iter().collect(),
            ..Principal::default()
        };
        let set = |name: &str, value: &str| Some(Mutation::Set(name.to_owned(), value.as_bytes().to_vec()));
        for (method, create, modify) in [
            ("GET", None, None),
            ("MKCOL", Some(None), Some(None)),
            ("PUT", Some(set("if-none-match", "*")), Some(None)),
            ("MOVE", Some(set("overwrite", "F")), Some(None)),
            ("DELETE", None, Some(None)),
            ("PATCH", None, Some(None)),
            ("LOCK", None, Some(None)),
        ] {
            let wanted = Use { operation: Operation::of(method).unwrap(), path: "/a/b".to_owned() };
            assert_eq!(allowed(&wanted, &holder("storage.create:/a")), create, "{method} by create");
            assert_eq!(allowed(&wanted, &holder("storage.modify:/a")), modify, "{method} by modify");
        }
        for method in ["TRACE", "CONNECT", "get", "PUT ", ""] {
            assert_eq!(Operation::of(method), None, "{method:?}");
        }
    }
}
