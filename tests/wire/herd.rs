//! Many requests at once on keys that are not there yet: one fetch serves them all.

use super::harness::config::{remote_issuer, with_issuer};
use super::harness::http1::Connection;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::Stage;
use crate::support::mint::{Signer, Token, jwks};

const HERD: usize = 200;
/// More than this many decided in one callback once exhausted the VM's stack, for Envoy answers each inside the one
/// before it.
const CROWD: usize = 400;
const ACTIVE: &str = "http.ingress.downstream_rq_active";

/// Sends a herd against cold keys, lets the issuer answer with `script` when all of it
/// waits, and gives back the statuses and the values of `Retry-After`.
fn herd(size: usize, workers: usize, script: Script) -> Vec<(u16, Option<String>)> {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", script);
    issuer.close_gate();
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let setup = Setup::new(&config).concurrency(workers);
    let stage = Stage::with_issuer(&journal, &issuer, setup);
    let request = Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint()).http1();

    let mut clients: Vec<Connection> = (0..size)
        .map(|_| {
            let mut client = Connection::open(stage.envoy.address());
            client.send(&request);
            client
        })
        .collect();
    stage.envoy.wait_for_stat(ACTIVE, |active| active == size as u64);
    issuer.wait_until_asked("/keys");
    assert_eq!(stage.upstream.count(), 0, "a request went on before there were keys");
    issuer.open_gate();
    let answers = clients
        .iter_mut()
        .map(|client| client.answer("GET"))
        .map(|answer| (answer.status, answer.value("retry-after")))
        .collect();
    assert_eq!(issuer.asked("/keys"), 1, "fetches by {workers} workers");
    assert_eq!(stage.envoy.reloads(), 0);
    answers
}

#[test]
fn a_herd_on_cold_keys_waits_for_one_fetch_of_all_workers_and_is_served() {
    for workers in [1, 2] {
        let answers = herd(HERD, workers, Script::json(&jwks(&[&Signer::rs256()])));
        assert_eq!(answers.len(), HERD);
        assert!(answers.iter().all(|(status, _)| *status == 200), "{workers}: {answers:?}");
    }
}

#[test]
fn a_herd_on_failing_keys_is_told_to_come_again() {
    for workers in [1, 2] {
        let answers = herd(HERD, workers, Script::bytes(500, b"out of order"));
        assert_eq!(answers.len(), HERD);
        for (status, retry_after) in answers {
            assert_eq!(status, 503, "{workers} workers");
            let seconds = retry_after.expect("a Retry-After");
            assert!(seconds.parse::<u32>().is_ok(), "Retry-After: {seconds}");
        }
    }
}

#[test]
fn a_crowd_is_answered_whatever_the_answer_is_and_the_vm_lives() {
    let good = || Script::json(&jwks(&[&Signer::rs256()]));
    for (name, script, status) in [
        ("let on", good(), 200),
        ("keys of somebody else", Script::json(&jwks(&[&Signer::other_rs256().with_kid(Signer::rs256().kid())])), 401),
        ("no keys", Script::bytes(500, b"out of order"), 503),
    ] {
        let answers = herd(CROWD, 1, script);
        assert_eq!(answers.len(), CROWD, "{name}");
        let others: Vec<u16> = answers.iter().map(|(answer, _)| *answer).filter(|answer| *answer != status).collect();
        assert!(others.is_empty(), "{name}: {} others: {others:?}", others.len());
    }
}
