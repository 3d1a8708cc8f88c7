//! Envoy's own log: which of its lines print what came, by component and message.

use std::collections::BTreeSet;

use super::secrets::Secrets;

/// Lines of Envoy's own that hold a request's head as it came, before any filter has seen it: from which level on,
/// which component, where in Envoy's source, and how they begin.
pub const BEFORE: &[&str] = &[
    "debug http common/http/conn_manager_impl.cc: request headers complete (end_stream=false):",
    "debug http common/http/conn_manager_impl.cc: request headers complete (end_stream=true):",
    "debug http common/http/conn_manager_impl.cc: request trailers complete:",
    "trace http common/http/http1/codec_impl.cc: completed header: key=Host ",
    "trace http common/http/http1/codec_impl.cc: completed header: key=authorization ",
    "trace http common/http/http1/codec_impl.cc: completed header: key=destination ",
    "trace http common/http/http1/codec_impl.cc: completed header: key=source ",
];

/// The one that holds it as it goes on.
pub const AFTER: &str = "debug router common/router/router.cc: router decoding headers:";

/// A line of the log, with those below it that have no beginning of their own.
struct Record<'a> {
    level: &'a str,
    component: &'a str,
    message: &'a str,
}

/// The lines that hold a secret, without what is in them.
pub fn lines_with(log: &str, secrets: &Secrets) -> BTreeSet<String> {
    let with_secret = records(log).filter(|record| secrets.are_in(record.message));
    with_secret
        .map(|Record { level, component, message }| format!("{level} {component} {}", beginning(message)))
        .collect()
}

fn records(log: &str) -> impl Iterator<Item = Record<'_>> {
    let starts: Vec<usize> =
        log.match_indices("[20").map(|(at, _)| at).filter(|at| *at == 0 || log.as_bytes()[at - 1] == b'\n').collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([log.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| {
        // [time][thread][level][component] [source/...] message
        let record = &log[start..end];
        let mut parts = record.splitn(5, ']');
        let level = parts.nth(2)?.trim_start_matches('[');
        let component = parts.next()?.trim_start_matches('[');
        Some(Record { level, component, message: parts.next()? })
    })
}

/// What is the same each time: the place in Envoy's source, and the first words.
fn beginning(message: &str) -> String {
    let first = message.trim_start().lines().next().unwrap_or_default();
    let (place, words) = first.split_once("] ").unwrap_or_default();
    let place = place.trim_start_matches("[source/").split(':').next().unwrap_or_default();
    let words = words.rsplit("] ").next().unwrap_or_default();
    // What is behind this is what came.
    let end = words.find("value=").unwrap_or(words.len());
    format!("{place}: {}", words[..end].chars().take(80).collect::<String>())
}

#[test]
fn a_line_that_holds_a_secret_is_found_with_those_below_it() {
    let mut secrets = Secrets::default();
    secrets.add("0123456789abcdef");
    let log = concat!(
        "[2026-01-01 00:00:00.000][7][debug][http] [source/a.cc:1] [Tags: \"ConnectionId\":\"0\"] a head:\n",
        "':path', '/me'\n'authorization', 'Bearer 0123456789abcdef'\n\n",
        "[2026-01-01 00:00:00.000][7][info][wasm] [source/b.cc:1] wasm log postern: nothing\n",
        "[2026-01-01 00:00:00.000][7][trace][http] [source/c.cc:1] key=a value=0123456789abcdef\n",
    );
    assert_eq!(
        lines_with(log, &secrets).into_iter().collect::<Vec<_>>(),
        ["debug http a.cc: a head:", "trace http c.cc: key=a "]
    );
}
