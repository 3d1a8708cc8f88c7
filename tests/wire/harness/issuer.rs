//! An issuer that does what the test says: publishes keys, fails, lies, hangs up, or waits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::journal::{Event, Journal};
use super::message::{Field, Head, Wire};
use super::server::Server;
use super::wait::{PATIENCE, wait_until};

/// What the issuer does when it is asked for a path.
#[derive(Clone, Debug)]
pub enum Script {
    Answer {
        status: u16,
        fields: Vec<Field>,
        body: Vec<u8>,
    },
    /// The answer under this `ETag`, and 304 for who has it already.
    Tagged {
        tag: Vec<u8>,
        answer: Box<Self>,
    },
    /// These bytes, whatever HTTP says of them.
    Raw {
        bytes: Vec<u8>,
        then: Then,
    },
    /// These bytes one by one, with this pause after each.
    Drip {
        bytes: Vec<u8>,
        pause: Duration,
    },
    /// Hangs up without a byte.
    Close,
}

/// What follows the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next request on the same connection.
    Next,
    Close,
    Reset,
    /// Nothing, for as long as the peer waits.
    Silence,
}

impl Script {
    pub fn json(body: &Value) -> Self {
        Self::bytes(200, body.to_string().as_bytes()).field("content-type", b"application/json")
    }

    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Self::Answer { status, fields: Vec::new(), body: body.to_vec() }
    }

    pub fn field(mut self, name: &str, value: &[u8]) -> Self {
        if let Self::Answer { fields, .. } = &mut self {
            fields.push((name.to_owned(), value.to_vec()));
        }
        self
    }

    pub fn tagged(self, tag: &[u8]) -> Self {
        Self::Tagged { tag: tag.to_vec(), answer: Box::new(self) }
    }

    pub fn raw(bytes: &[u8], then: Then) -> Self {
        Self::Raw { bytes: bytes.to_vec(), then }
    }

    /// The answer as it is on the wire.
    pub fn on_wire(&self) -> Vec<u8> {
        let Self::Answer { status, fields, body } = self else { panic!("not a plain answer: {self:?}") };
        let mut bytes = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
        // RFC 9110 section 8.6: these two have no length of a body that they do not have.
        if ![204, 304].contains(status) {
            bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        for (name, value) in fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }

    /// What it comes to for a request with this head.
    fn bytes_for(self, head: &Head) -> (Vec<u8>, Duration, Then) {
        let at_once = Duration::ZERO;
        match self {
            Self::Answer { .. } => (self.on_wire(), at_once, Then::Next),
            Self::Tagged { tag, answer } => {
                let has_it = head.values("if-none-match").any(|value| value == tag);
                let answer = if has_it { Self::bytes(304, b"") } else { *answer };
                (answer.field("etag", &tag).on_wire(), at_once, Then::Next)
            }
            Self::Raw { bytes, then } => (bytes, at_once, then),
            Self::Drip { bytes, pause } => (bytes, pause, Then::Next),
            Self::Close => (Vec::new(), at_once, Then::Close),
        }
    }
}

#[derive(Debug, Default)]
struct Play {
    scripts: HashMap<String, Script>,
    asked: Vec<(String, Head)>,
    gate_closed: bool,
}

impl Play {
    fn asked_for(&self, path: &str) -> impl Iterator<Item = &Head> {
        self.asked.iter().filter(move |(other, _)| other == path).map(|(_, head)| head)
    }
}

#[derive(Debug)]
struct Stage {
    play: Mutex<Play>,
    gate: Condvar,
    journal: Journal,
}

impl Stage {
    fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub struct Issuer {
    server: Server,
    stage: Arc<Stage>,
}

impl Issuer {
    /// An issuer that answers 404 to everything, until told otherwise.
    pub fn start(journal: &Journal) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), journal)
    }

    /// The same at an address, where another one may have been before.
    pub fn start_at(address: SocketAddr, journal: &Journal) -> Self {
        let stage = Arc::new(Stage { play: Mutex::default(), gate: Condvar::new(), journal: journal.clone() });
        let server = Server::start_at(address, {
            let stage = Arc::clone(&stage);
            move |wire| serve(wire, &stage)
        });
        Self { server, stage }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The URL of a path here.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub fn on(&self, path: &str, script: Script) {
        self.switch(path, script);
    }

    /// Changes the script; gives back how often the path was asked for until then.
    pub fn switch(&self, path: &str, script: Script) -> usize {
        let mut play = self.stage.play();
        play.scripts.insert(path.to_owned(), script);
        play.asked_for(path).count()
    }

    /// From now on requests are taken and counted, and wait.
    pub fn close_gate(&self) {
        self.stage.play().gate_closed = true;
    }

    /// Every waiting request is answered, with what the script says now.
    pub fn open_gate(&self) {
        self.stage.journal.write(Event::GateOpened);
        self.stage.play().gate_closed = false;
        self.stage.gate.notify_all();
    }

    /// How often this path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.stage.play().asked_for(path).count()
    }

    /// The requests for this path, in order.
    pub fn requests(&self, path: &str) -> Vec<Head> {
        self.stage.play().asked_for(path).cloned().collect()
    }

    pub fn asked_at_all(&self) -> usize {
        self.stage.play().asked.len()
    }

    pub fn wait_until_asked(&self, path: &str) {
        wait_until(&format!("the issuer is asked for {path}"), || self.asked(path) > 0);
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        // Lets the connection threads go, should a test have failed before its gate opened.
        self.stage.play().gate_closed = false;
        self.stage.gate.notify_all();
    }
}

fn serve(mut wire: Wire, stage: &Stage) {
    while let Ok(Some(head)) = wire.head() {
        let path = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
        stage.journal.write(Event::IssuerAsked(path.clone()));
        let mut play = stage.play();
        play.asked.push((path.clone(), head.clone()));
        let (play, _) = stage
            .gate
            .wait_timeout_while(play, PATIENCE, |play| play.gate_closed)
            .unwrap_or_else(PoisonError::into_inner);
        let script = play.scripts.get(&path).cloned();
        drop(play);
        let script = script.unwrap_or_else(|| Script::bytes(404, b"no such thing here"));
        let (bytes, pause, then) = script.bytes_for(&head);
        if send(&mut wire, &bytes, pause).is_err() {
            return;
        }
        match then {
            Then::Next => {}
            Then::Close => return,
            Then::Reset => return wire.reset(),
            // Nothing more comes of a peer that waits, so this ends when it has given up.
            Then::Silence => return drop(wire.head()),
        }
    }
}

fn send(wire: &mut Wire, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    if pause.is_zero() {
        return wire.send(bytes);
    }
    bytes.iter().try_for_each(|byte| {
        std::thread::sleep(pause);
        wire.send(std::slice::from_ref(byte))
    })
}
