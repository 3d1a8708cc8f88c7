//! Keys are fetched before anyone needs them, and once for all workers.

use super::harness::config::{remote_issuer, with_issuer};
use super::harness::http1::Connection;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::Stage;
use super::harness::wait::wait_until;
use crate::support::mint::{ISSUER, Signer, Token, jwks};

const ACTIVE: &str = "http.ingress.downstream_rq_active";
const WORKERS: [usize; 3] = [1, 2, 4];

fn start(journal: &Journal, issuer: &Issuer, workers: usize) -> Stage {
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    Stage::with_issuer(journal, issuer, Setup::new(&config).concurrency(workers))
}

fn wait_for_keys(stage: &Stage) {
    stage.envoy.wait_for_stat(&format!("wasmcustom.postern_jwks_keys.issuer.{ISSUER}"), |keys| keys > 0);
}

/// Sends it on new connections until every worker has one; the system spreads them.
fn send_to_every_worker(stage: &Stage, bytes: &[u8]) -> Vec<Connection> {
    let mut connections = Vec::new();
    wait_until("every worker has a connection", || {
        let mut connection = Connection::open(stage.envoy.address());
        connection.send(bytes);
        connections.push(connection);
        stage.envoy.workers_reached() == stage.envoy.workers()
    });
    connections
}

fn me(token: &Token) -> Vec<u8> {
    Request::get("/me").bearer(&token.mint()).http1()
}

#[test]
fn keys_are_fetched_once_at_the_start_and_serve_every_worker() {
    for workers in WORKERS {
        let journal = Journal::default();
        let issuer = Issuer::start(&journal);
        let stage = start(&journal, &issuer, workers);
        wait_for_keys(&stage);
        assert_eq!(stage.upstream.count(), 0, "no request was sent");
        // Who would have to ask now gets nothing.
        issuer.on("/keys", Script::bytes(500, b"out of order"));
        for mut connection in send_to_every_worker(&stage, &me(&Token::new(&Signer::rs256()))) {
            assert_eq!(connection.answer("GET").status, 200, "{workers} workers");
        }
        assert_eq!(issuer.asked_at_all(), 1, "{workers} workers");
    }
}

#[test]
fn requests_at_every_worker_wait_for_the_one_fetch_of_the_start() {
    for workers in WORKERS {
        let journal = Journal::default();
        let issuer = Issuer::start(&journal);
        issuer.close_gate();
        let stage = start(&journal, &issuer, workers);
        issuer.wait_until_asked("/keys");
        let mut waiting = send_to_every_worker(&stage, &me(&Token::new(&Signer::rs256())));
        stage.envoy.wait_for_stat(ACTIVE, |active| active == waiting.len() as u64);
        issuer.open_gate();
        for connection in &mut waiting {
            assert_eq!(connection.answer("GET").status, 200, "{workers} workers");
        }
        assert_eq!(issuer.asked_at_all(), 1, "{workers} workers");
    }
}

#[test]
fn invented_key_ids_at_every_worker_cost_one_fetch_together() {
    const CONNECTIONS: usize = 40;
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let stage = start(&journal, &issuer, 4);
    wait_for_keys(&stage);
    issuer.close_gate();
    let invented = |index: usize| Token::new(&Signer::rs256()).header("kid", format!("no-such-key-{index}"));
    let mut connections: Vec<Connection> = (0..CONNECTIONS)
        .map(|index| {
            let mut connection = Connection::open(stage.envoy.address());
            connection.send(&me(&invented(index)));
            connection
        })
        .collect();
    // All of them are there before the fetch ends, and none was refused without it.
    stage.envoy.wait_for_stat(ACTIVE, |active| active == CONNECTIONS as u64);
    assert!(stage.envoy.workers_reached() > 1, "all connections at one worker");
    wait_until("the issuer is asked again", || issuer.asked("/keys") > 1);
    issuer.open_gate();
    for connection in &mut connections {
        assert_eq!(connection.answer("GET").status, 401);
    }
    // Nor do those that come after it.
    for (index, connection) in connections.iter_mut().enumerate() {
        connection.send(&me(&invented(CONNECTIONS + index)));
        assert_eq!(connection.answer("GET").status, 401);
    }
    assert_eq!(issuer.asked("/keys"), 2);
    stage.still_serves(&Token::new(&Signer::rs256()).mint());
}
