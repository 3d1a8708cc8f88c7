//! What an Envoy of a test looks like, and the bootstrap that says so.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::dynamic::Drain;

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

/// A route to the upstream, tried before the one that takes everything.
#[derive(Clone, Debug)]
pub struct Route {
    prefix: String,
    name: Option<String>,
    metadata: Option<Value>,
}

impl Route {
    pub fn prefix(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), name: None, metadata: None }
    }

    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// What stands under the filter's own name in the route's metadata.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata);
        self
    }

    fn json(&self) -> Value {
        let mut route = json!({
            "match": { "prefix": self.prefix },
            "route": { "cluster": "upstream" },
        });
        if let Some(name) = &self.name {
            route["name"] = json!(name);
        }
        if let Some(metadata) = &self.metadata {
            route["metadata"] = json!({ "filter_metadata": { PLUGIN: metadata } });
        }
        route
    }
}

#[derive(Clone, Debug)]
pub struct Setup {
    pub plugin: Plugin,
    pub concurrency: usize,
    /// With it, `Pause` from the head holds back only the head, and the body callbacks run.
    pub allow_on_headers_stop_iteration: bool,
    pub normalize_path: bool,
    pub routes: Vec<Route>,
    /// A virtual host of its own for this domain, with this metadata on its only route.
    pub virtual_host: Option<(String, Value)>,
    pub issuer: Option<SocketAddr>,
    /// More clusters, each with one host.
    pub clusters: Vec<(String, SocketAddr)>,
    /// Whether a client may ask for a WebSocket.
    pub web_sockets: bool,
    /// Whether listener and clusters come from files that can be replaced, and how an old listener then ends.
    pub dynamic: Option<Drain>,
    /// From which level on Envoy logs what is about filters: theirs, and at `trace` each of their calls to it.
    pub wasm_log_level: &'static str,
    /// The only calls that Envoy allows to the filter and makes to it; all, where there is no such list.
    pub allowed_calls: Option<&'static [&'static str]>,
}

impl Setup {
    pub fn new(config: &Value) -> Self {
        Self::with(Plugin::Text(config.to_string()))
    }

