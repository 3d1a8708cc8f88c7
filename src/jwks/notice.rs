//! What is told of a fetch: a counter each time, a line in the log where the state of an issuer's keys changes.

use super::fetch::{Fetch, FetchError};
use super::record::{Found, Record, Trouble};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub counter: String,
    pub log: Option<(log::Level, String)>,
}

/// A fetch that brought keys, or the word that those at hand still are the issuer's.
pub fn fetched(issuer: &str, before: &Record, after: &Found, fetch: &Fetch, not_modified: bool) -> Notice {
    let news = match (&before.found, before.trouble) {
        (None, _) => Some(""),
        (Some(_), Some(_)) => Some("fetched again, "),
        (Some(found), None) if !found.keys.is_same(&after.keys) => Some("changed, "),
        (Some(_), None) => None,
    };
    let line = |news| format!("keys of issuer {issuer}: {news}to use are {}; {fetch}", after.keys.summary());
    let outcome = if not_modified { "not_modified" } else { "ok" };
    Notice { counter: counter(issuer, outcome), log: news.map(|news| (log::Level::Info, line(news))) }
}

/// A fetch that brought nothing.
pub fn failed(issuer: &str, before: &Record, after: &Record, fetch: Option<&Fetch>, error: &FetchError) -> Notice {
    let text = (before.trouble != after.trouble).then(|| {
        let fetch = fetch.map_or_else(String::new, |fetch| format!("{fetch}: "));
        let then = match &after.trouble {
            Some(Trouble::WithoutKeys) => "there are none to go on with",
            Some(Trouble::WithKeys) | None => "those at hand stay in use",
        };
        format!("keys of issuer {issuer}: {fetch}{error}; {then}")
    });
    Notice { counter: counter(issuer, error.kind()), log: text.map(|text| (log::Level::Warn, text)) }
}

/// The name of the counter for a finished fetch: `postern_jwks_fetch_total` and its labels, which the `stats_tags` of the
/// sample configuration take apart again. The issuers are the configuration's.
fn counter(issuer: &str, outcome: &str) -> String {
    format!("postern_jwks_fetch_total.outcome.{outcome}.issuer.{issuer}")
}
