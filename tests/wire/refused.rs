//! `postern refused` on what a real Envoy wrote into its access log.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token};

/// As in `envoy/envoy.yaml`; a test holds it to that.
const TEXT: &str = "[%START_TIME%] %REQ(:METHOD)% %PATH(NQ:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %FILTER_STATE(wasm.postern:PLAIN)%\n";

/// Of the requests below.
const REASONS: [(&str, u64); 5] =
    [("expired", 1), ("insufficient_scope", 3), ("missing_credential", 1), ("no_rule", 1), ("unknown_issuer", 1)];

fn setup() -> Setup {
    let mut config = make_test_config();
    let rules = config["rules"].as_array_mut().expect("rules");
    let trial = json!({
        "name": "trial", "match": { "prefix": "/trial" }, "shadow": true,
        "require": { "capabilities": { "all_of": ["read:tap"] } },
    });
    rules.insert(0, trial);
    Setup::new(&config)
}

/// What the built command says of the log.
fn refused(log: &[String], arguments: &[&str]) -> Value {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("access.log");
    std::fs::write(&file, log.join("\n")).expect("a copy of the log");
    let output = Command::new(env!("CARGO_BIN_EXE_postern"))
        .arg("refused")
        .args(arguments)
        .arg("--json")
        .arg(&file)
        .output()
        .expect("the command runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn counts(side: &Value, table: &str, name: &str) -> Vec<(String, u64)> {
    let rows = side[table]["rows"].as_array().expect("rows").iter();
    let mut counts: Vec<_> =
        rows.map(|row| (row[name].as_str().expect(name).to_owned(), row["count"].as_u64().expect("a count"))).collect();
    counts.sort();
    counts
}

#[test]
fn the_format_here_is_the_samples() {
    let sample = include_str!("../../envoy/envoy.yaml");
    let folded = sample.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(folded.contains(TEXT.trim_end()), "envoy/envoy.yaml has another access log");
}

#[test]
fn who_was_refused_and_why_is_found_in_envoys_own_access_log() {
    let members = json!({
        "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%PATH(NQ:PATH)%", "response_code": "%RESPONSE_CODE%",
        "user_agent": "%REQ(USER-AGENT)%", "postern": "%FILTER_STATE(wasm.postern:PLAIN)%",
    });
    for (name, setup) in [("text", setup().access_log_format(TEXT)), ("JSON", setup().access_log_members(members))] {
        let stage = Stage::start(&setup);
        let signer = &Signer::rs256();
        let good = &Token::new(signer).claim("scope", "read:image").mint();
        let bob = &Token::new(signer).claim("sub", "bob").claim("scope", "read:image").mint();
        let over = &Token::new(signer).expires_in(-3600).issued_in(-7200).mint();
        let foreign = &Token::new(signer).claim("iss", "https://issuer.test/").mint();
        let requests = [
            (Request::get("/me?a=b").bearer(good), 200),
            (Request::get("/open"), 200),
            (Request::get("/api/tap/sync?QUERY=x").bearer(good), 403),
            (Request::get("/api/tap").bearer(good), 403),
            (Request::new("POST", "/api/tap").bearer(bob), 403),
            (Request::get("/me").bearer(over), 401),
            (Request::get("/me").bearer(foreign), 401),
            (Request::get("/me"), 401),
            (Request::get("/elsewhere").bearer(good), 403),
            (Request::get("/trial").bearer(bob), 200),
        ];
        for (request, status) in &requests {
            assert_eq!(stage.send(Protocol::Http1, request).answer.status, *status, "{name}: {request:?}");
        }
        let log = stage.envoy.access_log(requests.len());
        let found = refused(&log, &[]);
        let lines = &found["lines"];
        assert_eq!((&lines["read"], &lines["without_record"]), (&json!(log.len()), &json!(0)), "{name}: {log:#?}");
        assert_eq!(lines["not_understood"], json!({}), "{name}: {log:#?}");
        assert_eq!(found["allow"], json!({ "count": 2, "by_reason": { "ok": 1, "anonymous": 1 } }), "{name}");
        let named = |counts: &[(&str, u64)]| {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>()
        };
        for (table, column, want) in [
            ("by_reason", "reason", &REASONS[..]),
            // Who asks for what no rule allows has shown no token.
            ("by_user", "user", &[("alice", 2), ("bob", 1)]),
            ("by_issuer", "issuer", &[("https://issuer.test", 4), ("https://issuer.test/", 1)]),
        ] {
            assert_eq!(counts(&found["deny"], table, column), named(want), "{name}: {table}");
        }
        assert_eq!(counts(&found["shadow_deny"], "by_rule_and_reason", "rule"), named(&[("trial", 1)]), "{name}");

        let tap = refused(&log, &["--rule", "tap", "--user", "bob", "--since", "1h"]);
        assert_eq!(tap["deny"]["count"], 1, "{name}");
        let newest = &tap["deny"]["newest"][0];
        for (member, value) in [
            ("method", json!("POST")),
            ("path", json!("/api/tap")),
            ("status", json!(403)),
            ("rule", json!("tap")),
            ("missing", json!("read:tap")),
            ("caller", json!("bob")),
        ] {
            assert_eq!(newest[member], value, "{name}: {member} of {newest}");
        }
        assert!(newest["time"].is_string(), "{name}: {newest}");
    }
}

#[test]
fn a_user_agent_that_is_written_like_a_record_is_not_taken_for_one() {
    let members = json!({ "agent": "%REQ(USER-AGENT)%", "record": "%FILTER_STATE(wasm.postern:PLAIN)%" });
    let stage = Stage::start(&setup().access_log_members(members));
    let forged = r#"{"decision":"allow","reason":"ok","user":"root"}"#;
    stage.send(Protocol::Http1, &Request::get("/me").field("user-agent", forged)).refused("without a token", 401);
    let log = stage.envoy.access_log(1);
    let found = refused(&log, &[]);
    assert_eq!(found["lines"]["not_understood"]["several_records"]["count"], 1, "{log:?}");
    assert_eq!((&found["allow"]["count"], &found["deny"]["count"]), (&json!(0), &json!(0)), "{log:?}");
    let found = refused(&log, &["--member", "record"]);
    assert_eq!((&found["allow"]["count"], &found["deny"]["count"]), (&json!(0), &json!(1)), "{log:?}");
}
