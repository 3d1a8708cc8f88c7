//! `postern explain`: what becomes of one request under a configuration, and why.
//!
//! The decision is the filter's own, by [`postern::flow`]. What is told of the way there comes of the same parts of the
//! core, asked one after the other: [`trace`] decides nothing.

mod asked;
mod decision;
mod download;
mod keys;
mod moment;
mod plain;
mod report;
mod routes;
mod trace;

use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use postern::request::Route;
use postern::time::UnixTime;

use crate::clock;
use crate::files::{File, Plugin};
use crate::signing_keys::SigningKeys;
use asked::Asked;
use decision::decide;
use report::Report;
use trace::{Scene, trace};

/// Explain what becomes of one request: which rule it falls under, what is checked, and what comes of it
///
/// CONFIG is what `postern check` takes: an Envoy YAML, an Istio manifest, or a plugin configuration by itself. The
/// decision is made by the code of the filter itself. Nothing is sent to the service.
///
/// The token's signature is checked where its issuer's keys are in the configuration or given by --jwks. Without them
/// all else is looked at as though the signature held, and the output says so.
///
/// Write the URL as it is after Envoy has made it normal (normalize_path, merge_slashes). A token on the command line is
/// seen by all who may list processes, and kept in the shell's history: --token-file reads it from a file or from
/// standard input.
///
/// Ends with 0 where the request is let on, with 1 where it is refused, with 2 where it could not be looked at, and with 3
/// where it is let on if the token's signature holds, which was not checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  postern explain envoy.yaml https://api.example.org/api/tap --token-file token.txt
  oidc-token lsst | postern explain envoy.yaml https://api.example.org/files/a -X PUT --token-file - \\
      --jwks https://login.example.org
  postern explain --json config.yaml http://localhost/dav/b -X COPY -H 'Destination: /dav/c' | jq .decision")]
pub struct Args {
    /// The configuration; - is standard input
    #[arg(value_name = "CONFIG")]
    config: String,
    #[command(flatten)]
    request: asked::RequestArgs,
    /// Keys of the token's issuer: a JWKS, as a file or a URL, or the URL of an OpenID issuer. With ISSUER= before it they
    /// are that issuer's alone. URLs are fetched by curl
    #[arg(long, value_name = "[ISSUER=]FILE|URL")]
    jwks: Vec<String>,
    /// The name of the route that Envoy chooses
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// `rule` in that route's metadata for the filter
    #[arg(long, value_name = "NAME")]
    route_rule: Option<String>,
    /// `capabilities` in that route's metadata for the filter
    #[arg(long, value_name = "NAMES")]
    route_capabilities: Option<String>,
    /// The moment to look at, in seconds since 1970 [default: now]
    #[arg(long, value_name = "UNIXTIME")]
    at: Option<u64>,
    /// The filter to look at, where CONFIG has several
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A script must not take a token for good that anybody can write.
const ON_CONDITION: u8 = 3;

pub fn run(args: &Args) -> io::Result<ExitCode> {
    if args.config == "-" && args.request.reads_stdin() {
        return Err(io::Error::other("CONFIG and --token-file are both -; standard input is read once"));
    }
    let asked = Asked::read(&args.request)?;
    let file = File::read(&args.config)?;
    let plugin = pick(&file, args.plugin.as_deref())?;
    let Some(plugin) = plugin else { return wrong(&file.problems) };
    let signing_keys = SigningKeys::default();
    let config = match signing_keys.read(plugin) {
        Ok(config) => Rc::new(config),
        Err(problems) => return wrong(&problems),
    };
    let found = routes::find(&file, plugin, &asked.head);
    let route = args.route(&found);
    let scene = Scene {
        plugin,
        config: &config,
        head: &asked.head,
        route: &route,
        form: asked.form.as_deref(),
        now: UnixTime::from_seconds(args.at.unwrap_or_else(|| u64::try_from(clock::now()).unwrap_or(0))),
        jwks: &args.jwks,
        signing_keys: &signing_keys,
    };
    let mut trace = trace(&scene)?;
    let decision = decide(&scene, trace.keys.as_ref());
    trace.complete(&scene, &decision);
    let report = Report { scene: &scene, asked: &asked, routes: &found, by_hand: args.has_route(), trace, decision };
    let code = match (report.decision.is_let_on(), report.is_conditional()) {
        (true, true) => ExitCode::from(ON_CONDITION),
        (true, false) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    };
    let mut out = anstream::stdout().lock();
    if args.json {
        writeln!(out, "{}", plain::json(&report.to_json()))?;
    } else {
        write!(out, "{}", report.to_text())?;
    }
    Ok(code)
}

/// The configuration that is meant; `None` where what is there could not be read.
fn pick<'a>(file: &'a File, name: Option<&str>) -> io::Result<Option<&'a Plugin>> {
    let is_meant = |plugin: &&Plugin| name.is_none_or(|name| plugin.name == name);
    let mut meant = file.plugins.iter().filter(is_meant);
    let names = || {
        let quoted = |plugin: &Plugin| format!("{} (line {})", plugin.name, plugin.place.line);
        file.plugins.iter().map(quoted).collect::<Vec<_>>().join(", ")
    };
    match (meant.next(), meant.next()) {
        (Some(plugin), None) => Ok(Some(plugin)),
        (Some(_), Some(_)) => {
            let several = format!("{} has several configurations; choose one by --plugin: {}", file.name, names());
            Err(io::Error::other(several))
        }
        (None, _) if !file.problems.is_empty() => Ok(None),
        (None, _) if file.plugins.is_empty() => {
            Err(io::Error::other(format!("{}: there is no configuration of the filter in it", file.name)))
        }
        (None, _) => Err(io::Error::other(format!("{}: no such plugin; there are: {}", file.name, names()))),
    }
}

/// Tells what is wrong with a configuration, as `postern check` does.
fn wrong(problems: &[crate::problem::Problem]) -> io::Result<ExitCode> {
    let mut out = anstream::stderr().lock();
    for problem in problems {
        writeln!(out, "{problem}")?;
    }
    Ok(ExitCode::from(crate::COULD_NOT_BEGIN))
}

impl Args {
    fn has_route(&self) -> bool {
        self.route.is_some() || self.route_rule.is_some() || self.route_capabilities.is_some()
    }

    /// The route as it was given, or else as the file has it.
    fn route(&self, found: &routes::Found) -> Route {
        if self.has_route() {
            routes::named(self.route.clone(), self.route_rule.clone(), self.route_capabilities.clone())
        } else {
            found.route().cloned().unwrap_or_default()
        }
    }
}
