//! The request, as its author writes it and as Envoy would hand it to the filter.

mod url;

use std::io::{self, Read};
use std::{fmt, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::authority::split_userinfo;
use postern::request::RequestHead;
use postern::secret::Secret;

use crate::bounded;
use url::Url;

/// Longer than any token that is read.
const LONGEST_TOKEN: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// The request's URL
    #[arg(value_name = "URL")]
    url: String,
    /// The request's method [default: GET, or POST with --data]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<String>,
    /// A header of the request; repeat it for several
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// A form, which the filter's own token endpoint reads
    #[arg(short = 'd', long = "data", value_name = "FORM")]
    form: Option<Hidden>,
    /// User name and password, as Basic
    #[arg(short = 'u', long = "user", value_name = "USER:PASSWORD")]
    user: Option<Hidden>,
    /// A token, as Bearer
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<Hidden>,
    /// A file with a token, as Bearer; - is standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
}

/// A value that is not to be shown. What clap keeps has to be fit for several threads, which a secret is not.
#[derive(Clone)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl std::str::FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

#[derive(Clone, Debug)]
struct Header {
    name: String,
    /// It may be a token.
    value: Hidden,
}

impl std::str::FromStr for Header {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
        // RFC 9110 §5.6.2 and §5.5.
        let of_a_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(of_a_name) {
            return Err("the name is none that a header has");
        }
        if value.bytes().any(|b| matches!(b, b'\0' | b'\r' | b'\n')) {
            return Err("the value has a line break");
        }
        Ok(Self { name: name.to_ascii_lowercase(), value: Hidden(value.trim_matches([' ', '\t']).to_owned()) })
    }
}

impl RequestArgs {
    pub fn reads_stdin(&self) -> bool {
        self.token_file.as_deref() == Some("-")
    }
}

/// A request.
pub struct Asked {
    pub head: RequestHead,
    pub form: Option<String>,
    pub method: String,
    pub scheme: &'static str,
    pub authority: String,
    /// Without its query, where tokens may stand.
    pub path: String,
    pub has_query: bool,
}

impl Asked {
    pub fn read(args: &RequestArgs) -> io::Result<Self> {
        let url = Url::parse(&args.url).map_err(|problem| io::Error::other(format!("URL: {problem}")))?;
        let default = if args.form.is_some() { "POST" } else { "GET" };
        let method = args.method.as_deref().unwrap_or(default);
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(io::Error::other("-X: a method is one word"));
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut hosts: Vec<&str> = Vec::new();
        for header in &args.headers {
            if header.name == "host" {
                hosts.push(&header.value.0);
            } else {
                fields.push((header.name.clone(), header.value.0.clone()));
            }
        }
        // Of several Envoy makes one with commas between them.
        let authority = if hosts.is_empty() { url.authority } else { hosts.join(",") };
        fields.extend(credentials(args, url.user)?.map(|value| ("authorization".to_owned(), value)));
        let given = |name: &str| fields.iter().any(|(field, _)| field == name);
        let forwarded = (!given("x-forwarded-proto")).then(|| ("x-forwarded-proto".to_owned(), url.scheme.to_owned()));
        let kind = (args.form.is_some() && !given("content-type"))
            .then(|| ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        let pseudo = [
            (":method", method),
            (":scheme", url.scheme),
            (":authority", authority.as_str()),
            (":path", url.target.as_str()),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields = pseudo.into_iter().chain(forwarded).chain(kind).chain(joined(fields));
        let head = RequestHead::new(fields.map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect());
        let path = url.target.split('?').next().unwrap_or_default().to_owned();
        Ok(Self {
            head: head.with_body(args.form.is_some()),
            form: args.form.as_ref().map(|form| form.0.clone()),
            method: method.to_owned(),
            scheme: url.scheme,
            // What is before an @ may be a token.
            authority: split_userinfo(&authority).map_or(authority.clone(), |(_, host)| format!("…@{host}")),
            path,
            has_query: url.target.contains('?'),
        })
    }
}

/// Values of `authorization`, of which each -u, --token and user of the URL is one.
fn credentials(args: &RequestArgs, user: Option<String>) -> io::Result<impl Iterator<Item = String>> {
    let basic = |pair: &str| {
        let pair = if pair.contains(':') { pair.to_owned() } else { format!("{pair}:") };
        format!("Basic {}", STANDARD.encode(pair))
    };
    // As curl does: -u goes before what the URL says.
    let user = args.user.as_ref().map(|user| user.0.clone()).or(user);
    let token = match (&args.token, &args.token_file) {
        (Some(token), _) => Some(Secret::new(token.0.as_str())),
        (None, Some(file)) => Some(token_of(file)?),
        (None, None) => None,
    };
    let bearer = token.map(|token| format!("Bearer {}", token.expose()));
    Ok(user.map(|user| basic(&user)).into_iter().chain(bearer))
}

fn token_of(file: &str) -> io::Result<Secret> {
    let named = |problem: &dyn fmt::Display| io::Error::other(format!("{file}: {problem}"));
    let input: Box<dyn Read> = match file {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(fs::File::open(file).map_err(|error| named(&error))?),
    };
    let Some(bytes) = bounded::read(input, LONGEST_TOKEN).map_err(|error| named(&error))? else {
        return Err(named(&"longer than any token"));
    };
    let text = String::from_utf8(bytes).map_err(|_| named(&"not UTF-8"))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(named(&"there is no token in it"));
    }
    if token.contains(char::is_whitespace) {
        return Err(named(&"there is more than a token in it"));
    }
    Ok(Secret::new(token))
}

/// Envoy joins the values of `authorization`, and of no other field that the filter reads.
fn joined(fields: Vec<(String, String)>) -> Vec<(String, String)> {
    let (authorization, mut others): (Vec<_>, Vec<_>) =
        fields.into_iter().partition(|(name, _)| name == "authorization");
    if !authorization.is_empty() {
        let values: Vec<String> = authorization.into_iter().map(|(_, value)| value).collect();
        others.push(("authorization".to_owned(), values.join(",")));
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name_and_a_value_on_one_line() {
        for (text, want) in [
            ("Accept: text/html", Some(("accept", "text/html"))),
            ("a:b:c", Some(("a", "b:c"))),
            ("a:", Some(("a", ""))),
            ("a", None),
            (": b", None),
            (":path: /", None),
            ("a b: c", None),
            ("a: b\nc: d", None),
        ] {
            let header = text.parse::<Header>().ok();
            assert_eq!(header.as_ref().map(|h| (h.name.as_str(), h.value.0.as_str())), want, "{text:?}");
        }
    }

    #[test]
    fn debug_output_holds_no_token() {
        let header: Header = "authorization: Bearer T0K".parse().unwrap();
        let hidden: Hidden = "T0K".parse().unwrap();
        assert!(!format!("{header:?}{hidden:?}").contains("T0K"));
    }
}
