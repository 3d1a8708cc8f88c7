//! The native command: what to ask about a configuration, a request or a log, and servers for development.

#![forbid(unsafe_code)]
#![allow(clippy::wildcard_enum_match_arm, reason = "the kinds of I/O errors are many and not ours")]

mod acts;
mod bounded;
mod check;
mod clock;
mod echo;
mod explain;
mod files;
mod issuer;
mod loopback;
mod problem;
mod reasons;
mod refused;
mod schema;
mod serve;
mod signing_keys;
mod stop;
mod yaml;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Postern: a token filter for Envoy.
///
/// The filter itself is a WebAssembly module that Envoy loads; this command has what goes with it.
///
/// It ends with 0 where all is well, with 1 where it found something wrong, and with 2 where it could not begin; `explain`
/// also with 3, where it could not check a signature.
#[derive(Debug, Parser)]
#[command(name = "postern", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Explain(Box<explain::Args>),
    Refused(refused::Args),
    Schema(schema::Args),
    Issuer(issuer::Args),
    Echo(echo::Args),
}

/// Neither good nor bad news: it could not begin. Wrong arguments end so too.
const COULD_NOT_BEGIN: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        // Whoever reads has read enough, as `head` does: there is nobody to tell, and nothing was found good.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(COULD_NOT_BEGIN),
        Err(error) => {
            eprintln!("postern: {}", acts::escaped(&error.to_string()));
            ExitCode::from(COULD_NOT_BEGIN)
        }
    }
}

fn run(command: Command) -> io::Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Refused(args) => refused::run(args),
        Command::Schema(args) => schema::run(args).map(|()| ExitCode::SUCCESS),
        Command::Issuer(args) => serve::block_on(issuer::run(args)).map(|()| ExitCode::SUCCESS),
        Command::Echo(args) => serve::block_on(echo::run(args)).map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
