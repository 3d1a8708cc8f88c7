//! The filter as Envoy is told of it: its configuration, its VM, and what becomes of both when it dies.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::bootstrap::typed;
use super::setup::Setup;

/// The plugin's name, which its statistics carry.
pub const PLUGIN: &str = "postern";

/// The two ways a configuration reaches a filter.
#[derive(Clone, Debug)]
pub enum Plugin {
    /// JSON in a `StringValue`, as Istio delivers it.
    Text(String),
    /// A `Struct`, as it arrives when written as YAML in Envoy's own configuration.
    Struct(Value),
    /// No filter: to check the harness against an Envoy alone.
    Absent,
}

/// What Envoy does when the filter's VM has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is said about it.
    Unset,
    Closed,
    /// A new VM after a pause, about this long at the least.
    Reload {
        backoff: &'static str,
    },
    Open,
    /// The field that policies have replaced.
    OldOpen,
}

impl Failure {
    fn write(self, config: &mut Value) {
        match self {
            Self::Unset => {}
            Self::Closed => config["failure_policy"] = json!("FAIL_CLOSED"),
            Self::Reload { backoff } => {
                config["failure_policy"] = json!("FAIL_RELOAD");
                config["reload_config"] = json!({ "backoff": { "base_interval": backoff } });
            }
            Self::Open => config["failure_policy"] = json!("FAIL_OPEN"),
            Self::OldOpen => config["fail_open"] = json!(true),
        }
    }
}

/// The filter in a chain of filters, where there is one.
pub(super) fn filter(setup: &Setup, wasm: &Path) -> Option<Value> {
    let (kind, value) = match &setup.plugin {
        Plugin::Absent => return None,
        Plugin::Text(text) => ("google.protobuf.StringValue", json!({ "value": text })),
        Plugin::Struct(value) => ("google.protobuf.Struct", json!({ "value": value })),
    };
    let mut config = json!({
        "name": PLUGIN,
        "root_id": PLUGIN,
        "vm_config": {
            "vm_id": setup.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": wasm } },
        },
        "configuration": typed(kind, value),
    });
    setup.variables.write(&mut config["vm_config"]);
    setup.failure.write(&mut config);
    if let Some(names) = &setup.allowed_calls {
        let allowed: Map<String, Value> = names.iter().map(|name| (name.clone(), json!({}))).collect();
        config["capability_restriction_config"] = json!({ "allowed_capabilities": allowed });
    }
    if setup.allow_on_headers_stop_iteration {
        config["allow_on_headers_stop_iteration"] = json!(true);
    }
    Some(json!({
        "name": "envoy.filters.http.wasm",
        "typed_config":
            typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config })),
    }))
}
