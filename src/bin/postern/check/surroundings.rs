//! What a configuration names outside of itself: clusters, routes, rules that routes pick.

use std::collections::BTreeSet;

use postern::config::Config;
use postern::json::Json;

use crate::files::{File, Origin, Plugin, each_mapping};
use crate::problem::{Problem, Severity};
use crate::yaml::{Node, Place};

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/// What some files have beside the plugins, taken together.
#[derive(Default)]
pub struct Surroundings {
    /// Envoy's clusters.
    clusters: BTreeSet<String>,
    /// Whether these are all that there will be.
    all_clusters: bool,
    /// The clusters that Istio makes of ServiceEntries.
    mesh_clusters: BTreeSet<String>,
    has_service_entries: bool,
    /// Routes' own names.
    routes: BTreeSet<String>,
    has_routes: bool,
    /// Rules that routes name in their metadata, with the place.
    demands: Vec<Demand>,
}

/// What a route's metadata has for the filter.
struct Demand {
    file: String,
    place: Place,
    metadata: Node,
}

impl Surroundings {
    pub fn of(files: &[File]) -> Self {
        let mut all = Self::default();
        for file in files {
            for document in &file.documents {
                all.add_clusters(document);
                all.add_service_entry(document);
                each_mapping(document, &mut |node| all.add_routes(&file.name, node));
            }
        }
        let lists = |document: &Node| document.at(&["static_resources", "clusters"]).is_some();
        let discovers = |document: &Node| document.at(&["dynamic_resources", "cds_config"]).is_some();
        let documents = || files.iter().flat_map(|file| &file.documents);
        all.all_clusters = documents().any(lists) && !documents().any(discovers);
        all
    }

    fn add_clusters(&mut self, document: &Node) {
        let listed = document.at(&["static_resources", "clusters"]).map(Node::items).unwrap_or_default();
        let is_cluster = |node: &&Node| node.get("@type").and_then(Node::text) == Some(CLUSTER);
        let discovered = document.get("resources").map(Node::items).unwrap_or_default().iter().filter(is_cluster);
        let name = |node: &Node| node.get("name").and_then(Node::text).map(str::to_owned);
        self.clusters.extend(listed.iter().chain(discovered).filter_map(name));
    }

    fn add_service_entry(&mut self, document: &Node) {
        if document.get("kind").and_then(Node::text) != Some("ServiceEntry") {
            return;
        }
        self.has_service_entries = true;
        let items = |field| document.at(&["spec", field]).map(Node::items).unwrap_or_default();
        for port in items("ports").iter().filter_map(|port| port.get("number")) {
            let Json::Integer(port) = port.to_json() else { continue };
            let cluster = |host: &str| format!("outbound|{port}||{host}");
            self.mesh_clusters.extend(items("hosts").iter().filter_map(Node::text).map(cluster));
        }
    }

    /// Envoy's own routes, and those that Istio makes of a VirtualService.
    fn add_routes(&mut self, file: &str, node: &Node) {
        let virtual_service = node.get("kind").and_then(Node::text) == Some("VirtualService");
        let lists = match virtual_service {
            true => ["http", "tls"].iter().filter_map(|kind| node.at(&["spec", kind])).collect(),
            false if node.get("domains").is_some() => node.get("routes").into_iter().collect(),
            false => Vec::new(),
        };
        self.has_routes |= !lists.is_empty();
        let name = |route: &Node| route.get("name").and_then(Node::text).map(str::to_owned);
        self.routes.extend(lists.into_iter().flat_map(Node::items).filter_map(name));
        if let Some(metadata) = node.at(&["filter_metadata", "postern"]) {
            let (file, metadata) = (file.to_owned(), metadata.clone());
            self.demands.push(Demand { file, place: metadata.place, metadata });
        }
    }

    /// Without a rule nobody is let on but by routes that say in their metadata what they need.
    pub fn check_for_rules(&self, plugin: &Plugin) -> Option<Problem> {
        let severity = match &plugin.origin {
            // Its routes are in another file, and may well have such metadata.
            Origin::Bare if !self.has_routes => Severity::Note,
            Origin::Bare | Origin::Envoy(_) | Origin::WasmPlugin(_) => Severity::Warning,
        };
        (rules(plugin).is_empty() && self.demands.is_empty()).then(|| {
            let message = "there are none, and no route of these files says in its metadata what it needs: every request \
                           is refused";
            plugin.problem(severity, "rules", message)
        })
    }

    /// The clusters by which a plugin fetches keys.
    pub fn check(&self, plugin: &Plugin) -> Vec<Problem> {
        // One by itself may be for any Envoy; beside a ServiceEntry it is for that mesh.
        if matches!(plugin.origin, Origin::Bare) && !self.has_service_entries {
            return Vec::new();
        }
        let issuers = plugin.document.get("issuers").and_then(Json::as_array).unwrap_or_default();
        let cluster = |(i, issuer): (usize, &Json)| {
            let name = issuer.get("jwks")?.get("cluster")?.as_str()?;
            self.check_cluster(plugin, &format!("issuers[{i}].jwks.cluster"), name)
        };
        issuers.iter().enumerate().filter_map(cluster).collect()
    }

