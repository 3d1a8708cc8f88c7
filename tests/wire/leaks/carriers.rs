//! Requests with a credential in every place where clients put one, each with secrets of its own.

use super::secrets::{Secrets, escaped};
use crate::support::mint::{Signer, Token};
use crate::wire::harness::request::{Request, basic};
use crate::wire::harness::stage::Protocol;

pub struct Row {
    pub name: String,
    pub request: Request,
    pub status: u16,
}

impl Row {
    pub fn new(name: &str, request: Request, status: u16) -> Self {
        Self { name: name.to_owned(), request, status }
    }
}

/// A path, and what it is answered to a good token and to a refused one.
const PATHS: [(&str, u16, u16); 5] =
    [("/me", 200, 401), ("/api/tap", 403, 401), ("/elsewhere", 403, 403), ("/open", 200, 200), ("/optional", 200, 401)];

type Carry = fn(Request, &str) -> Request;

/// Ways of carrying one token that is read.
const CARRIERS: [(&str, Carry); 10] = [
    ("Bearer", |request, token| request.bearer(token)),
    ("bearer, spaces", |request, token| request.field("authorization", format!("bearer   {token} "))),
    ("Basic, user", |request, token| request.basic(token, "x-oauth-basic")),
    ("Basic, user alone", |request, token| request.basic(token, "")),
    ("Basic, password", |request, token| request.basic("x-oauth-basic", token)),
    ("Basic, password alone", |request, token| request.basic("", token)),
    ("query", |request, token| with_query(request, &format!("access_token={token}"))),
    ("query, between others", |request, token| with_query(request, &format!("a=b&access_token={token}&c=d"))),
    ("query, its name escaped", |request, token| with_query(request, &format!("%61ccess%5Ftoken={token}"))),
    ("query, all of it escaped", |request, token| with_query(request, &format!("access_token={}", escaped(token)))),
];

/// Ways that are refused with 400 wherever a credential is looked for, whatever the token.
const MALFORMED: [(&str, Carry); 10] = [
    ("Bearer and more", |request, token| request.field("authorization", format!("Bearer {token} x"))),
    ("Bearer, a comma", |request, token| request.field("authorization", format!("Bearer {token},"))),
    ("Bearer, quoted", |request, token| request.field("authorization", format!("Bearer \"{token}\""))),
    ("Bearer twice in one", |request, token| request.field("authorization", format!("Bearer {token}, Bearer {token}"))),
    ("Bearer twice", |request, token| request.bearer(token).bearer(token)),
    ("Bearer and query", |request, token| with_query(request.bearer(token), &format!("access_token={token}"))),
    ("query twice", |request, token| with_query(request, &format!("access_token={token}&access_token={token}"))),
    ("Basic, both", |request, token| request.basic(token, token)),
    ("Basic, not base64", |request, token| request.field("authorization", format!("Basic {token}"))),
    ("Basic and query", |request, token| with_query(request.basic(token, ""), &format!("access_token={token}"))),
];

fn with_query(mut request: Request, query: &str) -> Request {
    request.target = format!("{}?{query}", request.target);
    request
}

/// Tokens by what is the matter with them, and whether they are good; each number has its own. First comes a good one.
fn tokens(number: usize) -> Vec<(&'static str, String, bool)> {
    let token = |signer: &Signer| Token::new(signer).claim("jti", format!("number-{number}"));
    let ours = Signer::es256();
    vec![
        ("good", token(&ours).mint(), true),
        ("expired", token(&ours).issued_in(-7200).expires_in(-3600).mint(), false),
    ]
}

/// The rest of them, where all are tried.
fn more_tokens(number: usize) -> Vec<(&'static str, String, bool)> {
    let token = |signer: &Signer| Token::new(signer).claim("jti", format!("number-{number}"));
    let (ours, theirs) = (Signer::es256(), Signer::other_es256().with_kid("test-es256"));
    vec![
        ("good, RS256", token(&Signer::rs256()).mint(), true),
        ("forged", token(&theirs).mint(), false),
        ("of nobody", token(&ours).claim("iss", "https://nobody.test").mint(), false),
        ("of an unknown key", token(&ours).header("kid", "no-such-key").mint(), false),
        (
            "with a broken payload",
            ours.sign_bytes(br#"{"alg":"ES256"}"#, format!("{{{number}, not JSON").as_bytes()),
            false,
        ),
    ]
}

pub fn rows(protocol: Protocol, secrets: &mut Secrets) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut number = 0;
    let mut fresh = |secrets: &mut Secrets, path: &str| {
        number += 1;
        let mut tokens = tokens(number);
        if path == "/me" {
            tokens.extend(more_tokens(number));
        }
        tokens.iter().for_each(|(_, token, _)| secrets.add_token(token));
        tokens
    };
    for (path, if_good, if_bad) in PATHS {
        for (carrier, carry) in CARRIERS {
            for (kind, token, good) in fresh(secrets, path) {
                let status = if good { if_good } else { if_bad };
                rows.push(Row::new(&format!("{kind}, {carrier}, {path}"), carry(Request::get(path), &token), status));
            }
        }
        for (name, carry) in MALFORMED {
            // Where nothing is asked for, nothing is read, and it is taken out all the same.
            let status = if if_bad == 401 { 400 } else { if_good };
            let (_, token, _) = fresh(secrets, "").swap_remove(0);
            rows.push(Row::new(&format!("{name}, {path}"), carry(Request::get(path), &token), status));
        }
    }
    for (path, status) in [("/me", 401), ("/api/tap", 401), ("/elsewhere", 403), ("/optional", 401)] {
        rows.extend(not_ours(path, status, secrets));
    }
    rows.extend(copies(&fresh(secrets, "")));
    rows.extend(trailers(&fresh(secrets, "")));
    if protocol == Protocol::Http1 {
        rows.extend(authorities(&fresh(secrets, "")));
    }
    rows
}

