//! Many requests at once: how many wait, how few are decided in one callback, how seldom the timer is set.

use serde_json::json;

use super::bench::{
    AUDIENCE, Issuer, SOON, WAITING, WATCH, assert_let_on_as, assert_unavailable, assert_waits, config, crowd, get,
    host, reply, started, the_call,
};
use crate::host::{Effect, Host, INTERNAL_FAILURE, Root, Stream};

/// Most requests that wait for one issuer, and most that are decided in one callback.
const MAX_PARKED: usize = 1000;
const BATCH: usize = 16;

/// The periods the timer was set to.
fn timers(host: &Host) -> Vec<u32> {
    let period = |effect| match effect {
        Effect::SetTick { milliseconds, .. } => Some(milliseconds),
        _ => None,
    };
    host.effects().into_iter().filter_map(period).collect()
}

#[test]
fn the_places_of_those_who_left_are_free_again() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    crowd(&root, &bearer, MAX_PARKED).iter().for_each(Stream::close);

    let next = get(&root, &bearer);
    assert_waits(&host, &next);
    issuer.answer(&root, the_call(&host, &root));
    assert_let_on_as(&host, &next, "alice");
    assert_eq!(host.acts(), ["call issuer GET /jwks", "continue stream 1001"]);
}

#[test]
fn a_thousand_wait_for_an_issuer_and_the_next_is_told_to_come_back_while_another_issuers_users_wait() {
    const OTHER: &str = "https://other.example.org";
    let (issuer, other) = (Issuer::new(), Issuer::named(OTHER));
    let mut config = config();
    let mut second = config["issuers"][0].clone();
    second["issuer"] = json!(OTHER);
    second["audiences"] = json!([AUDIENCE]);
    second["jwks"]["uri"] = json!("https://other.example.org/jwks");
    config["issuers"].as_array_mut().unwrap().push(second);
    let host = host(&config);
    let root = started(&host);
    let bearer = issuer.bearer("alice");

    let parked = crowd(&root, &bearer, MAX_PARKED);
    parked.iter().for_each(|stream| assert_waits(&host, stream));
    let refused = get(&root, &bearer);
    assert_unavailable(&host, &refused, "one too many");
    assert_eq!(reply(&host, &refused).details, b"postern_overloaded");
    assert!(!host.headers_of(&refused).iter().any(|(name, _)| name == b"authorization"));

    assert_waits(&host, &get(&root, &other.bearer("bob")));
    assert_unavailable(&host, &get(&root, &bearer), "still one too many");
    parked[0].close();
    assert_waits(&host, &get(&root, &bearer));
    assert_unavailable(&host, &get(&root, &bearer), "the free place is taken");
}

#[test]
fn a_crowd_is_decided_in_batches_of_sixteen_and_the_timer_beats_until_all_are() {
    const CROWD: usize = 100;
    struct Case {
        name: &'static str,
        begin: fn(&Host, &Root),
        /// The callback that ends the wait.
        end: fn(&Host, &Root, &Issuer),
        act: fn(usize) -> String,
    }
    let calls = |host: &Host, root: &Root| _ = the_call(host, root);
    let let_on = |stream| format!("continue stream {stream}");
    let refused = |stream| format!("reply stream {stream} 503");
    let cases = [
        Case {
            name: "the keys come",
            begin: calls,
            end: |host, root, issuer| issuer.answer(root, host.calls_under_way()[0]),
            act: let_on,
        },
        Case {
            name: "the call fails",
            begin: calls,
            end: |host, root, _| root.fail_call(host.calls_under_way()[0]),
            act: refused,
        },
        Case {
            name: "the answer never comes",
            begin: |host, root| {
                the_call(host, root);
                host.advance(60);
            },
            end: |_, root, _| root.tick(),
            act: refused,
        },
        Case {
            name: "no call can be made",
            begin: |host, _| host.remove_cluster("issuer"),
            end: |_, root, _| root.tick(),
            act: refused,
        },
    ];
    let issuer = Issuer::new();
    let bearer = issuer.bearer("alice");
    for Case { name, begin, end, act } in cases {
        // The timer cannot be set in one of the callbacks, and goes on as it did.
        for failing in [None, Some(0), Some(1), Some(3)] {
            let host = host(&config());
            let root = started(&host);
            let crowd = crowd(&root, &bearer, CROWD);
            begin(&host, &root);
            for (batch, first) in (1..=CROWD).step_by(BATCH).enumerate() {
                let name = format!("{name}, batch {batch}, the timer fails in {failing:?}");
                host.forget_effects();
                if failing == Some(batch) {
                    host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
                }
                if batch == 0 {
                    end(&host, &root, &issuer)
                } else {
                    root.tick()
                }
                host.mend("proxy_set_tick_period_milliseconds");

                let last = CROWD.min(first + BATCH - 1);
                assert_eq!(host.acts(), (first..=last).map(act).collect::<Vec<_>>(), "{name}");
                let period = host.tick_of(&root);
                match failing {
                    Some(failing) if failing == batch => assert!(period <= WAITING, "{name}: {period} ms"),
                    Some(_) | None => assert_eq!(period, if last < CROWD { SOON } else { WATCH }, "{name}"),
                }
            }
            for stream in &crowd {
                let decided = host.reply_of(stream).is_some() || host.upstream_headers_of(stream).is_some();
                assert!(decided, "{name}: {}", stream.who());
            }
        }
    }
}

#[test]
fn the_timer_is_set_once_however_many_requests_come_before_it_beats() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let set_meanwhile = |act: &dyn Fn()| {
        host.forget_effects();
        act();
        timers(&host)
    };
    // Twice, for what is remembered of the first time must not hold the second one up.
    for round in 0..2 {
        let beats_already = round == 0;
        let set = if beats_already { vec![] } else { vec![SOON] };
        assert_eq!(set_meanwhile(&|| _ = crowd(&root, &bearer, 20)), set, "round {round}: nothing is under way");
        assert_eq!(set_meanwhile(&|| root.tick()), [WAITING], "round {round}: a call is, and is looked after");
        assert_eq!(set_meanwhile(&|| _ = crowd(&root, &bearer, 20)), [SOON], "round {round}: a call is under way");
        assert_eq!(set_meanwhile(&|| root.tick()), [WAITING], "round {round}: it still is");
        let [call] = host.calls_under_way()[..] else { panic!("one call") };
        assert_eq!(set_meanwhile(&|| root.fail_call(call)), [SOON], "round {round}: not all are told at once");
        assert_eq!(set_meanwhile(&|| root.tick()), [0; 0], "round {round}: some still wait for their turn");
        assert_eq!(set_meanwhile(&|| root.tick()), [WATCH], "round {round}: nobody waits");
        assert_eq!(set_meanwhile(&|| root.tick()), [0; 0], "round {round}: nothing changes");
        host.advance(60);
    }
}

#[test]
fn who_comes_to_his_turn_after_the_pause_of_a_failure_is_answered_and_does_not_wait_again() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let crowd = crowd(&root, &issuer.bearer("alice"), BATCH + 2);
    root.fail_call(the_call(&host, &root));
    assert_unavailable(&host, &crowd[BATCH - 1], "the last of the first batch");
    host.advance(2);
    // Somebody new, who has a fetch begun.
    assert_waits(&host, &get(&root, &issuer.bearer("bob")));
    root.tick();
    for stream in &crowd[BATCH..] {
        assert_unavailable(&host, stream, "one of the rest");
    }
}
