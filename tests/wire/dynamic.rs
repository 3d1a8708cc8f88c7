//! The files of `envoy/dynamic` on a real Envoy: each is replaced while clients send requests, by good ones and by wrong
//! ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::harness::answer::Answer;
use super::harness::envoy::{Envoy, project};
use super::harness::http1::{self, Connection};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::upstream::Upstream;
use super::harness::wait::wait_until;
use crate::support::mint::{Signer, Token, jwks};

const FILES: [&str; 4] = ["bootstrap.yaml", "lds.yaml", "cds.yaml", "ecds.yaml"];
const FILTER: &str = "extension_config_discovery.http_filter.postern";

/// The sample, with ports that are free, and what stands around it.
struct Scene {
    envoy: Envoy,
    folder: PathBuf,
    issuer: Issuer,
    upstream: Upstream,
}

impl Scene {
    fn start() -> Self {
        Self::start_with("ecds.yaml", |text| text)
    }

    /// Starts with one file changed.
    fn start_with(name: &str, change: impl Fn(String) -> String) -> Self {
        let journal = Journal::default();
        let issuer = Issuer::start(&journal);
        let document = json!({ "issuer": issuer.url(""), "jwks_uri": issuer.url("/keys") });
        issuer.on("/.well-known/openid-configuration", Script::json(&document));
        issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
        let upstream = Upstream::start(&journal);
        let (envoy, folder) = Envoy::on_files(|folder| {
            for file in FILES {
                let text = sample(file, folder, &issuer, &upstream);
                fs::write(folder.join(file), if file == name { change(text) } else { text }).expect("a file");
            }
            folder.join("bootstrap.yaml")
        });
        Self { envoy, folder, issuer, upstream }
    }

    /// The file as it is there now.
    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("a file")
    }

    /// Puts another file in place of one, as DEPLOYMENT.md says.
    fn replace(&self, name: &str, text: &str) {
        let beside = self.folder.join("next");
        fs::write(&beside, text).expect("a file");
        fs::rename(beside, self.folder.join(name)).expect("a file in place of another");
    }

    fn stat(&self, name: &str) -> u64 {
        self.envoy.stat(name)
    }

    fn refused(&self) -> u64 {
        self.stat(&format!("{FILTER}.config_fail"))
    }

    fn token(&self) -> String {
        let token = Token::new(&Signer::rs256()).claim("iss", self.issuer.url(""));
        token.claim("aud", "https://postern.dev").mint()
    }

    fn status(&self, path: &str) -> u16 {
        http1::send(self.envoy.address(), &Request::get(path)).status
    }
}

/// A file of the sample, for this folder and these servers.
fn sample(name: &str, folder: &Path, issuer: &Issuer, upstream: &Upstream) -> String {
    let text = fs::read_to_string(project().join("envoy/dynamic").join(name)).expect("a sample");
    let module = super::harness::module::Module::Shipped.path();
    let port = |address: std::net::SocketAddr| format!("port_value: {} ", address.port());
    text.replace("port_value: 10000 ", "port_value: 0 ")
        .replace("port_value: 9901 ", "port_value: 0 ")
        // With what is around it: a port that was put in may hold the digits of the other.
        .replace("port_value: 9010 ", &port(issuer.address()))
        .replace("//127.0.0.1:9010", &format!("//{}", issuer.address()))
        .replace("port_value: 8081 ", &port(upstream.address()))
        .replace("envoy/dynamic", &folder.display().to_string())
        .replace("target/wasm32-wasip1/release/postern.wasm", &module.display().to_string())
}

/// The text with this in place of that, which has to be in it.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?} in:\n{text}");
    text.replace(from, to)
}

fn public(prefix: &str) -> String {
    format!("match: {{ prefix: {prefix} }}\n")
}

fn ask(connection: &mut Connection, request: &Request) -> Answer {
    connection.send(&request.http1());
    connection.answer(&request.method)
}

