//! New configurations while requests are on their way: who came under the old rules ends by them, and keys at hand stay
//! at hand.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::harness::answer::Answer;
use super::harness::config::{inline_issuer, make_test_config, named_issuer, remote_issuer, with_issuer};
use super::harness::dynamic::Drain;
use super::harness::http1::{self, Connection};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::kept::KeptConnection;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::wait::wait_until;
use crate::support::mint::{ISSUER, Signer, Token, jwks};

const ACTIVE: &str = "http.ingress.downstream_rq_active";
const RECEIVED: &str = "http.ingress.downstream_rq_total";
const OTHER: &str = "https://other-issuer.test";

fn keys() -> Script {
    Script::json(&jwks(&[&Signer::rs256()]))
}

fn down() -> Script {
    Script::bytes(500, b"out of order")
}

/// An issuer that publishes keys at `/keys`, and the configuration that trusts it.
fn issuer(journal: &Journal) -> (Issuer, Value) {
    let issuer = Issuer::start(journal);
    issuer.on("/keys", keys());
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    (issuer, config)
}

fn start(journal: &Journal, issuer: &Issuer, config: &Value, drain: Drain) -> Stage {
    Stage::with_issuer(journal, issuer, Setup::new(config).dynamic(drain).concurrency(2))
}

fn me() -> Vec<u8> {
    Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint()).http1()
}

fn changed(config: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut config = config.clone();
    change(&mut config);
    config
}

/// Opens this many connections, and sends the bytes on each.
fn send_on_each(address: SocketAddr, count: usize, bytes: &[u8]) -> Vec<Connection> {
    let open = |_| {
        let mut connection = Connection::open(address);
        connection.send(bytes);
        connection
    };
    (0..count).map(open).collect()
}