    fn check_cluster(&self, plugin: &Plugin, path: &str, name: &str) -> Option<Problem> {
        if self.clusters.contains(name) || self.mesh_clusters.contains(name) {
            return None;
        }
        let mut parts = name.split('|');
        let in_mesh = matches!(&plugin.origin, Origin::WasmPlugin(_)) || self.has_service_entries;
        match (parts.next(), parts.next(), parts.nth(1)) {
            (Some("outbound"), Some(port), Some(host)) => self.has_service_entries.then(|| {
                let message = format!("no ServiceEntry of these files has {host} with port {port}");
                plugin.problem(Severity::Warning, path, message)
            }),
            _ if in_mesh => {
                let message = "Istio's clusters are named outbound|PORT||HOST, such as outbound|443||login.example.org";
                Some(plugin.problem(Severity::Error, path, message))
            }
            _ if self.all_clusters => {
                let message = "there is no such cluster in static_resources.clusters";
                Some(plugin.problem(Severity::Error, path, message))
            }
            _ if !self.clusters.is_empty() => {
                let message = "no cluster of these files has this name; one that is discovered has to";
                Some(plugin.problem(Severity::Warning, path, message))
            }
            _ => None,
        }
    }

    /// Names by which rules and routes know each other.
    pub fn check_routes(&self, files: &[File], configs: &[(&Plugin, Config)]) -> Vec<Problem> {
        // With a configuration that was not read nobody knows which rules there are.
        let is_read = files.iter().all(|file| file.problems.is_empty())
            && files.iter().map(|file| file.plugins.len()).sum::<usize>() == configs.len();
        if configs.is_empty() || !is_read {
            return Vec::new();
        }
        let rules: Vec<(&Plugin, String, &Json)> = configs
            .iter()
            .flat_map(|(plugin, _)| rules(plugin).into_iter().map(|(path, rule)| (*plugin, path, rule)))
            .collect();
        let name = |rule: &Json| rule.get("name").and_then(Json::as_str).map(str::to_owned);
        let names: BTreeSet<String> = rules.iter().filter_map(|(_, _, rule)| name(rule)).collect();
        let mut problems: Vec<Problem> = self.demands.iter().flat_map(|demand| demand.check(&names)).collect();
        if self.has_routes {
            let in_place = rules.iter().filter(|(plugin, _, _)| !matches!(plugin.origin, Origin::Bare));
            problems.extend(in_place.filter_map(|(plugin, path, rule)| self.check_rule(plugin, path, rule)));
        }
        problems
    }

    fn check_rule(&self, plugin: &Plugin, path: &str, rule: &Json) -> Option<Problem> {
        let criteria = rule.get("match");
        if let Some(route) = criteria.and_then(|criteria| criteria.get("route")).and_then(Json::as_str)
            && !self.routes.contains(route)
        {
            let path = format!("{path}.match.route");
            return Some(plugin.problem(Severity::Warning, &path, "no route of these files has this name"));
        }
        let name = rule.get("name").and_then(Json::as_str)?;
        let is_named = |demand: &Demand| demand.metadata.get("rule").and_then(Node::text) == Some(name);
        (criteria.is_none() && !self.demands.iter().any(is_named)).then(|| {
            let message = "has no `match`, and no route of these files names it in its metadata: no request comes here";
            plugin.problem(Severity::Warning, path, message)
        })
    }
}

impl Demand {
    fn check(&self, rules: &BTreeSet<String>) -> Vec<Problem> {
        let error = |place, field: &str, message: String| Problem {
            severity: Severity::Error,
            file: self.file.clone(),
            place: Some(place),
            path: format!("filter_metadata.postern{field}"),
            message,
        };
        if self.metadata.members().is_empty() {
            let message = "has neither `rule` nor `capabilities`: every request of this route is refused".to_owned();
            return vec![error(self.place, "", message)];
        }
        let mut problems = Vec::new();
        for member in self.metadata.members() {
            let field = format!(".{}", member.name);
            match (member.name.as_str(), member.value.text()) {
                ("rule", Some(name)) if !rules.contains(name) => {
                    let message = "is the name of no rule: every request of this route is refused".to_owned();
                    problems.push(error(member.value.place, &field, message));
                }
                ("rule" | "capabilities", Some(_)) => {}
                ("rule" | "capabilities", None) => {
                    let message = "has to be a string; capabilities are separated by spaces".to_owned();
                    problems.push(error(member.value.place, &field, message));
                }
                (_, _) => {
                    let message =
                        "unknown field; known here: rule, capabilities. Every request of this route is refused";
                    problems.push(error(member.place, &field, message.to_owned()));
                }
            }
        }
        problems
    }
}

/// A plugin's rules, with their paths.
fn rules(plugin: &Plugin) -> Vec<(String, &Json)> {
    let rules = plugin.document.get("rules").and_then(Json::as_array).unwrap_or_default();
    rules.iter().enumerate().map(|(i, rule)| (format!("rules[{i}]"), rule)).collect()
}
