//! Every sample that starts an Envoy has the settings that the filter relies on, as `envoy/DEPLOYMENT.md` lists them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::envoy::project;

const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// The samples by name. Those that are a plugin configuration alone have no such settings.
fn samples() -> Vec<(String, Value)> {
    let mut samples = vec![("dynamic".to_owned(), dynamic())];
    for entry in fs::read_dir(project().join("envoy")).expect("samples") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let value = yaml(&path);
            if value.get("static_resources").is_some() {
                samples.push((path.display().to_string(), value));
            }
        }
    }
    samples
}

fn yaml(path: &Path) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(path).expect("a sample")).expect("YAML")
}

/// The files of `dynamic/` as one, with the filter where its listener asks for it.
fn dynamic() -> Value {
    let file = |name: &str| yaml(&project().join("envoy/dynamic").join(name));
    let [mut sample, mut listener, filter] = ["bootstrap.yaml", "lds.yaml", "ecds.yaml"].map(file);
    let manager = &mut listener["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let place = &mut manager["http_filters"][0];
    assert!(place.get("config_discovery").is_some_and(|source| source.get("default_config").is_none()));
    assert_eq!(place["name"], filter["resources"][0]["name"], "the listener asks for another filter");
    *place = filter["resources"][0].clone();
    sample["static_resources"] = listener;
    sample
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
    let sample = yaml(&project().join("envoy/envoy.yaml"));
    let plugin = each(&sample, WASM)[0];
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
            for route in routes(manager) {
                assert_eq!(route["route"]["timeout"], "0s", "{name}: queries and downloads end after 15 seconds");
            }
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

fn routes(manager: &Value) -> Vec<&Value> {
    let hosts = manager["route_config"]["virtual_hosts"].as_array().expect("virtual hosts");
    let routes: Vec<_> = hosts.iter().flat_map(|host| host["routes"].as_array().expect("routes")).collect();
    assert!(!routes.is_empty(), "no routes");
    routes
}

#[test]
fn without_a_token_nothing_is_changed_below_what_asks_for_capabilities() {
    for (name, sample) in &samples() {
        for plugin in each(sample, WASM) {
            let rules = &plugin["config"]["configuration"]["value"]["rules"];
            let rules = rules.as_array().expect("rules");
            let prefix = |rule: &'_ Value| rule["match"]["prefix"].as_str().map(str::to_owned);
            let guarded: Vec<String> =
                rules.iter().filter(|rule| rule["require"].is_object()).filter_map(prefix).collect();
            for rule in rules.iter().filter(|rule| rule["access"].is_string()) {
                let path = rule["match"]["path"].as_str().map(str::to_owned).or_else(|| prefix(rule)).expect("a path");
                if guarded.iter().any(|guarded| path.starts_with(&format!("{guarded}/"))) {
                    assert_eq!(rule["match"]["methods"], json!(["GET", "HEAD"]), "{name}: {path}");
                }
            }
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
