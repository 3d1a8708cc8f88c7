//! `make observe` as a stranger meets it: what it says is there is there, and a signal ends all of it.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should stop")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The running demonstration; ended with it, whatever becomes of the test.
struct Demonstration(Child);

impl Drop for Demonstration {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.terminate();
        }
    }
}

impl Demonstration {
    fn terminate(&mut self) -> bool {
        let killed = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
        self.0.wait().unwrap().success()
    }

    /// Waits until it says that all is there.
    fn is_ready(&mut self) {
        let lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
        if lines.into_iter().any(|line| line.contains("Ctrl-C ends all")) {
            return;
        }
        let mut why = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut why).unwrap();
        panic!("it ended by itself, saying:\n{why}");
    }
}

/// The labels of what an expression finds, once there is something.
fn found(prometheus: u16, expression: &str) -> String {
    let url = format!("http://127.0.0.1:{prometheus}/api/v1/query");
    let query = format!("query={expression}");
    for _ in 0..600 {
        let asked = Command::new("curl").args(["-sG", "--noproxy", "*", &url, "--data-urlencode", &query]).output();
        let answer = String::from_utf8(asked.unwrap().stdout).unwrap();
        if answer.contains("\"metric\"") {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing is found by {expression}");
}

#[test]
fn a_prometheus_sees_traffic_of_every_kind_and_a_signal_ends_all() {
    let variables = ["PORT", "ADMIN_PORT", "ISSUER_PORT", "UPSTREAM_PORT", "PROMETHEUS_PORT"];
    // Held together until all are known, so that they differ.
    let held: Vec<TcpListener> = variables.iter().map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let ports: Vec<u16> = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(held);
    let mut command = Command::new("envoy/observability/observe");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(variables.iter().zip(&ports).map(|(variable, port)| (variable, port.to_string())));
    let mut demonstration = Demonstration(command.spawn().expect("envoy/observability/observe can be started"));
    demonstration.is_ready();

    let prometheus = *ports.last().unwrap();
    for kind in [
        "decision=\"allow\",reason=\"ok\",rule=\"tap\"",
        "decision=\"shadow_deny\",reason=\"insufficient_scope\",rule=\"images\"",
        "decision=\"deny\",reason=\"expired\",rule=\"tap\"",
        "decision=\"deny\",reason=\"unknown_issuer\",rule=\"tap\"",
    ] {
        found(prometheus, &format!("postern_requests_total{{{kind}}} > 0"));
    }
    found(prometheus, "ALERTS{alertname=\"PosternShadowDenials\"}");

    assert!(demonstration.terminate());
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|_| panic!("port {port} is still taken"));
    }
}
