//! The filter as Envoy meets it: callbacks in, host calls out, through the real SDK.
//!
//! What is decided is tested elsewhere, without a host. Here it is how a decision is carried out: on which stream, in
//! which order, and what happens when the host refuses, the issuer fails or the client goes away. Tests look at effects
//! only, not at how the filter reads.

#![cfg(test)]
#![allow(unsafe_code, reason = "the filter is reached by its exports")]
// A test that can't go on should stop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should stop"
)]

#[path = "support/host.rs"]
mod host;

use jwt_simple::prelude::{Claims, Duration, Ed25519KeyPair, EdDSAKeyPairLike};
// The filter is reached by its exports alone; this links them.
use host::{
    Action, BAD_ARGUMENT, BROKEN_CONNECTION, Effect, Host, INTERNAL_FAILURE, INVALID_MEMORY_ACCESS, LogLevel,
    NOT_FOUND, PARSE_FAILURE, Reply, Root, SERIALIZATION_FAILURE, Stream, UNIMPLEMENTED,
};
use postern as _;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Value, json};

/// The filter's entry point, as `proxy_wasm::main!` names it.
fn initialize() {
    unsafe extern "C" {
        safe fn _initialize();
    }
    _initialize();
}

const NOW: u64 = 1_760_000_000;
const ISSUER: &str = "https://issuer.example.org";
const AUDIENCE: &str = "https://lsp.example.org";

// ---------------------------------------------------------------------------------------------------------
// An issuer, a configuration, requests. Later these are `support::mint`'s.

struct Issuer(Ed25519KeyPair);

impl Issuer {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().with_key_id("key-1"))
    }

    /// What goes into `Authorization` for a user, for an hour around [`NOW`].
    fn bearer(&self, user: &str) -> String {
        let mut claims = Claims::create(Duration::from_hours(1)).with_issuer(ISSUER).with_audience(AUDIENCE);
        claims = claims.with_subject(user).with_jwt_id("id-1");
        claims.issued_at = Some(Duration::from_secs(NOW - 60));
        claims.invalid_before = None;
        claims.expires_at = Some(Duration::from_secs(NOW + 3600));
        format!("Bearer {}", self.0.sign(claims).unwrap())
    }

    fn keys(&self) -> Value {
        use base64::Engine;
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0.public_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "key-1", "x": x}]})
    }

    fn answer(&self, root: &Root, call: u32) {
        root.answer_call(call, &[(":status", "200")], self.keys().to_string().as_bytes());
    }
}

fn config() -> Value {
    json!({
        "realm": "lsp.example.org",
        "issuers": [{
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": ["EdDSA"],
            "jwks": {"uri": "https://issuer.example.org/jwks", "cluster": "issuer", "timeout": "5s"},
            "claims": {"user": "sub"},
        }],
        "rules": [
            {"name": "tap", "match": {"path": "/api/tap"}},
            {"name": "public", "match": {"path": "/public"}, "access": "anonymous"},
            {"name": "by-route", "match": {"route": "image"}, "access": "anonymous"},
            {"name": "by-name", "access": "anonymous"},
        ],
    })
}

/// The same with the keys in the configuration, so that nothing is ever parked.
fn config_with_keys(issuer: &Issuer) -> Value {
    let mut config = config();
    config["issuers"][0]["jwks"] = json!({"inline": issuer.keys()});
    config
}

fn host(config: &Value) -> Host {
    Host::new(initialize).config(config.to_string()).cluster("issuer").now(NOW)
}

fn started(host: &Host) -> Root {
    let root = host.start();
    assert!(root.started && root.configured, "{:?}", host.logged(LogLevel::Error));
    root
}

/// A request to a path, with forged identity headers that must never reach an upstream.
fn headers<'a>(path: &'a str, authorization: Option<&'a [u8]>) -> Vec<(&'static str, &'a [u8])> {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":method", b"GET"),
        (":path", path.as_bytes()),
        (":authority", b"lsp.example.org"),
        (":scheme", b"https"),
        ("x-auth-request-user", b"mallory"),
        ("x_auth_request_user", b"mallory"),
    ];
    headers.extend(authorization.map(|value| ("authorization", value)));
    headers
}