fn answers(connections: &mut [Connection]) -> Vec<Answer> {
    connections.iter_mut().map(|connection| connection.answer("GET")).collect()
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

fn reason(answer: &Answer) -> Value {
    serde_json::from_slice::<Value>(&answer.body).map_or(Value::Null, |problem| problem["reason"].clone())
}

fn wait_for_keys(stage: &Stage, issuer: &str) {
    stage.envoy.wait_for_stat(&format!("wasmcustom.postern_jwks_keys.issuer.{issuer}"), |keys| keys > 0);
}

/// Sends a request with this token on a new connection, which has the newest configuration.
fn status(stage: &Stage, token: &str) -> u16 {
    stage.send(Protocol::Http1, &Request::get("/me").bearer(token)).answer.status
}

#[test]
fn requests_that_wait_for_keys_end_by_the_rules_they_came_under() {
    const EACH: usize = 6;
    type Change = fn(&mut Value);
    let rows: [(&str, Change, u16, Value); 4] = [
        (
            "a capability is asked for",
            |config| config["rules"][2]["require"] = json!({ "capabilities": { "all_of": ["exec:other"] } }),
            403,
            json!("insufficient_scope"),
        ),
        (
            "the issuer is gone",
            |config| {
                config["issuers"] = json!([inline_issuer(&[&Signer::rs256()])]);
                config["issuers"][0]["issuer"] = json!(OTHER);
            },
            401,
            json!("unknown_issuer"),
        ),
        (
            "the keys stand in the configuration",
            |config| config["issuers"] = json!([inline_issuer(&[&Signer::rs256()])]),
            200,
            Value::Null,
        ),
        (
            "another audience is asked for",
            |config| config["issuers"][0]["audiences"] = json!(["https://other.test"]),
            401,
            json!("wrong_audience"),
        ),
    ];
    for (name, change, status, wanted) in rows {
        let journal = Journal::default();
        let (issuer, config) = issuer(&journal);
        issuer.close_gate();
        let stage = start(&journal, &issuer, &config, Drain::Late);
        let address = stage.envoy.address();
        let mut old = send_on_each(address, EACH, &me());
        issuer.wait_until_asked("/keys");
        stage.envoy.wait_for_stat(ACTIVE, |active| active == EACH as u64);

        stage.envoy.update(&Setup::new(&changed(&config, change)).issuer(issuer.address()));
        let mut new = send_on_each(address, EACH, &me());
        stage.envoy.wait_for_stat(RECEIVED, |received| received == 2 * EACH as u64);
        issuer.open_gate();

        assert_eq!(statuses(&answers(&mut old)), [200; EACH], "{name}: came before the update");
        let new = answers(&mut new);
        assert_eq!(statuses(&new), [status; EACH], "{name}: came after it");
        assert!(new.iter().all(|answer| reason(answer) == wanted), "{name}: {new:?}");
        assert_eq!(issuer.asked("/keys"), 1, "{name}");
        assert_eq!(stage.envoy.reloads(), 0, "{name}");
    }
}

#[test]
fn the_keys_of_an_issuer_that_is_down_outlive_updates_and_no_request_notices() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    let stage = start(&journal, &issuer, &config, Drain::Soon);
    wait_for_keys(&stage, ISSUER);
    issuer.on("/keys", down());

    let request = &Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint());
    let address = stage.envoy.address();
    let stop = &AtomicBool::new(false);
    let counts: &[AtomicUsize] = &[const { AtomicUsize::new(0) }; 4];
    std::thread::scope(|scope| {
        let clients: Vec<_> = counts
            .iter()
            .enumerate()
            .map(|(index, count)| {
                scope.spawn(move || {
                    let mut kept = KeptConnection::new(address);
                    let mut others = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        let keeps = index % 2 == 0;
                        let answer = if keeps { kept.send(request) } else { http1::send(address, request) };
                        if answer.status != 200 {
                            others.push((answer.status, reason(&answer)));
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    others
                })
            })
            .collect();
        // Every client has had answers before the first update, after each, and when all that is old has gone.
        let everyone_goes_on = || {
            let before: Vec<usize> = counts.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            wait_until("every client has more answers", || {
                counts.iter().zip(&before).all(|(count, before)| count.load(Ordering::SeqCst) >= before + 20)
            });
        };
        everyone_goes_on();
        for index in 0..5 {
            let config = changed(&config, |config| config["realm"] = json!(format!("realm-{index}")));
            stage.envoy.update(&Setup::new(&config));
            everyone_goes_on();
        }
        stage.envoy.wait_until_drained();
        everyone_goes_on();
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            let others = client.join().expect("a client that was always answered");
            assert!(others.is_empty(), "{others:?}");
        }
    });
    assert_eq!(issuer.asked("/keys"), 1);
    stage.still_serves(&Token::new(&Signer::rs256()).mint());
}

#[test]
fn keys_are_kept_for_the_same_issuer_at_the_same_place_and_for_no_other() {
    type Change = fn(&mut Value);
    let rows: [(&str, Change, &str, usize); 6] = [
        ("other rules", |config| config["realm"] = json!("other"), ISSUER, 0),
        ("another timeout", |config| config["issuers"][0]["jwks"]["timeout"] = json!("7s"), ISSUER, 0),
        ("another place", |config| config["issuers"][0]["jwks"]["uri"] = config["more"].take(), ISSUER, 1),
        ("by another way", |config| config["issuers"][0]["jwks"]["cluster"] = json!("detour"), ISSUER, 1),
        ("another issuer", |config| config["issuers"][0]["issuer"] = json!(OTHER), OTHER, 1),
        (
            "beside another issuer with the same place",
            |config| {
                let mut other = config["issuers"][0].clone();
                other["issuer"] = json!(OTHER);
                config["issuers"].as_array_mut().expect("issuers").insert(0, other);
            },
            OTHER,
            1,
        ),
    ];
    // By the same name, so that nobody looks for an unknown key: the signature tells which of the two was used.
    let old = Signer::rs256();
    let new = Signer::other_rs256().with_kid(old.kid());
    for (name, change, iss, fetches) in rows {
        let journal = Journal::default();
        let (issuer, config) = issuer(&journal);
        let setup = |config: &Value| {
            let setup = Setup::new(config).dynamic(Drain::Late).concurrency(2);
            setup.issuer(issuer.address()).cluster("detour", issuer.address())
        };
        let stage = Stage::with_journal(&setup(&config), journal.clone());
        wait_for_keys(&stage, ISSUER);
        for path in ["/keys", "/more"] {
            issuer.on(path, Script::json(&jwks(&[&new])));
        }
        let config = changed(&config, |config| {
            config["more"] = json!(issuer.url("/more"));
            change(config);
            config.as_object_mut().expect("a configuration").remove("more");
        });
        stage.envoy.update(&setup(&config));
        let (good, bad) = if fetches == 0 { (&old, &new) } else { (&new, &old) };
        for (signer, wanted) in [(good, 200), (bad, 401)] {
            let token = Token::new(signer).claim("iss", iss).mint();
            assert_eq!(status(&stage, &token), wanted, "{name}: {signer:?}");
        }
        assert_eq!(issuer.asked_at_all(), 1 + fetches, "{name}");
    }
}

