//! Keys are there before they are asked for: from the first beat on, and again before their time is over.

use serde_json::{Value, json};

use super::bench::{
    ISSUER, Issuer, OK, SOON, WAITING, WATCH, assert_let_on_as, assert_unavailable, assert_waits, beat, config,
    config_with_keys, get, host, pass, reply, seconds_to_the_call, sent, started, the_call, with_keys,
};
use crate::host::{Action, Host, Root};

/// Beats until a call is made: how many milliseconds that took.
fn millis_to_the_call(host: &Host, root: &Root) -> u64 {
    for tens in 0..1000 {
        if !host.calls_under_way().is_empty() {
            return tens * 10;
        }
        pass(host, &[root], 10);
    }
    panic!("no call is made");
}

fn config_with_discovery() -> Value {
    let mut config = config();
    config["issuers"][0]["jwks"] = json!({"cluster": "issuer", "timeout": "5s"});
    config
}

#[test]
fn a_configuration_that_is_only_tried_fetches_nothing_and_takes_nothing_from_the_others() {
    let issuer = Issuer::new();
    let host = host(&config());
    let tried = started(&host);
    assert_eq!(host.story_of(tried.who()), [format!("tick root {SOON}")]);
    assert_eq!(host.calls_of("proxy_http_call"), 0);
    assert_eq!(host.all_shared(), []);
    tried.close();
    assert_eq!(host.all_shared(), []);

    let root = started(&host);
    beat(&host, &root);
    let [call] = host.calls_under_way()[..] else { panic!("the first beat makes the call") };
    issuer.answer(&root, call);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
}

#[test]
fn the_first_beat_makes_one_call_for_each_issuer_whose_keys_are_elsewhere() {
    const OTHER: &str = "https://other.example.org";
    const INLINE: &str = "https://inline.example.org";
    let (issuer, other, inline) = (Issuer::new(), Issuer::named(OTHER), Issuer::named(INLINE));
    let mut config = config();
    let issuers = config["issuers"].as_array_mut().unwrap();
    for (name, jwks) in [
        (OTHER, json!({"uri": "https://other.example.org/keys", "cluster": "other"})),
        (INLINE, json!({"inline": inline.keys()})),
    ] {
        let mut another = issuers[0].clone();
        another["issuer"] = json!(name);
        another["jwks"] = jwks;
        issuers.push(another);
    }
    let host = host(&config).cluster("other");
    let root = started(&host);
    assert_let_on_as(&host, &get(&root, &inline.bearer("carol")), "carol");
    assert_eq!(host.calls_under_way(), [0; 0]);
    root.tick();
    assert_eq!(host.tick_of(&root), WATCH);
    pass(&host, &[&root], 4000);
    assert_eq!(host.acts(), ["call issuer GET /jwks", "call other GET /keys"]);

    let [first, second] = host.calls_under_way()[..] else { panic!("two calls") };
    other.answer(&root, second);
    issuer.answer(&root, first);
    for (of, user) in [(&issuer, "alice"), (&other, "bob"), (&inline, "carol")] {
        let stream = get(&root, &of.bearer(user));
        assert_eq!(stream.action, Action::Continue, "nobody waits");
        assert_let_on_as(&host, &stream, user);
    }
}

#[test]
fn with_all_keys_in_the_configuration_there_is_nothing_to_look_after() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let host = host(&config_with_keys(&issuer));
    let root = started(&host);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
    assert_eq!(reply(&host, &get(&root, &stranger.bearer("alice"))).status, 401);
    assert_eq!(
        reply(&host, &get(&root, &Issuer::new().renamed("key-2").bearer("alice"))).status,
        401,
        "an unknown key id"
    );
    // Once, to tell what was remembered of the tokens, and then no more.
    root.tick();
    assert_eq!((host.tick_of(&root), host.calls_of("proxy_set_tick_period_milliseconds")), (0, 2));
    assert_eq!((host.acts().len(), host.all_shared()), (2, vec![]));
}

