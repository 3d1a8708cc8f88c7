//! An Envoy that gets to know the issuer's cluster only later, as from a control plane.

use super::harness::config::{remote_issuer, with_issuer};
use super::harness::dynamic::Drain;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::wait::wait_until;
use crate::support::mint::{ISSUER, Signer, Token, jwks};

#[test]
fn tokens_are_accepted_as_soon_as_the_cluster_is_there_and_its_lack_is_told_once() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    let config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let without = Setup::new(&config).dynamic(Drain::Late).concurrency(2);
    let stage = Stage::with_journal(&without, journal.clone());
    let request = Request::get("/me").bearer(&Token::new(&Signer::rs256()).mint());

    let refused = stage.send(Protocol::Http1, &request).refused("without the cluster", 503);
    assert!(refused.value("retry-after").is_some(), "{refused:?}");
    let attempts = format!("wasmcustom.postern_jwks_fetch_total.outcome.not_sent.issuer.{ISSUER}");
    stage.envoy.wait_for_stat(&attempts, |attempts| attempts >= 5);
    let log = stage.envoy.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("keys of issuer")).collect();
    assert!(matches!(told[..], [line] if line.contains("cluster issuer")), "{told:#?}");

    stage.envoy.update_clusters(&without.clone().issuer(issuer.address()));
    wait_until("tokens are accepted", || stage.send(Protocol::Http1, &request).answer.status == 200);
    assert_eq!(issuer.asked("/keys"), 1);

    // That the cluster goes away again costs nobody anything: the keys are there.
    stage.envoy.update_clusters(&without);
    wait_until("the cluster is gone", || stage.envoy.stat("cluster_manager.cluster_removed") == 1);
    stage.still_serves(&Token::new(&Signer::rs256()).mint());
}
