//! What may be sent: mostly requests that mean something, and room for any bytes.

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::request::{Route, RouteMetadata};
use postern::time::UnixTime;

use super::tokens::{Known, known};
use super::{Sent, as_the_host_passes_it};

pub static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| known().into_values().collect());

/// Stands in every identity that a client makes up.
pub const FORGED: &str = "f0rged";

#[derive(Arbitrary, Debug)]
pub enum Event<'a> {
    Request(Request<'a>),
    /// A token as it is, on one of the usual paths.
    Plain(Plain),
    /// An earlier request once more, on this path or its own.
    Again(u8, Option<u8>),
    Pass(Moment),
    Answer(u8),
}

#[derive(Arbitrary, Debug)]
pub struct Plain {
    method: u8,
    path: u8,
    token: u8,
    /// Whose claims stand in it instead of its own.
    claims_of: Option<u8>,
    form: u8,
    usual: [u8; 2],
}

#[derive(Arbitrary, Debug)]
pub enum Moment {
    Millis(u16),
    Seconds(u16),
    Back(u16),
    /// Around a time at which something changes.
    Around(u8, i8),
}

impl Moment {
    pub fn after(&self, now: UnixTime) -> UnixTime {
        const CHANGES: [u64; 12] = [0, 10, 50, 60, 540, 600, 660, 900, 3600, 3660, 86_400, 180_000];
        match self {
            Self::Millis(millis) => now.plus(Duration::from_millis((*millis).into())),
            Self::Seconds(seconds) => now.plus(Duration::from_secs((*seconds).into())),
            Self::Back(seconds) => now.minus(Duration::from_secs((*seconds).into())),
            Self::Around(which, off) => {
                let change = super::tokens::NOW + CHANGES[usize::from(*which) % CHANGES.len()];
                UnixTime::from_seconds(change.saturating_add_signed((*off).into()))
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
pub struct Request<'a> {
    method: u8,
    plain_http: bool,
    authority: Authority<'a>,
    path: Path<'a>,
    query: Option<&'a str>,
    credentials: Vec<Credential<'a>>,
    fields: Vec<Field<'a>>,
    route: OnRoute<'a>,
}

#[derive(Arbitrary, Debug)]
enum Authority<'a> {
    Usual,
    One(u8),
    Text(&'a str),
    None,
}

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Below(u8, &'a str),
    Bytes(&'a [u8]),
    None,
}

#[derive(Arbitrary, Debug)]
enum Credential<'a> {
    Bearer(u8, Token<'a>),
    Basic(u8, Token<'a>),
    Query(u8, Token<'a>),
    Authorization(&'a [u8]),
    /// Behind another in one field, as Envoy joins them.
    Joined(Token<'a>),
}

#[derive(Arbitrary, Debug)]
struct Token<'a> {
    which: u8,
    changes: Vec<Change>,
    text: Option<&'a str>,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Flip(u16, u8),
    Insert(u16, u8),
    Cut(u16),
    /// One part of the three from another token.
    Part(u8, u8),
}

#[derive(Arbitrary, Debug)]
enum Field<'a> {
    /// An identity by one of its names, so spelled.
    Identity(u8, u8),
    Known(u8, &'a [u8]),
    KnownPath(u8, u8, &'a str),
    Any(&'a str, &'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum OnRoute<'a> {
    None,
    Named(bool),
    Metadata(u8),
    Bytes(&'a [u8]),
}

const METHODS: [&str; 20] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "COPY", "MOVE", "MKCOL", "PROPFIND", "OPTIONS", "LOCK", "REPORT", "SEARCH",
    "PATCH", "CONNECT", "BIND", "get", "copy", "UNLOCK", "BREW",
];
const PATHS: [&str; 17] = [
    "/tap",
    "/portal",
    "/recent",
    "/alice",
    "/second",
    "/group",
    "/dav",
    "/dav/store",
    "/dav/store/alice",
    "/optional",
    "/public",
    "/shadow",
    "/foreign",
    "/any",
    "/",
    "/dav/a",
    "/dav/b",
];
const AUTHORITIES: [&str; 8] = [
    "api.test",
    "api.test:443",
    "only.test",
    "x.below.test:8080",
    "only.test:80",
    "user@api.test",
    "API.test",
    "[::1]",
];
const IDENTITIES: [&str; 10] = [
    "x-auth-request-user",
    "x-auth-request-uid",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-token",
    "x-auth-request-token-capabilities",
    "x-auth-request-service",
    "x-auth-request-new",
    "remote-user",
    "x-level",
];
const FIELDS: [&str; 16] = [
    "destination",
    "source",
    "overwrite",
    "if-match",
    "if-none-match",
    "connection",
    "upgrade",
    "accept",
    "content-type",
    "x-http-method-override",
    "x_http_method",
    "if_none_match",
    "cookie",
    "depth",
    "content-range",
    "host",
];

/// Fields that mean something, and none.
const USUAL: [(&str, &str); 20] = [
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ""),
    ("accept", "text/html"),
    ("accept", "text/plain;q=0.5"),
    ("content-type", "application/grpc"),
    ("connection", "x-auth-request-user, upgrade"),
    ("upgrade", "websocket"),
    ("overwrite", "T"),
    ("if-match", "*"),
    ("destination", "https://api.test/dav/store/alice/x"),
    ("destination", "/tap"),
    ("source", "https://other.test/a"),
    ("x-auth-request-user", FORGED),
    ("x_auth_request_user", FORGED),
    ("remote_user", FORGED),
    ("x-level", FORGED),
    ("authorization", "token abc"),
    ("x-method-override", "DELETE"),
];

fn one_of<T: Copy>(list: &[T], which: u8) -> T {
    list[usize::from(which) % list.len()]
}

impl Request<'_> {
    pub fn build(&self) -> Sent {
        let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut add = |name: &str, value: &[u8]| fields.push((name.as_bytes().to_vec(), value.to_vec()));
        add(":method", one_of(&METHODS, self.method).as_bytes());
        for name in [":scheme", "x-forwarded-proto"] {
            add(name, if self.plain_http { b"http" } else { b"https" });
        }
        match &self.authority {
            Authority::Usual => add(":authority", b"api.test"),
            Authority::One(which) => add(":authority", one_of(&AUTHORITIES, *which).as_bytes()),
            Authority::Text(text) => add(":authority", text.as_bytes()),
            Authority::None => {}
        }
        let path = match &self.path {
            Path::Below(which, rest) => Some([one_of(&PATHS, *which), rest].concat().into_bytes()),
            Path::Bytes(bytes) => Some(bytes.to_vec()),
            Path::None => None,
        };
        let mut query: Vec<Vec<u8>> = self.query.iter().map(|query| query.as_bytes().to_vec()).collect();
        let mut tokens = Vec::new();
        for credential in self.credentials.iter().take(3) {
            credential.add(&mut fields, &mut query, &mut tokens);
        }
        if let Some(mut path) = path {
            if !query.is_empty() {
                path.push(b'?');
                path.extend(query.join(&b'&'));
            }
            fields.push((b":path".to_vec(), path));
        }
        fields.extend(self.fields.iter().take(8).map(Field::build));
        // Envoy lets none of these through.
        let stands =
            |(name, value): &(Vec<u8>, Vec<u8>)| !name.is_empty() && !value.iter().any(|b| b"\r\n\0".contains(b));
        fields.retain(stands);
        Sent { fields, route: self.route.build(), tokens }
    }
}

impl Plain {
    pub fn build(&self) -> Sent {
        let change = self.claims_of.map(|which| Change::Part(which, 1));
        let token = Token { which: self.token, changes: change.into_iter().collect(), text: None };
        let credential = match self.form % 4 {
            0 => Credential::Basic(self.form / 4, token),
            1 => Credential::Query(self.form / 4, token),
            _ => Credential::Bearer(self.form / 4, token),
        };
        let usual = self.usual.iter().map(|which| one_of(&USUAL, *which)).filter(|(name, _)| !name.is_empty());
        Request {
            // Most requests read.
            method: if self.method < 128 { 0 } else { self.method },
            plain_http: false,
            authority: Authority::Usual,
            path: Path::Below(self.path, ""),
            query: None,
            credentials: vec![credential],
            fields: usual.map(|(name, value)| Field::Any(name, value.as_bytes())).collect(),
            route: OnRoute::None,
        }
        .build()
    }
}

impl Sent {
    /// The same on another of the usual paths.
    pub fn on_path(mut self, which: u8) -> Self {
        for (_, path) in self.fields.iter_mut().filter(|(name, _)| name == b":path") {
            let query = path.iter().position(|byte| *byte == b'?').unwrap_or(path.len());
            *path = [one_of(&PATHS, which).as_bytes(), &path[query..]].concat();
        }
        self
    }
}

impl Credential<'_> {
    fn add(&self, fields: &mut Vec<(Vec<u8>, Vec<u8>)>, query: &mut Vec<Vec<u8>>, tokens: &mut Vec<String>) {
        let mut authorize = |value: String| fields.push((b"authorization".to_vec(), value.into_bytes()));
        let token = match self {
            Self::Bearer(_, token) | Self::Basic(_, token) | Self::Query(_, token) | Self::Joined(token) => {
                token.build()
            }
            Self::Authorization(value) => {
                fields.push((b"authorization".to_vec(), value.to_vec()));
                return;
            }
        };
        match self {
            Self::Bearer(form, _) => {
                authorize(format!("{}{token}", one_of(&["Bearer ", "bearer  ", " BEARER ", "Bearer\t"], *form)))
            }
            Self::Basic(form, _) => {
                let pair = match form % 5 {
                    0 => format!("{token}:x-oauth-basic"),
                    1 => format!("{token}:"),
                    2 => format!("x-oauth-basic:{token}"),
                    3 => format!(":{token}"),
                    _ => format!("{token}:{token}"),
                };
                authorize(format!("Basic {}", STANDARD.encode(pair)));
            }
            Self::Query(form, _) => {
                let name =
                    one_of(&["access_token", "%61ccess_token", "access%5Ftoken", "Access_Token", "id_token"], *form);
                query.push(format!("{name}={token}").into_bytes());
            }
            Self::Joined(_) => match fields.iter_mut().find(|(name, _)| name == b"authorization") {
                Some((_, value)) => value.extend(format!(",Bearer {token}").into_bytes()),
                None => fields.push((b"authorization".to_vec(), format!("token x, Bearer {token}").into_bytes())),
            },
            Self::Authorization(_) => {}
        }
        tokens.push(token);
    }
}

impl Token<'_> {
    fn build(&self) -> String {
        if let Some(text) = self.text {
            return text.to_owned();
        }
        let known = &KNOWN[usize::from(self.which) % KNOWN.len()];
        let mut text = known.raw.clone().into_bytes();
        for change in self.changes.iter().take(4) {
            let place = |at: &u16| usize::from(*at) % text.len().max(1);
            match change {
                Change::Flip(at, bits) => {
                    let at = place(at);
                    if let Some(byte) = text.get_mut(at) {
                        *byte = (*byte ^ bits) & 0x7f;
                    }
                }
                Change::Insert(at, byte) => text.insert(place(at), byte & 0x7f),
                Change::Cut(at) => text.truncate(place(at)),
                Change::Part(which, part) => {
                    let other = KNOWN[usize::from(*which) % KNOWN.len()].raw.as_bytes();
                    let mut parts: Vec<&[u8]> = text.split(|b| *b == b'.').collect();
                    let others: Vec<&[u8]> = other.split(|b| *b == b'.').collect();
                    let part = usize::from(*part) % 3;
                    if parts.len() == 3 {
                        parts[part] = others[part];
                    }
                    text = parts.join(&b'.');
                }
            }
        }
        String::from_utf8(text).expect("ASCII")
    }
}

impl Field<'_> {
    fn build(&self) -> (Vec<u8>, Vec<u8>) {
        let owned = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
        match self {
            Self::Identity(which, spelling) => {
                let name = one_of(&IDENTITIES, *which);
                let name = match spelling % 5 {
                    0 => name.to_owned(),
                    1 => name.replace('-', "_"),
                    2 => name.replacen('-', "_", 1),
                    3 => name.replace('-', "."),
                    _ => name.to_ascii_uppercase(),
                };
                owned(&name, FORGED.as_bytes())
            }
            Self::Known(which, value) => owned(one_of(&FIELDS, *which), value),
            Self::KnownPath(which, path, rest) => {
                let host = one_of(&["", "https://api.test", "http://other.test"], *which / 16);
                owned(one_of(&FIELDS[..2], *which), format!("{host}{}{rest}", one_of(&PATHS, *path)).as_bytes())
            }
            // Envoy's names are in lower case, and only its own begin with a colon.
            Self::Any(name, value) => owned(name.trim_start_matches(':').to_ascii_lowercase().as_str(), value),
        }
    }
}

impl OnRoute<'_> {
    fn build(&self) -> Route {
        let name = matches!(self, Self::Named(true)).then(|| "routed".to_owned());
        let pairs = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
            RouteMetadata::read(&as_the_host_passes_it(&pairs.iter().map(owned).collect()))
        };
        let metadata = match self {
            Self::None | Self::Named(_) => RouteMetadata::Absent,
            Self::Bytes(bytes) => RouteMetadata::read(bytes),
            Self::Metadata(which) => match which % 6 {
                0 => pairs(&[("capabilities", "read:tap")]),
                1 => pairs(&[("rule", "by-name")]),
                2 => pairs(&[("rule", "dav"), ("capabilities", "read:tap")]),
                3 => pairs(&[("rule", "nobody")]),
                4 => pairs(&[("rule", "public")]),
                _ => pairs(&[("rules", "public")]),
            },
        };
        Route { name, metadata }
    }
}