#[test]
fn keys_are_fetched_anew_in_the_last_fifth_of_their_lifetime_though_nobody_asks() {
    struct Case {
        name: &'static str,
        headers: &'static [(&'static str, &'static [u8])],
        lifetime: u64,
    }
    let case = |name, headers, lifetime| Case { name, headers, lifetime };
    let cases = [
        case("the issuer says nothing", &[], 600),
        case("the issuer says how long", &[("cache-control", b"public, max-age=1000")], 1000),
        case("a cache on the way had it for some time", &[("cache-control", b"max-age=1000"), ("age", b"200")], 800),
        case("the issuer wants it short", &[("cache-control", b"no-store")], 300),
        case("the issuer wants it long", &[("cache-control", b"max-age=86400")], 3600),
        case("cache-control that is not text", &[("cache-control", b"max-age=1000\xff")], 600),
        case("age that is not text", &[("cache-control", b"max-age=1000"), ("age", b"\xff\xfe")], 1000),
        case("both empty", &[("cache-control", b""), ("age", b"")], 600),
    ];
    let issuer = Issuer::new();
    for Case { name, headers, lifetime } in cases {
        let host = host(&config());
        let root = started(&host);
        let head = [&[(":status", b"200".as_slice())], headers].concat();
        let call = the_call(&host, &root);
        root.answer_call(call, &head, issuer.keys().to_string().as_bytes());
        beat(&host, &root);
        for round in ["first", "second"] {
            let seconds = seconds_to_the_call(&host, &root);
            // It is noticed at the next beat.
            let range = lifetime * 80 / 100..=lifetime * 95 / 100 + 1;
            assert!(range.contains(&seconds), "{name}, {round}: {seconds} s, not {range:?}");
            let stream = get(&root, &issuer.bearer_later("alice", seconds));
            assert_eq!(stream.action, Action::Continue, "{name}, {round}: nobody waits");
            assert_let_on_as(&host, &stream, "alice");
            root.answer_call(the_call(&host, &root), &head, issuer.keys().to_string().as_bytes());
        }
    }
}

#[test]
fn a_withdrawn_key_is_out_of_use_when_the_refresh_says_so() {
    let (issuer, successor) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let root = with_keys(&host, &issuer);
    host.advance(570);
    successor.answer(&root, the_call(&host, &root));
    assert_eq!(reply(&host, &get(&root, &issuer.bearer("alice"))).status, 401);
    assert_let_on_as(&host, &get(&root, &successor.bearer("bob")), "bob");
}

#[test]
fn the_issuer_is_asked_only_whether_its_keys_have_changed() {
    struct Case {
        name: &'static str,
        etag: Option<&'static [u8]>,
        sent: Option<&'static str>,
    }
    let case = |name, etag, sent| Case { name, etag, sent };
    let cases = [
        case("a mark", Some(b"\"v1\"".as_slice()), Some("\"v1\"")),
        case("a weak mark", Some(b"W/\"v1\""), Some("W/\"v1\"")),
        case("no mark", None, None),
        case("a mark that is not text", Some(b"\"\xff\""), None),
        case("a mark that is none", Some(b"v1"), None),
        case("an empty mark", Some(b""), None),
    ];
    let issuer = Issuer::new();
    for Case { name, etag, sent: want } in cases {
        let host = host(&config());
        let root = started(&host);
        let first = the_call(&host, &root);
        assert_eq!(sent(&host, "if-none-match"), None, "{name}: nothing is at hand yet");
        let mut head = vec![(":status", b"200".as_slice())];
        head.extend(etag.map(|etag| ("etag", etag)));
        root.answer_call(first, &head, issuer.keys().to_string().as_bytes());

        let mut now = seconds_to_the_call(&host, &root);
        // The second time, after an answer that had neither mark nor keys.
        for round in [1, 2] {
            assert_eq!(sent(&host, "if-none-match").as_deref(), want, "{name}, {round}");
            root.answer_call(the_call(&host, &root), &[(":status", "304")], b"");
            assert_let_on_as(&host, &get(&root, &issuer.bearer_later("alice", now)), "alice");
            // What was not asked for is no answer, and is asked for again soon.
            let (outcome, again) = if want.is_some() { ("not_modified", 480..=571) } else { ("status", 0..=3) };
            let count = host.metric(&format!("postern_jwks_fetch_total.outcome.{outcome}.issuer.{ISSUER}"));
            assert_eq!(count, round, "{name}");
            let seconds = seconds_to_the_call(&host, &root);
            assert!(again.contains(&seconds), "{name}, {round}: {seconds} s");
            now += seconds;
        }
    }
}

