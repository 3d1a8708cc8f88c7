//! Tokens that name a key that is not there.

use super::*;

#[test]
fn a_new_key_works_with_its_first_token_and_a_removed_one_stops_at_the_next_fetch() {
    Story::new(2).play(
        "rotation",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (9.0, 1, Ask("b"), "waits"),
            (9.0, 0, Ask("a"), "good"),
            (9.0, 1, Beat, GET),
            (9.1, 0, Ask("b"), "waits"),
            (9.2, 1, Keys("b"), "ok!"),
            (9.2, 1, Wake, "good"),
            (9.2, 1, Ask("a"), "unknown"),
            (9.3, 0, Beat, ""),
            (9.3, 0, Wake, "good"),
            (9.3, 0, Ask("a"), "unknown"),
        ],
    );
}

#[test]
fn unknown_key_ids_cause_one_fetch_a_pause_for_all_workers_together() {
    let mut story = Story::new(2);
    story.play(
        "the first",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("x"), "waits"),
            (1.0, 1, Ask("y"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Beat, ""),
            (1.0, 1, Ask("z"), "waits"),
            (1.1, 0, Keys("a"), "ok"),
            (1.1, 0, Wake, "unknown"),
            (1.1, 1, Beat, ""),
            // `z` came when the fetch was under way, and may be newer than its answer: but it is too early for another one.
            (1.1, 1, Wake, "unknown, unknown"),
        ],
    );
    for attempt in 0..1000 {
        story.play(
            "more of them",
            &[
                (2.0 + f64::from(attempt) / 40.0, attempt as usize % 2, Ask("x"), "unknown"),
                (2.0 + f64::from(attempt) / 40.0, attempt as usize % 2, Beat, ""),
            ],
        );
    }
    story.play(
        "after half a minute",
        &[
            (31.0, 1, Ask("x"), "waits"),
            (31.0, 1, Beat, GET),
            (31.1, 1, Keys("ax"), "ok!"),
            // What was refused before is good now.
            (31.1, 1, Wake, "good"),
            (31.1, 0, Ask("x"), "good"),
        ],
    );
}

#[test]
fn who_joins_a_fetch_that_may_be_too_old_for_his_key_has_another_one_made() {
    Story::new(2).play(
        "the issuer began to use the key after it had answered",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Ask("b"), "waits"),
            (LIFETIME as f64, 1, Ask("c"), "waits"),
            (LIFETIME as f64 + 1.0, 0, Keys("a"), "ok"),
            (LIFETIME as f64 + 1.0, 0, Wake, "waits"),
            (LIFETIME as f64 + 1.0, 0, Beat, GET),
            (LIFETIME as f64 + 1.0, 1, Beat, ""),
            (LIFETIME as f64 + 1.0, 1, Wake, "waits"),
            (LIFETIME as f64 + 1.1, 0, Keys("ab"), "ok!"),
            (LIFETIME as f64 + 1.1, 0, Wake, "good"),
            (LIFETIME as f64 + 1.2, 1, Beat, ""),
            // And nobody waits a third time.
            (LIFETIME as f64 + 1.2, 1, Wake, "unknown"),
        ],
    );
}

#[test]
fn an_unknown_key_is_no_fault_of_the_token_while_the_issuer_cannot_be_asked() {
    Story::new(1).play(
        "an outage",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(500), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.0, 0, Ask("a"), "good"),
            (2.0, 0, Beat, GET),
            (2.0, 0, Status(500), "status"),
            (2.0, 0, Ask("b"), "none for 2 s"),
            (4.0, 0, Beat, GET),
            (4.0, 0, Ask("b"), "waits"),
            (4.0, 0, Keys("ab"), "ok!"),
            (4.0, 0, Wake, "good"),
        ],
    );
}

#[test]
fn for_a_key_that_is_not_there_no_cache_is_asked() {
    let mut story = Story::new(1);
    story.play(
        "another key",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
        ],
    );
    assert!(story.workers[0].fetch.as_ref().unwrap().no_cache);
    story.play(
        "and what comes after that",
        &[(1.1, 0, Fields("ab", &[("etag", "\"2\"")]), "ok!"), (580.0, 0, Beat, "GET /keys unless \"2\"")],
    );
    assert!(!story.workers[0].fetch.as_ref().unwrap().no_cache);
}

#[test]
fn who_wants_a_key_fetched_is_not_told_anything_before_it_was() {
    Story::new(1).play(
        "somebody else's wait ends before the beat",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Wake, ""),
            (1.0, 0, Beat, GET),
            (1.0, 0, Wake, ""),
            (1.1, 0, Keys("ab"), "ok!"),
            (1.1, 0, Wake, "good"),
        ],
    );
}

