//! The authority of a request or a URI (RFC 3986 §3.2): `user:password@host:port`.

/// The user part and the rest, where there is a user part. The last `@` ends it: a host has none.
pub fn split_userinfo(authority: &str) -> Option<(&str, &str)> {
    authority.rsplit_once('@')
}

/// The host of an authority in lower case, without user part, port and the dot that ends a fully qualified name. `None` where servers
/// would differ in what they make of it.
pub fn host(authority: &str) -> Option<String> {
    let host = split_userinfo(authority).map_or(authority, |(_, host)| host);
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, port)) => (host.strip_suffix(port).unwrap_or(host), port),
        None => match host.split_once(':') {
            Some((name, _)) => (name, host.strip_prefix(name).unwrap_or_default()),
            None => (host, ""),
        },
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let address = |name: &str| {
        let inside = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let readable = port.bytes().all(|b| b.is_ascii_digit()) && (address(&name) || name.split('.').all(label));
    readable.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_without_what_is_not_part_of_its_name() {
        for (authority, want) in [
            ("a.test", Some("a.test")),
            ("A.test:443", Some("a.test")),
            ("a.test.", Some("a.test")),
            ("u:p@a.test:80", Some("a.test")),
            ("u@b@a.test", Some("a.test")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:80", Some("[::1]")),
            ("", None),
            ("x@", None),
            (".", None),
            ("a..b", None),
            ("a,b", None),
            ("a b", None),
            ("a/b", None),
            ("a%2eb", None),
            ("a:80:90", None),
            ("a:x", None),
            ("[::1", None),
            ("[::1]x", None),
            ("[zz]", None),
            ("a:80,b", None),
        ] {
            assert_eq!(host(authority).as_deref(), want, "{authority:?}");
        }
    }
}
