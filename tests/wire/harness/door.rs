//! An issuer whose port can be closed, so that connections to it are refused.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::issuer::{Issuer, Script};
use super::journal::Journal;

pub struct Door {
    address: SocketAddr,
    state: State,
    /// How often issuers that are gone were asked.
    asked_before: usize,
    path: String,
}

enum State {
    Open(Issuer),
    /// Keeps the port without listening: nobody else gets it meanwhile.
    Closed(#[allow(dead_code, reason = "held, not used")] TcpSocket),
}

impl Door {
    pub fn closed(path: &str) -> Self {
        let socket = keep(SocketAddr::from(([127, 0, 0, 1], 0)));
        let address = socket.local_addr().expect("a bound address");
        Self { address, state: State::Closed(socket), asked_before: 0, path: path.to_owned() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn asked(&self) -> usize {
        let now = match &self.state {
            State::Open(issuer) => issuer.asked(&self.path),
            State::Closed(_) => 0,
        };
        self.asked_before + now
    }

    /// Answers with this, and hangs up after it: a connection that is kept would go on when the door is closed.
    pub fn open(&mut self, script: Script) {
        let script = script.field("connection", b"close");
        if let State::Open(issuer) = &self.state {
            return issuer.on(&self.path, script);
        }
        let issuer = Issuer::start_at(self.address, &Journal::default());
        issuer.on(&self.path, script);
        self.state = State::Open(issuer);
    }

    pub fn close(&mut self) {
        self.asked_before = self.asked();
        // One cannot keep the port of a socket that listens: so the issuer ends first.
        self.state = State::Closed(TcpSocket::new_v4().expect("a socket"));
        self.state = State::Closed(keep(self.address));
    }
}

fn keep(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket that takes options");
    socket.bind(address).expect("a free port");
    socket
}
