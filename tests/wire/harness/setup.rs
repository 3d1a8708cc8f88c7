//! What an Envoy of a test looks like, and the bootstrap that says so.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::dynamic::Drain;
use super::module::Module;

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

/// A route to the upstream, tried before the one that takes everything.
#[derive(Clone, Debug)]
pub struct Route {
    prefix: String,
    name: Option<String>,
    metadata: Option<Value>,
    /// A header that a request has to have, with this value.
    header: Option<(String, String)>,
    follows_redirects: bool,
}

impl Route {
    pub fn prefix(prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, name: None, metadata: None, header: None, follows_redirects: false }
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

    /// Only for requests with this header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.header = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// Has Envoy itself go where the upstream redirects to.
    pub fn follow_redirects(mut self) -> Self {
        self.follows_redirects = true;
        self
    }

    fn json(&self) -> Value {
        let mut route = json!({
            "match": { "prefix": self.prefix },
            "route": { "cluster": "upstream" },
        });
        if let Some((name, value)) = &self.header {
            route["match"]["headers"] = json!([{ "name": name, "string_match": { "exact": value } }]);
        }
        if self.follows_redirects {
            route["route"]["internal_redirect_policy"] = json!({ "max_internal_redirects": 2 });
        }
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
    /// What Envoy does with escaped slashes, in its own words; nothing, where this is not said.
    pub escaped_slashes: Option<&'static str>,
    pub routes: Vec<Route>,
    /// A virtual host of its own for this domain, with this metadata on its only route.
    pub virtual_host: Option<(String, Value)>,
    pub issuer: Option<SocketAddr>,
    /// More clusters, each with one host.
    pub clusters: Vec<(String, SocketAddr)>,
    /// Whether a client may ask for a WebSocket.
    pub web_sockets: bool,
    /// Whether requests of HTTP/1.0 are taken, which need no host.
    pub accept_http_10: bool,
    /// Whether listener and clusters come from files that can be replaced, and how an old listener then ends.
    pub dynamic: Option<Drain>,
    /// From which level on Envoy logs what is about filters: theirs, and at `trace` each of their calls to it.
    pub wasm_log_level: &'static str,
    /// The only calls that Envoy allows to the filter and makes to it; all, where there is no such list.
    pub allowed_calls: Option<Vec<String>>,
    /// Whether Envoy logs everything it can. Then it prints the heads of requests, before any filter has seen them.
    pub logs_everything: bool,
    /// A line of the access log.
    pub access_log_format: String,
    /// Where spans are sent, in the connection manager's own terms.
    pub tracing: Option<Value>,
    /// Listeners beside the filter's.
    pub more_listeners: Vec<Value>,
    /// Which build of the filter.
    pub module: Module,
    pub failure: Failure,
    /// For how long a stream may stand still, where Envoy is told.
    pub stream_idle_timeout: Option<&'static str>,
    /// Whether the test is about a VM that dies; all others are held to it that none does.
    pub may_trap: bool,
}

const ACCESS_LOG: &str =
    "%REQ(:PATH)% | %RESPONSE_CODE% | %RESPONSE_CODE_DETAILS% | %FILTER_STATE(wasm.postern:PLAIN)%\n";

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
            escaped_slashes: None,
            accept_http_10: false,
            routes: Vec::new(),
            virtual_host: None,
            issuer: None,
            clusters: Vec::new(),
            web_sockets: false,
            dynamic: None,
            wasm_log_level: "info",
            allowed_calls: None,
            logs_everything: false,
            access_log_format: ACCESS_LOG.to_owned(),
            tracing: None,
            more_listeners: Vec::new(),
            module: Module::Shipped,
            failure: Failure::Reload { backoff: "1s" },
            stream_idle_timeout: None,
            may_trap: false,
        }
    }

    /// With the build that can be killed, and this for the case that it is.
    pub fn trapping(mut self, failure: Failure) -> Self {
        self.module = Module::TrapForTests;
        self.failure = failure;
        self.may_trap = true;
        self
    }

    /// Whatever it does, the test looks at it.
    pub fn may_trap(mut self) -> Self {
        self.may_trap = true;
        self
    }

    pub fn stream_idle_timeout(mut self, timeout: &'static str) -> Self {
        self.stream_idle_timeout = Some(timeout);
        self
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

    /// Has Envoy do this with escaped slashes in paths.
    pub fn escaped_slashes(mut self, action: &'static str) -> Self {
        self.escaped_slashes = Some(action);
        self
    }

    /// Has Envoy take requests of HTTP/1.0.
    pub fn accept_http_10(mut self) -> Self {
        self.accept_http_10 = true;
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

    /// Adds a listener beside the filter's, on any port, with this filter in it. Who gets past it is answered 200.
    pub fn listener_with(mut self, name: &str, filter: Value) -> Self {
        self.more_listeners.push(listener_with(name, filter));
        self
    }

    /// Has Envoy allow only these calls.
    pub fn allowed_calls(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_calls = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Has Envoy log each call between it and the filter.
    pub fn log_calls(mut self) -> Self {
        self.wasm_log_level = "trace";
        self
    }

    /// Has Envoy log all it can, of every component.
    pub fn log_everything(mut self) -> Self {
        self.logs_everything = true;
        self
    }

    pub fn access_log_format(mut self, format: &str) -> Self {
        format.clone_into(&mut self.access_log_format);
        self
    }

    pub fn tracing(mut self, tracing: Value) -> Self {
        self.tracing = Some(tracing);
        self
    }

    /// The bootstrap. Every port is 0: the system picks one that is free.
    pub fn bootstrap(&self, upstream: SocketAddr, wasm: &Path, access_log: &Path) -> Value {
        let mut clusters = vec![cluster("upstream", upstream)];
        clusters.extend(self.clusters());
        let mut listeners = vec![self.listener(wasm, access_log)];
        listeners.extend(self.more_listeners.iter().cloned());
        json!({
            "admin": { "address": address(SocketAddr::from(([127, 0, 0, 1], 0))) },
            "static_resources": {
                "listeners": listeners,
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
        let mut manager = typed(
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            json!({
                "stat_prefix": "ingress",
                "codec_type": "AUTO",
                "normalize_path": self.normalize_path,
                "merge_slashes": self.normalize_path,
                "path_with_escaped_slashes_action": self.escaped_slashes.unwrap_or("KEEP_UNCHANGED"),
                // Without it trailers never reach a filter, and nothing about them is tested.
                "http_protocol_options": { "enable_trailers": true, "accept_http_10": self.accept_http_10 },
                "route_config": { "virtual_hosts": virtual_hosts },
                "access_log": [access_log_json(access_log, &self.access_log_format)],
                "http_filters": filters,
                "upgrade_configs": upgrades,
                "tracing": self.tracing,
            }),
        );
        if let Some(timeout) = self.stream_idle_timeout {
            manager["stream_idle_timeout"] = json!(timeout);
        }
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
            "vm_config": {
                "vm_id": PLUGIN,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": wasm } },
            },
            "configuration": typed(kind, value),
        });
        self.failure.write(&mut config);
        if let Some(names) = &self.allowed_calls {
            let allowed: Map<String, Value> = names.iter().map(|name| (name.clone(), json!({}))).collect();
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

fn listener_with(name: &str, filter: Value) -> Value {
    let answer = json!({ "status": 200, "body": { "inline_string": "hello\n" } });
    let route = json!({ "match": { "prefix": "/" }, "direct_response": answer });
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
    });
    let manager = json!({
        "stat_prefix": name,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": [filter, router],
    });
    let kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let manager =
        json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": typed(kind, manager) });
    json!({
        "name": name,
        "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{ "filters": [manager] }],
    })
}

pub fn typed(kind: &str, mut value: Value) -> Value {
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

fn access_log_json(path: &Path, format: &str) -> Value {
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
