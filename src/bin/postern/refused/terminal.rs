//! The report as text, in which headings stand out.

use std::fmt::Write;

use anstyle::Style;

use super::report::{Report, Row, Table};
use crate::reasons::lines;

const BOLD: Style = Style::new().bold();

/// A cell is cut here, unless it is the last one of its row.
const WIDEST: usize = 44;

pub fn write(report: &Report) -> String {
    let mut text = String::new();
    for fact in &report.facts {
        push(&mut text, fact);
    }
    for part in &report.parts {
        push(&mut text, "");
        push(&mut text, &format!("{BOLD}{}{BOLD:#}", part.title));
        for table in &part.tables {
            push(&mut text, "");
            write_table(table, &mut text);
        }
    }
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn write_table(table: &Table, text: &mut String) {
    push(text, &format!("{BOLD}{}{BOLD:#}", table.title));
    let last = table.columns.len().saturating_sub(1);
    let cut = |(position, cell): (usize, &String)| -> String {
        if position == last || cell.chars().count() <= WIDEST {
            return cell.clone();
        }
        cell.chars().take(WIDEST - 1).chain(['…']).collect()
    };
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.cells.iter().enumerate().map(cut).collect()).collect();
    let width = |position: usize, title: &str| {
        let cells = rows.iter().filter_map(|cells| cells.get(position)).map(|cell| cell.chars().count());
        cells.chain([title.chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = table.columns.iter().enumerate().map(|(i, column)| width(i, column.title)).collect();
    let line = |cells: &[String]| {
        let mut line = String::new();
        for ((cell, column), width) in cells.iter().zip(&table.columns).zip(&widths) {
            // A String takes all that is written.
            _ = if column.is_number { write!(line, "  {cell:>width$}") } else { write!(line, "  {cell:<width$}") };
        }
        line
    };
    let titles: Vec<String> = table.columns.iter().map(|column| column.title.to_owned()).collect();
    push(text, &line(&titles));
    for (cells, Row { remarks, .. }) in rows.iter().zip(&table.rows) {
        push(text, &line(cells));
        for remark in remarks {
            lines(remark).iter().for_each(|remark| push(text, &format!("        {remark}")));
        }
    }
    if let Some(foot) = &table.foot {
        push(text, &format!("  {foot}"));
    }
}
