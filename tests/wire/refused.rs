//! Bad credentials: the status and the challenge each gets, and that nothing goes upstream.

use serde_json::json;

use super::harness::config::{REALM, make_test_config};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use crate::support::challenge::{Challenge, ErrorCode, Scheme};
use crate::support::mint::{Signer, Token, base64url, compact, unsigned, wall_clock};

/// What `WWW-Authenticate` says, apart from the words of a description.
#[derive(Clone, Copy, Debug)]
enum Challenged {
    /// No such header.
    No,
    /// `Bearer` that only asks.
    Asked,
    /// `Bearer` that only asks, then `Basic`.
    AskedBoth,
    /// `Bearer` with this error.
    Error(ErrorCode),
    /// `Bearer` with this error, then `Basic`.
    ErrorBoth(ErrorCode),
    /// `Bearer` with `insufficient_scope` and this scope.
    Scope(&'static str),
    /// `Bearer`, with or without `invalid_token`: both are right for what is no token of ours.
    AskedOrInvalid,
}

impl Challenged {
    /// The answers that will do.
    fn allowed(self) -> Vec<Vec<Challenge>> {
        let bearer = Challenge::bare(Scheme::Bearer, REALM);
        let basic = Challenge::bare(Scheme::Basic, REALM);
        let error = |code| Challenge { error: Some(code), ..bearer.clone() };
        match self {
            Self::No => vec![vec![]],
            Self::Asked => vec![vec![bearer]],
            Self::AskedBoth => vec![vec![bearer, basic]],
            Self::Error(code) => vec![vec![error(code)]],
            Self::ErrorBoth(code) => vec![vec![error(code), basic]],
            Self::Scope(scope) => {
                let scope = Some(scope.to_owned());
                vec![vec![Challenge { scope, ..error(ErrorCode::InsufficientScope) }]]
            }
            Self::AskedOrInvalid => {
                vec![vec![bearer.clone()], vec![error(ErrorCode::InvalidToken)]]
            }
        }
    }
}

fn check(stage: &Stage, protocol: Protocol, row: &(&str, Request, u16, Challenged)) {
    let (name, request, status, challenged) = row;
    let name = format!("{name} over {protocol:?}");
    let answer = stage.send(protocol, request).refused(&name, *status);
    let challenges: Vec<Challenge> =
        answer.challenges().into_iter().map(|challenge| Challenge { error_description: None, ..challenge }).collect();
    let allowed = challenged.allowed();
    assert!(allowed.contains(&challenges), "{name}: {challenges:?}, not one of {allowed:?}");
    assert_eq!(answer.value("cache-control").as_deref(), Some("no-store"), "{name}");
}

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
        ("no kid", good().without_header("kid").mint()),
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
fn a_credential_that_is_missing_malformed_or_double_is_refused() {
    use Challenged::{Asked, AskedBoth, AskedOrInvalid, Error, ErrorBoth};
    use ErrorCode::{InvalidRequest, InvalidToken};
    let mut config = make_test_config();
    config["credentials"] = json!({ "query": true });
    let stage = Stage::start(&Setup::new(&config));
    let signer = &Signer::rs256();
    let token = &Token::new(signer).mint();
    let other = &Token::new(signer).claim("sub", "bob").mint();
    let get = Request::get("/me");
    let with = |value: &str| Request::get("/me").field("authorization", value);
    let rows = [
        ("nothing", get.clone(), 401, Asked),
        ("nothing, where Basic will do", Request::get("/basic"), 401, AskedBoth),
        ("a bad one, where Basic will do", Request::get("/basic").bearer("x.y.z"), 401, ErrorBoth(InvalidToken)),
        ("an empty Authorization", with(""), 400, Error(InvalidRequest)),
        ("Bearer without a token", with("Bearer"), 400, Error(InvalidRequest)),
        ("a token and more", with(&format!("Bearer {token} x")), 400, Error(InvalidRequest)),
        ("a comma after the token", with(&format!("Bearer {token},")), 400, Error(InvalidRequest)),
        ("two in one header", with(&format!("Bearer {token}, Bearer {other}")), 400, Error(InvalidRequest)),
        ("Bearer twice", get.clone().bearer(token).bearer(other), 400, Error(InvalidRequest)),
        ("the same twice", get.clone().bearer(token).bearer(token), 400, Error(InvalidRequest)),
        ("Bearer and Basic", get.clone().bearer(token).basic(token, ""), 400, Error(InvalidRequest)),
        (
            "header and query",
            Request::get(&format!("/me?access_token={other}")).bearer(token),
            400,
            Error(InvalidRequest),
        ),
        (
            "query twice",
            Request::get(&format!("/me?access_token={token}&access_token={other}")),
            400,
            Error(InvalidRequest),
        ),
        (
            "query twice, once escaped",
            Request::get(&format!("/me?access_token={token}&%61ccess_token={other}")),
            400,
            Error(InvalidRequest),
        ),
        ("Basic with a password", get.clone().basic("alice", "hunter2"), 401, AskedOrInvalid),
        ("Basic with two tokens", get.clone().basic(token, other), 400, Error(InvalidRequest)),
        ("Basic without a colon", with("Basic bm90aGluZw=="), 400, Error(InvalidRequest)),
        ("Basic that is not base64", with("Basic ????"), 400, Error(InvalidRequest)),
        ("Basic with nothing", with("Basic Og=="), 401, AskedOrInvalid),
        ("an unknown scheme", with("Negotiate abcdef"), 401, Asked),
        ("another unknown scheme", with("token abcdef"), 401, Asked),
    ];
    for protocol in BOTH {
        for row in &rows {
            check(&stage, protocol, row);
        }
    }
    let both_places = Request::get("/me").bearer(token).host(&format!("x-oauth-basic:{other}@api.test"));
    let row = ("header and userinfo", both_places, 400, Error(InvalidRequest));
    check(&stage, Protocol::Http1, &row);
    stage.still_serves(token);
}

#[test]
fn a_form_of_credential_that_is_turned_off_is_not_read() {
    let mut config = make_test_config();
    config["credentials"] = json!({ "bearer": true, "basic": false, "query": false });
    let stage = Stage::start(&Setup::new(&config));
    let token = &Token::new(&Signer::rs256()).mint();
    let rows = [
        ("Basic", Request::get("/me").basic(token, ""), 401, Challenged::Asked),
        ("query", Request::get(&format!("/me?access_token={token}")), 401, Challenged::Asked),
    ];
    for row in &rows {
        check(&stage, Protocol::Http1, row);
    }
    // A header that counts does not make the query count, nor pass it on.
    let both = Request::get(&format!("/me?access_token={token}&b=c")).bearer(token);
    let seen = stage.send(Protocol::Http1, &both).allowed("Bearer beside an unread query");
    assert_eq!(seen.target(), "/me?b=c");
}

#[test]
fn a_good_token_that_may_not_is_refused_with_what_is_missing() {
    use Challenged::{No, Scope};
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let signer = &Signer::rs256();
    let with = |scope: &str| Token::new(signer).claim("scope", scope).mint();
    let none = Token::new(signer).mint();
    let rows = [
        ("no scope", Request::get("/api/tap").bearer(&none), 403, Scope("read:tap")),
        (
            "another scope",
            Request::get("/api/tap/sync").bearer(&with("exec:portal read:image")),
            403,
            Scope("read:tap"),
        ),
        ("a longer scope", Request::get("/api/tap").bearer(&with("read:tapestry")), 403, Scope("read:tap")),
        ("no rule for the path", Request::get("/elsewhere").bearer(&none), 403, No),
        ("no rule, no credential", Request::get("/elsewhere"), 403, No),
        ("a longer segment", Request::get("/api/tapestry").bearer(&with("read:tap")), 403, No),
        ("below an exact path", Request::get("/exact/below").bearer(&none), 403, No),
    ];
    for protocol in BOTH {
        for row in &rows {
            check(&stage, protocol, row);
        }
        let request = Request::get("/api/tap/sync?q=1").bearer(&with("exec:portal read:tap"));
        stage.send(protocol, &request).allowed("the right scope");
        stage.send(protocol, &Request::get("/exact?q=1").bearer(&none)).allowed("the exact path");
    }
}

#[test]
fn an_optional_rule_lets_the_nameless_on_and_stops_the_false() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let signer = &Signer::rs256();
    for protocol in BOTH {
        let seen = stage.send(protocol, &Request::get("/optional")).allowed("no credential");
        assert_eq!(seen.values("x-auth-request-user"), [""; 0]);
        let good = Request::get("/optional").bearer(&Token::new(signer).mint());
        let seen = stage.send(protocol, &good).allowed("a good token");
        assert_eq!(seen.values("x-auth-request-user"), ["alice"]);
        let bad = Request::get("/optional").bearer(&Token::new(signer).without("exp").mint());
        let error = Challenged::Error(ErrorCode::InvalidToken);
        check(&stage, protocol, &("a bad token", bad, 401, error));
    }
}
