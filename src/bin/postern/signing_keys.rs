//! Signing keys where a configuration is only looked at.
//!
//! The proxy has them in its environment; whoever checks a configuration mostly has not. One is made then for each name,
//! so that all else can be read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jwt_simple::prelude::ES256KeyPair;
use postern::config::Config;
use postern::json::Json;
use postern::secret::Secret;

use crate::files::Plugin;
use crate::problem::{Problem, Severity};

#[derive(Default)]
pub struct SigningKeys(RefCell<BTreeMap<String, Secret>>);

impl SigningKeys {
    /// Reads a configuration with the keys of this environment, or with such that are made for the moment.
    pub fn read(&self, plugin: &Plugin) -> Result<Config, Vec<Problem>> {
        plugin.config(&|name| {
            if let Ok(value) = std::env::var(name) {
                return Some(Secret::new(value));
            }
            let mut made = self.0.borrow_mut();
            if !made.contains_key(name) {
                made.insert(name.to_owned(), Secret::new(ES256KeyPair::generate().to_pem().ok()?));
            }
            made.get(name).cloned()
        })
    }

    /// The variables for which one was made.
    pub fn made(&self) -> Vec<String> {
        self.0.borrow().keys().cloned().collect()
    }

    /// Which of the plugin's keys nobody has looked at.
    pub fn notes(&self, plugin: &Plugin) -> Vec<Problem> {
        let made = self.0.borrow();
        let unseen = |(path, name): (String, &str)| {
            let message = format!("{name} is not set here, so the key in it was not looked at");
            made.contains_key(name).then(|| plugin.problem(Severity::Note, &path, message))
        };
        names(plugin).into_iter().filter_map(unseen).collect()
    }
}

/// The variables that a plugin's signing keys are in, with their paths.
pub fn names(plugin: &Plugin) -> Vec<(String, &str)> {
    let keys = plugin.document.get("reissue").and_then(|reissue| reissue.get("keys")).and_then(Json::as_array);
    let name = |(i, key)| Some((format!("reissue.keys[{i}].env"), Json::get(key, "env")?.as_str()?));
    keys.unwrap_or_default().iter().enumerate().filter_map(name).collect()
}
