//! The configuration of a place, and what its issuers publish.

use std::collections::BTreeMap;

use postern::json::Json;
use postern::jwks::Jwk;
use serde_json::{Value, json};

use super::row::{Place, Row, Way};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, jwks};
use crate::vectors;
use crate::wire::harness::config::{ALGORITHMS, REALM, inline_issuer};

/// Another issuer, with a key of its own under the name that the first one's has.
pub const SECOND: &str = "https://second.test";
/// Two that publish the same keys, and a third one whose tokens are not taken.
pub const TWINS: [(&str, &str); 2] =
    [("https://twin-a.test", "https://a.test"), ("https://twin-b.test", "https://b.test")];
/// Its tokens have to say that they are access tokens.
pub const AT_JWT: &str = "https://at.test";
pub const KEYCLOAK: &str = "https://keycloak.test/realms/x";
/// Gives ID tokens, for a client of this name.
pub const ID_TOKENS: &str = "https://id.test";
pub const CLIENT: &str = "client-1";

/// The issuer of a row's own.
pub fn own_issuer(index: usize, way: Way) -> String {
    format!("https://row-{index}-{}.test", way.name())
}

#[derive(Debug)]
pub struct World {
    pub config: Value,
    /// Key sets by path.
    pub published: BTreeMap<String, Value>,
}

impl World {
    /// For these rows, each with its number in the table, and these ways; keys are below this URL.
    pub fn of(place: Place, rows: &[(usize, &Row)], ways: &[Way], url: &str) -> Self {
        let mut world = Self { config: Value::Null, published: BTreeMap::new() };
        let mut issuers = Vec::new();
        if place == Place::Vectors {
            issuers.push(vectors_issuer());
        } else {
            issuers.extend(world.issuers(url));
        }
        for (index, row) in rows {
            let Some(keys) = &row.publishes else { continue };
            for way in ways {
                let path = format!("/row-{index}-{}", way.name());
                issuers.push(remote(&own_issuer(*index, *way), url, &path));
                world.published.insert(path, json!({ "keys": keys }));
            }
        }
        world.config = json!({
            "realm": REALM,
            "issuers": issuers,
            "credentials": { "query": place == Place::Main },
            "rules": rules(),
        });
        world
    }

    fn issuers(&mut self, url: &str) -> Vec<Value> {
        let own = [Signer::rs256(), Signer::es256(), Signer::es384(), Signer::ps256(), Signer::eddsa()];
        let of_second = Signer::other_rs256().with_kid(Signer::rs256().kid());
        let published = [
            ("/keys", jwks(&own.iter().collect::<Vec<_>>())),
            ("/second", jwks(&[&of_second])),
            ("/twins", jwks(&[&Signer::rs256()])),
        ];
        self.published.extend(published.map(|(path, keys)| (path.to_owned(), keys)));
        let with = |mut issuer: Value, member: &str, value: Value| {
            issuer[member] = value;
            issuer
        };
        let mut issuers = vec![
            remote(ISSUER, url, "/keys"),
            remote(SECOND, url, "/second"),
            with(remote(AT_JWT, url, "/keys"), "profile", json!("at-jwt")),
            with(remote(KEYCLOAK, url, "/keys"), "profile", json!("keycloak")),
            with(with(remote(ID_TOKENS, url, "/keys"), "token_use", json!(["id"])), "audiences", json!([CLIENT])),
        ];
        issuers.extend(TWINS.map(|(name, audience)| with(remote(name, url, "/twins"), "audiences", json!([audience]))));
        issuers
    }

    /// How many fetches there are at the start.
    pub fn first_fetches(&self) -> usize {
        let issuers = self.config["issuers"].as_array().map(Vec::as_slice).unwrap_or_default();
        issuers.iter().filter(|issuer| !issuer["jwks"]["uri"].is_null()).count()
    }
}

fn remote(name: &str, url: &str, path: &str) -> Value {
    json!({
        "issuer": name,
        "audiences": [AUDIENCE],
        "algorithms": ALGORITHMS,
        // Long enough that nothing is fetched in between only because its time is over.
        "jwks": { "uri": format!("{url}{path}"), "cluster": "issuer", "timeout": "30s", "cache": "1h" },
    })
}

/// The issuer of the table of signatures, with every key of it that may stand in a configuration.
fn vectors_issuer() -> Value {
    let keys: BTreeMap<&str, &Value> = vectors::all()
        .iter()
        .filter(|vector| is_usable(&vector.jwk))
        .map(|vector| (vector.kid(), &vector.jwk))
        .chain([("test-rs256", usual_jwk())])
        .collect();
    let mut issuer = inline_issuer(&[]);
    issuer["jwks"] = json!({ "inline": { "keys": keys.values().collect::<Vec<_>>() } });
    issuer
}

fn usual_jwk() -> &'static Value {
    static JWK: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Signer::rs256().jwk());
    &JWK
}

pub fn is_usable(jwk: &Value) -> bool {
    Json::parse(jwk.to_string().as_bytes()).is_ok_and(|jwk| Jwk::from_json(&jwk).is_ok())
}

fn rules() -> Value {
    json!([
        { "name": "open", "match": { "prefix": "/open" }, "access": "anonymous" },
        { "name": "optional", "match": { "prefix": "/optional" }, "access": "optional" },
        { "name": "me", "match": { "prefix": "/me" } },
        { "name": "basic", "match": { "prefix": "/basic" }, "challenge": ["bearer", "basic"] },
        {
            "name": "tap",
            "match": { "prefix": "/api/tap" },
            "require": { "capabilities": { "all_of": ["read:tap"] } },
        },
        { "name": "person", "match": { "prefix": "/person" }, "require": { "principals": ["user"] } },
        { "name": "admin", "match": { "prefix": "/admin" }, "require": { "groups": { "any_of": ["admins"] } } },
        { "name": "a", "match": { "prefix": "/a" } },
        { "name": "hosted", "match": { "hosts": ["a.test"], "prefix": "/hosted" } },
    ])
}
