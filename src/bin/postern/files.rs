//! Plugin configurations where people have them: in an Envoy YAML, in an Istio manifest, or by themselves.

mod configuration;
mod found;

use std::io::Read;
use std::path::Path;
use std::{fs, io};

pub use found::{Origin, Plugin, WASM_FILTER, each_mapping};

use crate::bounded;
use crate::problem::{Problem, Severity};
use crate::yaml::{self, Node};

/// Larger ones are not written by people.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// A file and what was found in it.
pub struct File {
    pub name: String,
    pub documents: Vec<Node>,
    pub plugins: Vec<Plugin>,
    /// What is wrong before any configuration could be read.
    pub problems: Vec<Problem>,
}

impl File {
    /// Reads a file, or standard input where its name is `-`.
    pub fn read(name: &str) -> io::Result<Self> {
        Ok(Self::of(name, &read_text(name)?))
    }

    /// Takes a file's text apart.
    pub fn of(name: &str, text: &str) -> Self {
        let mut file = Self { name: name.to_owned(), documents: Vec::new(), plugins: Vec::new(), problems: Vec::new() };
        match yaml::parse(text) {
            Ok(documents) => file.documents = documents,
            Err(malformed) => file.problems.push(Problem {
                severity: Severity::Error,
                file: name.to_owned(),
                place: Some(malformed.place),
                path: String::new(),
                message: malformed.problem,
            }),
        }
        for document in &file.documents {
            let (plugins, problems) = found::plugins(name, document, text);
            file.plugins.extend(plugins);
            file.problems.extend(problems);
        }
        file
    }
}

fn read_text(name: &str) -> io::Result<String> {
    let input: Box<dyn Read> = match name {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(fs::File::open(Path::new(name)).map_err(|error| named(name, &error))?),
    };
    let Some(bytes) = bounded::read(input, LARGEST_FILE).map_err(|error| named(name, &error))? else {
        return Err(io::Error::other(format!("{name}: larger than 32 MiB")));
    };
    String::from_utf8(bytes).map_err(|_| io::Error::other(format!("{name}: not UTF-8")))
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}
