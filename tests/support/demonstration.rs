//! A script that shows something until it is told to end.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};

/// One that runs; ended with this, whatever becomes of the test.
pub struct Demonstration {
    script: &'static str,
    child: Child,
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) && self.signal() {
            drop(self.child.wait());
        }
    }
}

impl Demonstration {
    /// With these ports in the variables that the script takes them from.
    pub fn start(script: &'static str, variables: &[&str], ports: &[u16]) -> Self {
        let mut command = Command::new(script);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(variables.iter().zip(ports).map(|(variable, port)| (variable, port.to_string())));
        let child = command.spawn().unwrap_or_else(|error| panic!("{script} cannot be started: {error}"));
        Self { script, child }
    }

    /// What is printed up to the line that has this in it.
    pub fn printed_until(&mut self, last: &str) -> Vec<String> {
        let mut printed = Vec::new();
        for line in BufReader::new(self.child.stdout.as_mut().unwrap()).lines().map_while(Result::ok) {
            let is_last = line.contains(last);
            printed.push(line);
            if is_last {
                return printed;
            }
        }
        let (_, why) = self.ended();
        panic!("{} ended by itself after {printed:#?}, saying:\n{why}", self.script);
    }

    /// How it ended by itself, and what it said of that.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    /// As a supervisor or Ctrl-C would.
    pub fn terminate(&mut self) -> ExitStatus {
        assert!(self.signal());
        self.child.wait().unwrap()
    }

    fn signal(&self) -> bool {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        killed.is_ok_and(|killed| killed.success())
    }
}

/// Held together until all are known, so that they differ.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = [(); COUNT].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Whether all that listened there has ended.
pub fn are_free(ports: &[u16]) {
    for port in ports {
        TcpListener::bind(("127.0.0.1", *port)).unwrap_or_else(|_| panic!("port {port} is still taken"));
    }
}
