//! Settings of a WasmPlugin that the filter relies on.

use crate::files::Plugin;
use crate::problem::{Problem, Severity};
use crate::signing_keys;
use crate::yaml::Node;

pub fn check_plugin(plugin: &Plugin, spec: &Node) -> Vec<Problem> {
    let at = |node: &Node, severity, path: &str, message: &str| Problem {
        severity,
        file: plugin.file.clone(),
        place: Some(node.place),
        path: path.to_owned(),
        message: message.to_owned(),
    };
    let mut problems = Vec::new();
    match spec.get("failStrategy").map(|node| (node, node.text())) {
        Some((node, Some("FAIL_OPEN"))) => {
            let message =
                "when the filter cannot be loaded, or crashes, every request goes on undecided; use FAIL_RELOAD";
            problems.push(at(node, Severity::Error, "spec.failStrategy", message));
        }
        Some((_, Some("FAIL_RELOAD"))) => {}
        _ => {
            let message =
                "without FAIL_RELOAD a worker whose filter crashed answers 503 until the proxy is started again";
            problems.push(at(spec, Severity::Warning, "spec.failStrategy", message));
        }
    }
    if !matches!(spec.get("phase").and_then(Node::text), Some("AUTHN" | "AUTHZ")) {
        let message = "without AUTHN the filter comes last, after filters that trust what it has not looked at yet";
        problems.push(at(spec, Severity::Warning, "spec.phase", message));
    }
    let variables = spec.at(&["vmConfig", "env"]).map(Node::items).unwrap_or_default();
    for (path, name) in signing_keys::names(plugin) {
        let variable = variables.iter().find(|variable| variable.get("name").and_then(Node::text) == Some(name));
        let message = match variable.map(|variable| variable.get("valueFrom").and_then(Node::text)) {
            Some(Some("HOST")) => continue,
            Some(_) => "the key is to come from the proxy's environment: set valueFrom: HOST in vmConfig.env",
            None => "the VM does not get this variable: name it in spec.vmConfig.env with valueFrom: HOST",
        };
        problems.push(plugin.problem(Severity::Error, &path, message));
    }
    problems
}
