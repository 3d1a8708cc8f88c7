//! The core with a configuration, to which requests come as bytes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};
use postern::flow::{Env, Memory, Next, begin};
use postern::jwks::{Answer, KeyStore, SharedData};
use postern::request::{RequestHead, Route};
use postern::time::UnixTime;
use serde_json::{Value, json};

use crate::support::alone::Alone;
use crate::support::mint::{AUDIENCE, ISSUER};

pub const NOW: u64 = 1_800_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    Refused(u16, String),
    Waits,
}

impl Decision {
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }
}

/// Checks each signature once: the same mutants are sent to several doors with the same key.
pub struct Checked<'a> {
    by: &'a dyn SignatureCheck,
    known: RefCell<HashMap<String, bool>>,
    asked: Cell<usize>,
}

impl<'a> Checked<'a> {
    pub fn new(by: &'a dyn SignatureCheck) -> Self {
        Self { by, known: RefCell::default(), asked: Cell::new(0) }
    }

    /// How many signatures were looked at, and not only what is around them.
    pub fn asked(&self) -> usize {
        self.asked.get()
    }
}

impl SignatureCheck for Checked<'_> {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        self.asked.set(self.asked.get() + 1);
        *self
            .known
            .borrow_mut()
            .entry(signed.token.to_owned())
            .or_insert_with(|| self.by.verify(algorithm, key, signed))
    }
}

pub struct Door<'a> {
    config: Rc<Config>,
    memory: Memory,
    signatures: &'a dyn SignatureCheck,
}

impl<'a> Door<'a> {
    pub fn new(document: &Value, signatures: &'a dyn SignatureCheck) -> Self {
        Self::read(document.to_string().as_bytes(), signatures).expect("a good configuration")
    }

    /// Where the configuration is not refused.
    pub fn read(document: &[u8], signatures: &'a dyn SignatureCheck) -> Option<Self> {
        let config = Config::parse(document).ok()?;
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let memory = Memory::new(keys, config.token_cache);
        Some(Self { config: Rc::new(config), memory, signatures })
    }

    /// Every fetch that is due is answered so.
    pub fn keys_arrive(&mut self, body: &[u8]) {
        let now = UnixTime::from_seconds(NOW);
        let answer = Answer { status: 200, body: body.to_vec(), ..Answer::default() };
        for fetch in self.memory.keys.due(now).fetches {
            self.memory.keys.finish(&fetch, Ok(answer.clone()), now);
        }
    }

    pub fn remembered(&self) -> usize {
        self.memory.tokens.entries()
    }

    pub fn send(&mut self, path: &[u8], authorization: Option<&[u8]>) -> Decision {
        let mut fields: Vec<(Vec<u8>, Vec<u8>)> =
            [(":method", &b"GET"[..]), (":path", path), (":scheme", b"https"), (":authority", b"api.test")]
                .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
                .to_vec();
        fields.extend(authorization.map(|value| (b"authorization".to_vec(), value.to_vec())));
        let env = Env { now: UnixTime::from_seconds(NOW), signatures: self.signatures, signer: &RustCrypto };
        let head = RequestHead::new(fields);
        match begin(&self.config, &head, &Route::default(), &mut self.memory, &env).next {
            Next::Forward(_) => Decision::Allowed,
            Next::Reply(reply, _) => {
                Decision::Refused(reply.status, reply.details.trim_start_matches("postern_").to_owned())
            }
            Next::AwaitKeys(_) | Next::AwaitForm(_) => Decision::Waits,
        }
    }

    pub fn bearing(&mut self, token: &[u8]) -> Decision {
        self.send(b"/api/tap", Some(&[b"Bearer ", token].concat()))
    }
}

/// One issuer with its keys from here, and a rule that any of its tokens will do for.
pub fn document(algorithms: &[&str], keys: &Value) -> Value {
    json!({
        "issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": algorithms, "jwks": keys}],
        "rules": [{"name": "all", "match": {"prefix": "/"}}],
    })
}
