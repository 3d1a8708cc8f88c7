//! A real Prometheus, with the configuration that is shipped but for the Envoy's port and the pace.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::envoy::{Process, project, ready};
use super::http1;
use super::request::Request;
use super::wait::wait_until;

#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    _folder: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Looks at this Envoy once a second.
    pub fn start(envoy: SocketAddr) -> Self {
        let folder = tempfile::Builder::new().prefix("postern-prometheus-").tempdir().expect("a folder");
        let configuration = folder.path().join("prometheus.yaml");
        fs::write(&configuration, configured(envoy)).expect("a configuration");
        // Prometheus tells nobody which port it took, so it is given one that was free a moment ago, at an address of this
        // machine where nothing else of these tests listens.
        let address = TcpListener::bind("127.0.0.2:0").and_then(|free| free.local_addr()).expect("a free port");
        let log_file = folder.path().join("log");
        let log = File::create(&log_file).expect("a log file");
        let mut process = Process::new(
            Command::new(tools().join("prometheus"))
                .arg(format!("--config.file={}", configuration.display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle"))
                .stderr(log),
        );
        wait_until("Prometheus is ready", || {
            let ended = process.ended();
            assert!(ended.is_none(), "{}", fs::read_to_string(&log_file).unwrap_or_default());
            ready(address, "/-/ready")
        });
        Self { _process: process, _folder: folder, address }
    }

    /// What it answers under `/api/v1/`, with these parameters.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let mut target = format!("/api/v1/{path}?");
        for (name, value) in parameters {
            let escaped: Vec<String> = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            target.extend([name, "=", &escaped.concat(), "&"]);
        }
        let answer = http1::send(self.address, &Request::get(&target).field("connection", "close"));
        assert_eq!(answer.status, 200, "{path} {parameters:?}: {}", answer.text());
        let answer: Value = serde_json::from_str(&answer.text()).expect("JSON");
        answer["data"].clone()
    }

    /// The series that an expression gives now.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        self.ask("query", &[("query", expression)])["result"].as_array().expect("series").clone()
    }

    /// The value of the one series that an expression gives, where it gives one.
    pub fn value(&self, expression: &str) -> Option<f64> {
        let found = self.query(expression);
        assert!(found.len() < 2, "{expression}: {found:?}");
        found.first()?["value"][1].as_str()?.parse().ok()
    }
}

/// What is shipped, with each change in it.
fn configured(envoy: SocketAddr) -> String {
    let folder = project().join("envoy/observability");
    let mut text = fs::read_to_string(folder.join("prometheus.yaml")).expect("the configuration");
    let alerts = format!("[{}]", folder.join("alerts.yaml").display());
    for (before, after) in [
        ("127.0.0.1:9901", envoy.to_string().as_str()),
        ("interval: 15s", "interval: 1s"),
        ("timeout: 10s", "timeout: 1s"),
        ("[alerts.yaml]", &alerts),
    ] {
        assert!(text.contains(before), "prometheus.yaml has no {before}");
        text = text.replace(before, after);
    }
    text
}

/// What `tests/fetch-prometheus` provides.
fn tools() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let fetch = Command::new("tests/fetch-prometheus").current_dir(project()).output();
        let fetched = fetch.expect("tests/fetch-prometheus can be run");
        assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
        String::from_utf8(fetched.stdout).expect("a path").trim().into()
    })
}
