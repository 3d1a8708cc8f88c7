//! HTTP/1.1 messages as they are on the wire, for the client, the issuer and the upstream.
//!
//! No HTTP library, because a library tidies what these tests are about: bytes that are not
//! text, headers twice, names in mixed case, trailers.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::wait::PATIENCE;

/// One header line: the name as written, the value byte for byte.
pub type Field = (String, Vec<u8>);

#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The request line or the status line.
    pub start: String,
    pub fields: Vec<Field>,
    /// Everything up to and with the empty line, as received.
    pub raw: Vec<u8>,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.values(name).next().map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The framing the fields declare, if any.
    pub fn framing(&self) -> Option<Framing> {
        if self.text("transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked")) {
            return Some(Framing::Chunked);
        }
        let length = self.text("content-length")?;
        Some(Framing::Length(length.parse().expect("a content-length is a number")))
    }
}

/// A connection with what was read from it and not yet used.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // A peer that never answers is a failure with a name, not a test that hangs.
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Hangs up so that the peer sees a reset, and not an end.
    pub fn reset(self) {
        // Only tokio's sockets can be told so; the standard library's cannot.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let _inside = runtime.enter();
        let made = self.stream.set_nonblocking(true).and_then(|()| tokio::net::TcpStream::from_std(self.stream));
        drop(made.and_then(|stream| stream.set_zero_linger()));
    }

    /// The next head, or nothing when the peer closed between messages.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let raw: Vec<u8> = self.unread.drain(..end + 4).collect();
                return Ok(Some(parse_head(raw)));
            }
            if !self.fill()? {
                return if self.unread.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Reads a body piece by piece; gives back the trailers.
    pub fn body(&mut self, framing: Framing, mut piece: impl FnMut(&[u8])) -> io::Result<Vec<Field>> {
        match framing {
            Framing::Length(length) => {
                self.exactly(length, &mut piece)?;
                Ok(Vec::new())
            }
            Framing::UntilClose => loop {
                if !self.unread.is_empty() {
                    piece(&self.unread);
                    self.unread.clear();
                }
                if !self.fill()? {
                    return Ok(Vec::new());
                }
            },
            Framing::Chunked => self.chunks(&mut piece),
        }
    }

    /// Sends back whatever comes, until the peer hangs up.
    pub fn echo(&mut self) -> io::Result<()> {
        loop {
            let bytes = std::mem::take(&mut self.unread);
            self.send(&bytes)?;
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    fn chunks(&mut self, piece: &mut dyn FnMut(&[u8])) -> io::Result<Vec<Field>> {
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| io::Error::other(format!("not a chunk size: {line:?}")))?;
            if size == 0 {
                break;
            }
            self.exactly(size, piece)?;
            let end = self.line()?;
            if !end.is_empty() {
                return Err(io::Error::other(format!("after a chunk: {end:?}")));
            }
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line_bytes()?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.extend(parse_field(&line));
        }
    }

    fn exactly(&mut self, mut length: usize, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            if self.unread.is_empty() && !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let take = length.min(self.unread.len());
            let bytes: Vec<u8> = self.unread.drain(..take).collect();
            piece(&bytes);
            length -= take;
        }
        Ok(())
    }

    fn line(&mut self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.line_bytes()?).into_owned())
    }

    fn line_bytes(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                let mut line: Vec<u8> = self.unread.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads once; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_head(raw: Vec<u8>) -> Head {
    let mut lines = raw.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let fields = lines.filter_map(parse_field).collect();
    Head { start, fields, raw }
}

fn parse_field(line: &[u8]) -> Option<Field> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8_lossy(&line[..colon]).into_owned();
    Some((name, line[colon + 1..].trim_ascii().to_vec()))
}
