//! An Envoy with the filters of one contender.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::bootstrap::bootstrap;
use super::filters::{Modules, SIGNING_KEY, Scene, filters};
use super::load::now;
use super::process::{Process, folder};

/// For ten thousand rules in a configuration this is a while.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

static STARTED: AtomicUsize = AtomicUsize::new(0);

pub struct Envoy {
    process: Process,
    log: PathBuf,
    admin: SocketAddr,
    listener: SocketAddr,
}

impl Envoy {
    /// Starts it, and waits until it takes requests.
    pub fn start(scene: &Scene) -> Result<Self, String> {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| folder().join(format!("{number}-{name}"));
        let (config, admin_file, log) = (file("envoy.json"), file("admin"), file("log"));
        let modules = Modules { postern: &postern(), empty: empty() };
        let bootstrap = bootstrap(filters(scene, &modules), scene.authorizer);
        fs::write(&config, bootstrap.to_string()).map_err(|error| format!("{}: {error}", config.display()))?;
        let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new(binary());
        command
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", &scene.workers.to_string(), "--disable-hot-restart", "--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .envs(scene.contender.signs().map(|alg| (SIGNING_KEY, alg.pem())));
        let process = Process::start(&mut command)?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self { process, log, admin: nowhere, listener: nowhere };
        let start = now();
        loop {
            if !envoy.process.is_running() {
                return Err(format!("Envoy did not start: {}", envoy.last_words()));
            }
            if let Some((admin, listener)) = ready_listener(&admin_file) {
                envoy.admin = admin;
                envoy.listener = listener;
                return Ok(envoy);
            }
            if now() - start > PATIENCE {
                return Err(format!("Envoy does not get ready: {}", envoy.last_words()));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What a counter of the filter's stands at. One that nothing was added to is not there.
    pub fn counter(&self, name: &str) -> usize {
        let stats = get(self.admin, "/stats?filter=postern_").unwrap_or_default();
        let counters = stats.lines().filter_map(|line| line.rsplit_once(": "));
        let count = counters.into_iter().find(|(counter, _)| counter.ends_with(name)).map(|(_, count)| count);
        count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
    }

    /// The end of what it logged.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(3)..].join(" / ")
    }
}

pub fn version() -> String {
    let output = Command::new(binary()).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`
    text.split('/').rfind(|part| part.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("?").to_owned()
}

/// Where its administration answers, and where it takes requests.
fn ready_listener(admin_file: &std::path::Path) -> Option<(SocketAddr, SocketAddr)> {
    let admin: SocketAddr = fs::read_to_string(admin_file).ok()?.trim().parse().ok()?;
    if !get(admin, "/ready")?.starts_with("HTTP/1.1 200 ") {
        return None;
    }
    // A line for each listener, such as `main::127.0.0.1:40123`.
    let listeners = get(admin, "/listeners")?;
    let listener = listeners.lines().find_map(|line| line.strip_prefix("main::"))?.trim().parse().ok()?;
    Some((admin, listener))
}

fn get(admin: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(admin).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn binary() -> PathBuf {
    named("ENVOY")
}

fn postern() -> PathBuf {
    named("POSTERN_WASM")
}

fn named(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    PathBuf::from(value.unwrap_or_else(|| panic!("${variable} is not set; `make bench` sets it")))
}

/// The module that does nothing, assembled.
fn empty() -> &'static PathBuf {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = folder().join("empty.wasm");
        let module = wat::parse_str(include_str!("empty.wat")).expect("a module in good order");
        fs::write(&path, module).expect("room for a module");
        path
    })
}
