//! Keys past their time, while no others can be had: nobody waits, and they are asked for all the same.

use super::bench::{
    CACHE, Issuer, WATCH, assert_let_on_as, assert_unavailable, assert_waits, beat, config, crowd, get, host, reply,
    the_call, with_keys,
};
use crate::host::{Action, Host, INTERNAL_FAILURE, Root};

/// Keys that are past their time, and a refresh that failed: the next attempt is a second away, or a little less.
fn start_with_stale_keys(host: &Host, issuer: &Issuer) -> Root {
    let root = with_keys(host, issuer);
    host.advance(CACHE);
    root.fail_call(the_call(host, &root));
    host.forget_effects();
    root
}

#[test]
fn while_a_refresh_may_not_be_tried_again_requests_go_on_and_none_is_made() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = start_with_stale_keys(&host, &issuer);
    for stream in crowd(&root, &issuer.bearer("alice"), 20) {
        assert_eq!(stream.action, Action::Continue);
        assert_let_on_as(&host, &stream, "alice");
    }
    assert_eq!(host.tick_of(&root), WATCH, "nothing is wanted");
    beat(&host, &root);
    assert_eq!(host.acts(), [""; 0]);
}

#[test]
fn a_refresh_of_stale_keys_is_made_behind_the_requests_that_go_on_with_them() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = start_with_stale_keys(&host, &issuer);
    let bearer = issuer.bearer("alice");
    let goes_on = |when: &str| {
        let stream = get(&root, &bearer);
        assert_eq!(stream.action, Action::Continue, "{when}");
        assert_let_on_as(&host, &stream, "alice");
    };
    // Each failure makes the pause longer. Chance takes away up to a quarter of it.
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        host.advance_millis(pause * 750 - 1);
        host.forget_effects();
        beat(&host, &root);
        assert_eq!(host.calls_under_way(), [0; 0], "{pause} s are not over");
        host.advance_millis(pause * 250 + 1);
        goes_on("a refresh is due");
        goes_on("it still is");
        assert_eq!(host.acts(), [""; 0], "no request makes a call itself");
        assert_eq!(host.tick_of(&root), WATCH, "nor is it in a hurry");
        let call = the_call(&host, &root);
        goes_on("it is under way");
        beat(&host, &root);
        root.fail_call(call);
        goes_on("it failed");
        beat(&host, &root);
        assert_eq!(host.acts(), ["call issuer GET /jwks"], "one call, and nobody waited");
    }

    // And when the issuer is back, its keys of now are used.
    let successor = Issuer::new();
    host.advance(60);
    goes_on("a refresh is due");
    successor.answer(&root, the_call(&host, &root));
    let stream = get(&root, &successor.bearer("bob"));
    assert_eq!(stream.action, Action::Continue);
    assert_let_on_as(&host, &stream, "bob");
    assert_eq!(reply(&host, &get(&root, &bearer)).status, 401);
}

#[test]
fn a_timer_that_cannot_be_set_costs_no_request_with_stale_keys_its_decision() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    for (bearer, status) in [(issuer.bearer("alice"), None), (stranger.bearer("alice"), Some(401))] {
        let host = host(&config());
        let root = start_with_stale_keys(&host, &issuer);
        host.advance(2);
        host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
        let stream = get(&root, &bearer);
        assert_eq!(host.reply_of(&stream).map(|reply| reply.status), status);
        beat(&host, &root);
        assert_eq!(host.calls_under_way().len(), 1, "the refresh is made all the same");
    }
}

#[test]
fn keys_are_used_for_a_day_past_their_time_and_not_longer() {
    const DAY: u64 = 24 * 3600;
    let issuer = Issuer::new();
    let host = host(&config());
    let root = with_keys(&host, &issuer);
    let bearer = issuer.bearer_later("alice", CACHE + DAY);
    host.advance(CACHE + DAY - 1);
    root.fail_call(the_call(&host, &root));
    let last = get(&root, &bearer);
    assert_let_on_as(&host, &last, "alice");
    host.advance(1);
    let waits = get(&root, &bearer);
    assert_waits(&host, &waits);
    root.fail_call(the_call(&host, &root));
    assert_unavailable(&host, &waits, "a day past their time");
}
