//! What is wrong with a file, and how it is told: to people as compilers do it, to machines as JSON.

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::acts::escaped;
use crate::yaml::Place;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Envoy or the filter refuses it, or it lets somebody in.
    Error,
    /// It works, and is seldom meant.
    Warning,
    /// What could not be looked at here.
    Note,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Error => AnsiColor::Red,
            Self::Warning => AnsiColor::Yellow,
            Self::Note => AnsiColor::Cyan,
        };
        color.on_default().bold()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    /// Absent where it concerns the whole file.
    pub place: Option<Place>,
    /// In the plugin's configuration, or in what is around it. Empty where the message says it all.
    pub path: String,
    pub message: String,
}

impl Problem {
    pub fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.as_str(),
            "file": self.file,
            "line": self.place.map(|place| place.line),
            "column": self.place.map(|place| place.column),
            "path": self.path,
            "message": self.message,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", escaped(&self.file))?;
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        let style = self.severity.style();
        write!(f, " {style}{}{style:#}: ", self.severity.as_str())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", escaped(&self.path))?;
        }
        f.write_str(&escaped(&self.message))
    }
}
