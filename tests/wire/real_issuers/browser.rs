//! A browser as far as a login needs one, and the program behind it that wants the tokens.

use std::net::SocketAddr;

use serde_json::Value;
use sha2_10::{Digest as _, Sha256};

use crate::support::mint::base64url;
use crate::wire::harness::answer::Answer;
use crate::wire::harness::foreign;
use crate::wire::harness::http1;
use crate::wire::harness::program::Program;
use crate::wire::harness::request::Request;

/// RFC 7636 asks for 43 characters.
const VERIFIER: &str = "a-verifier-of-at-least-43-unreserved-characters";

/// What an issuer gave.
#[derive(Debug)]
pub struct Tokens(Value);

impl Tokens {
    pub fn access(&self) -> &str {
        self.text("access_token")
    }

    pub fn id(&self) -> &str {
        self.text("id_token")
    }

    pub fn refresh(&self) -> &str {
        self.text("refresh_token")
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.0))
    }
}

/// It keeps its cookies, and with them a login, and follows redirects until one leads away.
#[derive(Debug)]
pub struct Browser<'a> {
    issuer: &'a Program,
    at: SocketAddr,
    client: &'static str,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    pub fn new(issuer: &'a Program, client: &'static str) -> Self {
        Self { issuer, at: foreign::address(issuer.text("issuer")), client, cookies: Vec::new() }
    }

    /// Authorization code with PKCE: what the client has after a request with these parameters besides its own.
    pub fn tokens(&mut self, more: &[(&str, &str)]) -> Tokens {
        let challenge = base64url(Sha256::digest(VERIFIER));
        let callback = self.issuer.text("callback");
        let mut asked = vec![
            ("client_id", self.client),
            ("response_type", "code"),
            ("redirect_uri", callback),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", "some-state"),
        ];
        asked.extend_from_slice(more);
        let code = self.code(format!("/auth?{}", form(&asked)));
        let mut exchanged = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.client),
            ("code", &code),
            ("redirect_uri", callback),
            ("code_verifier", VERIFIER),
        ];
        exchanged.extend(more.iter().filter(|(name, _)| *name == "resource"));
        token(self.issuer, &exchanged)
    }

    /// What it has for a refresh token.
    pub fn refreshed(&self, tokens: &Tokens, more: &[(&str, &str)]) -> Tokens {
        let mut asked =
            vec![("grant_type", "refresh_token"), ("client_id", self.client), ("refresh_token", tokens.refresh())];
        asked.extend_from_slice(more);
        token(self.issuer, &asked)
    }

    /// Follows the redirects from here to the client's callback, and takes the code out of that.
    fn code(&mut self, mut target: String) -> String {
        let callback = self.issuer.text("callback");
        let here = self.issuer.text("issuer");
        // A login has three: to the form, back, and to the client.
        for _ in 0..4 {
            let answer = self.get(&target);
            assert_eq!(answer.status, 303, "{target}: {answer:?}");
            let location = answer.value("location").expect("a place to go to");
            if let Some(query) = location.strip_prefix(&format!("{callback}?")) {
                let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
                return code.unwrap_or_else(|| panic!("no code: {location}")).to_owned();
            }
            location.strip_prefix(here).unwrap_or(&location).clone_into(&mut target);
        }
        panic!("the login does not end: {target}")
    }

    fn get(&mut self, target: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::get(target).host(&self.at.to_string()).field("cookie", cookies.join("; "));
        let answer = http1::send(self.at, &request);
        for cookie in answer.values("set-cookie") {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.retain(|(other, _)| other != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}

/// What a client gets for itself.
pub fn client_credentials(issuer: &Program, client: &str, more: &[(&str, &str)]) -> Tokens {
    let secret = format!("secret of {client}");
    let mut asked = vec![("grant_type", "client_credentials"), ("client_id", client), ("client_secret", &secret)];
    asked.extend_from_slice(more);
    token(issuer, &asked)
}

fn token(issuer: &Program, fields: &[(&str, &str)]) -> Tokens {
    let at = foreign::address(issuer.text("issuer"));
    let request = Request::new("POST", "/token")
        .host(&at.to_string())
        .field("content-type", "application/x-www-form-urlencoded")
        .body(form(fields).as_bytes());
    let answer = http1::send(at, &request);
    assert_eq!(answer.status, 200, "{answer:?}");
    Tokens(serde_json::from_slice(&answer.body).expect("tokens"))
}

fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}
