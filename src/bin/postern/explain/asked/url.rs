//! A URL, taken apart as clients do before they send it.

use postern::percent;

pub struct Url {
    pub scheme: &'static str,
    /// Without the port that goes without saying.
    pub authority: String,
    /// As clients send it: as Basic.
    pub user: Option<String>,
    /// Path and query.
    pub target: String,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return Err("it has a space or a control character");
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", ":80"),
            "https" => ("https", ":443"),
            _ => return Err("it has to begin with https:// or http://"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if host.is_empty() {
            return Err("it names no host");
        }
        let user = match user {
            None => None,
            Some(user) => {
                let decoded = percent::decode(user.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
                Some(decoded.ok_or("its user part is not well encoded")?)
            }
        };
        Ok(Self {
            scheme,
            authority: host.strip_suffix(default_port).unwrap_or(host).to_owned(),
            user,
            target: if target.starts_with('/') { target.to_owned() } else { format!("/{target}") },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_curl_does() {
        for (url, want) in [
            ("https://a.test/b?c#d", Some(("https", "a.test", None, "/b?c"))),
            ("http://a.test:80", Some(("http", "a.test", None, "/"))),
            ("http://a.test:443/", Some(("http", "a.test:443", None, "/"))),
            ("HTTPS://a.test:443?x", Some(("https", "a.test", None, "/?x"))),
            ("localhost:10000/a", Some(("http", "localhost:10000", None, "/a"))),
            ("https://T%3aK:x@a.test/", Some(("https", "a.test", Some("T:K:x"), "/"))),
            ("http://[::1]:8080/a@b", Some(("http", "[::1]:8080", None, "/a@b"))),
            ("http://a.test/a/../b", Some(("http", "a.test", None, "/a/../b"))),
            ("ftp://a.test/", None),
            ("https:///a", None),
            ("https://u@/a", None),
            ("https://a.test/a b", None),
            ("https://%zz@a.test/", None),
        ] {
            let read = Url::parse(url).ok();
            let read = read.as_ref().map(|u| (u.scheme, u.authority.as_str(), u.user.as_deref(), u.target.as_str()));
            assert_eq!(read, want, "{url}");
        }
    }
}
