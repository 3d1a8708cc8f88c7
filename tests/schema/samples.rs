//! What is shipped is good by the schema as well.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::both::{Case, agree, project};

/// Every YAML file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

/// The plugin configurations in a document, wherever they are: what has a list of issuers, each with its name.
fn configurations(value: &Value, found: &mut Vec<Value>) {
    let issuers = value.get("issuers").and_then(Value::as_array);
    if issuers.is_some_and(|issuers| issuers.iter().all(|issuer| issuer.get("issuer").is_some())) {
        found.push(value.clone());
        return;
    }
    match value {
        Value::Object(members) => members.values().for_each(|value| configurations(value, found)),
        Value::Array(items) => items.iter().for_each(|value| configurations(value, found)),
        // A StringValue.
        Value::String(text) if text.trim_start().starts_with('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                configurations(&inner, found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_configuration_that_is_shipped_is_good_by_the_schema() {
    let mut paths = Vec::new();
    files(&project().join("envoy"), &mut paths);
    let istio = project().join("istio");
    if istio.is_dir() {
        files(&istio, &mut paths);
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(project()).unwrap().display().to_string();
        let mut found = Vec::new();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            // Tags of other programs' files are theirs; those hold no configuration of ours.
            if let Ok(value) = serde::Deserialize::deserialize(document) {
                configurations(&value, &mut found);
            }
        }
        assert!(!name.contains("/config.") || found.len() == 1, "{name} is one configuration");
        cases.extend(found.into_iter().map(|document| Case { name: name.clone(), document }));
    }
    for known in ["envoy/envoy.yaml", "envoy/config.reference.yaml", "envoy/config.lsst.yaml"] {
        assert!(cases.iter().any(|case| case.name == known), "{known} has a configuration");
    }
    let count = cases.len();
    assert_eq!(agree(&cases), (count, 0), "all are accepted");
}
