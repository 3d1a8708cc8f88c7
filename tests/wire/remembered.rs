//! Tokens that the workers of a real Envoy have seen before.

use serde_json::json;

use super::harness::config::{inline_issuer, remote_issuer, with_issuer};
use super::harness::dynamic::Drain;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::kept::KeptConnection;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::wait::wait_until;
use crate::support::mint::{Signer, Token, jwks, wall_clock};

const HIT: &str = "wasmcustom.postern_token_cache_total.outcome.hit";
const HIT_FORGED: &str = "wasmcustom.postern_token_cache_total.outcome.hit_bad_signature";
const MISS: &str = "wasmcustom.postern_token_cache_total.outcome.miss";
const ENTRIES: &str = "wasmcustom.postern_token_cache_entries";
const BYTES: &str = "wasmcustom.postern_token_cache_bytes";

fn me(token: &str) -> Request {
    Request::get("/me").bearer(token)
}

/// By another key under this one's name.
fn forged(signer: &Signer) -> Token {
    Token::new(&Signer::other_rs256().with_kid(signer.kid()))
}

/// Connections to every worker.
fn connections(stage: &Stage, token: &str) -> Vec<KeptConnection> {
    let mut kept: Vec<KeptConnection> = Vec::new();
    wait_until("every worker has a connection", || {
        let mut connection = KeptConnection::new(stage.envoy.address());
        assert_eq!(connection.send(&me(token)).status, 200);
        kept.push(connection);
        stage.envoy.workers_reached() == stage.envoy.workers()
    });
    kept
}

#[test]
fn what_the_workers_remember_is_counted_and_given_back_with_their_configuration() {
    let signer = Signer::rs256();
    let mut config = with_issuer(inline_issuer(&[&signer]));
    let setup = |config: &serde_json::Value| Setup::new(config).dynamic(Drain::AtOnce).concurrency(2);
    let stage = Stage::start(&setup(&config));
    let (good, bad) = (Token::new(&signer).mint(), forged(&signer).mint());
    let mut sent = 0;
    for connection in &mut connections(&stage, &good) {
        for _ in 0..5 {
            assert_eq!(connection.send(&me(&good)).status, 200);
            assert_eq!(connection.send(&me(&bad)).status, 401);
        }
        sent += 1 + 5 + 5;
    }
    let counted = || [HIT, HIT_FORGED, MISS].map(|name| stage.envoy.stat(name));
    wait_until("all is counted", || counted().iter().sum::<u64>() == sent);
    let [hits, forged_hits, misses] = counted();
    // Each worker sees each of the two for the first time once.
    assert_eq!(misses, 4, "{hits} hits, {forged_hits} of forged ones");
    assert_eq!(stage.envoy.stat(ENTRIES), 4);
    assert!((4 * 500..4 * 20_000).contains(&stage.envoy.stat(BYTES)), "{}", stage.envoy.stat(BYTES));

    config["rules"][2]["require"] = json!({ "users": ["bob"] });
    stage.envoy.update(&setup(&config));
    stage.envoy.wait_until_drained();
    stage.envoy.wait_for_stat(ENTRIES, |entries| entries == 0);
    stage.envoy.wait_for_stat(BYTES, |bytes| bytes == 0);
    // What was good under the old rules is asked by the new ones.
    stage.send(Protocol::Http1, &me(&good)).refused("the rule has changed", 403);
    stage.envoy.wait_for_stat(ENTRIES, |entries| entries == 1);
    assert_eq!(stage.envoy.reloads(), 0);
}

