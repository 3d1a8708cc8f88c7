//! The harness against an Envoy without a filter: what the other tests take for granted.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::harness::http1::{self, Connection};
use super::harness::issuer::{Issuer, Script, Then};
use super::harness::journal::{Event, Journal};
use super::harness::message::{Framing, Wire};
use super::harness::plugin::Plugin;
use super::harness::program::Program;
use super::harness::request::{Request, chunk};
use super::harness::route::Route;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use super::harness::tools::Tool;
use super::harness::wait::wait_until;

#[test]
fn every_request_reaches_the_upstream_as_it_was_sent() {
    let setup = Setup::with(Plugin::Absent).concurrency(2).route(Route::prefix("/a").named("a"));
    let stage = Stage::start(&setup);
    let rows = [
        ("a plain GET", Request::get("/a?b=c")),
        ("a HEAD", Request::new("HEAD", "/a")),
        ("a POST", Request::new("POST", "/a").body(b"some bytes")),
        ("bytes beyond ASCII", Request::get("/a").field("x-bytes", b"a\xffb")),
        ("a header twice", Request::get("/a").field("x-two", "1").field("x-two", "2")),
        ("trailers", Request::new("POST", "/a").body(b"some bytes").trailer("x-sum", "1")),
    ];
    for protocol in BOTH {
        for (name, request) in &rows {
            let name = format!("{name} over {protocol:?}");
            let exchange = stage.send(protocol, request);
            let body = if request.method == "HEAD" { "" } else { "hello\n" };
            assert_eq!(exchange.answer.text(), body, "{name}");
            let seen = exchange.allowed(&name);
            assert_eq!(seen.target(), request.target, "{name}");
            assert_eq!(seen.body, request.body.clone().unwrap_or_default(), "{name}");
            for (field, value) in &request.fields {
                let field = String::from_utf8_lossy(field);
                assert!(seen.head.values(&field).any(|other| other == value), "{name}: {field}");
            }
            for (field, value) in &request.trailers {
                let field = String::from_utf8_lossy(field).into_owned();
                assert!(seen.trailers.contains(&(field, value.clone())), "{name}");
            }
        }
    }
    let log = stage.envoy.access_log(2 * rows.len());
    assert!(log[0].starts_with("/a?b=c | 200 | via_upstream | "), "{}", log[0]);
}

#[test]
fn a_body_in_pieces_is_seen_in_the_order_it_came() {
    let stage = Stage::start(&Setup::with(Plugin::Absent));
    let mut client = Connection::open(stage.envoy.address());
    client.send(&Request::new("POST", "/a").http1_head(&[("transfer-encoding", "chunked")]));
    client.send(&chunk(b"first "));
    wait_until("the first piece at the upstream", || stage.journal.place(&Event::UpstreamBody(0)).is_some());
    assert_eq!(stage.journal.place(&Event::UpstreamWhole(0)), None);
    client.send(&chunk(b"second"));
    client.send(b"0\r\n\r\n");
    assert_eq!(client.answer("POST").status, 200);
    assert_eq!(stage.upstream.whole(0).body, b"first second");
}

#[test]
fn a_gate_holds_the_issuers_answer_until_it_opens() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", Script::bytes(200, b"{}"));
    issuer.on("/gone", Script::Close);
    issuer.close_gate();
    let address = issuer.address();
    let asking = std::thread::spawn(move || http1::send(address, &Request::get("/keys")).text());
    issuer.wait_until_asked("/keys");
    issuer.on("/keys", Script::bytes(200, b"later"));
    issuer.open_gate();
    assert_eq!(asking.join().expect("an answer"), "later");
    assert_eq!(issuer.asked("/keys"), 1);
    assert!(journal.place(&Event::IssuerAsked("/keys".into())) < journal.place(&Event::GateOpened));

    let missing = http1::send(address, &Request::get("/other"));
    assert_eq!(missing.status, 404);
    let mut hung_up = Wire::new(TcpStream::connect(address).expect("the issuer listens")).expect("a socket");
    hung_up.send(&Request::get("/gone").http1()).expect("a request");
    assert!(hung_up.head().expect("the end of the connection").is_none());
    assert_eq!(issuer.asked_at_all(), 3);
}

