//! The table as it is printed, and below it what must not be.

use super::elsewhere::{Line, Shown};
use super::families::{FAMILIES, LEFT_OUT, lines};
use super::play::{Result, Results};
use super::row::{RESET, Row, WAYS};

/// Prints all, or only what deviates and the sum; says whether all is well.
pub fn print(rows: &[Row], results: &Results, gaps: &[String], whole: bool) -> bool {
    let table: Vec<(&Row, &[Option<Result>; 3])> = rows.iter().zip(results).collect();
    if whole {
        println!(
            "\nEach row: what comes of it on the core, over HTTP/1.1 and over HTTP/2 (the status; FAIL where it is not what"
        );
        println!(
            "it must be; - where it cannot be written so), the reason that is counted, and how often an issuer was asked."
        );
        for family in &FAMILIES {
            println!("\n{}. {}\n", family.letter, family.title);
            if family.letter == LEFT_OUT {
                println!("{:<60}left out: there is no login in the filter", format!("I01 to I{}", family.numbers.1));
                continue;
            }
            for id in family.ids() {
                table.iter().filter(|(row, _)| row.id == id).for_each(|(row, results)| print_row(row, results));
                lines().filter(|line| line.id == id).for_each(print_line);
            }
        }
        println!();
    }
    let mut failed = 0;
    for (row, results) in &table {
        for (way, result) in WAYS.into_iter().zip(*results) {
            for problem in result.iter().flat_map(|result| &result.problems) {
                println!("{} {}, {}: {problem}", row.id, row.name, way.name());
            }
            failed += usize::from(result.as_ref().is_some_and(|result| !result.problems.is_empty()));
        }
    }
    gaps.iter().for_each(|gap| println!("{gap}"));
    let ran = |way: usize| table.iter().filter(|(_, results)| results[way].is_some()).count();
    println!(
        "catalogue: {} rows: {} on the core, {} over HTTP/1.1, {} over HTTP/2",
        rows.len(),
        ran(0),
        ran(1),
        ran(2),
    );
    let outside = lines().filter(|line| matches!(line.shown, Shown::Outside(_))).count();
    println!("catalogue: {} lines are shown by other tests, {outside} are outside", lines().count() - outside);
    println!("catalogue: {failed} deviations, {} gaps", gaps.len());
    failed == 0 && gaps.is_empty()
}

fn print_row(row: &Row, results: &[Option<Result>; 3]) {
    let cell = |result: &Option<Result>| match result {
        None => "-".to_owned(),
        Some(result) if result.problems.is_empty() && result.status == RESET => "reset".to_owned(),
        Some(result) if result.problems.is_empty() => result.status.to_string(),
        Some(_) => "FAIL".to_owned(),
    };
    let [core, h1, h2] = [0, 1, 2].map(|way| cell(&results[way]));
    let reason = WAYS.into_iter().find_map(|way| row.expect(way)).and_then(|expect| expect.reason);
    let fetches = results.iter().flatten().map(|result| result.fetches).max().unwrap_or_default();
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let name: String = row.name.chars().map(shown).collect();
    let pin = if row.pin.is_empty() { String::new() } else { format!("  [{}]", row.pin) };
    println!(
        "{} {name:<56} {core:>5} {h1:>5} {h2:>5}  {:<22} {fetches}{pin}",
        row.id,
        reason.unwrap_or("(Envoy itself)")
    );
}

fn print_line(line: &Line) {
    match line.shown {
        Shown::Outside(why) => println!("{} {}\n      outside: {why}", line.id, line.what),
        Shown::By(tests) => {
            println!("{} {}", line.id, line.what);
            tests.iter().for_each(|(file, name)| println!("      {file}: {name}"));
        }
    }
}
