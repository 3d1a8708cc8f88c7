//! `tests/dmtn-094.md` says for each line of DMTN-094 which tests show it. A name that no test has would show nothing.

#![cfg(test)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all functions below a folder that are marked as tests.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let after_mark = source.split("#[test]").skip(1);
            let name = |rest: &str| rest.split_once("fn ")?.1.split_once("()").map(|(name, _)| name.to_owned());
            found.extend(after_mark.filter_map(name));
        }
    }
}

#[test]
fn every_line_names_tests_that_exist_or_says_why_it_is_outside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    tests_below(&root.join("src"), &mut known);
    tests_below(&root.join("tests"), &mut known);
    let checklist = include_str!("dmtn-094.md");
    let lines: Vec<&str> = checklist.lines().filter(|line| line.starts_with("| D")).collect();
    let numbers: Vec<String> = lines.iter().map(|line| line.chars().skip(2).take(3).collect()).collect();
    let expected: Vec<String> = (1..=66).map(|number| format!("D{number:02}")).collect();
    assert_eq!(numbers, expected);
    for line in lines {
        let here = line.split(" | ").nth(3).expect("four columns");
        let names: Vec<&str> =
            here.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() >= 3).collect();
        for name in &names {
            assert!(known.contains(*name), "no test is called {name}: {line}");
        }
        let explained = here.contains("outside") || here.contains("informational");
        assert!(explained || !names.is_empty(), "neither a test nor a reason: {line}");
    }
}
