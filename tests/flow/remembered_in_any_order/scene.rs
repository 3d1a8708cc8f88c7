//! What comes: tokens of every sort, requests with them, the keys that are published, and the moments.

use postern::request::{Route, RouteMetadata};
use serde_json::{Value, json};

use crate::scenario::NOW;
use crate::support::dice::Dice;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, base64url, jwks};

const SECOND: &str = "https://second.test";
const HOUR: i64 = 3600;

pub struct Request {
    pub fields: Vec<(String, String)>,
    pub route: Route,
}

pub fn document() -> Value {
    json!({
        "issuers": [
            {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["ES256"], "max_lifetime": "12h",
                "jwks": {"uri": "https://issuer.test/keys", "cluster": "issuer"}},
            {"issuer": SECOND, "audiences": [AUDIENCE, "second"], "algorithms": ["ES256"], "max_lifetime": "1h", "clock_skew": "0s",
                "token_use": ["access", "id"], "jwks": {"inline": jwks(&[&Signer::es256()])}},
        ],
        "credentials": {"query": true},
        "capabilities": {"preset": "lsst"},
        "headers": {"forward_token": true, "claims": {"x-level": "level"}},
        "rules": [
            {"name": "tap", "match": {"prefix": "/tap"}, "require": {"capabilities": {"all_of": ["read:tap"]}}},
            {"name": "portal", "match": {"prefix": "/portal"}, "require": {"capabilities": {"all_of": ["exec:portal"]}}},
            {"name": "person", "match": {"prefix": "/person"}, "require": {"interactive": true}},
            {"name": "recent", "match": {"prefix": "/recent"}, "require": {"max_auth_age": "15m"}},
            {"name": "alice", "match": {"prefix": "/alice"}, "require": {"users": ["alice"]}},
            {"name": "second", "match": {"prefix": "/second"}, "require": {"issuers": [SECOND]}},
            {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional"},
            {"name": "public", "match": {"prefix": "/public"}, "access": "anonymous"},
            {"name": "shadow", "match": {"prefix": "/shadow"}, "require": {"users": ["bob"]}, "shadow": true},
            {"name": "any", "match": {"prefix": "/any"}},
        ],
    })
}

const PATHS: [&str; 11] =
    ["/tap", "/portal", "/person", "/recent", "/alice", "/second", "/optional", "/public", "/shadow", "/any", "/none"];

/// Two keys by two names: who has which changes.
fn signer(key: char, kid: &str) -> Signer {
    if key == 'a' { Signer::es256() } else { Signer::other_es256() }.with_kid(kid)
}

/// What is published by and by; where there is nothing, the issuer cannot be reached, or sends something else.
pub fn published() -> Vec<Option<String>> {
    let set = |keys: &[(char, &str)]| {
        let signers: Vec<Signer> = keys.iter().map(|(key, kid)| signer(*key, kid)).collect();
        Some(jwks(&signers.iter().collect::<Vec<_>>()).to_string())
    };
    vec![
        set(&[('a', "k1")]),
        set(&[('a', "k1"), ('b', "k2")]),
        set(&[('b', "k2")]),
        set(&[('b', "k1")]),
        set(&[('b', "k1"), ('a', "k2")]),
        None,
        Some("<html>".to_owned()),
    ]
}

/// The tokens, and the moments at which one of them changes, in seconds from the beginning.
pub fn tokens() -> (Vec<String>, Vec<i64>) {
    let by = |key, kid| Token::at(&signer(key, kid), NOW).claim("scope", "read:tap").expires_in(6 * HOUR);
    let t = || by('a', "k1");
    let at = |seconds: i64| NOW.checked_add_signed(seconds).unwrap();
    let second =
        || Token::at(&Signer::es256(), NOW).claims(json!({"iss": SECOND, "scope": "exec:portal"})).expires_in(3000);
    let mut list: Vec<Token> = vec![
        t(),
        t().claim("sub", "bob"),
        by('b', "k2"),
        by('b', "k1"),
        by('a', "k2"),
        by('a', "k3"),
        t().without_header("kid"),
        by('b', "k1").without_header("kid"),
        // The day of the second issuer.
        second(),
        second().claim("sub", "bob"),
        second().claim("auth_time", at(500)),
        second().claim("auth_time", at(-500)),
        second().claim("nbf", at(100)),
        second().without("iat"),
        second().without("iat").claim("nbf", at(0)).expires_in(1000),
        second().claims(json!({"aud": "second", "nonce": "n"})),
        second().claims(json!({"aud": "second", "azp": "second"})).without("scope"),
        second().claims(json!({"token_type": "refresh"})),
        second().header("kid", "nobody"),
        Token::at(&Signer::other_es256().with_kid(Signer::es256().kid()), NOW).claim("iss", SECOND),
        // What is wrong with them stays wrong.
        t().claim("aud", "https://other.test"),
        t().claim("iss", "https://other.test"),
        t().without("exp"),
        t().claim("sub", "a\nb"),
        t().claim("scope", 7),
        t().header("alg", "ES384"),
        t().claim("exp", at(24 * HOUR)),
        t().without("iat").claim("exp", at(13 * HOUR)),
        t().without("iat").claim("exp", at(12 * HOUR)),
    ];
    for exp in [-HOUR, -61, 0, 300, HOUR, 3 * HOUR] {
        list.push(t().issued_in(-2 * HOUR).claim("exp", at(exp)));
    }
    for iat in [-HOUR, 0, 60, 61, 600, HOUR] {
        list.push(t().claims(json!({"iat": at(iat), "auth_time": at(iat - 100)})));
        list.push(t().claims(json!({"iat": at(-600), "nbf": at(iat), "level": iat})));
    }
    for login in [-2 * HOUR, -900, 0, 60, 61, 900, HOUR] {
        list.push(t().claims(json!({"auth_time": at(login), "scope": "read:tap exec:portal"})));
    }
    let mut tokens: Vec<String> = list.iter().map(Token::mint).collect();
    // Nobody signed these, and the last ends like a good one.
    let good = tokens[0].clone();
    let payload = base64url(json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "root", "exp": at(HOUR)}).to_string());
    let [header, _, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    tokens.push(format!("{header}.{payload}.{signature}"));
    tokens.extend(["abc".to_owned(), format!("{good}x"), good[1..].to_owned(), good.to_uppercase()]);
    // Where exp, nbf, iat, auth_time, with and without what clocks may differ, the longest lives and ages may end.
    let moments =
        [-HOUR, -900, -600, -500, -61, 0, 60, 61, 100, 300, 500, 600, 900, 1000, 3000, HOUR, 3 * HOUR, 6 * HOUR];
    let away = [0, -60, 60, 900, 960, -HOUR, -12 * HOUR];
    let moments = moments.iter().flat_map(|moment| away.iter().map(move |away| moment + away)).collect();
    (tokens, moments)
}

