//! What is wrong with a configuration: where, and what would be right.

use std::cell::RefCell;
use std::fmt;

/// One problem, with the path of the field that has it, such as `issuers[1].jwks.cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub path: String,
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

/// Collects problems while a configuration is read, so that its author sees all of them at once.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<ConfigError>>);

impl Problems {
    pub(super) fn add(&self, path: &str, problem: impl Into<String>) {
        self.0.borrow_mut().push(ConfigError { path: path.to_owned(), problem: problem.into() });
    }

    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.0.into_inner()
    }
}
