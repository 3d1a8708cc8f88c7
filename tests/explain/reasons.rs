//! What is told of the way there and what the filter decides are one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::scene::{NOW, Scene, everything, token};
use crate::support::mint::{Signer, Token};

/// Reasons that no single request has: keys are at hand here, nobody else waits, bodies come, and nothing fails inside.
const NOT_OF_ONE_REQUEST: [&str; 4] = ["keys_unavailable", "overloaded", "internal", "exchange_no_form"];

struct Row {
    name: &'static str,
    reason: &'static str,
    arguments: Vec<String>,
}

fn row(name: &'static str, reason: &'static str, arguments: &[&str]) -> Row {
    Row { name, reason, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect() }
}

/// A request for this path with this token.
fn with(name: &'static str, reason: &'static str, path: &str, token: &str) -> Row {
    row(name, reason, &[&format!("https://api.test{path}"), "--token", token])
}

fn raw(header: &str, claims: &str) -> String {
    crate::support::mint::compact(header.as_bytes(), claims.as_bytes(), b"signature")
}

fn rows() -> Vec<Row> {
    let good = token(json!({"scope": "read:tap"}));
    let api = |path: &str| format!("https://api.test{path}");
    let signed = |t: Token| t.mint();
    let at = || Token::at(&Signer::es256(), NOW);
    let sci = |claims: Value| {
        at().claim("iss", "https://scitokens.test").claim("ver", "scitoken:2.0").claim("nbf", NOW).claims(claims).mint()
    };
    let exchange = |more: &str| {
        format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token&{more}"
        )
    };
    let remote = at().claim("iss", "https://remote.test").claim("scope", "a b").mint();
    let endpoint = api("/postern/token");
    let subject = |token: &str, more: &str| exchange(&format!("subject_token={token}{more}"));
    vec![
        row("anonymous", "anonymous", &[&api("/public")]),
        row("anonymous with whatever", "anonymous", &[&api("/public"), "-u", "alice:secret"]),
        row("optional without", "anonymous", &[&api("/optional")]),
        row("optional with a bad one", "not_a_token", &[&api("/optional"), "-u", "alice:secret"]),
        row("left to the service", "foreign_authorization", &[&api("/pass"), "-H", "authorization: token x"]),
        with("good", "ok", "/tap", &good),
        row("good as Basic", "ok", &[&api("/tap"), "-u", &format!("{good}:")]),
        row("good as the user of the URL", "ok", &[&format!("https://{good}@api.test/tap")]),
        with("a group that stands for it", "ok", "/tap", &token(json!({"groups": ["g_tap"]}))),
        row("a key", "published", &[&api("/postern/.well-known/jwks.json")]),
        row("none", "missing_credential", &[&api("/tap")]),
        row("another scheme", "foreign_authorization", &[&api("/tap"), "-H", "authorization: Negotiate YII="]),
        row("a password", "not_a_token", &[&api("/tap"), "-u", "alice:secret"]),
        row("empty Bearer", "malformed_credential", &[&api("/tap"), "-H", "Authorization: Bearer"]),
        with("a character that no token has", "malformed_credential", "/tap", "a\"b"),
        row("two", "several_credentials", &[&api("/tap"), "--token", &good, "-u", "alice:secret"]),
        with("a comma", "several_credentials", "/tap", "a,b"),
        row("method in small letters", "ambiguous_method", &[&api("/put"), "-X", "put"]),
        row("dot segments", "ambiguous_path", &[&api("/tap/../public")]),
        row("a port", "ambiguous_host", &["https://api.test:8443/hosted"]),
        row("a user in the host", "user_in_host", &[&api("/tap"), "-H", "Host: T0K@api.test"]),
        row(
            "a Destination elsewhere",
            "ambiguous_destination",
            &[&api("/dav/a"), "-X", "COPY", "-H", "Destination: https://b.test/dav/b"],
        ),
        row("no rule", "no_rule", &[&api("/nowhere")]),
        row("a method of no scope", "no_rule", &[&api("/dav/a"), "-X", "FROB"]),
        row("a rule that is not there", "unknown_rule", &[&api("/tap"), "--route-rule", "nobody"]),
        with("a handle", "token_opaque", "/tap", "gt-0123456789.abcdef"),
        with("cut off", "token_not_jwt", "/tap", &good[..good.rfind('.').unwrap()]),
        with("not JSON", "token_unreadable", "/tap", &raw("{\"alg\":\"ES256\"}", "{")),
        with("too long", "token_too_long", "/tap", &"a".repeat(16 * 1024 + 1)),
        with("encrypted", "token_header", "/tap", &raw("{\"alg\":\"ES256\",\"enc\":\"x\"}", "{}")),
        with("a logout token", "token_kind", "/tap", &signed(at().header("typ", "logout+jwt"))),
        with("HS256", "algorithm", "/tap", &signed(at().header("alg", "HS256"))),
        with("an algorithm that is not accepted", "algorithm", "/tap", &Token::at(&Signer::rs256(), NOW).mint()),
        with("no issuer", "missing_claim", "/tap", &signed(at().without("iss"))),
        with("a slash too many", "unknown_issuer", "/tap", &token(json!({"iss": "https://issuer.test/"}))),
        with("expired", "expired", "/tap", &signed(at().issued_in(-600).expires_in(-61))),
        with("no exp", "missing_claim", "/tap", &signed(at().without("exp"))),
        with("not yet", "not_yet_valid", "/tap", &token(json!({"nbf": NOW + 61}))),
        with("too long a life", "lifetime_too_long", "/tap", &signed(at().expires_in(86_401))),
        with("a number for a user", "invalid_claim", "/tap", &token(json!({"sub": 7}))),
        with("an ID token", "token_kind", "/tap", &token(json!({"nonce": "n"}))),
        with("no ver", "missing_claim", "/dav/a", &signed(at().claim("iss", "https://scitokens.test"))),
        with("another audience", "wrong_audience", "/tap", &token(json!({"aud": "https://other.test"}))),
        with("no audience", "missing_claim", "/tap", &signed(at().without("aud"))),
        with("an unknown key", "unknown_key", "/tap", &signed(at().header("kid", "nobody"))),
        with("forged", "bad_signature", "/tap", &Token::at(&Signer::other_es256().with_kid("test-es256"), NOW).mint()),
        with("a user on two lines", "invalid_claim", "/tap", &token(json!({"sub": "a\r\nb"}))),
        with("no scope", "insufficient_scope", "/tap", &token(json!({}))),
        with("one of them", "ok", "/groups", &token(json!({"groups": ["h"]}))),
        with("no group", "not_in_group", "/groups", &good),
        with("another user", "user_not_listed", "/users", &good),
        with("another client", "client_not_listed", "/clients", &good),
        with("a user for a service", "wrong_principal", "/services", &good),
        with("nobody logged in", "not_interactive", "/login", &good),
        with("it does not count without a login", "not_interactive", "/notebook", &token(json!({"groups": ["g_nb"]}))),
        with("no login", "insufficient_user_authentication", "/recent", &good),
        with("another issuer", "issuer_not_listed", "/foreigners", &good),
        with("a path that is allowed", "ok", "/dav/a/b", &sci(json!({"scope": "read:/a"}))),
        with("a path that is not", "insufficient_scope", "/dav/b", &sci(json!({"scope": "read:/a"}))),
        row(
            "a destination that is not",
            "insufficient_scope",
            &[&api("/dav/a"), "-X", "COPY", "-H", "Destination: /dav/b", "--token", &sci(json!({"scope": "read:/a"}))],
        ),
        row(
            "a destination under another rule",
            "insufficient_scope",
            &[&api("/anybody/a"), "-X", "MOVE", "-H", "Destination: /tap/b", "--token", &token(json!({}))],
        ),
        row(
            "what the route asks",
            "insufficient_scope",
            &[&api("/anybody"), "--route-capabilities", "read:tap exec:x", "--token", &good],
        ),
        with("a shadow", "user_not_listed", "/shadow", &good),
        row(
            "another reading",
            "reissue_reading",
            &[&api("/job"), "-X", "POST", "--token", &token(json!({"email": "bob@b.test"}))],
        ),
        row("GET at the token endpoint", "exchange_method", &[&endpoint]),
        row("no grant_type", "exchange_request", &[&endpoint, "-d", "a=b"]),
        row("another grant_type", "exchange_grant_type", &[&endpoint, "-d", "grant_type=password"]),
        row(
            "no token to exchange",
            "missing_credential",
            &[
                &endpoint,
                "-d",
                &exchange("").replace("&subject_token_type=urn:ietf:params:oauth:token-type:access_token", ""),
            ],
        ),
        row("a bad token to exchange", "token_kind", &[&endpoint, "-d", &subject(&token(json!({"nonce": "n"})), "")]),
        row("one of another issuer", "exchange_issuer", &[&endpoint, "-d", &subject(&good, "")]),
        row("a scope that it has not", "exchange_scope", &[&endpoint, "-d", &subject(&remote, "&scope=c")]),
        row(
            "an audience that is not ours",
            "exchange_target",
            &[&endpoint, "-d", &subject(&remote, "&audience=https://x.test")],
        ),
        row(
            "one that is read as another's",
            "exchange_reading",
            &[
                &endpoint,
                "-d",
                &subject(&at().claim("iss", "https://remote.test").claim("email", "bob@b.test").mint(), ""),
            ],
        ),
    ]
}

