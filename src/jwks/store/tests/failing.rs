//! Issuers that do not answer, or not with keys.

use super::*;

#[test]
fn failed_fetches_pause_longer_each_time_up_to_a_minute() {
    let mut story = Story::new(2);
    let mut now = 0.0;
    for (turn, pause) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
        let (first, other) = (turn % 2, (turn + 1) % 2);
        let told = if turn == 0 { "no_answer!" } else { "no_answer" };
        let (early, late) = (now + pause * 0.74, now + pause);
        story.play(
            &format!("pause {pause}"),
            &[
                (now, first, Beat, GET),
                (now, other, Beat, ""),
                (now, first, Ask("a"), "waits"),
                (now, first, Fails(FetchError::NoAnswer), told),
                (now, other, Beat, ""),
                (early, first, Beat, ""),
                (early, other, Beat, ""),
            ],
        );
        let woken = story.happen(first, &Wake, at(now));
        assert!(woken.starts_with("none for "), "{woken}");
        now = late;
    }
    story.play(
        "and then",
        &[
            (now, 0, Beat, GET),
            (now, 0, Keys("a"), "ok!"),
            (now, 0, Ask("a"), "good"),
            (now + 580.0, 0, Beat, GET),
            (now + 580.0, 0, Status(500), "status!"),
            (now + 580.7, 0, Beat, ""),
            // The first pause is short again.
            (now + 581.0, 0, Beat, GET),
            (now + 581.0, 0, Status(404), "status"),
            (now + 583.0, 0, Beat, GET),
            (now + 583.0, 0, Keys("a"), "ok!"),
        ],
    );
}

#[test]
fn who_comes_shortly_before_the_next_attempt_waits_for_it() {
    Story::new(1).play(
        "with 1, 2 and 4 s",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Status(500), "status!"),
            (0.1, 0, Ask("a"), "waits"),
            (1.0, 0, Wake, ""),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status"),
            (1.0, 0, Wake, "none for 2 s"),
            (1.1, 0, Ask("a"), "none for 2 s"),
            (2.5, 0, Ask("a"), "waits"),
            (3.0, 0, Beat, GET),
            (3.0, 0, Keys("a"), "ok!"),
            (3.0, 0, Wake, "good"),
        ],
    );
}

#[test]
fn a_cluster_that_is_not_there_yet_is_tried_twice_a_second() {
    Story::new(1).play(
        "it comes after two seconds",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Fails(FetchError::NotSent), "not_sent!"),
            (0.3, 0, Beat, ""),
            (0.5, 0, Beat, GET),
            (0.5, 0, Fails(FetchError::NotSent), "not_sent"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Fails(FetchError::NotSent), "not_sent"),
            (1.2, 0, Ask("a"), "waits"),
            (1.5, 0, Beat, GET),
            (1.6, 0, Keys("a"), "ok!"),
            (1.6, 0, Wake, "good"),
        ],
    );
}

#[test]
fn keys_outlive_their_time_while_fetches_fail_up_to_a_limit() {
    let day = 24.0 * 3600.0;
    let end = LIFETIME as f64 + day;
    Story::new(2).play(
        "a day and ten minutes",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Status(503), "status!"),
            (LIFETIME as f64 + 0.1, 0, Ask("a"), "good"),
            (end - 1.0, 0, Ask("a"), "good"),
            (end - 1.0, 1, Ask("a"), "good"),
            (end - 1.0, 1, Beat, GET),
            (end - 1.0, 1, Status(503), "status"),
            (end + 1.0, 1, Ask("a"), "waits"),
            (end + 1.0, 1, Beat, GET),
            // That there are none now is worth a line.
            (end + 1.0, 1, Status(503), "status!"),
            (end + 1.0, 1, Wake, "none for 4 s"),
            (end + 1.0, 0, Ask("a"), "none for 4 s"),
        ],
    );
}

#[test]
fn a_bad_answer_does_not_replace_good_keys() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["1"; crate::jwks::MAX_KEYS + 1].join(","));
    for body in ["", "<html>", "{}", r#"{"keys":[]}"#, r#"{"keys":[1]}"#, r#"{"keys":["#, "\u{feff}{}", &many] {
        Story::new(1).play(
            body,
            &[
                (0.0, 0, Beat, GET),
                (0.0, 0, Keys("a"), "ok!"),
                (LIFETIME as f64, 0, Beat, GET),
                (LIFETIME as f64, 0, Body(body), "bad_jwks!"),
                (LIFETIME as f64, 0, Ask("a"), "good"),
                (LIFETIME as f64 + 1.0, 0, Beat, GET),
                (LIFETIME as f64 + 1.0, 0, Keys("b"), "ok!"),
                (LIFETIME as f64 + 1.0, 0, Ask("b"), "good"),
            ],
        );
    }
}

#[test]
fn an_answer_that_never_comes_counts_as_failed_and_one_that_comes_too_late_does_not_count() {
    Story::new(2).play(
        "seven seconds",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Ask("a"), "waits"),
            (7.0, 1, Beat, ""),
            (7.1, 1, Beat, "no_answer!"),
            (7.1, 1, Wake, "none for 1 s"),
            (8.1, 1, Beat, GET),
            (8.2, 0, Keys("old"), ""),
            (8.3, 1, Keys("a"), "ok!"),
            (8.3, 0, Ask("a"), "good"),
        ],
    );
}

#[test]
fn a_worker_that_goes_away_leaves_its_fetch_to_others() {
    Story::new(2).play(
        "nobody waits for it",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 1, Ask("a"), "waits"),
            (0.1, 0, Leaves, ""),
            (0.1, 1, Beat, GET),
            (0.1, 1, Wake, ""),
            (0.2, 1, Keys("a"), "ok!"),
            (0.2, 1, Wake, "good"),
        ],
    );
}

#[test]
fn proxies_whose_issuer_went_away_do_not_come_back_together() {
    const PROXIES: usize = 20;
    let mut story = Story::new(PROXIES as u64);
    story.board.mood.set(Mood::Refuses);
    let last_pause = |proxy: usize| {
        let (mut now, mut pause) = (0, 0);
        for _ in 0..9 {
            let due = (0..=60).find(|seconds| !story.happen(proxy, &Beat, at(f64::from(now + seconds))).is_empty());
            pause = due.unwrap();
            now += pause;
            story.happen(proxy, &Status(500), at(f64::from(now)));
        }
        pause
    };
    let pauses: BTreeSet<u32> = (0..PROXIES).map(last_pause).collect();
    assert!(pauses.len() > PROXIES / 4 && pauses.iter().all(|pause| (45..=60).contains(pause)), "{pauses:?}");
}

#[test]
fn the_longest_attempt_that_can_be_configured_is_waited_for() {
    let mut story = Story::discovering();
    story.source.timeout = Duration::from_secs(30);
    story.workers.clear();
    (0..2).for_each(|_| story.worker_comes());
    let good = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;
    story.play(
        "a minute",
        &[
            (0.0, 0, Beat, "GET /.well-known/openid-configuration"),
            (0.0, 1, Beat, ""),
            (0.0, 1, Ask("a"), "waits"),
            (29.0, 0, Body(good), GET),
            (59.0, 1, Beat, ""),
            (59.0, 0, Keys("a"), "ok!"),
            (59.1, 1, Beat, ""),
            (59.1, 1, Wake, "good"),
        ],
    );
}
