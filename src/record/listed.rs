//! `envoy/observability/metrics.txt`, to which alerts and dashboard are held, for the tests that hold it to what is counted.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a metric with their values; none, where these are the configuration's.
type Labels = BTreeMap<String, BTreeSet<String>>;

const OF_CONFIGURATION: [&str; 2] = ["rule", "issuer"];

/// Holds the file to these names, as the filter defines them: all metrics in it that begin so are among them, with all
/// values, and none besides.
pub fn hold(beginning: &str, names: impl IntoIterator<Item = impl AsRef<str>>) {
    let mut counted: BTreeMap<String, Labels> = BTreeMap::new();
    for name in names {
        let (metric, mut rest) = name.as_ref().split_once('.').unwrap_or((name.as_ref(), ""));
        let labels = counted.entry(metric.to_owned()).or_default();
        while let Some((label, value)) = rest.split_once('.') {
            let values = labels.entry(label.to_owned()).or_default();
            // A name of the configuration's stands last, and may have dots.
            if OF_CONFIGURATION.contains(&label) {
                break;
            }
            let (value, more) = value.split_once('.').unwrap_or((value, ""));
            values.insert(value.to_owned());
            rest = more;
        }
    }
    assert!(!counted.is_empty());
    assert_eq!(listed(beginning), counted);
}

fn listed(beginning: &str) -> BTreeMap<String, Labels> {
    let text = include_str!("../../envoy/observability/metrics.txt");
    let lines = text.lines().filter(|line| line.starts_with(beginning));
    let metric = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let labels = words.skip(1).map(|word| {
            let (label, values) = word.split_once('=').unwrap();
            let values = values.split('|').filter(|value| *value != "*").map(str::to_owned);
            (label.to_owned(), values.collect())
        });
        (name, labels.collect())
    };
    lines.map(metric).collect()
}
