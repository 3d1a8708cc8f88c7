//! Every field, word and bound that one of both knows, the other one knows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::both::{Case, agree, parser, reference, schema, validator, with};

/// One place of the reference and what the schema says of it.
pub struct Place {
    pub at: String,
    pub schema: Value,
}

fn resolved(schema: &Value, root: &Value) -> Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return schema.clone();
    };
    root.pointer(reference.strip_prefix('#').unwrap()).expect("a definition").clone()
}

/// Goes through schema and reference side by side. Of a list the first item that there is stands for all, but for
/// issuers, of which another one has the keys inline.
pub fn places() -> Vec<Place> {
    let mut found = Vec::new();
    collect(schema(), &reference(), String::new(), &mut found);
    found
}

fn collect(part: &Value, document: &Value, at: String, found: &mut Vec<Place>) {
    let part = resolved(part, schema());
    found.push(Place { at: at.clone(), schema: part.clone() });
    if let Some(properties) = part.get("properties").and_then(Value::as_object) {
        for (name, part) in properties {
            if let Some(value) = document.get(name) {
                collect(part, value, format!("{at}/{name}"), found);
            }
        }
    }
    if let (Some(items), Some(list)) = (part.get("items"), document.as_array()) {
        for (position, value) in list.iter().enumerate() {
            collect(items, value, format!("{at}/{position}"), found);
        }
    }
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_object_has_the_fields_that_the_parser_knows_there() {
    let reference = reference();
    let (mut objects, mut fields) = (0, BTreeSet::new());
    for Place { at, schema } in places() {
        if schema["type"] != "object" || schema["additionalProperties"] != json!(false) {
            continue;
        }
        let probed = with(&reference, &format!("{at}/no_such_field"), Some(json!(1)));
        let errors = parser(&probed);
        let [error] = errors.as_slice() else { panic!("{at}: {errors:?}") };
        let known =
            error.problem.strip_prefix("unknown field; known here: ").unwrap_or_else(|| panic!("{at}: {error}"));
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        let described: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(described, known, "the fields at {at:?}");
        objects += 1;
        fields.extend(known);
    }
    assert!(objects >= 16 && fields.len() > 60, "{objects} objects with {} names", fields.len());
}

/// What the parser looks into and the schema leaves open is known by name: their members' names are the user's own.
#[test]
fn only_objects_whose_names_are_free_are_open() {
    let open: BTreeSet<String> = places()
        .into_iter()
        .filter(|place| place.schema["type"] == "object" && place.schema["additionalProperties"] != json!(false))
        .map(|place| place.at)
        .collect();
    let inline = ["/issuers/1/jwks/inline", "/issuers/1/jwks/inline/keys/0"];
    let named = ["/capabilities/groups", "/headers/claims", "/issuers/0/scope_map"];
    assert_eq!(open, inline.into_iter().chain(named).map(str::to_owned).collect());
}

#[test]
fn what_is_required_is_required_by_both() {
    let reference = reference();
    let mut required = 0;
    for Place { at, schema } in places() {
        if schema["additionalProperties"] != json!(false) {
            continue;
        }
        let demanded = names(&schema["required"]);
        let value = reference.pointer(&at).unwrap();
        for name in value.as_object().unwrap().keys() {
            let errors = parser(&with(&reference, &format!("{at}/{name}"), None));
            let missing = errors
                .iter()
                .any(|error| error.problem == "is missing" && error.path.rsplit('.').next() == Some(name.as_str()));
            assert_eq!(demanded.contains(name), missing, "{name} at {at:?}: {errors:?}");
            required += usize::from(missing);
        }
        assert!(demanded.iter().all(|name| value.get(name).is_some()), "the reference has what {at} requires");
    }
    assert!(required > 8, "{required}");
}

#[test]
fn a_configuration_without_any_one_of_its_members_is_judged_alike() {
    let reference = reference();
    let mut cases = Vec::new();
    for Place { at, .. } in places() {
        if let Some(Value::Object(members)) = reference.pointer(&at) {
            for name in members.keys() {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                cases.push(Case { document: with(&reference, &at, None), name: format!("without {at}") });
            }
        }
    }
    // Whether an entry is that of our own issuer, which needs no keys, the parser alone can tell: tests/schema/unsaid.rs.
    let known = ["without /issuers/0/jwks", "without /issuers/1/jwks"];
    cases.retain(|case| !known.contains(&case.name.as_str()));
    let (accepted, refused) = agree(&cases);
    assert!(accepted > 60 && refused > 10, "{accepted} accepted, {refused} refused");
}

#[test]
fn each_closed_set_of_words_is_the_parsers() {
    let reference = reference();
    let (mut sets, mut cases) = (0, Vec::new());
    for Place { at, schema } in places() {
        let Some(words) = schema.get("enum").and_then(Value::as_array) else { continue };
        let errors = parser(&with(&reference, &at, Some(json!("no_such_word"))));
        let told = errors.iter().find_map(|error| error.problem.strip_prefix("expected one of ")).expect(&at);
        let (told, _) = told.split_once(", found ").unwrap();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words, told.split(", ").collect::<Vec<_>>(), "the words at {at}");
        sets += 1;
        for word in words {
            let name = format!("{at} = {word}");
            cases.push(Case { name, document: with(&reference, &at, Some(json!(word))) });
        }
    }
    assert!(sets >= 9, "{sets} sets of words");
    let (accepted, refused) = agree(&cases);
    assert!(accepted > 25 && refused > 2, "{accepted} accepted, {refused} refused");
}

