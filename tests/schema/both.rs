//! What the parser says of a configuration, and what the schema says.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use postern::config::{Config, ConfigError};
use postern::secret::Secret;
use serde_json::{Value, json};

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the built command prints.
pub fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let printed = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_postern")).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            output.stdout
        };
        let text = printed(&["schema"]);
        assert_eq!(text, printed(&["schema", "--json"]));
        serde_json::from_slice(&text).unwrap()
    })
}

/// The reference, which shows every option.
pub fn reference() -> Value {
    let text = fs::read_to_string(project().join("envoy/config.reference.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// What is wrong by the parser. Each variable that a configuration names for a signing key holds another one, but for
/// `UNSET`.
pub fn parser(document: &Value) -> Vec<ConfigError> {
    let names = RefCell::new(Vec::new());
    let environment = |name: &str| {
        if name == "UNSET" {
            return None;
        }
        let mut names = names.borrow_mut();
        let position = names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        Some(Secret::new(match position {
            0 => include_str!("../support/keys/test-p256-a.pem"),
            1 => include_str!("../support/keys/test-ed25519.pem"),
            2 => include_str!("../support/keys/test-p256-b.pem"),
            3 => include_str!("../support/keys/test-rsa2048-a.pem"),
            _ => return None,
        }))
    };
    Config::parse_in(document.to_string().as_bytes(), &environment).err().unwrap_or_default()
}

/// For each document what is wrong by the schema, if anything.
pub fn validator(documents: &[Value]) -> Vec<Option<String>> {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let output = Command::new(project().join("tests/fetch-checks")).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "jsonschema is there");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    });
    let mut child = Command::new("python3")
        .arg(project().join("tests/schema/validate.py"))
        .env("PYTHONPATH", library)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let question = json!({ "schema": schema(), "documents": documents }).to_string();
    // Dropped when it is written: the other end reads to the end.
    child.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the schema is one, and everything was held against it");
    let said: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said.len(), documents.len());
    said
}

/// A configuration, by what was done to get it.
pub struct Case {
    pub name: String,
    pub document: Value,
}

/// Both accept it, or both refuse it. How many of each there were.
pub fn agree(cases: &[Case]) -> (usize, usize) {
    let documents: Vec<Value> = cases.iter().map(|case| case.document.clone()).collect();
    let mut wrong = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for (Case { name, document }, schema) in cases.iter().zip(validator(&documents)) {
        let parser = parser(document);
        match (parser.as_slice(), schema) {
            ([], None) => accepted += 1,
            ([_, ..], Some(_)) => refused += 1,
            ([], Some(problem)) => wrong.push(format!("{name}: only the schema refuses it: {problem}")),
            ([first, ..], None) => wrong.push(format!("{name}: only the parser refuses it: {first}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    (accepted, refused)
}

/// With one thing changed: `at` is a JSON pointer, and nothing takes away what is there.
pub fn with(document: &Value, at: &str, value: Option<Value>) -> Value {
    let mut document = document.clone();
    let (parent, name) = at.rsplit_once('/').unwrap();
    let name = &name.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")), value) {
        (Value::Object(members), Some(value)) => _ = members.insert(name.to_owned(), value),
        (Value::Object(members), None) => _ = members.remove(name).expect(at),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{at} leads to {other}"),
    }
    document
}
