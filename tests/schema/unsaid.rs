//! What only the parser can tell, each with the reason. A row that a schema came to tell fails, and goes to the others.

use serde_json::{Value, json};

use super::both::{parser, validator};

const TWO_VALUES: &str = "a schema does not compare two values";
const GEOMETRY: &str = "it takes the meaning of paths, hosts and methods together";
const OUTSIDE: &str = "it is not in the document";
const MEANING: &str = "it is arithmetic or cryptography";
const TEXT: &str = "a schema sees numbers, not how they are written";

fn configuration(issuers: Value, rules: Value) -> Value {
    json!({ "issuers": issuers, "rules": rules })
}

fn issuer(name: &str) -> Value {
    json!({ "issuer": name, "audiences": ["x"], "jwks": { "uri": "https://a.test/k", "cluster": "a" } })
}

fn ruled(rules: Value) -> Value {
    configuration(json!([issuer("https://a.test")]), rules)
}

fn with_own(change: impl Fn(&mut Value)) -> Value {
    let mut document = json!({
        "issuers": [issuer("https://a.test"), { "issuer": "https://own.test", "audiences": ["x"] }],
        "reissue": { "issuer": "https://own.test", "keys": [{ "env": "K" }], "exchange": { "audiences": ["x"] } },
    });
    change(&mut document);
    document
}

fn keyed(key: Value) -> Value {
    let mut issuer = issuer("https://a.test");
    issuer["jwks"] = json!({ "inline": { "keys": key } });
    configuration(json!([issuer]), json!([]))
}

#[test]
fn what_a_schema_cannot_say_the_parser_says() {
    let ed = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let rows = [
        (
            "two entries of one issuer",
            TWO_VALUES,
            configuration(json!([issuer("https://a.test"), issuer("https://a.test")]), json!([])),
            "another entry has the same issuer",
        ),
        ("two rules of one name", TWO_VALUES, ruled(json!([{ "name": "r" }, { "name": "r" }])), "has the same name"),
        (
            "two headers of one name",
            TWO_VALUES,
            json!({ "issuers": [issuer("https://a.test")], "headers": { "user": "x-auth-request-uid" } }),
            "is the name of two headers",
        ),
        (
            "a rule names an issuer that there is not",
            TWO_VALUES,
            ruled(json!([{ "name": "r", "require": { "issuers": ["https://a.test/"] } }])),
            "is none of `issuers`",
        ),
        (
            "the token endpoint names one",
            TWO_VALUES,
            with_own(|d| d["reissue"]["exchange"]["issuers"] = json!(["https://b.test"])),
            "is none of `issuers`",
        ),
        (
            "an entry without keys that is not our own",
            TWO_VALUES,
            with_own(|d| d["issuers"][1]["issuer"] = json!("https://own.test/")),
            "only the entry of the `issuer` of `reissue`",
        ),
        (
            "two keys of one name",
            TWO_VALUES,
            with_own(|d| d["reissue"]["keys"] = json!([{ "env": "K", "kid": "a" }, { "env": "L", "kid": "a" }])),
            "two keys have the kid",
        ),
        (
            "one key twice",
            OUTSIDE,
            with_own(|d| d["reissue"]["keys"] = json!([{ "env": "K", "kid": "a" }, { "env": "K", "kid": "b" }])),
            "two entries have the same key",
        ),
        (
            "a variable that is not set",
            OUTSIDE,
            with_own(|d| d["reissue"]["keys"] = json!([{ "env": "UNSET" }])),
            "is not set",
        ),
        (
            "a rule that is never reached",
            GEOMETRY,
            ruled(json!([{ "name": "r", "match": { "prefix": "/" } }, { "name": "s", "match": { "prefix": "/a" } }])),
            "never reached",
        ),
        (
            "a base beside the rule's path",
            GEOMETRY,
            ruled(json!([{ "name": "r", "match": { "prefix": "/a" }, "require": { "path": { "base": "/b" } } }])),
            "is neither above nor below",
        ),
        (
            "a path that is not UTF-8 where it is decoded",
            GEOMETRY,
            ruled(json!([{ "name": "r", "match": { "path": "/%ff" } }])),
            "can be read in more than one way",
        ),
        (
            "a host that is no address",
            GEOMETRY,
            ruled(json!([{ "name": "r", "match": { "hosts": ["[1:2]"] } }])),
            "write a host name",
        ),
        (
            "a URI of more than 2048 characters",
            GEOMETRY,
            configuration(
                json!([{ "issuer": "https://a.test", "audiences": ["x"], "jwks": { "cluster": "a", "uri": format!("https://a.test/{}", "k".repeat(2048)) } }]),
                json!([]),
            ),
            "is not an https URI",
        ),
        (
            "a key that is off its curve",
            MEANING,
            keyed(json!([{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }])),
            "a coordinate has another length",
        ),
        (
            "a key that is not base64url",
            MEANING,
            keyed(json!([{ "kty": "OKP", "crv": "Ed25519", "x": "+/" }])),
            "not base64url",
        ),
        ("a weak key", MEANING, keyed(json!([{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }])), "keys[0]"),
        ("two public keys of one name", TWO_VALUES, keyed(json!([ed, ed])), "another key has the same kid"),
        (
            "a key for encryption",
            MEANING,
            keyed(
                json!([{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc" }]),
            ),
            "not a key for signatures",
        ),
        (
            "a whole number with a fraction, in JSON text",
            TEXT,
            json!({ "issuers": [issuer("https://a.test")], "token_cache": { "max_entries": 1.0 } }),
            "has to be a whole number",
        ),
    ];
    let documents: Vec<Value> = rows.iter().map(|(_, _, document, _)| document.clone()).collect();
    for ((name, reason, document, want), schema) in rows.iter().zip(validator(&documents)) {
        assert_eq!(schema, None, "{name}: a schema can say it after all, though {reason}");
        let errors = parser(document);
        assert!(errors.iter().any(|error| error.problem.contains(want)), "{name}: {errors:?}");
    }
}

/// JSON and YAML readers keep one of two members with one name, so a schema never sees the other.
#[test]
fn a_member_that_stands_twice_is_seen_by_the_parser_alone() {
    let text =
        r#"{"realm":"a","realm":"b","issuers":[{"issuer":"https://a.test","audiences":["x"],"jwks":{"cluster":"a"}}]}"#;
    let errors = postern::config::Config::parse(text.as_bytes()).unwrap_err();
    assert_eq!(errors[0].to_string(), "realm: stands twice");
    assert_eq!(validator(&[serde_json::from_str(text).unwrap()]), [None]);
}
