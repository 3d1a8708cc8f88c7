//! What is told: gauges, and the log.

use super::*;

#[test]
fn gauges_tell_how_many_keys_there_are_and_how_old() {
    let mut story = Story::new(1);
    let gauges = |story: &mut Story, now| story.workers[0].store.gauges(at(now));
    let gauge = |name: &str, value| (format!("{name}.issuer.https://a.test"), value);
    assert_eq!(gauges(&mut story, 0.0), [gauge("postern_jwks_keys", 0)]);
    assert_eq!(gauges(&mut story, 0.0), []);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("ab"), "ok!")]);
    assert_eq!(gauges(&mut story, 0.0), [gauge("postern_jwks_keys", 2), gauge("postern_jwks_age_seconds", 0)]);
    assert_eq!(gauges(&mut story, 7.5), [gauge("postern_jwks_age_seconds", 7)]);
    let end = LIFETIME as f64 + 24.0 * 3600.0;
    assert_eq!(gauges(&mut story, end), [gauge("postern_jwks_keys", 0), gauge("postern_jwks_age_seconds", 87_000)]);
}

#[test]
fn what_the_alerts_go_by_is_what_is_told() {
    let error = JwkSet::parse(b"").unwrap_err();
    let errors = [
        FetchError::NotSent,
        FetchError::NoAnswer,
        FetchError::Status(500),
        FetchError::TooLarge,
        FetchError::Jwks(error),
        FetchError::Discovery("not a JSON document"),
    ];
    let outcomes = errors.iter().map(FetchError::kind).chain(["ok", "not_modified"]);
    let mut names: Vec<String> =
        outcomes.map(|outcome| format!("postern_jwks_fetch_total.outcome.{outcome}.issuer.https://a.test")).collect();
    let mut story = Story::new(1);
    story.play("keys", &[(0.0, 0, Beat, GET), (0.0, 0, Keys("ab"), "ok!")]);
    names.extend(story.workers[0].store.gauges(at(1.0)).into_iter().map(|(name, _)| name));
    crate::record::listed::hold("postern_jwks", names);
}

#[test]
fn the_log_says_what_changed_and_what_there_is_to_go_on_with() {
    let mut story = Story::new(1);
    let mut log = |event: &Event<'_>, now| {
        let worker = &mut story.workers[0];
        let fetch = worker.store.due(at(now)).fetches.remove(0);
        let answer = match event {
            Keys(kids) => Ok(Answer { status: 200, body: key_set(kids).into_bytes(), ..Answer::default() }),
            Fails(error) => Err(error.clone()),
            _ => unreachable!(),
        };
        worker.store.finish(&fetch, answer, at(now)).notice.unwrap().log.map(|(level, text)| format!("{level} {text}"))
    };
    let info = |text: &str| {
        Some(format!("INFO keys of issuer https://a.test: {text}; GET https://a.test/keys through cluster a"))
    };
    let through = "GET https://a.test/keys through cluster a";
    assert_eq!(
        log(&Fails(FetchError::NoAnswer), 0.0),
        Some(format!(
            "WARN keys of issuer https://a.test: {through}: the answer did not come, or not whole; there are none to go on with"
        ))
    );
    assert_eq!(log(&Fails(FetchError::NoAnswer), 2.0), None);
    assert_eq!(log(&Keys("a"), 5.0), info("to use are a"));
    assert_eq!(log(&Keys("a"), 1000.0), None);
    assert_eq!(log(&Keys("ab"), 2000.0), info("changed, to use are a, b"));
    assert_eq!(
        log(&Fails(FetchError::Jwks(JwkSetError::NoUsableKey(None))), 3000.0),
        Some(format!(
            "WARN keys of issuer https://a.test: {through}: the answer is no usable key set: no key; those at hand stay in use"
        ))
    );
    assert_eq!(log(&Keys("ab"), 4000.0), info("fetched again, to use are a, b"));
}
