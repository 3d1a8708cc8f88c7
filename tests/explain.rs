//! `postern explain`, as a user calls it.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on should stop"
)]

#[path = "explain/keys.rs"]
mod keys;
#[path = "explain/output.rs"]
mod output;
#[path = "explain/printed.rs"]
mod printed;
#[path = "explain/reasons.rs"]
mod reasons;
#[path = "explain/routes.rs"]
mod routes;
#[path = "explain/scene.rs"]
mod scene;
mod support;
#[path = "explain/usage.rs"]
mod usage;
