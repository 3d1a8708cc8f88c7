//! Fetching by curl, which knows the machine's proxies and certificate authorities.

use std::io;
use std::process::{Command, Stdio};

use crate::bounded;

/// A key set has some KiB.
const LARGEST: u64 = 1024 * 1024;

const LONGEST_SECONDS: &str = "20";

pub fn is_url(text: &str) -> bool {
    let begins = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("https://") || begins("http://")
}

/// The body of a successful answer. Redirects are not followed, as the filter does not.
pub fn download(url: &str) -> io::Result<Vec<u8>> {
    let failed = |problem: &str| io::Error::other(format!("{url}: {problem}"));
    if !is_url(url) {
        return Err(failed("only http and https are fetched"));
    }
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--globoff", "--proto", "=http,https"])
        .args(["--max-time", LONGEST_SECONDS, "--max-filesize", &LARGEST.to_string()])
        .args(["--header", "accept: application/json", "--url", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                failed("the program curl, which fetches it, is not installed; give a file instead")
            }
            _ => failed(&format!("curl cannot be run: {error}")),
        })?;
    let body = curl.stdout.take().map_or(Ok(Some(Vec::new())), |stdout| bounded::read(stdout, LARGEST))?;
    // With its output closed it ends, whatever more there would be.
    let ended = curl.wait_with_output()?;
    let Some(body) = body else { return Err(failed("the answer has more than 1 MiB")) };
    if ended.status.success() {
        return Ok(body);
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(failed(said.lines().next().unwrap_or("curl failed")))
}
