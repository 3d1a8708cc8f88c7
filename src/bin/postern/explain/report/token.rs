//! What stands in a token, without what proves it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern::secret::Secret;
use serde_json::{Value, json};

/// Header and claims, each `null` where it cannot be read. Not what is decided by: that the core reads by itself.
pub fn parts(token: &Secret) -> Value {
    let mut parts = token.expose().split('.').map(object);
    let mut next = || parts.next().flatten().unwrap_or(Value::Null);
    let header = next();
    json!({ "header": header, "claims": next() })
}

fn object(part: &str) -> Option<Value> {
    let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    value.is_object().then_some(value)
}
