//! The service behind the filter: says 200 to everything, and remembers what it was sent.
//!
//! To who asks for another protocol it says 101, and from then on sends back what it gets.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal::{Event, Journal};
use super::message::{Field, Head, Wire};
use super::server::Server;
use super::wait::wait_for;

/// The answer names the request it belongs to, so that a test finds what was received.
pub const SEEN: &str = "x-seen";

/// A request as the upstream received it.
#[derive(Clone, Default)]
pub struct Seen {
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Vec<Field>,
    pub whole: bool,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} bytes of body", self.head.raw.escape_ascii(), self.body.len())
    }
}

impl Seen {
    pub fn target(&self) -> &str {
        self.head.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a header, in order.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.head.values(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// Whether these bytes stand anywhere in the head: in the request line, a name or a value.
    pub fn head_holds(&self, needle: &str) -> bool {
        self.head.raw.windows(needle.len()).any(|window| window == needle.as_bytes())
    }
}

#[derive(Debug)]
pub struct Upstream {
    server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub fn start(journal: &Journal) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Server::start({
            let seen = Arc::clone(&seen);
            let journal = journal.clone();
            move |wire| serve(wire, &seen, &journal)
        });
        Self { server, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many requests have arrived, if only their heads.
    pub fn count(&self) -> usize {
        lock(&self.seen).len()
    }

    /// The request of this index, once it is here in full.
    pub fn whole(&self, index: usize) -> Seen {
        wait_for("a whole request at the upstream", || lock(&self.seen).get(index).filter(|seen| seen.whole).cloned())
    }

    pub fn all(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut wire: Wire, all: &Mutex<Vec<Seen>>, journal: &Journal) {
    while let Ok(Some(head)) = wire.head() {
        let framing = head.framing();
        let is_head = head.start.starts_with("HEAD ");
        let upgrade = head.text("upgrade");
        let index = {
            let mut all = lock(all);
            let seen = Seen { head, ..Seen::default() };
            all.push(seen);
            all.len() - 1
        };
        journal.write(Event::UpstreamHead(index));
        if let Some(framing) = framing {
            let trailers = wire.body(framing, |piece| {
                journal.write(Event::UpstreamBody(index));
                lock(all)[index].body.extend_from_slice(piece);
            });
            // A body that breaks off leaves the request marked as not whole.
            let Ok(trailers) = trailers else { return };
            lock(all)[index].trailers = trailers;
        }
        lock(all)[index].whole = true;
        journal.write(Event::UpstreamWhole(index));
        if let Some(protocol) = upgrade {
            let switch = format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n{SEEN}: {index}\r\n\r\n"
            );
            drop(wire.send(switch.as_bytes()).and_then(|()| wire.echo()));
            return;
        }
        let body = if is_head { "" } else { "hello\n" };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n{SEEN}: {index}\r\ncontent-length: 6\r\n\r\n{body}"
        );
        if wire.send(answer.as_bytes()).is_err() {
            return;
        }
    }
}