fn get(root: &Root, authorization: &str) -> Stream {
    root.request(&headers("/api/tap", Some(authorization.as_bytes())))
}

/// One beat of the timer, if one is set.
fn beat(host: &Host, root: &Root) {
    if host.tick_of(root) > 0 {
        root.tick();
    }
}

/// Lets the filter make its call, and make sure of it: however often the timer beats, it is one.
fn the_call(host: &Host, root: &Root) -> u32 {
    for _ in 0..3 {
        beat(host, root);
    }
    let [call] = host.calls_under_way()[..] else { panic!("one call is under way: {:?}", host.acts()) };
    call
}

fn reply(host: &Host, stream: &Stream) -> Reply {
    assert_eq!(host.upstream_headers_of(stream), None, "{} was let on", stream.who());
    host.reply_of(stream).unwrap_or_else(|| panic!("{} has no reply: {:?}", stream.who(), host.acts()))
}

fn assert_unavailable(host: &Host, stream: &Stream, name: &str) {
    let reply = reply(host, stream);
    assert_eq!(reply.status, 503, "{name}");
    let seconds = reply.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{name}: retry-after in seconds");
    assert_eq!(reply.header("www-authenticate"), None, "{name}: an outage is no reason to log in again");
}

fn assert_let_on_as(host: &Host, stream: &Stream, user: &str) {
    assert_eq!(host.reply_of(stream), None);
    assert_eq!(host.upstream_header(stream, "x-auth-request-user"), [user]);
    assert_eq!(host.upstream_header(stream, "x_auth_request_user"), [""; 0]);
    assert_eq!(host.upstream_header(stream, "authorization"), [""; 0]);
}

fn assert_tells_no_token(host: &Host, bearers: &[&str]) {
    let told = host.told();
    for bearer in bearers {
        let token = bearer.trim_start_matches("Bearer ");
        let signature = token.rsplit('.').next().unwrap();
        for part in [token, signature] {
            assert!(!told.contains(part), "a token was told:\n{told}");
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// Parking

#[test]
fn one_call_from_the_root_serves_all_who_wait_and_those_who_left_leave_no_trace() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let root = started(&host);
    let (good, forged) = (issuer.bearer("alice"), stranger.bearer("alice"));

    let first = get(&root, &good);
    let second = get(&root, &forged);
    let left = get(&root, &good);
    let unreadable = root.request(&headers("/api/tap", Some(b"Bearer \xff\xfe")));
    for stream in [&first, &second, &left, &unreadable] {
        assert_eq!(stream.action, Action::Pause, "{}", stream.who());
    }
    let before = host.story_of(left.who());
    left.close();
    let call = the_call(&host, &root);
    issuer.answer(&root, call);

    assert_eq!(host.acts(), ["reply stream 4 400", "call issuer GET /jwks", "continue stream 1", "reply stream 2 401"]);
    assert_eq!(host.story_of(left.who()), before);
    assert_eq!(host.upstream_headers_of(&left), None);

    assert_let_on_as(&host, &first, "alice");
    assert_eq!(host.story_of(first.who()).last().unwrap(), "continue stream 1", "edits come before the resume");
    let challenge = reply(&host, &second).header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer ") && challenge.contains(r#"error="invalid_token""#), "{challenge}");

    let calls = host.effects().into_iter().filter_map(|effect| match effect {
        Effect::HttpCall { callback, timeout, body, .. } => Some((callback, timeout, body)),
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    assert_eq!(calls, [(root.who(), 5000, vec![])], "a stream's call would be lost with the stream");
    assert_tells_no_token(&host, &[&good, &forged]);
}

#[test]
fn with_the_keys_at_hand_requests_are_decided_in_their_own_callback() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let _parked = get(&root, &bearer);
    issuer.answer(&root, the_call(&host, &root));
    host.forget_effects();

    let alice = get(&root, &bearer);
    let bob = get(&root, &issuer.bearer("bob"));
    let again = get(&root, &bearer);
    assert_eq!([alice.action, bob.action, again.action], [Action::Continue; 3]);
    assert_let_on_as(&host, &alice, "alice");
    assert_let_on_as(&host, &bob, "bob");
    assert_let_on_as(&host, &again, "alice");
    beat(&host, &root);
    assert_eq!(host.acts(), [""; 0]);
    assert_tells_no_token(&host, &[&bearer]);
}

#[test]
fn body_and_trailers_wait_with_a_parked_request_and_go_on_after_it() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let stream = root.upload(&headers("/api/tap", Some(bearer.as_bytes())));

    // Where Pause stops the headers alone, a Continue from here would let them go undecided.
    assert_eq!(stream.body(b"first", false), Action::Pause);
    assert_eq!(stream.trailers(&[("x-checksum", "1")]), Action::Pause);
    let call = the_call(&host, &root);
    assert_eq!(stream.body(b"second", false), Action::Pause);
    assert_eq!(host.upstream_headers_of(&stream), None);

    issuer.answer(&root, call);
    assert_let_on_as(&host, &stream, "alice");
    assert_eq!(stream.body(b"third", true), Action::Continue);
    assert_eq!(stream.trailers(&[("x-checksum", "1")]), Action::Continue);
}

#[test]
fn body_and_trailers_of_a_refused_request_do_not_let_it_on() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    let stream = root.upload(&headers("/api/tap", None));
    assert_eq!(stream.action, Action::Pause);
    assert_eq!(stream.body(b"body", true), Action::Pause);
    assert_eq!(stream.trailers(&[("x", "1")]), Action::Pause);
    assert_eq!(reply(&host, &stream).status, 401);
    assert_eq!(host.acts(), ["reply stream 1 401"]);
}

#[test]
fn an_answer_that_comes_after_everyone_left_still_brings_the_keys() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let streams = [get(&root, &bearer), get(&root, &bearer)];
    let call = the_call(&host, &root);
    streams.iter().for_each(Stream::close);
    host.forget_effects();

    issuer.answer(&root, call);
    beat(&host, &root);
    assert_eq!(host.acts(), [""; 0]);
    assert_eq!(get(&root, &bearer).action, Action::Continue);
    assert_eq!(host.acts(), [""; 0], "no second call");
}

