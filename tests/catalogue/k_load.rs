//! K: load, and what is remembered.

use super::elsewhere::{Line, line};

const FLOW: &str = "tests/flow.rs";
const CACHE: &str = "src/token/cache/tests.rs";
const REMEMBERED: &str = "tests/flow/remembered.rs";
const BY_KEYS: &str = "tests/flow/remembered_by_keys.rs";

pub const LINES: &[Line] = &[
    line(
        "K01",
        "cheap checks first, and forgeries are remembered in a place of their own",
        &[
            (FLOW, "every_fault_of_a_token_is_refused_for_what_it_is"),
            (CACHE, "forged_tokens_and_good_ones_do_not_drive_each_other_out"),
            (CACHE, "the_place_of_forged_tokens_is_small_and_no_larger_than_that_of_good_ones"),
        ],
    ),
    line(
        "K02",
        "many distinct tokens",
        &[
            ("tests/wire/remembered.rs", "twenty_thousand_tokens_take_no_more_memory_than_two_thousand"),
            (CACHE, "there_are_no_more_than_so_many_entries_and_bytes"),
        ],
    ),
    line(
        "K03",
        "a token is known by all of its text",
        &[
            (CACHE, "a_token_is_found_by_its_whole_text_only"),
            (CACHE, "texts_that_differ_anywhere_are_not_the_same"),
            (REMEMBERED, "a_twin_of_a_remembered_token_is_judged_by_itself"),
        ],
    ),
    line(
        "K04",
        "a remembered token is still held to time and rule",
        &[
            (REMEMBERED, "a_token_is_checked_against_the_clock_on_every_request"),
            (REMEMBERED, "every_rule_is_asked_on_every_request_and_the_record_says_which"),
            (
                "tests/wire/remembered.rs",
                "a_token_that_is_used_all_the_time_is_refused_from_the_second_on_in_which_it_ends",
            ),
        ],
    ),
    line(
        "K05",
        "a key that goes takes its tokens, a new configuration begins with nothing",
        &[
            (BY_KEYS, "a_token_goes_with_its_key_and_comes_back_with_it"),
            (REMEMBERED, "a_new_configuration_remembers_nothing"),
        ],
    ),
    line(
        "K06",
        "what is refused before its key is there is not remembered",
        &[
            (BY_KEYS, "a_token_that_came_before_there_were_keys_is_not_remembered_as_bad"),
            (BY_KEYS, "a_forged_token_is_good_once_the_key_that_signed_it_is_published"),
        ],
    ),
    line(
        "K07",
        "what workers share does not grow",
        &[
            (
                "src/jwks/store/tests/sharing.rs",
                "however_many_issuers_there_were_the_places_are_as_many_and_those_in_use_keep_theirs",
            ),
            ("tests/wire/updates_many.rs", "updates_with_other_issuers_each_time_cost_no_memory"),
        ],
    ),
    line(
        "K08",
        "the timer beats no more than it has to",
        &[
            ("tests/abi/crowds.rs", "the_timer_is_set_once_however_many_requests_come_before_it_beats"),
            (
                "tests/abi/remembered.rs",
                "with_keys_at_hand_the_tick_comes_when_there_is_something_to_tell_and_goes_again",
            ),
            ("tests/abi/ahead.rs", "with_all_keys_in_the_configuration_there_is_nothing_to_look_after"),
        ],
    ),
    line(
        "K09",
        "no more than a thousand wait for an issuer",
        &[
            (FLOW, "more_than_a_thousand_that_wait_are_told_to_come_back_and_other_issuers_have_their_own_places"),
            (
                "tests/abi/crowds.rs",
                "a_thousand_wait_for_an_issuer_and_the_next_is_told_to_come_back_while_another_issuers_users_wait",
            ),
        ],
    ),
    line(
        "K10",
        "tokens that fall together in a map",
        &[
            (CACHE, "a_forged_twin_does_not_stand_in_the_way_of_the_good_token"),
            (CACHE, "of_two_good_tokens_that_end_alike_the_last_is_known"),
        ],
    ),
    line(
        "K11",
        "sizes are looked at first, and rules found by an index",
        &[
            ("src/token.rs", "size_is_checked_before_any_work"),
            ("src/policy/index/tests.rs", "ten_thousand_rules_keep_their_order_and_names_of_any_length_are_looked_up"),
        ],
    ),
    line(
        "K12",
        "memory stays where it is",
        &[
            ("tests/wire/remembered.rs", "twenty_thousand_tokens_take_no_more_memory_than_two_thousand"),
            ("tests/wire/resets.rs", "streams_that_are_reset_while_they_wait_for_keys_leave_no_memory_taken"),
            ("tests/memory.rs", "the_room_that_tokens_are_said_to_take_is_about_what_they_take"),
        ],
    ),
    line(
        "K13",
        "no input is read without an end",
        &[
            (FLOW, "every_mutation_of_a_good_token_is_refused"),
            ("src/jwks/store/tests/any_order.rs", "good_keys_stay_new_ones_are_found_and_nobody_waits_for_ever"),
        ],
    ),
];
