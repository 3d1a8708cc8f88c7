//! The issuer's URL, kept letter for letter: verifiers compare it so.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use hyper::Uri;

#[derive(Clone, Debug)]
pub struct IssuerUrl {
    text: String,
    /// Its path without a slash at the end: empty, or `/realms/lsst`.
    base: String,
}

impl IssuerUrl {
    pub fn of(address: SocketAddr) -> Self {
        Self { text: format!("http://{address}"), base: String::new() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A URL below the issuer's, made as OpenID Connect Discovery 1.0 section 4.1 says: one slash
    /// at the issuer's end is dropped first.
    pub fn join(&self, path: &str) -> String {
        let text = self.text.strip_suffix('/').unwrap_or(&self.text);
        format!("{text}{path}")
    }

    /// A proxy before the issuer may take the issuer's own path away, or leave it: both are answered.
    pub fn without_base<'p>(&self, path: &'p str) -> &'p str {
        match path.strip_prefix(&self.base) {
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for IssuerUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "not a URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("write a URL that starts with https:// or http://");
        }
        // RFC 8414 section 2. A fragment is looked for by hand, as `Uri` drops it.
        if uri.query().is_some() || text.contains('#') {
            return Err("an issuer's URL has no query and no fragment");
        }
        Ok(Self { text: text.to_owned(), base: uri.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::IssuerUrl;

    #[test]
    fn what_is_an_issuer_url() {
        for (text, taken) in [
            ("http://127.0.0.1:9010", true),
            ("https://data.example.org/", true),
            ("https://data.example.org/realms/lsst", true),
            ("data.example.org", false),
            ("ftp://data.example.org", false),
            ("https://data.example.org/?a=b", false),
            ("https://data.example.org/#a", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<IssuerUrl>().is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn paths_below_it() {
        for (issuer, below, asked, answered) in [
            ("https://a.org", "https://a.org/mint", "/mint", "/mint"),
            ("https://a.org/", "https://a.org/mint", "/mint", "/mint"),
            ("https://a.org/b", "https://a.org/b/mint", "/b/mint", "/mint"),
            ("https://a.org/b/", "https://a.org/b/mint", "/mint", "/mint"),
            ("https://a.org/b", "https://a.org/b/mint", "/bmint", "/bmint"),
        ] {
            let url: IssuerUrl = issuer.parse().unwrap();
            assert_eq!(url.as_str(), issuer);
            assert_eq!(url.join("/mint"), below);
            assert_eq!(url.without_base(asked), answered);
        }
    }
}
