//! What differs from something good by one bit, one byte or its end: tokens, the fields that carry them, paths, key
//! sets, the configuration. None is taken for the good one, and none makes the core panic.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on should stop"
)]

mod support;

#[path = "support/boringssl.rs"]
mod boringssl;

mod mutation {
    mod carriers;
    mod configuration;
    mod door;
    mod key_sets;
    mod mutants;
    mod paths;
    mod tokens;
}