#[test]
fn an_answer_that_never_comes_leaves_nobody_waiting() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let stream = get(&root, &issuer.bearer("alice"));
    let call = the_call(&host, &root);
    host.advance(60);
    beat(&host, &root);
    assert_unavailable(&host, &stream, "no answer");

    // And should it come after all, it finds nobody.
    issuer.answer(&root, call);
    assert_eq!(host.acts(), ["call issuer GET /jwks", "reply stream 1 503"]);
}

#[test]
fn a_new_configuration_leaves_those_who_wait_with_the_old_one() {
    let issuer = Issuer::new();
    let host = host(&config());
    let old = started(&host);
    let bearer = issuer.bearer("alice");
    let parked = get(&old, &bearer);
    let call = the_call(&host, &old);

    host.set_config(config_with_keys(&issuer).to_string());
    let new = started(&host);
    let fresh = get(&new, &bearer);
    assert_eq!(fresh.action, Action::Continue);
    assert_eq!(host.upstream_headers_of(&parked), None, "the new one's keys are not the old one's");

    issuer.answer(&old, call);
    assert_let_on_as(&host, &parked, "alice");
    parked.close();
    old.close();
    assert_eq!(get(&new, &bearer).action, Action::Continue);
}

// ---------------------------------------------------------------------------------------------------------
// Keys that can't be had