#[test]
fn an_answer_without_keys_may_say_anew_how_long_they_last_or_leave_it_as_it_was() {
    let cases = [(None, 1000), (Some("max-age=2000"), 2000), (Some("no-cache"), 300)];
    let issuer = Issuer::new();
    for (cache_control, lifetime) in cases {
        let host = host(&config());
        let root = started(&host);
        let head = [OK, ("etag", "\"v1\""), ("cache-control", "max-age=1000")];
        let call = the_call(&host, &root);
        root.answer_call(call, &head, issuer.keys().to_string().as_bytes());
        seconds_to_the_call(&host, &root);
        let mut head = vec![(":status", "304")];
        head.extend(cache_control.map(|value| ("cache-control", value)));
        root.answer_call(the_call(&host, &root), &head, b"");
        let seconds = seconds_to_the_call(&host, &root);
        assert!((lifetime * 80 / 100..=lifetime * 95 / 100 + 1).contains(&seconds), "{cache_control:?}: {seconds} s");
    }
}

#[test]
fn a_mark_goes_only_to_the_place_it_came_from_and_the_last_one_counts() {
    let issuer = Issuer::new();
    let host = host(&config_with_discovery());
    let root = started(&host);
    for (path, mark, next) in
        [("/jwks", None, "\"v1\""), ("/jwks", Some("\"v1\""), "\"v2\""), ("/other", None, "\"v3\"")]
    {
        let call = the_call(&host, &root);
        assert_eq!(sent(&host, ":path").as_deref(), Some("/.well-known/openid-configuration"));
        assert_eq!(sent(&host, "if-none-match"), None, "the document is another thing");
        let document = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}{path}")});
        root.answer_call(call, &[OK, ("etag", "\"document\"")], document.to_string().as_bytes());
        let call = the_call(&host, &root);
        assert_eq!((sent(&host, ":path").as_deref(), sent(&host, "if-none-match").as_deref()), (Some(path), mark));
        root.answer_call(call, &[OK, ("etag", next)], issuer.keys().to_string().as_bytes());
        seconds_to_the_call(&host, &root);
    }
}

#[test]
fn after_a_failure_who_comes_shortly_before_the_next_attempt_waits_for_it_and_others_are_told_when() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let bearer = issuer.bearer("alice");
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        root.fail_call(the_call(&host, &root));
        if pause > 2 {
            let early = get(&root, &bearer);
            assert_unavailable(&host, &early, &format!("{pause} s, early"));
            let after: u64 = reply(&host, &early).header("retry-after").unwrap().parse().unwrap();
            assert!((pause * 3 / 4..=pause).contains(&after), "{pause} s: retry-after {after}");
            assert_eq!(host.tick_of(&root), WATCH, "{pause} s: who is sent away wants nothing");
        }
        let (step, mut early) = (pause * 10, 0);
        let waits = loop {
            let stream = get(&root, &bearer);
            if host.reply_of(&stream).is_none() {
                break stream;
            }
            host.advance_millis(step);
            early += step;
        };
        let waited = millis_to_the_call(&host, &root);
        assert!(waited <= 1020 && (waited + step >= 980 || early == 0), "{pause} s: {waited} ms");
        let range = pause * 750..=pause * 1000 + 20;
        assert!(range.contains(&(early + waited)), "{pause} s: {early} and {waited} ms");
        assert_waits(&host, &waits);
    }
}

#[test]
fn a_cluster_that_comes_late_is_tried_every_half_second_while_somebody_waits() {
    let issuer = Issuer::new();
    let host = host(&config());
    host.remove_cluster("issuer");
    let root = started(&host);
    root.tick();
    for round in 1..5 {
        let waits = get(&root, &issuer.bearer("alice"));
        assert_waits(&host, &waits);
        let tried = host.calls_of("proxy_http_call");
        let mut millis = 0;
        while host.calls_of("proxy_http_call") == tried {
            pass(&host, &[&root], 10);
            millis += 10;
        }
        assert!((370..=520).contains(&millis), "{round}: {millis} ms");
        assert_unavailable(&host, &waits, "there still is no cluster");
    }
    host.set_cluster("issuer", true);
    let waits = get(&root, &issuer.bearer("alice"));
    pass(&host, &[&root], 520);
    issuer.answer(&root, the_call(&host, &root));
    assert_let_on_as(&host, &waits, "alice");
}

