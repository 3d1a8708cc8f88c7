//! What is told of a decision: a counter and a record, once, on the stream that was decided.

use serde_json::{Value, json};

use super::bench::{CACHE, ISSUER, Issuer, OK, beat, config, config_with_keys, crowd, get, host, started, the_call};
use crate::host::{Effect, Host, LogLevel, Root, Stream, Who};

/// The records that were set, by stream, and the counters of decisions and fetches that were counted up.
fn told(host: &Host) -> (Vec<(Who, Value)>, Vec<String>) {
    let (mut records, mut counters) = (Vec::new(), Vec::new());
    for effect in host.effects() {
        match effect {
            Effect::SetProperty { context, path, value } => {
                assert_eq!(path, "postern");
                records.push((context, serde_json::from_slice(&value).unwrap()));
            }
            Effect::Increment { metric, offset } if !metric.starts_with("postern_token_cache") => {
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

fn definition(effect: Effect) -> Option<String> {
    match effect {
        Effect::DefineMetric { name } => Some(name),
        _ => None,
    }
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
    // They are told in turns.
    (0..3).for_each(|_| root.tick());
    let (records, counters) = told(&host);
    assert_eq!(records.len(), 40);
    for stream in &crowd {
        assert_eq!(record_of(&records, stream)["reason"], "keys_unavailable");
    }
    assert_eq!(of_decisions(&counters), [DENIED; 40]);
    let mut defined: Vec<String> = host.effects().into_iter().filter_map(definition).collect();
    defined.sort();
    let fetch = format!("postern_jwks_fetch_total.outcome.no_answer.issuer.{ISSUER}");
    let keys = format!("postern_jwks_keys.issuer.{ISSUER}");
    let looked_for = "postern_token_cache_total.outcome.miss";
    assert_eq!(defined, [&fetch, &keys, DENIED, looked_for], "each definition takes a number for ever");
}

#[test]
fn how_many_keys_there_are_and_how_old_they_are_is_told_where_it_changes() {
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    let (keys, age) =
        (format!("postern_jwks_keys.issuer.{ISSUER}"), format!("postern_jwks_age_seconds.issuer.{ISSUER}"));
    let told = || {
        let record = |effect| match effect {
            Effect::Record { metric, value } => Some((metric, value)),
            _ => None,
        };
        let told: Vec<(String, u64)> = host.effects().into_iter().filter_map(record).collect();
        host.forget_effects();
        told
    };
    root.tick();
    assert_eq!(told(), [(keys.clone(), 0)], "what is not there has no age");
    issuer.answer(&root, the_call(&host, &root));
    root.tick();
    assert_eq!(told(), [(keys.clone(), 1), (age.clone(), 0)]);
    host.advance_millis(900);
    root.tick();
    assert_eq!(told(), []);
    host.advance_millis(100);
    root.tick();
    assert_eq!(told(), [(age.clone(), 1)]);
    host.advance(CACHE);
    root.fail_call(the_call(&host, &root));
    assert_eq!(told(), [(age.clone(), CACHE + 1)], "they are the same still");
    host.advance(60);
    issuer.answer(&root, the_call(&host, &root));
    root.tick();
    assert_eq!(told().last(), Some(&(age.clone(), 0)));
    host.advance(CACHE + 24 * 3600);
    root.tick();
    assert_eq!(told(), [(keys, 0), (age, CACHE + 24 * 3600)], "none that can be used, and why");
}

#[test]
fn keys_of_the_configuration_have_no_gauges() {
    let host = host(&config_with_keys(&Issuer::new()));
    let root = started(&host);
    beat(&host, &root);
    assert_eq!(host.effects().into_iter().filter_map(definition).next(), None);
}

#[test]
fn each_fetch_is_counted_and_each_change_of_state_is_a_line_in_the_log() {
    type End = fn(&Root, u32, &[u8]);
    struct Case {
        name: &'static str,
        end: End,
        outcome: &'static str,
        /// What the line says beside the issuer, where there is one.
        line: Option<(LogLevel, &'static str)>,
    }
    fn case(name: &'static str, end: End, outcome: &'static str, line: Option<(LogLevel, &'static str)>) -> Case {
        Case { name, end, outcome, line }
    }
    let fails: End = |root, call, _| root.fail_call(call);
    let refuses: End = |root, call, _| root.answer_call(call, &[(":status", "500")], b"");
    let answers: End = |root, call, keys| root.answer_call(call, &[OK], keys);
    let changes: End = |root, call, _| Issuer::new().answer(root, call);
    let (info, warn) = (LogLevel::Info, LogLevel::Warn);
    // One after the other.
    let cases = [
        case("no answer", fails, "no_answer", Some((warn, "there are none to go on with"))),
        case("no answer again", fails, "no_answer", None),
        case("another failure", refuses, "status", None),
        case("keys", answers, "ok", Some((info, "to use are key-1"))),
        case("the same keys", answers, "ok", None),
        case("a failure with keys at hand", refuses, "status", Some((warn, "those at hand stay in use"))),
        case("the same failure", refuses, "status", None),
        case("the keys again", answers, "ok", Some((info, "fetched again"))),
        case("other keys", changes, "ok", Some((info, "changed"))),
        case(
            "what is no key set",
            |root, call, _| root.answer_call(call, &[OK], b"<html>"),
            "bad_jwks",
            Some((warn, "stay")),
        ),
    ];
    let issuer = Issuer::new();
    let host = host(&config());
    let root = started(&host);
    for Case { name, end, outcome, line } in cases {
        let call = the_call(&host, &root);
        host.forget_effects();
        end(&root, call, issuer.keys().to_string().as_bytes());
        assert_eq!(told(&host).1, [format!("postern_jwks_fetch_total.outcome.{outcome}.issuer.{ISSUER}")], "{name}");
        let lines =
            [(info, host.logged(info)), (warn, host.logged(warn)), (LogLevel::Error, host.logged(LogLevel::Error))];
        let lines: Vec<(LogLevel, String)> =
            lines.into_iter().flat_map(|(level, lines)| lines.into_iter().map(move |line| (level, line))).collect();
        match (line, &lines[..]) {
            (None, []) => {}
            (Some((level, text)), [(is, line)]) => {
                assert!(*is == level && line.contains(text) && line.contains(ISSUER), "{name}: {line}");
            }
            (_, lines) => panic!("{name}: {lines:?}"),
        }
        host.advance(CACHE);
    }
}

#[test]
fn a_call_of_another_worker_is_counted_and_told_by_that_one_alone() {
    let issuer = Issuer::new();
    let host = host(&config());
    let roots = [started(&host), started(&host)];
    host.forget_effects();
    roots.iter().for_each(Root::tick);
    roots[0].fail_call(host.calls_under_way()[0]);
    host.advance(1);
    roots.iter().for_each(Root::tick);
    issuer.answer(&roots[0], the_call(&host, &roots[0]));
    roots.iter().for_each(Root::tick);
    assert_eq!(told(&host).1.len(), 2, "{:?}", told(&host).1);
    assert_eq!([host.logged(LogLevel::Warn).len(), host.logged(LogLevel::Info).len()], [1, 1]);
}
