//! A client of HTTP/1.1 that sends the bytes it is given.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::answer::Answer;
use super::message::{Framing, Wire};
use super::request::Request;

#[derive(Debug)]
pub struct Connection {
    wire: Wire,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("Envoy listens");
        Self { wire: Wire::new(stream).expect("a socket that takes options") }
    }

    /// Writes these bytes. A peer that has already refused may have hung up: its answer,
    /// or the lack of one, is what the test looks at.
    pub fn send(&mut self, bytes: &[u8]) {
        drop(self.wire.send(bytes));
    }

    /// Reads the answer to a request of this method.
    pub fn answer(&mut self, method: &str) -> Answer {
        let answer = self.try_answer(method).expect("an answer that can be read");
        answer.expect("an answer, not a closed connection")
    }

    /// Reads an answer that ends HTTP on this connection: what follows is another protocol's.
    pub fn switched(&mut self) -> Answer {
        let head = self.wire.head().expect("an answer that can be read").expect("an answer, not a closed connection");
        let status = head.start.split(' ').nth(1).and_then(|status| status.parse().ok());
        assert_eq!(status, Some(101), "{}", head.raw.escape_ascii());
        Answer { status: 101, fields: head.fields, ..Answer::default() }
    }

    /// Reads this many bytes of such a protocol.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.wire.body(Framing::Length(length), |piece| bytes.extend_from_slice(piece)).expect("that many bytes");
        bytes
    }

    /// The same where the peer may have closed the connection: then there is no answer, or an error.
    pub fn try_answer(&mut self, method: &str) -> io::Result<Option<Answer>> {
        loop {
            let Some(head) = self.wire.head()? else {
                return Ok(None);
            };
            let status = head.start.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status = status.unwrap_or_else(|| panic!("a status line, not {:?}", head.start));
            if (100..200).contains(&status) {
                continue;
            }
            let mut answer = Answer { status, fields: head.fields.clone(), ..Answer::default() };
            if method == "HEAD" {
                // Bytes after the head of such an answer would be a body that must not be.
                // Nothing says where it would end, so the connection is closed to find out.
                self.wire.stream().shutdown(Shutdown::Write).expect("an open socket");
                self.wire
                    .body(Framing::UntilClose, |piece| answer.body.extend_from_slice(piece))
                    .expect("the end of the connection");
            } else if status != 204 && status != 304 {
                let framing = head.framing().unwrap_or(Framing::UntilClose);
                answer.trailers =
                    self.wire.body(framing, |piece| answer.body.extend_from_slice(piece)).expect("a whole body");
            }
            return Ok(Some(answer));
        }
    }
}

/// Sends one request on a connection of its own.
pub fn send(address: SocketAddr, request: &Request) -> Answer {
    let mut connection = Connection::open(address);
    connection.send(&request.http1());
    connection.answer(&request.method)
}
