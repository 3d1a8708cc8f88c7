//! What becomes of requests when the filter's VM dies. It is made to, by a build of the filter that is for this only.

mod callbacks;
mod module;
mod policies;
mod recovery;

use serde_json::{Value, json};

use super::harness::answer::Answer;
use super::harness::config::{make_test_config, named_issuer};
use super::harness::http1::Connection;
use super::harness::issuer::{Issuer, Script};
use super::harness::request::Request;
use super::harness::stage::Stage;
use super::harness::wait::wait_for;
use crate::support::mint::{Signer, Token, jwks};

/// What tells the filter in which callback to die.
const HEADER: &str = "x-trap-for-tests";

/// What the panic says, which no log may have.
const SAID: &str = "said-by-a-trap-for-tests";

/// An issuer whose keys are fetched from `/keys`, beside one whose keys are at hand.
const OTHER: &str = "https://other-issuer.test";

fn config(issuer: &Issuer) -> Value {
    issuer.on("/keys", Script::json(&jwks(&[&Signer::es256()])));
    let mut config = make_test_config();
    config["issuers"].as_array_mut().expect("issuers").push(named_issuer(OTHER, &issuer.url("/keys")));
    config
}

fn good() -> Request {
    Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint())
}

/// A stranger who says that he is root.
fn stranger() -> Request {
    Request::get("/me").field("x-auth-request-user", "root")
}

/// A good request with a token whose key has to be fetched first.
fn waiting() -> Request {
    Request::get("/me").bearer(&Token::new(&Signer::rs256()).claim("iss", json!(OTHER)).mint())
}

/// A connection that leads to that worker.
fn connection_to(stage: &Stage, worker: usize) -> Connection {
    let connections = || stage.envoy.stat(&format!("listener.127.0.0.1_0.worker_{worker}.downstream_cx_total"));
    wait_for(&format!("a connection to worker {worker}"), || {
        let before = connections();
        let mut connection = Connection::open(stage.envoy.address());
        ask(&mut connection, &Request::get("/open"));
        (connections() > before).then_some(connection)
    })
}

fn ask(connection: &mut Connection, request: &Request) -> Answer {
    connection.send(&request.http1());
    connection.answer(&request.method)
}

/// Waits until the worker behind this connection decides again, and holds it to that it says 503 until then.
fn wait_until_decided(name: &str, connection: &mut Connection) {
    wait_for(&format!("{name}: the worker decides again"), || {
        let status = ask(connection, &good()).status;
        assert!([200, 503].contains(&status), "{name}: {status}");
        (status == 200).then_some(())
    });
    assert_eq!(ask(connection, &stranger()).status, 401, "{name}");
}

/// Holds Envoy's log to what it may say of a VM that has died.
fn log_names_the_place_only(stage: &Stage) {
    let log = stage.envoy.log();
    assert!(log.contains("postern stopped at src/filter/trap.rs"), "{log}");
    assert!(!log.contains(SAID), "{log}");
}
