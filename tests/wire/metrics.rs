//! What operators see: a real Prometheus, as it is shipped, looks at a real Envoy after requests of each kind.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::harness::config::{named_issuer, remote_issuer, with_issuer};
use super::harness::dynamic::Drain;
use super::harness::envoy::project;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::prometheus::Prometheus;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use super::harness::wait::wait_until;
use super::reissue::keys::{Key, of_host};
use crate::support::mint::{ISSUER, Signer, Token, jwks};

const OTHER: &str = "https://other-issuer.test";

/// Whose name ends in what is a label's beginning elsewhere.
const DOTTED: &str = "https://login.rule.test/outcome.x";

fn shipped(name: &str) -> String {
    fs::read_to_string(project().join("envoy").join(name)).expect("a file")
}

/// Everything that is counted can happen here, with room for two tokens only.
fn config(issuer: &Issuer) -> Value {
    issuer.on("/keys", Script::json(&jwks(&[&Signer::rs256()])));
    issuer.on("/none", Script::bytes(500, b"out of order"));
    let mut config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let issuers = config["issuers"].as_array_mut().expect("issuers");
    issuers.push(named_issuer(OTHER, &issuer.url("/none")));
    issuers.push(named_issuer(DOTTED, &issuer.url("/keys")));
    config["token_cache"] = json!({ "max_entries": 2 });
    config["reissue"] = json!({ "issuer": "https://lsp.test", "keys": [Key::es256().in_config()] });
    let rules = config["rules"].as_array_mut().expect("rules");
    rules.push(json!({ "name": "trial", "match": { "prefix": "/trial" }, "shadow": true }));
    let reissue = json!({ "audience": "https://job.test", "safe_methods": true });
    rules.push(json!({ "name": "job_1-a", "match": { "prefix": "/job" }, "reissue": reissue }));
    config
}

/// A status, and how such a request is counted.
type Counted = (u16, &'static str, &'static str, &'static str);

/// Each with how it is counted.
fn requests() -> Vec<(Request, Counted)> {
    let signer = &Signer::rs256();
    let get = |path: &str, token: &Token| Request::get(path).bearer(&token.mint());
    let good = || Token::new(signer);
    let forged = good().mint();
    let forged = Request::get("/me").bearer(&format!("{}{}", &forged[..forged.len() - 40], "A".repeat(40)));
    vec![
        (Request::get("/open"), (200, "allow", "anonymous", "open")),
        (get("/me", &good()), (200, "allow", "ok", "me")),
        (get("/me", &good().claim("iss", DOTTED)), (200, "allow", "ok", "me")),
        (get("/api/tap", &good()), (403, "deny", "insufficient_scope", "tap")),
        (get("/me", &good().expires_in(-3600).issued_in(-7200)), (401, "deny", "expired", "me")),
        (get("/me", &good().claim("aud", "https://elsewhere.test")), (401, "deny", "wrong_audience", "me")),
        (get("/me", &good().claim("iss", "https://nobody.test")), (401, "deny", "unknown_issuer", "me")),
        (get("/me", &good().claim("iss", OTHER)), (503, "deny", "keys_unavailable", "me")),
        (forged.clone(), (401, "deny", "bad_signature", "me")),
        (forged, (401, "deny", "bad_signature", "me")),
        (Request::get("/me"), (401, "deny", "missing_credential", "me")),
        (Request::get("/elsewhere"), (403, "deny", "no_rule", "none")),
        (Request::get("/trial"), (200, "shadow_deny", "missing_credential", "trial")),
        (get("/trial", &good()), (200, "allow", "ok", "trial")),
        (get("/job", &good()), (200, "allow", "ok", "job_1-a")),
    ]
}

/// Without the variables of the dashboard, with everything of theirs.
fn filled_in(expression: &str) -> String {
    let values = [("$__rate_interval", "30s"), ("$__range", "5m"), ("$job", "envoy")];
    let text = values.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    ["$instance", "$rule", "$issuer"].iter().fold(text, |text, name| text.replace(name, ".*"))
}

#[test]
fn a_real_prometheus_sees_what_alerts_and_dashboard_ask_for() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let sample: Value = serde_yaml_ng::from_str(&shipped("envoy.yaml")).expect("YAML");
    let setup = Setup::new(&config(&issuer)).stats(sample["stats_config"].clone()).dynamic(Drain::Late);
    let stage = Stage::with_issuer(&journal, &issuer, setup.variables(of_host(&[&Key::es256()])));
    let prometheus = Prometheus::start(stage.envoy.admin_address());
    let send = || {
        for (request, (status, _, reason, _)) in requests() {
            let answer = stage.send(Protocol::Http1, &request).answer;
            assert_eq!(answer.status, status, "{reason}: {}", answer.text());
        }
    };
    // The second time is after the first was seen: a rate is of what rises.
    send();
    let counted = |decision, reason, rule| {
        let labels = format!("job=\"envoy\",decision=\"{decision}\",reason=\"{reason}\",rule=\"{rule}\"");
        prometheus.value(&format!("postern_requests_total{{{labels}}}"))
    };
    wait_until("the first requests are seen", || counted("deny", "no_rule", "none") == Some(1.0));
    send();
    wait_until("the second ones are seen", || counted("allow", "ok", "job_1-a") == Some(2.0));

    let all = requests();
    for (_, (_, decision, reason, rule)) in &all {
        let sent = 2 * all.iter().filter(|(_, (_, d, r, n))| (d, r, n) == (decision, reason, rule)).count();
        assert_eq!(counted(decision, reason, rule), Some(sent as f64), "{decision} {reason} {rule}");
    }
    let total = prometheus.value("sum(postern_requests_total)");
    assert_eq!(total, Some(2.0 * all.len() as f64), "nothing else is counted");

    keys_and_tokens_are_told(&prometheus);
    every_metric_is_there_with_its_labels(&prometheus);
    every_expression_is_answered(&prometheus);
    the_alerts_work(&prometheus);
}

