//! `rust-version` in Cargo.toml is what every locked dependency can be built with.

#![cfg(test)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::process::Command;

use serde_json::Value;

/// `1.89` and `1.89.0` as numbers.
fn version(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = text.split('.').map(|number| number.parse().expect(text)).collect();
    numbers.resize(3, 0);
    numbers
}

#[test]
fn no_dependency_asks_for_a_newer_rust_than_this_package_does() {
    let arguments = ["metadata", "--locked", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"];
    let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages {
        let Some(asks) = package["rust_version"].as_str() else { continue };
        assert!(version(asks) <= ours, "{} {} asks for Rust {asks}", package["name"], package["version"]);
    }
}
