//! The same tokens to Envoy's own `jwt_authn` and to the filter, in one Envoy with the same issuers, keys, audiences and
//! clock skew. The filter may refuse more, and never lets on what `jwt_authn` does not.
//!
//! Why it refuses more stands in `differential/reasons.rs`, one row for each kind of difference; a difference without a
//! row fails, and so does a row without a difference. `cargo test --test differential` prints the table. It needs what the
//! wire tests need.

#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

use std::process::ExitCode;

mod support;

#[path = "support/vectors/mod.rs"]
mod vectors;

#[allow(dead_code, reason = "the harness is the wire tests'; a part of it is used here")]
#[path = "wire"]
mod wire {
    pub mod harness;
}

mod differential {
    pub mod algorithms;
    pub mod asked;
    pub mod case;
    pub mod claims;
    pub mod headers;
    pub mod key_sets;
    pub mod mixtures;
    pub mod reasons;
    pub mod rig;
    pub mod spellings;
    pub mod table;
    pub mod times;
}

use differential::{case, rig, table};
use wire::harness::arguments::{Order, read};

fn main() -> ExitCode {
    if let Order::Say(line) = read("differential", std::env::args().skip(1)) {
        println!("{line}");
        return ExitCode::SUCCESS;
    }
    let cases = case::all();
    let outcomes = rig::ask_both(&cases);
    if table::print(&outcomes) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
