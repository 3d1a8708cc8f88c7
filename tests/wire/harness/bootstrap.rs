//! The bootstrap that says what a set-up asks for.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::plugin::filter;
use super::route::Route;
use super::setup::{ACCESS_LOG_FILE, Setup};

impl Setup {
    /// The bootstrap. Every port is 0: the system picks one that is free.
    pub fn bootstrap(&self, upstream: SocketAddr, wasm: &Path, access_log: &Path) -> Value {
        if let Some(whole) = &self.whole {
            let text = whole.to_string().replace(ACCESS_LOG_FILE, &access_log.to_string_lossy());
            return serde_json::from_str(&text).expect("JSON with another path");
        }
        let mut clusters = vec![cluster("upstream", upstream)];
        clusters.extend(self.clusters());
        let mut listeners = vec![self.listener(wasm, access_log)];
        listeners.extend(self.more_listeners.iter().cloned());
        let mut bootstrap = json!({
            "admin": { "address": address(SocketAddr::from(([127, 0, 0, 1], 0))) },
            "static_resources": {
                "listeners": listeners,
                "clusters": clusters,
            },
        });
        if let Some(stats) = &self.stats {
            bootstrap["stats_config"] = stats.clone();
        }
        bootstrap
    }

    pub(super) fn listener(&self, wasm: &Path, access_log: &Path) -> Value {
        json!({
            "name": "ingress",
            "address": address(SocketAddr::from(([127, 0, 0, 1], 0))),
            "filter_chains": [{ "filters": [connection_manager(self, wasm, access_log)] }],
        })
    }

    /// The clusters besides the upstream's.
    pub(super) fn clusters(&self) -> Vec<Value> {
        let issuer = self.issuer.map(|address| cluster("issuer", address));
        issuer.into_iter().chain(self.clusters.iter().map(|(name, address)| cluster(name, *address))).collect()
    }
}

fn connection_manager(setup: &Setup, wasm: &Path, access_log: &Path) -> Value {
    let mut routes: Vec<Value> = setup.routes.iter().map(Route::json).collect();
    routes.push(Route::prefix("/").json());
    let mut virtual_hosts = vec![json!({ "name": "all", "domains": ["*"], "routes": routes })];
    if let Some((domain, metadata)) = &setup.virtual_host {
        let route = Route::prefix("/").metadata(metadata.clone()).json();
        virtual_hosts.push(json!({ "name": domain, "domains": [domain], "routes": [route] }));
    }
    let mut filters = Vec::new();
    filters.extend(filter(setup, wasm));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
    }));
    let upgrades = if setup.web_sockets { json!([{ "upgrade_type": "websocket" }]) } else { json!([]) };
    let mut manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "ingress",
            "codec_type": "AUTO",
            "normalize_path": setup.normalize_path,
            "merge_slashes": setup.normalize_path,
            "path_with_escaped_slashes_action": setup.escaped_slashes.unwrap_or("KEEP_UNCHANGED"),
            // Without it trailers never reach a filter, and nothing about them is tested.
            "http_protocol_options": { "enable_trailers": true, "accept_http_10": setup.accept_http_10 },
            "route_config": { "virtual_hosts": virtual_hosts },
            "access_log": [access_log_json(access_log, setup)],
            "http_filters": filters,
            "upgrade_configs": upgrades,
            "tracing": setup.tracing,
        }),
    );
    if let Some(timeout) = setup.stream_idle_timeout {
        manager["stream_idle_timeout"] = json!(timeout);
    }
    json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager })
}

pub(super) fn listener_with(name: &str, filter: Value) -> Value {
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

fn access_log_json(path: &Path, setup: &Setup) -> Value {
    let format = match &setup.access_log_members {
        None => json!({ "text_format_source": { "inline_string": setup.access_log_format } }),
        Some(members) => json!({ "json_format": members }),
    };
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            json!({ "path": path, "log_format": format }),
        ),
    })
}
