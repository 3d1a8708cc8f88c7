//! `tests/dmtn-094.md` says for each line of DMTN-094 which tests show it, and `SECURITY.md` for each promise. A name that
//! no test has would show nothing.

#![cfg(test)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All functions below a folder that are marked as tests, each with its file: `tests/flow.rs::a_name`.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let after_mark = source.split("#[test]").skip(1);
            let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a file of ours").display();
            let name = |rest: &str| {
                let (name, _) = rest.split_once("fn ")?.1.split_once("()")?;
                Some(format!("{file}::{name}"))
            };
            found.extend(after_mark.filter_map(name));
        }
    }
}

fn all_tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    tests_below(&root.join("src"), &mut known);
    tests_below(&root.join("tests"), &mut known);
    known
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_line_names_tests_that_exist_or_says_why_it_is_outside() {
    let all = all_tests();
    let known: BTreeSet<&str> = all.iter().filter_map(|test| Some(test.rsplit_once("::")?.1)).collect();
    let checklist = include_str!("dmtn-094.md");
    let lines: Vec<&str> = checklist.lines().filter(|line| line.starts_with("| D")).collect();
    let numbers: Vec<String> = lines.iter().map(|line| line.chars().skip(2).take(3).collect()).collect();
    let expected: Vec<String> = (1..=66).map(|number| format!("D{number:02}")).collect();
    assert_eq!(numbers, expected);
    for line in lines {
        let here = line.split(" | ").nth(3).expect("four columns");
        let names: Vec<&str> = quoted(here).filter(|name| name.matches('_').count() >= 3).collect();
        for name in &names {
            assert!(known.contains(name), "no test is called {name}: {line}");
        }
        let explained = here.contains("outside") || here.contains("informational");
        assert!(explained || !names.is_empty(), "neither a test nor a reason: {line}");
    }
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let known = all_tests();
    let page = include_str!("../SECURITY.md");
    // A line may hold a backquote alone no more than the page may.
    assert!(page.lines().all(|line| line.matches('`').count() % 2 == 0), "a backquote stands alone");
    let is_test = |text: &&str| text.starts_with("src/") || text.starts_with("tests/");
    let named = |line: &str| quoted(line).filter(is_test).filter(|text| text.contains("::")).count();
    for name in page.lines().flat_map(quoted).filter(is_test).filter(|text| text.contains("::")) {
        assert!(known.contains(name), "there is no {name}");
    }
    let promises: Vec<&str> = page.lines().filter(|line| line.starts_with("| P")).collect();
    assert!(promises.len() > 20, "{} promises", promises.len());
    for (number, promise) in promises.iter().enumerate() {
        assert!(promise.starts_with(&format!("| P{:02} |", number + 1)), "out of order: {promise}");
        assert!(named(promise) > 0, "nothing shows this: {promise}");
    }
}
