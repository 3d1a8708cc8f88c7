//! Reads `WWW-Authenticate` the way the strictest client would.
//!
//! A refusal is only useful when the caller can act on it, so anything a client might
//! stumble over is an error here: an unknown scheme or parameter, a value without quotes,
//! a parameter twice, a byte that may not stand in a quoted string.

#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Basic,
}

/// The error codes of RFC 6750 §3.1, and of RFC 9470 §3 for a login that is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
    InsufficientUserAuthentication,
}

/// One challenge. `parse_lines` gives one for each header line, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: Scheme,
    pub realm: String,
    pub error: Option<ErrorCode>,
    pub error_description: Option<String>,
    pub scope: Option<String>,
    pub max_age: Option<u64>,
    pub acr_values: Option<String>,
    pub resource_metadata: Option<String>,
    /// `charset` of Basic (RFC 7617 §2.1), which can only be UTF-8.
    pub charset: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: String,
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.why, self.line)
    }
}

/// Reads every `WWW-Authenticate` line of an answer; each must be exactly one challenge.
pub fn parse_lines<L: AsRef<str>>(lines: &[L]) -> Result<Vec<Challenge>, Unreadable> {
    lines.iter().map(|line| Challenge::parse(line.as_ref())).collect()
}

impl Challenge {
    /// A challenge that only asks, as to someone who presented nothing.
    pub fn bare(scheme: Scheme, realm: &str) -> Self {
        Self {
            scheme,
            realm: realm.to_owned(),
            error: None,
            error_description: None,
            scope: None,
            max_age: None,
            acr_values: None,
            resource_metadata: None,
            charset: None,
        }
    }

    pub fn parse(line: &str) -> Result<Self, Unreadable> {
        parse(line).map_err(|why| Unreadable { line: line.to_owned(), why })
    }
}

fn parse(line: &str) -> Result<Challenge, String> {
    let (scheme, rest) = line.split_once(' ').ok_or("no parameters")?;
    let scheme = match scheme {
        "Bearer" => Scheme::Bearer,
        "Basic" => Scheme::Basic,
        other => return Err(format!("unknown scheme {other:?}")),
    };
    let mut challenge = Challenge::bare(scheme, "");
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in parameters(rest)? {
        if seen.contains(&name) {
            return Err(format!("{name} twice"));
        }
        let slot = match (scheme, name.as_str()) {
            (_, "realm") => {
                challenge.realm.clone_from(&value);
                None
            }
            (Scheme::Bearer, "error") => {
                challenge.error = Some(error_code(&value)?);
                None
            }
            (Scheme::Bearer, "max_age") => {
                let age = value.parse().map_err(|_| format!("max_age is not a number: {value:?}"))?;
                challenge.max_age = Some(age);
                None
            }
            (Scheme::Bearer, "error_description") => Some(&mut challenge.error_description),
            (Scheme::Bearer, "scope") => Some(&mut challenge.scope),
            (Scheme::Bearer, "acr_values") => Some(&mut challenge.acr_values),
            (Scheme::Bearer, "resource_metadata") => Some(&mut challenge.resource_metadata),
            (Scheme::Basic, "charset") if value == "UTF-8" => Some(&mut challenge.charset),
            _ => return Err(format!("unknown parameter {name}={value:?} of {scheme:?}")),
        };
        if let Some(slot) = slot {
            *slot = Some(value);
        }
        seen.push(name);
    }
    if !seen.iter().any(|name| name == "realm") {
        return Err("no realm".to_owned());
    }
    if challenge.error.is_none() && challenge.error_description.is_some() {
        return Err("an error_description without error".to_owned());
    }
    Ok(challenge)
}

fn error_code(value: &str) -> Result<ErrorCode, String> {
    match value {
        "invalid_request" => Ok(ErrorCode::InvalidRequest),
        "invalid_token" => Ok(ErrorCode::InvalidToken),
        "insufficient_scope" => Ok(ErrorCode::InsufficientScope),
        "insufficient_user_authentication" => Ok(ErrorCode::InsufficientUserAuthentication),
        other => Err(format!("unknown error code {other:?}")),
    }
}

/// `name="value"` pairs, each quoted, parted by a comma and a space.
fn parameters(mut rest: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    loop {
        let (name, after) = rest.split_once('=').ok_or_else(|| format!("no = in {rest:?}"))?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return Err(format!("not a parameter name: {name:?}"));
        }
        let (value, after) = quoted(after)?;
        pairs.push((name.to_owned(), value));
        if after.is_empty() {
            return Ok(pairs);
        }
        rest = after.strip_prefix(", ").ok_or_else(|| format!("no comma before {after:?}"))?;
    }
}

/// A quoted-string (RFC 9110 §5.6.4) of printable ASCII at the start of `text`, and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let inner = text.strip_prefix('"').ok_or_else(|| format!("no quote before {text:?}"))?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &inner[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                other => return Err(format!("needless or open escape: {other:?}")),
            },
            ' '..='~' => value.push(c),
            _ => return Err(format!("{c:?} in a quoted string")),
        }
    }
    Err("a quoted string without end".to_owned())
}
