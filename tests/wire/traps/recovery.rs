//! What a new VM knows of the one before.

use super::super::harness::config::{remote_issuer, with_issuer};
use super::super::harness::issuer::{Issuer, Script};
use super::super::harness::journal::Journal;
use super::super::harness::plugin::Failure;
use super::super::harness::setup::Setup;
use super::super::harness::stage::Stage;
use super::super::harness::wait::wait_until;
use super::{HEADER, ask, connection_to, good, stranger};
use crate::support::mint::{ISSUER, Signer, jwks};

const ALLOWED: &str = "wasmcustom.postern_requests_total.decision.allow.reason.ok.rule.me";
const DENIED: &str = "wasmcustom.postern_requests_total.decision.deny.reason.missing_credential.rule.me";
const ENTRIES: &str = "wasmcustom.postern_token_cache_entries";
const MISS: &str = "wasmcustom.postern_token_cache_total.outcome.miss";

#[test]
fn a_new_vm_has_the_keys_at_once_and_counts_on_where_the_last_one_ended() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let setup = Setup::new(&config).trapping(Failure::Reload { backoff: "0.1s" }).concurrency(2);
    let stage = Stage::with_issuer(&journal, &issuer, setup);
    stage.envoy.wait_for_stat(&format!("wasmcustom.postern_jwks_keys.issuer.{ISSUER}"), |keys| keys == 1);
    let [mut ours, mut theirs] = [0, 1].map(|worker| connection_to(&stage, worker));
    // One token, so that each worker remembers one.
    let good = good();
    for connection in [&mut ours, &mut theirs] {
        for _ in 0..3 {
            assert_eq!(ask(connection, &good).status, 200);
            assert_eq!(ask(connection, &stranger()).status, 401);
        }
    }
    let counted = || [ALLOWED, DENIED].map(|name| stage.envoy.stat(name));
    assert_eq!(counted(), [6, 6]);
    // What is told once a second is told.
    stage.envoy.wait_for_stat(ENTRIES, |entries| entries == 2);

    // Whoever would have to ask for the keys now gets none.
    issuer.on("/keys", Script::bytes(500, b"out of order"));
    assert_eq!(ask(&mut ours, &good.clone().field(HEADER, "headers")).status, 503);
    wait_until("the worker decides again", || ask(&mut ours, &good).status == 200);
    assert_eq!(ask(&mut ours, &stranger()).status, 401);
    assert_eq!(ask(&mut theirs, &good).status, 200);
    assert_eq!(issuer.asked_at_all(), 1, "the keys were fetched again");
    // The request that it died of is in no counter, nor are those that found no VM.
    assert_eq!(counted(), [8, 7]);
    // The new VM has verified the token anew.
    stage.envoy.wait_for_stat(MISS, |misses| misses == 3);
    stage.envoy.wait_for_stat(ENTRIES, |entries| entries == ENTRIES_AFTER);
}

/// What the dead VM had told of stays in the gauge, for nobody is left to take it back: `envoy/DEPLOYMENT.md` says so.
const ENTRIES_AFTER: u64 = 3;