#[test]
fn rules_change_on_connections_that_stay_open_with_no_failed_request_and_no_fetch() {
    const CLIENTS: usize = 4;
    let scene = Scene::start();
    let address = scene.envoy.address();
    let request = &Request::get("/x").bearer(&scene.token());
    let stop = &AtomicBool::new(false);
    let counts: &[AtomicUsize] = &[const { AtomicUsize::new(0) }; CLIENTS];
    let rules = scene.file("ecds.yaml");
    std::thread::scope(|scope| {
        let clients: Vec<_> = counts
            .iter()
            .map(|count| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    while !stop.load(Ordering::SeqCst) {
                        let answer = ask(&mut connection, request);
                        assert_eq!(answer.status, 200, "{answer:?}");
                        assert_eq!(answer.value("connection"), None, "asked to close");
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let everyone_goes_on = || {
            let before: Vec<usize> = counts.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            wait_until("every client has more answers", || {
                clients.iter().any(std::thread::ScopedJoinHandle::is_finished)
                    || counts.iter().zip(&before).all(|(count, before)| count.load(Ordering::SeqCst) >= before + 20)
            });
        };
        // One connection on each worker at the least, which were there before everything.
        let mut kept: Vec<Connection> = (0..8).map(|_| Connection::open(address)).collect();
        let mut statuses = |path: &str| -> Vec<u16> {
            kept.iter_mut().map(|connection| ask(connection, &Request::get(path)).status).collect()
        };
        everyone_goes_on();
        assert_eq!((statuses("/public"), statuses("/open")), (vec![200; 8], vec![401; 8]), "before");
        for number in 1..=5 {
            let (name, shown) = if number % 2 == 1 { ("/open", "/public") } else { ("/public", "/open") };
            scene.replace("ecds.yaml", &changed(&rules, &public("/public"), &public(name)));
            wait_until("the update is everywhere", || statuses(name) == [200; 8] && statuses(shown) == [401; 8]);
            assert_eq!(scene.stat(&format!("{FILTER}.update_success")), number + 1, "{number}");
            everyone_goes_on();
        }
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().expect("a client that was always answered");
        }
    });
    assert_eq!(scene.issuer.asked("/keys"), 1, "keys that are at hand are not fetched again");
    assert_eq!(scene.stat("listener_manager.listener_modified"), 0, "no listener was replaced");
    assert_eq!(scene.refused(), 0);
    assert_eq!(scene.envoy.reloads(), 0);
}

#[test]
fn a_wrong_file_is_refused_and_the_rules_go_on() {
    let scene = Scene::start();
    let good = scene.file("ecds.yaml");
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let kind = "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n";
    // (what is wrong, the file, what the log says)
    let rows = [
        ("a field that nobody knows", changed(&good, "access:", "acces:"), "rules[0].acces: unknown field"),
        ("no rules", changed(&good, "rules:", "ruls:"), "ruls: unknown field"),
        ("a setting that Envoy does not know", changed(&good, "failure_policy", "failure_polcy"), "failure_polcy"),
        ("a module that is not there", changed(&good, "postern.wasm", "other.wasm"), "other.wasm"),
        ("another filter's", format!("{kind}  name: postern\n  typed_config: {{ \"@type\": {router} }}\n"), "type URL"),
        ("by another name", changed(&good, "\n  name: postern\n", "\n  name: other\n"), "Unexpected resource name"),
        ("no filter", "resources: []\n".to_owned(), "Unexpected number of resources"),
        ("half a file", good[..good.len() / 2].to_owned(), "update failure"),
        ("nothing", String::new(), "update failure"),
    ];
    for (name, text, logged) in rows {
        let (before, refused) = (scene.envoy.log().len(), scene.refused());
        scene.replace("ecds.yaml", &text);
        wait_until(&format!("{name} is refused"), || scene.refused() > refused);
        let log = scene.envoy.log().split_off(before);
        assert!(log.contains(logged), "{name}: {log}");
        assert_eq!((scene.status("/public"), scene.status("/x")), (200, 401), "{name}");
    }
    scene.replace("ecds.yaml", &changed(&good, &public("/public"), &public("/open")));
    wait_until("a good one is taken after them", || (scene.status("/open"), scene.status("/public")) == (200, 401));
    let request = Request::get("/x").bearer(&scene.token());
    assert_eq!(http1::send(scene.envoy.address(), &request).status, 200);
    assert_eq!(scene.issuer.asked("/keys"), 1);

    // Keys are shared by the VMs of one vm_id, so with another one they are fetched anew.
    scene.replace("ecds.yaml", &changed(&good, "vm_id: postern\n", "vm_id: another\n"));
    wait_until("it is taken", || scene.status("/public") == 200);
    assert_eq!(http1::send(scene.envoy.address(), &request).status, 200);
    assert_eq!(scene.issuer.asked("/keys"), 2);
}

#[test]
fn without_good_rules_from_the_start_nobody_is_let_on_until_there_are_some() {
    let scene = Scene::start_with("ecds.yaml", |text| changed(&text, "access:", "acces:"));
    for path in ["/public", "/x"] {
        assert_eq!(scene.status(path), 500, "{path}");
    }
    assert_eq!(scene.upstream.count(), 0, "reached the service");
    let text = scene.file("ecds.yaml");
    scene.replace("ecds.yaml", &changed(&text, "acces:", "access:"));
    wait_until("the rules are there", || (scene.status("/public"), scene.status("/x")) == (200, 401));
}

#[test]
fn the_listener_and_the_service_change_with_no_failed_request() {
    let scene = Scene::start();
    let other = Upstream::start(&Journal::default());
    let mut kept = Connection::open(scene.envoy.address());
    assert_eq!(ask(&mut kept, &Request::get("/public")).status, 200);

    let clusters = scene.file("cds.yaml");
    let [old, new] = [&scene.upstream, &other].map(|upstream| upstream.address().port().to_string());
    scene.replace("cds.yaml", &changed(&clusters, &old, &new));
    wait_until("the other service is asked", || {
        assert_eq!(ask(&mut kept, &Request::get("/public")).status, 200);
        other.count() > 0
    });

    // A route that is shorter: the filter before it is the same one.
    let listener = scene.file("lds.yaml");
    scene.replace("lds.yaml", &changed(&listener, "- match: { prefix: / }", "- match: { prefix: /public }"));
    let request = Request::get("/x").bearer(&scene.token());
    wait_until("the other routes are there", || match http1::send(scene.envoy.address(), &request).status {
        404 => true,
        status => status != 200 && panic!("{status} while routes change"),
    });
    assert_eq!(ask(&mut kept, &request).status, 200, "an open connection has the routes that it began with");
    assert_eq!(scene.status("/public"), 200);

    // Unless it is told so at its start, Envoy takes such a file and leaves out the setting.
    let refused =
        || scene.stat("listener_manager.lds.update_failure") + scene.stat("listener_manager.lds.update_rejected");
    scene.replace("lds.yaml", &changed(&listener, "normalize_path", "normalise_path"));
    wait_until("a setting that Envoy does not know is refused", || refused() > 0);
    assert_eq!(scene.status("/public"), 200);
    assert_eq!(scene.issuer.asked("/keys"), 1);
}
