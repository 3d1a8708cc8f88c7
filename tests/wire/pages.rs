//! What a reader copies out of the pages is loaded by Envoy.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::harness::bootstrap::typed;
use super::harness::envoy::{binary, project};
use super::harness::module::Module;
use crate::blocks::{Block, blocks, is_whole, plugin_configuration};

/// A listener with this connection manager, which has a name and routes.
fn listener(name: &str, mut manager: Value) -> Value {
    manager["stat_prefix"] = json!(name);
    manager["route_config"] = json!({});
    let kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!({
        "name": name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{ "name": "http", "typed_config": typed(kind, manager) }] }],
    })
}

/// One around a plugin configuration, which Envoy then names by its place where it refuses it.
fn listener_around(block: &Block) -> Value {
    let configuration = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": block.value });
    let plugin = json!({
        "name": block.place,
        "vm_config": {
            "vm_id": "pages",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": Module::Shipped.path() } },
        },
        "configuration": configuration,
    });
    let wasm = typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": plugin }));
    let router = typed("envoy.extensions.filters.http.router.v3.Router", json!({}));
    let filters = json!([{ "name": "postern", "typed_config": wasm }, { "name": "router", "typed_config": router }]);
    listener(&block.place, json!({ "http_filters": filters }))
}

/// What the README gives for a connection manager and for the clusters, but for two places of the reader's machine that
/// this one may not have.
fn of_the_readme(blocks: &[Block]) -> (Value, Value) {
    let with = |name: &str| {
        let found = blocks.iter().find(|block| block.place.contains("README.md:") && block.value.get(name).is_some());
        found.unwrap_or_else(|| panic!("the README has no {name}")).value.clone()
    };
    let mut manager = with("http_filters");
    let logs: Vec<&Value> = blocks.iter().filter_map(|block| block.value.get("access_log")).collect();
    assert!(!logs.is_empty(), "the pages show an access log");
    manager["access_log"] = logs.into_iter().flat_map(|log| log.as_array().cloned().unwrap_or_default()).collect();
    let mut clusters = with("clusters")["clusters"].clone();
    let named = plugin_configuration(&manager).map(|config| &config["issuers"][0]["jwks"]["cluster"]);
    assert_eq!(named, Some(&clusters[0]["name"]), "the filter names the cluster that is shown");
    let module = "/http_filters/0/typed_config/config/vm_config/code/local/filename";
    *manager.pointer_mut(module).expect("where the module is") = json!(Module::Shipped.path());
    let trusted = "/0/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename";
    let authority = project().join("tests/pages/any-authority.pem");
    *clusters.pointer_mut(trusted).expect("who is trusted") = json!(authority);
    (manager, clusters)
}

#[test]
fn every_whole_configuration_on_a_page_is_loaded_by_envoy() {
    let blocks = blocks();
    let (manager, clusters) = of_the_readme(&blocks);
    let mut listeners: Vec<Value> = blocks.iter().filter(|block| is_whole(&block.value)).map(listener_around).collect();
    assert!(listeners.len() > 5, "{} configurations were found", listeners.len());
    listeners.push(listener("README.md", manager));
    let bootstrap = json!({ "static_resources": { "listeners": listeners, "clusters": clusters } });

    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("pages.json");
    fs::write(&path, bootstrap.to_string()).expect("a file");
    let envoy = Command::new(binary())
        .args(["--mode", "validate", "--log-level", "warning", "--config-path"])
        .arg(&path)
        .output()
        .expect("Envoy");
    assert!(envoy.status.success(), "{}", String::from_utf8_lossy(&envoy.stderr));
}
