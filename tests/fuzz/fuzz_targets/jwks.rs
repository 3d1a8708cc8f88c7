//! A key set as an issuer publishes it.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use postern::json::Json;
use postern::jwks::{JwkSet, MAX_KEYS};
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let set = match JwkSet::parse(body) {
        Ok(set) => set,
        Err(error) => {
            assert!(error.to_string().len() < 200, "an error says more than it has to");
            return;
        }
    };
    let keys = set.iter().count();
    assert!((1..=MAX_KEYS).contains(&keys), "{keys} keys");
    let names: Vec<&str> = set.iter().filter_map(|key| key.kid.as_deref()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two keys have one name: {names:?}");
    assert!(names.iter().all(|kid| set.has(kid)));
    let summary = set.summary();
    assert!(summary.len() < 1024 && summary.bytes().all(|b| matches!(b, b' '..=b'~')), "not for a log: {summary}");
    // No private key is taken for a public one, nor one of another use.
    let document: Value = serde_json::from_slice(body).expect("another reader of JSON reads it too");
    let published = document["keys"].as_array().expect("a list");
    for kid in names {
        let usable = |key: &&Value| {
            ["RSA", "EC", "OKP"].iter().any(|kty| key["kty"] == *kty)
                && key.get("use").is_none_or(|of| of == "sig")
                && key.get("d").is_none()
        };
        // Beside it others may have that name which nobody could use.
        assert!(published.iter().filter(|key| key["kid"] == *kid).any(|key| usable(&key)), "{kid} is none to use");
    }
    // The configuration reads the same in its way, where no name stands twice.
    let json = Json::parse(body).ok().filter(|json| json.first_duplicate().is_none());
    if let Some(Ok((other, refused))) = json.as_ref().map(JwkSet::from_json) {
        assert!(set.is_same(&other), "it reads otherwise in a configuration; refused there: {refused:?}");
    }
    let again = JwkSet::parse(body).expect("it was read before");
    assert!(set.is_same(&again) && again.is_same(&set));
});
