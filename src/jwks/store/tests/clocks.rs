//! Clocks that are stepped, and times that cannot be.

use super::*;

#[test]
fn a_clock_that_is_set_back_keeps_neither_keys_nor_attempts_away() {
    let day = 24.0 * 3600.0;
    Story::new(2).play(
        "by a day",
        &[
            (day, 0, Beat, GET),
            (day, 0, Keys("a"), "ok!"),
            (0.0, 0, Ask("a"), "good"),
            (0.0, 1, Ask("a"), "good"),
            (0.0, 1, Beat, GET),
            (0.1, 1, Status(500), "status!"),
            (0.1, 1, Ask("a"), "good"),
            (1.1, 0, Beat, GET),
            (1.1, 0, Keys("b"), "ok!"),
            (1.1, 1, Ask("b"), "good"),
            (2.1, 1, Beat, ""),
        ],
    );
    Story::new(2).play(
        "by a day while backing off",
        &[(day, 0, Beat, GET), (day, 0, Status(500), "status!"), (0.0, 1, Beat, GET)],
    );
    Story::new(2).play(
        "by a day while a fetch is under way",
        &[
            (day, 0, Beat, GET),
            (0.0, 1, Beat, GET),
            (0.1, 1, Keys("a"), "ok!"),
            (0.2, 0, Keys("b"), ""),
            (0.2, 0, Ask("a"), "good"),
        ],
    );
    Story::new(2).play(
        "by as much as one worker may be ahead of another",
        &[
            (0.1, 0, Beat, GET),
            (0.0, 1, Beat, ""),
            (0.2, 0, Keys("a"), "ok!"),
            (0.1, 1, Ask("a"), "good"),
            (0.1, 1, Beat, ""),
        ],
    );
}

/// Clocks are stepped: at the start of a machine, or when a host wakes a guest.
const STEPPED: [(f64, f64); 2] = [(10_000.0, 9_996.0), (10_000.0, 5_000.0)];

/// Workers with the key `a`, of whom the second seeks another one after the clock was set back.
fn after_a_step(workers: u64, before: f64, after: f64) -> Story {
    let mut story = Story::new(workers);
    story.play("before the step", &[(before, 0, Beat, GET), (before + 0.1, 0, Keys("a"), "ok!")]);
    (0..story.workers.len()).for_each(|worker| drop(story.happen(worker, &Beat, at(before + 0.2))));
    story.happen(1, &Ask("z"), at(after));
    assert_eq!(story.happen(1, &Beat, at(after)), GET, "step to {after}");
    story
}

#[test]
fn after_the_clock_was_set_back_one_fetch_is_made_and_its_answer_counts() {
    for (before, after) in STEPPED {
        let mut story = after_a_step(4, before, after);
        let others = [0, 2, 3].map(|worker| story.happen(worker, &Beat, at(after + 0.05)));
        assert_eq!(others, ["", "", ""], "fetches of the others, step to {after}");
        assert_eq!(story.happen(1, &Keys("b"), at(after + 0.1)), "ok!", "step to {after}");
    }
}

#[test]
fn after_the_clock_was_set_back_a_withdrawn_key_is_out_of_use_everywhere() {
    for (before, after) in STEPPED {
        let mut story = after_a_step(3, before, after);
        story.happen(1, &Keys("b"), at(after + 0.1));
        for worker in [0, 2] {
            story.happen(worker, &Beat, at(after + 1.2));
            assert_ne!(story.happen(worker, &Ask("a"), at(after + 1.3)), "good", "step to {after}, worker {worker}");
            assert_eq!(story.happen(worker, &Ask("b"), at(after + 1.3)), "good", "step to {after}, worker {worker}");
        }
    }
}

#[test]
fn what_cannot_have_been_is_not_gone_by() {
    type Steps<'a> = &'a [(f64, usize, Event<'a>, &'a str)];
    let rows: [(&str, &str, Steps<'_>); 2] = [
        (
            "\"unknown_key_at\":null",
            "\"unknown_key_at\":9999999999999",
            &[(1.0, 1, Ask("z"), "waits"), (1.0, 1, Beat, GET)],
        ),
        (
            "\"pause\":null",
            "\"pause\":0",
            &[(600.0, 1, Beat, GET), (600.0, 1, Status(500), "status!"), (600.7, 1, Beat, ""), (601.0, 1, Beat, GET)],
        ),
    ];
    for (from, to, steps) in rows {
        let mut story = Story::new(1);
        story.play("a record", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("a"), "ok!")]);
        for (value, _) in story.board.values.borrow_mut().values_mut() {
            let text = String::from_utf8(value.clone()).unwrap();
            assert!(text.contains(from), "{from} in {text}");
            *value = text.replacen(from, to, 1).into_bytes();
        }
        story.worker_comes();
        story.play(to, steps);
    }
}

#[test]
fn a_clock_that_is_set_back_ends_no_wait() {
    Story::new(1).play(
        "by twenty seconds",
        &[
            (1000.0, 0, Beat, GET),
            (1000.1, 0, Keys("a"), "ok!"),
            (1005.0, 0, Ask("b"), "waits"),
            (1005.0, 0, Beat, GET),
            (985.0, 0, Beat, ""),
            (985.0, 0, Wake, ""),
            (985.1, 0, Keys("ab"), "ok!"),
            (985.1, 0, Wake, "good"),
        ],
    );
}