#[test]
fn the_first_check_that_fails_is_the_reason_of_the_decision() {
    let mut seen = BTreeSet::new();
    let plain = Scene::of(&everything());
    let mut tls = everything();
    tls["require_tls"] = json!(true);
    let tls = Scene::of(&tls);
    let http = ["http://api.test/tap", "--token", &token(json!({"scope": "read:tap"}))];
    let rows = rows().into_iter().map(|row| (&plain, row)).chain([
        (&tls, row("over http", "insecure_transport", &http)),
        (
            &tls,
            row(
                "over http to the proxy before",
                "insecure_transport",
                &["https://api.test/tap", "--token", "x", "-H", "X-Forwarded-Proto: http"],
            ),
        ),
        (
            &tls,
            row(
                "over http, and refused whatever comes",
                "no_rule",
                &["http://api.test/dav/a", "-X", "FROB", "--token", "x"],
            ),
        ),
    ]);
    for (scene, Row { name, reason, arguments }) in rows {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--json"]).collect();
        let said = scene.explain(&arguments);
        let told = said.json();
        let decision = &told["decision"];
        assert_eq!(decision["reason"], reason, "{name}: {}", said.out);
        let checks = told["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks.iter().filter(|check| check["state"] == "fail").collect();
        let (verdict, let_on) = (decision["verdict"].as_str().unwrap(), decision["verdict"] != "deny");
        let want: Vec<&str> = if verdict == "allow" { Vec::new() } else { vec![reason] };
        assert_eq!(
            failed.iter().map(|check| check["reason"].as_str().unwrap()).collect::<Vec<_>>(),
            want,
            "{name}: {}",
            said.out
        );
        assert_eq!(said.code, i32::from(!let_on), "{name}");
        let has_nearby = told["rules_that_do_not_match"] != json!([]);
        assert!(reason == "no_rule" || !has_nearby, "{name}: {}", said.out);
        // All that comes behind the first failure is not reached, and nothing before.
        let mut after = checks.iter().skip_while(|check| check["state"] != "fail").skip(1);
        assert!(after.all(|check| check["state"] == "not_reached"), "{name}: {}", said.out);
        let mut before = checks.iter().take_while(|check| check["state"] != "fail");
        assert!(before.all(|check| check["state"] == "ok" || check["state"] == "not_checked"), "{name}: {}", said.out);
        seen.insert(reason);
    }
    let table = include_str!("../denials.txt");
    let all: BTreeSet<&str> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    let missing: BTreeSet<&str> = all.difference(&seen).copied().collect();
    assert_eq!(missing, BTreeSet::from(NOT_OF_ONE_REQUEST));
}

#[test]
fn no_token_is_ever_shown() {
    let scene = Scene::of(&everything());
    for Row { name, arguments, .. } in rows() {
        let tokens: Vec<&String> = arguments.iter().filter(|argument| argument.contains("eyJ")).collect();
        let signatures = tokens
            .iter()
            .flat_map(|argument| argument.split('.').skip(2))
            .map(|part| part.split(['&', '@', ':']).next().unwrap());
        let signatures: Vec<&str> = signatures.filter(|part| part.len() > 20).collect();
        for json in [&["--json"][..], &[]] {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(json.iter().copied()).collect();
            let said = scene.explain(&arguments);
            for signature in &signatures {
                assert!(!said.out.contains(signature) && !said.err.contains(signature), "{name}: {}", said.out);
            }
            for secret in ["secret", "T0K", "eyJhbGci"] {
                assert!(!said.out.contains(secret) && !said.err.contains(secret), "{name}: {}", said.out);
            }
        }
    }
}
