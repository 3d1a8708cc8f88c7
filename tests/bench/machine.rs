//! On what, with what and when it was measured.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use super::envoy;
use super::form::{CONNECTIONS, Form};
use super::load::now;

/// What the machine had done when the run began.
pub struct Start {
    all: u64,
    own: u64,
    at: Instant,
}

impl Start {
    pub fn now() -> Self {
        Self { all: all_ticks(), own: own_ticks(), at: now() }
    }

    /// How much of the machine's time went to others than this program and its children, in percent.
    fn others(&self) -> f64 {
        let ticks = all_ticks().saturating_sub(self.all).saturating_sub(own_ticks().saturating_sub(self.own));
        let possible = (now() - self.at).as_secs_f64() * TICKS_A_SECOND * cores() as f64;
        ticks as f64 * 100.0 / possible
    }
}

const TICKS_A_SECOND: f64 = 100.0;

/// The time in which any core was at work, or was kept from it by another virtual machine.
fn all_ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let figures: Vec<u64> = text.split_whitespace().skip(1).map_while(|figure| figure.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    [0, 1, 2, 5, 6, 7].iter().filter_map(|at| figures.get(*at)).sum()
}

/// That of this process, and of its children that have ended.
fn own_ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let figures = text.rsplit_once(')').map_or("", |(_, figures)| figures).split_whitespace();
    figures.skip(11).take(4).filter_map(|figure| figure.parse::<u64>().ok()).sum()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub fn print(form: &Form, start: &Start) {
    println!("- machine: {}, {} cores, Linux {}", model(), cores(), kernel());
    println!("- Envoy {}, Postern {}, {}", envoy::version(), commit(), output("date", &["-u", "+%Y-%m-%d"]));
    println!("- {} rounds, {CONNECTIONS} connections in closed loop, one worker", form.rounds);
    println!("- {:.0} % of the machine's time went to other programs", start.others());
    if !form.all_tables {
        println!("- the quick form: fewer requests and rounds, RS256 only");
    }
}

fn model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown CPU".to_owned(), |(_, name)| name.trim().to_owned())
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// The commit, and whether there is more than it.
fn commit() -> String {
    let project = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", project, "rev-parse", "--short", "HEAD"]);
    let changed = output("git", &["-C", project, "status", "--porcelain", "--untracked-files=no"]);
    if changed.is_empty() { commit } else { format!("{commit} with changes") }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