pub fn request(dice: &mut Dice, tokens: &[String]) -> Request {
    let token = dice.one_of(tokens);
    let path = *dice.one_of(&PATHS);
    let method = if dice.one_in(8) { "COPY" } else { "GET" };
    let mut fields =
        vec![(":method", method.to_owned()), (":scheme", "https".to_owned()), (":authority", "api.test".to_owned())];
    match dice.below(8) {
        0 => {
            use base64::Engine;
            let pair = if dice.one_in(2) { format!("{token}:x-oauth-basic") } else { format!(":{token}") };
            fields.push(("authorization", format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))));
            fields.push((":path", path.to_owned()));
        }
        1 => fields.push((":path", format!("{path}?a=1&access_token={token}"))),
        2 if dice.one_in(4) => fields.push((":path", path.to_owned())),
        _ => {
            fields.push(("authorization", format!("Bearer {token}")));
            fields.push((":path", path.to_owned()));
        }
    }
    if method == "COPY" {
        // Two rules have to let it on.
        fields.push(("destination", format!("https://api.test{}", dice.one_of(&PATHS))));
    }
    let metadata = match dice.below(12) {
        0 => RouteMetadata::Present { rule: None, capabilities: Some("read:tap".to_owned()) },
        1 => RouteMetadata::Present { rule: Some("alice".to_owned()), capabilities: None },
        2 => RouteMetadata::Present { rule: Some("recent".to_owned()), capabilities: Some("exec:portal".to_owned()) },
        _ => RouteMetadata::Absent,
    };
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Request { fields, route: Route { name: None, metadata } }
}

/// Where the clock stands next, in milliseconds from the beginning.
pub fn next_moment(dice: &mut Dice, now: i64, moments: &[i64]) -> i64 {
    match dice.below(40) {
        // Just before, at, or just after something changes, and there to stay for a while.
        0 | 1 => dice.one_of(moments) * 1000 + [-1000, -1, 0, 1, 1000][dice.below(5)],
        2 => now - i64::try_from(dice.below(7_200_000)).unwrap(),
        3 => i64::try_from(dice.below(4 * 3_600_000)).unwrap(),
        _ => now + i64::try_from(dice.below(2000)).unwrap(),
    }
}