fn keys_and_tokens_are_told(prometheus: &Prometheus) {
    for (expression, want) in [
        (format!("postern_jwks_keys{{issuer=\"{ISSUER}\"}}"), 1.0),
        (format!("postern_jwks_keys{{issuer=\"{DOTTED}\"}}"), 1.0),
        (format!("postern_jwks_keys{{issuer=\"{OTHER}\"}}"), 0.0),
        (format!("postern_jwks_fetch_total{{issuer=\"{ISSUER}\",outcome=\"ok\"}} >= bool 1"), 1.0),
        (format!("postern_jwks_fetch_total{{issuer=\"{DOTTED}\",outcome=\"ok\"}} >= bool 1"), 1.0),
        (format!("postern_jwks_fetch_total{{issuer=\"{OTHER}\",outcome=\"status\"}} >= bool 1"), 1.0),
        ("count(postern_jwks_age_seconds)".to_owned(), 2.0),
        ("postern_token_cache_total{outcome=\"hit_bad_signature\"} >= bool 2".to_owned(), 1.0),
        ("postern_token_cache_entries".to_owned(), 3.0),
    ] {
        // Of tokens Envoy is told once a second.
        wait_until(&format!("{expression} is {want}"), || prometheus.value(&expression) == Some(want));
    }
}

/// The list that alerts and dashboard are held to elsewhere is what a real Envoy gives, and nothing else of Envoy is kept.
fn every_metric_is_there_with_its_labels(prometheus: &Prometheus) {
    let mut listed = BTreeSet::new();
    let text = shipped("observability/metrics.txt");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().expect("a name");
        listed.insert(name.to_owned());
        let of_all = ["__name__", "instance", "job"].map(str::to_owned);
        let labels = words.skip(1).map(|word| word.split('=').next().expect("a label").to_owned());
        let want: BTreeSet<String> = labels.chain(of_all).collect();
        let series = prometheus.ask("series", &[("match[]", name)]);
        let series = series.as_array().expect("series");
        assert!(!series.is_empty(), "there is no {name}");
        for one in series {
            let labels: BTreeSet<String> = one.as_object().expect("labels").keys().cloned().collect();
            assert_eq!(labels, want, "{name}");
        }
    }
    let kept = prometheus.ask("label/__name__/values", &[]);
    for name in kept.as_array().expect("names").iter().filter_map(Value::as_str) {
        let of_prometheus = name == "up" || name == "ALERTS" || name == "ALERTS_FOR_STATE" || name.contains(':');
        let kept = name.starts_with("scrape_") || name.starts_with("envoy_wasm_") || listed.contains(name);
        assert!(of_prometheus || kept, "{name} is kept, and nobody asks for it");
    }
}

fn every_expression_is_answered(prometheus: &Prometheus) {
    let dashboard: Value = serde_json::from_str(&shipped("observability/grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let mut asked = 0;
    for panel in panels.filter(|panel| panel["type"] != "row") {
        for target in panel["targets"].as_array().expect("expressions") {
            let expression = filled_in(target["expr"].as_str().expect("an expression"));
            assert!(!expression.contains('$'), "a variable is left in {expression}");
            wait_until(&format!("{} is answered: {expression}", panel["title"]), || {
                let found = prometheus.query(&expression);
                !found.is_empty() && found.iter().all(|series| series["value"][1] != "NaN")
            });
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} expressions");
    // Rare, we hope: an answer is enough.
    let annotations = dashboard["annotations"]["list"].as_array().expect("annotations").iter();
    for expression in annotations.filter_map(|annotation| annotation["expr"].as_str()) {
        prometheus.query(expression);
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect("label_values");
        let (metric, label) = inside.rsplit_once(", ").expect("a metric and a label");
        let values = prometheus.ask(&format!("label/{label}/values"), &[("match[]", &filled_in(metric))]);
        assert!(!values.as_array().expect("values").is_empty(), "nothing to choose from: {query}");
    }
}

fn the_alerts_work(prometheus: &Prometheus) {
    let groups = prometheus.ask("rules", &[]);
    let groups = groups["groups"].as_array().expect("groups").iter();
    let rules: Vec<Value> = groups.flat_map(|group| group["rules"].as_array().expect("rules").clone()).collect();
    assert!(rules.len() > 15, "{} rules", rules.len());
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    for (what, expression) in [
        ("no keys", format!("ALERTS{{alertname=\"PosternNoKeys\",issuer=\"{OTHER}\"}}")),
        ("a shadow rule", "ALERTS{alertname=\"PosternShadowDenials\",alertstate=\"firing\",rule=\"trial\"}".to_owned()),
    ] {
        wait_until(&format!("an alert is on its way: {what}"), || prometheus.value(&expression) == Some(1.0));
    }
    assert!(prometheus.query("ALERTS{alertname=~\"PosternCrashed|PosternInternalError|PosternNotSeen\"}").is_empty());
}
