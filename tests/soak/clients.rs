//! Clients of both protocols that cost little: many connections on one thread.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use tokio::net::TcpStream;

use super::answers::Reply;
use crate::wire::harness::http2::head;
use crate::wire::harness::message::Field;
use crate::wire::harness::request::Request;

pub struct Http1 {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Http1 {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub async fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The whole answer; an end before it is an error.
    pub async fn reply(&mut self) -> io::Result<Reply> {
        let (status, fields) = self.head().await?;
        let length = length(&fields).ok_or_else(|| io::Error::other("an answer without a length"))?;
        while self.unread.len() < length {
            self.fill().await?;
        }
        let rest = self.unread.split_off(length);
        let body = std::mem::replace(&mut self.unread, rest);
        Ok(Reply::new(status, &fields, &body))
    }

    /// The head of an answer.
    pub async fn head(&mut self) -> io::Result<(u16, Vec<Field>)> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.fill().await?;
        };
        let rest = self.unread.split_off(end + 4);
        let head = std::mem::replace(&mut self.unread, rest);
        let text = String::from_utf8_lossy(&head);
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().as_bytes().to_vec()))
        };
        Ok((status.ok_or_else(|| io::Error::other("no status"))?, lines.filter_map(field).collect()))
    }

    async fn fill(&mut self) -> io::Result<()> {
        let mut part = [0; 8 << 10];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut part) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.unread.extend_from_slice(&part[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether nothing has come that was not read.
    pub fn is_silent(&self) -> bool {
        let nothing = self.stream.try_read(&mut [0; 1]);
        self.unread.is_empty() && nothing.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Hangs up so that the peer sees a reset, and not an end.
    pub fn reset(self) {
        drop(self.stream.set_zero_linger());
    }
}

fn length(fields: &[Field]) -> Option<usize> {
    let (_, value) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[derive(Clone)]
pub struct Http2 {
    sender: SendRequest<Bytes>,
}

/// A stream that is open.
pub struct Stream {
    answer: h2::client::ResponseFuture,
    body: SendStream<Bytes>,
}

impl Http2 {
    /// The connection itself runs beside, until it ends.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(connection);
        Ok(Self { sender })
    }

    /// Sends a request, or only its head. An error means that nothing was sent.
    pub async fn send(&self, request: &Request, with_body: bool) -> Result<Stream, h2::Error> {
        let mut sender = self.sender.clone().ready().await?;
        let (answer, mut body) = sender.send_request(head(request), request.body.is_none())?;
        if with_body && let Some(bytes) = &request.body {
            // The peer may have refused by now, and takes no more.
            drop(body.send_data(Bytes::copy_from_slice(bytes), true));
        }
        Ok(Stream { answer, body })
    }
}

/// An answer that is not whole; its status, where its head came.
#[derive(Debug)]
pub struct Broken {
    pub status: Option<u16>,
    pub error: String,
}

impl Stream {
    pub fn send_data(&mut self, bytes: &[u8], last: bool) {
        drop(self.body.send_data(Bytes::copy_from_slice(bytes), last));
    }

    pub async fn head(self) -> Result<(u16, Vec<Field>, RecvStream, SendStream<Bytes>), h2::Error> {
        let answer = self.answer.await?;
        let fields = answer.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let (status, fields) = (answer.status().as_u16(), fields.collect());
        Ok((status, fields, answer.into_body(), self.body))
    }

    pub async fn reply(self) -> Result<Reply, Broken> {
        let before = |error: h2::Error| Broken { status: None, error: error.to_string() };
        let (status, fields, mut body, _open) = self.head().await.map_err(before)?;
        let within = |error: h2::Error| Broken { status: Some(status), error: error.to_string() };
        let length = length(&fields);
        let mut bytes = Vec::new();
        // An answer that is whole may be followed by a reset, where nobody wanted the rest of the request (RFC 9113 §8.1):
        // that is no matter any more.
        while length.is_none_or(|length| bytes.len() < length)
            && let Some(part) = body.data().await
        {
            let part = part.map_err(within)?;
            body.flow_control().release_capacity(part.len()).map_err(within)?;
            bytes.extend_from_slice(&part);
        }
        Ok(Reply::new(status, &fields, &bytes))
    }

    pub fn reset(mut self) {
        self.body.send_reset(Reason::CANCEL);
    }
}

/// The beginning of HTTP/2 up to within a request's head: literal fields, and no end of them.
pub fn half_a_head() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // :method GET, :scheme http, :path / by their place in the static table; then :authority, whose value follows.
    let block = [&[0x82, 0x86, 0x84, 0x41, 8][..], b"api.test"].concat();
    let length = u8::try_from(block.len()).expect("a short block");
    bytes.extend([0, 0, length, 1, 0, 0, 0, 0, 1]);
    bytes.extend(block);
    bytes
}
