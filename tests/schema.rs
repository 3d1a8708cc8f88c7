//! `postern schema` and the filter's own parser say the same of a configuration, but for what a schema cannot say.
//!
//! The schema is what the built command prints; what holds configurations against it is Python's jsonschema
//! (`tests/fetch-checks`), which nobody here wrote.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on should stop"
)]

#[path = "schema/agreement.rs"]
mod agreement;
#[path = "schema/both.rs"]
mod both;
#[path = "schema/fields.rs"]
mod fields;
#[path = "schema/samples.rs"]
mod samples;
#[path = "schema/unsaid.rs"]
mod unsaid;
