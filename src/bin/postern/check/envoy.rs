//! Envoy's own settings that the filter relies on. Each has its reason in `envoy/DEPLOYMENT.md`.

use postern::json::Json;

use crate::files::{File, Plugin, WASM_FILTER, each_mapping};
use crate::problem::{Problem, Severity};
use crate::signing_keys;
use crate::yaml::{Node, Place, Value};

const CONNECTION_MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// What the filter is called for and calls. Without one of these requests fail, wait, or are let on.
const CAPABILITIES: [&str; 30] = [
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_delete",
    "proxy_log",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_send_local_response",
    "proxy_continue_stream",
    "proxy_set_effective_context",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_current_time_nanoseconds",
    "proxy_http_call",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_call_foreign_function",
    "random_get",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
];

/// And what it needs only where it signs.
const CAPABILITIES_TO_SIGN: [&str; 2] = ["environ_get", "environ_sizes_get"];

/// The settings of the plugin itself.
pub fn check_plugin(plugin: &Plugin, node: &Node) -> Vec<Problem> {
    let at = |place: Place, severity, path: &str, message: String| Problem {
        severity,
        file: plugin.file.clone(),
        place: Some(place),
        path: path.to_owned(),
        message,
    };
    let mut problems = Vec::new();
    let policy = node.get("failure_policy");
    let place = policy.map_or(node.place, |policy| policy.place);
    match policy.map(|policy| (&policy.value, policy.text().map(str::to_ascii_uppercase))) {
        _ if node.get("fail_open").is_some_and(|open| !is_false(open)) => {
            let message = "when the filter crashes every request goes on undecided".to_owned();
            problems.push(at(node.place, Severity::Error, "fail_open", message));
        }
        Some((_, Some(name))) if name == "FAIL_RELOAD" => {}
        // Envoy takes an enumeration's numbers too, and its names in small letters.
        Some((value, name)) if !matches!(value, Value::Plain(Json::Null)) && name.as_deref() != Some("FAIL_CLOSED") => {
            let message = "when the filter crashes every request goes on undecided; use FAIL_RELOAD".to_owned();
            problems.push(at(place, Severity::Error, "failure_policy", message));
        }
        _ => {
            let message = "without FAIL_RELOAD a worker whose filter crashed answers 503 until Envoy is started again";
            problems.push(at(node.place, Severity::Warning, "failure_policy", message.to_owned()));
        }
    }
    if node.at(&["vm_config", "vm_id"]).is_none() {
        let message = "give it one of its own: plugins whose VMs have one vm_id share data, and keys are in it";
        problems.push(at(node.place, Severity::Warning, "vm_config.vm_id", message.to_owned()));
    }
    problems.extend(check_environment(plugin, node));
    let lists = [node.get("capability_restriction_config"), node.at(&["vm_config", "capability_restriction_config"])];
    let signs = plugin.document.get("reissue").is_some();
    for list in lists.into_iter().flatten().filter_map(|list| list.get("allowed_capabilities")) {
        let to_sign = CAPABILITIES_TO_SIGN.iter().filter(|_| signs);
        let missing: Vec<&str> =
            CAPABILITIES.iter().chain(to_sign).copied().filter(|name| list.get(name).is_none()).collect();
        // An empty list restricts nothing.
        if !missing.is_empty() && !list.members().is_empty() {
            let path = "capability_restriction_config.allowed_capabilities";
            problems.push(at(list.place, Severity::Error, path, format!("lacks {}", missing.join(", "))));
        }
    }
    problems
}

/// The signing keys have to come from Envoy's own environment.
fn check_environment(plugin: &Plugin, node: &Node) -> Vec<Problem> {
    let variables = node.at(&["vm_config", "environment_variables"]);
    let listed = variables.and_then(|v| v.get("host_env_keys")).map(Node::items).unwrap_or_default();
    let written = variables.and_then(|v| v.get("key_values"));
    let check = |(path, name): (String, &str)| {
        if written.is_some_and(|written| written.get(name).is_some()) {
            let message =
                "the key stands in key_values, which the admin page shows to anyone; name it in host_env_keys";
            return Some(plugin.problem(Severity::Error, &path, message));
        }
        let is_listed = listed.iter().any(|node| node.text() == Some(name));
        let message = "the VM does not get this variable: name it in vm_config.environment_variables.host_env_keys";
        (!is_listed).then(|| plugin.problem(Severity::Error, &path, message))
    };
    signing_keys::names(plugin).into_iter().filter_map(check).collect()
}

