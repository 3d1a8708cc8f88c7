//! An issuer that does what the test says: publishes keys, fails, lies, hangs up, or waits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::journal::{Event, Journal};
use super::message::Wire;
use super::server::Server;
use super::wait::{PATIENCE, wait_until};

/// What the issuer does when it is asked for a path.
#[derive(Clone, Debug)]
pub enum Script {
    Answer {
        status: u16,
        fields: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
    },
    /// Hangs up without a byte.
    Close,
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
}

#[derive(Debug, Default)]
struct Play {
    scripts: HashMap<String, Script>,
    asked: Vec<String>,
    gate_closed: bool,
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
        let stage = Arc::new(Stage { play: Mutex::default(), gate: Condvar::new(), journal: journal.clone() });
        let server = Server::start({
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
        self.stage.play().scripts.insert(path.to_owned(), script);
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
        self.stage.play().asked.iter().filter(|other| *other == path).count()
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
        play.asked.push(path.clone());
        let (play, _) = stage
            .gate
            .wait_timeout_while(play, PATIENCE, |play| play.gate_closed)
            .unwrap_or_else(PoisonError::into_inner);
        let script = play.scripts.get(&path).cloned();
        drop(play);
        let Script::Answer { status, fields, body } =
            script.unwrap_or_else(|| Script::bytes(404, b"no such thing here"))
        else {
            return;
        };
        let mut answer = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
        answer.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        for (name, value) in fields {
            answer.extend_from_slice(name.as_bytes());
            answer.extend_from_slice(b": ");
            answer.extend_from_slice(&value);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(&body);
        if wire.send(&answer).is_err() {
            return;
        }
    }
}
