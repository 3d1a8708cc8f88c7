//! The tables, as GitHub shows them.

use super::book::{Book, Figures, Mode, Row, Spread, Table};
use super::contender::Contender;
use super::form::RULES;
use super::growth;
use super::memory;
use super::reissue;

pub fn book(book: &Book) {
    for table in book.tables() {
        if !table.name.starts_with("rules-") {
            compare(&table, &book.rows(&table));
        }
    }
    growing(book);
}

/// The contender whose cost above the baseline is 1.
fn reference(table: &Table) -> Contender {
    match (table.name.as_str(), table.mode) {
        ("ext_authz", _) => Contender::ExtAuthz,
        (reissue::NAME, _) => Contender::Postern,
        (_, Mode::Cold | Mode::Garbage) => Contender::JwtAuthn,
        (_, Mode::Warm1 | Mode::Warm10k) => Contender::JwtAuthnCacheRbac,
    }
}

fn title(table: &Table) -> String {
    let what = match (table.name.as_str(), table.mode) {
        ("garbage-repeated", _) => "one forged signature, again and again",
        (_, Mode::Cold) => "every token new",
        (_, Mode::Warm1) => "one token",
        (_, Mode::Warm10k) => "10 000 tokens in rotation",
        (_, Mode::Garbage) => "forged signatures, every one another",
    };
    let with = match table.name.as_str() {
        "ext_authz" => ", with an authorizer beside Envoy",
        reissue::NAME => ", with a token made for the service",
        _ => "",
    };
    format!("{}, {}: {what}{with}", table.alg, table.mode.name())
}

fn compare(table: &Table, rows: &[Row]) {
    let reference = reference(table);
    let base = rows.iter().find(|row| row.contender == reference).and_then(|row| row.figures.as_ref().ok());
    let base = base.and_then(|figures| figures.over).map(|over| over.median);
    println!("\n**{}**\n", title(table));
    println!("| contender | CPU µs a request | min–max | over `none` | ratio to `{reference}` | p50 µs | p99 µs |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Row { contender, figures } in rows {
        match figures {
            Err(error) => println!("| `{contender}` | **error**: {error} | | | | | |"),
            Ok(Figures { cpu, over, authorizer_cpu, p50, p99, .. }) => {
                let over = over.filter(|_| *contender != Contender::None).map(|over| over.median);
                let ratio = over.zip(base).map_or_else(|| "–".to_owned(), |(over, base)| format!("{:.2}", over / base));
                let over = over.map_or_else(|| "–".to_owned(), number);
                let beside = authorizer_cpu.map(|cpu| format!(" + {} authorizer", number(cpu.median)));
                println!(
                    "| `{contender}` | {}{} | {} | {over} | {ratio} | {:.0} | {:.0} |",
                    number(cpu.median),
                    beside.unwrap_or_default(),
                    range(*cpu),
                    p50.median,
                    p99.median,
                );
            }
        }
    }
}

fn growing(book: &Book) {
    let tables: Vec<Table> =
        RULES.iter().filter_map(|rules| book.tables().into_iter().find(|t| t.name == growth::name(*rules))).collect();
    let Some(first) = tables.first() else { return };
    println!("\n**{}, warm-1: CPU µs a request by the number of rules (min–max)**\n", first.alg);
    let heads: Vec<String> = RULES.iter().map(|rules| format!(" {} |", grouped(*rules))).collect();
    println!("| contender |{} 10 000 to 10 |", heads.concat());
    println!("| --- |{} ---: |", " ---: |".repeat(RULES.len()));
    let columns: Vec<Vec<Row>> = tables.iter().map(|table| book.rows(table)).collect();
    for (at, row) in columns[0].iter().enumerate() {
        let cells: Vec<Result<Spread, &String>> =
            columns.iter().map(|rows| rows[at].figures.as_ref().map(|figures| figures.cpu)).collect();
        let growth = match (cells.first(), cells.last()) {
            (Some(Ok(first)), Some(Ok(last))) => format!("{:.2}", last.median / first.median),
            _ => "–".to_owned(),
        };
        let shown = cells.iter().map(|cell| match cell {
            Ok(cpu) => format!(" {} ({}) |", number(cpu.median), range(*cpu)),
            Err(error) => format!(" **error**: {error} |"),
        });
        println!("| `{}` |{} {growth} |", row.contender, shown.collect::<String>());
    }
}

pub fn memory(rows: &[memory::Row]) {
    if rows.is_empty() {
        return;
    }
    println!("\n**Memory of the process in MiB, by the tokens that it has seen (min–max)**\n");
    let heads: Vec<String> = memory::SEEN.iter().map(|tokens| format!(" {} |", grouped(*tokens))).collect();
    println!("| contender | workers |{}", heads.concat());
    println!("| --- | ---: |{}", " ---: |".repeat(memory::SEEN.len()));
    for memory::Row { contender, workers, figures } in rows {
        let cells = match figures {
            Err(error) => format!(" **error**: {error} |{}", " |".repeat(memory::SEEN.len() - 1)),
            Ok(figures) => figures.iter().map(|kib| cell(kib.scaled(1.0 / 1024.0))).collect(),
        };
        println!("| `{contender}` | {workers} |{cells}");
    }
}

fn cell(figure: Spread) -> String {
    format!(" {:.1} ({:.1}–{:.1}) |", figure.median, figure.least, figure.most)
}

fn number(figure: f64) -> String {
    format!("{figure:.1}")
}

fn range(figure: Spread) -> String {
    format!("{:.1}–{:.1}", figure.least, figure.most)
}

/// 10000 as 10 000.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{} {:03}", grouped(number / 1000), number % 1000) }
}

impl Spread {
    fn scaled(self, by: f64) -> Self {
        Self { median: self.median * by, least: self.least * by, most: self.most * by }
    }
}
