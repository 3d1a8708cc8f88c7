//! What the issuer publishes, and where.

use serde_json::{Value, json};

use super::{OWN, own_token, stage, users_token};
use crate::support::mint::{AUDIENCE, Signer};
use crate::world::{Request, Seen, World, patched};

const KEY_SET: &str = "/postern/.well-known/jwks.json";
const CONFIGURATION: &str = "/postern/.well-known/openid-configuration";

fn world(reissue: &Value) -> World {
    World::of(&stage(&json!({"reissue": reissue})))
}

/// Status and details, `200 key_set`; what the rules say of a request without a token, where they are asked.
fn published(world: &mut World, request: &Request) -> String {
    world.send(request).in_short()
}

const TO_THE_RULES: &str = "401 missing_credential";

fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    let values = seen.reply_values(name);
    assert!(values.len() < 2, "{name} stands more than once");
    values.first().copied()
}

fn document(seen: &Seen) -> Value {
    serde_json::from_str(&seen.refusal.as_ref().unwrap().body).expect("JSON")
}

#[test]
fn the_key_set_has_every_public_key_and_nothing_else() {
    let keys = json!([
        {"env": "ED25519", "kid": "k1"}, {"env": "P256", "kid": "e"}, {"env": "RSA", "kid": "r"}, {"env": "OTHER_P256"},
    ]);
    let seen = world(&json!({"keys": keys})).send(&Request::get(KEY_SET));
    assert_eq!(seen.in_short(), "200 key_set");
    let set = document(&seen);
    let published = set["keys"].as_array().unwrap();
    let want = [Signer::eddsa().with_kid("k1"), Signer::es256().with_kid("e"), Signer::rs256().with_kid("r")];
    assert_eq!(published[..3], want.map(|signer| signer.jwk()));
    let kid = published[3]["kid"].as_str().unwrap();
    assert_eq!(published[3], Signer::other_es256().with_kid(kid).jwk(), "the default kid");
    assert_eq!((published.len(), kid.len(), set.as_object().unwrap().len()), (4, 8, 1));
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "PRIVATE"] {
        assert!(!seen.refusal.as_ref().unwrap().body.contains(private), "{private}");
    }
}

#[test]
fn the_configuration_names_the_keys_and_the_endpoint() {
    let seen = world(&json!({"keys": [{"env": "RSA"}, {"env": "P256"}, {"env": "OTHER_P256"}]}))
        .send(&Request::get(CONFIGURATION));
    let want = json!({
        "issuer": OWN, "jwks_uri": format!("{OWN}/.well-known/jwks.json"), "response_types_supported": [],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "token_endpoint": format!("{OWN}/token"),
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:token-exchange"],
    });
    assert_eq!(document(&seen), want);
    let elsewhere = json!({"exchange": {"path": "/token", "audiences": ["a"]}});
    let seen = world(&elsewhere).send(&Request::get(CONFIGURATION));
    assert_eq!(document(&seen)["token_endpoint"], "https://api.test/token");
    let seen = world(&json!({"exchange": null})).send(&Request::get(CONFIGURATION));
    assert_eq!((document(&seen).get("token_endpoint"), document(&seen).get("grant_types_supported")), (None, None));
}

#[test]
fn documents_may_be_cached_and_read_by_everybody() {
    for (reissue, age) in [(json!({}), 600), (json!({"key_cache": "1m"}), 60), (json!({"key_cache": "1h"}), 3600)] {
        for path in [KEY_SET, CONFIGURATION] {
            let seen = world(&reissue).send(&Request::get(path));
            assert_eq!(header(&seen, "content-type"), Some("application/json"));
            assert_eq!(header(&seen, "cache-control"), Some(format!("public, max-age={age}").as_str()));
            assert_eq!(header(&seen, "access-control-allow-origin"), Some("*"));
            assert_eq!(seen.record["decision"], "allow");
            assert_eq!(seen.record, json!({"decision": "allow", "reason": "published"}));
            assert_eq!(seen.counter, "postern_requests_total.decision.allow.reason.published.rule.none");
        }
    }
}

