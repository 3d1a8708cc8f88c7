//! All samples of a run, and the figures that come of them.

use serde_json::{Value, json};

use super::contender::Contender;
use super::session::Sample;
use super::tokens::Alg;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each request with a token that was never seen.
    Cold,
    /// One token again and again.
    Warm1,
    /// Ten thousand tokens in turn.
    Warm10k,
    /// Signatures by no one.
    Garbage,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm1 => "warm-1",
            Self::Warm10k => "warm-10k",
            Self::Garbage => "garbage",
        }
    }
}

/// What all contenders are compared in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub alg: Alg,
    pub mode: Mode,
}

#[derive(Default)]
pub struct Book {
    entries: Vec<Entry>,
}

struct Entry {
    table: Table,
    contender: Contender,
    /// One for each round.
    samples: Vec<Result<Sample, String>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

pub struct Row {
    pub contender: Contender,
    pub figures: Result<Figures, String>,
}

#[derive(Clone, Debug)]
pub struct Figures {
    pub cpu: Spread,
    /// Above what `none` took in the same round.
    pub over: Option<Spread>,
    pub authorizer_cpu: Option<Spread>,
    pub p50: Spread,
    pub p99: Spread,
    pub requests: usize,
    pub not_2xx: usize,
}

impl Book {
    pub fn note(&mut self, table: &Table, contender: Contender, sample: Result<Sample, String>) {
        if let Err(error) = &sample {
            eprintln!("bench: {contender}, {}, {}, {}: {error}", table.name, table.alg, table.mode.name());
        }
        let known = self.entries.iter_mut().find(|entry| entry.table == *table && entry.contender == contender);
        match known {
            Some(entry) => entry.samples.push(sample),
            None => self.entries.push(Entry { table: table.clone(), contender, samples: vec![sample] }),
        }
    }

    pub fn is_whole(&self) -> bool {
        self.entries.iter().all(|entry| entry.samples.iter().all(Result::is_ok))
    }

    /// In the order in which they were begun.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        for entry in &self.entries {
            if !tables.contains(&entry.table) {
                tables.push(entry.table.clone());
            }
        }
        tables
    }

    /// The contenders of a table, in the order of their declaration.
    pub fn rows(&self, table: &Table) -> Vec<Row> {
        let mut entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.table == *table).collect();
        entries.sort_by_key(|entry| entry.contender);
        let baseline = entries.iter().find(|entry| entry.contender == Contender::None).copied();
        entries.into_iter().map(|entry| Row { contender: entry.contender, figures: entry.figures(baseline) }).collect()
    }

    pub fn json(&self) -> Vec<Value> {
        let tables = self.tables();
        tables.iter().flat_map(|table| self.rows(table).into_iter().map(|row| row.json(table))).collect()
    }
}

impl Entry {
    /// One wrong round spoils them all.
    fn figures(&self, baseline: Option<&Self>) -> Result<Figures, String> {
        let samples: Vec<&Sample> =
            self.samples.iter().map(|sample| sample.as_ref().map_err(Clone::clone)).collect::<Result<_, _>>()?;
        let of = |figure: &dyn Fn(&Sample) -> f64| Spread::of(samples.iter().map(|sample| figure(sample)));
        let over = baseline.map(|baseline| {
            let bases = baseline.samples.iter().map(|base| base.as_ref().ok());
            let pairs = samples.iter().zip(bases).filter_map(|(sample, base)| Some(sample.cpu_us - base?.cpu_us));
            Spread::of(pairs)
        });
        let authorizer: Vec<f64> = samples.iter().filter_map(|sample| sample.authorizer_cpu_us).collect();
        Ok(Figures {
            cpu: of(&|sample| sample.cpu_us),
            over,
            authorizer_cpu: (!authorizer.is_empty()).then(|| Spread::of(authorizer.into_iter())),
            p50: of(&|sample| sample.p50_us),
            p99: of(&|sample| sample.p99_us),
            requests: samples.iter().map(|sample| sample.requests).sum(),
            not_2xx: samples.iter().map(|sample| sample.not_2xx).sum(),
        })
    }
}

impl Spread {
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        let middle = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        let (least, most) = (middle(0), sorted.last().copied().unwrap_or(f64::NAN));
        Self { median: f64::midpoint(middle(lower), middle(upper)), least, most }
    }
}

impl Row {
    fn json(&self, table: &Table) -> Value {
        let mut row = json!({
            "table": table.name,
            "contender": self.contender.name(),
            "alg": table.alg.to_string(),
            "mode": table.mode.name(),
            "cpu_us": null, "over_baseline_us": null, "p50_us": null, "p99_us": null,
            "requests": null, "non_2xx": null,
        });
        match &self.figures {
            Err(error) => row["error"] = json!(error),
            Ok(figures) => {
                row["cpu_us"] = json!(round(figures.cpu.median));
                row["cpu_us_min"] = json!(round(figures.cpu.least));
                row["cpu_us_max"] = json!(round(figures.cpu.most));
                row["over_baseline_us"] = json!(figures.over.map(|over| round(over.median)));
                row["p50_us"] = json!(round(figures.p50.median));
                row["p99_us"] = json!(round(figures.p99.median));
                row["requests"] = json!(figures.requests);
                row["non_2xx"] = json!(figures.not_2xx);
                if let Some(authorizer) = figures.authorizer_cpu {
                    row["authorizer_cpu_us"] = json!(round(authorizer.median));
                }
            }
        }
        row
    }
}

/// To the nanosecond, which is more than can be relied on.
fn round(microseconds: f64) -> f64 {
    (microseconds * 1e3).round() / 1e3
}
