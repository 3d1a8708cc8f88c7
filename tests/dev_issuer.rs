//! The servers for development, as a user starts them.

#![cfg(test)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use serde_json::{Map, Value, json};

fn postern(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A server on a free port, stopped when the test ends.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = postern(arguments).args(["--listen", "127.0.0.1:0"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.next().unwrap().contains("for development only"));
        let listening = lines.next().unwrap();
        let address = listening.strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Status and body.
    fn get(&self, target: &str) -> (u16, String) {
        self.send(&format!("GET {target} HTTP/1.1\r\n"), "")
    }

    fn json(&self, target: &str) -> Value {
        let (status, body) = self.get(target);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn send(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, length) = (&self.address, body.len());
        write!(stream, "{head}host: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Sends a signal's name, and says how the server ended.
    #[cfg(unix)]
    fn end_by(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The key that the token's header names, of the set that the issuer publishes.
fn key_of(issuer: &Server, token: &str) -> Value {
    let header: Value = decoded(token.split('.').next().unwrap());
    let jwks = issuer.json("/jwks.json");
    let keys = jwks["keys"].as_array().unwrap();
    let mut named = keys.iter().filter(|key| key["kid"] == header["kid"]);
    let key = named.next().unwrap().clone();
    assert!(named.next().is_none(), "two keys have one name");
    assert_eq!((&key["alg"], &key["use"]), (&header["alg"], &json!("sig")));
    key
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The token's claims, checked by the key's own numbers.
fn verified(key: &Value, token: &str) -> Map<String, Value> {
    let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = || [vec![4], bytes("x"), bytes("y")].concat();
    // Of the claims, `custom` holds those that jwt-simple has no place of its own for.
    macro_rules! verify {
        ($key:expr) => {
            $key.unwrap().verify_token::<Map<String, Value>>(token, None).unwrap()
        };
    }
    let claims = match key["alg"].as_str().unwrap() {
        "RS256" => verify!(RS256PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "RS384" => verify!(RS384PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "RS512" => verify!(RS512PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "PS256" => verify!(PS256PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "PS384" => verify!(PS384PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "PS512" => verify!(PS512PublicKey::from_components(&bytes("n"), &bytes("e"))),
        "ES256" => verify!(ES256PublicKey::from_bytes(&point())),
        "ES384" => verify!(ES384PublicKey::from_bytes(&point())),
        "EdDSA" => verify!(Ed25519PublicKey::from_bytes(&bytes("x"))),
        other => panic!("a key for {other}"),
    };
    claims.custom
}

#[test]
fn discovery_leads_to_keys_that_verify_what_is_minted() {
    let issuer = Server::start(&["issuer"]);
    let url = format!("http://{}", issuer.address);
    let discovery = issuer.json("/.well-known/openid-configuration");
    assert_eq!(discovery["issuer"], url);
    assert_eq!(discovery["jwks_uri"], format!("{url}/jwks.json"));

    let algorithms = discovery["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert_eq!(algorithms.len(), 9);
    for algorithm in algorithms {
        let algorithm = algorithm.as_str().unwrap();
        let (status, body) = issuer.get(&format!("/mint?user=alice&scope=read:tap&alg={algorithm}"));
        let token = body.strip_suffix('\n').unwrap();
        assert_eq!(status, 200, "{body}");
        let key = key_of(&issuer, token);
        assert_eq!(key["alg"], algorithm);
        assert_eq!(verified(&key, token)["uid"], "alice");

        let claims = decoded(token.split('.').nth(1).unwrap());
        assert_eq!(claims["iss"], url);
        assert_eq!(claims["sub"], "alice");
        assert_eq!(claims["aud"], "https://postern.dev");
        assert_eq!(claims["scope"], "read:tap");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    }
}

#[test]
fn keys_are_public_only() {
    let issuer = Server::start(&["issuer"]);
    for key in issuer.json("/jwks.json")["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

#[test]
fn a_body_and_a_type_of_ones_own() {
    let issuer = Server::start(&["issuer", "--issuer", "https://a.org/realms/b"]);
    let (status, token) = issuer.send(
        "POST /mint?user=bob&typ=at%2Bjwt HTTP/1.1\r\n",
        r#"{"amr": ["mfa"], "uid": null, "iss": "https://elsewhere.org"}"#,
    );
    assert_eq!(status, 200, "{token}");
    let mut parts = token.split('.').map(str::to_owned);
    assert_eq!(decoded(&parts.next().unwrap())["typ"], "at+jwt");
    let claims = decoded(&parts.next().unwrap());
    assert_eq!(claims["amr"], json!(["mfa"]));
    assert_eq!(claims["iss"], "https://elsewhere.org");
    assert_eq!(claims.get("uid"), None);

    let discovery = issuer.json("/realms/b/.well-known/openid-configuration");
    assert_eq!(discovery["issuer"], "https://a.org/realms/b");
    assert_eq!(discovery["jwks_uri"], "https://a.org/realms/b/jwks.json");
}

#[test]
fn what_is_asked_wrongly_is_refused_in_one_line() {
    let issuer = Server::start(&["issuer"]);
    for (request, status) in [
        ("GET /mint?usr=alice", 400),
        ("GET /mint?lifetime=soon", 400),
        ("GET /mint?alg=none", 400),
        ("DELETE /mint", 405),
        ("POST /jwks.json", 405),
        ("GET /elsewhere", 404),
        ("GET /authorize", 501),
    ] {
        let (answered, body) = issuer.send(&format!("{request} HTTP/1.1\r\n"), "");
        assert_eq!(answered, status, "{request}: {body}");
        assert_eq!(body.lines().count(), 1, "{request}: {body}");
    }
    let (status, body) = issuer.send("POST /mint HTTP/1.1\r\n", &" ".repeat(64 * 1024 + 1));
    assert_eq!(status, 413, "{body}");
}

#[test]
fn the_echo_shows_the_request() {
    let echo = Server::start(&["echo"]);
    let (status, body) = echo.send("PUT /a?b=c HTTP/1.1\r\nX-One: 1\r\nx-one: 2\r\n", "hello");
    let host = &echo.address;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        format!(
            "PUT /a?b=c HTTP/1.1\nx-one: 1\nx-one: 2\nhost: {host}\nconnection: close\n\
             content-length: 5\n\nbody: 5 bytes\nhello\n"
        )
    );
}

#[test]
#[cfg(unix)]
fn ctrl_c_is_a_clean_end() {
    for command in ["issuer", "echo"] {
        for signal in ["INT", "TERM"] {
            assert_eq!(Server::start(&[command]).end_by(signal), Some(0), "{command} {signal}");
        }
    }
}

#[test]
fn a_busy_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["issuer", "echo"] {
        let output = postern(&[command, "--listen", &address]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output), format!("postern: cannot listen on {address}: another program listens there\n"));
    }
}

#[test]
fn other_machines_are_never_served() {
    for command in ["issuer", "echo"] {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9010"] {
            let output = postern(&[command, "--listen", address]).output().unwrap();
            assert!(!output.status.success());
            assert!(stderr(&output).contains("loopback only"), "{}", stderr(&output));
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
