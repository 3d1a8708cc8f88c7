//! Sends requests over a few connections, each of which waits for its answer before it sends the next one.
//!
//! One thread with one `epoll` has to be quicker than Envoy, or it would be measured too: requests are bytes made
//! beforehand, and an answer is read in one piece as a rule.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::answer::{self, Answer};

/// Longer than any answer takes; then something hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Client {
    poll: Poll,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    sent: Instant,
}

/// What to send, in this order and from the beginning again, and which status each answer has to have.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub requests: &'a [Vec<u8>],
    /// Which of them is the first.
    pub from: usize,
    pub count: usize,
    /// No request is sent later than this.
    pub limit: Duration,
    pub expected: u16,
}

#[derive(Debug, Default)]
pub struct Played {
    /// How long each answer took, in nanoseconds.
    pub latencies: Vec<u64>,
    pub statuses: BTreeMap<u16, usize>,
    /// The first answer that was not the expected one.
    pub wrong: Option<String>,
}

impl Client {
    pub fn connect(address: SocketAddr, connections: usize) -> Result<Self, String> {
        let connect = || -> std::io::Result<Self> {
            let poll = Poll::new()?;
            let connections = (0..connections).map(|index| {
                let stream = std::net::TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
                Ok(Connection { stream, received: Vec::with_capacity(1 << 14), sent: now() })
            });
            let connections = connections.collect::<std::io::Result<_>>()?;
            Ok(Self { poll, connections })
        };
        connect().map_err(|error| format!("can't connect: {error}"))
    }

    pub fn play(&mut self, order: Order<'_>) -> Result<Played, String> {
        let mut played = Played { latencies: Vec::with_capacity(order.count), ..Played::default() };
        let start = now();
        let mut pending = order.requests.iter().cycle().skip(order.from).take(order.count);
        let mut under_way = 0;
        for connection in &mut self.connections {
            if let Some(request) = pending.next() {
                connection.send(request, now())?;
                under_way += 1;
            }
        }
        let mut events = Events::with_capacity(64);
        while under_way > 0 {
            match self.poll.poll(&mut events, Some(PATIENCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("can't wait for answers: {error}")),
                Ok(()) if events.is_empty() => return Err("no answer came any more".to_owned()),
                Ok(()) => {}
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                let Some(answer) = connection.receive()? else { continue };
                let at = now();
                played.note(&answer, at - connection.sent, order.expected);
                connection.received.clear();
                under_way -= 1;
                if at - start > order.limit {
                    continue;
                }
                if let Some(request) = pending.next() {
                    connection.send(request, at)?;
                    under_way += 1;
                }
            }
        }
        Ok(played)
    }
}

impl Connection {
    fn send(&mut self, request: &[u8], at: Instant) -> Result<(), String> {
        self.sent = at;
        // Nothing else is in the socket's buffer, which is larger than any request here.
        self.stream.write_all(request).map_err(|error| format!("can't send: {error}"))
    }

    fn receive(&mut self) -> Result<Option<Answer>, String> {
        let mut part = [0; 1 << 14];
        match self.stream.read(&mut part) {
            Ok(0) => Err("the connection was closed".to_owned()),
            Ok(length) => {
                self.received.extend_from_slice(&part[..length]);
                answer::read(&self.received)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(format!("can't receive: {error}")),
        }
    }
}

impl Played {
    pub fn not_2xx(&self) -> usize {
        self.statuses.iter().filter(|(status, _)| !(200..300).contains(*status)).map(|(_, count)| count).sum()
    }

    fn note(&mut self, answer: &Answer, took: Duration, expected: u16) {
        self.latencies.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        *self.statuses.entry(answer.status).or_default() += 1;
        if self.wrong.is_some() {
            return;
        }
        if answer.status != expected {
            self.wrong = Some(format!("answered {} instead of {expected}", answer.status));
        } else if answer.status == 200 && !answer.whole_body_is_ours {
            self.wrong = Some("answered 200 with another body".to_owned());
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "measuring time is what it is for")]
pub fn now() -> Instant {
    Instant::now()
}
