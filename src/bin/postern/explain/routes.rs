//! The route that Envoy would choose, where the file has its routes.
//!
//! Only what is plain is read: a virtual host by its domains, and routes by their paths. Where anything else has a say,
//! it is left to the person who asks.

use postern::request::{RequestHead, Route, RouteMetadata};

use crate::files::{File, Plugin, each_mapping};
use crate::yaml::{Node, Place, Value};

/// What was found of a request's route.
pub enum Found {
    /// There are no routes beside the filter.
    NoRoutes,
    Route {
        route: Route,
        place: Place,
        matched: String,
    },
    /// Envoy has none for this request, and answers 404 by itself.
    NoRoute,
    /// It cannot be told without Envoy.
    Unclear(&'static str),
}

impl Found {
    pub fn route(&self) -> Option<&Route> {
        match self {
            Self::Route { route, .. } => Some(route),
            Self::NoRoutes | Self::NoRoute | Self::Unclear(_) => None,
        }
    }
}

/// A route as it was described by hand.
pub fn named(name: Option<String>, rule: Option<String>, capabilities: Option<String>) -> Route {
    let metadata = match (rule, capabilities) {
        (None, None) => RouteMetadata::Absent,
        (rule, capabilities) => RouteMetadata::Present { rule, capabilities },
    };
    Route { name, metadata }
}

pub fn find(file: &File, plugin: &Plugin, head: &RequestHead) -> Found {
    let mut managers = Vec::new();
    for document in &file.documents {
        each_mapping(document, &mut |node| {
            let has_filter = node.get("http_filters").is_some_and(|filters| filters.contains(plugin.place));
            managers.extend(has_filter.then_some(node));
        });
    }
    let beside = match managers.as_slice() {
        [manager] => manager.at(&["route_config", "virtual_hosts"]).map(|hosts| (manager, hosts)),
        _ => None,
    };
    let Some((manager, hosts)) = beside else {
        let is_discovered = managers.iter().any(|manager| manager.get("rds").is_some());
        let mut has_metadata = false;
        for document in &file.documents {
            each_mapping(document, &mut |node| has_metadata |= node.at(&["filter_metadata", "postern"]).is_some());
        }
        return match (is_discovered, has_metadata) {
            (true, _) => Found::Unclear("routes are discovered"),
            (false, true) => {
                Found::Unclear("there are routes with metadata for the filter, and they are not beside it")
            }
            (false, false) => Found::NoRoutes,
        };
    };
    let (Some(authority), Some(path)) = (head.authority(), head.path()) else {
        return Found::Unclear("the request has no host or no path");
    };
    let reads_ports =
        ["strip_any_host_port", "strip_matching_host_port"].iter().any(|name| manager.get(name).is_some())
            || manager.at(&["route_config", "ignore_port_in_host_matching"]).is_some();
    if reads_ports && authority.contains(':') {
        return Found::Unclear("ports are left out of hosts");
    }
    let Some(host) = virtual_host(hosts.items(), &authority.to_ascii_lowercase()) else { return Found::NoRoute };
    if host.get("matcher").is_some() {
        return Found::Unclear("the virtual host has a matcher");
    }
    // On all of its routes, or on one.
    let of_host =
        host.get("typed_per_filter_config").or_else(|| manager.at(&["route_config", "typed_per_filter_config"]));
    by_path(host, path.split('?').next().unwrap_or_default(), of_host)
}

/// As Envoy's documentation of `domains` has it: exact names, then the longest `*.name`, the longest `name.*`, then `*`.
fn virtual_host<'a>(hosts: &'a [Node], authority: &str) -> Option<&'a Node> {
    let domains =
        |host: &'a Node| host.get("domains").map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
    let rank = |domain: &str| {
        let domain = domain.to_ascii_lowercase();
        if domain == "*" {
            return Some((0, 0));
        }
        if domain == authority {
            return Some((3, 0));
        }
        let longer = domain.len() <= authority.len();
        if let Some(end) = domain.strip_prefix('*') {
            return (longer && authority.ends_with(end)).then_some((2, domain.len()));
        }
        let start = domain.strip_suffix('*')?;
        (longer && authority.starts_with(start)).then_some((1, domain.len()))
    };
    let ranked = hosts.iter().filter_map(|host| Some((domains(host).filter_map(rank).max()?, host)));
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, host)| host)
}

fn by_path(host: &Node, path: &str, of_host: Option<&Node>) -> Found {
    for route in host.get("routes").map(Node::items).unwrap_or_default() {
        let Some(criteria) = route.get("match") else { return Found::Unclear("a route has no match") };
        let [only] = criteria.members() else {
            return Found::Unclear("a route before it matches by more than a path");
        };
        let Some(text) = only.value.text() else {
            return Found::Unclear("a route before it matches by more than a path");
        };
        let holds = match only.name.as_str() {
            "prefix" => path.starts_with(text),
            "path" => path == text,
            "path_separated_prefix" => {
                path.strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            _ => return Found::Unclear("a route before it matches by more than a path"),
        };
        if holds {
            let mut settings = of_host.into_iter().chain(route.get("typed_per_filter_config"));
            if settings.any(|settings| settings.members().iter().any(|own| own.value.get("disabled").is_some())) {
                return Found::Unclear("filters are switched off for it, and the filter may be one of them");
            }
            let name = route.get("name").and_then(Node::text).map(str::to_owned);
            let metadata =
                route.at(&["metadata", "filter_metadata", "postern"]).map_or(RouteMetadata::Absent, metadata);
            let matched = format!("{}: {text}", only.name);
            return Found::Route { route: Route { name, metadata }, place: route.place, matched };
        }
    }
    Found::NoRoute
}

fn metadata(node: &Node) -> RouteMetadata {
    let Value::Mapping(members) = &node.value else { return RouteMetadata::Malformed };
    RouteMetadata::of(members.iter().map(|member| (&member.name, member.value.text().map(str::to_owned))))
}
