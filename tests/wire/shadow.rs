//! A rule on trial: decided, counted, written down, and let on.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Stage};
use crate::support::mint::{Signer, Token};

#[test]
fn a_rule_on_trial_lets_everybody_on_and_says_whom_it_would_not() {
    let mut config = make_test_config();
    let rules = config["rules"].as_array_mut().expect("rules");
    rules.insert(
        0,
        json!({
            "name": "trial", "match": { "prefix": "/trial" }, "shadow": true,
            "require": { "capabilities": { "all_of": ["read:tap"] } },
        }),
    );
    let stage = Stage::start(&Setup::new(&config));
    let signer = &Signer::rs256();
    let good = &Token::new(signer).claim("scope", "read:tap").mint();
    let poor = &Token::new(signer).claim("scope", "read:image").mint();
    let over = &Token::new(signer).claim("scope", "read:tap").expires_in(-3600).issued_in(-7200).mint();
    let to = || Request::get("/trial/a").field("x-auth-request-user", "root");
    let rows: [(&str, Request, &str, &str, &[&str]); 4] = [
        ("a good token", to().bearer(good), "allow", "ok", &["alice"]),
        ("nobody", to(), "shadow_deny", "missing_credential", &[]),
        ("a token that is over", to().bearer(over), "shadow_deny", "expired", &[]),
        ("a missing capability", to().bearer(poor), "shadow_deny", "insufficient_scope", &[]),
    ];
    for (index, (name, request, decision, reason, user)) in rows.iter().enumerate() {
        for (turn, protocol) in BOTH.into_iter().enumerate() {
            let name = format!("{name} over {protocol:?}");
            let seen = stage.send(protocol, request).allowed(&name);
            assert_eq!(seen.values("x-auth-request-user"), *user, "{name}");
            let sent = request.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(b"authorization")).count();
            assert_eq!(seen.values("authorization").len(), sent, "{name}: the credential stays as it came");
            let line = stage.envoy.access_log(index * BOTH.len() + turn + 1).pop().expect("a line");
            for part in [format!("\"decision\":\"{decision}\""), format!("\"reason\":\"{reason}\"")] {
                assert!(line.contains(&part), "{name}: no {part} in {line}");
            }
        }
        let counter = format!("wasmcustom.postern_requests_total.decision.{decision}.reason.{reason}.rule.trial");
        assert_eq!(stage.envoy.stat(&counter), 2, "{name}");
    }
}
