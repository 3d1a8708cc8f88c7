//! What is told of a decision: a counter and a record, once, on the stream that was decided.

use serde_json::{Value, json};

use super::bench::{Issuer, beat, config, crowd, get, host, started, the_call};
use crate::host::{Effect, Host, Stream, Who};

/// The records that were set, by stream, and the counters that were counted up.
fn told(host: &Host) -> (Vec<(Who, Value)>, Vec<String>) {
    let (mut records, mut counters) = (Vec::new(), Vec::new());
    for effect in host.effects() {
        match effect {
            Effect::SetProperty { context, path, value } => {
                assert_eq!(path, "postern");
                records.push((context, serde_json::from_slice(&value).unwrap()));
            }
            Effect::Increment { metric, offset } => {
                assert_eq!(offset, 1);
                counters.push(metric);
            }
            _ => {}
        }
    }
    (records, counters)
}

fn record_of(records: &[(Who, Value)], stream: &Stream) -> Value {
    let its: Vec<&Value> = records.iter().filter(|(who, _)| *who == stream.who()).map(|(_, record)| record).collect();
    let [record] = its[..] else { panic!("{} has one record: {its:?}", stream.who()) };
    record.clone()
}

#[test]
fn a_parked_request_is_counted_and_recorded_on_its_own_stream_when_it_is_decided() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let host = host(&config());
    let root = started(&host);
    let alice = get(&root, &issuer.bearer("alice"));
    let forged = get(&root, &stranger.bearer("mallory"));
    let bob = get(&root, &issuer.bearer("bob"));
    let left = get(&root, &issuer.bearer("carol"));
    left.close();
    let call = the_call(&host, &root);
    assert_eq!(told(&host), (vec![], vec![]), "nothing is decided yet");

    issuer.answer(&root, call);
    for stream in [&alice, &forged, &bob] {
        stream.close();
    }
    beat(&host, &root);
    let (records, counters) = told(&host);
    assert_eq!(records.len(), 3, "{records:?}");
    for (stream, user) in [(&alice, "alice"), (&bob, "bob")] {
        let record = record_of(&records, stream);
        assert_eq!((&record["decision"], &record["user"]), (&json!("allow"), &json!(user)));
        // Told later, it would be told of a stream that is Envoy's again.
        let story = host.story_of(stream.who());
        let [.., told, last] = &story[..] else { panic!("{story:?}") };
        assert!(told.starts_with("property ") && last.starts_with("continue "), "{story:?}");
    }
    let record = record_of(&records, &forged);
    assert_eq!((&record["decision"], record.get("user")), (&json!("deny"), None));
    let reason = record["reason"].as_str().unwrap();

    const ALLOWED: &str = "postern_requests_total.decision.allow.reason.ok.rule.tap";
    let denied = format!("postern_requests_total.decision.deny.reason.{reason}.rule.tap");
    assert_eq!(of_decisions(&counters), [ALLOWED, &denied, ALLOWED]);
    assert_eq!((host.metric(ALLOWED), host.metric(&denied)), (2, 1));
}

/// Without those of fetches.
fn of_decisions(counters: &[String]) -> Vec<&str> {
    counters.iter().map(String::as_str).filter(|name| name.starts_with("postern_requests_total.")).collect()
}

#[test]
fn each_of_a_crowd_is_counted_and_recorded_once_also_when_no_keys_come() {
    const DENIED: &str = "postern_requests_total.decision.deny.reason.keys_unavailable.rule.tap";
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let crowd = crowd(&root, &issuer.bearer("alice"), 40);
    root.fail_call(the_call(&host, &root));
    while host.tick_of(&root) > 0 {
        root.tick();
    }
    let (records, counters) = told(&host);
    assert_eq!(records.len(), 40);
    for stream in &crowd {
        assert_eq!(record_of(&records, stream)["reason"], "keys_unavailable");
    }
    assert_eq!(of_decisions(&counters), [DENIED; 40]);
    let defined = host.effects().iter().filter(|effect| matches!(effect, Effect::DefineMetric { .. })).count();
    assert_eq!(defined, 2, "one for the fetch, one for the crowd: each definition takes a number for ever");
}
