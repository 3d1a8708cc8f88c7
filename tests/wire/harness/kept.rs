//! A client that keeps its connection, as most do.

use std::net::SocketAddr;

use super::answer::Answer;
use super::http1::Connection;
use super::request::Request;

#[derive(Debug)]
pub struct KeptConnection {
    address: SocketAddr,
    open: Option<Connection>,
}

impl KeptConnection {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// Sends a request. Where the peer has closed the idle connection meanwhile it is sent again on another one, as
    /// RFC 9112 §9.3.1 has it; on that one it must be answered.
    pub fn send(&mut self, request: &Request) -> Answer {
        let kept = self.open.take().and_then(|mut connection| {
            connection.send(&request.http1());
            let answer = connection.try_answer(&request.method).ok().flatten()?;
            Some((connection, answer))
        });
        let (connection, answer) = kept.unwrap_or_else(|| {
            let mut connection = Connection::open(self.address);
            connection.send(&request.http1());
            let answer = connection.answer(&request.method);
            (connection, answer)
        });
        let closes = answer.values("connection").iter().any(|value| value.eq_ignore_ascii_case("close"));
        self.open = (!closes).then_some(connection);
        answer
    }
}
