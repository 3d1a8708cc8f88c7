//! The filter as Envoy meets it: callbacks in, host calls out, through the real SDK.
//!
//! What is decided is tested elsewhere, without a host. Here it is how a decision is carried out: on which stream, in
//! which order, and what happens when the host refuses, the issuer fails or the client goes away. Tests look at effects
//! only, not at how the filter reads.

#![cfg(test)]
#![allow(unsafe_code, reason = "the filter is reached by its exports")]
// A test that can't go on should stop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should stop"
)]

mod support;

#[path = "support/boringssl.rs"]
mod boringssl;
#[path = "support/host.rs"]
mod host;

// The filter is reached by its exports alone; this links them.
use postern as _;

mod abi {
    mod bench;

    mod ahead;
    mod configuration;
    mod crowds;
    mod forms;
    mod issuers;
    mod parked;
    mod refusing_host;
    mod remembered;
    mod routes;
    mod signatures;
    mod stale_keys;
    mod telling;
    mod trailers;
    mod workers;
}
