//! How keys come, and when they come again.

use super::*;

#[test]
fn keys_are_there_before_anyone_asks_and_are_fetched_anew_before_their_time_is_over() {
    let (earliest, latest) = (EARLIEST as f64, LATEST as f64);
    Story::new(1).play(
        "one worker",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Beat, ""),
            (0.2, 0, Keys("a"), "ok!"),
            (0.2, 0, Ask("a"), "good"),
            (earliest, 0, Beat, ""),
            (latest + 1.0, 0, Ask("a"), "good"),
            (latest + 1.0, 0, Beat, GET),
            (latest + 1.0, 0, Ask("a"), "good"),
            (latest + 2.0, 0, Keys("a"), "ok"),
            (latest + 2.0, 0, Ask("a"), "good"),
            (latest + earliest, 0, Beat, ""),
        ],
    );
}

#[test]
fn one_worker_fetches_for_all() {
    let mut story = Story::new(3);
    story.play(
        "at the start",
        &[
            (0.0, 2, Ask("a"), "waits"),
            (0.0, 1, Beat, GET),
            (0.0, 0, Beat, ""),
            (0.0, 2, Beat, ""),
            (0.1, 0, Ask("a"), "waits"),
            (0.2, 1, Keys("a"), "ok!"),
            (0.2, 0, Wake, ""),
            (0.3, 0, Beat, ""),
            (0.3, 0, Wake, "good"),
            (0.3, 2, Ask("a"), "good"),
            (0.3, 2, Wake, "good"),
        ],
    );
    story.play(
        "and who fetched last sees what the others do",
        &[
            (1.000_456_7, 0, Ask("x"), "waits"),
            (1.000_456_8, 0, Beat, GET),
            (1.000_456_9, 1, Ask("y"), "waits"),
            (1.000_457_0, 1, Beat, ""),
            (1.000_457_1, 0, Keys("a"), "ok"),
            (1.000_457_1, 0, Wake, "unknown"),
            (LATEST as f64 + 1.0, 2, Beat, GET),
            (LATEST as f64 + 1.0, 0, Beat, ""),
            (LATEST as f64 + 1.0, 2, Keys("a"), "ok"),
        ],
    );
    story.play(
        "of new keys all hear when they look, and at once when they need one",
        &[
            (2.0 * LATEST as f64 + 1.0, 0, Beat, GET),
            (2.0 * LATEST as f64 + 1.1, 0, Keys("b"), "ok!"),
            (2.0 * LATEST as f64 + 1.1, 1, Ask("b"), "good"),
            (2.0 * LATEST as f64 + 1.1, 1, Ask("a"), "waits"),
            (2.0 * LATEST as f64 + 1.1, 2, Ask("a"), "good"),
            (2.0 * LATEST as f64 + 2.1, 2, Beat, ""),
            (2.0 * LATEST as f64 + 2.1, 2, Ask("b"), "good"),
        ],
    );
    story.worker_comes();
    story.play(
        "one who comes later finds them",
        &[(2.0 * LATEST as f64 + 3.0, 3, Ask("b"), "good"), (2.0 * LATEST as f64 + 3.0, 3, Beat, "")],
    );
}

#[test]
fn an_answer_says_how_long_its_keys_last_and_how_they_are_asked_for_again() {
    let hour = 3600.0;
    Story::new(2).play(
        "an hour",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fields("a", &[("cache-control", "max-age=99999"), ("etag", "\"1\"")]), "ok!"),
            (hour * 0.79, 0, Beat, ""),
            (hour * 0.96, 1, Beat, "GET /keys unless \"1\""),
            (hour * 0.96, 1, Status(304), "not_modified"),
            (hour * 0.96, 0, Ask("a"), "good"),
            // The keys are as good as new, and the issuer has not changed its mind about their time.
            (hour * 1.75, 0, Beat, ""),
            (hour * 1.92, 0, Beat, "GET /keys unless \"1\""),
            (hour * 1.92, 0, Fields("b", &[("cache-control", "max-age=0")]), "ok!"),
            (hour * 1.92 + 239.0, 0, Beat, ""),
            (hour * 1.92 + 286.0, 0, Beat, GET),
        ],
    );
    let mut story = Story::with(1, KeyLocation::Jwks(HttpUri::parse("https://a.test/keys").unwrap()), Some(300));
    story.play(
        "the configuration allows five minutes",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fields("a", &[("cache-control", "max-age=3600")]), "ok!"),
            (239.0, 0, Beat, ""),
            (286.0, 0, Beat, GET),
        ],
    );
}

