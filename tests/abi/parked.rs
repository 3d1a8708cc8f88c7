//! Those who wait for keys.

use super::bench::{
    Issuer, assert_let_on_as, assert_tells_no_token, assert_unavailable, beat, config, config_with_keys, get, headers,
    host, reply, started, the_call,
};
use crate::host::{Action, Effect, Stream};

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
