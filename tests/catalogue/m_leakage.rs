//! M: where a token could show. The rows of M01 are sent to an Envoy that logs each call between it and the filter, and
//! its logs are searched for their tokens.

use super::elsewhere::{Line, line, outside};
use super::row::{Place, Row, row};
use super::scene::Scene;
use crate::wire::harness::request::Request;

const CACHE: &str = "src/token/cache/tests.rs";

pub const LINES: &[Line] = &[
    line(
        "M02",
        "what fails says where, and not what it held",
        &[
            ("src/secret.rs", "debug_output_does_not_hold_the_value"),
            ("src/token.rs", "debug_output_does_not_hold_the_token"),
            (CACHE, "debug_output_holds_no_token"),
        ],
    ),
    line(
        "M03",
        "the access log",
        &[
            ("tests/wire/access_log.rs", "the_access_log_never_holds_the_token_of_a_query_or_an_authority"),
            ("tests/abi/refusing_host.rs", "a_refusal_stands_though_the_credentials_cannot_be_taken_out"),
        ],
    ),
    outside("M04", "spans that Envoy begins before any filter", "Envoy's own: `credentials.query` is off by default"),
    line(
        "M05",
        "upstream, only where it was asked for",
        &[
            ("tests/wire/accepted.rs", "every_form_of_credential_is_accepted_and_gone_upstream"),
            ("tests/wire/accepted.rs", "a_forwarded_token_arrives_as_bearer_however_it_came"),
        ],
    ),
    line(
        "M06",
        "answers repeat nothing; every row here is held to it",
        &[
            ("tests/wire/answers.rs", "the_body_of_a_refusal_is_of_the_type_the_client_prefers"),
            ("src/denial.rs", "what_a_client_is_told_needs_no_escaping"),
        ],
    ),
    line(
        "M07",
        "metrics have a fixed set of reasons",
        &[
            ("src/denial.rs", "every_refusal_is_as_the_table_says"),
            ("tests/abi/remembered.rs", "what_is_counted_has_no_part_of_a_token_in_its_name"),
        ],
    ),
    outside(
        "M08",
        "secrets of the configuration in Envoy's dump",
        "it has none: private and symmetric keys are refused",
    ),
    outside(
        "M09",
        "the time that comparing secrets takes",
        "no secret is compared: signatures are checked by public keys",
    ),
    line(
        "M10",
        "what workers share are public keys",
        &[
            ("tests/abi/workers.rs", "what_somebody_else_wrote_in_our_place_is_as_good_as_nothing"),
            ("src/jwks/key.rs", "a_key_is_used_for_what_it_says_and_no_more"),
        ],
    ),
];

pub fn rows() -> Vec<Row> {
    let of = |name: &str, request: fn(&Scene) -> Request| row("M01", name, request).at(Place::AsWritten);
    let forged = |scene: &Scene| {
        let (text, _) = scene.good.rsplit_once('.').expect("a token");
        format!("{text}.{}", "A".repeat(342))
    };
    vec![
        of("Bearer, let on", |scene| Request::get("/me").bearer(&scene.good)).let_on(),
        of("Basic, let on", |scene| Request::get("/me").basic(&scene.good, "x-oauth-basic")).let_on(),
        of("Bearer, anonymous", |scene| Request::get("/open").bearer(&scene.good)).is(200, "anonymous"),
        of("Bearer, no rule", |scene| Request::get("/nowhere").bearer(&scene.good)).is(403, "no_rule"),
        of("Bearer, missing capability", |scene| Request::get("/api/tap").bearer(&scene.good))
            .is(403, "insufficient_scope"),
        of("Bearer, expired", |scene| {
            Request::get("/me").bearer(&scene.token().issued_in(-7200).expires_in(-3600).mint())
        })
        .is(401, "expired"),
        row("M01", "Bearer, forged", move |scene| Request::get("/me").bearer(&forged(scene)))
            .at(Place::AsWritten)
            .is(401, "bad_signature"),
        of("Bearer, cut off", |scene| Request::get("/me").bearer(&scene.good[..scene.good.len() - 302]))
            .is(401, "bad_signature"),
        of("twice", |scene| Request::get("/me").bearer(&scene.good).bearer(&scene.good)).is(400, "several_credentials"),
        of("a password", |_| Request::get("/me").basic("alice", "correct-horse-battery"))
            .is(401, "not_a_token")
            .hides("correct-horse-battery")
            .hides("YWxpY2U6Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"),
        of("another scheme", |_| Request::get("/me").field("authorization", "Token correct-horse-battery"))
            .is(401, "foreign_authorization")
            .hides("correct-horse-battery"),
    ]
}
