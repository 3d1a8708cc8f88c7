//! The programs people really use, run so that nothing of this machine's setup takes part.

use std::ffi::OsStr;
use std::process::Command;

use tempfile::TempDir;

pub struct Tool {
    command: Command,
    name: &'static str,
    // Its home, so that no .netrc, .wgetrc or .gitconfig is read or written.
    _home: TempDir,
}

impl Tool {
    pub fn new(name: &'static str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(name);
        command.env_clear().current_dir(home.path());
        command.env("HOME", home.path()).env("LC_ALL", "C").env("no_proxy", "*");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Self { command, name, _home: home }
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs to the end; its exit status and all it printed, for a failing test to show.
    pub fn run(mut self) -> Outcome {
        let output = self
            .command
            .output()
            .unwrap_or_else(|error| panic!("these tests need {}, and it can't be run: {error}", self.name));
        Outcome {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[allow(dead_code, reason = "a failing assertion prints all of it")]
#[derive(Debug)]
pub struct Outcome {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}
