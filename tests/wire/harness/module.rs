//! The builds of the filter.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::envoy::project;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// What is shipped: `$POSTERN_WASM`, else the release build.
    Shipped,
    /// What a request can kill: `$POSTERN_TRAP_WASM`, else what `envoy/build-wasm --trap-for-tests` makes.
    TrapForTests,
}

impl Module {
    pub fn path(self) -> &'static Path {
        static SHIPPED: OnceLock<PathBuf> = OnceLock::new();
        static TRAP_FOR_TESTS: OnceLock<PathBuf> = OnceLock::new();
        match self {
            Self::Shipped => SHIPPED.get_or_init(|| find("POSTERN_WASM", "release", "make wasm")),
            Self::TrapForTests => TRAP_FOR_TESTS
                .get_or_init(|| find("POSTERN_TRAP_WASM", "trap-for-tests", "envoy/build-wasm --trap-for-tests")),
        }
    }
}

fn find(variable: &str, profile: &str, made_by: &str) -> PathBuf {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => project().join(format!("target/wasm32-wasip1/{profile}/postern.wasm")),
    };
    assert!(path.is_file(), "no filter to test at {}: run `{made_by}`, or set ${variable}", path.display());
    path
}
