//! What an Envoy of a test looks like.

use std::net::SocketAddr;

use serde_json::Value;

use super::bootstrap::listener_with;
use super::dynamic::Drain;
use super::module::Module;
use super::plugin::{Failure, PLUGIN, Plugin};
use super::route::Route;
use super::variables::Variables;

#[derive(Clone, Debug)]
pub struct Setup {
    pub plugin: Plugin,
    pub concurrency: usize,
    /// With it, `Pause` from the head holds back only the head, and the body callbacks run.
    pub allow_on_headers_stop_iteration: bool,
    pub normalize_path: bool,
    /// What Envoy does with escaped slashes, in its own words; nothing, where this is not said.
    pub escaped_slashes: Option<&'static str>,
    pub routes: Vec<Route>,
    /// A virtual host of its own for this domain, with this metadata on its only route.
    pub virtual_host: Option<(String, Value)>,
    pub issuer: Option<SocketAddr>,
    /// More clusters, each with one host.
    pub clusters: Vec<(String, SocketAddr)>,
    /// Whether a client may ask for a WebSocket.
    pub web_sockets: bool,
    /// Whether requests of HTTP/1.0 are taken, which need no host.
    pub accept_http_10: bool,
    /// Whether listener and clusters come from files that can be replaced, and how an old listener then ends.
    pub dynamic: Option<Drain>,
    /// From which level on Envoy logs what is about filters: theirs, and at `trace` each of their calls to it.
    pub wasm_log_level: &'static str,
    /// The only calls that Envoy allows to the filter and makes to it; all, where there is no such list.
    pub allowed_calls: Option<Vec<String>>,
    /// Whether Envoy logs everything it can. Then it prints the heads of requests, before any filter has seen them.
    pub logs_everything: bool,
    /// A line of the access log.
    pub access_log_format: String,
    /// The access log is lines of JSON with these members instead.
    pub access_log_members: Option<Value>,
    /// Where spans are sent, in the connection manager's own terms.
    pub tracing: Option<Value>,
    /// What Envoy makes of the names of its statistics, in its own terms.
    pub stats: Option<Value>,
    /// Listeners beside the filter's.
    pub more_listeners: Vec<Value>,
    /// Filters of the same name here and the same code share a VM.
    pub vm_id: String,
    /// What the VM has in its environment.
    pub variables: Variables,
    /// Which build of the filter.
    pub module: Module,
    pub failure: Failure,
    /// For how long a stream may stand still, where Envoy is told.
    pub stream_idle_timeout: Option<&'static str>,
    /// Whether the test is about a VM that dies; all others are held to it that none does.
    pub may_trap: bool,
    /// The whole bootstrap, where a test has one. Of the rest here counts what is about the process.
    pub whole: Option<Value>,
}

/// The place of the access log in a bootstrap that a test has.
pub const ACCESS_LOG_FILE: &str = "ACCESS_LOG_FILE";

const ACCESS_LOG: &str =
    "%REQ(:PATH)% | %RESPONSE_CODE% | %RESPONSE_CODE_DETAILS% | %FILTER_STATE(wasm.postern:PLAIN)%\n";

impl Setup {
    pub fn new(config: &Value) -> Self {
        Self::with(Plugin::Text(config.to_string()))
    }

    pub fn with(plugin: Plugin) -> Self {
        Self {
            plugin,
            concurrency: 1,
            allow_on_headers_stop_iteration: false,
            normalize_path: true,
            escaped_slashes: None,
            accept_http_10: false,
            routes: Vec::new(),
            virtual_host: None,
            issuer: None,
            clusters: Vec::new(),
            web_sockets: false,
            dynamic: None,
            wasm_log_level: "info",
            allowed_calls: None,
            logs_everything: false,
            access_log_format: ACCESS_LOG.to_owned(),
            access_log_members: None,
            tracing: None,
            stats: None,
            more_listeners: Vec::new(),
            vm_id: PLUGIN.to_owned(),
            variables: Variables::default(),
            module: Module::Shipped,
            failure: Failure::Reload { backoff: "1s" },
            stream_idle_timeout: None,
            may_trap: false,
            whole: None,
        }
    }

