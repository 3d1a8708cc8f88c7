//! A real Envoy as a child process, with the built filter in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::dynamic::{Drain, Files};
use super::http1;
use super::message::Wire;
use super::plugin::{PLUGIN, Plugin};
use super::request::Request;
use super::setup::Setup;
use super::wait::{wait_for, wait_until};

/// Traces of a virtual machine that died, in the words of Envoy and of the panic hook.
const TRAP: [&str; 3] = ["Uncaught RuntimeError", "in-VM backtrace", "panicked at"];

/// How every token begins, alone and as the first or second half of Basic: no log holds it.
pub const TOKEN: [&str; 3] = ["eyJ", "ZXlK", "OmV5S"];

/// A child that never outlives its owner, not even when a test panics while it starts.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    pub(super) fn new(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("can't start {}: {error}", command.get_program().display())))
    }

    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child to ask after")
    }

    fn end(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Debug)]
pub struct Envoy {
    process: Process,
    folder: TempDir,
    listener: SocketAddr,
    admin: SocketAddr,
    filtered: bool,
    /// Whether its log holds what clients sent, as Envoy itself prints it.
    logs_everything: bool,
    may_trap: bool,
    workers: usize,
    /// Whether the test itself ended it.
    stopped: bool,
}

impl Envoy {
    /// Starts Envoy, and waits until it takes requests.
    pub fn start(setup: &Setup, upstream: SocketAddr) -> Self {
        let (mut process, folder) = launch(setup, upstream);
        let admin = wait_until_ready(&mut process, folder.path());
        let listener = listener(admin, "ingress");
        let filtered = !matches!(setup.plugin, Plugin::Absent);
        let Setup { logs_everything, may_trap, concurrency: workers, .. } = *setup;
        Self { process, folder, listener, admin, filtered, logs_everything, may_trap, workers, stopped: false }
    }

    /// Starts an Envoy with two workers on files that a test writes itself into the folder that it is given; their listener
    /// is `main`. Gives back the folder as well. A field that Envoy does not know is an error in all of them.
    pub fn on_files(write: impl FnOnce(&Path) -> PathBuf) -> (Self, PathBuf) {
        const WORKERS: usize = 2;
        let folder = tempfile::Builder::new().prefix("postern-wire-").tempdir().expect("a folder");
        let bootstrap = write(folder.path());
        let mut process = spawn(folder.path(), &bootstrap, WORKERS, |command| {
            command.args(["--log-level", "warning", "--component-log-level", "wasm:info"]);
            command.arg("--reject-unknown-dynamic-fields");
        });
        let admin = wait_until_ready(&mut process, folder.path());
        let listener = listener(admin, "main");
        let path = folder.path().to_owned();
        let (logs_everything, may_trap, stopped) = (false, false, false);
        let (workers, filtered) = (WORKERS, true);
        (Self { process, folder, listener, admin, filtered, logs_everything, may_trap, workers, stopped }, path)
    }

    /// Starts an Envoy that must refuse to; gives back what it logged.
    pub fn refusal(setup: &Setup, upstream: SocketAddr) -> String {
        let (mut process, folder) = launch(setup, upstream);
        let admin_file = folder.path().join("admin");
        let status = wait_for("Envoy refuses to start", || {
            if let Some(status) = process.ended() {
                return Some(status);
            }
            let admin = fs::read_to_string(&admin_file).ok()?.trim().parse().ok()?;
            assert!(!ready(admin, "/ready"), "Envoy started with a configuration it had to refuse: {:?}", setup.plugin);
            None
        });
        assert!(!status.success(), "Envoy ended as if all were well");
        let log = fs::read_to_string(log_file(folder.path())).expect("a log");
        // To trip over a configuration is not to refuse it.
        for trap in TRAP {
            assert!(setup.may_trap || !log.contains(trap), "the filter trapped ({trap}):\n{}", tail(&log));
        }
        log
    }

    /// Where it takes requests.
    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Where another listener of the set-up takes requests.
    pub fn address_of(&self, listener_name: &str) -> SocketAddr {
        listener(self.admin, listener_name)
    }

    /// A counter or gauge by its full name; one that never moved may not exist, and is 0.
    pub fn stat(&self, name: &str) -> u64 {
        self.stats("").get(name).copied().unwrap_or_default()
    }

    /// The counters and gauges whose names this expression finds, by name.
    pub fn stats(&self, expression: &str) -> BTreeMap<String, u64> {
        let (status, text) = get(self.admin, &format!("/stats?format=json&filter={expression}"));
        assert_eq!(status, 200, "the admin endpoint gives statistics");
        let stats: Value = serde_json::from_str(&text).expect("statistics are JSON");
        let stats = stats["stats"].as_array().expect("a list of statistics").iter();
        stats.filter_map(|stat| Some((stat["name"].as_str()?.to_owned(), stat["value"].as_u64()?))).collect()
    }

