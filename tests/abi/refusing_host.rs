//! A host that refuses what is asked of it: nobody is let on by that.

use super::bench::{
    Issuer, WATCH, assert_let_on_as, assert_tells_no_token, assert_unavailable, assert_waits, beat, config,
    config_with_keys, get, headers, host, pass, reply, started, the_call,
};
use crate::host::{
    Action, BAD_ARGUMENT, BROKEN_CONNECTION, INTERNAL_FAILURE, INVALID_MEMORY_ACCESS, LogLevel, NOT_FOUND,
    PARSE_FAILURE, Root, SERIALIZATION_FAILURE, UNIMPLEMENTED,
};

const CLOCK: &str = "proxy_get_current_time_nanoseconds";
const TIMER: &str = "proxy_set_tick_period_milliseconds";

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
    assert!(tried > 6, "the filter edits headers by one of {EDITS:?}");
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
fn a_refusal_stands_though_the_credentials_cannot_be_taken_out() {
    struct Case {
        name: &'static str,
        path: &'static str,
        authorization: Option<String>,
        parked: bool,
        status: u32,
    }
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let case = |name, path, authorization: Option<String>, status| Case {
        name,
        path,
        authorization,
        parked: name == "parked",
        status,
    };
    let cases = || {
        [
            case("no credential", "/api/tap?access_token=t", None, 401),
            case("no token", "/api/tap?access_token=t", Some("Bearer t".to_owned()), 401),
            case("a forged token", "/api/tap?access_token=t", Some(stranger.bearer("alice")), 401),
            case("parked", "/api/tap?access_token=t", Some(stranger.bearer("alice")), 401),
            case("no rule", "/elsewhere?access_token=t", Some(issuer.bearer("alice")), 403),
        ]
    };
    for function in ["proxy_remove_header_map_value", "proxy_replace_header_map_value"] {
        for Case { name, path, authorization, parked, status } in cases() {
            let host = host(&if parked { config() } else { config_with_keys(&issuer) });
            let root = started(&host);
            let headers = headers(path, authorization.as_ref().map(String::as_bytes));
            let stream = if parked {
                let stream = root.request(&headers);
                let call = the_call(&host, &root);
                host.fail(function, INTERNAL_FAILURE);
                host.forget_effects();
                issuer.answer(&root, call);
                stream
            } else {
                host.fail(function, INTERNAL_FAILURE);
                root.request(&headers)
            };
            assert!(host.refusals().contains(&(function, INTERNAL_FAILURE)), "{name} {function}: an edit was tried");
            assert_eq!(stream.action, Action::Pause, "{name} {function}");
            assert_eq!(host.acts(), [format!("reply stream 1 {status}")], "{name} {function}");
            assert_eq!(host.upstream_headers_of(&stream), None, "{name} {function}");
        }
    }
}

#[test]
fn a_request_that_would_wait_where_no_timer_can_be_set_is_answered_500_without_its_credentials() {
    let issuer = Issuer::new();
    let bearer = issuer.bearer("alice");
    for from_the_start in [true, false] {
        let name = format!("from the start: {from_the_start}");
        let host = host(&config());
        if from_the_start {
            host.fail(TIMER, INTERNAL_FAILURE);
        }
        let root = started(&host);
        beat(&host, &root);
        host.fail(TIMER, INTERNAL_FAILURE);
        let refused = root.request(&headers("/api/tap?access_token=secret&x=1", Some(bearer.as_bytes())));
        assert_eq!(refused.action, Action::Pause, "{name}");
        assert_eq!(reply(&host, &refused).status, 500, "{name}");
        let left = host.headers_of(&refused);
        assert!(!left.iter().any(|(name, _)| name == b"authorization"), "{name}: {left:?}");
        let path = left.iter().find(|(name, _)| name == b":path").map(|(_, value)| value.as_slice());
        assert_eq!(path, Some(b"/api/tap?x=1".as_slice()), "{name}");
        assert_tells_no_token(&host, &[&bearer]);

        // It does not wait: the keys that come for another mean nothing to it.
        host.mend(TIMER);
        let before = host.story_of(refused.who());
        let parked = get(&root, &bearer);
        issuer.answer(&root, the_call(&host, &root));
        beat(&host, &root);
        assert_let_on_as(&host, &parked, "alice");
        assert_eq!(host.acts().last().unwrap(), "continue stream 2", "{name}");
        assert_eq!(host.story_of(refused.who()), before, "{name}");
        assert_eq!(host.tick_of(&root), WATCH, "{name}");
    }
}

#[test]
fn a_clock_that_cannot_be_read_lets_nobody_on() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    host.fail(CLOCK, INTERNAL_FAILURE);
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

