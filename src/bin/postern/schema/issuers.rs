//! `issuers`: whose tokens are accepted, how they are checked, where their keys are.

use postern::crypto::Algorithm;
use postern::issuer::{MAX_CLOCK_SKEW, Marker, Profile};
use postern::jwks::{LONGEST_CACHE, LONGEST_TIMEOUT, MAX_KEYS, SHORTEST_CACHE};
use serde_json::{Value, json};

use super::patterns;
use super::terms::{add, describe, duration, list, object, pattern, text, word};

/// 31 days: longer than any access token lives.
const LONGEST_LIFETIME: u64 = 31 * 24 * 3600;

pub fn issuer() -> Value {
    let profiles: Vec<&str> = Profile::all().iter().map(|profile| profile.name).collect();
    let mut schema = object(
        "One issuer whose tokens are accepted.",
        &["issuer", "audiences"],
        &[
            (
                "issuer",
                pattern(
                    "The tokens' `iss`, letter for letter; a slash at the end counts.",
                    patterns::ISSUER_NAME,
                    None,
                ),
            ),
            (
                "profile",
                word("What this kind of issuer's tokens look like: a table of defaults.", &profiles, Some("generic")),
            ),
            ("audiences", list("The token must be meant for one of these.", text("An audience, letter for letter."))),
            ("algorithms", algorithms()),
            ("jwks", jwks()),
            (
                "clock_skew",
                duration("How far the issuer's clock may be from ours.", (0, MAX_CLOCK_SKEW.as_secs()), Some("60s")),
            ),
            (
                "max_lifetime",
                duration(
                    "The longest `exp` minus `iat` that is accepted; by default 24h, with wlcg 6h.",
                    (60, LONGEST_LIFETIME),
                    None,
                ),
            ),
            (
                "token_use",
                list(
                    "Which kinds of token are accepted; by default access tokens, with cilogon and lsst ID tokens too.",
                    word("A kind of token.", &["access", "id"], None),
                ),
            ),
            ("claims", claims()),
            ("scope_map", scope_map()),
        ],
    );
    let mut conditions = vec![keys_are_found_by_name()];
    for profile in Profile::all() {
        let mut then = json!({});
        if profile.slash_at_end {
            add(&mut then, "issuer", json!({ "pattern": "/$" }));
        }
        if profile.marker == Marker::HeaderType {
            add(&mut then, "token_use", json!({ "const": ["access"] }));
        }
        if then != json!({}) {
            let chosen = json!({ "required": ["profile"], "properties": { "profile": { "const": profile.name } } });
            conditions.push(json!({ "if": chosen, "then": { "properties": then } }));
        }
    }
    add(&mut schema, "allOf", json!(conditions));
    schema
}

fn algorithms() -> Value {
    let names: Vec<&str> = Algorithm::ALL.iter().map(|(name, _)| *name).collect();
    list(
        "What the issuer signs with; by default RS256, with scitokens and wlcg ES256 too, and for our own issuer what its keys are for.",
        word("An algorithm of RFC 7518 or RFC 8037.", &names, None),
    )
}

/// An issuer's name that is no URI leads to no keys.
fn keys_are_found_by_name() -> Value {
    let said = json!({ "anyOf": [{ "required": ["uri"] }, { "required": ["inline"] }] });
    let left_out = json!({ "required": ["jwks"], "properties": { "jwks": { "type": "object", "not": said } } });
    json!({ "if": left_out, "then": { "properties": { "issuer": { "pattern": patterns::uri() } } } })
}

fn jwks() -> Value {
    let mut schema = object(
        "Where the issuer's keys are; only the entry of the `issuer` of `reissue` needs none.",
        &[],
        &[
            (
                "uri",
                pattern(
                    "The key set's https URI; left out, it is where the profile knows it to be, or found by discovery.",
                    &patterns::uri(),
                    None,
                ),
            ),
            (
                "cluster",
                text("The Envoy cluster that reaches the issuer; in Istio like outbound|443||login.example.org."),
            ),
            ("timeout", duration("How long an answer may take.", (1, LONGEST_TIMEOUT.as_secs()), Some("5s"))),
            (
                "cache",
                duration(
                    "The longest time that keys are used before they are fetched anew.",
                    (SHORTEST_CACHE.as_secs(), LONGEST_CACHE.as_secs()),
                    None,
                ),
            ),
            ("inline", inline()),
        ],
    );
    add(&mut schema, "if", json!({ "required": ["inline"] }));
    let nothing_else = json!({ "uri": false, "cluster": false, "timeout": false, "cache": false });
    add(&mut schema, "then", json!({ "properties": nothing_else }));
    add(&mut schema, "else", json!({ "required": ["cluster"] }));
    schema
}

/// A key set may have other members than ours, and so may a key (RFC 7517 §4, §5).
fn inline() -> Value {
    let private: serde_json::Map<String, Value> =
        ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].map(|name| (name.to_owned(), json!(false))).into_iter().collect();
    let kind = |kty: &str, curves: &[&str], members: &[&str]| {
        let mut properties = json!({ "kty": { "const": kty } });
        if !curves.is_empty() {
            add(&mut properties, "crv", json!({ "enum": curves }));
        }
        json!({ "properties": properties, "required": members })
    };
    let mut key = json!({
        "type": "object",
        "required": ["kty"],
        "properties": private,
        "anyOf": [
            kind("RSA", &[], &["n", "e"]),
            kind("EC", &["P-256", "P-384"], &["crv", "x", "y"]),
            kind("OKP", &["Ed25519"], &["crv", "x"]),
        ],
    });
    describe(&mut key, "A public key.");
    let mut keys = list("The keys.", key);
    add(&mut keys, "maxItems", json!(MAX_KEYS));
    let mut schema = json!({ "type": "object", "required": ["keys"], "properties": { "keys": keys } });
    describe(&mut schema, "A key set instead of uri, cluster, timeout and cache; every key in it has to be usable.");
    schema
}

fn claims() -> Value {
    let claim = |what: &str| {
        let mut schema = claim_reference();
        describe(&mut schema, &format!("Where in the token {what}; the default is the profile's."));
        schema
    };
    object(
        "Where in the token the facts are, each a path or a list of paths.",
        &[],
        &[
            ("user", claim("the user is")),
            ("uid", claim("the numeric user id is")),
            ("email", claim("the e-mail address is")),
            ("groups", claim("the groups are, of all paths together")),
            ("scopes", claim("the scopes are, of all paths together")),
            ("audience", claim("the audience is")),
            ("client", claim("the client is")),
        ],
    )
}

pub fn claim_reference() -> Value {
    json!({ "$ref": "#/$defs/claim" })
}

/// One path, or a list of them.
pub fn claim_paths() -> Value {
    let path = pattern("A claim path: a.b, a[].b, or [\"https://ns/x\"] for a name with dots.", patterns::CLAIM, None);
    let names = list("The names on the way to the claim.", text("A name."));
    let paths = list("Several claim paths.", json!({ "anyOf": [path, names] }));
    let mut schema = json!({ "anyOf": [path, paths] });
    describe(&mut schema, "A claim path, or a list of them.");
    schema
}

fn scope_map() -> Value {
    let name = pattern("The name that rules have for it.", patterns::SCOPE, None);
    let mut schema =
        json!({ "type": "object", "propertyNames": { "pattern": patterns::SCOPE }, "additionalProperties": name });
    describe(&mut schema, "Renames scopes before any rule sees them.");
    schema
}