#[test]
fn an_issuer_breaks_off_in_the_way_it_is_told_to() {
    let issuer = Issuer::start(&Journal::default());
    let drip = Script::Drip { bytes: b"drip".to_vec(), pause: Duration::from_millis(1) };
    // (name, script, the bytes that come, the error they end in)
    let rows = [
        ("closes", Script::raw(b"HTTP/1.1 2", Then::Close), &b"HTTP/1.1 2"[..], None),
        ("resets", Script::raw(b"", Then::Reset), b"", Some(ErrorKind::ConnectionReset)),
        ("drips", drip, b"drip", None),
    ];
    for (name, script, bytes, error) in rows {
        issuer.on("/keys", script);
        let mut wire = Wire::new(TcpStream::connect(issuer.address()).expect("the issuer listens")).expect("a socket");
        wire.send(&Request::get("/keys").http1()).expect("a request");
        let mut read = Vec::new();
        let framing = if name == "drips" { Framing::Length(bytes.len()) } else { Framing::UntilClose };
        let ended = wire.body(framing, |piece| read.extend_from_slice(piece)).err().map(|error| error.kind());
        assert_eq!((read.as_slice(), ended), (bytes, error), "{name}");
    }
}

#[test]
fn an_issuer_says_304_to_who_names_its_tag() {
    let issuer = Issuer::start(&Journal::default());
    issuer.on("/keys", Script::bytes(200, b"keys").tagged(b"\"one\""));
    for (tag, status, body) in [("", 200, "keys"), ("\"two\"", 200, "keys"), ("\"one\"", 304, "")] {
        let answer = http1::send(issuer.address(), &Request::get("/keys").field("if-none-match", tag));
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{tag}");
        assert_eq!(answer.value("etag").as_deref(), Some("\"one\""), "{tag}");
    }
    assert_eq!(issuer.switch("/keys", Script::Close), 3);
    assert_eq!(issuer.requests("/keys")[1].text("if-none-match").as_deref(), Some("\"two\""));
}

#[test]
fn a_web_socket_is_opened_and_bytes_go_both_ways() {
    let stage = Stage::start(&Setup::with(Plugin::Absent).web_sockets());
    let mut client = Connection::open(stage.envoy.address());
    client.send(&Request::get("/a").field("connection", "Upgrade").field("upgrade", "websocket").http1());
    let answer = client.switched();
    assert_eq!(answer.value("upgrade").as_deref(), Some("websocket"));
    client.send(b"some \x00 bytes");
    assert_eq!(client.bytes(12), b"some \x00 bytes");
    assert_eq!(stage.exchange(0, answer).seen.expect("a request at the upstream").target(), "/a");
}

#[test]
fn a_program_answers_and_ends_with_its_children_when_it_is_dropped() {
    // Its first line is no answer, and it would never end by itself.
    let script =
        r#"echo words; sleep 1000 & echo "{\"child\":$!}"; while read line; do echo "{\"got\":$line}"; done; wait"#;
    let mut program = Program::start("a shell", "sh", |shell| {
        shell.args(["-c", script]);
    });
    let child = program.said()["child"].as_u64().expect("a process");
    assert_eq!(program.ask(&json!([1])), json!({ "got": [1] }));
    assert_eq!(program.output(), "words\n");
    // One that has ended may still be listed, as a zombie, until somebody asks how it did.
    let state = || fs::read_to_string(format!("/proc/{child}/stat")).ok();
    assert!(state().is_some(), "a child that runs");
    drop(program);
    wait_until("the child has ended", || state().is_none_or(|state| state.contains(") Z ")));
}

#[test]
fn a_program_that_ends_too_soon_fails_with_what_it_wrote() {
    let start = || {
        Program::start("a shell", "sh", |shell| {
            shell.args(["-c", "echo out of order >&2"]);
        })
    };
    let message = std::panic::catch_unwind(start).expect_err("it said nothing");
    let message = message.downcast_ref::<String>().expect("a message");
    assert!(message.contains("a shell") && message.contains("out of order"), "{message}");
}

#[test]
fn a_tool_that_is_missing_fails_with_its_name() {
    let missing = std::panic::catch_unwind(|| Tool::new("no-such-tool-of-ours").run());
    let message = missing.expect_err("no such tool");
    let message = message.downcast_ref::<String>().expect("a message");
    assert!(message.contains("no-such-tool-of-ours"), "{message}");
}

#[test]
fn statistics_count_what_a_client_sent() {
    let stage = Stage::start(&Setup::with(Plugin::Absent));
    stage.send(Protocol::Http1, &Request::get("/a")).allowed("a GET");
    stage.envoy.wait_for_stat("http.ingress.downstream_rq_total", |count| count == 1);
    stage.envoy.wait_for_stat("http.ingress.downstream_rq_active", |count| count == 0);
    stage.envoy.wait_for_stat("http.ingress.downstream_cx_rx_bytes_total", |bytes| bytes > 0);
}