#[test]
fn discovery_leads_to_a_key_set_on_the_same_host_of_the_same_issuer() {
    const DOCUMENT: &str = "GET /.well-known/openid-configuration";
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    let moved = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/moved"}"#;
    Story::discovering().play(
        "it moves",
        &[
            (0.0, 0, Beat, DOCUMENT),
            (0.1, 0, Body(good), GET),
            (0.1, 0, Beat, ""),
            (0.2, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (580.0, 0, Beat, DOCUMENT),
            (580.0, 0, Body(good), "GET /keys unless \"1\""),
            (580.0, 0, Status(304), "not_modified"),
            (1170.0, 0, Beat, DOCUMENT),
            // The mark is that of another place.
            (1170.0, 0, Body(moved), "GET /moved"),
            (1170.0, 0, Keys("b"), "ok!"),
            (1170.0, 0, Ask("b"), "good"),
        ],
    );
    for bad in ["", "[]", r#"{"issuer":"https://b.test","jwks_uri":"https://a.test/keys"}"#] {
        Story::discovering()
            .play(bad, &[(0.0, 0, Beat, DOCUMENT), (0.0, 0, Body(bad), "bad_discovery!"), (0.0, 0, Ask("a"), "waits")]);
    }
}

#[test]
fn a_304_does_not_give_the_keys_at_hand_another_mark() {
    let mut story = Story::new(1);
    story.play("the first", &[(0.0, 0, Beat, GET), (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!")]);
    story.play("an hour later", &[(600.0, 0, Beat, "GET /keys unless \"1\"")]);
    story.workers[0].finish(Ok(Answer { status: 304, etag: Some(b"\"2\"".to_vec()), ..Answer::default() }), at(600.1));
    story.play("two hours later", &[(1200.0, 0, Beat, "GET /keys unless \"1\"")]);
}

#[test]
fn proxies_that_began_together_do_not_go_on_together() {
    const PROXIES: usize = 20;
    let mut story = Story::new(PROXIES as u64);
    story.board.mood.set(Mood::Refuses);
    let mut after = |proxy: usize, from: f64, answer: &Event<'_>| {
        let asks = |seconds: &u32| !story.happen(proxy, &Beat, at(from + f64::from(*seconds))).is_empty();
        let seconds = (0..600).find(asks);
        let seconds = f64::from(seconds.unwrap());
        story.happen(proxy, answer, at(from + seconds));
        seconds
    };
    let rounds: Vec<[f64; 3]> = (0..PROXIES)
        .map(|proxy| {
            after(proxy, 0.0, &Fields("a", &[("etag", "\"1\"")]));
            let first = after(proxy, 0.0, &Status(304));
            let second = after(proxy, first, &Status(304));
            [first, second, after(proxy, first + second, &Status(304))]
        })
        .collect();
    for round in 0..3 {
        let seconds: BTreeSet<u64> = rounds.iter().map(|rounds| rounds[round] as u64).collect();
        assert!(seconds.len() > PROXIES / 2, "round {round}: {seconds:?}");
    }
    let as_before = |round: usize| rounds.iter().filter(|seconds| seconds[round] == seconds[round - 1]).count();
    assert!(as_before(1) + as_before(2) < PROXIES / 2, "{rounds:?}");
}

#[test]
fn discovery_has_the_time_of_two_fetches_and_not_more() {
    const DOCUMENT: &str = "GET /.well-known/openid-configuration";
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    Story::discovering().play(
        "both answers take nearly as long as they may",
        &[(0.0, 0, Beat, DOCUMENT), (4.9, 0, Body(good), GET), (9.7, 0, Beat, ""), (9.8, 0, Keys("a"), "ok!")],
    );
    let mut story = Story::discovering();
    story.worker_comes();
    story.play(
        "who was given up on by another one asks for no more",
        &[(0.0, 0, Beat, DOCUMENT), (12.1, 1, Beat, "no_answer!"), (12.2, 0, Body(good), "")],
    );
}

#[test]
fn all_workers_know_the_same_moment_for_the_next_fetch() {
    let first_fetch = |workers: u64, by: usize, mood: Mood| {
        let mut story = Story::new(workers);
        story.board.mood.set(mood);
        story.play("keys", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        (1..600).find(|seconds| !story.happen(by, &Beat, at(f64::from(*seconds))).is_empty())
    };
    assert_eq!(first_fetch(2, 1, Mood::Fair), first_fetch(1, 0, Mood::Refuses), "as if nothing was written down");
}
