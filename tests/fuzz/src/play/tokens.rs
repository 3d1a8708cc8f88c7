//! Tokens that somebody signed, and what is known of each; the keys that are published.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

pub const NOW: u64 = 1_800_000_000;
pub const SECOND: &str = "https://second.test";
pub const WLCG: &str = "https://wlcg.test";
pub const SCITOKENS: &str = "https://scitokens.test";

/// A token that its issuer signed. Whether it is good on a request depends on time, keys and rules.
#[derive(Clone, Debug)]
pub struct Known {
    pub raw: String,
    pub claims: Value,
    pub key: (char, &'static str),
}

/// Two keys by two names: who has which changes.
fn signer(key: char, kid: &str) -> Signer {
    if key == 'a' { Signer::es256() } else { Signer::other_es256() }.with_kid(kid)
}

/// By what stands in `jti`.
pub fn known() -> BTreeMap<String, Known> {
    let at = |seconds: i64| NOW.saturating_add_signed(seconds);
    let tap = json!({"scope": "read:tap"});
    let scitoken = |scope: &str| json!({"iss": SCITOKENS, "ver": "scitokens:2.0", "nbf": at(-10), "scope": scope});
    let wlcg = |scope: &str| json!({"iss": WLCG, "wlcg.ver": "1.0", "nbf": at(-10), "scope": scope});
    let list: Vec<(char, &'static str, Value)> = vec![
        ('a', "k1", tap.clone()),
        ('a', "k1", json!({"scope": "read:tap", "sub": "bob", "level": 7, "email": "b@b.test", "uidNumber": 1000})),
        (
            'a',
            "k1",
            json!({"scope": "read:tap exec:portal", "auth_time": at(-30), "groups": ["g", "a,b"], "acr": "mfa"}),
        ),
        ('a', "k1", json!({"sub": "svc", "client_id": "svc", "scope": "read:tap"})),
        ('b', "k2", tap.clone()),
        ('b', "k1", tap.clone()),
        ('a', "k3", tap.clone()),
        ('a', "k1", json!({"scope": "read:tap", "nbf": at(600), "exp": at(7200)})),
        ('a', "k1", json!({"scope": "read:tap", "iat": at(-7200), "exp": at(-50)})),
        ('a', "k1", json!({"scope": "read:tap", "iat": at(-7200), "exp": at(-5000)})),
        ('a', "k1", json!({"iss": "https://other.test", "scope": "read:tap"})),
        ('a', "k1", json!({"aud": "https://other.test", "scope": "read:tap"})),
        ('a', "k1", json!({"sub": "a\r\nx-admin: 1"})),
        ('a', "k1", json!({"nonce": "n"})),
        ('a', "k1", json!({"sub": "\u{202e}\"a\\", "scope": "read:tap", "client_id": "c\u{7f}"})),
        ('a', "k1", json!({"iss": SECOND, "sub": "carol", "scope": "read:tap", "exp": at(600)})),
        ('a', "k1", json!({"iss": SECOND, "aud": "second", "nonce": "n", "scope": "exec:portal", "exp": at(600)})),
        ('a', "k1", scitoken("read:/store write:/store/alice")),
        ('a', "k1", scitoken("read")),
        ('a', "k1", wlcg("storage.read:/ storage.create:/store/alice storage.modify:/tmp")),
        ('a', "k1", wlcg("storage.create:/a storage.create:/b")),
    ];
    let mint = |(number, (key, kid, claims)): (usize, (char, &'static str, Value))| {
        let jti = format!("jti-{number}");
        let own = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": at(3600), "jti": jti});
        let mut own = own.as_object().cloned().unwrap_or_default();
        own.extend(claims.as_object().cloned().unwrap_or_default());
        let claims = Value::Object(own);
        let raw = Token::at(&signer(key, kid), NOW).claims(claims.clone()).mint();
        (jti, Known { raw, claims, key: (key, kid) })
    };
    list.into_iter().enumerate().map(mint).collect()
}

/// The keys of every issuer that has them in the configuration.
pub fn inline() -> Value {
    jwks(&[&signer('a', "k1")])
}

type Keys = Vec<(char, &'static str)>;

/// What the first issuer publishes: the keys that are in it, and the document, if one comes.
pub fn published(which: u8) -> (Keys, Option<Vec<u8>>) {
    let set = |keys: &[(char, &'static str)]| {
        let signers: Vec<Signer> = keys.iter().map(|(key, kid)| signer(*key, kid)).collect();
        let document = jwks(&signers.iter().collect::<Vec<_>>()).to_string();
        (keys.to_vec(), Some(document.into_bytes()))
    };
    match which % 8 {
        0 => set(&[('a', "k1")]),
        1 => set(&[('a', "k1"), ('b', "k2")]),
        2 => set(&[('b', "k2")]),
        3 => set(&[('b', "k1")]),
        4 => set(&[('b', "k1"), ('a', "k2")]),
        5 => set(&[]),
        6 => (Vec::new(), Some(b"<html>".to_vec())),
        _ => (Vec::new(), None),
    }
}