#[test]
fn an_issuer_that_updates_bring_back_finds_the_keys_it_had() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    let stage = start(&journal, &issuer, &config, Drain::AtOnce);
    let token = Token::new(&Signer::rs256()).mint();
    wait_for_keys(&stage, ISSUER);
    issuer.on("/keys", down());
    let without = changed(&config, |config| config["issuers"][0]["issuer"] = json!(OTHER));
    let without =
        changed(&without, |config| config["issuers"][0]["jwks"] = make_test_config()["issuers"][0]["jwks"].clone());
    stage.envoy.update(&Setup::new(&without));
    assert_eq!(status(&stage, &token), 401);
    stage.envoy.update(&Setup::new(&config));
    assert_eq!(status(&stage, &token), 200);
    assert_eq!(issuer.asked("/keys"), 1);
}

#[test]
fn the_keys_of_an_issuer_that_an_update_adds_are_there_before_its_first_token() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    issuer.on("/more", keys());
    let stage = start(&journal, &issuer, &config, Drain::Late);
    wait_for_keys(&stage, ISSUER);
    let config = changed(&config, |config| {
        let other = named_issuer(OTHER, &issuer.url("/more"));
        config["issuers"].as_array_mut().expect("issuers").push(other);
    });
    stage.envoy.update(&Setup::new(&config));
    wait_for_keys(&stage, OTHER);
    issuer.on("/more", down());
    for iss in [ISSUER, OTHER] {
        assert_eq!(status(&stage, &Token::new(&Signer::rs256()).claim("iss", iss).mint()), 200, "{iss}");
    }
    assert_eq!((issuer.asked("/keys"), issuer.asked("/more")), (1, 1));
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_goes_on_with_its_keys() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    issuer.on("/more", keys());
    let stage = start(&journal, &issuer, &config, Drain::AtOnce);
    let token = Token::new(&Signer::rs256()).mint();
    wait_for_keys(&stage, ISSUER);
    issuer.on("/keys", down());
    let more = changed(&config, |config| {
        let other = named_issuer(OTHER, &issuer.url("/more"));
        config["issuers"].as_array_mut().expect("issuers").push(other);
    });
    let rows = [
        ("an unknown field", changed(&more, |config| config["rulez"] = json!([])), "rulez"),
        ("no issuer", changed(&config, |config| config["issuers"] = json!([])), "issuers"),
        (
            "a fault in an issuer",
            changed(&more, |config| config["issuers"][1]["clock_skew"] = json!("soon")),
            "clock_skew",
        ),
    ];
    for (name, bad, field) in rows {
        let log = stage.envoy.refuses_update(&Setup::new(&bad));
        assert!(log.contains(field), "{name}: the log does not name {field}:\n{log}");
        assert_eq!(status(&stage, &token), 200, "{name}");
        // Envoy remembers what was refused, and does not ask the filter again.
        stage.envoy.refuses_update(&Setup::new(&bad));
        assert_eq!(status(&stage, &token), 200, "{name}, again");
    }
    assert_eq!((issuer.asked("/keys"), issuer.asked("/more")), (1, 0));
    // Nor has what was refused left anything that would keep a good one from fetching.
    stage.envoy.update(&Setup::new(&more));
    wait_for_keys(&stage, OTHER);
    assert_eq!(status(&stage, &token), 200);
    assert_eq!((issuer.asked("/keys"), issuer.asked("/more")), (1, 1));
    assert_eq!(stage.envoy.reloads(), 0);
}