#[test]
fn each_bound_is_the_parsers() {
    let reference = reference();
    let seconds = |text: &str| {
        let (number, unit) = text.split_at(text.len() - 1);
        number.parse::<u64>().unwrap()
            * match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => panic!("{text}"),
            }
    };
    let (mut bounds, mut cases) = (0, Vec::new());
    let mut probe = |at: &str, values: Vec<Value>| {
        for value in values {
            let name = format!("{at} = {value}");
            cases.push(Case { name, document: with(&reference, at, Some(value)) });
        }
    };
    for Place { at, schema } in places().into_iter().filter(|place| !place.at.is_empty()) {
        let errors = parser(&with(&reference, &at, Some(json!("99999999h"))));
        let duration = errors.iter().find_map(|error| error.problem.strip_prefix("must be between "));
        let number = errors.iter().find_map(|error| error.problem.strip_prefix("has to be a whole number from 0 to "));
        if let Some(told) = duration {
            let (least, most) = told.split_once(" and ").unwrap();
            let words = schema["description"].as_str().unwrap();
            assert!(words.ends_with(&format!("from {least} to {most}.")), "{at}: {words}");
            let (least, most) = (seconds(least), seconds(most));
            let mut values =
                vec![json!("s"), json!("1.5m"), json!("10"), json!("1 m"), json!("+60s"), json!("1d"), json!(60)];
            for number in
                [least.saturating_sub(1), least, most, most + 1, 59, 60, 61, 90, 100, 299, 300, 301, 999, 1000]
            {
                values.extend([json!(format!("{number}s")), json!(format!("00{number}s"))]);
            }
            for (unit, length) in [("m", 60), ("h", 3600)] {
                for number in [0, least.div_ceil(length), most / length, most / length + 1] {
                    values.push(json!(format!("{number}{unit}")));
                }
            }
            probe(&at, values);
            bounds += 1;
        }
        if let Some(most) = number {
            let most: u64 = most.parse().unwrap();
            assert_eq!(schema["maximum"], json!(most), "{at}");
            probe(&at, vec![json!(0), json!(-1), json!(most), json!(most + 1), json!("1"), json!(1.5), json!(null)]);
            bounds += 1;
        }
    }
    assert!(bounds >= 9, "{bounds} fields with bounds");
    let (accepted, refused) = agree(&cases);
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

/// To write a default down changes nothing.
#[test]
fn each_default_is_the_parsers() {
    let configuration = json!({
        "issuers": [{ "issuer": "https://a.test", "audiences": ["x"], "jwks": { "cluster": "a" } }],
        "credentials": {}, "headers": {}, "token_cache": {}, "capabilities": {},
        "reissue": { "issuer": "https://own.test", "keys": [{ "env": "K" }], "exchange": { "audiences": ["x"] } },
        "rules": [{ "name": "r", "match": { "prefix": "/r" }, "require": { "path": {} }, "reissue": { "audience": "x" } }],
    });
    let read = |document: &Value| {
        let key = |_: &str| Some(postern::secret::Secret::new(include_str!("../support/keys/test-p256-a.pem")));
        format!("{:?}", postern::config::Config::parse_in(document.to_string().as_bytes(), &key).unwrap())
    };
    let as_it_is = read(&configuration);
    let mut defaults = 0;
    for Place { at, schema } in places() {
        let Some(default) = schema.get("default") else { continue };
        let (parent, _) = at.rsplit_once('/').unwrap();
        if configuration.pointer(parent).is_some() {
            // The one place where a list of rules is given already.
            let document = if at == "/rules" { continue } else { with(&configuration, &at, Some(default.clone())) };
            assert_eq!(read(&document), as_it_is, "{at} = {default}");
            defaults += 1;
        }
    }
    assert!(defaults >= 29, "{defaults} defaults");
    let said = validator(&[configuration]);
    assert_eq!(said, [None]);
}