#[test]
fn metrics_that_are_refused_cost_no_keys_and_no_request() {
    let issuer = Issuer::new();
    for function in ["proxy_define_metric", "proxy_increment_metric", "proxy_record_metric"] {
        for status in [BAD_ARGUMENT, NOT_FOUND, INTERNAL_FAILURE, UNIMPLEMENTED] {
            let name = format!("{function} {status}");
            let host = host(&config());
            host.fail(function, status);
            let root = started(&host);
            let waits = get(&root, &issuer.bearer("alice"));
            root.fail_call(the_call(&host, &root));
            assert_unavailable(&host, &waits, &name);
            host.advance(1);
            let waits = get(&root, &issuer.bearer("alice"));
            issuer.answer(&root, the_call(&host, &root));
            assert_let_on_as(&host, &waits, "alice");
            root.tick();
            assert!(host.refusals().contains(&(function, status)), "{name}");
            assert_eq!(host.tick_of(&root), WATCH, "{name}");
            assert_eq!(host.logged(LogLevel::Error), [""; 0], "{name}: nothing is wrong with the requests");
        }
    }
}

#[test]
fn a_timer_that_could_not_be_set_at_the_start_is_set_by_the_first_request_that_needs_it() {
    let issuer = Issuer::new();
    for status in [BAD_ARGUMENT, INTERNAL_FAILURE, UNIMPLEMENTED] {
        let host = host(&config());
        host.fail(TIMER, status);
        let root = started(&host);
        assert!(!host.logged(LogLevel::Error).is_empty(), "{status}: the operator is told");
        host.mend(TIMER);
        assert_eq!(host.tick_of(&root), 0, "{status}");
        let public = root.request(&headers("/public", None));
        assert_eq!(public.action, Action::Continue, "{status}");
        let waits = get(&root, &issuer.bearer("alice"));
        issuer.answer(&root, the_call(&host, &root));
        assert_let_on_as(&host, &waits, "alice");
        assert_eq!(host.tick_of(&root), WATCH, "{status}: and it goes on from there");
    }
}

#[test]
fn a_clock_that_fails_for_a_while_delays_and_ends_nothing() {
    struct Case {
        name: &'static str,
        /// While the clock cannot be read.
        meanwhile: fn(&Root, u32, &Issuer),
        /// Whether the call of before is still good.
        answered: bool,
    }
    let cases = [
        Case { name: "the timer beats", meanwhile: |root, _, _| root.tick(), answered: false },
        Case { name: "the keys come", meanwhile: |root, call, issuer| issuer.answer(root, call), answered: true },
        Case { name: "the call fails", meanwhile: |root, call, _| root.fail_call(call), answered: true },
    ];
    let issuer = Issuer::new();
    for Case { name, meanwhile, answered } in cases {
        let host = host(&config());
        let root = started(&host);
        let waits = get(&root, &issuer.bearer("alice"));
        let call = the_call(&host, &root);
        host.fail(CLOCK, INTERNAL_FAILURE);
        meanwhile(&root, call, &issuer);
        host.mend(CLOCK);
        beat(&host, &root);
        assert_waits(&host, &waits);
        if answered {
            // It is lost, and is given up on like any other.
            pass(&host, &[&root], 7020);
            assert_unavailable(&host, &waits, name);
            pass(&host, &[&root], 2000);
        }
        issuer.answer(&root, the_call(&host, &root));
        assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
    }
}

#[test]
fn a_worker_that_goes_away_where_nothing_works_goes_quietly() {
    for function in [CLOCK, "proxy_get_shared_data", "proxy_set_shared_data"] {
        let host = host(&config());
        let root = started(&host);
        root.tick();
        host.fail(function, INTERNAL_FAILURE);
        root.close();
        assert_eq!(host.acts(), ["call issuer GET /jwks"], "{function}");
        host.mend(function);
        // What it could not give back is free after its time.
        let other = started(&host);
        pass(&host, &[&other], 10_000);
        assert_eq!(host.calls_under_way().len(), 1, "{function}");
    }
}

#[test]
fn a_request_that_cannot_wait_is_answered_once() {
    let issuer = Issuer::new();
    let host = host(&config());
    host.fail(TIMER, INTERNAL_FAILURE);
    let root = started(&host);
    let refused = get(&root, &issuer.bearer("alice"));
    assert_eq!(host.acts(), ["reply stream 1 500"]);
    assert_eq!(reply(&host, &refused).details, b"postern_internal:the timer cannot be set");
}

#[test]
fn a_parked_request_refused_for_its_trailers_is_decided_once() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let stream = root.upload(&headers("/api/tap", Some(issuer.bearer("alice").as_bytes())));
    let call = the_call(&host, &root);
    host.fail("proxy_get_header_map_pairs", INTERNAL_FAILURE);
    assert_eq!(stream.trailers(&[("x", "y")]), Action::Pause);
    host.mend("proxy_get_header_map_pairs");
    issuer.answer(&root, call);
    assert_eq!(host.acts(), ["call issuer GET /jwks", "reply stream 1 500"]);
}
