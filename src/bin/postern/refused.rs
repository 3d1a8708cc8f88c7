//! `postern refused`: who is being refused and why, from Envoy's access logs.
//!
//! A log is read once, line by line, in memory that has a bound: what is in it was written by whoever sent the requests.

mod around;
mod clean;
mod counts;
mod line;
mod machine;
mod page;
mod report;
mod tally;
mod terminal;
mod time;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use line::{Line, Why};
use report::Report;
use tally::{Tally, Wanted};

/// Say who is being refused and why, from Envoy's access logs
///
/// Reads lines of any format: text, of which the decision record (%FILTER_STATE(wasm.postern:PLAIN)%) is the last thing,
/// or JSON, of which it is a member. Prints what each reason means and what to do about it, which rules, users, clients
/// and issuers it is about, and the newest lines. Lines that it cannot read are counted and told.
///
/// Ends with 0, and with 2 where a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  postern refused access.log
  kubectl logs deploy/gateway | postern refused --since 1h
  postern refused --rule tap --reason insufficient_scope --top 50 access.log
  postern refused --html refused.html access.log access.log.1
  zcat access.log.*.gz | postern refused -")]
pub struct Args {
    /// Access logs; - is standard input, and so is none
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only what is newer: how long ago (30m, 1h, 2d) or a time (2026-11-22T15:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<i64>,
    /// How many users, clients, issuers, rules and newest lines to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: u16,
    /// Only of this rule; `none` is where there was no rule
    #[arg(long)]
    rule: Option<String>,
    /// Only of this user
    #[arg(long)]
    user: Option<String>,
    /// Only of this reason
    #[arg(long)]
    reason: Option<String>,
    /// The member that holds the record, in lines of JSON [default: `postern`, or any where there is none of that name]
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page for a browser into this file as well; it loads nothing and runs nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn since(text: &str) -> Result<i64, String> {
    time::since(text, crate::clock::now())
}

pub fn run(args: Args) -> io::Result<ExitCode> {
    let Args { mut files, since, top, rule, user, reason, member, json, html } = args;
    let top = usize::from(top);
    let wanted = Wanted { since, rule, user, reason };
    let mut tally = Tally::new(top);
    let mut all_well = true;
    if files.is_empty() {
        files.push(PathBuf::from("-"));
    }
    for file in &files {
        let name = name_of(file);
        let mut add = |line: Line, number: u64| tally.add(line, &wanted, || format!("{name}:{number}"));
        if let Err(error) = read(file, member.as_deref(), &mut add) {
            eprintln!("postern: {name}: {error}");
            all_well = false;
        }
    }
    let report = Report::of(&tally, top);
    if let Some(html) = html
        && let Err(error) = std::fs::write(&html, page::write(&report))
    {
        eprintln!("postern: {}: {error}", name_of(&html));
        all_well = false;
    }
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{:#}", machine::write(&tally, top))?;
    } else {
        out.write_all(terminal::write(&report).as_bytes())?;
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(crate::COULD_NOT_BEGIN) })
}

fn name_of(file: &Path) -> String {
    clean::clean(&file.display().to_string())
}

/// A line of Envoy's has a few KiB; of a longer one nothing is kept.
const LONGEST_LINE: usize = 256 * 1024;

fn read(file: &Path, member: Option<&str>, add: &mut impl FnMut(Line, u64)) -> io::Result<()> {
    let input: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) };
    let mut input = BufReader::with_capacity(256 * 1024, input);
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Err(io::Error::other("is compressed; use `zcat FILE | postern refused -`"));
    }
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        if (&mut input).take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        if line.len() >= LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            add(Line::NotUnderstood(Why::TooLong), number);
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            add(line::read(&text, member), number);
        }
    }
}

#[cfg(test)]
mod tests;
