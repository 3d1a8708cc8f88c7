//! What several test binaries share. Each compiles all of it and uses a part, hence:
#![allow(dead_code)]

pub mod challenge;
pub mod mint;
