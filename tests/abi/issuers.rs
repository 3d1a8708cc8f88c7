//! Issuers that fail, hang or send what is no key set.

use super::bench::{
    Issuer, OK, assert_let_on_as, assert_tells_no_token, assert_unavailable, assert_waits, beat, config, get, host,
    reply, started, the_call,
};
use crate::host::{Host, INTERNAL_FAILURE, LogLevel, Root, UNIMPLEMENTED};

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
    let cases = [
        answered("the call fails", |root, call, _| root.fail_call(call)),
        answered("the call fails, and a former answer can still be read", |root, call, keys| {
            root.fail_call_over(call, &[OK], keys);
        }),
        answered("the issuer fails", |root, call, keys| root.answer_call(call, &[(":status", "500")], keys)),
        answered("the issuer points elsewhere", |root, call, keys| {
            root.answer_call(call, &[(":status", "302"), ("location", "https://evil.example.org")], keys);
        }),
        answered("a status with a byte that is no text", |root, call, keys| {
            root.answer_call(call, &[(":status", b"2\xff00")], keys);
        }),
        answered("a status with such a byte behind it", |root, call, keys| {
            root.answer_call(call, &[(":status", b"200\xff")], keys);
        }),
        answered("a status that is a word", |root, call, keys| root.answer_call(call, &[(":status", "OK")], keys)),
        answered("a status with a word behind it", |root, call, keys| {
            root.answer_call(call, &[(":status", "200 OK")], keys);
        }),
        answered("a status too large for one", |root, call, keys| {
            root.answer_call(call, &[(":status", "65736")], keys);
        }),
        answered("an empty status", |root, call, keys| root.answer_call(call, &[(":status", "")], keys)),
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
fn an_answer_is_copied_up_to_256_kib_and_no_further() {
    const LIMIT: usize = 256 << 10;
    let issuer = Issuer::new();
    for size in [LIMIT - 1, LIMIT, LIMIT + 1, 30 << 20] {
        let host = host(&config());
        let root = started(&host);
        let stream = get(&root, &issuer.bearer("alice"));
        let call = the_call(&host, &root);
        // Good keys, and after them space that means nothing.
        let mut body = issuer.keys().to_string().into_bytes();
        body.resize(size, b' ');
        let before = host.calls_of("proxy_get_buffer_bytes");
        root.answer_call(call, &[OK], &body);

        let copies = host.calls_of("proxy_get_buffer_bytes") - before;
        if size <= LIMIT {
            assert_eq!(copies, 1, "{size} bytes");
            assert_let_on_as(&host, &stream, "alice");
        } else {
            assert_eq!(copies, 0, "{size} bytes");
            assert_unavailable(&host, &stream, &format!("{size} bytes"));
        }
    }
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

#[test]
fn an_answer_that_was_given_up_on_changes_nothing_when_it_comes_after_all() {
    type End = fn(&Root, u32, &Issuer);
    let ends: [(&str, End); 3] = [
        ("it failed", |root, call, _| root.fail_call(call)),
        ("the issuer failed", |root, call, _| root.answer_call(call, &[(":status", "500")], b"")),
        ("it has other keys", |root, call, stranger| stranger.answer(root, call)),
    ];
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let bearer = issuer.bearer("alice");
    for (name, end) in ends {
        let host = host(&config());
        let root = started(&host);
        let first = get(&root, &bearer);
        let late = the_call(&host, &root);
        host.advance(8);
        beat(&host, &root);
        assert_unavailable(&host, &first, name);

        host.advance(2);
        let second = get(&root, &bearer);
        beat(&host, &root);
        let [_, call] = host.calls_under_way()[..] else { panic!("{name}: a second call is under way") };
        host.forget_effects();
        end(&root, late, &stranger);
        beat(&host, &root);
        assert_waits(&host, &second);
        assert_eq!(host.acts(), [""; 0], "{name}");
        assert_eq!(host.calls_under_way(), [call], "{name}: nor is a third call made");

        issuer.answer(&root, call);
        assert_let_on_as(&host, &second, "alice");
        assert_let_on_as(&host, &get(&root, &bearer), "alice");
    }
}

#[test]
fn an_answer_that_comes_after_newer_keys_does_not_replace_them() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let _refused = get(&root, &bearer);
    let late = the_call(&host, &root);
    host.advance(10);
    beat(&host, &root);
    host.advance(2);
    let _parked = get(&root, &bearer);
    beat(&host, &root);
    let [_, call] = host.calls_under_way()[..] else { panic!("a second call is under way") };
    issuer.answer(&root, call);

    stranger.answer(&root, late);
    assert_let_on_as(&host, &get(&root, &bearer), "alice");
    assert_eq!(reply(&host, &get(&root, &stranger.bearer("alice"))).status, 401);
}
