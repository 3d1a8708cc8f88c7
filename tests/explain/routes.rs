//! The route that Envoy would choose, as far as the file tells.

use serde_json::{Value, json};

use crate::scene::{Scene, everything, token};

fn envoy(virtual_hosts: Value) -> Scene {
    envoy_with(virtual_hosts, &json!({}), &json!({}))
}

/// With these settings of the connection manager and of its routes.
fn envoy_with(virtual_hosts: Value, of_manager: &Value, of_routes: &Value) -> Scene {
    let mut manager = json!({
        "http_filters": [{"name": "postern", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {"name": "postern", "configuration": {
                "@type": "type.googleapis.com/google.protobuf.Struct", "value": everything(),
            }},
        }}],
        "route_config": {"virtual_hosts": virtual_hosts},
    });
    for (settings, part) in [(of_manager, ""), (of_routes, "/route_config")] {
        let part = manager.pointer_mut(part).and_then(Value::as_object_mut).unwrap();
        part.extend(settings.as_object().unwrap().clone());
    }
    if manager["route_config"]["virtual_hosts"].is_null() {
        manager["route_config"] = Value::Null;
        manager["rds"] = json!({"route_config_name": "r"});
    }
    Scene::written("envoy.yaml", &json!({"static_resources": {"listeners": [{"a": manager}]}}).to_string())
}

fn route(name: &str, criteria: Value, metadata: Value) -> Value {
    json!({"name": name, "match": criteria, "metadata": {"filter_metadata": {"postern": metadata}}})
}

fn hosts() -> Value {
    let plain =
        |domains: Value, name: &str| json!({"domains": domains, "routes": [{"name": name, "match": {"prefix": "/"}}]});
    json!([
        plain(json!(["*", "exact.test"]), "any"),
        plain(json!(["*.test"]), "below"),
        plain(json!(["b.*"]), "before"),
        {"domains": ["api.test", "other.test"], "routes": [
            route("named", json!({"path_separated_prefix": "/named"}), json!({"rule": "users"})),
            route("asking", json!({"path": "/asking"}), json!({"capabilities": "read:image"})),
            route("broken", json!({"prefix": "/broken"}), json!({"rules": "users"})),
            route("half", json!({"prefix": "/half"}), json!({"rule": "users", "rules": "users"})),
            {"name": "by-header", "match": {"prefix": "/h", "headers": [{"name": "x"}]}},
            {"name": "last", "match": {"prefix": "/"}},
        ]},
        {"domains": ["matcher.test"], "matcher": {}, "routes": []},
        {"domains": ["off.test"], "routes": [
            {"name": "off", "match": {"prefix": "/off"}, "typed_per_filter_config": {"postern": {"disabled": true}}},
            {"name": "on", "match": {"prefix": "/"}},
        ]},
    ])
}

#[test]
fn the_route_is_that_of_the_host_and_the_path() {
    let scene = envoy(hosts());
    let good = token(json!({}));
    for (name, url, source, route, reason) in [
        ("by name of the host", "https://api.test/named/a", "file", "named", "user_not_listed"),
        ("the query does not count", "https://api.test/asking?x", "file", "asking", "insufficient_scope"),
        ("metadata that cannot be read", "https://api.test/broken", "file", "broken", "unknown_rule"),
        ("a path is whole", "https://api.test/asking/", "not_looked_at", "", "no_rule"),
        ("what comes before decides by headers", "https://api.test/anybody", "not_looked_at", "", "ok"),
        ("a segment that only begins so", "https://api.test/namedly", "not_looked_at", "", "no_rule"),
        ("hosts in capitals", "https://OTHER.test/named", "file", "named", "user_not_listed"),
        ("a tree of matchers", "https://matcher.test/anybody", "not_looked_at", "", "ok"),
        ("a host of which too little is there", "https://b./anybody", "file", "any", "ok"),
        ("any host and one by name", "https://exact.test/anybody", "file", "any", "ok"),
        ("metadata that can be read in part", "https://api.test/half", "file", "half", "unknown_rule"),
        ("the filter is switched off", "https://off.test/off", "not_looked_at", "", "no_rule"),
        ("it is elsewhere", "https://off.test/anybody", "file", "on", "ok"),
        ("any host below", "https://x.test/anybody", "file", "below", "ok"),
        ("any host before", "https://b.example/anybody", "file", "before", "ok"),
        ("any host", "https://example.org/anybody", "file", "any", "ok"),
    ] {
        let told = scene.explain(&[url, "--token", &good, "--json"]).json();
        assert_eq!(told["route"]["source"], source, "{name}: {told:#}");
        assert_eq!(told["route"]["name"].as_str().unwrap_or_default(), route, "{name}");
        assert_eq!(told["decision"]["reason"], reason, "{name}");
    }
}

/// A setting of the connection manager or of its routes by which ports do not count.
#[test]
fn where_ports_are_left_out_of_hosts_a_port_says_nothing() {
    let good = token(json!({}));
    for (name, of_manager, of_routes, url, source) in [
        ("ports count", json!({}), json!({}), "https://api.test:8443/named", "file"),
        ("stripped", json!({"strip_any_host_port": true}), json!({}), "https://api.test:8443/named", "not_looked_at"),
        (
            "not matched",
            json!({}),
            json!({"ignore_port_in_host_matching": true}),
            "https://api.test:8443/named",
            "not_looked_at",
        ),
        ("and there is none", json!({"strip_any_host_port": true}), json!({}), "https://api.test/named", "file"),
    ] {
        let told = envoy_with(hosts(), &of_manager, &of_routes).explain(&[url, "--token", &good, "--json"]).json();
        assert_eq!(told["route"]["source"], source, "{name}: {told:#}");
    }
}

#[test]
fn a_route_that_is_given_goes_before_that_of_the_file() {
    let scene = envoy(hosts());
    let good = token(json!({}));
    let told = scene.explain(&["https://api.test/named", "--token", &good, "--route-rule", "anybody", "--json"]).json();
    assert_eq!((&told["route"]["source"], &told["decision"]["reason"]), (&json!("given"), &json!("ok")), "{told:#}");
}

#[test]
fn routes_that_were_not_looked_at_are_spoken_of() {
    let last = json!([{"domains": ["api.test"], "routes": [{"match": {"safe_regex": {"regex": ".*"}}}]}]);
    let elsewhere = Scene::written(
        "config.yaml",
        &format!(
            "{}\n---\nkind: VirtualService\nx: {{ filter_metadata: {{ postern: {{ rule: users }} }} }}\n",
            everything()
        ),
    );
    for (name, scene, want) in [
        ("discovered", envoy(Value::Null), "NOT LOOKED AT: routes are discovered"),
        ("by something else", envoy(last.clone()), "NOT LOOKED AT: a route before it"),
        ("elsewhere in the file", elsewhere, "NOT LOOKED AT: there are routes with metadata"),
    ] {
        let said = scene.explain(&["https://api.test/public"]);
        assert!(said.out.contains(want), "{name}: {}{}", said.out, said.err);
    }
    let said = envoy(last).explain(&["https://b.test/public"]);
    assert!(said.out.contains("none: Envoy answers 404"), "{}", said.out);
}
