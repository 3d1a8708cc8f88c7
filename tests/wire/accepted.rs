//! Good credentials, in every form and under every algorithm.

use serde_json::json;

use super::harness::config::{inline_issuer, make_test_config, with_issuer};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::mint::{Signer, Token};

#[test]
fn every_algorithm_is_accepted_over_both_protocols_by_one_worker_and_by_two() {
    let mut signers = Signer::every_algorithm();
    signers.push(Signer::rs256_4096());
    let config = with_issuer(inline_issuer(&signers.iter().collect::<Vec<_>>()));
    for workers in [1, 2] {
        let stage = Stage::start(&Setup::new(&config).concurrency(workers));
        for protocol in BOTH {
            for signer in &signers {
                let name = format!("{signer:?} over {protocol:?} with {workers} workers");
                // Twice, because the second is answered from what the first has left.
                for _ in 0..2 {
                    let token = Token::new(signer).mint();
                    let request = Request::get("/me").bearer(&token);
                    let seen = stage.send(protocol, &request).allowed(&name);
                    assert_eq!(seen.values("x-auth-request-user"), ["alice"], "{name}");
                }
            }
        }
    }
}

#[test]
fn every_form_of_credential_is_accepted_and_gone_upstream() {
    let mut config = make_test_config();
    config["credentials"] = json!({ "query": true });
    let stage = Stage::start(&Setup::new(&config));
    let token = &Token::new(&Signer::rs256()).mint();
    let get = || Request::get("/me/a?b=c");
    let in_query = |query: &str| Request::get(&format!("/me/a?{query}"));
    let rows = [
        ("Bearer", get().bearer(token), "/me/a?b=c"),
        ("bearer", get().field("authorization", format!("bearer {token}")), "/me/a?b=c"),
        ("BEARER", get().field("authorization", format!("BEARER {token}")), "/me/a?b=c"),
        ("two spaces", get().field("authorization", format!("Bearer  {token}")), "/me/a?b=c"),
        ("Basic T:x-oauth-basic", get().basic(token, "x-oauth-basic"), "/me/a?b=c"),
        ("Basic T:", get().basic(token, ""), "/me/a?b=c"),
        ("Basic x-oauth-basic:T", get().basic("x-oauth-basic", token), "/me/a?b=c"),
        ("Basic :T", get().basic("", token), "/me/a?b=c"),
        ("query alone", in_query(&format!("access_token={token}")), "/me/a"),
        ("query first", in_query(&format!("access_token={token}&b=c")), "/me/a?b=c"),
        ("query last", in_query(&format!("b=c&access_token={token}")), "/me/a?b=c"),
        ("query between", in_query(&format!("b=%2F&access_token={token}&d")), "/me/a?b=%2F&d"),
        ("query, name escaped", in_query(&format!("%61ccess_token={token}&b=c")), "/me/a?b=c"),
    ];
    let rows = rows.into_iter().flat_map(|row| BOTH.map(|protocol| (protocol, row.clone())));
    for (protocol, (name, request, target)) in rows {
        let name = format!("{name} over {protocol:?}");
        let seen = stage.send(protocol, &request).allowed(&name);
        assert_eq!(seen.values("x-auth-request-user"), ["alice"], "{name}");
        assert_eq!(seen.target(), target, "{name}");
        assert_eq!(seen.values("authorization"), [""; 0], "{name}");
        let host = if name.contains("port") { "api.test:8080" } else { "api.test" };
        assert_eq!(seen.values("host"), [host], "{name}");
        // Half of a token, in case it was cut up or encoded again.
        assert!(!seen.head_holds(&token[..token.len() / 2]), "{name}: the token is upstream");
        assert!(!seen.head_holds("x-oauth-basic"), "{name}: the other half is upstream");
    }
}

#[test]
fn a_forwarded_token_arrives_as_bearer_however_it_came() {
    let mut config = make_test_config();
    config["headers"] = json!({ "forward_token": true });
    config["credentials"] = json!({ "query": true });
    let stage = Stage::start(&Setup::new(&config));
    let token = &Token::new(&Signer::rs256()).mint();
    let rows = [
        ("Bearer", Request::get("/me").bearer(token)),
        ("bearer", Request::get("/me").field("authorization", format!("bearer {token}"))),
        ("Basic", Request::get("/me").basic(token, "x-oauth-basic")),
        ("query", Request::get(&format!("/me?access_token={token}"))),
    ];
    for (name, request) in rows {
        let seen = stage.send(Protocol::Http1, &request).allowed(name);
        assert_eq!(seen.values("authorization"), [format!("Bearer {token}")], "{name}");
        assert_eq!(seen.values("x-auth-request-token"), std::slice::from_ref(token), "{name}");
        assert_eq!(seen.target(), "/me", "{name}");
        assert_eq!(seen.values("host"), ["api.test"], "{name}");
    }
}

#[test]
fn the_claims_of_a_token_become_the_headers_of_the_upstream() {
    let mut config = make_test_config();
    config["issuers"][0]["claims"] = json!({ "groups": "isMemberOf[].name" });
    config["headers"] = json!({ "claims": { "x-orcid": "orcid" }, "email": "x-mail", "uid": null });
    let stage = Stage::start(&Setup::new(&config));
    let token = Token::new(&Signer::rs256()).claims(json!({
        "uidNumber": 1000,
        "email": "alice@example.org",
        "scope": "read:tap exec:portal",
        "orcid": "0000-0002-1825-0097",
        "isMemberOf": [{ "name": "lsst_a", "id": 1 }, { "name": "lsst_b", "id": 2 }],
    }));
    let seen = stage.send(Protocol::Http1, &Request::get("/me").bearer(&token.mint())).allowed("claims");
    let rows: [(&str, &[&str]); 8] = [
        ("x-auth-request-user", &["alice"]),
        ("x-mail", &["alice@example.org"]),
        ("x-orcid", &["0000-0002-1825-0097"]),
        ("x-auth-request-groups", &["lsst_a,lsst_b"]),
        // Turned off, renamed, not forwarded, and only for services.
        ("x-auth-request-uid", &[]),
        ("x-auth-request-email", &[]),
        ("x-auth-request-token", &[]),
        ("x-auth-request-service", &[]),
    ];
    for (header, values) in rows {
        assert_eq!(seen.values(header), values, "{header}");
    }
    let mut capabilities: Vec<String> = seen
        .values("x-auth-request-token-capabilities")
        .iter()
        .flat_map(|value| value.split(' '))
        .map(str::to_owned)
        .collect();
    capabilities.sort_unstable();
    assert_eq!(capabilities, ["exec:portal", "read:tap"]);
}
