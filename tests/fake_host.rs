//! The fake host, tried with a small guest of its own: what it says of the filter is worth as much as this.
//!
//! The guest parks every request that has a credential, asks for `/keys` from its tick, and lets on or
//! refuses by what the answer says: the same moves as the filter's, without its meaning.

#![cfg(test)]
#![allow(unsafe_code, reason = "the filter is reached by its exports")]
// The guest is written the short way, through SDK calls that the filter itself must not use.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should stop"
)]

#[path = "support/host.rs"]
mod host;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use host::{Action, BAD_ARGUMENT, CAS_MISMATCH, Effect, Host, INTERNAL_FAILURE, LogLevel, NOT_FOUND, OK, Who};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType, MapType};

type Parked = Rc<RefCell<Vec<u32>>>;

#[derive(Default)]
struct Guest {
    parked: Parked,
}

impl Context for Guest {
    fn on_http_call_response(&mut self, _: u32, headers: usize, _: usize, _: usize) {
        let status = (headers > 0).then(|| self.get_http_call_response_header(":status")).flatten();
        for stream in self.parked.take() {
            if hostcalls::set_effective_context(stream).is_err() {
                continue;
            }
            if status.as_deref() == Some("200") {
                hostcalls::add_map_value(MapType::HttpRequestHeaders, "x-user", "alice").unwrap();
                hostcalls::resume_http_request().unwrap();
            } else {
                hostcalls::send_http_response(503, vec![("retry-after", "5")], None).unwrap();
            }
        }
    }
}

impl RootContext for Guest {
    fn on_configure(&mut self, _: usize) -> bool {
        let config = self.get_plugin_configuration().unwrap_or_default();
        hostcalls::log(LogLevel::Info, "configured").unwrap();
        config != b"bad"
    }

    fn on_tick(&mut self) {
        self.set_tick_period(Duration::ZERO);
        let head = vec![(":method", "GET"), (":path", "/keys"), (":authority", "issuer")];
        if self.dispatch_http_call("issuer", head, None, vec![], Duration::from_secs(5)).is_err() {
            self.on_http_call_response(0, 0, 0, 0);
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { id, parked: Rc::clone(&self.parked) }))
    }
}

struct Request {
    id: u32,
    parked: Parked,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        SCRIPT.take().into_iter().for_each(|script| script());
        match self.get_http_request_header_bytes("authorization") {
            None => {
                self.send_http_response(401, vec![("www-authenticate", "Bearer")], Some(b"no"));
                Action::Pause
            }
            Some(value) if value == b"anonymous" => Action::Continue,
            Some(_) => {
                self.parked.borrow_mut().push(self.id);
                hostcalls::set_tick_period(Duration::from_millis(1)).unwrap();
                Action::Pause
            }
        }
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        SCRIPT.take().into_iter().for_each(|script| script());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        hostcalls::set_map_value(MapType::HttpResponseHeaders, "x-seen", Some("yes")).unwrap();
        Action::Continue
    }

    fn on_log(&mut self) {
        SCRIPT.take().into_iter().for_each(|script| script());
    }
}

thread_local! {
    /// What the guest does in its next stream callback, besides its own work.
    static SCRIPT: RefCell<Vec<fn()>> = const { RefCell::new(Vec::new()) };
}

fn initialize() {
    proxy_wasm::set_root_context(|_| Box::new(Guest::default()));
}

fn host() -> Host {
    Host::new(initialize).config("good").cluster("issuer").now(1_700_000_000)
}

// The imports whose refusals the SDK turns into a panic are called by hand.
unsafe extern "C" {
    fn proxy_replace_header_map_value(map: u32, n: *const u8, ns: usize, v: *const u8, vs: usize) -> u32;
    fn proxy_get_header_map_value(map: u32, n: *const u8, ns: usize, d: *mut *mut u8, s: *mut usize) -> u32;
    fn proxy_set_property(p: *const u8, ps: usize, v: *const u8, vs: usize) -> u32;
}