#[test]
fn who_waited_in_vain_does_not_wait_again_however_soon_the_next_attempt_is() {
    Story::new(1).play(
        "the cluster is gone",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (LIFETIME as f64, 0, Beat, GET),
            (LIFETIME as f64, 0, Ask("b"), "waits"),
            (LIFETIME as f64, 0, Fails(FetchError::NotSent), "not_sent!"),
            (LIFETIME as f64, 0, Wake, "none for 1 s"),
        ],
    );
}

#[test]
fn a_search_that_another_worker_made_before_the_beat_is_not_made_again() {
    Story::new(2).play(
        "two at the same moment",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("x"), "waits"),
            (1.0, 1, Ask("y"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Keys("a"), "ok"),
            (1.0, 1, Beat, ""),
            (1.0, 1, Wake, "unknown"),
        ],
    );
}

#[test]
fn a_worker_that_goes_away_leaves_its_search_for_a_key_to_others() {
    Story::new(2).play(
        "the keys at hand are fresh",
        &[
            (0.0, 0, Beat, GET),
            (0.0, 0, Keys("a"), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Ask("b"), "waits"),
            (1.1, 0, Leaves, ""),
            (1.1, 1, Beat, GET),
            (1.2, 1, Keys("ab"), "ok!"),
            (1.2, 1, Wake, "good"),
        ],
    );
}

#[test]
fn after_a_failed_search_what_a_cache_says_does_not_refuse_a_new_key() {
    let mut story = Story::new(1);
    story.play(
        "the issuer is away for a moment",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 0, Status(503), "status!"),
            (1.0, 0, Wake, "none for 1 s"),
            (1.1, 0, Ask("b"), "waits"),
        ],
    );
    by_a_cache(&mut story, 0);
}

#[test]
fn after_a_search_that_was_left_to_others_what_a_cache_says_does_not_refuse_a_new_key() {
    let mut story = Story::new(2);
    story.play(
        "a worker goes away",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (1.0, 0, Ask("b"), "waits"),
            (1.0, 1, Ask("b"), "waits"),
            (1.0, 0, Beat, GET),
            (1.0, 1, Beat, ""),
            (1.0, 0, Leaves, ""),
        ],
    );
    by_a_cache(&mut story, 1);
}

/// The next fetch is answered by a cache on the way, which has the old keys; one that is not for a cache, by the issuer.
fn by_a_cache(story: &mut Story, worker: usize) {
    for _ in 0..2 {
        if story.happen(worker, &Beat, at(2.0)).is_empty() {
            break;
        }
        let cached = !story.workers[worker].fetch.as_ref().unwrap().no_cache;
        story.happen(worker, if cached { &Status(304) } else { &Keys("ab") }, at(2.1));
        let told = story.happen(worker, &Wake, at(2.1));
        assert_ne!(told, "unknown");
    }
}

#[test]
fn who_seeks_a_key_is_not_refused_by_a_refresh_that_another_one_began_in_that_moment() {
    let mut story = Story::new(2);
    story.play(
        "at the end of their time",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (0.1, 1, Beat, ""),
            (600.0, 1, Ask("b"), "waits"),
            (600.0, 0, Beat, "GET /keys unless \"1\""),
            (600.0, 1, Beat, ""),
            // By a cache.
            (600.1, 0, Status(304), "not_modified"),
            (600.1, 1, Beat, ""),
        ],
    );
    assert_ne!(story.happen(1, &Wake, at(600.1)), "unknown");
}

#[test]
fn after_a_search_that_failed_past_caches_is_asked_again() {
    let mut story = Story::new(1);
    story.play(
        "one 503",
        &[
            (0.0, 0, Beat, GET),
            (0.1, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
            (60.0, 0, Ask("b"), "waits"),
            (60.0, 0, Beat, GET),
            (60.1, 0, Status(503), "status!"),
            (60.1, 0, Wake, "none for 1 s"),
            (60.5, 0, Ask("b"), "waits"),
            (61.2, 0, Beat, GET),
        ],
    );
    assert!(story.workers[0].fetch.as_ref().unwrap().no_cache);
    story.play("and a good answer", &[(61.3, 0, Keys("ab"), "ok!"), (61.3, 0, Wake, "good")]);
}

#[test]
fn a_new_key_works_with_its_first_token_at_a_cold_start_too() {
    Story::new(1).play(
        "a cache has the old set",
        &[
            (0.0, 0, Ask("b"), "waits"),
            (0.0, 0, Beat, GET),
            (0.1, 0, Keys("a"), "ok!"),
            (0.1, 0, Wake, "waits"),
            (0.1, 0, Beat, GET),
            (0.2, 0, Keys("ab"), "ok!"),
            (0.2, 0, Wake, "good"),
        ],
    );
}
