//! Issuers whose discovery document may be at one of two places.

use super::*;

const FIRST: &str = "GET /.well-known/openid-configuration";
const SECOND: &str = "GET /.well-known/oauth-authorization-server";
const GOOD: &str = r#"{"issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#;

#[test]
fn the_second_place_is_asked_in_the_same_attempt_where_nothing_is_at_the_first() {
    for status in [400, 401, 403, 404, 405, 410, 499] {
        Story::falling_back(2).play(
            &format!("{status}"),
            &[
                (0.0, 0, Beat, FIRST),
                (0.0, 1, Ask("a"), "waits"),
                (0.1, 0, Status(status), SECOND),
                (0.1, 0, Beat, ""),
                (0.1, 1, Beat, ""),
                (0.2, 0, Body(GOOD), GET),
                (0.3, 0, Fields("a", &[("etag", "\"1\"")]), "ok!"),
                (0.3, 1, Beat, ""),
                (0.3, 1, Wake, "good"),
                // The issuer may have changed its mind in the meantime.
                (580.0, 0, Beat, FIRST),
                (580.0, 0, Body(GOOD), "GET /keys unless \"1\""),
                (580.0, 0, Status(304), "not_modified"),
            ],
        );
    }
}

#[test]
fn the_second_place_is_not_asked_where_the_first_has_a_document_or_cannot_say() {
    let another = r#"{"issuer":"https://b.test","jwks_uri":"https://a.test/keys"}"#;
    for (name, answer, told) in [
        ("a document", Body(GOOD), GET),
        ("no document", Body("<html>"), "bad_discovery!"),
        ("another issuer's", Body(another), "bad_discovery!"),
        ("no content", Status(204), "status!"),
        ("a redirect", Status(302), "status!"),
        ("too slow", Status(408), "status!"),
        ("too often", Status(429), "status!"),
        ("broken", Status(500), "status!"),
        ("unreachable", Status(503), "status!"),
        ("no answer", Fails(FetchError::NoAnswer), "no_answer!"),
        ("not sent", Fails(FetchError::NotSent), "not_sent!"),
        ("too large", Fails(FetchError::TooLarge), "too_large!"),
    ] {
        Story::falling_back(1).play(name, &[(0.0, 0, Beat, FIRST), (0.1, 0, answer, told)]);
    }
    Story::discovering().play("there is no second", &[(0.0, 0, Beat, FIRST), (0.1, 0, Status(404), "status!")]);
    Story::falling_back(1).play(
        "keys that the first does not have",
        &[(0.0, 0, Beat, FIRST), (0.1, 0, Body(GOOD), GET), (0.2, 0, Status(404), "status!")],
    );
}

#[test]
fn the_second_place_fails_as_the_first_does_and_the_next_attempt_begins_at_the_first() {
    let body = |issuer: &str, keys: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#);
    let another_issuer = body("https://b.test", "https://a.test/keys");
    let another_host = body("https://a.test", "https://b.test/keys");
    for (name, answer, told) in [
        ("nothing there either", Status(404), "status!"),
        ("broken", Status(500), "status!"),
        ("no answer", Fails(FetchError::NoAnswer), "no_answer!"),
        ("no document", Body("<html>"), "bad_discovery!"),
        ("another issuer's", Body(&another_issuer), "bad_discovery!"),
        ("keys on another host", Body(&another_host), "bad_discovery!"),
    ] {
        Story::falling_back(2).play(
            name,
            &[
                (0.0, 0, Beat, FIRST),
                (0.1, 0, Status(404), SECOND),
                (0.1, 0, Ask("a"), "waits"),
                (0.2, 0, answer, told),
                (0.2, 0, Wake, "none for 1 s"),
                (0.2, 1, Beat, ""),
                (1.2, 1, Beat, FIRST),
                (1.3, 1, Status(404), SECOND),
                (1.4, 1, Body(GOOD), GET),
                (1.5, 1, Keys("a"), "ok!"),
                (1.5, 1, Ask("a"), "good"),
            ],
        );
    }
}

#[test]
fn the_log_names_the_place_that_failed_last() {
    for (status, failed_at) in [(404, "oauth-authorization-server"), (500, "openid-configuration")] {
        let mut story = Story::falling_back(1);
        let store = &mut story.workers[0].store;
        let mut fetch = store.due(at(0.0)).fetches.remove(0);
        let notice = loop {
            let Finished { next, notice } = store.finish(&fetch, Err(FetchError::Status(status)), at(0.1));
            match next {
                Some(next) => fetch = next,
                None => break notice.unwrap(),
            }
        };
        let (_, line) = notice.log.unwrap();
        let want = format!("GET https://a.test/.well-known/{failed_at} through cluster a: status {status}; ");
        assert!(line.contains(&want), "{line}");
    }
}

#[test]
fn an_attempt_has_the_time_of_three_fetches_and_not_more() {
    Story::falling_back(2).play(
        "all answers take nearly as long as they may",
        &[
            (0.0, 0, Beat, FIRST),
            (4.9, 0, Status(404), SECOND),
            (9.8, 0, Body(GOOD), GET),
            (14.7, 1, Beat, ""),
            (14.7, 0, Keys("a"), "ok!"),
        ],
    );
    Story::falling_back(2).play(
        "who was given up on by another one asks for no more",
        &[(0.0, 0, Beat, FIRST), (17.0, 1, Beat, ""), (17.1, 1, Beat, "no_answer!"), (17.2, 0, Status(404), "")],
    );
    let mut story = Story::falling_back(0);
    story.source.timeout = Duration::from_secs(30);
    (0..2).for_each(|_| story.worker_comes());
    story.play(
        "the longest that can be configured",
        &[
            (0.0, 0, Beat, FIRST),
            (0.0, 1, Beat, ""),
            (29.0, 0, Status(404), SECOND),
            (58.0, 0, Body(GOOD), GET),
            (89.0, 1, Ask("a"), "waits"),
            (89.0, 1, Beat, ""),
            (89.0, 0, Keys("a"), "ok!"),
            (89.1, 1, Beat, ""),
            (89.1, 1, Wake, "good"),
        ],
    );
}

#[test]
fn keys_that_came_with_a_second_place_in_mind_are_not_those_of_one_who_knows_none() {
    let mut story = Story::falling_back(1);
    story.play("keys", &[(0.0, 0, Beat, FIRST), (0.1, 0, Body(GOOD), GET), (0.2, 0, Keys("a"), "ok!")]);
    story.worker_comes();
    story.source = Story::discovering().source;
    story.worker_comes();
    story.play("the same place, and another", &[(1.0, 1, Beat, ""), (1.0, 1, Ask("a"), "good"), (1.0, 2, Beat, FIRST)]);
}