    /// With a bootstrap that somebody else wrote, which logs to [`ACCESS_LOG_FILE`] and has a listener `ingress`.
    pub fn whole(bootstrap: Value) -> Self {
        Self { whole: Some(bootstrap), ..Self::with(Plugin::Text(String::new())) }
    }

    /// Adds a listener beside the filter's.
    pub fn listener_as(mut self, listener: Value) -> Self {
        self.more_listeners.push(listener);
        self
    }

    /// With the build that can be killed, and this for the case that it is.
    pub fn trapping(mut self, failure: Failure) -> Self {
        self.module = Module::TrapForTests;
        self.failure = failure;
        self.may_trap = true;
        self
    }

    /// Whatever it does, the test looks at it.
    pub fn may_trap(mut self) -> Self {
        self.may_trap = true;
        self
    }

    pub fn stream_idle_timeout(mut self, timeout: &'static str) -> Self {
        self.stream_idle_timeout = Some(timeout);
        self
    }

    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers;
        self
    }

    pub fn allow_on_headers_stop_iteration(mut self, allow: bool) -> Self {
        self.allow_on_headers_stop_iteration = allow;
        self
    }

    pub fn normalize_path(mut self, normalize: bool) -> Self {
        self.normalize_path = normalize;
        self
    }

    /// Has Envoy do this with escaped slashes in paths.
    pub fn escaped_slashes(mut self, action: &'static str) -> Self {
        self.escaped_slashes = Some(action);
        self
    }

    /// Has Envoy take requests of HTTP/1.0.
    pub fn accept_http_10(mut self) -> Self {
        self.accept_http_10 = true;
        self
    }

    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    pub fn virtual_host(mut self, domain: &str, metadata: Value) -> Self {
        self.virtual_host = Some((domain.to_owned(), metadata));
        self
    }

    /// Adds the cluster `issuer`.
    pub fn issuer(mut self, address: SocketAddr) -> Self {
        self.issuer = Some(address);
        self
    }

    /// Adds another cluster.
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), address));
        self
    }

    /// Lets clients ask for a WebSocket.
    pub fn web_sockets(mut self) -> Self {
        self.web_sockets = true;
        self
    }

    /// Has listener and clusters come from files, so that a test can replace them.
    pub fn dynamic(mut self, drain: Drain) -> Self {
        self.dynamic = Some(drain);
        self
    }

    /// Adds a listener beside the filter's, on any port, with this filter in it. Who gets past it is answered 200.
    pub fn listener_with(mut self, name: &str, filter: Value) -> Self {
        self.more_listeners.push(listener_with(name, filter));
        self
    }

    pub fn vm_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.vm_id);
        self
    }

    pub fn variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Has Envoy allow only these calls.
    pub fn allowed_calls(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_calls = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Has Envoy log each call between it and the filter.
    pub fn log_calls(mut self) -> Self {
        self.wasm_log_level = "trace";
        self
    }

    /// Has Envoy log all it can, of every component.
    pub fn log_everything(mut self) -> Self {
        self.logs_everything = true;
        self
    }

    pub fn access_log_format(mut self, format: &str) -> Self {
        format.clone_into(&mut self.access_log_format);
        self
    }

    /// Has Envoy treat the names of its statistics so.
    pub fn stats(mut self, stats: Value) -> Self {
        self.stats = Some(stats);
        self
    }

    /// Has the access log be lines of JSON with these members.
    pub fn access_log_members(mut self, members: Value) -> Self {
        self.access_log_members = Some(members);
        self
    }

    pub fn tracing(mut self, tracing: Value) -> Self {
        self.tracing = Some(tracing);
        self
    }
}
