//! Tokens that were seen before: they are decided as if they had not been, and cost less.

use serde_json::{Value, json};

use crate::bearer;
use crate::scenario::{NOW, Outcome, Scenario, allowed};
use crate::support::mint::{Signer, Token, jwks};

const HIT: &str = "postern_token_cache_total.outcome.hit";
const HIT_FORGED: &str = "postern_token_cache_total.outcome.hit_bad_signature";
const DRIVEN_OUT: &str = "postern_token_cache_evictions_total";
const MISS: &str = "postern_token_cache_total.outcome.miss";

fn token(signer: &Signer) -> Token {
    Token::at(signer, NOW).claim("scope", "read:tap")
}

/// By the other key, under this one's name.
fn forged() -> Token {
    token(&Signer::other_es256().with_kid(Signer::es256().kid()))
}

fn get(scenario: &mut Scenario, path: &str, token: &str) -> String {
    scenario.get(path, &[("authorization", &bearer(token))]).in_short()
}

fn inline() -> Scenario {
    Scenario::inline(&[&Signer::es256()])
}

fn rule(require: &Value) -> Value {
    json!({"rules": [{"name": "all", "match": {"prefix": "/"}, "require": require}]})
}

#[test]
fn a_token_is_checked_against_the_clock_on_every_request() {
    const TOO_OLD: &str = "401 insufficient_user_authentication";
    let (expired, early, long) = ("401 expired", "401 not_yet_valid", "401 lifetime_too_long");
    let signer = Signer::es256();
    let t = || token(&signer).expires_in(7200);
    // A minute for clocks that differ, a day for the longest life, 15 minutes for the age of a login.
    type Row<'a> = (&'a str, Token, Vec<(i64, &'a str)>, usize);
    let rows: Vec<Row<'_>> = vec![
        ("exp", t().expires_in(600), vec![(0, "ok"), (659, "ok"), (660, expired), (661, expired), (659, "ok")], 2),
        ("nbf", t().claim("nbf", NOW + 30), vec![(0, "ok"), (-30, "ok"), (-31, early), (-30, "ok"), (0, "ok")], 2),
        ("iat", t(), vec![(0, "ok"), (-60, "ok"), (-61, early), (-60, "ok")], 2),
        ("nbf before iat", t().claim("nbf", NOW - 30), vec![(0, "ok"), (-60, "ok"), (-61, early)], 1),
        (
            "no iat",
            t().without("iat").expires_in(86_400),
            vec![(0, "ok"), (-60, "ok"), (-61, long), (-60, "ok"), (86_459, "ok"), (86_460, expired)],
            2,
        ),
        (
            "no iat and nbf",
            t().without("iat").claim("nbf", NOW).expires_in(600),
            vec![(0, "ok"), (-60, "ok"), (-61, early)],
            1,
        ),
        ("a login", t().claim("auth_time", NOW), vec![(0, "ok"), (960, "ok"), (961, TOO_OLD), (960, "ok")], 1),
        (
            "a login to come",
            t().claim("auth_time", NOW + 100),
            vec![(0, TOO_OLD), (39, TOO_OLD), (40, "ok"), (1060, "ok"), (1061, TOO_OLD), (40, "ok"), (39, TOO_OLD)],
            3,
        ),
        ("a login in the skew", t().claim("auth_time", NOW + 60), vec![(0, "ok"), (-1, TOO_OLD), (0, "ok")], 3),
    ];
    for (name, token, moments, checks) in rows {
        let has_login = name.contains("login");
        let require = if has_login { json!({"max_auth_age": "15m"}) } else { json!({"users": ["alice"]}) };
        let mut scenario = inline().changed(&rule(&require));
        let token = token.mint();
        for (seconds, want) in moments {
            scenario.at(seconds);
            assert_eq!(get(&mut scenario, "/x", &token), want, "{name} at {seconds}");
        }
        assert_eq!(scenario.signatures_checked(), checks, "{name}");
    }
}

