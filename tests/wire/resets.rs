//! Clients of HTTP/2 that open streams and take them back at once.

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use tokio::net::TcpStream;

use super::harness::config::{remote_issuer, with_issuer};
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::setup::Setup;
use super::harness::stage::Stage;
use super::harness::wait::wait_until;
use crate::support::mint::{Signer, Token, jwks};

const ACTIVE: &str = "http.ingress.downstream_rq_active";
const SEEN: &str = "http.ingress.downstream_rq_total";

/// In KiB. Were each stream kept, with its token of 4 KiB twice, it would be 16 000 more.
const GROWTH: u64 = 6 * 1024;

const IN_A_ROUND: u64 = 500;

/// Opens streams on connections of their own, and resets each as soon as it is sent.
fn storm(stage: &Stage, token: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let before = stage.envoy.stat(SEEN);
    runtime.block_on(async {
        // Envoy hangs up on one connection that resets too many.
        for _ in 0..IN_A_ROUND / 50 {
            let stream = TcpStream::connect(stage.envoy.address()).await.expect("Envoy listens");
            let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            let driver = tokio::spawn(connection);
            let mut sender: SendRequest<Bytes> = sender.ready().await.expect("a connection");
            for _ in 0..50 {
                let request = http::Request::get("http://api.test/me")
                    .header("authorization", format!("Bearer {token}"))
                    .body(())
                    .expect("a request");
                let (_, mut stream) = sender.send_request(request, false).expect("a stream");
                // It has to be sent before it is taken back.
                tokio::task::yield_now().await;
                stream.send_reset(Reason::CANCEL);
                sender = sender.ready().await.expect("a connection");
            }
            drop(sender);
            drop(driver.await);
        }
    });
    wait_until("all streams were seen", || stage.envoy.stat(SEEN) >= before + IN_A_ROUND);
    stage.envoy.wait_for_stat(ACTIVE, |active| active == 0);
}

#[test]
fn streams_that_are_reset_while_they_wait_for_keys_leave_no_memory_taken() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    issuer.close_gate();
    let stage = Stage::with_issuer(&journal, &issuer, Setup::new(&with_issuer(remote_issuer(&issuer.url("/keys")))));
    issuer.wait_until_asked("/keys");
    let token = Token::new(&Signer::rs256()).claim("padding", "x".repeat(3000)).mint();
    storm(&stage, &token);
    let memory = stage.envoy.resident();
    for _ in 0..4 {
        storm(&stage, &token);
    }
    let growth = stage.envoy.resident().saturating_sub(memory);
    assert!(growth < GROWTH, "{growth} KiB more, from {memory} KiB");
    assert_eq!(stage.upstream.count(), 0, "a request that nobody waits for was let on");
    issuer.open_gate();
    stage.still_serves(&token);
    assert_eq!(issuer.asked("/keys"), 1);
}