fn set(name: &str, value: &str) -> u32 {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    // SAFETY: pointers and lengths of two live slices.
    unsafe { proxy_replace_header_map_value(0, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

fn get(name: &str) -> (u32, Vec<u8>) {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: a live slice, and two places to write to; what is handed over is the SDK allocator's.
    unsafe {
        let status = proxy_get_header_map_value(0, name.as_ptr(), name.len(), &mut data, &mut size);
        (status, if data.is_null() { Vec::new() } else { Vec::from_raw_parts(data, size, size) })
    }
}

#[test]
fn one_call_serves_all_parked_requests_and_a_request_that_went_leaves_no_trace() {
    let host = host();
    let root = host.start();
    assert!(root.started && root.configured);

    let kept = root.request(&[("authorization", "a")]);
    let lost = root.request(&[("authorization", "b")]);
    let bare = root.request(&[(":path", "/")]);
    let open = root.request(&[("authorization", "anonymous")]);
    assert_eq!([kept.action, lost.action], [Action::Pause; 2]);
    lost.close();
    root.tick();
    assert_eq!(host.tick_of(&root), 0);

    let [call] = host.calls_under_way()[..] else { panic!("one call") };
    root.answer_call(call, &[(":status", b"200".as_slice()), ("x-odd", b"\xff")], b"{}");

    assert_eq!(host.acts(), ["reply stream 3 401", "call issuer GET /keys", "continue stream 1"]);
    assert_eq!(host.story_of(kept.who()), ["add stream 1 x-user=alice", "continue stream 1"]);
    assert_eq!(host.story_of(lost.who()), [""; 0]);
    assert_eq!(host.upstream_header(&kept, "x-user"), ["alice"]);
    assert_eq!(host.upstream_headers_of(&lost), None);
    assert_eq!(host.upstream_headers_of(&bare), None);
    assert!(host.upstream_headers_of(&open).is_some());
    assert_eq!(host.reply_of(&bare).unwrap().header("WWW-Authenticate").as_deref(), Some("Bearer"));
    assert_eq!(host.refusals().last(), Some(&("proxy_set_effective_context", BAD_ARGUMENT)));
    let by = host.effects().into_iter().find_map(|effect| match effect {
        Effect::HttpCall { callback, timeout, .. } => Some((callback, timeout)),
        _ => None,
    });
    assert_eq!(by, Some((Who::Root(1), 5000)));
}

#[test]
fn calls_that_fail_or_are_refused_are_told_to_the_guest() {
    struct Case {
        name: &'static str,
        change: fn(&Host),
        acts: &'static [&'static str],
    }
    let cases = [
        Case { name: "the call fails", change: |_| (), acts: &["call issuer GET /keys", "reply stream 1 503"] },
        Case {
            name: "there is no such cluster",
            change: |host| host.remove_cluster("issuer"),
            acts: &["reply stream 1 503"],
        },
        Case {
            name: "the cluster has no hosts",
            change: |host| host.set_cluster("issuer", false),
            acts: &["reply stream 1 503"],
        },
        Case {
            name: "the host is told to refuse",
            change: |host| host.fail("proxy_http_call", INTERNAL_FAILURE),
            acts: &["reply stream 1 503"],
        },
    ];
    for Case { name, change, acts } in cases {
        let host = host();
        change(&host);
        let root = host.start();
        let _stream = root.request(&[("authorization", "a")]);
        root.tick();
        host.calls_under_way().into_iter().for_each(|call| root.fail_call(call));
        assert_eq!(host.acts(), acts, "{name}");
        assert_eq!(host.refusals().is_empty(), acts.len() == 2, "{name}");
    }
}

#[test]
fn header_maps_open_and_close_as_in_envoy() {
    let host = host();
    let root = host.start();
    SCRIPT.set(vec![
        || assert_eq!(get("Authorization"), (OK, b"one,anonymous".to_vec())),
        || assert_eq!(get("x-none").0, NOT_FOUND),
        || assert_eq!(get("x-empty"), (OK, Vec::new())),
        || assert_eq!(get("x-raw"), (OK, b"\xff".to_vec())),
        || assert_eq!(set("host", "other"), OK),
        || assert_eq!(set("x-twice", "c"), OK),
        || assert_eq!(set("authorization", "anonymous"), OK),
    ]);
    let stream = root.upload(&[
        (":authority", b"here".as_slice()),
        ("x-twice", b"a"),
        ("x-raw", b"\xff"),
        ("x-twice", b"b"),
        ("x-empty", b""),
        ("authorization", b"one"),
        ("authorization", b"anonymous"),
    ]);
    assert_eq!(stream.action, Action::Continue);
    assert_eq!(host.upstream_header(&stream, ":authority"), ["other"]);
    assert_eq!(host.upstream_header(&stream, "x-twice"), ["c"]);

    SCRIPT.set(vec![
        || assert_eq!(set("x", "late"), BAD_ARGUMENT),
        || assert_eq!(get("x-raw").0, BAD_ARGUMENT),
        || assert_eq!(hostcalls::get_map_bytes(MapType::HttpRequestHeaders), Ok(vec![])),
        || assert_eq!(hostcalls::get_buffer(BufferType::HttpRequestBody, 1, 99), Ok(Some(b"ody".to_vec()))),
        || assert_eq!(hostcalls::get_property(vec!["request", "path"]), Ok(None)),
    ]);
    assert_eq!(stream.body(b"body", true), Action::Continue);
    SCRIPT
        .set(vec![|| assert_eq!(get("x-raw"), (OK, b"\xff".to_vec())), || assert_eq!(set("x", "later"), BAD_ARGUMENT)]);
    stream.close();
    assert!(SCRIPT.take().is_empty(), "every script ran");
}

#[test]
fn properties_clock_metrics_and_shared_data_answer_as_in_envoy() {
    let host = host().property(&["xds", "route_name"], "tap").property(&["empty"], "");
    let root = host.start();
    SCRIPT.set(vec![
        || assert_eq!(hostcalls::get_property(vec!["xds", "route_name"]), Ok(Some(b"tap".to_vec()))),
        || assert_eq!(hostcalls::get_property(vec!["xds", "none"]), Ok(None)),
        || assert_eq!(hostcalls::get_property(vec!["empty"]), Ok(None)),
        || assert_eq!(hostcalls::get_property(vec!["request", "path"]), Ok(Some(b"/p".to_vec()))),
        || hostcalls::set_property(vec!["postern"], Some(b"record")).unwrap(),
        || assert_eq!(hostcalls::get_property(vec!["postern"]), Ok(Some(b"record".to_vec()))),
        || {
            let now = hostcalls::get_current_time().unwrap();
            assert_eq!(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_700_000_000);
        },
        || {
            let id = hostcalls::define_metric(proxy_wasm::types::MetricType::Counter, "c").unwrap();
            hostcalls::increment_metric(id, 2).unwrap();
            assert_eq!(hostcalls::increment_metric(id, 0), Err(proxy_wasm::types::Status::BadArgument));
            assert_eq!(hostcalls::get_metric(id), Ok(2));
        },
        || {
            hostcalls::set_shared_data("k", Some(b"v"), Some(9)).unwrap();
            let (value, cas) = hostcalls::get_shared_data("k").unwrap();
            assert_eq!(value.as_deref(), Some(b"v".as_slice()));
            hostcalls::set_shared_data("k", None, cas).unwrap();
            assert!(hostcalls::set_shared_data("k", None, cas).is_err());
        },
    ]);
    let _stream = root.request(&[(":path", "/p"), ("authorization", "anonymous")]);
    assert_eq!(host.metric("c"), 2);
    assert!(host.refusals().contains(&("proxy_set_shared_data", CAS_MISMATCH)));
    assert!(host.told().contains("postern=record"));
    // SAFETY: pointers and lengths of two live slices. No callback runs, so there is no stream to act on.
    assert_eq!(unsafe { proxy_set_property(b"k".as_ptr(), 1, b"v".as_ptr(), 1) }, NOT_FOUND);
}

#[test]
fn roots_share_data_and_have_calls_of_their_own() {
    let host = host().shared("k", b"from outside");
    let (first, second) = (host.start(), host.start());
    SCRIPT.set(vec![|| {
        let (value, cas) = hostcalls::get_shared_data("k").unwrap();
        assert_eq!(value.as_deref(), Some(b"from outside".as_slice()));
        hostcalls::set_shared_data("k", Some(b"first"), cas).unwrap();
    }]);
    let _stream = first.request(&[("authorization", "a")]);
    host.share_first("k", b"quicker");
    SCRIPT.set(vec![|| {
        let (value, cas) = hostcalls::get_shared_data("k").unwrap();
        assert_eq!(value.as_deref(), Some(b"first".as_slice()));
        assert!(hostcalls::set_shared_data("k", Some(b"second"), cas).is_err());
        let (value, cas) = hostcalls::get_shared_data("k").unwrap();
        assert_eq!(value.as_deref(), Some(b"quicker".as_slice()));
        hostcalls::set_shared_data("k", Some(b"second"), cas).unwrap();
    }]);
    let _stream = second.request(&[("authorization", "b")]);
    assert_eq!(host.all_shared(), [("k".to_owned(), b"second".to_vec())]);

    first.tick();
    second.tick();
    let ([one], [other]) = (&host.calls_under_way_of(&first)[..], &host.calls_under_way_of(&second)[..]) else {
        panic!("a call each")
    };
    assert_eq!(host.calls_under_way(), [*one, *other]);
    first.close();
    assert_eq!(host.calls_under_way(), [*other]);
    second.answer_call(*other, &[(":status", "200")], b"{}");
    assert_eq!(host.acts().last().unwrap(), "continue stream 2");
}

#[test]
fn the_clock_goes_on_by_milliseconds_and_may_be_set_back() {
    thread_local! {
        static SEEN: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
    }
    let host = host();
    let root = host.start();
    let look = || {
        SCRIPT.set(vec![|| {
            let now = hostcalls::get_current_time().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
            SEEN.with_borrow_mut(|seen| seen.push(now.as_millis()));
        }]);
        let _stream = root.request(&[(":path", "/")]);
    };
    look();
    host.advance_millis(7);
    look();
    host.advance(2);
    look();
    host.set_back(3600);
    look();
    const START: u128 = 1_700_000_000_000;
    assert_eq!(SEEN.take(), [START, START + 7, START + 2007, START + 2007 - 3_600_000]);
}

#[test]
fn a_local_reply_passes_the_response_callback_and_a_bad_configuration_is_told() {
    let host = host();
    let root = host.start();
    let _stream = root.request(&[(":path", "/")]);
    assert_eq!(host.story_of(Who::Stream(1)), ["reply stream 1 401", "set stream 1 x-seen=yes"]);
    assert_eq!(host.logged(LogLevel::Info), ["configured"]);

    host.set_config("bad");
    let other = host.start();
    assert!(other.started && !other.configured);
    assert_eq!(other.who(), Who::Root(2));
    root.close();
}
