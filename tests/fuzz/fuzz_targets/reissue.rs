//! A token of any claims on its way through rules that have another one made of it, and through the exchange: which reading
//! of tokens made here and which table of capabilities, a line with parameters, and the claims.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use postern_fuzz::reissue::Stage;

thread_local! {
    static STAGES: Vec<Stage> = Stage::all();
}

fuzz_target!(|text: &str| -> Corpus {
    let mut parts = text.splitn(3, '\n');
    let (Some(which), Some(parameters), Some(payload)) = (parts.next(), parts.next(), parts.next()) else {
        return Corpus::Reject;
    };
    let Some(which) = which.bytes().next() else { return Corpus::Reject };
    STAGES.with(|stages| stages[usize::from(which) % stages.len()].play(parameters, payload));
    Corpus::Keep
});
