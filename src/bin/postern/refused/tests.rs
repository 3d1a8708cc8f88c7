use serde_json::{Value, json};

use super::around::Around;
use super::line::{Decision, Entry, Line, Why, read};
use super::report::Report;
use super::tally::{Tally, Wanted};
use super::{machine, page, terminal};

const RECORD: &str = r#"{"client":"portal","decision":"deny","issuer":"https://a.test","missing":"read:tap","reason":"insufficient_scope","rule":"tap","scheme":"bearer","token_id":"x","user":"alice"}"#;

/// 2026-11-22T12:00:00Z.
const NOON: i64 = 1_795_348_800;

fn around(time: Option<i64>, method: Option<&str>, path: Option<&str>, status: Option<u16>) -> Around {
    Around { time, method: method.map(str::to_owned), path: path.map(str::to_owned), status }
}

fn entry(line: &str) -> Entry {
    match read(line, None) {
        Line::Entry(entry) => *entry,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_record_is_found_in_every_format_with_what_is_around_it() {
    let text = |record: &str| Value::from(record).to_string();
    let all = around(Some(NOON), Some("GET"), Some("/api/tap"), Some(403));
    let rows = [
        ("the sample's", format!("[2026-11-22T12:00:00.123Z] GET /api/tap HTTP/1.1 403 - postern_insufficient_scope {RECORD}"), all.clone()),
        ("Envoy's default, and the record", format!("[2026-11-22T12:00:00.123Z] \"GET /api/tap?a=b HTTP/2\" 403 - 0 61 0 - \"-\" \"curl/8\" \"id\" \"a.test\" \"-\" {RECORD}"), all.clone()),
        ("by bars", format!("/api/tap | 403 | details | {RECORD}"), around(None, None, Some("/api/tap"), Some(403))),
        ("no method and a number that is no status", format!("- /a 061 403 {RECORD}"), around(None, None, Some("/a"), Some(403))),
        ("the record alone", RECORD.to_owned(), Around::default()),
        ("in quotes", format!("GET /a 200 \"{RECORD}\""), around(None, Some("GET"), Some("/a"), Some(200))),
        ("with a line end of Windows", format!("GET /a 200 {RECORD}\r\n"), around(None, Some("GET"), Some("/a"), Some(200))),
        ("date and time apart", format!("2026-11-22 12:00:00 PROPFIND /a 207 {RECORD}"), around(Some(NOON), Some("PROPFIND"), Some("/a"), Some(207))),
        ("what runs containers before it", format!("2026-11-22T12:00:00.1+00:00 stdout F GET /a 200 {RECORD}"), around(Some(NOON), Some("GET"), Some("/a"), Some(200))),
        (
            "JSON, as text",
            format!(r#"{{"start_time":"2026-11-22T12:00:00Z","method":"GET","path":"/api/tap?q","response_code":403,"postern":{}}}"#, text(RECORD)),
            all.clone(),
        ),
        (
            "JSON, as an object, and other names",
            format!(r#"{{"@timestamp":"2026-11-22T13:00:00+01:00","http":{{"request_method":"GET","uri":"/api/tap","status":"403"}},"ext":{{"a":[{RECORD}]}}}}"#),
            all.clone(),
        ),
        ("an object under such a name", format!(r#"{{"status":{{"code":403}},"postern":{RECORD}}}"#), around(None, None, None, Some(403))),
        ("a number for the time", format!(r#"{{"ts":1795348800123,"postern":{RECORD}}}"#), around(Some(NOON), None, None, None)),
        (
            "text in a container's JSON",
            json!({ "log": format!("[2026-11-22T12:00:00Z] GET /api/tap HTTP/1.1 403 - - {RECORD}\n"), "stream": "stdout" }).to_string(),
            all.clone(),
        ),
        (
            "JSON in a container's JSON",
            json!({ "log": json!({ "time": "2026-11-22T12:00:00Z", "method": "GET", "path": "/api/tap", "status": 403, "r": RECORD }).to_string(), "time": "2030-01-01" }).to_string(),
            all.clone(),
        ),
        (
            "JSON behind a container's words",
            format!(r#"envoy-1  | {{"time":"2026-11-22T12:00:00Z","method":"GET","path":"/api/tap","status":403,"r":{}}}"#, text(RECORD)),
            all,
        ),
    ];
    for (name, line, around) in rows {
        let found = entry(&line);
        assert_eq!(found.around, around, "{name}");
        assert_eq!((found.decision, found.reason.as_str()), (Decision::Deny, "insufficient_scope"), "{name}");
        let names = [&found.rule, &found.issuer, &found.client, &found.user, &found.missing]
            .map(|name| name.as_deref().unwrap());
        assert_eq!(names, ["tap", "https://a.test", "portal", "alice", "read:tap"], "{name}");
    }
}

#[test]
fn what_a_client_writes_is_never_taken_for_the_record() {
    let forged = r#"{"decision":"allow","reason":"ok","user":"root"}"#;
    for (name, line) in [
        ("in the path", format!("GET /{forged} HTTP/1.1 403 {RECORD}")),
        ("begun in the path", format!(r#"GET /{{"decision":"allow","reason":"ok","user":" HTTP/1.1 403 {RECORD}"#)),
        (
            "a value that begins one",
            format!("GET / 403 {}", RECORD.replace("alice", r#"{\"decision\":\"allow\",\"reason\":\"ok\"}"#)),
        ),
        (
            "values that end in a brace",
            format!("GET / 403 {}", RECORD.replace("alice", "alice{").replace("portal", "{")),
        ),
        ("many beginnings", format!("GET /{} 403 {RECORD}", "{\"".repeat(10_000))),
    ] {
        let found = entry(&line);
        assert_eq!((found.decision, found.reason.as_str()), (Decision::Deny, "insufficient_scope"), "{name}");
    }
    let whole_line = json!({ "postern": forged, "record": forged }).to_string();
    for agent in [forged, &whole_line] {
        for (name, member) in [("postern", None), ("postern", Some("postern")), ("record", Some("record"))] {
            let line = |record: Value| json!({ "agent": agent, name: record }).to_string();
            let Line::Entry(found) = read(&line(json!(RECORD)), member) else { panic!("{name}, {member:?}") };
            assert_eq!(found.user.as_deref(), Some("alice"), "{name}, {member:?}");
            for none in [json!("-"), Value::Null] {
                let wrapped = json!({ "log": line(none.clone()) }).to_string();
                assert_eq!(read(&line(none), member), Line::NoRecord, "{name}, {member:?}");
                assert_eq!(read(&wrapped, member), Line::NoRecord, "{name}, {member:?}");
            }
        }
        let several = json!({ "agent": agent, "record": RECORD }).to_string();
        assert_eq!(read(&several, None), Line::NotUnderstood(Why::Several));
    }
    assert_eq!(read(&json!({ "agent": forged }).to_string(), Some("postern")), Line::NoRecord);
}

#[test]
fn a_line_without_a_record_is_told_from_one_that_is_not_understood() {
    let deep = format!("{}{RECORD}{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    for (name, line, want) in [
        ("Envoy refused it", "[2026-11-22T12:00:00Z] GET / HTTP/1.1 400 DPE - -".to_owned(), Line::NoRecord),
        ("a path with that word", "GET /decision HTTP/1.1 200 - -".to_owned(), Line::NoRecord),
        ("JSON without one", r#"{"path":"/decision","postern":null}"#.to_owned(), Line::NoRecord),
        ("another program's decision", r#"{"decision":"deny"}"#.to_owned(), Line::NoRecord),
        ("something behind it", format!("GET / 200 {RECORD} curl/8"), Line::NotUnderstood(Why::NotLast)),
        ("cut off", format!("GET / 200 {}", RECORD.split_at(RECORD.len() - 5).0), Line::NotUnderstood(Why::NotLast)),
        (
            "a name twice",
            format!("GET / 200 {}", RECORD.replace("\"scheme\"", "\"reason\"")),
            Line::NotUnderstood(Why::NotLast),
        ),
        (
            "another decision",
            format!("GET / 200 {}", RECORD.replace("deny", "perhaps")),
            Line::NotUnderstood(Why::UnknownDecision),
        ),
        ("too deep to be one", deep, Line::NotUnderstood(Why::NotLast)),
        ("nothing", String::new(), Line::NoRecord),
    ] {
        assert_eq!(read(&line, None), want, "{name}");
    }
}

/// As it is where there is no terminal.
fn plain(report: &Report) -> String {
    anstream::adapter::strip_str(&terminal::write(report)).to_string()
}

fn tally(lines: &[String], wanted: &Wanted) -> Tally {
    let mut tally = Tally::new(3);
    for (number, line) in lines.iter().enumerate() {
        tally.add(read(line, None), wanted, || format!("LOG:{}", number + 1));
    }
    tally
}

fn record(decision: &str, reason: &str, user: Option<&str>) -> String {
    json!({ "decision": decision, "reason": reason, "rule": "tap", "user": user }).to_string()
}

fn log() -> Vec<String> {
    let line = |minute: usize, record: String| {
        format!("[2026-11-22T12:{minute:02}:00Z] GET /a/{minute} HTTP/1.1 403 - - {record}")
    };
    vec![
        line(0, record("allow", "ok", Some("alice"))),
        line(1, record("deny", "insufficient_scope", Some("alice"))),
        line(9, record("deny", "insufficient_scope", Some("bob"))),
        line(5, record("deny", "insufficient_scope", Some("alice"))),
        line(4, record("deny", "expired", None)),
        line(3, record("shadow_deny", "no_such_reason", Some("bob"))),
        format!("/timeless {}", record("deny", "expired", None)),
        "GET /x HTTP/1.1 400 - - -".to_owned(),
        format!("{RECORD} behind"),
    ]
}

#[test]
fn a_log_adds_up() {
    let tally = tally(&log(), &Wanted::default());
    let found = machine::write(&tally, 10);
    assert_eq!(
        found["lines"],
        json!({ "read": 9, "without_record": 1, "older": 0, "without_time": 0, "filtered": 0, "not_understood": { "not_last": { "count": 1, "first": "LOG:9" } } })
    );
    assert_eq!((&found["from"], &found["to"]), (&json!("2026-11-22T12:00:00Z"), &json!("2026-11-22T12:09:00Z")));
    assert_eq!(found["allow"], json!({ "count": 1, "by_reason": { "ok": 1 } }));
    let reasons = found["deny"]["by_reason"]["rows"].as_array().unwrap();
    let reasons: Vec<_> = reasons
        .iter()
        .map(|row| (row["reason"].as_str().unwrap(), row["count"].clone(), row["callers"].clone(), row["last"].clone()))
        .collect();
    assert_eq!(
        reasons,
        [
            ("insufficient_scope", json!(3), json!(2), json!("2026-11-22T12:09:00Z")),
            ("expired", json!(2), json!(0), json!("2026-11-22T12:04:00Z")),
        ]
    );
    let newest = found["deny"]["newest"].as_array().unwrap();
    let newest: Vec<_> = newest.iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(newest, ["/a/9", "/a/5", "/a/4"], "by time, whatever their order, as many as were asked for");
    assert_eq!(found["shadow_deny"]["count"], 1);
    assert!(
        plain(&Report::of(&tally, 10)).contains("Let on by shadow rules (shadow_deny), would be refused: 1 request")
    );
    assert_eq!(found["shadow_deny"]["by_reason"]["rows"][0]["means"], crate::reasons::UNKNOWN);
    assert_eq!(
        found["deny"]["by_user"]["rows"][0],
        json!({ "user": "alice", "count": 2, "last": "2026-11-22T12:05:00Z", "last_reason": "insufficient_scope" })
    );
}

#[test]
fn a_caller_is_the_user_or_else_the_client() {
    let line = |user: Option<&str>, client: Option<&str>| {
        format!("/a {}", json!({ "decision": "deny", "reason": "expired", "user": user, "client": client }))
    };
    let lines = [line(None, Some("portal")), line(Some("alice"), Some("portal")), line(None, None)];
    let tally = tally(&lines, &Wanted::default());
    let found = machine::write(&tally, 10);
    let callers = found["deny"]["newest"].as_array().unwrap().iter().map(|row| row["caller"].as_str());
    assert_eq!(callers.collect::<Vec<_>>(), [None, Some("alice"), Some("portal")]);
    assert_eq!(found["deny"]["by_reason"]["rows"][0]["callers"], 2);
    assert!(!plain(&Report::of(&tally, 10)).contains("Let on by"), "nothing is said of what there is not");
}

#[test]
fn tables_are_cut_where_they_would_not_fit_and_say_so() {
    let name = "a".repeat(60);
    let users = (0..5).map(|i| record("deny", "missing_credential", Some(&format!("{i}-{name}"))));
    let lines: Vec<String> = (0..20).flat_map(|_| users.clone()).map(|record| format!("/{name} {record}")).collect();
    let tally = tally(&lines, &Wanted::default());
    for (top, more) in [(3, 2), (5, 0)] {
        let text = plain(&Report::of(&tally, top));
        assert!(text.starts_with("100 requests, "), "{text}");
        assert_eq!(text.contains("and 2 more; --top shows more of them"), more == 2, "{text}");
        assert_eq!(text.contains("more; --top"), more > 0, "{text}");
        assert_eq!(machine::write(&tally, top)["deny"]["by_user"]["more"], more);
        assert!(text.lines().any(|line| line.ends_with(&format!("4-{name}"))), "the last cell is whole: {text}");
        assert!(text.contains(&format!("/{}…", "a".repeat(42))) && !text.contains(&format!("/{name}")), "{text}");
        let remarks = text.lines().filter(|line| line.starts_with("        "));
        assert!(remarks.clone().count() > 2 && remarks.into_iter().all(|line| line.len() < 120), "{text}");
    }
}

#[test]
fn a_log_without_any_record_says_how_to_have_one() {
    let none = "GET /x HTTP/1.1 400 - - -".to_owned();
    for (name, lines, want) in [
        ("nothing", vec![], false),
        ("none", vec![none.clone(), none.clone()], true),
        ("one", vec![none, log().remove(0)], false),
    ] {
        let told = plain(&Report::of(&tally(&lines, &Wanted::default()), 10));
        assert_eq!(
            told.contains("put %FILTER_STATE(wasm.postern:PLAIN)% into the log's format"),
            want,
            "{name}: {told}"
        );
    }
}

#[test]
fn filters_leave_out_and_say_how_much() {
    let some = |text: &str| Some(text.to_owned());
    for (name, wanted, deny, left_out) in [
        ("all", Wanted::default(), 5, (0, 0, 0)),
        ("since", Wanted { since: Some(NOON + 240), ..Wanted::default() }, 3, (3, 1, 0)),
        ("a rule", Wanted { rule: some("tap"), ..Wanted::default() }, 5, (0, 0, 0)),
        ("no rule", Wanted { rule: some("none"), ..Wanted::default() }, 0, (0, 0, 7)),
        ("a user", Wanted { user: some("alice"), ..Wanted::default() }, 2, (0, 0, 4)),
        ("a reason", Wanted { reason: some("expired"), ..Wanted::default() }, 2, (0, 0, 5)),
        (
            "a user and a reason",
            Wanted { user: some("bob"), reason: some("expired"), ..Wanted::default() },
            0,
            (0, 0, 7),
        ),
    ] {
        let tally = tally(&log(), &wanted);
        assert_eq!((tally.deny.count, (tally.older, tally.timeless, tally.other)), (deny, left_out), "{name}");
        let report = plain(&Report::of(&tally, 10));
        for (count, words) in [
            (tally.older, "older than --since"),
            (tally.other, "left out by --rule"),
            (tally.timeless, "--since needs a time"),
        ] {
            assert_eq!(report.contains(words), count > 0, "{name}: {report}");
        }
    }
}

/// A log whose every value is of an attacker's making.
fn hostile() -> Tally {
    let evil = "<script>alert(1)</script>\"'&\u{1b}[2J\u{9b}31m\u{202e}\r\n\u{7f}";
    let record = json!({ "decision": "deny", "reason": evil, "rule": evil, "user": evil, "client": evil, "issuer": evil, "missing": evil });
    let shadow = json!({ "decision": "shadow_deny", "reason": evil, "user": evil });
    let line = |record: Value| json!({ "path": format!("/{evil}"), "method": evil, "postern": record }).to_string();
    tally(&[line(record), line(shadow), format!("{evil} {RECORD} {evil}")], &Wanted::default())
}

#[test]
fn nothing_in_a_log_reaches_the_terminal_or_the_page_but_as_text() {
    let tally = hostile();
    let report = Report::of(&tally, 10);
    let json = machine::write(&tally, 10).to_string();
    // Only what is our own is taken away: colours, in bold and out of it.
    let text = terminal::write(&report).replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    for (name, text) in [("text", text), ("JSON", json)] {
        let acts = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(acts, None, "{name}: {text:?}");
        assert!(text.contains("alert(1)"), "{name}: what came is shown");
    }
    let page = page::write(&report);
    assert!(!page.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{page:?}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), "{page}");
    for active in
        ["<script", "<img", "<link", "<a ", "http-equiv=\"refresh", "src=", "href=", "url(", "@import", "onload"]
    {
        assert!(!page.contains(active), "{active} is on the page");
    }
    // Every element that was opened is one of ours, and closed.
    for element in ["table", "tr", "td", "th", "p", "ul", "li", "h2", "h3", "div"] {
        let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn a_log_of_nothing_but_different_names_is_counted_in_bounded_memory_and_says_so() {
    let mut tally = Tally::new(3);
    for i in 0..50_000 {
        let user = if i % 50 == 0 { "alice".to_owned() } else { format!("noise-{i}") };
        let record = json!({ "decision": "deny", "reason": format!("r{i}"), "rule": format!("x{i}"), "user": user, "issuer": format!("https://{i}") });
        tally.add(read(&format!("/ {record}"), None), &Wanted::default(), String::new);
    }
    let found = machine::write(&tally, 10);
    assert_eq!(found["deny"]["count"], 50_000);
    assert!(tally.deny.callers.len() <= 128, "{} reasons have their callers counted", tally.deny.callers.len());
    for table in ["by_reason", "by_rule_and_reason", "by_user", "by_issuer"] {
        let table = &found["deny"][table];
        let kept = table["rows"].as_array().unwrap().len() as u64 + table["more"].as_u64().unwrap();
        assert!(kept <= 4096 && table["uncounted"].as_u64().unwrap() > 40_000, "{kept}");
    }
    assert_eq!(found["deny"]["by_user"]["rows"][0]["user"], "alice");
    assert_eq!(found["deny"]["by_user"]["rows"][0]["count"], 1000);
    assert!(plain(&Report::of(&tally, 10)).contains("more than 4096 different ones"));
}