#[test]
fn an_unknown_key_id_is_worth_one_call_in_half_a_minute_and_who_has_it_waits_for_that() {
    let (issuer, successor) = (Issuer::new(), Issuer::new().renamed("key-2"));
    let host = host(&config());
    let root = with_keys(&host, &issuer);
    host.advance(100);
    beat(&host, &root);
    host.forget_effects();

    let waits = get(&root, &successor.bearer("alice"));
    assert_waits(&host, &waits);
    assert_eq!(host.tick_of(&root), SOON);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("bob")), "bob");
    root.tick();
    assert_eq!(host.tick_of(&root), WAITING);
    assert_eq!(sent(&host, "cache-control").as_deref(), Some("no-cache"), "a cache on the way does not have it either");
    let late = get(&root, &successor.bearer("carol"));
    assert_waits(&host, &late);
    issuer.answer(&root, the_call(&host, &root));
    assert_eq!(reply(&host, &waits).status, 401, "the issuer has no such key");
    // The issuer may have been asked before it had this key; but half a minute is not over.
    beat(&host, &root);
    assert_eq!(reply(&host, &late).status, 401);
    assert_eq!(reply(&host, &get(&root, &successor.bearer("dave"))).status, 401, "nor is it asked again");
    pass(&host, &[&root], 29_000);
    assert_eq!(reply(&host, &get(&root, &successor.bearer("dave"))).status, 401);
    assert_eq!(host.acts().iter().filter(|act| act.starts_with("call")).count(), 1);

    pass(&host, &[&root], 1000);
    let waits = get(&root, &successor.bearer("dave"));
    assert_waits(&host, &waits);
    successor.answer(&root, the_call(&host, &root));
    assert_let_on_as(&host, &waits, "dave");
    assert_eq!(host.acts().iter().filter(|act| act.starts_with("call")).count(), 2);
}

#[test]
fn a_call_whose_answer_never_comes_is_given_up_on_two_seconds_after_its_timeout() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let waits = get(&root, &issuer.bearer("alice"));
    let lost = the_call(&host, &root);
    pass(&host, &[&root], 7000);
    assert_waits(&host, &waits);
    pass(&host, &[&root], 10);
    assert_unavailable(&host, &waits, "given up");
    let outcome = format!("postern_jwks_fetch_total.outcome.no_answer.issuer.{ISSUER}");
    assert_eq!(host.metric(&outcome), 1);

    // And nobody has to come for it to be tried again.
    pass(&host, &[&root], 2000);
    let [_, call] = host.calls_under_way()[..] else { panic!("a second call: {:?}", host.acts()) };
    let stranger = Issuer::new();
    stranger.answer(&root, lost);
    assert_waits(&host, &get(&root, &issuer.bearer("alice")));
    issuer.answer(&root, call);
    assert_let_on_as(&host, &get(&root, &issuer.bearer("alice")), "alice");
    assert_eq!(host.metric(&outcome), 1);
}

#[test]
fn a_late_discovery_document_leads_to_no_call() {
    let host = host(&config_with_discovery());
    let root = started(&host);
    let late = the_call(&host, &root);
    // Two calls have their timeout each.
    host.advance_millis(12_001);
    beat(&host, &root);
    host.forget_effects();
    let document = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks")}).to_string();
    root.answer_call(late, &[OK], document.as_bytes());
    assert_eq!(host.acts(), [""; 0], "the attempt is over, and the next one has its pause");
}

#[test]
fn a_clock_that_is_set_back_keeps_no_attempt_away() {
    const DAY: u64 = 24 * 3600;
    struct Case {
        name: &'static str,
        /// What is known when the clock is set back.
        before: fn(&Host, &Root, &Issuer),
        /// In how many seconds there is an attempt at the latest.
        within: u64,
    }
    let cases = [
        Case {
            name: "keys are at hand",
            before: |host, root, issuer| issuer.answer(root, the_call(host, root)),
            within: 571,
        },
        Case { name: "a call failed", before: |host, root, _| root.fail_call(the_call(host, root)), within: 61 },
        Case {
            name: "a call is under way and never ends",
            before: |host, root, _| _ = the_call(host, root),
            within: 122,
        },
    ];
    let issuer = Issuer::new();
    for Case { name, before, within } in cases {
        let host = host(&config());
        let root = started(&host);
        before(&host, &root, &issuer);
        pass(&host, &[&root], 500);
        let made = host.calls_of("proxy_http_call");
        host.set_back(DAY);
        pass(&host, &[&root], within * 1000 + 1000);
        assert!(host.calls_of("proxy_http_call") > made, "{name}");
    }
}
