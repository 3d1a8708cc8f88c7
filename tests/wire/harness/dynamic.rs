//! Configuration that comes from files, and changes while Envoy runs.
//!
//! Only what stands in the filter chains changes, so Envoy keeps the listener with its port and its accepted
//! connections: those go on with what they began with, until the old filter chains are drained.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::bootstrap::typed;
use super::envoy::Envoy;
use super::setup::Setup;
use super::wait::wait_until;

/// When old filter chains end after an update, and with them every connection that still uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// When the update is taken.
    AtOnce,
    /// A second later; meanwhile answers ask the client to use another connection.
    Soon,
    /// After every test; meanwhile answers ask the client to use another connection.
    Asking,
    /// After every test: an old request can wait as long as it has to.
    Late,
}

impl Drain {
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::AtOnce => &["--drain-time-s", "0", "--drain-strategy", "immediate"],
            Self::Soon => &["--drain-time-s", "1", "--drain-strategy", "immediate"],
            Self::Asking => &["--drain-time-s", "3600", "--drain-strategy", "immediate"],
            Self::Late => &["--drain-time-s", "3600"],
        }
    }
}

/// The files, in the folder of their Envoy.
#[derive(Debug)]
pub struct Files<'a>(&'a Path);

impl<'a> Files<'a> {
    pub fn new(folder: &'a Path) -> Self {
        Self(folder)
    }

    /// A bootstrap that names the files, which are there from now on.
    pub fn bootstrap(&self, setup: &Setup, upstream: SocketAddr, wasm: &Path, access_log: &Path) -> Value {
        self.write_clusters(setup);
        self.write_listener(setup, wasm, access_log);
        let source = |kind| json!({ "path_config_source": { "path": self.0.join(kind) } });
        // What is only the upstream's, and no test replaces, stays in the bootstrap.
        let none = Setup { issuer: None, clusters: Vec::new(), ..setup.clone() };
        let mut bootstrap = none.bootstrap(upstream, wasm, access_log);
        bootstrap["static_resources"]["listeners"] = json!([]);
        bootstrap["node"] = json!({ "id": "wire", "cluster": "wire" });
        bootstrap["dynamic_resources"] = json!({ "lds_config": source(LISTENERS), "cds_config": source(CLUSTERS) });
        bootstrap
    }

    fn write_clusters(&self, setup: &Setup) {
        self.write(CLUSTERS, "envoy.config.cluster.v3.Cluster", setup.clusters());
    }

    fn write_listener(&self, setup: &Setup, wasm: &Path, access_log: &Path) {
        self.write(LISTENERS, "envoy.config.listener.v3.Listener", vec![setup.listener(wasm, access_log)]);
    }

    /// Envoy looks for a file that takes another's name, and so never reads half of one.
    fn write(&self, kind: &str, of: &str, resources: Vec<Value>) {
        let resources: Vec<Value> = resources.into_iter().map(|resource| typed(of, resource)).collect();
        let beside = self.0.join("next");
        fs::write(&beside, json!({ "resources": resources }).to_string()).expect("a file");
        fs::rename(beside, self.0.join(kind)).expect("a file in place of another");
    }
}

const LISTENERS: &str = "listeners.json";
const CLUSTERS: &str = "clusters.json";

/// What Envoy says of the updates it has seen.
#[derive(Debug)]
struct Updates {
    taken: u64,
    rejected: u64,
    modified: u64,
    at_workers: u64,
}

impl Envoy {
    /// Replaces the listener, and waits until every worker has the new one.
    pub fn update(&self, setup: &Setup) {
        let before = self.updates();
        self.offer(setup);
        wait_until("an update is taken", || {
            let now = self.updates();
            assert_eq!(now.rejected, before.rejected, "the update was refused:\n{}", self.log());
            now.taken > before.taken
        });
        assert_eq!(self.updates().modified, before.modified + 1, "the update was to change something");
        // Envoy counts an update as taken before its workers have it.
        let at_workers = before.at_workers + self.workers() as u64;
        wait_until("the workers have the update", || self.updates().at_workers >= at_workers);
    }

    /// Offers a listener that must be refused; gives back what was logged about it.
    pub fn refuses_update(&self, setup: &Setup) -> String {
        let before = self.updates();
        let logged = self.log().len();
        self.offer(setup);
        wait_until("an update is refused", || {
            let now = self.updates();
            assert_eq!(now.modified, before.modified, "an update was taken that had to be refused");
            now.rejected > before.rejected
        });
        self.log().split_off(logged)
    }

    /// Replaces the clusters by those of this setup.
    pub fn update_clusters(&self, setup: &Setup) {
        let taken = || self.stat("cluster_manager.cds.update_success");
        let before = taken();
        self.files().write_clusters(setup);
        wait_until("the clusters are taken", || taken() > before);
    }

    /// Waits until nothing is left of what updates replaced.
    pub fn wait_until_drained(&self) {
        self.wait_for_stat("listener_manager.total_filter_chains_draining", |draining| draining == 0);
    }

    fn offer(&self, setup: &Setup) {
        self.files().write_listener(setup, setup.module.path(), &self.access_log_file());
    }

    fn updates(&self) -> Updates {
        let stat = |name: &str| self.stat(&format!("listener_manager.{name}"));
        Updates {
            taken: stat("lds.update_success"),
            rejected: stat("lds.update_rejected"),
            modified: stat("listener_modified"),
            at_workers: stat("listener_create_success"),
        }
    }
}
