//! Good tokens, and whether they may.

use super::harness::config::make_test_config;
use super::harness::refusal::{Challenged, check};
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Stage};
use crate::support::challenge::ErrorCode;
use crate::support::mint::{Signer, Token};

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
