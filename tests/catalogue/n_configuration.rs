//! N: configurations.

use super::elsewhere::{Line, line, outside};

const FLOW: &str = "tests/flow.rs";
const CONFIG: &str = "src/config/tests.rs";

pub const LINES: &[Line] = &[
    line("N01", "an unknown field", &[(CONFIG, "one_mistake_gives_one_error_that_names_the_field")]),
    line("N02", "a field twice", &[(CONFIG, "a_field_that_stands_twice_is_refused_wherever_it_is")]),
    line("N03", "no issuers", &[(CONFIG, "issuers: needs at least one item")]),
    line(
        "N04",
        "an issuer that begins or ends with a space",
        &[(CONFIG, "issuers[0].issuer: begins or ends with white space, or holds a control character")],
    ),
    line(
        "N05",
        "keys over http",
        &[(CONFIG, "/issuers/0/jwks/uri"), ("src/jwks/uri.rs", "loopback_is_told_from_names_that_only_look_like_it")],
    ),
    line(
        "N06",
        "a lifetime of keys outside 5 min to 1 h",
        &[(CONFIG, "issuers[0].jwks.cache: must be between 5m and 1h")],
    ),
    line("N07", "an unknown algorithm", &[(CONFIG, "/issuers/0/algorithms")]),
    line("N08", "HS256 in the list", &[(CONFIG, "/issuers/0/algorithms")]),
    line(
        "N09",
        "a rule that is never reached",
        &[
            ("src/policy/matching.rs", "a_rule_that_an_earlier_one_covers_is_noticed"),
            ("src/policy/index/tests.rs", "rules_that_only_together_cover_a_later_one_are_noticed"),
        ],
    ),
    line(
        "N10",
        "exemptions that contradict each other",
        &[(CONFIG, "rules[0].require: asks for something, though `access` lets requests on without a token")],
    ),
    line(
        "N11",
        "a key that cannot be read",
        &[(CONFIG, "issuers[0].jwks.inline: keys[0]: a private key, which does not belong here")],
    ),
    outside("N12", "a sealing key that is too short", "nothing is sealed: there is no login"),
    line(
        "N13",
        "a section that is missing denies",
        &[
            (CONFIG, "what_is_no_configuration_at_all_says_so"),
            (FLOW, "a_rule_decides_by_capabilities_groups_and_users"),
        ],
    ),
];
