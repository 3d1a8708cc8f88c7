//! A program that listens: started with a home of its own, asked by lines of JSON, and gone when it is dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use serde_json::Value;
use tempfile::TempDir;

use super::wait::wait_for;

/// Its standard input stays open as long as it is wanted, so a program that ends with it outlives no test, not even one
/// that was killed.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    said: Value,
    home: TempDir,
}

impl Program {
    /// Starts it, and waits for the line of JSON by which it says that it listens.
    pub fn start(name: &str, program: impl AsRef<OsStr>, prepare: impl FnOnce(&mut Command)) -> Self {
        let home = tempfile::Builder::new().prefix("postern-program-").tempdir().expect("a folder");
        let log = File::create(home.path().join(LOG)).expect("a log file");
        let mut command = Command::new(program);
        command.env_clear().current_dir(home.path()).env("HOME", home.path()).env("LC_ALL", "C.UTF-8");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        prepare(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("a second handle"))
            // Its children are of its group, and end with it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {name}: {error}"));
        let input = child.stdin.take();
        let output = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || read(output, &sender, log));
        let mut program = Self { name: name.to_owned(), child, input, lines, said: Value::Null, home };
        program.said = program.line("says that it listens");
        program
    }

    /// What it said of itself when it began to listen.
    pub fn said(&self) -> &Value {
        &self.said
    }

    /// One member of that, a text.
    pub fn text(&self, member: &str) -> &str {
        self.said[member].as_str().unwrap_or_else(|| panic!("{} said no {member}: {}", self.name, self.said))
    }

    /// Asks it something, and waits for the answer.
    pub fn ask(&mut self, question: &Value) -> Value {
        let input = self.input.as_mut().expect("an open pipe");
        // One that has ended takes no question; what it said at last is shown by the wait.
        drop(writeln!(input, "{question}").and_then(|()| input.flush()));
        self.line("answers")
    }

    /// Whatever it wrote that was no answer.
    pub fn output(&self) -> String {
        fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default()
    }

    fn line(&self, does: &str) -> Value {
        wait_for(&format!("{} {does}", self.name), || match self.lines.try_recv() {
            Ok(line) => Some(line),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => panic!("{} ended before it {does}:\n{}", self.name, self.output()),
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("--- what {} wrote ---\n{}", self.name, self.output());
        }
    }
}

const LOG: &str = "output.log";

/// Sends on what is a JSON object, and keeps the rest with what it complains about.
fn read(output: ChildStdout, lines: &Sender<Value>, mut log: File) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(value @ Value::Object(_)) => drop(lines.send(value)),
            _ => drop(writeln!(log, "{line}")),
        }
    }
}
