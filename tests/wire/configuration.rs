//! A configuration is either right or refused, with every fault by its name.

use serde_json::{Value, json};

use super::harness::config::make_test_config;
use super::harness::envoy::Envoy;
use super::harness::plugin::Plugin;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{Signer, Token};

/// Where an Envoy that never starts would have found its upstream.
const NOWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 9);

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut config = make_test_config();
    change(&mut config);
    config
}

fn refused(name: &str, plugin: Plugin, fields: &[&str]) {
    let log = Envoy::refusal(&Setup::with(plugin), NOWHERE.into());
    for field in fields {
        assert!(log.contains(field), "{name}: the log does not name {field}:\n{log}");
    }
}

#[test]
fn a_configuration_is_understood_as_text_and_as_a_struct() {
    let config = make_test_config();
    let rows = [
        ("text", Plugin::Text(config.to_string())),
        ("text over many lines", Plugin::Text(format!("{config:#}\n"))),
        ("a struct", Plugin::Struct(config)),
    ];
    for (name, plugin) in rows {
        let stage = Stage::start(&Setup::with(plugin));
        let token = Token::new(&Signer::rs256()).mint();
        stage.send(Protocol::Http1, &Request::get("/me").bearer(&token)).allowed(name);
        stage.send(Protocol::Http1, &Request::get("/me")).refused(name, 401);
    }
}

#[test]
fn a_bad_configuration_stops_envoy_and_every_fault_is_named() {
    let several = changed(|config| {
        config["issuers"][0]["audiences"] = json!([]);
        config["issuers"][0]["clock_skew"] = json!("soon");
        config["issuers"][0]["algorithms"] = json!(["RS256", "HS256"]);
        config["rules"][1]["name"] = config["rules"][0]["name"].clone();
        config["rules"][2]["access"] = json!("sometimes");
    });
    let keys = json!({ "uri": "https://issuer.test/keys", "cluster": "issuer", "cache": "2m" });
    let rows: [(&str, Value, &[&str]); 9] = [
        (
            "several faults at once",
            several,
            &["issuers[0].audiences", "issuers[0].clock_skew", "issuers[0].algorithms", "rules[1]", "rules[2].access"],
        ),
        ("no issuer", changed(|config| config["issuers"] = json!([])), &["issuers"]),
        ("an unknown field", changed(|config| config["rulez"] = json!([])), &["rulez"]),
        (
            "an unknown field within",
            changed(|config| config["issuers"][0]["audience"] = json!("https://api.test")),
            &["issuers[0]", "audience"],
        ),
        (
            "keys cached too short",
            changed(|config| config["issuers"][0]["jwks"] = keys.clone()),
            &["issuers[0].jwks.cache"],
        ),
        (
            "keys inline and by URL",
            changed(|config| config["issuers"][0]["jwks"]["uri"] = keys["uri"].clone()),
            &["issuers[0].jwks"],
        ),
        (
            "one issuer twice",
            changed(|config| {
                let twin = config["issuers"][0].clone();
                config["issuers"].as_array_mut().expect("issuers").push(twin);
            }),
            &["issuers[1]"],
        ),
        (
            "a wrong type",
            changed(|config| config["rules"][0]["match"]["prefix"] = json!(7)),
            &["rules[0].match.prefix"],
        ),
        (
            "a prefix and a path",
            changed(|config| config["rules"][0]["match"]["path"] = json!("/open")),
            &["rules[0].match"],
        ),
    ];
    for (name, config, fields) in rows {
        refused(&format!("{name}, as text"), Plugin::Text(config.to_string()), fields);
        refused(&format!("{name}, as a struct"), Plugin::Struct(config), fields);
    }
}

#[test]
fn a_text_that_is_no_configuration_stops_envoy() {
    let config = make_test_config().to_string();
    let rows: [(&str, String, &[&str]); 5] = [
        ("nothing", String::new(), &[]),
        ("an empty object", "{}".to_owned(), &["issuers"]),
        ("no JSON", "realm: wire.test".to_owned(), &[]),
        ("half of it", config[..config.len() / 2].to_owned(), &[]),
        ("a field twice", format!("{{\"realm\":\"twice\",{}", &config[1..]), &["realm"]),
    ];
    for (name, text, fields) in rows {
        refused(name, Plugin::Text(text), fields);
    }
}
