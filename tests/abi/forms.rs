//! Forms of token exchanges that come late, or not at all.

use std::sync::Once;

use serde_json::json;

use super::bench::{
    AUDIENCE, Issuer, SOON, WATCH, assert_unavailable, assert_waits, beat, config_with_keys, host, reply, started,
};
use crate::host::{Host, INTERNAL_FAILURE, Root, Stream};

const FORM: &[u8] = b"grant_type=urn:ietf:params:oauth:grant-type:token-exchange";

/// Most that have a place, most that lost theirs and were not told so yet, and most that are told in one callback.
const PLACES: usize = 256;
const DISPLACED: usize = 256;
const BATCH: usize = 16;

const LONGEST_FORM: usize = 24 * 1024;

struct Endpoint {
    host: Host,
    root: Root,
    bearer: String,
}

impl Endpoint {
    fn new() -> Self {
        const KEY: &str = "POSTERN_ABI_SIGNING_KEY";
        static SET: Once = Once::new();
        let pem = include_str!("../support/keys/test-ed25519.pem");
        // SAFETY: nothing here reads the environment but by the standard library, which takes turns.
        SET.call_once(|| unsafe { std::env::set_var(KEY, pem) });
        let issuer = Issuer::new();
        let mut config = config_with_keys(&issuer);
        config["reissue"] = json!({
            "issuer": format!("{AUDIENCE}/postern"),
            "keys": [{"env": KEY}],
            "exchange": {"audiences": [AUDIENCE]},
        });
        let host = host(&config);
        let root = started(&host);
        Self { root, host, bearer: issuer.bearer("alice") }
    }

    /// The head of a request whose form is to come.
    fn post(&self) -> Stream {
        self.root.upload(&[
            (":method", "POST"),
            (":path", "/postern/token"),
            (":authority", "lsp.example.org"),
            (":scheme", "https"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &self.bearer),
        ])
    }

    fn crowd(&self, size: usize) -> Vec<Stream> {
        (0..size).map(|_| self.post()).collect()
    }

    fn pass(&self, seconds: usize) {
        for _ in 0..seconds {
            self.host.advance(1);
            beat(&self.host, &self.root);
        }
    }

    fn status(&self, stream: &Stream) -> Option<u32> {
        self.host.reply_of(stream).map(|reply| reply.status)
    }
}

#[test]
fn a_form_is_waited_for_five_seconds_and_then_the_answer_says_what_helps() {
    let endpoint = Endpoint::new();
    let stream = endpoint.post();
    endpoint.pass(4);
    assert_waits(&endpoint.host, &stream);
    stream.body(FORM, false);
    endpoint.pass(1);
    let reply = reply(&endpoint.host, &stream);
    assert_eq!((reply.status, reply.details.as_slice()), (400, &b"postern_exchange_no_form"[..]));
    assert_eq!(endpoint.host.tick_of(&endpoint.root), 0, "nobody waits");
    stream.body(FORM, true);
    assert_eq!(endpoint.host.acts(), ["reply stream 1 400"], "what comes later changes nothing");
}

#[test]
fn a_form_is_read_when_all_of_it_is_there_and_no_longer_than_forms_are() {
    for (name, sizes, ends, want) in [
        ("the longest", &[10_000, LONGEST_FORM][..], true, Some(200)),
        ("the longest, with more to come", &[LONGEST_FORM], false, None),
        ("a byte more, at the end", &[LONGEST_FORM + 1], true, Some(400)),
        ("a byte more, with more to come", &[10_000, LONGEST_FORM + 1], false, Some(400)),
    ] {
        let endpoint = Endpoint::new();
        let stream = endpoint.post();
        for (nth, size) in (1..).zip(sizes) {
            assert_waits(&endpoint.host, &stream);
            let form = [FORM, b"&x=", &vec![b'y'; size - FORM.len() - 3]].concat();
            stream.body(&form, ends && nth == sizes.len());
        }
        assert_eq!(endpoint.status(&stream), want, "{name}");
    }
    let endpoint = Endpoint::new();
    let stream = endpoint.post();
    stream.body(FORM, false);
    stream.trailers(&[("x-checksum", "1")]);
    assert_eq!(endpoint.status(&stream), Some(200), "trailers come behind all of it");
}

#[test]
fn who_sends_no_form_keeps_nobody_out() {
    let endpoint = Endpoint::new();
    let mut waiting = endpoint.crowd(2);
    endpoint.host.advance(1);
    waiting.extend(endpoint.crowd(PLACES - 2));
    endpoint.root.tick();
    waiting.iter().for_each(|stream| assert_waits(&endpoint.host, stream));

    let next = endpoint.crowd(2);
    // In time after all: nobody has told it yet that it has lost its place.
    waiting[1].body(FORM, true);
    assert_eq!(endpoint.status(&waiting[1]), Some(200));
    endpoint.root.tick();
    assert_unavailable(&endpoint.host, &waiting[0], "the oldest");
    waiting[2..].iter().chain(&next).for_each(|stream| assert_waits(&endpoint.host, stream));
    next[0].body(FORM, true);
    assert_eq!(endpoint.status(&next[0]), Some(200));
}

#[test]
fn there_are_so_many_who_wait_for_forms_and_who_are_told_and_no_more() {
    let endpoint = Endpoint::new();
    let waiting = endpoint.crowd(PLACES + DISPLACED);
    waiting.iter().for_each(|stream| assert_waits(&endpoint.host, stream));
    assert_unavailable(&endpoint.host, &endpoint.post(), "one too many");
    let period = || endpoint.host.tick_of(&endpoint.root);
    assert_eq!(period(), SOON);
    let told = || waiting.iter().filter(|stream| endpoint.status(stream) == Some(503)).count();
    endpoint.root.tick();
    assert_eq!((told(), period()), (BATCH, SOON));
    (1..DISPLACED / BATCH).for_each(|_| endpoint.root.tick());
    assert_eq!((told(), period()), (DISPLACED, WATCH));
    waiting[DISPLACED..].iter().for_each(|stream| assert_waits(&endpoint.host, stream));
}

#[test]
fn who_leaves_has_no_place() {
    let endpoint = Endpoint::new();
    endpoint.crowd(PLACES + DISPLACED).iter().for_each(Stream::close);
    let waiting = endpoint.crowd(PLACES);
    endpoint.root.tick();
    waiting.iter().for_each(|stream| assert_waits(&endpoint.host, stream));
    endpoint.host.forget_effects();
    waiting.iter().for_each(Stream::close);
    endpoint.pass(10);
    assert_eq!(endpoint.host.acts(), [""; 0], "there is nobody to answer");
}

#[test]
fn where_the_host_refuses_what_a_form_takes_there_is_no_token() {
    for function in ["proxy_get_current_time_nanoseconds", "proxy_get_buffer_bytes"] {
        let endpoint = Endpoint::new();
        let stream = endpoint.post();
        endpoint.host.fail(function, INTERNAL_FAILURE);
        stream.body(FORM, true);
        assert_eq!(endpoint.status(&stream), Some(500), "{function}");
    }
    let endpoint = Endpoint::new();
    endpoint.host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
    assert_eq!(endpoint.status(&endpoint.post()), Some(500), "nobody would end the wait");
}