#[test]
fn a_token_that_is_used_all_the_time_is_refused_from_the_second_on_in_which_it_ends() {
    let signer = Signer::rs256();
    let stage = Stage::start(&Setup::new(&with_issuer(inline_issuer(&[&signer]))));
    // A minute for clocks that differ, of which little is left.
    let end = wall_clock() + 4;
    let token = Token::new(&signer).issued_in(-600).claim("exp", end - 60).mint();
    let mut connection = KeptConnection::new(stage.envoy.address());
    let (mut let_on, mut refused) = (0, 0);
    wait_until("it is refused for a while", || {
        let before = wall_clock();
        let answer = connection.send(&me(&token));
        let after = wall_clock();
        match answer.status {
            200 => {
                assert!(before < end, "let on {} s after its end", before - end);
                assert_eq!(refused, 0, "let on again");
                let_on += 1;
            }
            401 => {
                assert!(after >= end, "refused {} s before its end", end - after);
                assert!(answer.text().contains("\"expired\""), "{}", answer.text());
                refused += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
        refused == 100
    });
    assert!(let_on > 10, "it was remembered: {let_on}");
    stage.envoy.wait_for_stat(HIT, |hits| hits == let_on - 1);
}

#[test]
fn a_key_that_is_withdrawn_takes_its_tokens_with_it_on_every_worker() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let (old, new) = (Signer::rs256(), Signer::other_rs256());
    issuer.on("/keys", Script::json(&jwks(&[&old])));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&config).concurrency(2));
    let (token, next) = (Token::new(&old).mint(), Token::new(&new).mint());
    let mut kept = connections(&stage, &token);
    for connection in &mut kept {
        for _ in 0..3 {
            assert_eq!(connection.send(&me(&token)).status, 200);
        }
    }
    stage.envoy.wait_for_stat(HIT, |hits| hits >= 2);
    issuer.on("/keys", Script::json(&jwks(&[&new])));
    // The first token of the new key has the keys fetched.
    stage.send(Protocol::Http1, &me(&next)).allowed("the new key");
    for connection in &mut kept {
        wait_until("the worker hears of it", || {
            let status = connection.send(&me(&token)).status;
            assert!([200, 401].contains(&status), "{status}");
            status == 401
        });
        for _ in 0..5 {
            assert_eq!(connection.send(&me(&token)).status, 401, "and does not forget it");
            assert_eq!(connection.send(&me(&next)).status, 200);
        }
    }
    assert_eq!(issuer.asked("/keys"), 2);
}

/// In KiB. Were none forgotten, the good ones alone would take 15 MB more and the forged ones 140.
const GROWTH: u64 = 6 * 1024;

#[test]
fn twenty_thousand_tokens_take_no_more_memory_than_two_thousand() {
    const GOOD_IN: usize = 10;
    let signer = Signer::eddsa();
    let mut config = with_issuer(inline_issuer(&[&signer]));
    config["token_cache"] = json!({ "max_entries": 100, "max_bytes": 500_000 });
    let stage = Stage::start(&Setup::new(&config));
    let mut connection = KeptConnection::new(stage.envoy.address());
    // As long as tokens with many groups are.
    let padding = "x".repeat(6000);
    let good =
        |number: usize| Token::new(&signer).claim("jti", number.to_string()).claim("padding", padding.as_str()).mint();
    let mut pattern = good(0);
    pattern.truncate(pattern.len() - 20);
    let mut send = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            if number % GOOD_IN == 0 {
                assert_eq!(connection.send(&me(&good(number))).status, 200, "{number}");
            } else {
                assert_eq!(connection.send(&me(&format!("{pattern}{number:019}A"))).status, 401, "{number}");
            }
        }
        stage.envoy.resident()
    };
    let memory = send(0..2000);
    let memory_then = send(2000..20_000);
    let growth = memory_then.saturating_sub(memory);
    assert!(growth < GROWTH, "{growth} KiB more, from {memory} KiB");
    stage.envoy.wait_for_stat(MISS, |misses| misses == 20_000);
    let (entries, bytes) = (stage.envoy.stat(ENTRIES), stage.envoy.stat(BYTES));
    assert!(entries <= 200 && bytes <= 500_000 + 256 * 1024, "{entries} entries, {bytes} bytes");
    assert!(entries > 50 && bytes > 200_000, "{entries} entries, {bytes} bytes");
    assert_eq!(stage.envoy.reloads(), 0);
}