    pub fn with(plugin: Plugin) -> Self {
        Self {
            plugin,
            concurrency: 1,
            allow_on_headers_stop_iteration: false,
            normalize_path: true,
            routes: Vec::new(),
            virtual_host: None,
            issuer: None,
            clusters: Vec::new(),
            web_sockets: false,
            dynamic: None,
            wasm_log_level: "info",
            allowed_calls: None,
        }
    }

    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers;
        self
    }

    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.allow_on_headers_stop_iteration = allow;
        self
    }

    pub fn normalize_path(mut self, normalize: bool) -> Self {
        self.normalize_path = normalize;
        self
    }

    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    pub fn virtual_host(mut self, domain: &str, metadata: Value) -> Self {
        self.virtual_host = Some((domain.to_owned(), metadata));
        self
    }

    /// Adds the cluster `issuer`.
    pub fn issuer(mut self, address: SocketAddr) -> Self {
        self.issuer = Some(address);
        self
    }

    /// Adds another cluster.
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), address));
        self
    }

    /// Lets clients ask for a WebSocket.
    pub fn web_sockets(mut self) -> Self {
        self.web_sockets = true;
        self
    }

    /// Has listener and clusters come from files, so that a test can replace them.
    pub fn dynamic(mut self, drain: Drain) -> Self {
        self.dynamic = Some(drain);
        self
    }

    /// Has Envoy allow only these calls.
    pub fn allowed_calls(mut self, names: &'static [&'static str]) -> Self {
        self.allowed_calls = Some(names);
        self
    }

    /// Has Envoy log each call between it and the filter.
    pub fn log_calls(mut self) -> Self {
        self.wasm_log_level = "trace";
        self
    }

    /// The bootstrap. Every port is 0: the system picks one that is free.
    pub fn bootstrap(&self, upstream: SocketAddr, wasm: &Path, access_log: &Path) -> Value {
        let mut clusters = vec![cluster("upstream", upstream)];
        clusters.extend(self.clusters());
        json!({
            "admin": { "address": address(SocketAddr::from(([127, 0, 0, 1], 0))) },
            "static_resources": {
                "listeners": [self.listener(wasm, access_log)],
                "clusters": clusters,
            },
        })
    }

    pub(super) fn listener(&self, wasm: &Path, access_log: &Path) -> Value {
        json!({
            "name": "ingress",
            "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
            "filter_chains": [{ "filters": [self.connection_manager(wasm, access_log)] }],
        })
    }

    /// The clusters besides the upstream's.
    pub(super) fn clusters(&self) -> Vec<Value> {
        let issuer = self.issuer.map(|address| cluster("issuer", address));
        issuer.into_iter().chain(self.clusters.iter().map(|(name, address)| cluster(name, *address))).collect()
    }

    fn connection_manager(&self, wasm: &Path, access_log: &Path) -> Value {
        let mut routes: Vec<Value> = self.routes.iter().map(Route::json).collect();
        routes.push(Route::prefix("/").json());
        let mut virtual_hosts = vec![json!({ "name": "all", "domains": ["*"], "routes": routes })];
        if let Some((domain, metadata)) = &self.virtual_host {
            let route = Route::prefix("/").metadata(metadata.clone()).json();
            virtual_hosts.push(json!({ "name": domain, "domains": [domain], "routes": [route] }));
        }
        let mut filters = Vec::new();
        filters.extend(self.filter(wasm));
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
        }));
        let upgrades = if self.web_sockets { json!([{ "upgrade_type": "websocket" }]) } else { json!([]) };
        let manager = typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            json!({
                "stat_prefix": "ingress",
                "codec_type": "AUTO",
                "normalize_path": self.normalize_path,
                "merge_slashes": self.normalize_path,
                // Without it trailers never reach a filter, and nothing about them is tested.
                "http_protocol_options": { "enable_trailers": true },
                "route_config": { "virtual_hosts": virtual_hosts },
                "access_log": [access_log_json(access_log)],
                "http_filters": filters,
                "upgrade_configs": upgrades,
            }),
        );
        json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager })
    }

    fn filter(&self, wasm: &Path) -> Option<Value> {
        let (kind, value) = match &self.plugin {
            Plugin::Absent => return None,
            Plugin::Text(text) => ("google.protobuf.StringValue", json!({ "value": text })),
            Plugin::Struct(value) => ("google.protobuf.Struct", json!({ "value": value })),
        };
        let mut config = json!({
            "name": PLUGIN,
            "root_id": PLUGIN,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": PLUGIN,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": wasm } },
            },
            "configuration": typed(kind, value),
        });
        if let Some(names) = self.allowed_calls {
            let allowed: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            config["capability_restriction_config"] = json!({ "allowed_capabilities": allowed });
        }
        if self.allow_on_headers_stop_iteration {
            config["allow_on_headers_stop_iteration"] = json!(true);
        }
        Some(json!({
            "name": "envoy.filters.http.wasm",
            "typed_config":
                typed("envoy.extensions.filters.http.wasm.v3.Wasm", json!({ "config": config })),
        }))
    }
}

pub(super) fn typed(kind: &str, mut value: Value) -> Value {
    value["@type"] = json!(format!("type.googleapis.com/{kind}"));
    value
}

fn address(address: SocketAddr) -> Value {
    json!({
        "socket_address": { "address": address.ip().to_string(), "port_value": address.port() },
    })
}

fn cluster(name: &str, to: SocketAddr) -> Value {
    json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(to) } }] }],
        },
        // As towards the filter: let trailers through, so that a test can see them.
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                json!({
                    "explicit_http_config": {
                        "http_protocol_options": { "enable_trailers": true },
                    },
                }),
            ),
        },
    })
}

fn access_log_json(path: &Path) -> Value {
    let format = "%REQ(:PATH)% | %RESPONSE_CODE% | %RESPONSE_CODE_DETAILS% | %FILTER_STATE(wasm.postern:PLAIN)%\n";
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            json!({
                "path": path,
                "log_format": { "text_format_source": { "inline_string": format } },
            }),
        ),
    })
}
