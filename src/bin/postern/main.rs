//! The native command: servers for development, and later the checks of a configuration.

#![forbid(unsafe_code)]
#![allow(clippy::wildcard_enum_match_arm, reason = "the kinds of I/O errors are many and not ours")]

mod echo;
mod issuer;
mod loopback;
mod serve;
mod stop;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Postern: a token filter for Envoy.
///
/// The filter itself is a WebAssembly module that Envoy loads; this command has what goes with it.
#[derive(Debug, Parser)]
#[command(name = "postern", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Issuer(issuer::Args),
    Echo(echo::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postern: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::Issuer(args) => serve::block_on(issuer::run(args)),
        Command::Echo(args) => serve::block_on(echo::run(args)),
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
