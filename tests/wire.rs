//! The built filter in a real Envoy, driven over the wire.
//!
//! `cargo test --test wire` needs the filter (`make wasm`, or `$POSTERN_WASM`), an Envoy
//! (`$ENVOY`, or what `envoy/fetch-envoy` provides), curl, wget and git, and Python with pip, by which
//! `tests/fetch-requests`, `tests/fetch-issuers` and `tests/fetch-istio` fetch clients, issuers and readers of manifests. What is missing
//! fails the tests that need it: a test that quietly did not run proves nothing.
//!
//! Beside what each test asks for, every Envoy here is held to this when its test ends: it
//! is still running, its filter never trapped, and neither of its logs holds a token.

#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

mod support;

#[path = "support/vectors/mod.rs"]
mod vectors;

#[path = "pages/blocks.rs"]
mod blocks;

mod wire {
    #[allow(dead_code, reason = "the chaos test uses what is not used here")]
    mod harness;

    mod accepted;
    mod access_log;
    mod answers;
    mod beside;
    mod capabilities;
    mod compose;
    mod configuration;
    mod credentials;
    mod discovery;
    mod dynamic;
    mod explain;
    mod exports;
    mod harness_itself;
    mod herd;
    mod istio;
    mod keys;
    mod late_cluster;
    mod leaks;
    mod methods;
    mod metrics;
    mod mutation;
    mod pages;
    mod parked;
    mod prefetch;
    mod real_issuers;
    mod refused;
    mod reissue;
    mod remembered;
    mod rerouted;
    mod resets;
    mod rights;
    mod routes;
    mod samples;
    mod shadow;
    mod signatures;
    mod spoofing;
    mod survives;
    mod tls;
    mod tokens;
    mod tools;
    mod traps;
    mod updates;
    mod updates_many;
}
