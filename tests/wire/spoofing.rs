//! Identity headers belong to the filter: what a client sends under their names never arrives.

use serde_json::json;

use super::harness::config::{OWN_HEADERS, make_test_config};
use super::harness::message::Field;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use super::harness::upstream::Seen;
use crate::support::mint::{Signer, Token};

/// A header of ours that a claim fills, by configuration.
const CUSTOM: &str = "x-orcid";

fn config() -> serde_json::Value {
    let mut config = make_test_config();
    config["headers"] = json!({ "claims": { CUSTOM: "orcid" } });
    config
}

/// One header name in the spellings a server may later take for the same.
fn spellings(name: &str, protocol: Protocol) -> Vec<String> {
    let title: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<Vec<_>>().join("-");
    let mut spellings =
        vec![name.to_owned(), name.replace('-', "_"), name.replacen('-', "_", 1), last_dash_as_underscore(name)];
    // Names in HTTP/2 are in lower case, or the request is malformed.
    if protocol == Protocol::Http1 {
        spellings.push(title.clone());
        spellings.push(title.replace('-', "_"));
        spellings.push(name.to_uppercase());
    }
    spellings
}

fn last_dash_as_underscore(name: &str) -> String {
    name.rsplit_once('-').map_or_else(|| name.to_owned(), |(head, tail)| format!("{head}_{tail}"))
}

fn own() -> impl Iterator<Item = &'static str> {
    OWN_HEADERS.into_iter().chain([CUSTOM])
}

fn look_alikes(fields: &[Field]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
        .filter(|(name, _)| {
            let plain = name.to_lowercase().replace('_', "-");
            own().any(|own| own == plain)
        })
        .map(|(name, value)| (name.clone(), value))
        .collect()
}

fn ours(seen: &Seen) -> Vec<(String, String)> {
    look_alikes(&seen.head.fields)
}

#[test]
fn a_spoofed_identity_never_reaches_the_upstream() {
    let stage = Stage::start(&Setup::new(&config()));
    let token = &Token::new(&Signer::rs256()).mint();
    let alice = || vec![("x-auth-request-user".to_owned(), "alice".to_owned())];
    let rows = [
        ("anonymous", "/open", false, vec![]),
        ("optional, nameless", "/optional", false, vec![]),
        ("optional, named", "/optional", true, alice()),
        ("required", "/me", true, alice()),
    ];
    for protocol in BOTH {
        for (name, target, with_token, expected) in &rows {
            for own in own() {
                // Header by header, since all of them at once are more than Envoy takes.
                let mut request = Request::get(target).field("x-innocent", "kept");
                for spelling in spellings(own, protocol) {
                    request = request.field(&spelling, "root").field(&spelling, "spoofed");
                }
                if *with_token {
                    request = request.bearer(token);
                }
                let name = format!("{own} on {name} over {protocol:?}");
                let seen = stage.send(protocol, &request).allowed(&name);
                assert_eq!(&ours(&seen), expected, "{name}");
                assert_eq!(seen.values("x-innocent"), ["kept"], "{name}");
                assert!(!seen.head_holds("spoofed") && !seen.head_holds("root"), "{name}");
            }
        }
    }
}

#[test]
fn a_spoofed_header_does_not_stand_in_for_an_absent_claim() {
    let stage = Stage::start(&Setup::new(&config()));
    let token = Token::new(&Signer::rs256()).claim("orcid", "0000-0002-1825-0097").mint();
    let request = Request::get("/me")
        .bearer(&token)
        .field("x-auth-request-email", "root@evil.test")
        .field("x-auth-request-user", "root")
        .field("x-orcid", "spoofed");
    let seen = stage.send(Protocol::Http1, &request).allowed("a token without email");
    let expected = [("x-auth-request-user", "alice"), ("x-orcid", "0000-0002-1825-0097")];
    let mut found = ours(&seen);
    found.sort();
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_client_cannot_have_our_headers_dropped_on_the_way() {
    let stage = Stage::start(&Setup::new(&config()));
    let token = Token::new(&Signer::rs256()).mint();
    let request = Request::get("/me")
        .bearer(&token)
        .field("connection", "x-auth-request-user")
        .field("x-auth-request-user", "root");
    let seen = stage.send(Protocol::Http1, &request).allowed("a nominated header");
    assert_eq!(seen.values("x-auth-request-user"), ["alice"]);
}

#[test]
fn an_identity_in_trailers_is_removed_and_other_trailers_are_not() {
    let stage = Stage::start(&Setup::new(&config()));
    let token = &Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        for (target, with_token) in [("/open", false), ("/optional", false), ("/me", true)] {
            let name = format!("{target} over {protocol:?}");
            let mut request = Request::new("POST", target).body(b"some bytes");
            if with_token {
                request = request.bearer(token);
            }
            request = request
                .trailer("x-auth-request-user", "root")
                .trailer("x_auth_request_user", "root")
                .trailer("x-auth-request-groups", "admins")
                .trailer("x-orcid", "spoofed")
                .trailer("authorization", "Bearer forged")
                .trailer("cookie", "session=forged")
                .trailer("destination", "/elsewhere")
                .trailer("source", "https://elsewhere.test/x")
                .trailer("overwrite", "T")
                .trailer("if-match", "*")
                .trailer("if-none-match", "x")
                .trailer("content-range", "bytes 0-1/2")
                .trailer("x-http-method-override", "DELETE")
                .trailer("x-checksum", "1");
            let seen = stage.send(protocol, &request).allowed(&name);
            assert_eq!(seen.body, b"some bytes", "{name}");
            assert_eq!(look_alikes(&seen.trailers), [], "{name}");
            let checksum = ("x-checksum".to_owned(), b"1".to_vec());
            assert_eq!(seen.trailers, [checksum], "{name}");
        }
    }
}
