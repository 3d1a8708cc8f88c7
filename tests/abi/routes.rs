//! Rules by route.

use super::bench::{config, headers, host, started};
use crate::host::Action;

/// A map as Envoy hands it over: the number of fields, the sizes of each, then names and values, a NUL after each.
fn map(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = number(fields.len()).to_vec();
    for (name, value) in fields {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in fields {
        bytes.extend([name.as_bytes(), &[0], value, &[0]].concat());
    }
    bytes
}

#[test]
fn the_route_of_the_mesh_picks_the_rule_before_the_path_does() {
    const METADATA: &[&str] = &["xds", "route_metadata", "filter_metadata", "postern"];
    const ROUTE: &[&str] = &["xds", "route_name"];
    type Fields = &'static [(&'static str, &'static [u8])];
    enum Says {
        Nothing,
        Metadata(Fields),
        NoMap(&'static [u8]),
        Route(&'static [u8]),
    }
    use Says::{Metadata, NoMap, Nothing, Route};
    struct Case {
        name: &'static str,
        says: Says,
        path: &'static str,
        /// `None`: let on.
        status: Option<u32>,
    }
    let case = |name, says, path, status| Case { name, says, path, status };
    let cases = [
        case("nothing said, no rule", Nothing, "/elsewhere", Some(403)),
        case("nothing said, a rule that asks for a token", Nothing, "/api/tap", Some(401)),
        case("nothing said, an anonymous rule", Nothing, "/public", None),
        case("a rule by name", Metadata(&[("rule", b"by-name")]), "/elsewhere", None),
        case("a stricter rule by name", Metadata(&[("rule", b"tap")]), "/public", Some(401)),
        case("an unknown rule", Metadata(&[("rule", b"nobody")]), "/public", Some(403)),
        case("a rule that is not text", Metadata(&[("rule", b"\xff")]), "/public", Some(403)),
        case("a rule that is empty", Metadata(&[("rule", b"")]), "/public", Some(403)),
        case("metadata that is empty", Metadata(&[]), "/public", Some(403)),
        case("metadata with a field misspelt", Metadata(&[("rules", b"by-name")]), "/public", Some(403)),
        case("metadata that is no map", NoMap(b"by-name"), "/public", Some(403)),
        case("capabilities", Metadata(&[("capabilities", b"read:tap")]), "/elsewhere", Some(401)),
        case("capabilities that are empty", Metadata(&[("capabilities", b"")]), "/elsewhere", Some(403)),
        case("a route name", Route(b"image"), "/elsewhere", None),
        case("another route name", Route(b"other"), "/elsewhere", Some(403)),
        case("a route name that is not text", Route(b"\xff"), "/elsewhere", Some(403)),
    ];
    for Case { name, says, path, status } in cases {
        let host = host(&config());
        let root = started(&host);
        match says {
            Nothing => {}
            Metadata(fields) => host.set_property(METADATA, map(fields)),
            NoMap(bytes) => host.set_property(METADATA, bytes),
            Route(route) => host.set_property(ROUTE, route),
        }
        let stream = root.request(&headers(path, None));
        let got = host.reply_of(&stream).map(|reply| reply.status);
        assert_eq!(got, status, "{name}");
        assert_eq!(host.upstream_headers_of(&stream).is_some(), status.is_none(), "{name}");
        assert_eq!(stream.action == Action::Continue, status.is_none(), "{name}");
    }
}

#[test]
fn forged_identity_headers_are_removed_where_nobody_is_asked_for_a_token_too() {
    let host = host(&config());
    let root = started(&host);
    let stream = root.request(&headers("/public", None));
    assert_eq!(stream.action, Action::Continue);
    for name in ["x-auth-request-user", "x_auth_request_user"] {
        assert_eq!(host.upstream_header(&stream, name), [""; 0], "{name}");
    }
}
