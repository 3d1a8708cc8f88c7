//! The configuration, as it comes and as it is refused.

use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Value, json};

use super::bench::{Issuer, NOW, assert_let_on_as, config, config_with_keys, get, host, initialize, started};
use crate::host::{Action, BAD_ARGUMENT, Host, INTERNAL_FAILURE, LogLevel, NOT_FOUND, UNIMPLEMENTED};

#[test]
fn a_bad_configuration_is_refused_with_each_error_on_its_own_line() {
    struct Case {
        name: &'static str,
        config: Vec<u8>,
        /// Each is in a line of its own.
        wants: &'static [&'static str],
    }
    fn changed(name: &'static str, change: fn(&mut Value), wants: &'static [&'static str]) -> Case {
        let mut config = config();
        change(&mut config);
        Case { name, config: config.to_string().into_bytes(), wants }
    }
    fn raw(name: &'static str, config: &[u8]) -> Case {
        Case { name, config: config.to_vec(), wants: &[] }
    }
    let cases = [
        raw("nothing", b""),
        raw("not JSON", b"realm: lsp.example.org"),
        raw("not text", b"\xff\xfe\x00"),
        raw("half of it", br#"{"realm": "lsp"#),
        raw("a list", b"[]"),
        raw("an empty object", b"{}"),
        raw("a field twice", br#"{"realm": "a", "realm": "b", "issuers": [], "rules": []}"#),
        changed("a field that is none", |config| config["relm"] = json!("x"), &["relm"]),
        changed("no issuer", |config| config["issuers"] = json!([]), &["issuers"]),
        changed(
            "two mistakes",
            |config| {
                config["issuers"][0]["jwks"]["cache"] = json!("1s");
                config["rules"][0] = json!({"match": {"path": "/api/tap"}});
            },
            &["issuers[0].jwks.cache", "rules[0]"],
        ),
    ];
    for Case { name, config, wants } in cases {
        let host = Host::new(initialize).config(config).cluster("issuer").now(NOW);
        let root = host.start();
        assert!(!(root.started && root.configured), "{name}");
        let errors = host.logged(LogLevel::Error);
        assert!(errors.len() >= wants.len().max(1), "{name}: {errors:?}");
        assert!(errors.iter().all(|line| !line.contains('\n')), "{name}: {errors:?}");
        for want in wants {
            let lines = errors.iter().filter(|line| line.contains(want)).count();
            assert_eq!(lines, 1, "{name}: {want} in {errors:?}");
        }
        assert_eq!(host.acts(), [""; 0], "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    for status in [NOT_FOUND, BAD_ARGUMENT, INTERNAL_FAILURE, UNIMPLEMENTED] {
        let host = host(&config());
        host.fail("proxy_get_buffer_bytes", status);
        let root = host.start();
        assert!(!(root.started && root.configured), "{status}");
        assert!(!host.logged(LogLevel::Error).is_empty(), "{status}");
    }
}

#[test]
fn a_configuration_written_as_yaml_arrives_as_a_struct_and_means_the_same() {
    fn kind(value: Value) -> Kind {
        match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(value),
            Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
            Value::String(value) => Kind::StringValue(value),
            Value::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(wrap).collect() }),
            Value::Object(_) => Kind::StructValue(message(value)),
        }
    }
    fn wrap(value: Value) -> prost_types::Value {
        prost_types::Value { kind: Some(kind(value)) }
    }
    fn message(value: Value) -> Struct {
        let Value::Object(fields) = value else { panic!("a Struct is an object") };
        Struct { fields: fields.into_iter().map(|(name, value)| (name, wrap(value))).collect() }
    }

    let issuer = Issuer::new();
    let bytes = message(config_with_keys(&issuer)).encode_to_vec();
    let host = Host::new(initialize).config(bytes).now(NOW);
    let root = started(&host);
    let stream = get(&root, &issuer.bearer("alice"));
    assert_eq!(stream.action, Action::Continue);
    assert_let_on_as(&host, &stream, "alice");
}

#[test]
fn a_rule_that_protects_nothing_is_named_in_the_log() {
    for (name, shadow, want) in [("a shadow", json!(true), 1), ("a rule", json!(false), 0)] {
        let mut config = config();
        config["rules"][0]["shadow"] = shadow;
        let rule = config["rules"][0]["name"].as_str().expect("a name").to_owned();
        let host = Host::new(initialize).config(config.to_string().into_bytes()).cluster("issuer").now(NOW);
        assert!(host.start().configured, "{name}");
        let warnings = host.logged(LogLevel::Warn);
        let named = warnings.iter().filter(|line| line.contains(&format!("rule {rule} is a shadow"))).count();
        assert_eq!(named, want, "{name}: {warnings:?}");
    }
}
