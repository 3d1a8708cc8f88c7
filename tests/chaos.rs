//! Issuers that answer in every wrong way while good tokens keep coming: no wrong decision, and no 5xx while a usable key
//! is held.
//!
//! `cargo test --test chaos` plays the short form, `-- --long` (`make chaos`) one of ten minutes, in which keys also run
//! out and are fetched anew by themselves. Both need what the wire tests need. Each row of `chaos/rows.rs` is an issuer of
//! its own, so that one Envoy with two workers has all of them at the same time.

#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

use std::process::ExitCode;

mod support;

#[allow(dead_code, reason = "the harness is the wire tests'; a part of it is used here")]
#[path = "wire"]
mod wire {
    pub mod harness;
}

mod chaos {
    pub mod case;
    pub mod expect;
    pub mod flood;
    pub mod keysets;
    pub mod lane;
    pub mod limits;
    pub mod play;
    pub mod rows;
    pub mod stream;
    pub mod table;
    pub mod tokens;
    pub mod world;
}

use chaos::{play, table};
use wire::harness::arguments::{Order, read};

fn main() -> ExitCode {
    let form = match read("chaos", std::env::args().skip(1)) {
        Order::Play(form) => form,
        Order::Say(line) => {
            println!("{line}");
            return ExitCode::SUCCESS;
        }
    };
    let world = play::play(form);
    let good = table::print(&world);
    // Envoy ends here, and is held to what every test holds it to.
    drop(world);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
