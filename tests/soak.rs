//! A million requests of every kind, with clients that hang up, updates of the configuration, keys that rotate and an
//! issuer that fails: no wrong decision, every request counted once, and no more memory at the end than at the start.
//!
//! `cargo test --test soak` plays the short form, half a minute; `-- --long` (`make soak`) the million. Both need what the
//! wire tests need. One thread sends, one thread directs what else happens: most of two cores is Envoy's.

#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test that cannot go on should stop")]

use std::process::ExitCode;

mod support;

#[allow(dead_code, reason = "the harness is the wire tests'; a part of it is used here")]
#[path = "wire"]
mod wire {
    pub mod harness;
}

mod soak {
    pub mod account;
    pub mod answers;
    pub mod clients;
    pub mod clock;
    pub mod director;
    pub mod item;
    pub mod kinds;
    pub mod ledger;
    pub mod load;
    pub mod outages;
    pub mod parking;
    pub mod resets;
    pub mod right;
    pub mod rotors;
    pub mod table;
    pub mod upstream;
    pub mod world;
}

use wire::harness::arguments::{Order, read};

fn main() -> ExitCode {
    let form = match read("soak", std::env::args().skip(1)) {
        Order::Play(form) => form,
        Order::Say(line) => {
            println!("{line}");
            return ExitCode::SUCCESS;
        }
    };
    let world = soak::director::play(form);
    soak::account::settle(&world);
    let good = soak::table::print(&world);
    // Envoy ends here, and is held to what every test holds it to.
    drop(world);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