    pub fn wait_for_stat(&self, name: &str, condition: impl Fn(u64) -> bool) {
        wait_until(&format!("{name} reaches its value"), || condition(self.stat(name)));
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How many workers have had a connection from a client.
    pub fn workers_reached(&self) -> usize {
        let name = |worker| format!("listener.127.0.0.1_0.worker_{worker}.downstream_cx_total");
        (0..self.workers).filter(|worker| self.stat(&name(*worker)) > 0).count()
    }

    /// The memory that the process has of the machine, in KiB.
    pub fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.0.id());
        let status = fs::read_to_string(path).expect("the state of a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
    }

    /// Asks the process to end, as an operator does, and gives back how it did.
    pub fn stop(&mut self) -> ExitStatus {
        self.stopped = true;
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        wait_for("Envoy ends", || self.process.ended())
    }

    /// The files that its listener and clusters come from.
    pub(super) fn files(&self) -> Files<'_> {
        Files::new(self.folder.path())
    }

    /// Where a listener for it writes its access log.
    pub(super) fn access_log_file(&self) -> PathBuf {
        access_log_file(self.folder.path())
    }

    /// How often a virtual machine was replaced, or should have been, after a trap.
    pub fn reloads(&self) -> u64 {
        ["vm_reload_success", "vm_reload_failure", "vm_reload_backoff"]
            .iter()
            .map(|outcome| self.stat(&format!("wasm.{PLUGIN}.{outcome}")))
            .sum()
    }

    /// The lines of the access log, once there are this many.
    pub fn access_log(&self, lines: usize) -> Vec<String> {
        wait_for(&format!("{lines} lines in the access log"), || {
            let text = self.access_log_text();
            let found: Vec<String> = text.lines().map(str::to_owned).collect();
            (found.len() >= lines).then_some(found)
        })
    }

    /// What the admin endpoint says.
    pub fn admin(&self, path: &str) -> String {
        let (status, text) = get(self.admin, path);
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// The access log as it is now.
    pub fn access_log_text(&self) -> String {
        // The admin request makes Envoy write out what it holds back.
        post(self.admin, "/reopen_logs");
        fs::read_to_string(access_log_file(self.folder.path())).unwrap_or_default()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }
}

impl Drop for Envoy {
    /// Ends the process, whatever happened, and holds every test to what must never be.
    fn drop(&mut self) {
        let died = self.process.ended();
        self.process.end();
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("--- the end of Envoy's log ---\n{}", tail(&log));
            return;
        }
        if !self.stopped {
            assert_eq!(died, None, "Envoy died by itself:\n{}", tail(&log));
        }
        if !self.filtered {
            return;
        }
        for trap in TRAP {
            assert!(self.may_trap || !log.contains(trap), "the filter trapped ({trap}):\n{}", tail(&log));
        }
        if self.logs_everything {
            return;
        }
        let access_log = fs::read_to_string(access_log_file(self.folder.path())).unwrap_or_default();
        for (name, text) in [("log", &log), ("access log", &access_log)] {
            let leak = text.lines().find(|line| TOKEN.iter().any(|token| line.contains(token)));
            assert_eq!(leak, None, "a token in Envoy's {name}");
        }
    }
}

fn launch(setup: &Setup, upstream: SocketAddr) -> (Process, TempDir) {
    let folder = tempfile::Builder::new().prefix("postern-wire-").tempdir().expect("a folder");
    let wasm = match setup.plugin {
        Plugin::Absent => PathBuf::new(),
        Plugin::Text(_) | Plugin::Struct(_) => setup.module.path().to_owned(),
    };
    let access_log = access_log_file(folder.path());
    let bootstrap = match setup.dynamic {
        None => setup.bootstrap(upstream, &wasm, &access_log),
        Some(_) => Files::new(folder.path()).bootstrap(setup, upstream, &wasm, &access_log),
    };
    let bootstrap_file = folder.path().join("envoy.json");
    fs::write(&bootstrap_file, bootstrap.to_string()).expect("a bootstrap file");
    let process = spawn(folder.path(), &bootstrap_file, setup.concurrency, |command| {
        command.args(log_levels(setup)).args(setup.dynamic.map_or(&[][..], Drain::arguments));
        command.envs(setup.variables.of_host());
    });
    (process, folder)
}

