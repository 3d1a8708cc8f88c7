//! Tokens that were seen before: what a request with one costs, and what is told of them and when.

use serde_json::json;

use super::bench::{
    ISSUER, Issuer, SOON, WATCH, assert_let_on_as, beat, config, config_with_keys, crowd, get, headers, host, reply,
    started, the_call, with_keys,
};
use crate::host::{Effect, Host, INTERNAL_FAILURE, Root};

const HIT: &str = "postern_token_cache_total.outcome.hit";
const HIT_FORGED: &str = "postern_token_cache_total.outcome.hit_bad_signature";
const MISS: &str = "postern_token_cache_total.outcome.miss";
const ENTRIES: &str = "postern_token_cache_entries";
const BYTES: &str = "postern_token_cache_bytes";

/// Hits, forged tokens that were known to be, misses, entries.
fn counted(host: &Host) -> [u64; 4] {
    [HIT, HIT_FORGED, MISS, ENTRIES].map(|name| host.metric(name))
}

/// What was told of remembered tokens since this was asked last, in order.
fn told(host: &Host) -> Vec<(String, i64)> {
    let ours = |effect| match effect {
        Effect::Increment { metric, offset } if metric.starts_with("postern_token_cache") => Some((metric, offset)),
        _ => None,
    };
    let told = host.effects().into_iter().filter_map(ours).collect();
    host.forget_effects();
    told
}

/// By a key that is not the issuer's, under the name of one that is.
fn forged() -> String {
    Issuer::new().bearer("mallory")
}

/// The request's own fields, and nothing of anybody's making.
fn plain<'a>(path: &'a str, bearer: &'a str) -> Vec<(&'static str, &'a [u8])> {
    let mut fields = headers(path, Some(bearer.as_bytes()));
    fields.retain(|(name, _)| !name.starts_with("x"));
    fields
}

/// Every call costs about as much as the whole decision: one more has to have a reason.
#[test]
fn a_request_with_a_remembered_token_costs_these_host_calls_and_no_more() {
    let issuer = Issuer::new();
    let (good, bad) = (issuer.bearer("alice"), forged());
    const READ: [&str; 3] = [
        // The whole request at once: a field read by its name is a call each, and shows the first of several only.
        "proxy_get_header_map_pairs",
        // What the route asks, which must not be missed. Without rules on its name that is not read.
        "proxy_get_property",
        // Whether the token is still good.
        "proxy_get_current_time_nanoseconds",
    ];
    const TOLD: [&str; 2] = [
        // One more request, in one counter for all its labels.
        "proxy_increment_metric",
        // The record for the access log.
        "proxy_set_property",
    ];
    let served = [
        &READ[..],
        &[
            // The credential goes, since the service has no use for it.
            "proxy_remove_header_map_value",
            // The user is told. Whatever the client sent under that name is gone, so nothing has to be looked for.
            "proxy_add_header_map_value",
        ],
        &TOLD,
    ];
    let refused = [
        &READ[..],
        &[
            // The credential goes from where it was looked for.
            "proxy_remove_header_map_value",
            // And from wherever else it may stand, for the access log prints such fields.
            "proxy_remove_header_map_value",
        ],
        &TOLD,
        // The answer.
        &["proxy_send_local_response"],
    ];
    for keys in ["inline", "fetched"] {
        let mut config = if keys == "inline" { config_with_keys(&issuer) } else { config() };
        config["rules"] = json!([{"name": "tap", "match": {"path": "/api/tap"}}]);
        let host = host(&config);
        let root = if keys == "inline" { started(&host) } else { with_keys(&host, &issuer) };
        for (name, bearer, calls) in [("let on", &good, &served[..]), ("refused", &bad, &refused[..])] {
            root.request(&plain("/api/tap", bearer));
            beat(&host, &root);
            for round in 0..3 {
                host.forget_effects();
                root.request(&plain("/api/tap", bearer));
                let mut made = host.calls_in_order();
                if round == 0 {
                    // The first one has the tick set, where there is none.
                    made.retain(|call| *call != "proxy_set_tick_period_milliseconds");
                }
                assert_eq!(made, calls.concat(), "{name}, keys {keys}, round {round}");
            }
        }
    }
}

#[test]
fn a_field_of_ours_that_a_client_sent_costs_one_call_more() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    let calls = |fields: &[(&str, &[u8])]| {
        root.request(fields);
        host.forget_effects();
        root.request(fields);
        host.calls_in_order().len()
    };
    let plain = plain("/api/tap", &bearer);
    let mut more = plain.clone();
    more.extend([("x-auth-request-user", &b"mallory"[..]), ("x_auth_request_uid", b"0")]);
    assert_eq!(calls(&more), calls(&plain) + 2);
}

