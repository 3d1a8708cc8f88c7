//! Envoy's configuration around the filters: the same for all, and as an edge proxy's would be, but for the access log.
//!
//! There is no upstream. The route itself answers, so that nothing but the filter is on top of what `none` costs.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::answer::BODY;

/// The cluster of the authorizer that `ext_authz` asks.
pub const AUTHORIZER: &str = "authorizer";

pub fn bootstrap(filters: Vec<Value>, authorizer: Option<SocketAddr>) -> Value {
    let clusters: Vec<Value> = authorizer.map(cluster).into_iter().collect();
    json!({
        "admin": { "address": address(any_port()) },
        "static_resources": { "listeners": [listener(filters)], "clusters": clusters },
    })
}

pub fn typed(kind: &str, mut value: Value) -> Value {
    value["@type"] = json!(format!("type.googleapis.com/{kind}"));
    value
}

fn listener(mut filters: Vec<Value>) -> Value {
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
    }));
    let answer = json!({ "status": 200, "body": { "inline_string": BODY } });
    let route = json!({ "match": { "prefix": "/" }, "direct_response": answer });
    let manager = json!({
        "stat_prefix": "main",
        "codec_type": "AUTO",
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "use_remote_address": true,
        "stream_idle_timeout": "60s",
        "request_headers_timeout": "10s",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": filters,
    });
    let kind = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let manager =
        json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": typed(kind, manager) });
    json!({
        "name": "main",
        "address": address(any_port()),
        // Each worker has its share of the few connections that there are.
        "connection_balance_config": { "exact_balance": {} },
        "filter_chains": [{ "filters": [manager] }],
    })
}

fn cluster(to: SocketAddr) -> Value {
    json!({
        "name": AUTHORIZER,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": AUTHORIZER,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(to) } }] }],
        },
    })
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}