#[test]
fn every_way_to_get_no_keys_is_503_for_all_who_wait() {
    type End = fn(&Root, u32, &[u8]);
    struct Case {
        name: &'static str,
        /// What goes wrong once the requests are parked.
        before: fn(&Host),
        /// What becomes of the call, where one goes out; good keys are at hand, to show they are not taken.
        end: Option<End>,
    }
    fn answered(name: &'static str, end: End) -> Case {
        Case { name, before: |_| (), end: Some(end) }
    }
    const OK: (&str, &str) = (":status", "200");
    let cases = [
        answered("the call fails", |root, call, _| root.fail_call(call)),
        answered("the issuer fails", |root, call, keys| root.answer_call(call, &[(":status", "500")], keys)),
        answered("the issuer points elsewhere", |root, call, keys| {
            root.answer_call(call, &[(":status", "302"), ("location", "https://evil.example.org")], keys);
        }),
        answered("the status is no number", |root, call, keys| {
            root.answer_call(call, &[(":status", b"2\xff0")], keys);
        }),
        answered("no status", |root, call, keys| root.answer_call(call, &[("x", "y")], keys)),
        answered("an empty body", |root, call, _| root.answer_call(call, &[OK], b"")),
        answered("a page", |root, call, _| root.answer_call(call, &[OK], b"<html>")),
        answered("bytes", |root, call, _| root.answer_call(call, &[OK], b"\xff\x00")),
        answered("no keys", |root, call, _| root.answer_call(call, &[OK], br#"{"keys": []}"#)),
        Case { name: "no such cluster", before: |host| host.remove_cluster("issuer"), end: None },
        Case { name: "a cluster without hosts", before: |host| host.set_cluster("issuer", false), end: None },
        Case {
            name: "the body can't be read",
            before: |host| host.fail("proxy_get_buffer_bytes", INTERNAL_FAILURE),
            end: Some(|root, call, keys| root.answer_call(call, &[OK], keys)),
        },
        Case {
            name: "the answer's headers can't be read",
            before: |host| {
                host.fail("proxy_get_header_map_value", UNIMPLEMENTED);
                host.fail("proxy_get_header_map_pairs", UNIMPLEMENTED);
            },
            end: Some(|root, call, keys| root.answer_call(call, &[OK], keys)),
        },
    ];
    let issuer = Issuer::new();
    for Case { name, before, end } in cases {
        let host = host(&config());
        let root = started(&host);
        let bearer = issuer.bearer("alice");
        let streams = [get(&root, &bearer), get(&root, &bearer)];
        before(&host);
        match end {
            Some(end) => end(&root, the_call(&host, &root), issuer.keys().to_string().as_bytes()),
            None => beat(&host, &root),
        }
        for stream in &streams {
            assert_unavailable(&host, stream, name);
        }
        let told = [host.logged(LogLevel::Warn), host.logged(LogLevel::Error)].concat();
        assert!(!told.is_empty(), "{name}: the operator is told");
        assert_tells_no_token(&host, &[&bearer]);
    }
}

#[test]
fn an_answer_of_thirty_megabytes_is_not_copied() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let stream = get(&root, &issuer.bearer("alice"));
    let call = the_call(&host, &root);
    let copies = host.calls_of("proxy_get_buffer_bytes");
    root.answer_call(call, &[(":status", "200")], &vec![b' '; 30 << 20]);
    assert_eq!(host.calls_of("proxy_get_buffer_bytes"), copies);
    assert_unavailable(&host, &stream, "thirty megabytes");
}

#[test]
fn bytes_in_the_answers_headers_do_no_harm() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let stream = get(&root, &issuer.bearer("alice"));
    let head = [(":status", b"200".as_slice()), ("content-type", b"\xff\xfe"), ("x-odd", b"\x80")];
    root.answer_call(the_call(&host, &root), &head, issuer.keys().to_string().as_bytes());
    assert_let_on_as(&host, &stream, "alice");
}

// ---------------------------------------------------------------------------------------------------------
// A host that refuses

#[test]
fn a_request_that_cannot_be_read_is_answered_500() {
    let issuer = Issuer::new();
    let bearer = issuer.bearer("alice");
    for status in [
        NOT_FOUND,
        BAD_ARGUMENT,
        SERIALIZATION_FAILURE,
        PARSE_FAILURE,
        INVALID_MEMORY_ACCESS,
        BROKEN_CONNECTION,
        INTERNAL_FAILURE,
        UNIMPLEMENTED,
    ] {
        for path in ["/api/tap", "/public"] {
            let host = host(&config_with_keys(&issuer));
            let root = started(&host);
            host.fail("proxy_get_header_map_pairs", status);
            host.fail("proxy_get_header_map_value", status);
            let stream = root.request(&headers(path, Some(bearer.as_bytes())));
            assert_eq!(stream.action, Action::Pause, "{status} {path}");
            assert_eq!(reply(&host, &stream).status, 500, "{status} {path}");
        }
    }
}

