//! What the README says of Envoy's own filters beside this one, where it says that it was seen.

use serde_json::{Value, json};

use super::harness::answer::Answer;
use super::harness::bootstrap::typed;
use super::harness::config::{named_issuer, remote_issuer, with_issuer};
use super::harness::http1;
use super::harness::issuer::{Issuer, Script};
use super::harness::journal::Journal;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{Protocol, Stage};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

/// An issuer that never has any keys.
const AWAY: &str = "https://away.test";

fn keys(signer: &Signer) -> Script {
    Script::json(&jwks(&[signer]))
}

/// `jwt_authn` for the same issuers, asked on the paths of the filter's rules.
fn jwt_authn(issuer: &Issuer) -> Value {
    let provider = |name: &str, path: &str| {
        let uri = json!({ "uri": issuer.url(path), "cluster": "issuer", "timeout": "30s" });
        json!({
            "issuer": name,
            "audiences": [AUDIENCE],
            "payload_in_metadata": "claims",
            "claim_to_headers": [{ "header_name": "x-user", "claim_name": "sub" }],
            "normalize_payload_in_metadata": { "space_delimited_claims": ["scope"] },
            "remote_jwks": { "http_uri": uri, "cache_duration": "600s" },
        })
    };
    let rule =
        |prefix: &str, name: &str| json!({ "match": { "prefix": prefix }, "requires": { "provider_name": name } });
    let config = json!({
        "providers": { "here": provider(ISSUER, "/keys"), "away": provider(AWAY, "/away") },
        "rules": [rule("/me", "here"), rule("/api/tap", "here"), rule("/away", "away")],
    });
    let kind = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
    json!({ "name": "envoy.filters.http.jwt_authn", "typed_config": typed(kind, config) })
}

/// Lets on who has `read:tap` among the claims that `jwt_authn` found.
fn rbac() -> Value {
    let claim = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{ "key": "claims" }, { "key": "scope" }],
        "value": { "list_match": { "one_of": { "string_match": { "exact": "read:tap" } } } },
    });
    let policy = json!({ "permissions": [{ "any": true }], "principals": [{ "metadata": claim }] });
    let config = json!({ "rules": { "action": "ALLOW", "policies": { "tap": policy } } });
    json!({ "name": "envoy.filters.http.rbac", "typed_config": typed("envoy.extensions.filters.http.rbac.v3.RBAC", config) })
}

/// Adds RBAC to the last listener, and has the first one tell in its answers what a service would have got.
fn completed(mut setup: Setup) -> Setup {
    let last = setup.more_listeners.last_mut().expect("a listener");
    let filters = last.pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters");
    filters.and_then(Value::as_array_mut).expect("its filters").insert(1, rbac());
    let first = setup.more_listeners.first_mut().expect("a listener");
    let routes = first.pointer_mut("/filter_chains/0/filters/0/typed_config/route_config").expect("its routes");
    let tell = |name: &str, value: &str| json!({ "header": { "key": name, "value": value } });
    routes["response_headers_to_add"] = json!([tell("got-user", "%REQ(x-user)%"), tell("got-path", "%REQ(:path)%")]);
    setup
}

fn own_challenges(answer: &Answer) -> usize {
    answer.values("www-authenticate").len()
}

#[test]
fn what_the_readme_saw_of_envoys_own_filters_they_do() {
    let journal = Journal::default();
    let issuer = Issuer::start(&journal);
    let (old, new) = (Signer::rs256(), Signer::other_rs256());
    issuer.on("/keys", keys(&old));
    issuer.on("/away", Script::bytes(500, b"out of order"));
    let mut config = with_issuer(remote_issuer(&issuer.url("/keys")));
    let away = named_issuer(AWAY, &issuer.url("/away"));
    config["issuers"].as_array_mut().expect("issuers").push(away);
    let setup = Setup::new(&config)
        .listener_with("jwt_authn", jwt_authn(&issuer))
        .listener_with("jwt_authn and RBAC", jwt_authn(&issuer));
    let stage = Stage::with_issuer(&journal, &issuer, completed(setup));
    let postern = |request: &Request| stage.send(Protocol::Http1, request).answer;
    let native = |name: &str, request: &Request| http1::send(stage.envoy.address_of(name), request);
    let token = Token::new(&old).mint();

    let row = "the same good token as Bearer";
    let request = Request::get("/me").bearer(&token);
    assert_eq!((postern(&request).status, native("jwt_authn", &request).status), (200, 200), "{row}");

    let row = "an identity that was made up, and a token in the query";
    let answer = native("jwt_authn", &Request::get(&format!("/me?access_token={token}&a=1")).field("x-user", "root"));
    let got = (answer.value("got-user"), answer.value("got-path"));
    assert_eq!(got, (Some("alice".to_owned()), Some("/me?a=1".to_owned())), "{row}");

    let row = "as user of Basic";
    let request = Request::get("/me").basic(&token, "x-oauth-basic");
    assert_eq!((postern(&request).status, native("jwt_authn", &request).status), (200, 401), "{row}");

    let row = "no keys can be had";
    let lost = Token::new(&old).claim("iss", AWAY).mint();
    assert_eq!(postern(&Request::get("/me").bearer(&lost)).status, 503, "{row}");
    assert_eq!(native("jwt_authn", &Request::get("/away").bearer(&lost)).status, 401, "{row}");

    let row = "a path that no rule names";
    let request = Request::get("/nowhere");
    assert_eq!((postern(&request).status, native("jwt_authn", &request).status), (403, 200), "{row}");

    let row = "the scope is there";
    let request = Request::get("/api/tap").bearer(&Token::new(&old).claim("scope", "openid read:tap").mint());
    assert_eq!((postern(&request).status, native("jwt_authn and RBAC", &request).status), (200, 200), "{row}");

    let row = "the scope is missing";
    let request = Request::get("/api/tap").bearer(&Token::new(&old).claim("scope", "openid").mint());
    let (ours, theirs) = (postern(&request), native("jwt_authn and RBAC", &request));
    assert_eq!((ours.status, theirs.status), (403, 403), "{row}");
    assert_eq!(ours.challenges()[0].scope.as_deref(), Some("read:tap"), "{row}");
    assert_eq!((own_challenges(&theirs), theirs.text().as_str()), (0, "RBAC: access denied"), "{row}");

    let row = "the issuer has a new key, and this is its first token";
    issuer.switch("/keys", keys(&new));
    let request = Request::get("/me").bearer(&Token::new(&new).mint());
    assert_eq!((postern(&request).status, native("jwt_authn", &request).status), (200, 401), "{row}");
}
