//! The configuration: whatever is changed in it, it is read or refused, and no rule that was there for a token goes without.

use postern::crypto::RustCrypto;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Value, json};

use super::door::{Decision, Door, NOW};
use super::mutants::{BYTES_OF_JSON, every};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

fn config() -> Value {
    json!({
        "realm": "lsp.example.org",
        "issuers": [{
            "issuer": ISSUER,
            "profile": "generic",
            "audiences": [AUDIENCE],
            "algorithms": ["EdDSA"],
            "jwks": {"inline": jwks(&[&Signer::eddsa()])},
            "clock_skew": "60s",
            "claims": {"groups": ["isMemberOf[].name"], "user": "sub"},
        }],
        "credentials": {"bearer": true, "basic": true, "query": false},
        "capabilities": {"preset": "lsst", "group_prefix": "g_", "groups": {"tap_r": ["read:tap"]}},
        "headers": {"uid": null, "claims": {"x-orcid": "orcid"}, "forward_token": false},
        "token_cache": {"max_entries": 10},
        "rules": [
            {"name": "tap", "match": {"hosts": ["api.test"], "prefix": "/api/tap", "methods": ["GET"]},
                "require": {"capabilities": {"all_of": ["read:tap"]}}, "challenge": ["bearer", "basic"]},
            {"name": "rest", "match": {"prefix": "/"}, "require": {"max_auth_age": "15m"}},
        ],
    })
}

/// As Envoy hands over YAML.
fn to_struct(value: &Value) -> Struct {
    let Value::Object(members) = value else { panic!("a Struct is an object") };
    Struct { fields: members.iter().map(|(name, value)| (name.clone(), to_value(value))).collect() }
}

fn to_value(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() }),
        Value::Object(_) => Kind::StructValue(to_struct(value)),
    };
    prost_types::Value { kind: Some(kind) }
}

#[test]
fn a_changed_configuration_is_read_or_refused_and_lets_on_nobody_who_was_not() {
    let signer = Signer::eddsa();
    let good = Token::at(&signer, NOW).claim("scope", "read:tap").mint();
    // By the name and the algorithm of the key, so that only its signature is wrong.
    let other = Signer::es256().with_kid(signer.kid());
    let forged = Token::at(&other, NOW).header("alg", signer.alg()).claim("scope", "read:tap").mint();
    let as_struct = to_struct(&config()).encode_to_vec();
    for (form, whole) in [("text", config().to_string().into_bytes()), ("Struct", as_struct)] {
        let mut door = Door::read(&whole, &RustCrypto).expect("a good configuration");
        assert_eq!(door.bearing(good.as_bytes()), Decision::Allowed, "{form}");
        let refused_for = Decision::Refused(401, "bad_signature".to_owned());
        assert_eq!(door.bearing(forged.as_bytes()), refused_for, "{form}");
        let (mut read, mut refused) = (0, 0);
        for (change, mutant) in every(&whole, &BYTES_OF_JSON) {
            let Some(mut door) = Door::read(&mutant, &RustCrypto) else {
                refused += 1;
                continue;
            };
            read += 1;
            assert!(!door.bearing(forged.as_bytes()).is_allowed(), "{form}: {change:?}");
            for path in ["/api/tap", "/other", "/"] {
                assert!(!door.send(path.as_bytes(), None).is_allowed(), "{form}: {change:?}: {path}");
            }
        }
        assert!(read > 100 && refused > 1000, "{form}: {read} were read, {refused} refused");
    }
}
