//! Tokens that differ from a good one by a bit, a byte or their end, through a real Envoy: a part of what the core is held
//! to whole.

use super::harness::config::{inline_issuer, with_issuer};
use super::harness::http1::Connection;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::Stage;
use crate::support::mint::{Signer, Token};

/// Of the places of the token, one in so many is changed.
const STRIDE: usize = 7;

const BYTES: [u8; 18] = *b"AQ_9.=+/ \t,;%\0\r\n\x7f\xff";

/// Whether only white space around the token is another (RFC 9110 sections 5.5 and 11.4). Envoy leaves a bare CR out of a
/// field, so that neither the filter nor the service sees it.
fn is_the_same(mutant: &[u8], token: &str) -> bool {
    let mutant: Vec<u8> = mutant.iter().copied().filter(|byte| *byte != b'\r').collect();
    let end = mutant.iter().rposition(|byte| !b" \t".contains(byte)).map_or(0, |last| last + 1);
    let start = mutant.iter().position(|byte| *byte != b' ').unwrap_or(0);
    mutant.get(start..end) == Some(token.as_bytes())
}

fn mutants(token: &str) -> Vec<(String, Vec<u8>)> {
    let good = token.as_bytes();
    let mut mutants = Vec::new();
    for at in (0..good.len()).step_by(STRIDE).chain([good.len() - 1]) {
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << bit;
            mutants.push((format!("bit {bit} of byte {at}"), bytes));
        }
        for byte in BYTES {
            let mut bytes = good.to_vec();
            bytes.insert(at, byte);
            mutants.push((format!("{} put in at {at}", byte.escape_ascii()), bytes));
        }
        mutants.push((format!("without byte {at}"), [&good[..at], &good[at + 1..]].concat()));
        mutants.push((format!("only {at} bytes"), good[..at].to_vec()));
        mutants.push((format!("without the first {}", at + 1), good[at + 1..].to_vec()));
    }
    for byte in BYTES {
        mutants.push((format!("{} behind", byte.escape_ascii()), [good, &[byte]].concat()));
    }
    mutants
}

#[test]
fn no_mutant_of_a_token_gets_past_envoy_and_the_filter_lives_on() {
    let signer = Signer::es256();
    let stage = Stage::start(&Setup::new(&with_issuer(inline_issuer(&[&signer]))));
    let token = Token::new(&signer).mint();
    stage.still_serves(&token);
    let mut refused_by_the_filter = 0;
    for (name, mutant) in mutants(&token) {
        let before = stage.upstream.count();
        let mut client = Connection::open(stage.envoy.address());
        let field = [b"Bearer ", &mutant[..]].concat();
        client.send(&Request::get("/me").field("authorization", field).http1());
        let answer = client.answer("GET");
        // A line feed ends the field, and what is behind is another one, or nothing: then Envoy may find the rest good.
        let ends_early =
            mutant.iter().position(|byte| *byte == b'\n').is_some_and(|end| is_the_same(&mutant[..end], &token));
        if is_the_same(&mutant, &token) || (ends_early && answer.status == 200) {
            assert_eq!(answer.status, 200, "{name}");
        } else {
            assert!([400, 401].contains(&answer.status), "{name}: {}", answer.status);
            assert_eq!(stage.upstream.count(), before, "{name}: reached the upstream");
        }
        refused_by_the_filter += usize::from(answer.value("cache-control").as_deref() == Some("no-store"));
    }
    assert!(refused_by_the_filter > 1000, "{refused_by_the_filter} came to the filter");
    stage.still_serves(&token);
}
