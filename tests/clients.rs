//! The clients of `tests/clients`: curl, wget, git, Python's requests, httpie, pyvo, rclone, cadaver and a WebSocket,
//! each through a real Envoy with the sample configuration, in front of a real server.

#![cfg(test)]
#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::process::Command;

#[test]
fn every_client_is_served_under_the_sample_configuration() {
    let ran = Command::new("tests/clients/run")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("POSTERN", env!("CARGO_BIN_EXE_postern"))
        .env_remove("TRANSCRIPT")
        .output()
        .expect("tests/clients/run can be started");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(told.lines().last().is_some_and(|last| last.ends_with("all as they should be")), "{told}");
}
