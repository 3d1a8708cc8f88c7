//! Who makes the signatures: Envoy by its `sign`, or the filter itself.

use crate::wire::harness::envoy::version;
use crate::wire::harness::setup::Setup;
use crate::wire::samples::allowed_calls;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackEnd {
    /// Whatever Envoy can is asked of it.
    Envoy,
    /// Envoy may not be asked.
    Filter,
}

impl BackEnd {
    pub const ALL: [Self; 2] = [Self::Envoy, Self::Filter];

    pub fn setup(self, setup: Setup) -> Setup {
        match self {
            Self::Envoy => setup,
            Self::Filter => {
                setup.allowed_calls(allowed_calls().into_iter().filter(|call| call != "proxy_call_foreign_function"))
            }
        }
    }
}

/// What the filter says when it starts of who signs with this algorithm.
pub fn told(back_end: BackEnd, alg: &str) -> String {
    // `sign` came with Envoy 1.37, and knows nothing of Ed25519.
    let by_envoy = back_end == BackEnd::Envoy && version() >= [1, 37, 0] && alg != "EdDSA";
    format!("; the {} signs with {alg}\n", if by_envoy { "host" } else { "filter" })
}
