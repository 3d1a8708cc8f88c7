//! Every sample that starts an Envoy has the settings that the filter relies on, as `envoy/DEPLOYMENT.md` lists them.

use std::fs;

use serde_json::{Value, json};

use super::harness::envoy::project;

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// The samples by name. Those that are a plugin configuration alone have no such settings.
fn samples() -> Vec<(String, Value)> {
    let mut samples = Vec::new();
    for entry in fs::read_dir(project().join("envoy")).expect("samples") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).expect("a sample");
            let value: Value = serde_yaml_ng::from_str(&text).expect("YAML");
            if value.get("static_resources").is_some() {
                samples.push((path.display().to_string(), value));
            }
        }
    }
    samples
}

/// Everything of this type, however deep it stands.
fn all<'a>(value: &'a Value, kind: &str, found: &mut Vec<&'a Value>) {
    if value.get("@type").is_some_and(|of| of == kind) {
        found.push(value);
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| all(value, kind, found)),
        Value::Object(members) => members.values().for_each(|value| all(value, kind, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn each<'a>(value: &'a Value, kind: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    all(value, kind, &mut found);
    found
}

/// The calls that the sample allows to the filter and Envoy.
pub(super) fn allowed_calls() -> Vec<String> {
    let samples = samples();
    let plugin = each(&samples[0].1, WASM)[0];
    let allowed = &plugin["config"]["capability_restriction_config"]["allowed_capabilities"];
    allowed.as_object().expect("a list of capabilities").keys().cloned().collect()
}

#[test]
fn every_sample_has_what_the_filter_relies_on() {
    let samples = samples();
    assert!(!samples.is_empty(), "no samples");
    for (name, sample) in &samples {
        assert_eq!(sample["admin"]["address"]["socket_address"]["address"], "127.0.0.1", "{name}: admin");
        let managers = each(sample, MANAGER);
        assert!(!managers.is_empty(), "{name}: nothing takes requests");
        for manager in managers {
            let settings = [
                ("normalize_path", json!(true)),
                ("merge_slashes", json!(true)),
                ("path_with_escaped_slashes_action", json!("REJECT_REQUEST")),
                ("use_remote_address", json!(true)),
            ];
            for (setting, wanted) in settings {
                assert_eq!(manager[setting], wanted, "{name}: {setting}");
            }
            assert_eq!(
                manager["common_http_protocol_options"]["headers_with_underscores_action"], "REJECT_REQUEST",
                "{name}: underscores"
            );
            assert!(seconds(&manager["stream_idle_timeout"]) > 0, "{name}: requests could wait for ever");
            assert!(seconds(&manager["request_headers_timeout"]) > 0, "{name}: headers could take for ever");
            let filters = manager["http_filters"].as_array().expect("filters");
            assert_eq!(each(filters.last().expect("a filter"), ROUTER).len(), 1, "{name}: the router is last");
            assert_eq!(each(&filters[0], WASM).len(), 1, "{name}: the filter is first");
            logs_no_credential(name, manager);
        }
        for plugin in each(sample, WASM) {
            let config = &plugin["config"];
            assert_eq!(config["failure_policy"], "FAIL_RELOAD", "{name}");
            assert!(seconds(&config["reload_config"]["backoff"]["base_interval"]) > 0, "{name}: backoff");
            let left_out = ["fail_open", "allow_on_headers_stop_iteration"];
            left_out.iter().for_each(|field| assert!(config.get(field).is_none(), "{name}: {field}"));
            assert!(config["vm_config"]["vm_id"].as_str().is_some_and(|id| !id.is_empty()), "{name}: vm_id");
            assert!(config.get("capability_restriction_config").is_some(), "{name}: capabilities");
            let written = &config["vm_config"]["environment_variables"]["key_values"];
            assert!(written.is_null(), "{name}: Envoy's admin page shows what is in the VM's environment");
        }
    }
}

fn seconds(value: &Value) -> u64 {
    let seconds = value.as_str().and_then(|text| text.strip_suffix('s')?.parse().ok());
    seconds.unwrap_or_else(|| panic!("no whole seconds: {value}"))
}

fn logs_no_credential(name: &str, manager: &Value) {
    let log = manager["access_log"].to_string().to_ascii_uppercase();
    for secret in ["%REQ(AUTHORIZATION", "%REQ(COOKIE", "%REQ(:PATH", "%REQ(X-ENVOY-ORIGINAL-PATH", "%REQ(REFERER"] {
        assert!(!log.contains(secret), "{name}: the access log has {secret}");
    }
}
