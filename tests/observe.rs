//! `make observe` as a stranger meets it: what it says is there is there, and a signal ends all of it.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should stop")]

#[path = "support/demonstration.rs"]
mod demonstration;

use std::process::Command;
use std::time::Duration;

use demonstration::{Demonstration, are_free, free_ports};

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
    let ports = free_ports::<5>();
    let mut demonstration = Demonstration::start("envoy/observability/observe", &variables, &ports);
    demonstration.printed_until("Ctrl-C ends all");

    let [.., prometheus] = ports;
    for kind in [
        "decision=\"allow\",reason=\"ok\",rule=\"tap\"",
        "decision=\"shadow_deny\",reason=\"insufficient_scope\",rule=\"images\"",
        "decision=\"deny\",reason=\"expired\",rule=\"tap\"",
        "decision=\"deny\",reason=\"unknown_issuer\",rule=\"tap\"",
    ] {
        found(prometheus, &format!("postern_requests_total{{{kind}}} > 0"));
    }
    found(prometheus, "ALERTS{alertname=\"PosternShadowDenials\"}");

    assert!(demonstration.terminate().success());
    are_free(&ports);
}
