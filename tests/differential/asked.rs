//! A token as a reader takes it who lets everything pass: for saying what is odd about it.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::rig::Outcome;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub struct Asked<'a> {
    pub token: &'a str,
    /// The name of the key set.
    pub set: &'a str,
    pub now: i64,
    header: Option<Value>,
    payload: Option<Value>,
    keys: Vec<Value>,
}

impl<'a> Asked<'a> {
    pub fn of(outcome: &'a Outcome<'_>) -> Self {
        let token = outcome.token.as_str();
        let mut parts = token.split('.').filter(|part| !part.is_empty()).map(|part| {
            let letters: String = part.chars().filter(|letter| !letter.is_whitespace()).collect();
            serde_json::from_slice(&LENIENT.decode(letters).ok()?).ok()
        });
        let (header, payload) = (parts.next().flatten(), parts.next().flatten());
        let keys: Option<Value> = serde_json::from_str(&outcome.key_set).ok();
        let keys = keys.and_then(|keys| keys["keys"].as_array().cloned()).unwrap_or_default();
        let now = i64::try_from(outcome.now).expect("a time");
        Self { token, set: &outcome.case.set, now, header, payload, keys }
    }

    /// The parts of the token as they are spelt.
    pub fn parts(&self) -> Vec<&'a str> {
        self.token.split('.').collect()
    }

    /// A member of the header.
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.header.as_ref()?.get(name)
    }

    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.payload.as_ref()?.get(name)
    }

    /// A claim that is a time, in seconds from now.
    pub fn time(&self, name: &str) -> Option<f64> {
        Some(self.claim(name)?.as_f64()? - self.now as f64)
    }

    /// Whether a part is no JSON by the letter of RFC 8259, or nested deeper than anything that issuers send.
    pub fn is_no_json(&self) -> bool {
        let depth = self.payload.as_ref().map_or(0, depth);
        self.header.is_none() || self.payload.is_none() || depth > 16
    }

    /// The keys that the token may be meant to be checked with.
    pub fn keys(&self) -> impl Iterator<Item = &Value> {
        let kid = self.header("kid");
        self.keys.iter().filter(move |key| kid.is_none() || key.get("kid").is_none() || key.get("kid") == kid)
    }

    pub fn all_keys(&self) -> &[Value] {
        &self.keys
    }

    /// Whether such a key may have been meant.
    pub fn has_key(&self, odd: impl Fn(&Value) -> bool) -> bool {
        self.keys().any(odd)
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
