//! A to H: what more than one request is needed for.

use super::elsewhere::{Line, line, outside};

const CHAOS: &str = "tests/chaos/rows.rs";
const PARKED: &str = "tests/wire/parked.rs";
const UPDATES: &str = "tests/wire/updates.rs";
const REMEMBERED: &str = "tests/flow/remembered.rs";

pub const LINES: &[Line] = &[
    line(
        "A13",
        "invented key ids in thousands: one fetch in half a minute, good traffic goes on",
        &[
            (CHAOS, "J08 invented key ids in thousands"),
            ("tests/wire/prefetch.rs", "invented_key_ids_at_every_worker_cost_one_fetch_together"),
        ],
    ),
    line(
        "B10",
        "depth bombs in key sets and documents",
        &[(CHAOS, "J04 nested 200 000 deep"), ("src/json.rs", "nesting_is_read_up_to_the_limit_and_no_deeper")],
    ),
    line(
        "C17",
        "the host is given a key that we have written ourselves",
        &[
            ("src/crypto/key.rs", "an_rsa_key_is_written_as_rfc_3279_has_it_whatever_its_highest_bits_are"),
            ("src/crypto/key.rs", "a_key_on_a_curve_is_written_as_rfc_5480_has_it"),
            ("src/crypto/key.rs", "keys_are_written_as_openssl_writes_them"),
        ],
    ),
    line("D04", "a lifetime by configuration", &[("src/token/claims.rs", "time_is_checked_to_the_second")]),
    line(
        "D17",
        "the clock is set back or forth",
        &[
            ("src/jwks/store/tests/clocks.rs", "a_clock_that_is_set_back_keeps_neither_keys_nor_attempts_away"),
            ("src/jwks/store/tests/clocks.rs", "what_cannot_have_been_is_not_gone_by"),
            ("src/time.rs", "arithmetic_saturates_at_both_ends"),
            (REMEMBERED, "a_token_is_checked_against_the_clock_on_every_request"),
        ],
    ),
    outside("F09", "a service sets our fields in its answer", "answers are left alone, and there is no cookie of ours"),
    line(
        "F10",
        "a client that says https without TLS, where a credential needs TLS",
        &[
            ("tests/wire/tls.rs", "a_client_of_http2_that_says_https_without_tls_is_refused"),
            ("tests/flow/tls.rs", "a_forwarded_scheme_is_not_believed"),
        ],
    ),
    line(
        "G15",
        "the route changes by what the filter sets or takes out",
        &[
            ("tests/wire/rerouted.rs", "a_route_by_a_header_of_ours_is_not_reached_by_sending_it"),
            ("tests/wire/routes.rs", "a_user_part_in_the_host_leads_into_no_other_virtual_host"),
        ],
    ),
    line(
        "H04",
        "web sockets that are let on",
        &[("tests/wire/real_issuers/jupyter.rs", "a_web_socket_of_a_notebook_is_opened_with_either_token")],
    ),
    line(
        "H09",
        "bodies of every framing wait with their request",
        &[
            (PARKED, "a_body_waits_with_its_request_and_arrives_whole"),
            (PARKED, "a_body_waits_with_its_request_where_envoy_would_let_it_pass"),
            (PARKED, "a_body_larger_than_every_buffer_arrives_whole_after_the_decision"),
        ],
    ),
    line(
        "H12",
        "a client leaves while it waits",
        &[
            (PARKED, "a_client_that_leaves_while_it_waits_leaves_no_trace"),
            (PARKED, "a_fetch_is_of_use_though_everybody_who_waited_has_left"),
            (UPDATES, "a_client_that_leaves_while_it_waits_through_an_update_leaves_no_trace"),
        ],
    ),
    line(
        "H14",
        "Envoy redirects a request itself",
        &[("tests/wire/rerouted.rs", "a_request_that_envoy_redirects_itself_is_judged_again")],
    ),
    line(
        "H15",
        "HTTP/2 streams are reset in thousands while a fetch is under way",
        &[("tests/wire/resets.rs", "streams_that_are_reset_while_they_wait_for_keys_leave_no_memory_taken")],
    ),
];
