//! The service of these tests is one that refuses: what it says 200 to has been verified.

use serde_json::json;

use super::scene::{API, Came, DISCOVERY, HOST, KEYS, OURS, Service};
use crate::support::mint::{Signer, Token, jwks, unsigned};
use crate::wire::harness::http1;
use crate::wire::harness::issuer::{Issuer, Script};
use crate::wire::harness::journal::Journal;
use crate::wire::harness::request::Request;

#[test]
fn the_service_refuses_each_token_that_it_could_not_verify() {
    let issuer = Issuer::start(&Journal::default());
    let keys = [Signer::rs256(), Signer::es256(), Signer::eddsa()];
    issuer.on(KEYS, Script::json(&jwks(&keys.each_ref())));
    issuer.on(DISCOVERY, Script::json(&json!({ "issuer": OURS, "jwks_uri": format!("https://lsp.test{KEYS}") })));
    let service = Service::start();
    service.trust(&[json!({
        "issuer": OURS,
        "audience": API,
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "discovery": issuer.url(DISCOVERY),
        "host": HOST,
    })]);
    let of = |signer: &Signer| Token::new(signer).claim("iss", OURS).claim("aud", API).claim("jti", "1");
    let good = |signer: &Signer| Request::new("POST", "/a").bearer(&of(signer).mint());
    let bad = |token: &Token| Request::new("POST", "/a").bearer(&token.mint());
    let rs = &of(&keys[0]);
    let rows = [
        ("RS256", good(&keys[0]), None),
        ("ES256", good(&keys[1]), None),
        ("EdDSA", good(&keys[2]), None),
        ("nothing", Request::get("/a"), Some("there is no token")),
        ("Basic", Request::get("/a").basic(&rs.mint(), ""), Some("there is no token")),
        ("two", good(&keys[0]).bearer(&of(&keys[1]).mint()), Some("there is no token")),
        ("of another key", bad(&of(&Signer::other_rs256().with_kid(keys[0].kid()))), Some("InvalidSignatureError")),
        ("of an unknown key", bad(&of(&Signer::other_rs256())), Some("Unable to find a signing key")),
        ("of another algorithm", bad(&of(&Signer::ps256().with_kid(keys[0].kid()))), Some("InvalidAlgorithmError")),
        (
            "of nobody",
            Request::get("/a").bearer(&unsigned(&json!({"alg": "none"}), &json!({"iss": OURS}))),
            Some("Error"),
        ),
        ("of another issuer", bad(&rs.clone().claim("iss", "https://issuer.test")), Some("InvalidIssuerError")),
        ("for another service", bad(&rs.clone().claim("aud", "https://b.test")), Some("InvalidAudienceError")),
        ("expired", bad(&rs.clone().issued_in(-900).expires_in(-1)), Some("ExpiredSignatureError")),
        ("of tomorrow", bad(&rs.clone().issued_in(900)), Some("ImmatureSignatureError")),
        ("without jti", bad(&rs.clone().without("jti")), Some("MissingRequiredClaimError")),
        ("without iat", bad(&rs.clone().without("iat")), Some("MissingRequiredClaimError")),
        ("without exp", bad(&rs.clone().without("exp")), Some("MissingRequiredClaimError")),
    ];
    let count = rows.len() as u64;
    for (name, request, error) in rows {
        let came = Came::of(&http1::send(service.address(), &request));
        match error {
            None => assert_eq!(came.status, 200, "{name}: {came:?}"),
            Some(error) => {
                assert_eq!(came.status, 401, "{name}: {came:?}");
                assert!(came.error().contains(error), "{name}: {}", came.error());
            }
        }
    }
    // A good one without its copy, and one that is another token.
    let request = good(&keys[0]);
    for (name, request) in [("no copy", request.clone()), ("another one", request.field("x-auth-request-token", "x"))] {
        let came = Came::of(&http1::send(service.address(), &request));
        assert!(!came.has_the_same_twice(), "{name}: {came:?}");
    }
    assert_eq!(service.counts().0 + service.counts().1, count + 2);
    let asked: Vec<_> = issuer.requests(KEYS).iter().filter_map(|head| head.text("host")).collect();
    assert!(asked.iter().all(|host| host == HOST), "{asked:?}");
}