#[test]
fn a_capability_that_asks_for_a_login_comes_with_its_time() {
    let mut scenario = inline().changed(&json!({
        "capabilities": {"preset": "lsst"},
        "rules": [
            {"name": "portal", "match": {"prefix": "/portal"}, "require": {"capabilities": {"all_of": ["exec:portal"]}}},
            {"name": "person", "match": {"prefix": "/person"}, "require": {"interactive": true}},
        ],
    }));
    let token = token(&Signer::es256()).claims(json!({"scope": "exec:portal", "auth_time": NOW + 100})).mint();
    for (seconds, want) in
        [(0, "403 not_interactive"), (39, "403 not_interactive"), (40, "ok"), (39, "403 not_interactive")]
    {
        scenario.at(seconds);
        for path in ["/portal", "/person"] {
            assert_eq!(get(&mut scenario, path, &token), want, "{path} at {seconds}");
        }
    }
}

/// Status, what the service sees, and all that is told.
fn all_of(scenario: &mut Scenario, path: &str, fields: &[(&str, &str)]) -> (Outcome, String) {
    let outcome = scenario.get(path, fields);
    (outcome, format!("{:?}", scenario.last_report()))
}

#[test]
fn every_rule_is_asked_on_every_request_and_the_record_says_which() {
    let signer = Signer::es256();
    let token = token(&signer).mint();
    let token = token.as_str();
    let basic = |user: &str, password: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
    };
    let by_bearer = bearer(token);
    let (as_user, as_password) = (basic(token, "x-oauth-basic"), basic("", token));
    let in_query = format!("/api/tap?access_token={token}&x=1");
    let forged = forged().mint();
    let (forged_bearer, forged_basic) = (bearer(&forged), basic(&forged, ""));
    let requests: Vec<(&str, &str, Option<&str>, &str, &str)> = vec![
        ("the first", "/api/tap", Some(&by_bearer), "ok", r#""scheme":"bearer""#),
        ("again", "/api/tap", Some(&by_bearer), "ok", r#""scheme":"bearer""#),
        ("as a user name", "/api/tap", Some(&as_user), "ok", r#""scheme":"basic""#),
        ("as a password", "/api/tap", Some(&as_password), "ok", r#""scheme":"basic""#),
        ("in the query", &in_query, None, "ok", r#""scheme":"query""#),
        ("as at first", "/api/tap", Some(&by_bearer), "ok", r#""scheme":"bearer""#),
        ("another capability", "/any", Some(&by_bearer), "403 insufficient_scope", r#""rule":"any""#),
        ("the same by Basic", "/any", Some(&as_user), "403 insufficient_scope", r#""scheme":"basic""#),
        ("a group", "/group", Some(&by_bearer), "403 not_in_group", r#""rule":"group""#),
        ("a user", "/users", Some(&by_bearer), "ok", r#""rule":"users""#),
        ("a rule back", "/api/tap", Some(&by_bearer), "ok", r#""rule":"tap""#),
        ("no token is needed", "/optional", Some(&by_bearer), "ok", r#""user":"alice""#),
        ("no token is looked at", "/public", Some(&by_bearer), "ok", r#""reason":"anonymous""#),
        ("no rule", "/elsewhere", Some(&by_bearer), "403 no_rule", r#""reason":"no_rule""#),
        ("no token", "/users", None, "401 missing_credential", r#""reason":"missing_credential""#),
        ("a host", "/named", Some(&by_bearer), "ok", r#""rule":"named""#),
        ("a forged one", "/api/tap", Some(&forged_bearer), "401 bad_signature", r#""scheme":"bearer""#),
        ("the same by Basic", "/api/tap", Some(&forged_basic), "401 bad_signature", r#""scheme":"basic""#),
        ("under another rule", "/any", Some(&forged_basic), "401 bad_signature", r#""issuer":"https://issuer.test""#),
    ];
    let mut one = inline().with_query_tokens();
    for (name, path, authorization, want, record) in requests {
        let fields: Vec<(&str, &str)> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        let seen = all_of(&mut one, path, &fields);
        assert_eq!(seen.0.in_short(), want, "{name}");
        let told = one.last_report().record.to_string();
        assert!(told.contains(record), "{name}: {told}");
        // As if nobody had ever seen the token.
        assert_eq!(seen, all_of(&mut inline().with_query_tokens(), path, &fields), "{name}");
    }
    assert_eq!(one.signatures_checked(), 2);
}

#[test]
fn the_service_is_told_the_same_every_time() {
    let mut scenario = inline().forwarding_tokens().with_claim_headers();
    let token = token(&Signer::es256()).claims(json!({"email": "a@a.test", "orcid": "0000", "level": 3})).mint();
    let by = bearer(&token);
    let first = scenario.get("/api/tap", &[("authorization", &by)]);
    let own = [
        ("x-auth-request-user", "alice"),
        ("x-auth-request-email", "a@a.test"),
        ("x-auth-request-token-capabilities", "read:tap"),
        ("x-level", "3"),
        ("x-orcid", "0000"),
        ("x-auth-request-token", &token),
        ("authorization", &by),
    ];
    assert_eq!(first, allowed(&own));
    for _ in 0..3 {
        assert_eq!(scenario.get("/api/tap", &[("authorization", &by)]), first);
    }
    assert_eq!(scenario.recalled(), [(HIT, 3), (MISS, 1)]);
}

#[test]
fn what_is_copied_is_asked_of_both_rules_and_the_record_says_which_refused() {
    let mut scenario = inline();
    let by = bearer(&token(&Signer::es256()).mint());
    let copy = |to| [("authorization", by.as_str()), (":method", "COPY"), ("destination", to)];
    for (to, want, rule) in [
        ("https://api.test/users", "ok", "tap"),
        ("https://api.test/any", "403 insufficient_scope", "any"),
        ("https://api.test/users", "ok", "tap"),
        ("https://api.test/group", "403 not_in_group", "group"),
    ] {
        assert_eq!(scenario.get("/api/tap", &copy(to)).in_short(), want, "{to}");
        let record = &scenario.last_report().record;
        assert!(record.contains(&format!(r#""rule":"{rule}""#)), "{to}: {record}");
    }
    assert_eq!(scenario.signatures_checked(), 1);
}

#[test]
fn what_a_route_asks_beside_the_rule_is_asked_every_time() {
    use postern::request::RouteMetadata;
    let mut scenario = inline();
    let token = token(&Signer::es256()).mint();
    for (capabilities, want) in [
        (None, "ok"),
        (Some("read:image"), "403 insufficient_scope"),
        (Some("read:tap"), "ok"),
        (Some("x"), "403 insufficient_scope"),
    ] {
        scenario = scenario.on_route(match capabilities {
            Some(names) => RouteMetadata::Present { rule: None, capabilities: Some(names.to_owned()) },
            None => RouteMetadata::Absent,
        });
        assert_eq!(get(&mut scenario, "/api/tap", &token), want, "{capabilities:?}");
    }
    assert_eq!(scenario.signatures_checked(), 1);
}

#[test]
fn a_rule_names_the_issuers_of_its_tokens_whatever_is_remembered() {
    let signer = Signer::es256();
    let mut scenario = inline().changed(&json!({"rules": [
        {"name": "first", "match": {"prefix": "/first"}, "require": {"issuers": [crate::support::mint::ISSUER]}},
        {"name": "second", "match": {"prefix": "/second"}, "require": {"issuers": ["https://second.test"]}},
    ]}));
    let token = token(&signer).mint();
    for path in ["/first", "/second", "/first", "/second"] {
        let want = if path == "/first" { "ok" } else { "403 issuer_not_listed" };
        assert_eq!(get(&mut scenario, path, &token), want, "{path}");
    }
    assert_eq!(scenario.signatures_checked(), 1);
}

#[test]
fn a_signature_is_checked_once() {
    let [a, b] = ["id-a", "id-b"].map(|id| token(&Signer::es256()).claim("jti", id).mint());
    let [bad, worse] = ["id-c", "id-d"].map(|id| forged().claim("jti", id).mint());
    for (name, tokens, max_entries, checks, told) in [
        ("one", vec![&a], 4096, 1, vec![(HIT, 999), (MISS, 1)]),
        ("two by turns", vec![&a, &b], 4096, 2, vec![(HIT, 998), (MISS, 2)]),
        ("a forged one", vec![&bad], 4096, 1, vec![(HIT_FORGED, 999), (MISS, 1)]),
        ("two forged ones", vec![&bad, &worse], 4096, 2, vec![(HIT_FORGED, 998), (MISS, 2)]),
        ("good and forged", vec![&a, &bad], 4096, 2, vec![(HIT, 499), (HIT_FORGED, 499), (MISS, 2)]),
        ("good and forged, with a place each", vec![&a, &bad], 1, 2, vec![(HIT, 499), (HIT_FORGED, 499), (MISS, 2)]),
        ("all of them", vec![&a, &b, &bad, &worse], 4096, 4, vec![(HIT, 498), (HIT_FORGED, 498), (MISS, 4)]),
        ("one, in the smallest place", vec![&a], 1, 1, vec![(HIT, 999), (MISS, 1)]),
        ("two in the place of one", vec![&a, &b], 1, 1000, vec![(MISS, 1000), (DRIVEN_OUT, 49)]),
        ("one, with nothing remembered", vec![&a], 0, 1000, vec![(MISS, 1000)]),
    ] {
        let mut scenario = inline().changed(&json!({"token_cache": {"max_entries": max_entries}}));
        let turns = if checks == 1000 { 50 } else { 1000 };
        for turn in 0..turns {
            let token = tokens[turn % tokens.len()];
            let want = if token == &bad || token == &worse { "401 bad_signature" } else { "ok" };
            assert_eq!(get(&mut scenario, "/api/tap", token), want, "{name}");
        }
        assert_eq!(scenario.signatures_checked(), checks.min(turns), "{name}");
        let told: Vec<(&str, i64)> = told.into_iter().map(|(what, count)| (what, count.min(turns as i64))).collect();
        assert_eq!(scenario.recalled(), told, "{name}");
        assert_eq!(scenario.recalled(), [], "{name}: told once");
    }
}

#[test]
fn what_may_change_without_us_is_not_remembered() {
    let signer = Signer::es256();
    let t = || token(&signer);
    for (name, token, reason, checks) in [
        ("expired", t().issued_in(-600).expires_in(-61), "expired", 0),
        ("to come", t().issued_in(61), "not_yet_valid", 0),
        ("another audience", t().claim("aud", "https://other.test"), "wrong_audience", 0),
        ("an unknown issuer", t().claim("iss", "https://other.test"), "unknown_issuer", 0),
        ("an unknown key", t().header("kid", "nobody"), "unknown_key", 0),
        ("an algorithm that no key has", t().header("alg", "RS256"), "unknown_key", 0),
        ("an algorithm that is not allowed", t().header("alg", "ES384"), "algorithm", 0),
        ("a name that is no text", t().claim("sub", "a\nb"), "invalid_claim", 2),
        ("a scope that is none", t().claim("scope", 1), "invalid_claim", 2),
    ] {
        let mut scenario = Scenario::inline_for(&[&signer], &["ES256", "RS256"]);
        for _ in 0..2 {
            assert_eq!(get(&mut scenario, "/api/tap", &token.mint()), format!("401 {reason}"), "{name}");
        }
        assert_eq!(scenario.signatures_checked(), checks, "{name}");
        assert_eq!(scenario.remembered(), (0, 0), "{name}");
        assert_eq!(scenario.recalled(), [(MISS, 2)], "{name}");
    }
    // What is no token at all is not even looked for.
    let mut scenario = Scenario::inline(&[&signer]);
    for fields in [&[][..], &[("authorization", "Bearer")], &[("authorization", "token abc")]] {
        scenario.get("/api/tap", fields);
    }
    assert_eq!(scenario.recalled(), []);
    // Nor is one of another rule.
    scenario.get("/public", &[("authorization", &bearer(&t().mint()))]);
    scenario.get("/elsewhere", &[("authorization", &bearer(&t().mint()))]);
    assert_eq!(scenario.recalled(), []);
}

#[test]
fn a_token_that_no_rule_lets_on_is_remembered_as_good() {
    let mut scenario = inline();
    let token = token(&Signer::es256()).mint();
    for path in ["/any", "/group", "/api/tap"] {
        get(&mut scenario, path, &token);
    }
    assert_eq!(scenario.recalled(), [(HIT, 2), (MISS, 1)]);
    assert_eq!(scenario.remembered().0, 1);
}

#[test]
fn a_twin_of_a_remembered_token_is_judged_by_itself() {
    let signer = Signer::es256();
    let good = token(&signer).mint();
    let [header, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = token(&signer).claim("sub", "root").mint();
    let [_, root, _]: [&str; 3] = other.split('.').collect::<Vec<_>>().try_into().unwrap();
    // The unused bits of the last character; another one stands for the same bytes.
    let last = signature.chars().last().unwrap();
    let next = char::from(last as u8 + 1);
    let mut s = p256::ecdsa::Signature::from_slice(&signer_bytes(signature)).unwrap();
    s = p256::ecdsa::Signature::from_scalars(s.r().to_bytes(), (-*s.s()).to_bytes()).unwrap();
    for (name, twin, want) in [
        ("another payload", format!("{header}.{root}.{signature}"), "401 bad_signature"),
        ("another header", format!("{}.{payload}.{signature}", other_header()), "401 unknown_key"),
        ("no header", format!(".{payload}.{signature}"), "401 token_not_jwt"),
        ("no signature", format!("{header}.{payload}."), "401 token_not_jwt"),
        (
            "bits left over",
            format!("{header}.{payload}.{}{next}", &signature[..signature.len() - 1]),
            "401 token_not_jwt",
        ),
        ("padding", format!("{good}=="), "401 token_not_jwt"),
        ("a part more", format!("{good}.{signature}"), "401 token_not_jwt"),
        ("a part before", format!("{header}.{good}"), "401 token_not_jwt"),
        ("cut short", good[1..].to_owned(), "401 token_not_jwt"),
        ("the other s", format!("{header}.{payload}.{}", crate::support::mint::base64url(s.to_bytes())), "ok"),
    ] {
        let mut scenario = inline();
        for _ in 0..2 {
            assert_eq!(get(&mut scenario, "/api/tap", &good), "ok", "{name}");
            assert_eq!(get(&mut scenario, "/api/tap", &twin), want, "{name}");
        }
        assert!(scenario.recalled().iter().all(|(what, count)| *what != HIT || *count <= 3), "{name}");
    }
}

fn signer_bytes(signature: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap()
}

fn other_header() -> String {
    crate::support::mint::base64url(r#"{"alg":"ES256","kid":"other"}"#)
}

#[test]
fn a_new_configuration_remembers_nothing() {
    let token = token(&Signer::es256()).mint();
    let mut scenario = inline();
    assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    scenario = scenario.changed(&json!({"rules": [{"name": "all", "match": {"prefix": "/"}}]}));
    assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    scenario.begin_anew();
    assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    assert_eq!(scenario.recalled(), [(MISS, 1)]);
    assert_eq!(scenario.signatures_checked(), 2);
    // What was good by the configuration of before need not be by the next.
    for (patch, want) in [
        (
            json!({"issuers": [{"issuer": "https://second.test", "audiences": ["x"], "jwks": {"inline": jwks(&[&Signer::rs256()])}}]}),
            "401 unknown_issuer",
        ),
        (
            json!({"rules": [{"name": "all", "match": {"prefix": "/"}, "require": {"users": ["bob"]}}]}),
            "403 user_not_listed",
        ),
    ] {
        scenario = scenario.changed(&patch);
        scenario.begin_anew();
        assert_eq!(get(&mut scenario, "/api/tap", &token), want);
        scenario = inline();
        assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    }
}
