//! `postern check`: finds what is wrong with a configuration before a proxy does.

mod envoy;
mod istio;
mod surroundings;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;

use postern::config::{Config, member_path};
use serde_json::json;

use crate::acts::{escaped, escaped_json};
use crate::files::{File, Origin, Plugin, each_mapping};
use crate::problem::{Problem, Severity};
use crate::signing_keys::SigningKeys;
use crate::yaml::{Node, as_json};
use surroundings::Surroundings;

/// Check configurations: Envoy YAML, Istio manifests, or plugin configurations by themselves
///
/// The configuration is read by the code of the filter itself. What is around it is looked at too: settings of Envoy and
/// Istio that the filter relies on, clusters that it names, rules that routes name in their metadata. Files that belong
/// together, such as a WasmPlugin and its ServiceEntry, are given together.
///
/// Each line names the file, the line and the path in the configuration. An error is what Envoy or the filter refuses, or
/// what lets somebody in; a warning is what works and is seldom meant; a note tells what could not be looked at here.
///
/// Ends with 0 where there is no error, with 1 where there is one, and with 2 where a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Signing keys that the configuration names are taken from the environment. Where they are not set, which is usual outside of
the proxy, a note says so.

Examples:
  postern check envoy.yaml
  postern check istio/*.yaml
  postern check --json envoy.yaml | jq -r '.problems[].message'
  kustomize build . | postern check -

In CI, warnings as errors:
  postern check --strict envoy.yaml")]
pub struct Args {
    /// Files to check; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Print one JSON object: `configurations` with what was found, and `problems`
    #[arg(long)]
    json: bool,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

pub fn run(args: &Args) -> io::Result<ExitCode> {
    let files = args.files.iter().map(|name| File::read(name)).collect::<io::Result<Vec<File>>>()?;
    let outcome = check(&files);
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", escaped_json(&format!("{:#}", outcome.to_json())))?;
    } else {
        write!(out, "{}", outcome.to_text())?;
    }
    let counts = |severity| severity == Severity::Error || (args.strict && severity == Severity::Warning);
    let failed = outcome.problems.iter().any(|problem| counts(problem.severity));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was found in some files.
struct Outcome {
    found: Vec<Found>,
    problems: Vec<Problem>,
}

/// A configuration without errors.
struct Found {
    file: String,
    plugin: String,
    line: usize,
    issuers: usize,
    rules: usize,
}

fn check(files: &[File]) -> Outcome {
    let mut outcome = Outcome { found: Vec::new(), problems: Vec::new() };
    let surroundings = Surroundings::of(files);
    let keys = SigningKeys::default();
    let mut configs: Vec<(&Plugin, Config)> = Vec::new();
    for file in files {
        outcome.problems.extend(file.problems.iter().cloned());
        for plugin in &file.plugins {
            match keys.read(plugin) {
                Ok(config) => {
                    outcome.found.push(found(plugin, &config));
                    configs.push((plugin, config));
                }
                Err(problems) => outcome.problems.extend(problems),
            }
        }
    }
    for (plugin, config) in &configs {
        let warning = |notice| plugin.problem(Severity::Warning, "", notice);
        outcome.problems.extend(config.notices().into_iter().map(warning));
        outcome.problems.extend(keys.notes(plugin));
        outcome.problems.extend(surroundings.check_for_rules(plugin));
        outcome.problems.extend(surroundings.check(plugin));
        outcome.problems.extend(match &plugin.origin {
            Origin::Bare => Vec::new(),
            Origin::Envoy(node) => envoy::check_plugin(plugin, node),
            Origin::WasmPlugin(spec) => istio::check_plugin(plugin, spec),
        });
    }
    outcome.problems.extend(surroundings.check_routes(files, &configs));
    for file in files {
        let read_otherwise = file.documents.iter().flat_map(|document| read_otherwise(&file.name, document));
        // The filter's own part has had its say.
        let new = read_otherwise
            .filter(|new| outcome.problems.iter().all(|known| (&known.file, known.place) != (&new.file, new.place)));
        let new: Vec<Problem> = new.collect();
        outcome.problems.extend(new);
    }
    outcome.problems.extend(files.iter().flat_map(envoy::check_listeners));
    if files.iter().all(|file| file.plugins.is_empty() && file.problems.is_empty()) {
        outcome.problems.extend(files.first().map(|file| Problem {
            severity: Severity::Error,
            file: file.name.clone(),
            place: None,
            path: String::new(),
            message: "no configuration of the filter was found: there is no Wasm filter, WasmPlugin or file with `issuers` \
                      that is postern's"
                .to_owned(),
        }));
    }
    outcome.problems.sort_by(|a, b| (&a.file, a.place).cmp(&(&b.file, b.place)));
    outcome
}

/// What those who read a file do not all read in the same way.
fn read_otherwise(file: &str, document: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    each_mapping(document, &mut |node| {
        let mut earlier = BTreeSet::new();
        for member in node.members() {
            let message = match member.name.as_str() {
                "<<" => "Envoy refuses it, and what it stands for is not looked at here: write that out",
                name if !earlier.insert(as_json(name)) => {
                    "stands twice: Envoy takes the last one, and others refuse it"
                }
                _ => continue,
            };
            problems.push(Problem {
                severity: Severity::Error,
                file: file.to_owned(),
                place: Some(member.place),
                path: member_path("", &member.name),
                message: message.to_owned(),
            });
        }
    });
    problems
}

fn found(plugin: &Plugin, config: &Config) -> Found {
    let rules = plugin.document.get("rules").and_then(|rules| rules.as_array()).map_or(0, <[_]>::len);
    Found {
        file: plugin.file.clone(),
        plugin: plugin.name.clone(),
        line: plugin.place.line,
        issuers: config.issuers.iter().count(),
        rules,
    }
}

impl Outcome {
    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&format!("{problem}\n"));
        }
        for Found { file, plugin, line, issuers, rules } in &self.found {
            let name = if plugin.is_empty() { String::new() } else { format!(" {}:", escaped(plugin)) };
            let (issuers, rules) = (many(*issuers, "issuer"), many(*rules, "rule"));
            let file = escaped(file);
            text.push_str(&format!("{file}:{line}:{name} a configuration with {issuers} and {rules}\n"));
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        text.push_str(&format!("{}, {}\n", many(errors, "error"), many(warnings, "warning")));
        text
    }

    fn to_json(&self) -> serde_json::Value {
        let found = |found: &Found| {
            json!({
                "file": found.file, "plugin": found.plugin, "line": found.line,
                "issuers": found.issuers, "rules": found.rules,
            })
        };
        json!({
            "configurations": self.found.iter().map(found).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(Problem::to_json).collect::<Vec<_>>(),
        })
    }
}

pub fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
