//! A request a test wants to send, over whichever protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub host: Vec<u8>,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: b"api.test".to_vec(),
            fields: Vec::new(),
            body: None,
            trailers: Vec::new(),
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn host(mut self, host: &str) -> Self {
        self.host = host.as_bytes().to_vec();
        self
    }

    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.field("authorization", format!("Bearer {token}"))
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        self.field("authorization", basic(user, password))
    }

    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// Sends the body in chunks, with this field after it.
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The whole request as HTTP/1.1 has it.
    pub fn http1(&self) -> Vec<u8> {
        let mut bytes = self.http1_head(&[]);
        let body = self.body.as_deref().unwrap_or_default();
        if self.trailers.is_empty() {
            if self.body.is_some() {
                bytes = self.http1_head(&[("content-length", &body.len().to_string())]);
            }
            bytes.extend_from_slice(body);
            return bytes;
        }
        let mut bytes = self.http1_head(&[("transfer-encoding", "chunked")]);
        bytes.extend_from_slice(&chunk(body));
        bytes.extend_from_slice(b"0\r\n");
        for (name, value) in &self.trailers {
            line(&mut bytes, name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Only the head, with these fields besides its own: a body may follow in pieces.
    pub fn http1_head(&self, more: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        line(&mut bytes, b"Host", &self.host);
        for (name, value) in &self.fields {
            line(&mut bytes, name, value);
        }
        for (name, value) in more {
            line(&mut bytes, name.as_bytes(), value.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// One chunk of a chunked body; none for no bytes, since that would end the body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// The value of `Authorization` for the Basic scheme.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn line(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}
