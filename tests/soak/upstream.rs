//! The service behind: tells as whom it was called, and objects to whatever must not get there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::answers::CALLED_BY;
use super::world::lock;
use crate::wire::harness::config::OWN_HEADERS;
use crate::wire::harness::envoy::TOKEN;
use crate::wire::harness::message::{Head, Wire};
use crate::wire::harness::server::Server;

/// More than any buffer on the way holds, so that who leaves after the head leaves in the middle.
const LARGE: usize = 4 << 20;

#[derive(Default)]
pub struct Objections {
    pub requests: AtomicUsize,
    pub found: Mutex<Vec<String>>,
}

pub fn start() -> (Server, Arc<Objections>) {
    let objections = Arc::new(Objections::default());
    let server = Server::start({
        let objections = Arc::clone(&objections);
        move |wire| serve(wire, &objections)
    });
    (server, objections)
}

fn serve(mut wire: Wire, objections: &Objections) {
    let large = vec![b'x'; LARGE];
    while let Ok(Some(head)) = wire.head() {
        objections.requests.fetch_add(1, Ordering::SeqCst);
        object(&head, objections);
        if let Some(framing) = head.framing()
            && wire.body(framing, |_| {}).is_err()
        {
            return;
        }
        let user = head.text(OWN_HEADERS[0]).unwrap_or_default();
        let body: &[u8] = if head.start.contains(" /reset-answer") { &large } else { b"hello\n" };
        let answer = format!("HTTP/1.1 200 OK\r\n{CALLED_BY}: {user}\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut bytes = answer.into_bytes();
        bytes.extend_from_slice(body);
        if wire.send(&bytes).is_err() {
            return;
        }
    }
}

fn object(head: &Head, objections: &Objections) {
    let holds = |needle: &[u8]| head.raw.windows(needle.len()).any(|window| window == needle);
    let users = head.values(OWN_HEADERS[0]).count();
    let problem =
        if TOKEN.iter().any(|needle| holds(needle.as_bytes())) || head.values("authorization").next().is_some() {
            "a credential"
        } else if users > 1 || holds(b"mallory") {
            "an identity that the client made up"
        } else {
            return;
        };
    lock(&objections.found).push(format!("the service got {problem}: {}", head.start));
}
