//! D, the times.

use super::row::{Row, Way, token};
use super::scene::Scene;

/// The clock skew that is allowed where nothing else is configured.
const SKEW: i64 = 60;
const DAY: i64 = 86_400;

pub fn rows() -> Vec<Row> {
    [forms(), edges(), lifetimes()].into_iter().flatten().collect()
}

fn with(scene: &Scene, name: &str, seconds: i64) -> String {
    scene.token().issued_in(-600).claim(name, scene.seconds(seconds)).mint()
}

fn forms() -> Vec<Row> {
    let exp = |text: &'static str, reason| {
        token("D01", format!("exp {text}"), move |scene| scene.with_claim_text("exp", text)).is(401, reason)
    };
    let mut rows: Vec<Row> =
        ["0", "-1", "\"1893456000\"", "\"\"", "1.5", "1e3", "1e18", "-9223372036854775808", "null", "[]", "true", "{}"]
            .map(|text| exp(text, "invalid_claim"))
            .into();
    rows.extend([
        token("D00", "no exp, as some libraries take for ever", |scene| scene.token().without("exp").mint())
            .is(401, "missing_claim"),
        token("D00", "ten minutes over, as some libraries allow", |scene| with(scene, "exp", -600)).is(401, "expired"),
        token("D01", "exp absent", |scene| scene.token().without("exp").without("iat").mint()).is(401, "missing_claim"),
        exp("1000000000000000000", "lifetime_too_long"),
        exp("18446744073709551615", "lifetime_too_long"),
        exp("18446744073709551616", "invalid_claim"),
        token("D01", "exp of 2^64 - 1, no iat", |scene| scene.token().without("iat").claim("exp", u64::MAX).mint())
            .is(401, "lifetime_too_long"),
    ]);
    for name in ["nbf", "iat"] {
        for text in ["\"0\"", "-1", "1.5", "null", "[]", "1e3"] {
            let row = token("D03", format!("{name} {text}"), move |scene| scene.with_claim_text(name, text));
            rows.push(row.is(401, "invalid_claim"));
        }
    }
    rows
}

fn edges() -> Vec<Row> {
    let exp = |name: &str, seconds: i64| token("D02", name, move |scene| with(scene, "exp", seconds));
    let nbf = |name: &str, seconds: i64| token("D03", name, move |scene| with(scene, "nbf", seconds));
    // On the wire a second may go by before it is looked at: what is on the edge is for the core alone.
    vec![
        exp("exp a second before what the skew allows", -SKEW - 1).is(401, "expired"),
        exp("exp as long ago as the skew", -SKEW).is(401, "expired"),
        exp("exp a second later than that", -SKEW + 1).let_on().only(Way::Core),
        exp("exp half of the skew ago", -SKEW / 2).let_on(),
        exp("exp a second ago", -1).let_on(),
        exp("exp now", 0).let_on(),
        exp("exp in a second", 1).let_on(),
        nbf("nbf a second beyond the skew", SKEW + 1).is(401, "not_yet_valid").only(Way::Core),
        nbf("nbf at the skew", SKEW).let_on(),
        nbf("nbf a second before that", SKEW - 1).let_on(),
        nbf("nbf in two minutes", 120).is(401, "not_yet_valid"),
        nbf("nbf 0", i64::MIN).let_on().pin("some Keycloaks write it, and it says nothing"),
        token("D03", "iat a second beyond the skew", |scene| scene.token().issued_in(SKEW + 1).mint())
            .is(401, "not_yet_valid")
            .only(Way::Core),
        token("D03", "iat at the skew", |scene| scene.token().issued_in(SKEW).mint()).let_on(),
        token("D03", "iat in two minutes", |scene| scene.token().issued_in(120).mint()).is(401, "not_yet_valid"),
        token("D03", "iat after exp", |scene| scene.token().issued_in(0).expires_in(-1).mint())
            .is(401, "invalid_claim"),
        token("D03", "nbf after exp", |scene| {
            scene.token().issued_in(-600).claim("nbf", scene.now).expires_in(-1).mint()
        })
        .is(401, "invalid_claim"),
        token("D03", "iat 0", |scene| scene.token().claim("iat", 0).mint()).is(401, "invalid_claim"),
    ]
}

fn lifetimes() -> Vec<Row> {
    vec![
        token("D04", "exp a day after iat", |scene| scene.token().expires_in(DAY).mint()).let_on(),
        token("D04", "exp a day and a second after iat", |scene| scene.token().expires_in(DAY + 1).mint())
            .is(401, "lifetime_too_long"),
        token("D04", "without iat, over in two days", |scene| scene.token().without("iat").expires_in(2 * DAY).mint())
            .is(401, "lifetime_too_long"),
        token("D04", "old enough to be over soon, but made for two days", |scene| {
            scene.token().issued_in(-2 * DAY).expires_in(60).mint()
        })
        .is(401, "lifetime_too_long"),
    ]
}
