//! A connection that is kept, on a worker that is known.

use std::io;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::message::{Framing, Wire};
use crate::wire::harness::wait::wait_until;

pub const WORKERS: usize = 2;

/// Connections are dealt to workers by chance: this many without one for a worker is no chance any more.
const TRIES: usize = 200;

pub struct Lane {
    address: SocketAddr,
    wire: Wire,
    pub worker: usize,
}

/// What a client made of an answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 0 where there was none.
    pub status: u16,
    /// The refusal's reason, or what went wrong on the way.
    pub reason: String,
    pub retry_after: bool,
    pub worker: usize,
}

impl Lane {
    pub fn open(envoy: &Envoy, worker: usize) -> Self {
        for _ in 0..TRIES {
            let before = opened(envoy);
            let wire = connect(envoy.address()).expect("Envoy listens");
            let mut after = before;
            wait_until("a worker takes the connection", || {
                after = opened(envoy);
                after != before
            });
            if after[worker] > before[worker] {
                return Self { address: envoy.address(), wire, worker };
            }
        }
        panic!("no connection of {TRIES} came to worker {worker}");
    }

    /// Sends a request, and waits for the answer.
    pub fn ask(&mut self, request: &[u8]) -> Reply {
        match self.try_ask(request) {
            Ok(reply) => reply,
            Err(error) => {
                // Most likely on another worker, but what is sent next is not lost too.
                if let Ok(wire) = connect(self.address) {
                    self.wire = wire;
                }
                Reply { status: 0, reason: format!("no answer: {error}"), retry_after: false, worker: self.worker }
            }
        }
    }

    fn try_ask(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.wire.send(request)?;
        let head = self.wire.head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = Vec::new();
        self.wire.body(head.framing().unwrap_or(Framing::Length(0)), |piece| body.extend_from_slice(piece))?;
        let status = head.start.split(' ').nth(1).and_then(|status| status.parse().ok());
        let problem: Option<Value> = serde_json::from_slice(&body).ok();
        let reason = problem.and_then(|problem| Some(problem["reason"].as_str()?.to_owned()));
        Ok(Reply {
            status: status.ok_or_else(|| io::Error::other(format!("no status: {:?}", head.start)))?,
            reason: reason.unwrap_or_default(),
            retry_after: head.text("retry-after").is_some(),
            worker: self.worker,
        })
    }
}

fn connect(address: SocketAddr) -> io::Result<Wire> {
    TcpStream::connect(address).and_then(Wire::new)
}

/// How many connections each worker has taken so far.
fn opened(envoy: &Envoy) -> [u64; WORKERS] {
    [0, 1].map(|worker| envoy.stat(&format!("listener.127.0.0.1_0.worker_{worker}.downstream_cx_total")))
}