/// Credentials that are no tokens.
fn not_ours(path: &str, status: u16, secrets: &mut Secrets) -> Vec<Row> {
    let password = format!("correct-horse-battery{}", path.replace('/', "-"));
    let opaque = format!("0123456789abcdef-opaque{}", path.replace('/', "-"));
    secrets.add_password("alice", &password);
    secrets.add_token(&opaque);
    let of = |value: String| Request::get(path).field("authorization", value);
    [
        ("a password", of(basic("alice", &password))),
        ("an opaque token", of(format!("Bearer {opaque}"))),
        ("an opaque token as Basic", of(basic(&opaque, ""))),
        ("Negotiate", of(format!("Negotiate {opaque}"))),
        ("token", of(format!("token {opaque}"))),
        ("a scheme that is only near", of(format!("Bearers {opaque}"))),
        ("no scheme", of(opaque)),
    ]
    .map(|(name, request)| Row::new(&format!("{name}, {path}"), request, status))
    .into()
}

/// A second URL in the request, with a credential in it as clients write them.
fn copies(tokens: &[(&'static str, String, bool)]) -> Vec<Row> {
    let token = &tokens[0].1;
    let to = |method: &str, name: &str, value: String| Request::new(method, "/me/a").bearer(token).field(name, value);
    let rows = [
        ("a user in Destination", to("COPY", "destination", format!("https://{token}:x-oauth-basic@api.test/me/b"))),
        (
            "a password in Destination",
            to("MOVE", "destination", format!("https://x-oauth-basic:{token}@api.test/me/b")),
        ),
        ("a query in Destination", to("COPY", "destination", format!("/me/b?access_token={token}"))),
        ("a Destination elsewhere", to("COPY", "destination", format!("https://b.test/b?access_token={token}"))),
        ("a user in Source", to("COPY", "source", format!("https://{token}:@b.test/me/b"))),
        ("a Source for MOVE", to("MOVE", "source", format!("https://b.test/b?access_token={token}"))),
    ];
    rows.map(|(name, request)| Row::new(name, request, 400)).into()
}

fn trailers(tokens: &[(&'static str, String, bool)]) -> Vec<Row> {
    let (carried, trailing) = (&tokens[0].1, &tokens[1].1);
    let request = Request::new("POST", "/me").bearer(carried).body(b"x");
    vec![Row::new("trailers", request.trailer("authorization", format!("Bearer {trailing}")), 200)]
}

/// A user part in the host, which only HTTP/1.1 can have here.
fn authorities(tokens: &[(&'static str, String, bool)]) -> Vec<Row> {
    let token = &tokens[0].1;
    let forms = [format!("{token}:x-oauth-basic@api.test"), format!("x-oauth-basic:{token}@api.test")];
    let paths = ["/me", "/open", "/elsewhere"];
    let row = |host: &String, path: &str| {
        Row::new(&format!("a user part in the host, {path}"), Request::get(path).host(host), 400)
    };
    forms.iter().flat_map(|host| paths.map(|path| row(host, path))).collect()
}

/// A WebSocket that is let on, by each carrier that a browser or a program has.
pub fn web_sockets(secrets: &mut Secrets) -> Vec<Row> {
    let mut number = 1000;
    let carriers = CARRIERS.iter().filter(|(name, _)| ["Bearer", "Basic, user", "query"].contains(name));
    let row = |(name, carry): &(&str, Carry)| {
        number += 1;
        let token = tokens(number).swap_remove(0).1;
        secrets.add_token(&token);
        let request = carry(Request::get("/me"), &token)
            .field("connection", "Upgrade")
            .field("upgrade", "websocket")
            .field("sec-websocket-version", "13")
            .field("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        Row::new(&format!("WebSocket, {name}"), request, 101)
    };
    carriers.map(row).collect()
}
