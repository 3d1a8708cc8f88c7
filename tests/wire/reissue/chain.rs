//! A filter behind another one, and a token that comes back: what was made once is not made again.

use serde_json::{Value, json};

use super::keys::{Key, of_host};
use super::payload::{payload, value};
use super::scene::{API, Came, OURS, Scene, Service, config, send, trusted};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token};
use crate::wire::harness::dynamic::Drain;
use crate::wire::harness::envoy::Envoy;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::BOTH;
use crate::wire::harness::wait::wait_until;

const FIRST: &str = "https://first.test/postern";
const SECOND: &str = "https://second.test/postern";
const ELSEWHERE: &str = "https://elsewhere.test";

/// With another name than all tests have, and a rule for another audience.
fn named(issuer: &str, keys: &[&Key]) -> Value {
    let mut config = config(keys);
    config["reissue"]["issuer"] = json!(issuer);
    config
}

fn with_rule(mut config: Value, audience: &str) -> Value {
    let reissue = json!({ "audience": audience, "safe_methods": true });
    let rule = json!({ "name": "other", "match": { "prefix": "/other" }, "reissue": reissue });
    config["rules"].as_array_mut().expect("rules").push(rule);
    config
}

fn with_issuer(mut config: Value, issuer: Value) -> Value {
    config["issuers"].as_array_mut().expect("issuers").push(issuer);
    config
}

fn trusted_as(envoy: &Envoy, issuer: &str, host: &str) -> Value {
    let mut order = trusted(envoy);
    order["issuer"] = json!(issuer);
    order["host"] = json!(host);
    order
}

/// Two Envoys, of which the first has the second as its service.
struct Chain {
    first: Envoy,
    second: Envoy,
    service: Service,
}

impl Chain {
    fn start() -> Self {
        let (one, two) = (Key::rs256(), Key::es256());
        let service = Service::start();
        let issuer = json!({
            "issuer": FIRST,
            "audiences": [API],
            "algorithms": ["RS256"],
            "jwks": { "uri": format!("{FIRST}/.well-known/jwks.json"), "cluster": "issuer", "timeout": "30s" },
        });
        let of_second = with_issuer(with_rule(named(SECOND, &[&two]), ELSEWHERE), issuer);
        let of_second = Setup::new(&of_second).variables(of_host(&[&two])).dynamic(Drain::Late);
        let second = Envoy::start(&of_second, service.address());
        let of_first = with_rule(named(FIRST, &[&one]), API);
        let first = Envoy::start(&Setup::new(&of_first).variables(of_host(&[&one])), second.address());
        // Each has to know where the other is; this way is found later.
        second.update_clusters(&of_second.issuer(first.address()));
        let keys = format!("wasmcustom.postern_jwks_keys.issuer.{FIRST}");
        wait_until("the second has the keys of the first", || second.stat(&keys) == 1);
        service.trust(&[trusted_as(&first, FIRST, "first.test"), trusted_as(&second, SECOND, "second.test")]);
        Self { first, second, service }
    }
}

#[test]
fn a_second_filter_takes_the_token_of_the_first_and_makes_none_of_it() {
    let chain = Chain::start();
    let user = || Token::new(&Signer::rs256()).claim("jti", "user-1").mint();
    let act = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","jti":"user-1"}}"#);
    for protocol in BOTH {
        for (name, request, made_by) in [
            ("through both", Request::new("POST", "/job"), Some(FIRST)),
            ("through both, a request that changes nothing", Request::get("/any"), Some(FIRST)),
            ("through both, for a service elsewhere", Request::new("POST", "/other"), None),
        ] {
            let name = format!("{name}, {protocol:?}");
            let came = Came::of(&send(&chain.first, protocol, &request.bearer(&user())));
            assert_eq!(came.values("x-auth-request-user"), ["alice"], "{name}");
            let Some(issuer) = made_by else {
                came.has_no_token(&name);
                continue;
            };
            let token = came.verified(&name);
            assert_eq!(came.claims()["iss"], issuer, "{name}");
            assert_eq!(came.header()["alg"], "RS256", "{name}");
            // One deep: what the second did with it is not in it.
            assert_eq!(value(&payload(token), "act"), Some(act.clone()), "{name}");
        }
        // Whoever comes to the second has one of the second's.
        let came = Came::of(&send(&chain.second, protocol, &Request::new("POST", "/job").bearer(&user())));
        let token = came.verified("to the second alone");
        assert_eq!(came.claims()["iss"], SECOND);
        assert_eq!(value(&payload(token), "act"), Some(act.clone()));
        // The first sends none for such a request, and the second wants one.
        let answer = send(&chain.first, protocol, &Request::get("/job").bearer(&user()));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(!answer.challenges().is_empty(), "of the second: {answer:?}");
    }
    assert_eq!(chain.first.reloads() + chain.second.reloads(), 0);
    drop(chain.service);
}

#[test]
fn a_token_that_was_made_here_comes_back_and_goes_on_as_it_is_or_not_at_all() {
    let key = Key::es256();
    // Its keys are our own.
    let issuer = json!({ "issuer": OURS, "audiences": [API], "algorithms": ["ES256"] });
    let config = with_issuer(with_rule(config(&[&key]), ELSEWHERE), issuer);
    let scene = Scene::start(&Setup::new(&config).variables(of_host(&[&key])));
    for protocol in BOTH {
        let user = Token::new(&Signer::rs256()).mint();
        let came = scene.send(protocol, &Request::new("POST", "/job").bearer(&user));
        let token = came.verified("made");
        for (path, goes_on) in [("/job", true), ("/fresh", true), ("/other", false), ("/me", false)] {
            let again = scene.send(protocol, &Request::new("POST", path).bearer(token));
            assert_eq!(again.values("x-auth-request-user"), ["alice"], "{path}");
            if goes_on {
                assert_eq!(again.verified(path), token, "{path}");
            } else {
                again.has_no_token(path);
            }
        }
        // It may have been changed on its way.
        let (text, _) = token.rsplit_once('.').expect("a token");
        let other = scene.send(protocol, &Request::new("POST", "/fresh").bearer(&user));
        let (_, signature) = other.verified("another").rsplit_once('.').expect("a token");
        let answer = send(&scene.envoy, protocol, &Request::new("POST", "/job").bearer(&format!("{text}.{signature}")));
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}
