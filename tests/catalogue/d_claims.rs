//! D, all claims but the times.

use serde_json::{Value, json};

use super::row::{Row, token};
use super::scene::{Scene, usual};
use super::world::{AT_JWT, CLIENT, ID_TOKENS, KEYCLOAK, SECOND, TWINS};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token};

pub fn rows() -> Vec<Row> {
    let parts = [audiences(), issuers(), kinds()];
    parts.into_iter().flatten().collect()
}

/// A good token with this claim.
pub fn with(id: &'static str, name: &str, claim: &'static str, value: Value) -> Row {
    token(id, name, move |scene| scene.token().claim(claim, value.clone()).mint())
}

fn audiences() -> Vec<Row> {
    let aud = |name: &str, value: Value| with("D05", name, "aud", value);
    let mut many = vec!["https://other.test"; 400];
    many.push(AUDIENCE);
    let mut rows = vec![
        token("D05", "no aud", |scene| scene.token().without("aud").mint()).is(401, "missing_claim"),
        aud("one of many", json!(many)).let_on(),
        aud("ours and a number", json!([AUDIENCE, 1])).is(401, "invalid_claim"),
        aud("ours, twice", json!([AUDIENCE, AUDIENCE])).let_on(),
    ];
    for (name, value) in [
        ("aud []", json!([])),
        ("aud empty", json!("")),
        ("aud null", Value::Null),
        ("aud [1]", json!([1])),
        ("aud a list in a list", json!([[AUDIENCE]])),
        ("aud an object", json!({ AUDIENCE: true })),
        ("a prefix of ours", json!("https://api")),
        ("ours and more", json!("https://api.test2")),
        ("ours with a slash", json!("https://api.test/")),
        ("ours in capitals", json!("HTTPS://API.TEST")),
        ("ours and a space", json!("https://api.test ")),
        ("ours and another in one string", json!("https://api.test https://other.test")),
        ("ours with a comma", json!("https://api.test,https://other.test")),
        ("ours and NUL", json!("https://api.test\0")),
    ] {
        rows.push(aud(name, value).is(401, "wrong_audience"));
    }
    rows
}

fn issuers() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "https://issuer.test/",
        "HTTPS://issuer.test",
        "https://ISSUER.test",
        "https://issuer.test:443",
        "https://issuer%2etest",
        "https://issuer.test ",
        " https://issuer.test",
        "https://issuer.test\0",
        "https://\u{456}ssuer.test",
        "https://user@issuer.test",
        "https://issuer.test.evil.test",
        "https://evil.test/https://issuer.test",
        "http://issuer.test",
        "http://127.0.0.1:9901/quitquitquit",
        "",
    ]
    .map(|name| with("D06", &format!("iss {name:?}"), "iss", json!(name)).is(401, "unknown_issuer"))
    .into();
    for (name, value) in [("a list", json!([ISSUER])), ("null", Value::Null), ("a number", json!(7))] {
        rows.push(with("D06", &format!("iss {name}"), "iss", value).is(401, "invalid_claim"));
    }
    let named = |signer: Signer, issuer: &'static str| {
        move |scene: &Scene| Token::at(&signer, scene.now).claim("iss", issuer).mint()
    };
    let of_second = || Signer::other_rs256().with_kid(usual().kid());
    let for_twin = |issuer: &'static str, audience: &'static str| {
        move |scene: &Scene| scene.token().claim("iss", issuer).claim("aud", audience).mint()
    };
    let [(a, for_a), (b, for_b)] = TWINS;
    rows.extend([
        token("D06", "no iss", |scene| scene.token().without("iss").mint()).is(401, "missing_claim"),
        token("D07", "iss of one, key of the other", named(of_second(), ISSUER)).is(401, "bad_signature"),
        token("D07", "the other way round", named(usual(), SECOND)).is(401, "bad_signature"),
        token("D07", "the other one's own", named(of_second(), SECOND)).let_on(),
        token("D08", "twin issuers, the one's", for_twin(a, for_a)).let_on(),
        token("D08", "the other's", for_twin(b, for_b)).let_on(),
        token("D08", "the one's for the other's audience", for_twin(a, for_b)).is(401, "wrong_audience"),
        token("D08", "the other's for the one's audience", for_twin(b, for_a)).is(401, "wrong_audience"),
        token("D08", "a third one with the same keys, not configured", for_twin("https://twin-c.test", for_a))
            .is(401, "unknown_issuer"),
        token("D11", "issued by ourselves for the service", |scene| {
            scene.token().claim("iss", AUDIENCE).claim("aud", "https://upstream.test").mint()
        })
        .is(401, "unknown_issuer"),
    ]);
    rows
}

fn kinds() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("D09", "nonce", "nonce", json!("n")),
        ("D09", "at_hash", "at_hash", json!("h")),
        ("D09", "c_hash", "c_hash", json!("h")),
        ("D09", "token_use id", "token_use", json!("id")),
        ("D09", "typ ID", "typ", json!("ID")),
        ("D10", "typ Refresh", "typ", json!("Refresh")),
        ("D10", "typ Offline", "typ", json!("Offline")),
        ("D10", "typ Logout", "typ", json!("Logout")),
        ("D10", "typ RegistrationAccessToken", "typ", json!("RegistrationAccessToken")),
        ("D10", "typ InitialAccessToken", "typ", json!("InitialAccessToken")),
        ("D10", "token_type refresh", "token_type", json!("refresh")),
        ("D10", "events", "events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
        (
            "E10",
            "a token bound to a key, as Bearer",
            "cnf",
            json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        ),
        (
            "E10",
            "a token bound to a certificate, as Bearer",
            "cnf",
            json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        ),
    ]
    .into_iter()
    .map(|(id, name, claim, value)| with(id, name, claim, value).is(401, "token_kind"))
    .collect();
    let id_token = |scene: &Scene| scene.token().claim("iss", ID_TOKENS).claim("aud", CLIENT).claim("nonce", "n");
    rows.extend([
        with("D09", "aud of a client", "aud", json!(CLIENT)).is(401, "wrong_audience"),
        token("D09", "where the issuer is configured for it", move |scene| id_token(scene).mint()).let_on(),
        token("D09", "an access token there", |scene| {
            scene.token().claim("iss", ID_TOKENS).claim("aud", CLIENT).header("typ", "at+jwt").mint()
        })
        .is(401, "token_kind"),
        token("D09", "an ID token that says at+jwt", |scene| {
            scene
                .token()
                .claim("iss", AT_JWT)
                .claim("client_id", "c")
                .claim("jti", "1")
                .claim("typ", "ID")
                .header("typ", "at+jwt")
                .mint()
        })
        .is(401, "token_kind"),
        token("D10", "Keycloak's refresh token", |scene| {
            scene.token().claim("iss", KEYCLOAK).claim("typ", "Refresh").mint()
        })
        .is(401, "token_kind"),
        token("D10", "a Keycloak token that does not say what it is", |scene| {
            scene.token().claim("iss", KEYCLOAK).mint()
        })
        .is(401, "token_kind"),
    ]);
    rows
}
