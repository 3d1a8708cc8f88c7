//! `make run` as a stranger meets it: every printed line is pasted into a shell and has to give the status beside it.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

#[path = "support/demonstration.rs"]
mod demonstration;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use postern::crypto::{Algorithm, SigningKey};

use demonstration::{Demonstration, are_free, free_ports};

const VARIABLES: [&str; 4] = ["PORT", "ADMIN_PORT", "ISSUER_PORT", "UPSTREAM_PORT"];

fn metrics(admin_port: u16) -> String {
    let url = format!("http://127.0.0.1:{admin_port}/stats/prometheus");
    let asked = Command::new("curl").args(["-s", &url]).output().unwrap();
    String::from_utf8_lossy(&asked.stdout)
        .lines()
        .filter(|line| line.starts_with("postern"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The metrics once this is among them: some are told once a second only.
fn metrics_with(admin_port: u16, series: &str) -> String {
    for _ in 0..600 {
        let metrics = metrics(admin_port);
        if metrics.lines().any(|line| line.starts_with(series)) {
            return metrics;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no {series}:\n{}", metrics(admin_port));
}

#[test]
fn every_printed_line_gives_the_status_beside_it_and_a_signal_ends_all() {
    let ports = free_ports::<4>();
    let mut demonstration = Demonstration::start("envoy/run", &VARIABLES, &ports);
    let printed = demonstration.printed_until("Ctrl-C stops everything");
    assert!(printed.iter().any(|line| line == "ready"), "{printed:#?}");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut reissued = 0;
    for line in printed.iter().filter(|line| line.starts_with("curl ")) {
        let (_, status) = line.rsplit_once(" # ").expect("a line ends in its status");
        let pasted = Command::new("bash").args(["-c", line]).output().unwrap();
        let answer = String::from_utf8_lossy(&pasted.stdout);
        assert_eq!(answer.split_whitespace().nth(1), Some(status), "{line}\n{answer}");
        if line.contains("X-Auth-Request-User: root") {
            assert!(answer.contains("\nx-auth-request-user: alice\n"), "{answer}");
            assert!(!answer.contains("root"), "{answer}");
        }
        if line.contains("-X PUT") && status == "200" {
            let (_, sent) = line.split_once("Bearer ").expect("a token");
            let (sent, _) = sent.split_once('\'').expect("its end");
            assert!(!answer.contains(sent), "the user's own token reaches the service: {answer}");
            assert!(
                answer.contains("\nx-auth-request-token: ey") && answer.contains("\nauthorization: Bearer ey"),
                "{answer}"
            );
            reissued += 1;
        }
        *seen.entry(status.to_owned()).or_default() += 1;
    }
    assert_eq!(reissued, 1, "no line has a token made for the service");
    for status in ["200", "400", "401", "403"] {
        assert!(seen.contains_key(status), "no line gives {status}: {seen:?}");
    }
    // One of the tokens once more, which is remembered by now.
    let again =
        printed.iter().find(|line| line.starts_with("curl ") && line.ends_with("# 200") && line.contains("Bearer"));
    assert!(Command::new("bash").args(["-c", again.expect("a token")]).output().unwrap().status.success());
    // The sample's `stats_tags` make labels of what is in the names.
    let metrics = metrics_with(ports[1], "postern_token_cache_total{outcome=\"hit\"} ");
    let issuer = format!("issuer=\"http://127.0.0.1:{}\"", ports[2]);
    for series in [
        format!("postern_jwks_keys{{{issuer}}} 9"),
        format!("postern_jwks_age_seconds{{{issuer}}} "),
        format!("postern_jwks_fetch_total{{outcome=\"ok\",{issuer}}} 1"),
        "postern_requests_total{decision=\"deny\",reason=\"expired\",rule=\"tap\"} ".to_owned(),
        "postern_token_cache_total{outcome=\"miss\"} ".to_owned(),
        "postern_reissue_total{outcome=\"signed\"} 1".to_owned(),
        "postern_requests_total{decision=\"allow\",reason=\"published\",rule=\"none\"} 1".to_owned(),
        "postern_requests_total{decision=\"deny\",reason=\"exchange_scope\",rule=\"none\"} 1".to_owned(),
        "postern_token_cache_entries{} ".to_owned(),
        "postern_token_cache_bytes{} ".to_owned(),
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(&series)), "no {series}:\n{metrics}");
    }
    assert!(demonstration.terminate().success());
    are_free(&ports);
}

#[test]
fn a_taken_port_gives_one_line_that_names_it_and_the_way_out() {
    let ports = free_ports::<4>();
    let _taken = TcpListener::bind(("127.0.0.1", ports[0])).unwrap();
    let (status, said) = Demonstration::start("envoy/run", &VARIABLES, &ports).ended();
    assert_eq!(status.code(), Some(1));
    assert_eq!(said, format!("run: port {} is taken by another program; choose another with PORT=\n", ports[0]));
}

/// Where openssl is on no path, the key is made all the same.
#[test]
fn a_key_to_sign_with_is_made_with_openssl_and_without_it_and_is_left_where_it_is() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("signing-key-{}", std::process::id()));
    let tools = folder.join("tools");
    fs::create_dir_all(&tools).unwrap();
    let link = r#"for tool in bash rm mv head base64; do ln -s "$(command -v $tool)" "$0"; done"#;
    assert!(Command::new("bash").args(["-c", link]).arg(&tools).status().unwrap().success());
    let make = |file: &Path, path: Option<&Path>| {
        let mut command = Command::new("envoy/signing-key");
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg(file);
        path.into_iter().for_each(|path| _ = command.env("PATH", path));
        assert!(command.status().unwrap().success());
        fs::read_to_string(file).unwrap()
    };
    let (usual, by_hand) = (folder.join("usual.pem"), folder.join("by-hand.pem"));
    let keys = [make(&usual, None), make(&by_hand, Some(&tools)), make(&folder.join("another.pem"), Some(&tools))];
    let read = keys.each_ref().map(|key| SigningKey::read(key).unwrap());
    assert!(read.iter().all(|key| key.algorithm() == Algorithm::Es256));
    assert_ne!(read[1].thumbprint(), read[2].thumbprint(), "keys that are made by hand are all the same");
    for file in [&usual, &by_hand] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(make(&usual, None), keys[0]);
    fs::remove_dir_all(&folder).unwrap();
}
