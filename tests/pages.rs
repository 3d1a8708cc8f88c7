//! The pages lead where they say, and what a reader copies out of them is right.

#![cfg(test)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "pages/blocks.rs"]
mod blocks;

use std::collections::BTreeSet;
use std::fs;

use blocks::{blocks, is_whole, pages, plugin_configuration};
use postern::config::Config;
use postern::secret::Secret;
use serde_json::{Value, json};

/// The lines that are prose: a fence begins and ends what is none.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A heading's name in a link, as GitHub and GitLab make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter_map(|line| line.strip_prefix('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// What stands in the parentheses of links and pictures, without what leads elsewhere.
fn links(page: &str) -> Vec<&str> {
    let targets = prose(page).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
    targets.map(|(link, _)| link).filter(|link| !link.contains("://")).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut followed = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for link in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !heading.is_empty() {
                let there = anchors(&fs::read_to_string(&target).expect("a page"));
                assert!(there.contains(heading), "{}: {link}, where the headings are {there:?}", page.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 30, "{followed} links were found");
}

/// `[text][name]` and `[name]: where`: one without the other shows as brackets, or is read by nobody.
#[test]
fn every_name_of_a_source_is_defined_once_and_used() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        let named = prose(&text).flat_map(|line| line.split("][").skip(1)).filter_map(|rest| rest.split_once(']'));
        let used: BTreeSet<&str> = named.map(|(name, _)| name).collect();
        let lines = prose(&text).filter_map(|line| line.strip_prefix('[')?.split_once("]: http"));
        let defined: Vec<&str> = lines.map(|(name, _)| name).collect();
        let once: BTreeSet<&str> = defined.iter().copied().collect();
        assert_eq!(once.len(), defined.len(), "{}: a source is defined twice", page.display());
        assert_eq!(once, used, "{}", page.display());
        seen += once.len();
    }
    assert!(seen > 10, "{seen} sources were found");
}

#[test]
fn a_heading_has_the_name_that_links_use() {
    for (heading, name) in [
        ("What becomes of keys", "what-becomes-of-keys"),
        ("COPY and MOVE", "copy-and-move"),
        ("`postern check`, and why", "postern-check-and-why"),
        ("Envoy's own", "envoys-own"),
    ] {
        assert_eq!(anchor(heading), name);
    }
}

/// What a page shows alone goes beside what readers have: issuers, and a rule.
fn completed(part: &Value) -> Value {
    let mut whole = json!({
        "issuers": [
            { "issuer": "https://login.example.org", "audiences": ["https://api.example.org"], "jwks": { "cluster": "login" } },
            { "issuer": "https://tokens.example.org", "profile": "wlcg", "audiences": ["https://dav.example.org"],
              "jwks": { "cluster": "tokens" } },
        ],
        "rules": [{ "name": "all", "match": { "prefix": "/" } }],
    });
    for (name, value) in part.as_object().expect("members") {
        whole[name] = value.clone();
    }
    whole
}

fn key_of(variable: &str) -> Option<Secret> {
    let text = match variable {
        "POSTERN_SIGNING_KEY" => include_str!("support/keys/test-rsa2048-a.pem"),
        "POSTERN_NEXT_KEY" => include_str!("support/keys/test-p256-a.pem"),
        "POSTERN_SHORT_KEY" => include_str!("support/keys/test-p256-b.pem"),
        _ => return None,
    };
    Some(Secret::new(text))
}

fn is_right(place: &str, config: &Value) {
    let outcome = Config::parse_in(config.to_string().as_bytes(), &key_of);
    if let Err(mistakes) = outcome {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{place}: {}", lines.join("\n"));
    }
}

/// Of Envoy's, Istio's or Prometheus's, which `tests/wire/pages.rs` loads or others check.
fn is_of_others(block: &Value) -> bool {
    let alerts = |items: &Vec<Value>| items.iter().all(|item| item.get("alert").is_some());
    let theirs = ["access_log", "apiVersion", "clusters", "routes", "vm_config", "vmConfig"];
    block.as_array().is_some_and(alerts) || theirs.iter().any(|name| block.get(name).is_some())
}

#[test]
fn every_configuration_on_a_page_is_right() {
    let (mut whole, mut parts) = (0, 0);
    for block in blocks() {
        let ours = ["issuers", "rules", "reissue", "capabilities", "headers", "credentials", "token_cache"];
        if let Some(config) = plugin_configuration(&block.value) {
            is_right(&block.place, config);
            whole += 1;
        } else if is_whole(&block.value) {
            is_right(&block.place, &block.value);
            whole += 1;
        } else if ours.iter().any(|name| block.value.get(name).is_some()) {
            is_right(&block.place, &completed(&block.value));
            parts += 1;
        } else {
            assert!(is_of_others(&block.value), "{}: nobody checks this", block.place);
        }
    }
    assert!(whole >= 7, "{whole} whole configurations were found");
    assert!(parts >= 4, "{parts} parts were found");
}
