//! J: what issuers answer, and whom the filter asks.

use super::elsewhere::{Line, line, outside};

const CHAOS: &str = "tests/chaos/rows.rs";
const HERD: &str = "tests/wire/herd.rs";
const CACHE: &str = "src/token/cache/tests.rs";
const CONFIG: &str = "src/config/tests.rs";

pub const LINES: &[Line] = &[
    line(
        "J01",
        "the issuer refuses, resets, closes, times out, trickles",
        &[
            (CHAOS, "J01 refuses connections"),
            (CHAOS, "J01 resets within the body"),
            (CHAOS, "J01 garbage instead of HTTP"),
            (CHAOS, "J01 never answers from the start"),
            (CHAOS, "J01 a byte every 100 ms"),
        ],
    ),
    line(
        "J02",
        "statuses that bring no keys; redirects are not followed",
        &[(CHAOS, "J02 status 500 with keys"), (CHAOS, "J02 status 302 with keys"), (CHAOS, "J02 status 204")],
    ),
    line(
        "J03",
        "bodies that are no key set",
        &[(CHAOS, "J03 HTML"), (CHAOS, "J03 keys: {}"), (CHAOS, "J03 truncated JSON"), (CHAOS, "J03 byte order mark")],
    ),
    line(
        "J04",
        "bodies and key sets that are too large",
        &[
            (CHAOS, "J04 40 MiB"),
            (CHAOS, "J04 100 000 keys"),
            (CHAOS, "J04 65 keys"),
            ("tests/abi/issuers.rs", "an_answer_is_copied_up_to_256_kib_and_no_further"),
        ],
    ),
    line(
        "J05",
        "one bad key among good ones",
        &[
            (CHAOS, "J05 RSA of 1024 bits"),
            (CHAOS, "J05 no object"),
            ("src/jwks.rs", "one_bad_key_does_not_cost_the_good_ones"),
        ],
    ),
    line(
        "J06",
        "types, curves and algorithms to come",
        &[(CHAOS, "J06 an unknown type"), (CHAOS, "J06 an unknown curve"), (CHAOS, "J06 an algorithm of another type")],
    ),
    line(
        "J07",
        "the set is emptied: the keys at hand stay, by choice",
        &[(CHAOS, "J07 keys: []"), (CHAOS, "J07 keys: [] from the start")],
    ),
    line(
        "J08",
        "a new key",
        &[
            (CHAOS, "J08 a new key"),
            (CHAOS, "J08 a new key for a crowd"),
            ("tests/wire/keys.rs", "a_new_key_is_fetched_when_the_first_token_it_signed_arrives"),
        ],
    ),
    line(
        "J09",
        "a key is withdrawn",
        &[
            (CHAOS, "J09 a key withdrawn"),
            ("tests/wire/remembered.rs", "a_key_that_is_withdrawn_takes_its_tokens_with_it_on_every_worker"),
        ],
    ),
    line(
        "J10",
        "another key under the same name",
        &[
            (CHAOS, "J10 a key replaced under its name"),
            (CACHE, "keys_that_stand_where_others_stood_are_not_taken_for_them"),
        ],
    ),
    line(
        "J11",
        "lifetimes that cannot be",
        &[
            (CHAOS, "J11 max-age=0"),
            (CHAOS, "J11 max-age=10^9"),
            (CHAOS, "J11 garbage"),
            (
                "src/jwks/freshness.rs",
                "the_lifetime_stays_between_five_minutes_and_an_hour_and_within_what_was_configured",
            ),
        ],
    ),
    line(
        "J12",
        "header fields that are no UTF-8",
        &[
            (CHAOS, "J12 a header that is not UTF-8"),
            ("tests/abi/issuers.rs", "bytes_in_the_answers_headers_do_no_harm"),
        ],
    ),
    line(
        "J13",
        "a herd on cold keys",
        &[(HERD, "a_herd_on_cold_keys_waits_for_one_fetch_of_all_workers_and_is_served")],
    ),
    line(
        "J14",
        "a herd on a failure",
        &[
            (HERD, "a_herd_on_failing_keys_is_told_to_come_again"),
            ("src/jwks/store/tests/failing.rs", "failed_fetches_pause_longer_each_time_up_to_a_minute"),
            ("src/jwks/store/tests/failing.rs", "proxies_whose_issuer_went_away_do_not_come_back_together"),
        ],
    ),
    line(
        "J15",
        "discovery leads elsewhere",
        &[
            (CHAOS, "J15 discovery to cloud metadata"),
            (CHAOS, "J15 discovery of another issuer"),
            ("tests/wire/discovery.rs", "discovery_finds_the_keys_and_believes_only_the_issuer_itself"),
            ("tests/wire/keys.rs", "a_token_of_an_unknown_issuer_or_a_broken_one_asks_nobody"),
        ],
    ),
    outside("J16", "what Envoy adds to requests for keys", "Envoy's own; envoy/KEYS.md names both fields"),
    line("J17", "a timeout of 0 would be none", &[(CONFIG, "one_mistake_gives_one_error_that_names_the_field")]),
    line(
        "J18",
        "no such cluster, or no host in it",
        &[
            (CHAOS, "J18 no such cluster"),
            (
                "tests/wire/late_cluster.rs",
                "tokens_are_accepted_as_soon_as_the_cluster_is_there_and_its_lack_is_told_once",
            ),
        ],
    ),
];