#[test]
fn the_name_of_a_route_is_read_where_a_rule_asks_for_it() {
    let issuer = Issuer::new();
    for (name, rules, reads) in [
        ("no rule does", json!([{"name": "tap", "match": {"path": "/api/tap"}}]), 1),
        (
            "one does, and another one is chosen",
            json!([{"name": "image", "match": {"route": "image"}}, {"name": "tap", "match": {"path": "/api/tap"}}]),
            2,
        ),
        ("one does besides a path", json!([{"name": "tap", "match": {"path": "/api/tap", "route": "tap"}}]), 2),
    ] {
        let mut config = config_with_keys(&issuer);
        config["rules"] = rules;
        let host = host(&config).property(&["xds", "route_name"], "tap");
        let root = started(&host);
        assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
        assert_eq!(host.calls_of("proxy_get_property"), reads, "{name}");
    }
}

#[test]
fn what_is_told_of_remembered_tokens_is_told_on_the_tick() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = with_keys(&host, &issuer);
    let (alice, bob, mallory) = (issuer.bearer("alice"), issuer.bearer("bob"), forged());
    for (name, bearers, want) in [
        ("nobody", vec![], [0, 0, 0, 0]),
        ("one", vec![&alice], [0, 0, 1, 1]),
        ("the same again", vec![&alice; 5], [5, 0, 0, 0]),
        ("others", vec![&bob, &mallory], [0, 0, 2, 2]),
        ("all of them", vec![&mallory, &alice, &bob, &mallory], [2, 2, 0, 0]),
        ("nobody again", vec![], [0, 0, 0, 0]),
    ] {
        let before = counted(&host);
        host.forget_effects();
        for bearer in bearers {
            get(&root, bearer);
        }
        assert_eq!(told(&host), [], "{name}: no request tells");
        assert_eq!(host.tick_of(&root), WATCH, "{name}");
        root.tick();
        let told = told(&host);
        let after = counted(&host);
        let more: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(more, want, "{name}");
        // Each once, and nothing of what has not changed.
        let changed = want.iter().filter(|more| **more > 0).count() + usize::from(want[3] > 0);
        assert_eq!(told.len(), changed, "{name}: {told:?}");
    }
    assert_eq!(host.metric(ENTRIES), 3);
    let bytes = host.metric(BYTES);
    assert!((1000..100_000).contains(&bytes), "{bytes}");
}

#[test]
fn with_keys_at_hand_the_tick_comes_when_there_is_something_to_tell_and_goes_again() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    assert_eq!(host.tick_of(&root), 0, "there is nothing to look after");
    let bearer = issuer.bearer("alice");
    for round in 0..3 {
        for anonymous in [None, Some(&b"Basic YTpi"[..])] {
            root.request(&headers("/public", anonymous));
        }
        assert_eq!(host.tick_of(&root), 0, "{round}: nobody's token was looked for");
        let ticks = host.calls_of("proxy_set_tick_period_milliseconds");
        crowd(&root, &bearer, 10);
        assert_eq!(host.tick_of(&root), WATCH, "{round}");
        assert_eq!(host.calls_of("proxy_set_tick_period_milliseconds"), ticks + 1, "{round}: asked for once");
        root.tick();
        assert_eq!(host.tick_of(&root), 0, "{round}: all is told");
        assert_eq!(counted(&host), [9 + 10 * round, 0, 1, 1], "{round}");
    }
}

#[test]
fn a_timer_that_cannot_be_set_costs_no_request_and_what_is_to_be_told_is_told_later() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
    let bearer = issuer.bearer("alice");
    for stream in crowd(&root, &bearer, 3) {
        assert_let_on_as(&host, &stream, "alice");
    }
    host.mend("proxy_set_tick_period_milliseconds");
    assert_let_on_as(&host, &get(&root, &bearer), "alice");
    root.tick();
    assert_eq!(counted(&host), [3, 0, 1, 1]);
}

#[test]
fn metrics_that_are_refused_cost_no_request() {
    for function in ["proxy_define_metric", "proxy_increment_metric"] {
        let issuer = Issuer::new();
        let host = host(&config_with_keys(&issuer));
        let root = started(&host);
        host.fail(function, INTERNAL_FAILURE);
        let bearer = issuer.bearer("alice");
        for _ in 0..3 {
            assert_let_on_as(&host, &get(&root, &bearer), "alice");
            beat(&host, &root);
        }
        assert_eq!(host.tick_of(&root), 0, "{function}");
        host.mend(function);
        get(&root, &bearer);
        root.tick();
        assert_eq!(host.metric(HIT), 1, "{function}");
    }
}

