//! How much is measured: the form for `RESULTS.md`, and one of under a minute.

use std::time::Duration;

use super::tokens::Alg;

#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub rounds: usize,
    pub algs: &'static [Alg],
    /// Tokens that no one has seen, for `cold`.
    pub fresh: usize,
    /// Tokens in rotation.
    pub rotation: usize,
    /// How many tokens a cache may hold: more than are in rotation.
    pub cache: usize,
    /// Requests of a window with tokens that were seen before.
    pub warm: usize,
    pub garbage: usize,
    /// Requests before the first window.
    pub warm_up: usize,
    /// A window ends then, even when not all of its requests were sent.
    pub limit: Duration,
    /// Whether all tables are made, and not only the first.
    pub all_tables: bool,
}

/// Enough that none of them waits, and few enough that the latency is not that of a long queue.
pub const CONNECTIONS: usize = 4;

pub const RULES: [usize; 4] = [10, 100, 1_000, 10_000];

/// The rounds of the memory table: memory hardly differs from one to the next.
pub const MEMORY_ROUNDS: usize = 1;
pub const MEMORY_TOKENS: usize = 100_000;

pub const FULL: Form = Form {
    rounds: 3,
    algs: &[Alg::Rs256, Alg::Es256, Alg::EdDsa],
    fresh: 20_000,
    rotation: 10_000,
    cache: 10_500,
    warm: 20_000,
    garbage: 20_000,
    warm_up: 500,
    limit: Duration::from_secs(5),
    all_tables: true,
};

pub const QUICK: Form = Form {
    rounds: 3,
    algs: &[Alg::Rs256],
    fresh: 4_000,
    rotation: 10_000,
    cache: 10_500,
    warm: 10_000,
    garbage: 0,
    warm_up: 500,
    limit: Duration::from_secs(2),
    all_tables: false,
};
