//! The plugin configuration, as JSON text and as the protobuf bytes that Envoy makes of YAML.

#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use postern::config::{Config, ConfigError};
use postern::crypto::RustCrypto;
use postern::flow::{Env, Memory, Next, begin};
use postern::json::Json;
use postern::jwks::{KeyStore, SharedData};
use postern::request::{Mutation, RequestHead, Route};
use postern::time::UnixTime;
use postern_fuzz::alone::Alone;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

fuzz_target!(|bytes: &[u8]| {
    let read = Config::parse(bytes);
    match &read {
        Ok(_) => {}
        Err(errors) => told(errors),
    }
    if let Ok(json) = Json::parse(bytes)
        && is_same_in_both(&json)
        && let Json::Object(members) = &json
        && !members.is_empty()
    {
        let other = Config::parse(&fields(members).encode_to_vec());
        assert_eq!(read.is_ok(), other.is_ok(), "{:?} {:?}", read.as_ref().err(), other.err());
    }
    if let Ok(config) = read {
        serve(config);
    }
});

fn told(errors: &[ConfigError]) {
    assert!(!errors.is_empty(), "it is refused for nothing");
    for error in errors {
        assert!(!error.problem.is_empty());
    }
}

/// A `Struct` has doubles for numbers, and each name once.
fn is_same_in_both(json: &Json) -> bool {
    fn has_exact_numbers(json: &Json) -> bool {
        match json {
            Json::Integer(number) => number.unsigned_abs() < 1 << 53,
            Json::Float(number) => number.fract() != 0.0,
            Json::Array(items) => items.iter().all(has_exact_numbers),
            Json::Object(members) => members.iter().all(|(_, value)| has_exact_numbers(value)),
            Json::Null | Json::Bool(_) | Json::String(_) => true,
        }
    }
    json.first_duplicate().is_none() && has_exact_numbers(json)
}

fn fields(members: &[(String, Json)]) -> Struct {
    Struct { fields: members.iter().map(|(name, json)| (name.clone(), value(json))).collect() }
}

fn value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Integer(number) => Kind::NumberValue(*number as f64),
        Json::Float(number) => Kind::NumberValue(*number),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(value).collect() }),
        Json::Object(members) => Kind::StructValue(fields(members)),
    };
    Value { kind: Some(kind) }
}

/// What was accepted is to be used: strangers are let on by the rules that say so, and no others.
fn serve(config: Config) {
    let config = Rc::new(config);
    let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
    let mut memory = Memory::new(keys, config.token_cache);
    let env = Env { now: UnixTime::from_seconds(1_800_000_000), signatures: &RustCrypto, signer: &RustCrypto };
    let _ = memory.keys.due(env.now);
    let fields = [(":method", "GET"), (":path", "/api/tap"), (":scheme", "https"), (":authority", "lsp.example.org")];
    let field = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let head = RequestHead::new(fields.iter().map(field).collect());
    let step = begin(&config, &head, &Route::default(), &mut memory, &env);
    let no_credential = Mutation::remove(b"authorization");
    assert!(step.mutations.iter().all(|change| *change == no_credential), "{:?}", step.mutations);
    match step.next {
        Next::Forward(report) => {
            let said = ["anonymous", "shadow_deny"].iter().any(|word| report.record.contains(word));
            assert!(said, "a stranger is let on: {}", report.record);
        }
        Next::Reply(reply, _) => assert!([401, 403, 400].contains(&reply.status), "{}", reply.status),
        Next::AwaitKeys(_) | Next::AwaitForm(_) => panic!("there is no token to wait for"),
    }
}
