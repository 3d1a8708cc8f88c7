//! The callbacks in which it can die, and who is in the VM then.

use serde_json::{Value, json};

use super::super::harness::config::{make_test_config, named_issuer};
use super::super::harness::http1::Connection;
use super::super::harness::issuer::{Issuer, Script};
use super::super::harness::journal::Journal;
use super::super::harness::plugin::{Failure, PLUGIN};
use super::super::harness::request::Request;
use super::super::harness::setup::Setup;
use super::super::harness::stage::Stage;
use super::super::harness::wait::wait_until;
use super::{HEADER, ask, good, log_names_the_place_only, stranger};
use crate::support::mint::{Signer, Token, jwks};

/// A request that dies with its VM, or waits in it.
struct Row {
    name: &'static str,
    callback: &'static str,
    /// It waits for a key when the VM dies. One that does not is good.
    waits: bool,
    body: bool,
    /// What its client gets.
    statuses: &'static [u16],
}

const ENDED: &[u16] = &[503, 504];

const ROWS: [Row; 6] = [
    Row { name: "its own head", callback: "headers", waits: false, body: false, statuses: &[503] },
    Row { name: "its own body, let on before", callback: "body", waits: false, body: true, statuses: &[503] },
    Row { name: "its own body, while it waits", callback: "body", waits: true, body: true, statuses: ENDED },
    Row { name: "the answer that it waits for", callback: "answer", waits: true, body: false, statuses: ENDED },
    Row { name: "a tick while it waits", callback: "tick", waits: true, body: false, statuses: ENDED },
    Row { name: "a tick after it", callback: "tick", waits: false, body: false, statuses: &[200] },
];

/// Each row has an issuer of its own, for a key that is not there is sought once in a while only.
fn issuer_of(index: usize) -> String {
    format!("https://issuer-{index}.test")
}

fn path_of(index: usize) -> String {
    format!("/keys-{index}")
}

fn config(issuer: &Issuer) -> Value {
    let mut config = make_test_config();
    for index in 0..ROWS.len() {
        issuer.on(&path_of(index), Script::json(&jwks(&[&Signer::es256()])));
        let remote = named_issuer(&issuer_of(index), &issuer.url(&path_of(index)));
        config["issuers"].as_array_mut().expect("issuers").push(remote);
    }
    config
}

/// With `allow_on_headers_stop_iteration` the body of a request that waits reaches the filter.
fn plays(allow_on_headers_stop_iteration: bool) {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let setup = Setup::new(&config(&issuer))
        .trapping(Failure::Reload { backoff: "0.1s" })
        .allow_on_headers_stop_iteration(allow_on_headers_stop_iteration)
        .stream_idle_timeout("2s");
    let stage = Stage::with_issuer(&journal, &issuer, setup);
    let mut reloads = 0;
    for (index, row) in ROWS.iter().enumerate() {
        let keys = format!("wasmcustom.postern_jwks_keys.issuer.{}", issuer_of(index));
        stage.envoy.wait_for_stat(&keys, |keys| keys == 1);
        // Where all of a request is held, its body comes to nobody before it is let on.
        if row.waits && row.callback == "body" && !allow_on_headers_stop_iteration {
            continue;
        }
        play(row, index, &stage, &issuer);
        reloads += 1;
        recovers(row.name, &stage, reloads);
    }
    log_names_the_place_only(&stage);
}

fn play(row: &Row, index: usize, stage: &Stage, issuer: &Issuer) {
    let name = row.name;
    let request = if row.waits {
        let token = Token::new(&Signer::rs256()).claim("iss", json!(issuer_of(index)));
        Request::get("/me").bearer(&token.mint())
    } else {
        good()
    };
    let mut request = request.field(HEADER, row.callback);
    if row.body {
        request.method = "POST".to_owned();
        request = request.body(b"a body");
    }
    let before = stage.upstream.count();
    issuer.close_gate();
    let mut client = Connection::open(stage.envoy.address());
    client.send(&request.http1());
    if row.callback == "answer" {
        wait_until("the key is sought", || issuer.asked(&path_of(index)) == 2);
        issuer.open_gate();
    }
    let status = client.answer(&request.method).status;
    assert!(row.statuses.contains(&status), "{name}: {status}");
    issuer.open_gate();
    if row.waits || row.callback == "headers" {
        assert_eq!(stage.upstream.count(), before, "{name}: it was let on");
    }
}

/// A new VM is made with the first request that finds the old one dead, and not too soon after the one before.
fn recovers(name: &str, stage: &Stage, reloads: u64) {
    let stat = |outcome: &str| stage.envoy.stat(&format!("wasm.{PLUGIN}.vm_reload_{outcome}"));
    let mut connection = Connection::open(stage.envoy.address());
    let mut ends = Vec::new();
    wait_until(&format!("{name}: a new VM"), || {
        ends.push(ask(&mut connection, &good()).status);
        stat("success") == reloads
    });
    assert!(ends.iter().all(|status| [200, 503].contains(status)), "{name}: {ends:?}");
    assert_eq!(ends.last(), Some(&200), "{name}: {ends:?}");
    assert_eq!(ask(&mut connection, &stranger()).status, 401, "{name}");
    assert_eq!(stat("failure"), 0, "{name}");
}

#[test]
fn whichever_callback_it_dies_in_nobody_undecided_is_let_on_and_the_worker_recovers() {
    plays(false);
}

#[test]
fn the_same_where_bodies_reach_the_filter_while_their_requests_wait() {
    plays(true);
}