#[test]
fn a_request_with_no_headers_at_all_is_not_let_on() {
    // What Envoy answers for a map that is gone: success, and nothing in it.
    let host = host(&config());
    let root = started(&host);
    let stream = root.request::<&str>(&[]);
    assert_eq!(stream.action, Action::Pause);
    assert!(reply(&host, &stream).status >= 400);
}

#[test]
fn a_route_that_cannot_be_read_is_answered_500() {
    let issuer = Issuer::new();
    for status in [BAD_ARGUMENT, SERIALIZATION_FAILURE, INTERNAL_FAILURE, UNIMPLEMENTED] {
        for path in ["/api/tap", "/public"] {
            let host = host(&config_with_keys(&issuer));
            let root = started(&host);
            host.fail("proxy_get_property", status);
            let stream = root.request(&headers(path, Some(issuer.bearer("alice").as_bytes())));
            assert_eq!(stream.action, Action::Pause, "{status} {path}");
            assert_eq!(reply(&host, &stream).status, 500, "{status} {path}");
        }
    }
}

#[test]
fn a_request_whose_headers_cannot_be_edited_is_answered_500() {
    const EDITS: [&str; 4] = [
        "proxy_remove_header_map_value",
        "proxy_replace_header_map_value",
        "proxy_add_header_map_value",
        "proxy_set_header_map_pairs",
    ];
    let issuer = Issuer::new();
    let bearer = issuer.bearer("alice");
    let mut tried = 0;
    for function in EDITS {
        for status in [BAD_ARGUMENT, INTERNAL_FAILURE, UNIMPLEMENTED] {
            for parked in [false, true] {
                let name = format!("{function} {status} parked={parked}");
                let config = if parked { config() } else { config_with_keys(&issuer) };
                let host = host(&config);
                let root = started(&host);
                let mut before = 0;
                let stream = if parked {
                    let stream = get(&root, &bearer);
                    let call = the_call(&host, &root);
                    before = host.calls_of(function);
                    host.fail(function, status);
                    issuer.answer(&root, call);
                    stream
                } else {
                    host.fail(function, status);
                    get(&root, &bearer)
                };
                if host.calls_of(function) == before {
                    // The filter edits in another way; nothing was refused to it.
                    continue;
                }
                tried += 1;
                assert_eq!(reply(&host, &stream).status, 500, "{name}");
                assert!(!host.acts().iter().any(|act| act.starts_with("continue")), "{name}");
                assert_eq!(stream.action, Action::Pause, "{name}");
            }
        }
    }
    assert!(tried > 0, "the filter edits headers by one of {EDITS:?}");
}

#[test]
fn a_request_that_cannot_even_be_answered_is_still_not_let_on() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    host.fail("proxy_send_local_response", INTERNAL_FAILURE);
    let refused = root.upload(&headers("/api/tap", None));
    assert_eq!(refused.action, Action::Pause);
    assert_eq!(refused.body(b"body", true), Action::Pause);
    host.fail("proxy_get_header_map_pairs", INTERNAL_FAILURE);
    let unread = get(&root, &issuer.bearer("alice"));
    assert_eq!(unread.action, Action::Pause);
    for stream in [refused, unread] {
        assert_eq!(host.upstream_headers_of(&stream), None);
    }
}

#[test]
fn a_request_is_not_parked_where_no_timer_can_be_set() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
    let stream = get(&root, &issuer.bearer("alice"));
    let waits_for_something = !host.calls_under_way().is_empty() || host.tick_of(&root) > 0;
    let answered = host.reply_of(&stream).is_some_and(|reply| reply.status >= 500);
    assert!(waits_for_something || answered, "nothing will ever end this wait");
    assert_eq!(host.upstream_headers_of(&stream), None);
}

