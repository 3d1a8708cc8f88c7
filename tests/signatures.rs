//! Both ways to check a signature, held to the same table: what the one lets pass the other does, and nothing forged. And
//! both ways to make one.
//!
//! The host's way is asked here of a host that stands in for Envoy; on Envoy itself the same table runs with the others.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod support;

#[path = "support/boringssl.rs"]
mod boringssl;
#[path = "support/vectors/mod.rs"]
mod vectors;

mod signatures {
    mod back_ends;
    mod probe;
    mod probe_signing;
    mod signing;
}
