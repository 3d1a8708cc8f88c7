//! What the workers of a process share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use postern::config::Config;
use postern::jwks::{KeyStore, NotWritten, SharedData};
use serde_json::{Value, json};

use crate::mint::{AUDIENCE, ISSUER};

/// Values as a host keeps them, beginning with the same one under whatever name.
pub struct Shared {
    first: Option<Vec<u8>>,
    values: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
}

impl Shared {
    pub fn new(first: Option<Vec<u8>>) -> Self {
        Self { first, values: RefCell::default() }
    }

    pub fn written(&self) -> Vec<Vec<u8>> {
        self.values.borrow().values().map(|(value, _)| value.clone()).collect()
    }
}

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.values.borrow().get(name).cloned().or_else(|| Some((self.first.clone()?, 1)))
    }

    fn set(&self, name: &str, value: &[u8], number: Option<u32>) -> Result<(), NotWritten> {
        let before = self.get(name).map(|(_, number)| number);
        if before != number {
            return Err(NotWritten::Changed);
        }
        let next = self.values.borrow().values().map(|(_, number)| *number).max().unwrap_or(1) + 1;
        self.values.borrow_mut().insert(name.to_owned(), (value.to_vec(), next));
        Ok(())
    }
}

/// A configuration whose one issuer has its keys as this says.
pub fn config(jwks: &Value, algorithms: &Value) -> Config {
    let document = json!({
        "issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": algorithms, "jwks": jwks}],
        "rules": [{"name": "all", "match": {"prefix": "/"}}],
    });
    Config::parse(document.to_string().as_bytes()).expect("a configuration")
}

pub fn worker(config: &Config, shared: &Rc<Shared>, me: u64) -> KeyStore {
    KeyStore::new(&config.issuers, &(Rc::clone(shared) as Rc<dyn SharedData>), me)
}
