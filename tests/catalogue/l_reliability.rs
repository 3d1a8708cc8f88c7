//! L: what happens to Envoy.

use super::elsewhere::{Line, line};

const CHAOS: &str = "tests/chaos/rows.rs";
const UPDATES: &str = "tests/wire/updates.rs";

pub const LINES: &[Line] = &[
    line(
        "L01",
        "the virtual machine dies",
        &[
            ("tests/wire/traps/policies.rs", "a_vm_that_dies_costs_each_request_what_the_failure_policy_says"),
            ("tests/wire/traps/recovery.rs", "a_new_vm_has_the_keys_at_once_and_counts_on_where_the_last_one_ended"),
        ],
    ),
    line(
        "L02",
        "it dies while others wait",
        &[(
            "tests/wire/traps/callbacks.rs",
            "whichever_callback_it_dies_in_nobody_undecided_is_let_on_and_the_worker_recovers",
        )],
    ),
    line(
        "L03",
        "the listener changes while requests wait",
        &[(UPDATES, "requests_that_wait_for_keys_end_by_the_rules_they_came_under")],
    ),
    line(
        "L04",
        "a bad configuration, as an update and at the start",
        &[
            (UPDATES, "a_bad_configuration_is_refused_and_the_old_one_goes_on_with_its_keys"),
            ("tests/wire/configuration.rs", "a_bad_configuration_stops_envoy_and_every_fault_is_named"),
        ],
    ),
    line(
        "L05",
        "a hundred updates",
        &[
            ("tests/wire/updates_many.rs", "updates_with_the_same_issuers_cost_no_fetch_and_no_memory"),
            ("tests/wire/updates_many.rs", "updates_with_other_issuers_each_time_cost_no_memory"),
        ],
    ),
    line(
        "L06",
        "the plugin goes with a fetch under way",
        &[
            (UPDATES, "a_configuration_that_goes_while_it_fetches_lets_the_next_one_fetch"),
            (UPDATES, "envoy_ends_in_good_order_while_keys_are_fetched_for_those_who_wait"),
        ],
    ),
    line(
        "L07",
        "an answer after the end of its stream",
        &[
            ("tests/abi/parked.rs", "an_answer_that_comes_after_everyone_left_still_brings_the_keys"),
            ("tests/abi/parked.rs", "one_call_from_the_root_serves_all_who_wait_and_those_who_left_leave_no_trace"),
        ],
    ),
    line(
        "L08",
        "the main thread's copy fetches nothing, and one worker for all",
        &[
            (
                "tests/abi/ahead.rs",
                "a_configuration_that_is_only_tried_fetches_nothing_and_takes_nothing_from_the_others",
            ),
            ("tests/wire/prefetch.rs", "keys_are_fetched_once_at_the_start_and_serve_every_worker"),
        ],
    ),
    line(
        "L09",
        "good tokens all the time while issuers fail in every way, and keys run out and rotate",
        &[
            (CHAOS, "J01 refuses connections"),
            (CHAOS, "J09 a key withdrawn"),
            ("tests/abi/stale_keys.rs", "keys_are_used_for_a_day_past_their_time_and_not_longer"),
        ],
    ),
];