#[test]
fn a_clock_that_cannot_be_read_lets_nobody_on() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    host.fail("proxy_get_current_time_nanoseconds", INTERNAL_FAILURE);
    let stream = get(&root, &issuer.bearer("alice"));
    assert_eq!(stream.action, Action::Pause);
    assert_eq!(reply(&host, &stream).status, 500);
}

#[test]
fn telemetry_that_fails_decides_nothing() {
    let issuer = Issuer::new();
    for function in ["proxy_define_metric", "proxy_increment_metric", "proxy_record_metric", "proxy_set_property"] {
        let host = host(&config_with_keys(&issuer));
        host.fail(function, INTERNAL_FAILURE);
        let root = started(&host);
        let on = get(&root, &issuer.bearer("alice"));
        assert_eq!(on.action, Action::Continue, "{function}");
        assert_let_on_as(&host, &on, "alice");
        let refused = root.request(&headers("/api/tap", None));
        assert_eq!(reply(&host, &refused).status, 401, "{function}");
    }
}

// ---------------------------------------------------------------------------------------------------------
// Rules by route

/// A map as Envoy hands it over: the number of fields, the sizes of each, then names and values, a NUL after each.
fn map(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = number(fields.len()).to_vec();
    for (name, value) in fields {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in fields {
        bytes.extend([name.as_bytes(), &[0], value, &[0]].concat());
    }
    bytes
}

#[test]
fn the_route_of_the_mesh_picks_the_rule_before_the_path_does() {
    const METADATA: &[&str] = &["xds", "route_metadata", "filter_metadata", "postern"];
    const ROUTE: &[&str] = &["xds", "route_name"];
    type Fields = &'static [(&'static str, &'static [u8])];
    enum Says {
        Nothing,
        Metadata(Fields),
        NoMap(&'static [u8]),
        Route(&'static [u8]),
    }
    use Says::{Metadata, NoMap, Nothing, Route};
    struct Case {
        name: &'static str,
        says: Says,
        path: &'static str,
        /// `None`: let on.
        status: Option<u32>,
    }
    let case = |name, says, path, status| Case { name, says, path, status };
    let cases = [
        case("nothing said, no rule", Nothing, "/elsewhere", Some(403)),
        case("nothing said, a rule that asks for a token", Nothing, "/api/tap", Some(401)),
        case("nothing said, an anonymous rule", Nothing, "/public", None),
        case("a rule by name", Metadata(&[("rule", b"by-name")]), "/elsewhere", None),
        case("a stricter rule by name", Metadata(&[("rule", b"tap")]), "/public", Some(401)),
        case("an unknown rule", Metadata(&[("rule", b"nobody")]), "/public", Some(403)),
        case("a rule that is not text", Metadata(&[("rule", b"\xff")]), "/public", Some(403)),
        case("a rule that is empty", Metadata(&[("rule", b"")]), "/public", Some(403)),
        case("metadata that is empty", Metadata(&[]), "/public", Some(403)),
        case("metadata with a field misspelt", Metadata(&[("rules", b"by-name")]), "/public", Some(403)),
        case("metadata that is no map", NoMap(b"by-name"), "/public", Some(403)),
        case("capabilities", Metadata(&[("capabilities", b"read:tap")]), "/elsewhere", Some(401)),
        case("capabilities that are empty", Metadata(&[("capabilities", b"")]), "/elsewhere", Some(403)),
        case("a route name", Route(b"image"), "/elsewhere", None),
        case("another route name", Route(b"other"), "/elsewhere", Some(403)),
        case("a route name that is not text", Route(b"\xff"), "/elsewhere", Some(403)),
    ];
    for Case { name, says, path, status } in cases {
        let host = host(&config());
        let root = started(&host);
        match says {
            Nothing => {}
            Metadata(fields) => host.set_property(METADATA, map(fields)),
            NoMap(bytes) => host.set_property(METADATA, bytes),
            Route(route) => host.set_property(ROUTE, route),
        }
        let stream = root.request(&headers(path, None));
        let got = host.reply_of(&stream).map(|reply| reply.status);
        assert_eq!(got, status, "{name}");
        assert_eq!(host.upstream_headers_of(&stream).is_some(), status.is_none(), "{name}");
        assert_eq!(stream.action == Action::Continue, status.is_none(), "{name}");
    }
}

#[test]
fn forged_identity_headers_are_removed_where_nobody_is_asked_for_a_token_too() {
    let host = host(&config());
    let root = started(&host);
    let stream = root.request(&headers("/public", None));
    assert_eq!(stream.action, Action::Continue);
    for name in ["x-auth-request-user", "x_auth_request_user"] {
        assert_eq!(host.upstream_header(&stream, name), [""; 0], "{name}");
    }
}

// ---------------------------------------------------------------------------------------------------------
// Configuration

#[test]
fn a_bad_configuration_is_refused_with_each_error_on_its_own_line() {
    struct Case {
        name: &'static str,
        config: Vec<u8>,
        /// Each is in a line of its own.
        wants: &'static [&'static str],
    }
    fn changed(name: &'static str, change: fn(&mut Value), wants: &'static [&'static str]) -> Case {
        let mut config = config();
        change(&mut config);
        Case { name, config: config.to_string().into_bytes(), wants }
    }
    fn raw(name: &'static str, config: &[u8]) -> Case {
        Case { name, config: config.to_vec(), wants: &[] }
    }
    let cases = [
        raw("nothing", b""),
        raw("not JSON", b"realm: lsp.example.org"),
        raw("not text", b"\xff\xfe\x00"),
        raw("half of it", br#"{"realm": "lsp"#),
        raw("a list", b"[]"),
        raw("an empty object", b"{}"),
        raw("a field twice", br#"{"realm": "a", "realm": "b", "issuers": [], "rules": []}"#),
        changed("a field that is none", |config| config["relm"] = json!("x"), &["relm"]),
        changed("no issuer", |config| config["issuers"] = json!([]), &["issuers"]),
        changed(
            "two mistakes",
            |config| {
                config["issuers"][0]["jwks"]["cache"] = json!("1s");
                config["rules"][0] = json!({"match": {"path": "/api/tap"}});
            },
            &["issuers[0].jwks.cache", "rules[0]"],
        ),
    ];
    for Case { name, config, wants } in cases {
        let host = Host::new(initialize).config(config).cluster("issuer").now(NOW);
        let root = host.start();
        assert!(!(root.started && root.configured), "{name}");
        let errors = host.logged(LogLevel::Error);
        assert!(errors.len() >= wants.len().max(1), "{name}: {errors:?}");
        assert!(errors.iter().all(|line| !line.contains('\n')), "{name}: {errors:?}");
        for want in wants {
            let lines = errors.iter().filter(|line| line.contains(want)).count();
            assert_eq!(lines, 1, "{name}: {want} in {errors:?}");
        }
        assert_eq!(host.acts(), [""; 0], "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    for status in [NOT_FOUND, BAD_ARGUMENT, INTERNAL_FAILURE, UNIMPLEMENTED] {
        let host = host(&config());
        host.fail("proxy_get_buffer_bytes", status);
        let root = host.start();
        assert!(!(root.started && root.configured), "{status}");
        assert!(!host.logged(LogLevel::Error).is_empty(), "{status}");
    }
}

#[test]
fn a_configuration_written_as_yaml_arrives_as_a_struct_and_means_the_same() {
    fn kind(value: Value) -> Kind {
        match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(value),
            Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
            Value::String(value) => Kind::StringValue(value),
            Value::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(wrap).collect() }),
            Value::Object(_) => Kind::StructValue(message(value)),
        }
    }
    fn wrap(value: Value) -> prost_types::Value {
        prost_types::Value { kind: Some(kind(value)) }
    }
    fn message(value: Value) -> Struct {
        let Value::Object(fields) = value else { panic!("a Struct is an object") };
        Struct { fields: fields.into_iter().map(|(name, value)| (name, wrap(value))).collect() }
    }

    let issuer = Issuer::new();
    let bytes = message(config_with_keys(&issuer)).encode_to_vec();
    let host = Host::new(initialize).config(bytes).now(NOW);
    let root = started(&host);
    let stream = get(&root, &issuer.bearer("alice"));
    assert_eq!(stream.action, Action::Continue);
    assert_let_on_as(&host, &stream, "alice");
}
