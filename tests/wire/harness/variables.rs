//! The environment of the filter's VM.

use serde_json::{Map, Value, json};

/// Variables by their names, in either of the two ways that Envoy has.
#[derive(Clone, Default)]
pub struct Variables {
    /// Envoy's own process has the value, and the configuration only the name: no dump shows more.
    of_host: Vec<(String, String)>,
    /// Those that the VM is to have; a host's variable goes to no VM by itself.
    asked_of_host: Vec<String>,
    /// The configuration has the value.
    written: Vec<(String, String)>,
}

impl Variables {
    /// Envoy's process has this, and the VM gets it.
    pub fn host(self, name: &str, value: &str) -> Self {
        self.only_host(name, value).asked(name)
    }

    /// Envoy's process has this. A later configuration may hand it on.
    pub fn only_host(mut self, name: &str, value: &str) -> Self {
        self.of_host.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The VM gets this, where Envoy's process has it.
    pub fn asked(mut self, name: &str) -> Self {
        self.asked_of_host.push(name.to_owned());
        self
    }

    /// The VM gets this from the configuration.
    pub fn written(mut self, name: &str, value: &str) -> Self {
        self.written.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn of_host(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of_host.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Where there are none, nothing is said of them.
    pub(super) fn write(&self, vm: &mut Value) {
        if self.asked_of_host.is_empty() && self.written.is_empty() {
            return;
        }
        let written: Map<String, Value> =
            self.written.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        vm["environment_variables"] = json!({ "host_env_keys": self.asked_of_host, "key_values": written });
    }
}

// By their names alone: a set-up is printed where a test fails, and the values are keys.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |variables: &[(String, String)]| variables.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let Self { of_host, asked_of_host, written } = self;
        write!(f, "Variables({:?}, {asked_of_host:?}, {:?})", names(of_host), names(written))
    }
}