#[test]
fn workers_add_up_and_each_takes_away_its_own_when_it_goes() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    let roots: [Root; 3] = std::array::from_fn(|_| started(&host));
    let users = ["alice", "bob", "carol"].map(|user| issuer.bearer(user));
    let mut bytes = [0; 3];
    // The first sees one of them, the second two, the third three.
    for (number, root) in roots.iter().enumerate() {
        let before = host.metric(BYTES);
        for _ in 0..2 {
            for bearer in &users[..=number] {
                get(root, bearer);
            }
        }
        root.tick();
        bytes[number] = host.metric(BYTES) - before;
    }
    assert_eq!(counted(&host), [6, 0, 6, 6]);
    assert!(bytes[0] > 0 && bytes[1] > bytes[0] && bytes[2] > bytes[1], "{bytes:?}");
    let [first, second, third] = roots;
    second.close();
    assert_eq!((host.metric(ENTRIES), host.metric(BYTES)), (4, bytes[0] + bytes[2]));
    first.close();
    assert_eq!((host.metric(ENTRIES), host.metric(BYTES)), (3, bytes[2]));
    // What was never told is not taken away.
    let late = started(&host);
    get(&late, &users[0]);
    late.close();
    assert_eq!((host.metric(ENTRIES), host.metric(BYTES)), (3, bytes[2]));
    third.close();
    assert_eq!((host.metric(ENTRIES), host.metric(BYTES)), (0, 0));
}

#[test]
fn what_was_not_told_yet_is_told_when_the_plugin_goes_also_without_a_clock() {
    let issuer = Issuer::new();
    let host = host(&config_with_keys(&issuer));
    for clock in ["works", "fails"] {
        let before = counted(&host);
        let root = started(&host);
        let bearer = issuer.bearer("alice");
        crowd(&root, &bearer, 3);
        root.tick();
        crowd(&root, &bearer, 4);
        get(&root, &forged());
        if clock == "fails" {
            host.fail("proxy_get_current_time_nanoseconds", INTERNAL_FAILURE);
        }
        root.close();
        let after = counted(&host);
        let more: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(more, [6, 0, 2, 0], "the clock {clock}");
        assert_eq!(host.metric(BYTES), 0, "the clock {clock}");
    }
}

#[test]
fn a_new_configuration_knows_nothing_of_what_the_old_one_saw() {
    let issuer = Issuer::new();
    let mut config = config_with_keys(&issuer);
    let host = host(&config);
    let old = started(&host);
    let bearer = issuer.bearer("alice");
    crowd(&old, &bearer, 2);
    config["rules"] = json!([{"name": "tap", "match": {"path": "/api/tap"}, "require": {"users": ["bob"]}}]);
    host.set_config(config.to_string());
    let new = started(&host);
    assert_eq!(reply(&host, &get(&new, &bearer)).status, 403);
    assert_let_on_as(&host, &get(&old, &bearer), "alice");
    old.tick();
    new.tick();
    assert_eq!(counted(&host), [2, 0, 2, 2]);
    old.close();
    assert_eq!(host.metric(ENTRIES), 1);
    assert_eq!(reply(&host, &get(&new, &bearer)).status, 403);
}

#[test]
fn the_bounds_are_those_of_the_configuration() {
    let issuer = Issuer::new();
    for (cache, entries) in [
        (json!({"max_entries": 2}), 2),
        (json!({"max_entries": 0}), 0),
        (json!({"max_bytes": 0}), 0),
        (json!({"max_entries": 1_000_000, "max_bytes": 6000}), 3),
        (json!({}), 20),
    ] {
        let mut config = config_with_keys(&issuer);
        config["token_cache"] = cache.clone();
        let host = host(&config);
        let root = started(&host);
        for user in 0..20 {
            get(&root, &issuer.bearer(&format!("user-{user:02}")));
        }
        root.tick();
        assert_eq!(host.metric(ENTRIES), entries, "{cache}");
        assert!(host.metric(BYTES) <= cache["max_bytes"].as_u64().unwrap_or(u64::MAX), "{cache}");
    }
}

#[test]
fn what_is_counted_has_no_part_of_a_token_in_its_name() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    crowd(&root, &issuer.bearer("alice"), 3);
    assert_eq!(host.tick_of(&root), SOON);
    issuer.answer(&root, the_call(&host, &root));
    assert_eq!(host.tick_of(&root), WATCH);
    root.tick();
    let defined = host.effects().into_iter().filter_map(|effect| match effect {
        Effect::DefineMetric { name } => Some(name),
        _ => None,
    });
    let mut ours: Vec<String> = defined.filter(|name| name.starts_with("postern_token")).collect();
    ours.sort();
    assert_eq!(ours, [BYTES, ENTRIES, MISS]);
    assert!(!ours.iter().any(|name| name.contains(ISSUER)));
    assert_eq!(counted(&host), [0, 0, 3, 1], "who waits is counted once, by what was known when he came");
}
