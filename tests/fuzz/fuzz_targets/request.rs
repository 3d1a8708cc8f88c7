//! Whole requests, one behind another: what is sent, when, and which keys are there.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use postern_fuzz::play::input::Event;
use postern_fuzz::play::play;
use postern_fuzz::play::stage::{Remembering, Settings};

#[derive(Arbitrary, Debug)]
struct Play<'a> {
    settings: u8,
    events: Vec<Event<'a>>,
}

thread_local! {
    static SIGNATURES: Remembering = Remembering::default();
}

fuzz_target!(|input: Play| {
    SIGNATURES.with(|signatures| play(Settings::new(input.settings), &input.events, signatures));
});