#[test]
fn a_client_that_leaves_while_it_waits_through_an_update_leaves_no_trace() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    issuer.close_gate();
    let stage = start(&journal, &issuer, &config, Drain::Late);
    let token = Token::new(&Signer::rs256()).mint();
    let send = |path: &str| {
        let mut connection = Connection::open(stage.envoy.address());
        connection.send(&Request::get(path).bearer(&token).http1());
        connection
    };
    let (leaves_before, leaves_after, mut stays) = (send("/me/before"), send("/me/after"), send("/me/stays"));
    issuer.wait_until_asked("/keys");
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 3);
    drop(leaves_before);
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 2);
    let other = changed(&config, |config| config["realm"] = json!("other"));
    stage.envoy.update(&Setup::new(&other));
    let mut comes = send("/me/comes");
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 3);
    drop(leaves_after);
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 2);
    issuer.open_gate();
    assert_eq!([stays.answer("GET").status, comes.answer("GET").status], [200, 200]);
    stage.still_serves(&token);
    let mut targets: Vec<String> = stage.upstream.all().iter().map(|seen| seen.target().to_owned()).collect();
    targets.sort();
    assert_eq!(targets, ["/me", "/me/comes", "/me/stays"]);
    assert_eq!(issuer.asked("/keys"), 1);
}

#[test]
fn a_configuration_that_goes_while_it_fetches_lets_the_next_one_fetch() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    issuer.close_gate();
    let stage = start(&journal, &issuer, &config, Drain::AtOnce);
    let mut cut = send_on_each(stage.envoy.address(), 4, &me());
    issuer.wait_until_asked("/keys");
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 4);
    let other = changed(&config, |config| config["realm"] = json!("other"));
    stage.envoy.update(&Setup::new(&other));
    // Envoy ends with the old filter chains whatever still waits in them.
    for connection in &mut cut {
        assert!(connection.try_answer("GET").is_ok_and(|answer| answer.is_none()));
    }
    wait_until("the new one fetches", || issuer.asked("/keys") > 1);
    let mut new = send_on_each(stage.envoy.address(), 4, &me());
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 4);
    issuer.open_gate();
    assert_eq!(statuses(&answers(&mut new)), [200; 4]);
    assert_eq!(issuer.asked("/keys"), 2);
    // It was not by waiting for an answer that cannot come.
    let lost = format!("wasmcustom.postern_jwks_fetch_total.outcome.no_answer.issuer.{ISSUER}");
    assert_eq!(stage.envoy.stat(&lost), 0);
    assert_eq!(stage.envoy.reloads(), 0);
}

#[test]
fn envoy_ends_in_good_order_while_keys_are_fetched_for_those_who_wait() {
    let journal = Journal::default();
    let (issuer, config) = issuer(&journal);
    issuer.close_gate();
    let mut stage = start(&journal, &issuer, &config, Drain::Late);
    let old = send_on_each(stage.envoy.address(), 4, &me());
    issuer.wait_until_asked("/keys");
    // An old configuration and a new one, with requests that wait in both.
    let other = changed(&config, |config| config["realm"] = json!("other"));
    stage.envoy.update(&Setup::new(&other));
    let new = send_on_each(stage.envoy.address(), 4, &me());
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 8);
    let status = stage.envoy.stop();
    assert!(status.success(), "{status}");
    drop((old, new));
}