#[test]
fn a_document_that_is_known_is_not_sent_again() {
    let mut stage = world(&json!({}));
    let etag = header(&stage.send(&Request::get(KEY_SET)), "etag").unwrap().to_owned();
    let other = header(&stage.send(&Request::get(CONFIGURATION)), "etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag != other);
    let bare = etag.trim_matches('"').to_owned();
    for (name, known, is_known) in [
        ("the same", etag.clone(), true),
        ("weak", format!("W/{etag}"), true),
        ("any", "*".to_owned(), true),
        ("in a list", format!("\"x\", {etag}"), true),
        ("in a list without spaces", format!("\"x\",W/{etag},\"y\""), true),
        ("any in a list", "\"x\", *".to_owned(), true),
        ("another", other, false),
        ("without quotes", bare, false),
        ("part of it", format!("{}\"", &etag[..8]), false),
        ("nothing", String::new(), false),
        ("in small letters", format!("w/{etag}"), false),
    ] {
        for method in ["GET", "HEAD"] {
            let seen = stage.send(&Request::new(method, KEY_SET).with("if-none-match", &known));
            let reply = seen.refusal.as_ref().unwrap();
            assert_eq!(
                (reply.status, reply.body.is_empty()),
                if is_known { (304, true) } else { (200, false) },
                "{name}"
            );
            assert_eq!(header(&seen, "etag"), Some(etag.as_str()), "{name}");
            assert_eq!(header(&seen, "cache-control"), Some("public, max-age=600"), "{name}");
        }
    }
    let two = Request::get(KEY_SET).with("if-none-match", "\"x\"").with("if-none-match", &etag);
    assert_eq!(published(&mut stage, &two), "304 key_set");
    // Another key set has another mark.
    let seen = world(&json!({"keys": [{"env": "P256"}]})).send(&Request::get(KEY_SET).with("if-none-match", &etag));
    assert_eq!(seen.in_short(), "200 key_set");
}

#[test]
fn documents_are_read_and_not_written() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"] {
        let seen = world(&json!({})).send(&Request::new(method, KEY_SET));
        assert_eq!((seen.in_short().as_str(), header(&seen, "allow")), ("405 key_set", Some("GET, HEAD")), "{method}");
    }
    assert_eq!(published(&mut world(&json!({})), &Request::new("HEAD", KEY_SET)), "200 key_set");
}

/// A path that some service behind might read otherwise is none of the issuer's.
#[test]
fn documents_are_at_their_paths_alone() {
    let bad = "400 ambiguous_path";
    for (path, want) in [
        (KEY_SET, "200 key_set"),
        (CONFIGURATION, "200 openid_configuration"),
        ("/postern/.well-known/jwks.json?x=y", "200 key_set"),
        ("/postern/.well-known/jwks%2Djson", TO_THE_RULES),
        ("/p%6fstern/.well-known/jwks.json", "200 key_set"),
        ("/postern/.well-known/jwks.json/", TO_THE_RULES),
        ("/postern/.well-known/JWKS.json", TO_THE_RULES),
        ("/Postern/.well-known/jwks.json", TO_THE_RULES),
        ("/postern/.well-known", TO_THE_RULES),
        ("/.well-known/jwks.json", TO_THE_RULES),
        ("/.well-known/openid-configuration", TO_THE_RULES),
        ("/x/postern/.well-known/jwks.json", TO_THE_RULES),
        ("/posternx/.well-known/jwks.json", TO_THE_RULES),
        ("//postern/.well-known/jwks.json", bad),
        ("/postern//.well-known/jwks.json", bad),
        ("/postern/./.well-known/jwks.json", bad),
        ("/postern/x/../.well-known/jwks.json", bad),
        ("/postern/%2ewell-known/jwks.json", bad),
        ("/postern%2f.well-known/jwks.json", bad),
        ("/postern/.well-known/jwks.json;x", bad),
        ("/postern\\.well-known/jwks.json", bad),
        ("/postern/%252ewell-known/jwks.json", bad),
    ] {
        assert_eq!(published(&mut world(&json!({})), &Request::get(path)), want, "{path}");
    }
}

#[test]
fn documents_are_at_their_hosts_alone() {
    let with_hosts = |hosts: Value| json!({"hosts": hosts});
    for (name, reissue, authority, want) in [
        ("the issuer's", json!({}), "api.test", "200 key_set"),
        ("in capitals", json!({}), "API.Test", "200 key_set"),
        ("with a port", json!({}), "api.test:10000", "200 key_set"),
        ("another", json!({}), "other.test", TO_THE_RULES),
        ("one below", json!({}), "x.api.test", TO_THE_RULES),
        ("fully qualified", json!({}), "api.test.", TO_THE_RULES),
        ("a user", json!({}), "u@api.test", "400 user_in_host"),
        ("a token as the user", json!({}), "token:x-oauth-basic@api.test", "400 user_in_host"),
        ("none", json!({}), "", TO_THE_RULES),
        ("listed", with_hosts(json!(["a.test", "b.test"])), "b.test", "200 key_set"),
        ("listed, with another port", with_hosts(json!(["b.test"])), "b.test:80", TO_THE_RULES),
        ("listed, with any port", with_hosts(json!(["b.test:*"])), "b.test:80", "200 key_set"),
        ("all below", with_hosts(json!(["*.b.test"])), "a.b.test", "200 key_set"),
        ("not below it", with_hosts(json!(["*.b.test"])), "b.test", TO_THE_RULES),
        ("one whose name ends alike", with_hosts(json!(["*.b.test"])), "ab.test", TO_THE_RULES),
        ("the issuer's, which is not listed", with_hosts(json!(["b.test"])), "api.test", TO_THE_RULES),
        ("an issuer with a port", json!({"issuer": "https://api.test:8443/postern"}), "api.test", "200 key_set"),
        ("an address", json!({"issuer": "http://127.0.0.1:8080/postern"}), "127.0.0.1:8080", "200 key_set"),
        ("an address of six", json!({"issuer": "http://[::1]:8080/postern"}), "[::1]", "200 key_set"),
    ] {
        let change = json!({"reissue": reissue, "issuers": [stage(&json!({}))["issuers"][0]]});
        let got = published(&mut World::of(&stage(&change)), &Request::get(KEY_SET).with(":authority", authority));
        // The rules match every host, but not every text is one.
        let to_the_rules = want == TO_THE_RULES && got.starts_with("400 ambiguous_host");
        assert!(got == want || to_the_rules, "{name}: {got}");
    }
}

