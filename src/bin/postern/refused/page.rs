//! The report as one page for a browser, which loads nothing and runs nothing.

use std::fmt::Write;

use super::report::{Report, Table};

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Refused by Postern</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
ul { list-style: none; padding: 0; } ul li { white-space: pre-wrap; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { border-bottom-width: 2px; white-space: nowrap; } .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.t { white-space: nowrap; } td p { margin: 0 0 .3rem; } .foot { opacity: .75; }
</style>
</head>
<body>
<h1>Refused by Postern</h1>
"#;

pub fn write(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("<ul>\n");
    for fact in &report.facts {
        add(&mut page, format_args!("<li>{}</li>\n", escaped(fact)));
    }
    page.push_str("</ul>\n");
    for part in &report.parts {
        add(&mut page, format_args!("<h2>{}</h2>\n", escaped(&part.title)));
        for table in &part.tables {
            write_table(table, &mut page);
        }
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// A String takes all that is written.
fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    _ = page.write_fmt(text);
}

fn write_table(table: &Table, page: &mut String) {
    let explained = table.rows.iter().any(|row| !row.remarks.is_empty());
    add(page, format_args!("<h3>{}</h3>\n<div class=\"wide\"><table>\n<thead><tr>", escaped(table.title)));
    for column in &table.columns {
        let class = if column.is_number { " class=\"n\"" } else { "" };
        add(page, format_args!("<th scope=\"col\"{class}>{}</th>", escaped(column.title)));
    }
    page.push_str(if explained {
        "<th scope=\"col\">what it means, what to do</th></tr></thead>\n<tbody>\n"
    } else {
        "</tr></thead>\n<tbody>\n"
    });
    for row in &table.rows {
        page.push_str("<tr>");
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            let class = match (column.is_number, column.title) {
                (true, _) => " class=\"n\"",
                (false, "time" | "last seen") => " class=\"t\"",
                (false, _) => "",
            };
            add(page, format_args!("<td{class}>{}</td>", escaped(cell)));
        }
        if explained {
            page.push_str("<td>");
            row.remarks.iter().for_each(|remark| add(page, format_args!("<p>{}</p>", escaped(remark))));
            page.push_str("</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
    if let Some(foot) = &table.foot {
        add(page, format_args!("<p class=\"foot\">{}</p>\n", escaped(foot)));
    }
}

/// What clients wrote stays text, in an element and in an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
