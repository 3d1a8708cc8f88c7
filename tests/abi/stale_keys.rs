//! Keys past their time, while no others can be had: nobody waits, and they are asked for all the same.

use super::bench::{
    CACHE, Issuer, assert_let_on_as, assert_waits, beat, config, crowd, get, host, reply, started, the_call,
};
use crate::host::{Action, Host, INTERNAL_FAILURE, Root};

/// Keys that are past their time, and a refresh that failed: the next attempt is two seconds away.
fn start_with_stale_keys(host: &Host, issuer: &Issuer) -> Root {
    let root = started(host);
    let bearer = issuer.bearer("alice");
    let _parked = get(&root, &bearer);
    issuer.answer(&root, the_call(host, &root));
    host.advance(CACHE);
    let first = get(&root, &bearer);
    assert_waits(host, &first);
    root.fail_call(the_call(host, &root));
    assert_let_on_as(host, &first, "alice");
    assert_eq!(host.tick_of(&root), 0);
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
    assert_eq!(host.tick_of(&root), 0);
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
    // Each failure makes the pause longer.
    for pause in [2, 4, 8] {
        host.advance(pause);
        host.forget_effects();
        goes_on("a refresh is due");
        goes_on("it still is");
        assert_eq!(host.acts(), [""; 0], "no request makes a call itself");
        assert_eq!(host.tick_of(&root), 1);
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
    host.advance(16);
    goes_on("a refresh is due");
    successor.answer(&root, the_call(&host, &root));
    let stream = get(&root, &successor.bearer("bob"));
    assert_eq!(stream.action, Action::Continue);
    assert_let_on_as(&host, &stream, "bob");
    assert_eq!(reply(&host, &get(&root, &bearer)).status, 401);
}

#[test]
fn a_refresh_that_cannot_be_scheduled_costs_no_request_its_decision() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    for (bearer, status) in [(issuer.bearer("alice"), None), (stranger.bearer("alice"), Some(401))] {
        let host = host(&config());
        let root = start_with_stale_keys(&host, &issuer);
        host.advance(2);
        host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
        let stream = get(&root, &bearer);
        assert_eq!(host.reply_of(&stream).map(|reply| reply.status), status);
    }
}
