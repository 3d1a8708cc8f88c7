//! The authority of a request or a URI (RFC 3986 §3.2): `user:password@host:port`.

/// The user part and the rest, where there is a user part. The last `@` ends it: a host has none.
pub fn split_userinfo(authority: &str) -> Option<(&str, &str)> {
    authority.rsplit_once('@')
}

/// A host as it was written, in lower case, and whether a port was written with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub has_port: bool,
}

/// Reads the host of an authority. `None` where servers would differ in what they make of it: characters that no host
/// has, an empty port, the dot that ends a fully qualified name.
pub fn host(authority: &str) -> Option<Host> {
    let authority = split_userinfo(authority).map_or(authority, |(_, host)| host);
    let name_end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')?.checked_add(2)?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at_checked(name_end)?;
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let address = |name: &str| {
        let inside = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if !address(name) && !name.split('.').all(label) {
        return None;
    }
    let has_port = match port.strip_prefix(':') {
        Some(port) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => true,
        None if port.is_empty() => false,
        Some(_) | None => return None,
    };
    Some(Host { name: name.to_ascii_lowercase(), has_port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_without_what_is_not_part_of_its_name() {
        for (authority, want) in [
            ("a.test", Some(("a.test", false))),
            ("A.test:443", Some(("a.test", true))),
            ("u:p@a.test:80", Some(("a.test", true))),
            ("u@b@a.test", Some(("a.test", false))),
            ("127.0.0.1:80", Some(("127.0.0.1", true))),
            ("[::1]", Some(("[::1]", false))),
            ("[::1]:80", Some(("[::1]", true))),
            ("a.test.", None),
            ("a.test.:80", None),
            ("a.test:", None),
            (":80", None),
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
            let read = host(authority);
            let read = read.as_ref().map(|host| (host.name.as_str(), host.has_port));
            assert_eq!(read, want, "{authority:?}");
        }
    }
}
