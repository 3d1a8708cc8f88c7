//! What no single request can show, and the tests that show it. A name that no test has would show nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::families::{FAMILIES, LEFT_OUT, lines};
use super::row::Row;

pub struct Line {
    pub id: &'static str,
    pub what: &'static str,
    pub shown: Shown,
}

pub enum Shown {
    /// By these: the file, and the name of a test in it, or of a row of a table.
    By(&'static [(&'static str, &'static str)]),
    /// By none, since there is nothing here that it could be shown of.
    Outside(&'static str),
}

pub const fn line(id: &'static str, what: &'static str, by: &'static [(&'static str, &'static str)]) -> Line {
    Line { id, what, shown: Shown::By(by) }
}

pub const fn outside(id: &'static str, what: &'static str, why: &'static str) -> Line {
    Line { id, what, shown: Shown::Outside(why) }
}

/// Numbers of the catalogue that nothing shows, and names that no test has.
pub fn gaps(rows: &[Row]) -> Vec<String> {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id).chain(lines().map(|line| line.id)).collect();
    let ids: BTreeSet<String> =
        FAMILIES.iter().filter(|family| family.letter != LEFT_OUT).flat_map(|family| family.ids()).collect();
    let unshown = ids.iter().filter(|id| !known.contains(id.as_str())).map(|id| format!("{id} is shown by nothing"));
    let unknown = known.iter().filter(|id| !ids.contains(**id)).map(|id| format!("the catalogue has no {id}"));
    unshown.chain(unknown).chain(lines().flat_map(unfounded)).collect()
}

fn unfounded(line: &Line) -> Vec<String> {
    let Shown::By(tests) = line.shown else { return Vec::new() };
    let missing = tests.iter().filter(|(file, name)| !has(file, name));
    let none = tests.is_empty().then(|| format!("{}: {} names no test", line.id, line.what));
    missing.map(|(file, name)| format!("{}: {file} has no {name}", line.id)).chain(none).collect()
}

/// Whether the file has a test of this name, or a row.
fn has(file: &str, name: &str) -> bool {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    let mut tests = source.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split_once("()"));
    tests.any(|(test, _)| test == name) || source.contains(&format!("\"{name}\""))
}
