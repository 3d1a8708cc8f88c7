//! Where keys are fetched from.

use std::fmt;

use crate::authority::{self, Host};

/// Longest URI that is read: one from a discovery document becomes a request's path.
const MAX_LENGTH: usize = 2048;

/// An `http` or `https` URI, split as a request needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUri {
    pub scheme: &'static str,
    pub authority: String,
    pub path: String,
}

impl HttpUri {
    /// Refuses user parts and fragments, and anything that could not stand in a request line.
    pub fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = [("https", "https://"), ("http", "http://")]
            .iter()
            .find_map(|(scheme, prefix)| uri.strip_prefix(prefix).map(|rest| (*scheme, rest)))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let plain = |b: u8| b.is_ascii_graphic() && b != b'#';
        if uri.len() > MAX_LENGTH
            || authority.contains('@')
            || authority::host(authority).is_none()
            || !path.bytes().all(plain)
        {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        // One spelling for one place (RFC 3986 §6.2.3).
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
        Some(Self { scheme, authority, path })
    }

    /// Whether this is reached without leaving the machine.
    pub fn is_loopback(&self) -> bool {
        let Some(Host { name: host, .. }) = authority::host(&self.authority) else {
            return false;
        };
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for HttpUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_split_for_a_request() {
        let parsed = |uri| HttpUri::parse(uri).map(|u| (u.scheme, u.authority, u.path));
        let uri = |scheme, authority: &str, path: &str| Some((scheme, authority.to_owned(), path.to_owned()));
        assert_eq!(parsed("https://A.test/certs"), uri("https", "a.test", "/certs"));
        assert_eq!(parsed("http://[::1]:80"), uri("http", "[::1]", "/"));
        assert_eq!(parsed("https://a.test:443/k"), uri("https", "a.test", "/k"));
        assert_eq!(parsed("https://a.test:80/k"), uri("https", "a.test:80", "/k"));
        assert_eq!(parsed("https://a.test?x=1"), uri("https", "a.test", "/?x=1"));
        for bad in [
            "",
            "a.test/certs",
            "ftp://a",
            "https://",
            "https:///x",
            "https://u@a/",
            "https://a/#f",
            "https://a/ b",
            "https://a/\r\n",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn loopback_is_told_from_names_that_only_look_like_it() {
        for (uri, want) in [
            ("http://127.0.0.1:9000/", true),
            ("http://127.8.9.1/", true),
            ("http://localhost/", true),
            ("http://[::1]:9000/", true),
            ("http://127.0.0.1.evil.test/", false),
            ("http://localhost.evil.test/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(HttpUri::parse(uri).unwrap().is_loopback(), want, "{uri}");
        }
    }
}
