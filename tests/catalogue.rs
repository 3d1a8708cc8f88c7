//! The catalogue of attacks on a token filter: what each is, what it must get, and what it gets.
//!
//! Each row of the table is a request. It is run on the pure core and on a real Envoy with the built filter, over
//! HTTP/1.1 and HTTP/2 where it can be written so, and held to the status, the reason that is counted, the challenge,
//! what the service saw, how often issuers were asked, and that no part of the token was told or logged. After each row
//! a good request is let on, by the same virtual machine. What no single request can show stands in the table with the
//! tests that show it, which have to exist.
//!
//! `cargo test --test catalogue` prints the sum and what deviates, `-- --long` (`make catalogue`) the whole table. Both
//! need what the wire tests need.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    reason = "a test that cannot go on should stop"
)]

use std::process::ExitCode;

mod support;

#[path = "support/vectors/mod.rs"]
mod vectors;

#[allow(dead_code, reason = "the harness is the wire tests'; a part of it is used here")]
#[path = "wire"]
mod wire {
    pub mod harness;
}

#[allow(dead_code, reason = "the world of the core's own tests; a part of it is used here")]
#[path = "flow/scenario.rs"]
mod scenario;
#[allow(dead_code, reason = "the same")]
#[path = "flow/world.rs"]
mod world;

mod catalogue {
    pub mod core;
    pub mod elsewhere;
    pub mod families;
    pub mod lines;
    pub mod onwire;
    pub mod outcome;
    pub mod play;
    pub mod row;
    pub mod scene;
    pub mod table;
    pub mod world;

    pub mod a_header;
    pub mod a_shapes;
    pub mod b_encoding;
    pub mod b_json;
    pub mod c_keys;
    pub mod c_signatures;
    pub mod d_claims;
    pub mod d_names;
    pub mod d_times;
    pub mod e_credentials;
    pub mod e_schemes;
    pub mod f_spoofing;
    pub mod g_paths;
    pub mod h_protocol;
    pub mod j_egress;
    pub mod k_load;
    pub mod l_reliability;
    pub mod m_leakage;
    pub mod n_configuration;
}

use catalogue::{elsewhere, families, play, table};
use wire::harness::arguments::{Form, Order, read};

fn main() -> ExitCode {
    let form = match read("catalogue", std::env::args().skip(1)) {
        Order::Play(form) => form,
        Order::Say(line) => {
            println!("{line}");
            return ExitCode::SUCCESS;
        }
    };
    let rows = families::rows();
    let gaps = elsewhere::gaps(&rows);
    let results = play::play(&rows);
    let good = table::print(&rows, &results, &gaps, form == Form::Long);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
