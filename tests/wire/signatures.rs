//! Signatures, checked by Envoy's own code where it can and by the filter's where not.

use std::collections::BTreeMap;

use postern::json::Json;
use postern::jwks::Jwk;
use serde_json::{Value, json};

use super::harness::config::{inline_issuer, with_issuer};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token};
use crate::vectors::{Vector, all};

/// An issuer that has published every key of the table but those that may not stand in a configuration.
fn config_of_the_table() -> Value {
    let usable = |jwk: &Value| Jwk::from_json(&Json::parse(jwk.to_string().as_bytes()).expect("JSON")).is_ok();
    let keys: BTreeMap<&str, &Value> =
        all().iter().filter(|vector| usable(&vector.jwk)).map(|vector| (vector.kid(), &vector.jwk)).collect();
    let mut issuer = inline_issuer(&[]);
    issuer["jwks"] = json!({ "inline": { "keys": keys.values().collect::<Vec<_>>() } });
    with_issuer(issuer)
}

/// A list as an operator may have written it before the filter called functions of Envoy's.
const CALLS_BUT_THOSE_OF_FUNCTIONS: [&str; 33] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
    "proxy_add_header_map_value",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
    "environ_get",
    "environ_sizes_get",
    "random_get",
];

#[test]
fn every_signature_is_taken_or_refused_on_envoy_as_by_both_back_ends() {
    let with_functions = Setup::new(&config_of_the_table());
    let without = with_functions.clone().allowed_calls(CALLS_BUT_THOSE_OF_FUNCTIONS);
    let hosts = "the host checks RS256, RS384, RS512, ES256, ES384; the filter checks PS256, PS384, PS512, EdDSA";
    let ours = "the host checks none; the filter checks RS256,";
    for (back_end, setup, told) in [("by Envoy", with_functions, hosts), ("by the filter", without, ours)] {
        let stage = Stage::start(&setup);
        assert!(stage.envoy.log().contains(&format!("signatures: {told}")), "{back_end}: {}", stage.envoy.log());
        let check = |vector: &Vector| {
            let exchange = stage.send(Protocol::Http1, &Request::get("/me").bearer(&vector.token));
            let name = format!("{back_end}: {}", vector.name);
            if vector.good {
                exchange.allowed(&name);
            } else {
                exchange.refused(&name, 401);
            }
        };
        // Forged ones after the good one of the same text, and before it: whatever is remembered changes no answer.
        all().iter().for_each(check);
        all().iter().rev().for_each(check);
    }
}

#[test]
fn envoy_is_asked_for_each_signature_of_rs_and_es_once_and_for_no_other() {
    let keys = Signer::every_algorithm();
    let config = with_issuer(inline_issuer(&keys.iter().collect::<Vec<_>>()));
    let stage = Stage::start(&Setup::new(&config).log_calls());
    let asked = |request: &Request| {
        let before = stage.envoy.log().len();
        let status = stage.send(Protocol::Http1, request).answer.status;
        let log = stage.envoy.log().split_off(before);
        let answered = log.matches("env.proxy_call_foreign_function return: 0").count();
        assert_eq!(log.matches("[vm->host] env.proxy_call_foreign_function(").count(), answered, "{log}");
        (status, answered)
    };
    for key in &keys {
        let calls = usize::from(key.alg().starts_with("RS") || key.alg().starts_with("ES"));
        let [good, other] = ["1", "2"].map(|id| Token::new(key).claim("jti", id).mint());
        let (text, _) = good.rsplit_once('.').expect("a token");
        let (_, signature) = other.rsplit_once('.').expect("a token");
        let forged = format!("{text}.{signature}");
        for (name, token, status) in [("forged", &forged, 401), ("good", &good, 200)] {
            assert_eq!(asked(&Request::get("/me").bearer(token)), (status, calls), "{key:?}, {name}");
        }
    }
}