fn spawn(folder: &Path, bootstrap: &Path, workers: usize, prepare: impl FnOnce(&mut Command)) -> Process {
    let log = File::create(log_file(folder)).expect("a log file");
    let mut command = Command::new(binary());
    command.arg("--config-path").arg(bootstrap).arg("--admin-address-path").arg(folder.join("admin"));
    // Hot restart shares memory by a number; without it any number of Envoys run at once.
    command.args(["--concurrency", &workers.to_string(), "--disable-hot-restart"]);
    prepare(&mut command);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
    Process::new(&mut command)
}

/// Waits until Envoy takes requests; gives back where its admin page is.
fn wait_until_ready(process: &mut Process, folder: &Path) -> SocketAddr {
    let admin_file = folder.join("admin");
    let admin: SocketAddr = wait_for("Envoy writes its admin address", || {
        exited_early(process, folder);
        fs::read_to_string(&admin_file).ok()?.trim().parse().ok()
    });
    wait_until("Envoy is ready", || {
        exited_early(process, folder);
        ready(admin, "/ready")
    });
    admin
}

/// What a filter says, and of the rest only what is wrong.
fn log_levels(setup: &Setup) -> Vec<String> {
    if setup.logs_everything {
        return vec!["--log-level".to_owned(), "trace".to_owned()];
    }
    let wasm = format!("wasm:{}", setup.wasm_log_level);
    ["--log-level", "warning", "--component-log-level", &wasm].map(str::to_owned).to_vec()
}

fn exited_early(process: &mut Process, folder: &Path) {
    if let Some(status) = process.ended() {
        let log = fs::read_to_string(log_file(folder)).unwrap_or_default();
        panic!("Envoy did not start ({status}):\n{}", tail(&log));
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("envoy.log")
}

fn access_log_file(folder: &Path) -> PathBuf {
    folder.join("access.log")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn listener(admin: SocketAddr, name: &str) -> SocketAddr {
    let (_, text) = get(admin, "/listeners?format=json");
    let listeners: Value = serde_json::from_str(&text).expect("listeners are JSON");
    let statuses = listeners["listener_statuses"].as_array().expect("a list of listeners");
    let status = statuses.iter().find(|status| status["name"] == name);
    let address = &status.unwrap_or_else(|| panic!("no listener {name}"))["local_address"]["socket_address"];
    let port = address["port_value"].as_u64().and_then(|port| u16::try_from(port).ok());
    SocketAddr::from(([127, 0, 0, 1], port.expect("a listener with a port")))
}

fn get(admin: SocketAddr, path: &str) -> (u16, String) {
    let answer = http1::send(admin, &Request::get(path).field("connection", "close"));
    (answer.status, answer.text())
}

/// Whether it says there that it takes requests; one that is about to exit may not say anything.
pub(super) fn ready(admin: SocketAddr, path: &str) -> bool {
    let ask = || {
        let mut wire = Wire::new(TcpStream::connect(admin).ok()?).ok()?;
        wire.send(&Request::get(path).http1()).ok()?;
        wire.head().ok()?
    };
    ask().is_some_and(|head| head.start.starts_with("HTTP/1.1 200 "))
}

fn post(admin: SocketAddr, path: &str) {
    let request = Request::new("POST", path).field("connection", "close").body(b"");
    assert_eq!(http1::send(admin, &request).status, 200, "{path}");
}

/// Its version, `[1, 40, 0]`: tests hold an older one to what it does.
pub fn version() -> [u32; 3] {
    static VERSION: OnceLock<[u32; 3]> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let output = Command::new(binary()).arg("--version").output().expect("Envoy says its version");
        let text = String::from_utf8_lossy(&output.stdout);
        // The path of the program stands before it.
        let said = text.split_once("version: ").and_then(|(_, said)| said.split('/').nth(1));
        let version = said.unwrap_or_else(|| panic!("no version: {text}"));
        let numbers: Vec<u32> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
        numbers.try_into().unwrap_or_else(|_| panic!("no version: {version}"))
    })
}

/// The Envoy to test with: `$ENVOY`, else what `envoy/fetch-envoy` provides.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(program) = std::env::var_os("ENVOY") {
            return PathBuf::from(program);
        }
        let fetch = project().join("envoy/fetch-envoy");
        assert!(fetch.is_file(), "no Envoy to test with: set $ENVOY, or provide {}", fetch.display());
        let output =
            Command::new(&fetch).output().unwrap_or_else(|error| panic!("can't run {}: {error}", fetch.display()));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} failed:\n{complaint}", fetch.display());
        let text = String::from_utf8_lossy(&output.stdout);
        let path = project().join(text.lines().last().unwrap_or_default().trim());
        assert!(path.is_file(), "{} printed no path of a file: {text:?}", fetch.display());
        path
    })
}

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
