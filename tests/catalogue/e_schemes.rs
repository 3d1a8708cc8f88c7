//! E: what stands in `Authorization`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::e_credentials::{get, other, with};
use super::row::{Row, row};
use super::scene::Scene;
use crate::wire::harness::request::{Request, basic};

pub fn rows() -> Vec<Row> {
    [basics(), schemes()].into_iter().flatten().collect()
}

fn basics() -> Vec<Row> {
    let pair = |id, name: &str, user: fn(&Scene) -> String, password: fn(&Scene) -> String| {
        row(id, name, move |scene| get().basic(&user(scene), &password(scene)))
    };
    let good = |scene: &Scene| scene.good.clone();
    let nothing = |_: &Scene| String::new();
    let placeholder = |_: &Scene| "x-oauth-basic".to_owned();
    let coded = |name: &str, encoded: fn(&Scene) -> String| {
        with("E07", name, move |scene| format!("Basic {}", encoded(scene)).into_bytes())
    };
    vec![
        pair("E07", "token:", good, nothing).let_on(),
        pair("E07", ":token", nothing, good).let_on(),
        pair("E07", "token:x-oauth-basic", good, placeholder).let_on(),
        pair("E07", "x-oauth-basic:token", placeholder, good).let_on(),
        pair("E07", "token:anything", good, |_| "anything".to_owned()).is(400, "malformed_credential"),
        pair("E07", "anything:token", |_| "anything".to_owned(), good).is(400, "malformed_credential"),
        pair("E07", "token:token", good, good).is(400, "several_credentials").pin("two, though they are alike"),
        pair("E07", "x-oauth-basic:x-oauth-basic", placeholder, placeholder).is(401, "not_a_token"),
        pair("E07", "nothing:nothing", nothing, nothing).is(401, "not_a_token"),
        pair("E07", "foo:x-oauth-basic", |_| "foo".to_owned(), placeholder).is(401, "token_opaque"),
        pair("E07", "UTF-8 user", |_| "ü".to_owned(), nothing).is(401, "not_a_token"),
        pair("E07", "NUL in the user", |_| "a\0b".to_owned(), nothing).is(401, "not_a_token"),
        pair("E07", "several colons", good, |_| "x:y".to_owned()).is(400, "malformed_credential"),
        coded("two spaces after Basic", |scene| format!(" {}", STANDARD.encode(format!("{}:", scene.good)))).let_on(),
        coded("no colon", |_| STANDARD.encode("bogus-string")).is(400, "malformed_credential"),
        coded("a token and no colon", |scene| STANDARD.encode(&scene.good)).is(400, "malformed_credential"),
        coded("no base64", |_| "!!!!".to_owned()).is(400, "malformed_credential"),
        coded("base64 of no UTF-8", |_| STANDARD.encode(b"\xff\xfe:")).is(400, "malformed_credential"),
        coded("the alphabet of URLs", |_| URL_SAFE_NO_PAD.encode(b"\xfb\xff:aaaa")).is(400, "malformed_credential"),
        coded("without padding", |_| "YTo".to_owned()).is(400, "malformed_credential"),
        coded("unused bits set", |_| "YTp=".to_owned()).is(400, "malformed_credential"),
        coded("white space within", |_| "YTo eDp5".to_owned()).is(400, "malformed_credential"),
        coded("48 KiB", |_| STANDARD.encode(format!("{}:", "a".repeat(36 * 1024)))).is(401, "token_too_long"),
        with("E07", "Basic alone", |_| b"Basic".to_vec()).is(400, "malformed_credential"),
        with("E07", "BASIC", |scene| basic(&scene.good, "").replacen("Basic", "BASIC", 1).into_bytes()).let_on(),
        pair("E08", "two tokens", good, other).is(400, "several_credentials"),
        pair("E09", "somebody's password", |_| "alice".to_owned(), |_| "hunter2".to_owned())
            .is(401, "not_a_token")
            .hides("hunter2")
            .hides("YWxpY2U6aHVudGVyMg"),
        row("E09", "somebody's password, where Basic is offered", |_| Request::get("/basic").basic("alice", "hunter2"))
            .is(401, "not_a_token")
            .hides("hunter2")
            .hides("YWxpY2U6aHVudGVyMg"),
    ]
}

fn schemes() -> Vec<Row> {
    let good = |name: &str, before: &'static str, after: &'static str| {
        with("E10", name, move |scene| format!("{before}{}{after}", scene.good).into_bytes())
    };
    vec![
        good("bearer", "bearer ", "").let_on(),
        good("BEARER", "BEARER ", "").let_on(),
        good("two spaces", "Bearer  ", "").let_on(),
        good("a space after it", "Bearer ", " ").let_on().pin("no part of the value: RFC 9110 5.5"),
        good("a tab for the space", "Bearer\t", "").is(400, "malformed_credential"),
        good("a space and a tab", "Bearer \t", "").is(400, "malformed_credential"),
        good("no space", "Bearer", "").is(401, "foreign_authorization"),
        good("a colon", "Bearer: ", "").is(401, "foreign_authorization"),
        good("an equals sign", "Bearer=", "").is(401, "foreign_authorization"),
        good("a token and more", "Bearer ", " x").is(400, "malformed_credential"),
        good("in quotes", "Bearer \"", "\"").is(400, "malformed_credential"),
        good("Bearer twice", "Bearer Bearer ", "").is(400, "malformed_credential"),
        good("no scheme", "", "").is(401, "foreign_authorization"),
        good("Token", "Token ", "").is(401, "foreign_authorization"),
        good("DPoP", "DPoP ", "").is(401, "foreign_authorization"),
        good("another letter", "Bear\u{435}r ", "").is(401, "foreign_authorization"),
        with("E10", "Negotiate", |_| b"Negotiate YIIB".to_vec()).is(401, "foreign_authorization"),
        with("E10", "Bearer alone", |_| b"Bearer".to_vec()).is(400, "malformed_credential"),
        with("E10", "Bearer and a space", |_| b"Bearer ".to_vec()).is(400, "malformed_credential"),
        with("E10", "an empty field", |_| Vec::new()).is(401, "foreign_authorization"),
        with("E10", "Bearer after a byte that is no text", |scene| [b"\xffBearer ", scene.good.as_bytes()].concat())
            .is(400, "malformed_credential"),
    ]
}