#[test]
fn an_issuer_without_a_path_publishes_at_the_root() {
    let change = json!({"reissue": {"issuer": "https://api.test"}, "issuers": [stage(&json!({}))["issuers"][0]]});
    let mut world = World::of(&stage(&change));
    for (path, want) in [
        ("/.well-known/jwks.json", "200 key_set"),
        ("/.well-known/openid-configuration", "200 openid_configuration"),
        ("/token", "405 exchange_method"),
        ("/postern/token", TO_THE_RULES),
        (KEY_SET, TO_THE_RULES),
    ] {
        assert_eq!(published(&mut world, &Request::get(path)), want, "{path}");
    }
}

/// Whoever asks with a credential gets what everybody gets, and leaves nothing behind.
#[test]
fn a_credential_is_not_looked_at_and_not_kept() {
    let token = users_token(json!({}));
    for (name, request) in [
        ("a good one", Request::get(KEY_SET).bearing(&token)),
        ("a bad one", Request::get(KEY_SET).with("authorization", "Bearer SECRET")),
        ("two", Request::get(KEY_SET).with("authorization", "Bearer SECRET, Basic SECRET")),
        ("in the query", Request::get(&format!("{KEY_SET}?access_token={token}"))),
        ("over plain http", Request::get(KEY_SET).bearing(&token).with(":scheme", "http")),
    ] {
        let mut world = World::of(&patched(stage(&json!({})), &json!({"require_tls": true})));
        let seen = world.send(&request);
        assert_eq!(seen.in_short(), "200 key_set", "{name}");
        let holds = |text: &str| text.contains(&token) || text.contains("SECRET");
        assert!(seen.fields.iter().all(|(_, value)| !holds(value)) && !holds(&seen.told), "{name}");
        assert_eq!(world.news(), [], "{name}: it was looked at");
    }
}

#[test]
fn tokens_made_here_are_checked_with_the_keys_at_hand() {
    let request = |claims: Value| Request::get("/x").bearing(&own_token(claims));
    let signed = |signer: Signer| super::Token::at(&signer, super::NOW).claim("iss", OWN).mint();
    let keys = json!([{"env": "ED25519", "kid": "k1"}, {"env": "OTHER_P256", "kid": "k2"}]);
    let mut all = world(&json!({"keys": keys}));
    assert_eq!(all.first_fetches(), [], "nothing is fetched");
    assert_eq!(published(&mut all, &request(json!({}))), "ok");
    assert_eq!(published(&mut all, &request(json!({"aud": "x"}))), "401 wrong_audience");
    for (name, signer, want) in [
        ("the next key", Signer::other_es256().with_kid("k2"), "ok"),
        ("a key of another name", Signer::other_es256().with_kid("k1"), "401 unknown_key"),
        ("another key", Signer::es256().with_kid("k2"), "401 bad_signature"),
        ("an algorithm that is not ours", Signer::rs256().with_kid("k1"), "401 algorithm"),
    ] {
        assert_eq!(published(&mut all, &Request::get("/x").bearing(&signed(signer))), want, "{name}");
    }
    // The entry may say otherwise.
    for (entry, want) in [
        (json!({"algorithms": ["RS256"]}), "401 algorithm"),
        (
            json!({"jwks": {"inline": {"keys": [Signer::other_es256().jwk()]}}, "algorithms": ["EdDSA"]}),
            "401 unknown_key",
        ),
    ] {
        let mut document = stage(&json!({}));
        document["issuers"][1] = patched(json!({"issuer": OWN, "audiences": [AUDIENCE]}), &entry);
        assert_eq!(published(&mut World::of(&document), &request(json!({}))), want, "{entry}");
    }
}
