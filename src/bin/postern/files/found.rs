//! Which parts of a document are a plugin's, and which of those are ours.

use std::collections::BTreeMap;

use postern::config::{Config, ConfigError, Environment};
use postern::json::Json;

use super::configuration::{self, Text};
use crate::problem::{Problem, Severity};
use crate::yaml::{Node, Place, Value};

pub const WASM_FILTER: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// What the configuration stands in, with the part that is about the plugin.
#[derive(Clone, Debug)]
pub enum Origin {
    Bare,
    /// The `PluginConfig` of a filter in Envoy's own configuration, or in an EnvoyFilter of Istio's.
    Envoy(Node),
    /// The `spec` of a WasmPlugin.
    WasmPlugin(Node),
}

/// One configuration of the filter.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub file: String,
    /// The plugin's name, or the manifest's; empty for a configuration by itself.
    pub name: String,
    pub origin: Origin,
    pub document: Json,
    /// Where it begins.
    pub place: Place,
    places: BTreeMap<String, Place>,
}

impl Plugin {
    /// Where the value with that path stands, or what should have it.
    pub fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rfind(['.', '[']).and_then(|end| path.get(..end)) {
                Some(parent) => path = parent,
                None => return self.place,
            }
        }
    }

    /// Reads it as the filter does.
    pub fn config(&self, environment: Environment<'_>) -> Result<Config, Vec<Problem>> {
        let problem = |error: ConfigError| self.problem(Severity::Error, &error.path, error.problem);
        Config::of(&self.document, environment).map_err(|errors| errors.into_iter().map(problem).collect())
    }

    pub fn problem(&self, severity: Severity, path: &str, message: impl Into<String>) -> Problem {
        Problem {
            severity,
            file: self.file.clone(),
            place: Some(self.place(path)),
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// A part of a document that is somebody's plugin.
struct Candidate<'a> {
    name: &'a str,
    origin: Origin,
    /// Texts by which an operator names what is ours.
    names: Vec<&'a str>,
    /// Where the configuration should be.
    place: Place,
    configuration: Option<&'a Node>,
}

/// The configurations of ours in a document; `text` is that of the whole file.
pub fn plugins(file: &str, document: &Node, text: &str) -> (Vec<Plugin>, Vec<Problem>) {
    let mut candidates = Vec::new();
    if is_bare(document) {
        let (origin, configuration) = (Origin::Bare, Some(document));
        candidates.push(Candidate { name: "", origin, names: Vec::new(), place: document.place, configuration });
    } else if document.get("kind").and_then(Node::text) == Some("WasmPlugin") {
        candidates.extend(of_wasm_plugin(document));
    } else {
        each_mapping(document, &mut |node| candidates.extend(of_filter(node)));
    }
    let (mut plugins, mut problems) = (Vec::new(), Vec::new());
    for candidate in candidates {
        let read = configuration::read(candidate.configuration, matches!(candidate.origin, Origin::Envoy(_)), text);
        let by_content = matches!(&read, Ok(found) if found.document.get("issuers").is_some());
        let by_name = candidate.names.iter().any(|name| name.to_ascii_lowercase().contains("postern"));
        if !by_content && !by_name && !matches!(candidate.origin, Origin::Bare) {
            continue;
        }
        match read {
            Ok(Text { document, place, places }) => plugins.push(Plugin {
                file: file.to_owned(),
                name: candidate.name.to_owned(),
                origin: candidate.origin,
                document,
                place,
                places,
            }),
            Err((place, message)) => problems.push(Problem {
                severity: Severity::Error,
                file: file.to_owned(),
                place: Some(place.unwrap_or(candidate.place)),
                path: String::new(),
                message,
            }),
        }
    }
    (plugins, problems)
}

/// Calls back with every mapping, from the outside to the inside.
pub fn each_mapping<'a>(node: &'a Node, take: &mut impl FnMut(&'a Node)) {
    match &node.value {
        Value::Plain(_) | Value::Text { .. } => {}
        Value::List(items) => items.iter().for_each(|item| each_mapping(item, take)),
        Value::Mapping(members) => {
            take(node);
            members.iter().for_each(|member| each_mapping(&member.value, take));
        }
    }
}

/// A configuration by itself has its own fields at the top; one whose `issuers` were forgotten is still told by others.
fn is_bare(document: &Node) -> bool {
    let has = |name| document.get(name).is_some();
    let is_of_others = has("kind") || has("static_resources") || has("dynamic_resources") || has("resources");
    !is_of_others && (has("issuers") || has("rules"))
}

fn of_wasm_plugin(document: &Node) -> Option<Candidate<'_>> {
    let spec = document.get("spec")?;
    let name = document.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let others = ["url", "pluginName"].into_iter().filter_map(|field| spec.get(field)?.text());
    Some(Candidate {
        name,
        origin: Origin::WasmPlugin(spec.clone()),
        names: others.chain([name]).collect(),
        place: spec.place,
        configuration: spec.get("pluginConfig"),
    })
}

/// The filter as it stands in `http_filters`, in a discovered extension, or as Istio's patches carry it.
fn of_filter(node: &Node) -> Option<Candidate<'_>> {
    let kind = node.get("@type")?.text()?;
    let filter = match kind {
        WASM_FILTER => node,
        _ if kind.ends_with(".TypedStruct") && node.get("type_url")?.text()? == WASM_FILTER => node.get("value")?,
        _ => return None,
    };
    let plugin = filter.get("config")?;
    let text = |names: &[&str]| plugin.at(names).and_then(Node::text);
    let name = text(&["name"]).unwrap_or_default();
    let others = [text(&["root_id"]), text(&["vm_config", "vm_id"]), text(&["vm_config", "code", "local", "filename"])];
    Some(Candidate {
        name,
        origin: Origin::Envoy(plugin.clone()),
        names: others.into_iter().flatten().chain([name]).collect(),
        place: plugin.place,
        configuration: plugin.get("configuration"),
    })
}
