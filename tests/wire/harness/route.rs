//! A route of Envoy's to the upstream.

use serde_json::{Value, json};

use super::plugin::PLUGIN;

/// A route to the upstream, tried before the one that takes everything.
#[derive(Clone, Debug)]
pub struct Route {
    prefix: String,
    name: Option<String>,
    metadata: Option<Value>,
    /// A header that a request has to have, with this value.
    header: Option<(String, String)>,
    follows_redirects: bool,
}

impl Route {
    pub fn prefix(prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        Self { prefix, name: None, metadata: None, header: None, follows_redirects: false }
    }

    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// What stands under the filter's own name in the route's metadata.
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Only for requests with this header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.header = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// Has Envoy itself go where the upstream redirects to.
    pub fn follow_redirects(mut self) -> Self {
        self.follows_redirects = true;
        self
    }

    pub(super) fn json(&self) -> Value {
        let mut route = json!({
            "match": { "prefix": self.prefix },
            "route": { "cluster": "upstream" },
        });
        if let Some((name, value)) = &self.header {
            route["match"]["headers"] = json!([{ "name": name, "string_match": { "exact": value } }]);
        }
        if self.follows_redirects {
            route["route"]["internal_redirect_policy"] = json!({ "max_internal_redirects": 2 });
        }
        if let Some(name) = &self.name {
            route["name"] = json!(name);
        }
        if let Some(metadata) = &self.metadata {
            route["metadata"] = json!({ "filter_metadata": { PLUGIN: metadata } });
        }
        route
    }
}
