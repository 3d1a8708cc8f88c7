//! `postern refused` as an operator runs it.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

#[path = "support/command.rs"]
mod command;

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use command::postern;

const LINE: &str = r#"[2026-11-22T12:00:00.000Z] GET /api/tap HTTP/1.1 401 - postern_expired {"decision":"deny","reason":"expired","rule":"tap"}"#;

fn refused(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    postern(folder, &[&["refused"], arguments].concat(), input)
}

fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("postern-refused-").tempdir().unwrap();
    fs::write(folder.path().join("a.log"), format!("{LINE}\n{LINE}\n")).unwrap();
    fs::write(folder.path().join("b.log"), format!("\n{LINE}")).unwrap();
    fs::write(folder.path().join("empty.log"), "").unwrap();
    fs::write(folder.path().join("log.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let long = format!("{} {LINE}\n{LINE}\n", "x".repeat(1_000_000));
    fs::write(folder.path().join("long.log"), long).unwrap();
    fs::write(folder.path().join("bytes.log"), [b"\xff\xfe\0 ", LINE.as_bytes(), b"\n\xc3\n"].concat()).unwrap();
    folder
}

struct Row {
    arguments: &'static [&'static str],
    input: &'static [u8],
    refused: u64,
    too_long: u64,
    /// With it the exit status is 2.
    complaint: &'static str,
}

const ROW: Row = Row { arguments: &[], input: b"", refused: 0, too_long: 0, complaint: "" };

#[test]
fn every_file_is_read_and_one_that_cannot_be_is_told() {
    let folder = folder();
    let log = LINE.as_bytes();
    let rows = [
        Row { arguments: &["a.log"], refused: 2, ..ROW },
        Row { arguments: &["a.log", "b.log"], refused: 3, ..ROW },
        Row { arguments: &["empty.log"], ..ROW },
        Row { input: log, refused: 1, ..ROW },
        Row { arguments: &["a.log", "-"], input: log, refused: 3, ..ROW },
        Row { arguments: &["long.log"], refused: 1, too_long: 1, ..ROW },
        Row { arguments: &["bytes.log"], refused: 1, ..ROW },
        Row { arguments: &["missing.log", "a.log"], refused: 2, complaint: "missing.log: No such file", ..ROW },
        Row { arguments: &["."], complaint: ".: Is a directory", ..ROW },
        Row { arguments: &["log.gz"], complaint: "log.gz: is compressed", ..ROW },
        Row {
            arguments: &["a.log", "--html", "no/such/folder.html"],
            refused: 2,
            complaint: "no/such/folder.html: No such file",
            ..ROW
        },
    ];
    for Row { arguments, input, refused: count, too_long, complaint } in rows {
        let output = refused(folder.path(), &[arguments, &["--json"]].concat(), input);
        let said = String::from_utf8_lossy(&output.stderr);
        let status = if complaint.is_empty() { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(complaint) && said.is_empty() == complaint.is_empty(), "{arguments:?}: {said}");
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["deny"]["count"], count, "{arguments:?}");
        let unread = found["lines"]["not_understood"]["too_long"]["count"].as_u64().unwrap_or_default();
        assert_eq!(unread, too_long, "{arguments:?}");
    }
}

#[test]
fn a_line_is_named_by_its_place_in_its_file() {
    let folder = folder();
    fs::write(folder.path().join("c.log"), format!("\n{LINE}\n\n{LINE} behind\n")).unwrap();
    let output = refused(folder.path(), &["a.log", "c.log", "--json"], b"");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["lines"]["not_understood"]["not_last"]["first"], "c.log:4");
    assert_eq!(found["lines"]["read"], 4, "empty lines are none");
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_read() {
    let folder = folder();
    for (arguments, complaint) in [
        (["--since", "yesterday"], "write how long ago"),
        (["--top", "0"], "not in 1..=1000"),
        (["--top", "1001"], "not in 1..=1000"),
        (["--format", "x"], "unexpected argument"),
    ] {
        let output = refused(folder.path(), &arguments, b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(complaint) && output.stdout.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn tables_and_page_say_the_same_and_colours_are_for_terminals() {
    let folder = folder();
    let output = refused(folder.path(), &["--html", "page.html", "--since", "2026-11-22T11:00:00Z", "a.log"], b"");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    for words in ["2 requests, from 2026-11-22 12:00:00 to 2026-11-22 12:00:00 UTC", "100.0%", "/api/tap", "The newest"]
    {
        assert!(text.contains(words), "{words}: {text}");
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(text.contains("The token's `exp` has passed.") && page.contains("The token&#39;s `exp` has passed."));
    assert!(!text.contains('\u{1b}'), "a pipe gets no colours");
    let later = refused(folder.path(), &["--since", "2026-11-22T13:00:00Z", "a.log"], b"");
    assert!(String::from_utf8_lossy(&later.stdout).contains("2 lines older than --since"), "{later:?}");
}
