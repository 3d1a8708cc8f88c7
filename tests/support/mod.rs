//! What several test binaries share.

#![allow(dead_code, reason = "each binary compiles all of it and uses a part")]

pub mod alone;
pub mod challenge;
pub mod dice;
pub mod fields;
pub mod mint;