fn is_false(node: &Node) -> bool {
    matches!(node.value, Value::Plain(Json::Bool(false) | Json::Null))
}

/// Where the filter is switched off by its name in `http_filters`: of all requests, or of those of some routes.
fn check_switches(manager: &Node, file: &File) -> Vec<Problem> {
    let is_off = |node: &Node| node.get("disabled").is_some_and(|off| !is_false(off));
    let mut problems = Vec::new();
    let mut add = |node: &Node, severity, path: String, message: &str| {
        let place = Some(node.get("disabled").unwrap_or(node).place);
        problems.push(Problem { severity, file: file.name.clone(), place, path, message: message.to_owned() });
    };
    let filters = manager.get("http_filters").map(Node::items).unwrap_or_default();
    for filter in filters.iter().filter(|filter| holds_a_plugin(file, filter)) {
        if is_off(filter) {
            let message = "every request goes on undecided, unless its route switches the filter on";
            add(filter, Severity::Error, "http_filters[].disabled".to_owned(), message);
        }
        let Some(name) = filter.get("name").and_then(Node::text) else { continue };
        each_mapping(manager, &mut |node| {
            if let Some(own) = node.at(&["typed_per_filter_config", name]).filter(|own| is_off(own)) {
                let message = "here the filter is switched off: nobody is asked for a token, and identities that clients \
                               write themselves reach the service. A rule with `access: anonymous` does it without that";
                add(own, Severity::Warning, format!("typed_per_filter_config.{name}.disabled"), message);
            }
        });
    }
    problems
}

/// The settings of the listeners that the filter is in.
pub fn check_listeners(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for document in &file.documents {
        each_mapping(document, &mut |node| {
            let is_manager = node.get("@type").and_then(Node::text) == Some(CONNECTION_MANAGER);
            if is_manager && holds_a_plugin(file, node) {
                problems.extend(check_manager(node).map(|problem| Problem { file: file.name.clone(), ..problem }));
                problems.extend(check_switches(node, file));
            }
        });
    }
    problems
}

/// The filter stands in the manager, or is fetched into it from where nobody here sees.
fn holds_a_plugin(file: &File, manager: &Node) -> bool {
    let mut holds = false;
    each_mapping(manager, &mut |node| {
        let is_filter = node.get("@type").and_then(Node::text) == Some(WASM_FILTER);
        holds |= is_filter && file.plugins.iter().any(|plugin| node.contains(plugin.place));
        let fetched = node.at(&["config_discovery", "type_urls"]).map(Node::items).unwrap_or_default();
        let is_ours = node.get("name").and_then(Node::text).is_some_and(|name| name.contains("postern"));
        holds |= is_ours && fetched.iter().any(|kind| kind.text() == Some(WASM_FILTER));
    });
    holds
}

fn check_manager(manager: &Node) -> impl Iterator<Item = Problem> + '_ {
    let text = |names: &[&str]| manager.at(names).and_then(Node::text);
    let escaped = text(&["path_with_escaped_slashes_action"]);
    let underscores = text(&["common_http_protocol_options", "headers_with_underscores_action"]);
    let idle = text(&["stream_idle_timeout"]);
    let is_on = |name| manager.get(name).is_some_and(Node::is_true);
    let settings = [
        (
            is_on("normalize_path"),
            "normalize_path",
            "set it to true: rules go by path, and filter, routes and service have to see the same one",
        ),
        (
            is_on("merge_slashes"),
            "merge_slashes",
            "set it to true: rules go by path, and filter, routes and service have to see the same one",
        ),
        (
            matches!(escaped, Some("REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD")),
            "path_with_escaped_slashes_action",
            "set it to REJECT_REQUEST: %2f and %5c are a slash to some services and a letter to others",
        ),
        (
            matches!(underscores, Some("REJECT_REQUEST" | "DROP_HEADER")),
            "common_http_protocol_options.headers_with_underscores_action",
            "set it to REJECT_REQUEST: many servers make one name of x-user and x_user",
        ),
        (
            !matches!(idle, Some("0s" | "0")),
            "stream_idle_timeout",
            "without it a request that waits in a filter that crashed is never ended",
        ),
    ];
    settings.into_iter().filter(|(is_good, _, _)| !is_good).map(|(_, path, message)| Problem {
        severity: Severity::Warning,
        file: String::new(),
        place: Some(manager.at(&path.split('.').collect::<Vec<_>>()).unwrap_or(manager).place),
        path: path.to_owned(),
        message: message.to_owned(),
    })
}
