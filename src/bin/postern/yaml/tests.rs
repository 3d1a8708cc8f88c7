use super::*;

fn json(text: &str) -> Result<Vec<Json>, String> {
    let documents = parse(text).map_err(|malformed| malformed.to_string())?;
    Ok(documents.iter().map(Node::to_json).collect())
}

#[test]
fn words_are_read_as_envoy_reads_them() {
    let text = |text: &str| Json::String(text.to_owned());
    for (written, want) in [
        ("a", text("a")),
        ("'1'", text("1")),
        ("\"true\"", text("true")),
        ("!!str 1", text("1")),
        ("true", Json::Bool(true)),
        ("Yes", Json::Bool(true)),
        ("off", Json::Bool(false)),
        ("1", Json::Integer(1)),
        ("-7", Json::Integer(-7)),
        ("+7", Json::Integer(7)),
        ("0", Json::Integer(0)),
        ("010", Json::Integer(8)),
        ("08", text("08")),
        ("0x1F", Json::Integer(31)),
        ("-0x10", Json::Integer(-16)),
        ("0x", text("0x")),
        ("1_000", text("1_000")),
        ("y", Json::Bool(true)),
        ("N", Json::Bool(false)),
        ("1.5", Json::Float(1.5)),
        ("1e3", Json::Float(1000.0)),
        (".inf", text(".inf")),
        ("nan", text("nan")),
        ("inf", text("inf")),
        ("1e999", text("1e999")),
        ("1h", text("1h")),
        ("10:30", text("10:30")),
        ("~", Json::Null),
        ("", Json::Null),
    ] {
        let member = Json::Object(vec![("a".to_owned(), want)]);
        assert_eq!(json(&format!("a: {written}\n")), Ok(vec![member]), "{written:?}");
    }
}

#[test]
fn documents_that_are_empty_are_none() {
    for (text, want) in [("", 0), ("# a\n", 0), ("---\n---\na: 1\n", 1), ("a: 1\n---\nb: 2\n", 2), ("{}", 1)] {
        assert_eq!(json(text).map(|documents| documents.len()), Ok(want), "{text:?}");
    }
}

#[test]
fn members_are_found_as_envoy_finds_them() {
    for (text, want) in [
        ("vm_id: a", Some("a")),
        ("vmId: a", Some("a")),
        ("vm_id: a\nvmId: b", Some("b")),
        ("vm_id: a\nvm_id: b", Some("b")),
        ("vmid: a", None),
        ("vmI_d: a", None),
        ("!ignore vm_id: a", None),
        ("vm_id: a\n!ignore vm_id: b", Some("a")),
    ] {
        let documents = parse(text).expect("YAML");
        assert_eq!(documents[0].get("vm_id").and_then(Node::text), want, "{text}");
    }
}

#[test]
fn an_alias_is_what_it_stands_for_where_it_is_used() {
    let documents = parse("a: &x [1, b]\nc: *x\n").expect("YAML");
    let alias = documents[0].get("c").expect("c");
    assert_eq!(alias.place, Place { line: 2, column: 4 });
    assert_eq!(alias.to_json(), documents[0].get("a").expect("a").to_json());
}

#[test]
fn what_would_not_end_is_refused() {
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let doubling = |times: usize| {
        let line = |i| format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1);
        "a0: &a0 [x]\n".to_owned() + &(1..times).map(line).collect::<String>()
    };
    let deepening = |times: usize| {
        let line = |i| format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(60), i - 1, "]".repeat(60));
        "a0: &a0 [x]\n".to_owned() + &(1..times).map(line).collect::<String>()
    };
    let long = |times: usize| format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a,".repeat(times));
    let in_one_another = |times: usize| {
        let open: String = (0..times).map(|i| format!("&a{i} [")).collect();
        format!("a: {open}{}{}\n", "1,".repeat(20_000), "]".repeat(times))
    };
    for (name, text, is_read) in [
        ("some long texts", long(10), true),
        ("too many of them", long(100), false),
        ("some anchors within each other", in_one_another(10), true),
        ("too many of them", in_one_another(100), false),
        ("as deep as may be", deep(MAX_DEPTH), true),
        ("deeper", deep(MAX_DEPTH + 1), false),
        ("far deeper", deep(100_000), false),
        ("some doubling", doubling(10), true),
        ("too much of it", doubling(64), false),
        ("deep by an alias", deepening(3), true),
        ("deeper by aliases", deepening(4), false),
        ("an alias of itself", "a: &x [*x]\n".to_owned(), false),
        ("an alias of nothing", "a: *x\n".to_owned(), false),
        ("a list for a name", "? [a]\n: b\n".to_owned(), false),
    ] {
        assert_eq!(parse(&text).is_ok(), is_read, "{name}");
    }
}
