//! Tokens that are not good: refused over either protocol, and nothing goes upstream.

use serde_json::json;

use super::harness::config::{inline_issuer, make_test_config, with_issuer};
use super::harness::refusal::{Challenged, check};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::challenge::ErrorCode;
use crate::support::mint::{Signer, Token, base64url, compact, unsigned, wall_clock};

#[test]
fn a_token_that_is_not_good_is_refused() {
    use Challenged::Error;
    use ErrorCode::InvalidToken;
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let rs256 = &Signer::rs256();
    let good = || Token::new(rs256);
    let impostor = &Signer::other_rs256().with_kid(rs256.kid());
    let claims = json!({
        "iss": "https://issuer.test", "aud": "https://api.test", "sub": "alice",
        "iat": wall_clock(), "exp": wall_clock() + 600,
    });
    let none = unsigned(&json!({ "alg": "none", "kid": rs256.kid() }), &claims);
    let bare_none = unsigned(&json!({ "alg": "none" }), &claims);
    let hs256 = rs256.sign(&json!({ "alg": "HS256", "kid": rs256.kid() }), &claims);
    let twins = format!("{{\"exp\":1,{}", &claims.to_string()[1..]);
    let twins = rs256.sign_bytes(rs256.header().to_string().as_bytes(), twins.as_bytes());
    let embedded = Signer::other_rs256();
    let embedded = Token::new(&embedded).header("jwk", embedded.jwk());
    let tokens = [
        ("expired", good().expires_in(-3600).issued_in(-7200).mint()),
        ("without exp", good().without("exp").mint()),
        ("exp as text", good().claim("exp", (wall_clock() + 600).to_string()).mint()),
        ("not yet valid", good().claim("nbf", wall_clock() + 3600).mint()),
        ("of the future", good().issued_in(3600).expires_in(7200).mint()),
        ("living too long", good().expires_in(40 * 24 * 3600).mint()),
        ("wrong audience", good().claim("aud", "https://other.test").mint()),
        ("audience with a slash", good().claim("aud", "https://api.test/").mint()),
        ("no audience", good().without("aud").mint()),
        ("empty audience", good().claim("aud", json!([])).mint()),
        ("unknown issuer", good().claim("iss", "https://evil.test").mint()),
        ("issuer with a slash", good().claim("iss", "https://issuer.test/").mint()),
        ("no issuer", good().without("iss").mint()),
        ("unknown kid", good().header("kid", "elsewhere").mint()),
        ("wrong key", Token::new(impostor).mint()),
        ("its own key in the header", embedded.mint()),
        ("alg none", none),
        ("alg none without kid", bare_none),
        ("alg HS256", hs256),
        ("alg of another key", good().header("alg", "PS256").mint()),
        ("crit", good().header("crit", json!(["exp"])).mint()),
        ("typ of a logout token", good().header("typ", "logout+jwt").mint()),
        ("a claim twice", twins),
        ("no signature", compact(rs256.header().to_string().as_bytes(), b"{}", b"")),
        ("payload that is no object", rs256.sign_bytes(b"{\"alg\":\"RS256\"}", b"[]")),
        ("two parts", format!("{}.{}", base64url("{}"), base64url("{}"))),
        ("four parts", format!("{}.x", good().mint())),
        ("padding", format!("{}=", good().mint())),
        ("no token at all", "nonsense".to_owned()),
    ];
    for protocol in BOTH {
        for (name, token) in &tokens {
            let request = Request::get("/me").bearer(token);
            check(&stage, protocol, &(name, request, 401, Error(InvalidToken)));
        }
    }
    stage.still_serves(&good().mint());
}

#[test]
fn an_expired_token_is_told_so_and_no_other_fault_is() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let signer = &Signer::rs256();
    let rows = [
        ("expired", Token::new(signer).expires_in(-3600).issued_in(-7200).mint(), true),
        ("wrong audience", Token::new(signer).claim("aud", "https://other.test").mint(), false),
        ("unknown kid", Token::new(signer).header("kid", "elsewhere").mint(), false),
    ];
    for (name, token, expired) in rows {
        let answer = stage.send(Protocol::Http1, &Request::get("/me").bearer(&token)).refused(name, 401);
        let description = answer.challenges()[0].error_description.clone();
        let description = description.unwrap_or_else(|| panic!("{name}: no description"));
        assert_eq!(description.contains("expired"), expired, "{name}: {description}");
    }
}

#[test]
fn a_token_that_does_not_name_its_key_is_good_only_where_one_key_fits() {
    for (name, keys, good) in [
        ("several keys fit", vec![Signer::rs256(), Signer::other_rs256()], false),
        ("one key fits", vec![Signer::rs256()], true),
    ] {
        let config = with_issuer(inline_issuer(&keys.iter().collect::<Vec<_>>()));
        let stage = Stage::start(&Setup::new(&config));
        let token = Token::new(&keys[0]).without_header("kid").mint();
        let request = Request::get("/me").bearer(&token);
        if good {
            stage.send(Protocol::Http1, &request).allowed(name);
        } else {
            check(&stage, Protocol::Http1, &(name, request, 401, Challenged::Error(ErrorCode::InvalidToken)));
        }
    }
}
