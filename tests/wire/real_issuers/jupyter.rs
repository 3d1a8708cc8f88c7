//! JupyterHub and notebook servers behind the filter: their own `Authorization: token`, WebSockets, and callbacks with
//! tokens of other parties in the URL.

use serde_json::{Value, json};

use super::{Wanted, hold, let_on, unauthorized};
use crate::support::challenge::{Challenge, Scheme};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};
use crate::wire::harness::config::REALM;
use crate::wire::harness::http1::Connection;
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::{BOTH, Protocol, Stage};

fn stage(rules: &Value) -> Stage {
    let config = json!({
        "realm": REALM,
        "issuers": [{ "issuer": ISSUER, "audiences": [AUDIENCE], "jwks": { "inline": jwks(&[&Signer::rs256()]) } }],
        "rules": rules,
    });
    Stage::start(&Setup::new(&config).web_sockets())
}

fn hub() -> Stage {
    stage(&json!([
        { "name": "hub", "match": { "prefix": "/hub" }, "foreign_authorization": "pass" },
        { "name": "user", "match": { "prefix": "/user" }, "foreign_authorization": "pass" },
        { "name": "optional", "match": { "prefix": "/optional" }, "access": "optional", "foreign_authorization": "pass" },
        { "name": "strict", "match": { "prefix": "/strict" } },
    ]))
}

#[test]
fn a_token_of_jupyterhub_goes_on_untouched_and_one_of_ours_does_not() {
    let stage = hub();
    let token = &Token::new(&Signer::rs256()).mint();
    let asked = |reason| Wanted::Refused(401, reason, Some(Challenge::bare(Scheme::Bearer, REALM)));
    let with = |path: &str, value: &str| Request::get(path).field("authorization", value);
    let alice = || let_on(&[("x-auth-request-user", "alice")]);
    let rows = [
        ("ours as Bearer", Request::get("/hub/api/user").bearer(token), alice()),
        ("ours as Basic", Request::get("/hub/api/user").basic(token, "x-oauth-basic"), alice()),
        ("one of ours that is over", Request::get("/hub").bearer(&over()), unauthorized("expired")),
        (
            "JupyterHub's as Bearer, which is ours to read",
            Request::get("/hub").bearer("abc"),
            unauthorized("token_opaque"),
        ),
        ("nothing", Request::get("/hub/api"), asked("missing_credential")),
        ("JupyterHub's, where it is not let on", with("/strict", "token abc"), asked("foreign_authorization")),
        ("nothing, where nothing will do", Request::get("/optional"), let_on(&[])),
    ];
    hold(&stage, &rows);
    let mut logged = rows.len() * BOTH.len();

    for (name, path, value) in [
        ("a token of JupyterHub", "/hub/api/users/alice/server", "token abc"),
        ("another scheme", "/hub/api", "Negotiate YII="),
        ("a scheme and nothing else", "/hub/api", "token"),
        ("in capitals", "/hub/api", "TOKEN abc"),
        ("two words after the scheme", "/hub/api", "Digest username=\"a\", realm=\"b\""),
        ("of a notebook server", "/user/alice/api/kernels", "token 0123456789abcdef"),
        ("where nothing would do too", "/optional", "token abc"),
    ] {
        for protocol in BOTH {
            let name = format!("{name} over {protocol:?}");
            // Nobody becomes somebody by it.
            let request = with(path, value).field("x-auth-request-user", "mallory").field("cookie", "a=b");
            let seen = stage.send(protocol, &request).allowed(&name);
            assert_eq!(seen.values("authorization"), [value], "{name}");
            assert_eq!(seen.values("cookie"), ["a=b"], "{name}");
            assert!(!seen.head_holds("x-auth-request-"), "{name}: {seen:?}");
            logged += 1;
            let log = stage.envoy.access_log(logged);
            assert!(log[logged - 1].contains("\"reason\":\"foreign_authorization\""), "{name}: {}", log[logged - 1]);
        }
    }
}

#[test]
fn a_web_socket_of_a_notebook_is_opened_with_either_token() {
    let stage = hub();
    let token = &Token::new(&Signer::rs256()).mint();
    let socket_by = |path: &str, connection: &str| {
        let request = Request::get(path).field("connection", connection).field("upgrade", "websocket");
        request.field("sec-websocket-version", "13").field("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let socket = |path: &str| socket_by(path, "Upgrade");
    let kernel = "/user/alice/api/kernels/1/channels?session_id=2";
    // A proxy behind would drop what `Connection` names.
    let dropping = socket_by(kernel, "Upgrade, x-auth-request-user");
    let rows: [(&str, Request, &[&str], &[&str]); 4] = [
        ("JupyterHub's", socket(kernel).field("authorization", "token abc"), &["token abc"], &[]),
        ("ours", socket(kernel).bearer(token), &[], &["alice"]),
        ("a browser's", socket_by(kernel, "keep-alive, Upgrade").bearer(token), &[], &["alice"]),
        ("one that would have our header dropped", dropping.bearer(token), &[], &["alice"]),
    ];
    for (name, request, authorization, user) in rows {
        let before = stage.upstream.count();
        let mut client = Connection::open(stage.envoy.address());
        client.send(&request.http1());
        let answer = client.switched();
        client.send(b"\x81\x02hi");
        assert_eq!(client.bytes(4), b"\x81\x02hi", "{name}: through the socket and back");
        let seen = stage.exchange(before, answer).seen.expect("a request at the upstream");
        assert_eq!(seen.target(), kernel, "{name}");
        assert_eq!(seen.values("authorization"), authorization, "{name}");
        assert_eq!(seen.values("x-auth-request-user"), user, "{name}");
        assert_eq!(seen.values("upgrade"), ["websocket"], "{name}");
        let connection = seen.values("connection").join(", ").to_ascii_lowercase();
        assert!(connection.contains("upgrade") && !connection.contains("x-auth"), "{name}: {connection}");
    }
    let asked = Wanted::Refused(401, "missing_credential", Some(Challenge::bare(Scheme::Bearer, REALM)));
    for (name, request, wanted) in [
        ("nobody's socket", socket(kernel), asked),
        ("a socket by a token that is over", socket(kernel).bearer(&over()), unauthorized("expired")),
    ] {
        let Wanted::Refused(status, ..) = wanted else { panic!("a row that is refused") };
        stage.send(Protocol::Http1, &request).refused(name, status);
    }
}

/// What is in such a URL is the service's: it is not looked for, taken out, or looked at.
#[test]
fn a_callback_with_tokens_of_others_arrives_byte_for_byte() {
    let stage = stage(&json!([
        { "name": "open", "match": { "prefix": "/user-redirect/jupyter_oauth2" }, "access": "anonymous" },
        { "name": "optional", "match": { "prefix": "/user-redirect/proxy" }, "access": "optional" },
        { "name": "foreign", "match": { "prefix": "/user" }, "foreign_authorization": "pass" },
        { "name": "me", "match": { "prefix": "/me" } },
    ]));
    let token = &Token::new(&Signer::rs256()).mint();
    let query =
        "id_token=aaa.bbb-_.ccc&access_token=ddd.eee.fff&state=%7B%22next%22%3A%22%2Flab%3Fa%3Db%22%7D&a+b=%20;&&=";
    let callback = format!("/user-redirect/jupyter_oauth2/callback?{query}");
    let proxied = "/user-redirect/proxy/1234/token?data=%7B%22access_token%22%3A%22ddd.eee.fff%22%7D&token=abc#x";
    let (proxied, _) = proxied.split_once('#').expect("no fragment is ever sent");
    let of_user = format!("/user/alice/callback?{query}");
    let of_me = format!("/me/callback?{query}");
    let rows = [
        ("a callback", Request::get(&callback), &[][..]),
        ("a callback beside a cookie", Request::get(&callback).field("cookie", "a=b"), &[]),
        (
            "a callback with a foreign token",
            Request::get(&callback).field("authorization", "token abc"),
            &["token abc"],
        ),
        ("a callback that is posted", Request::new("POST", &callback).body(b"id_token=aaa.bbb.ccc"), &[]),
        ("a token for a service behind", Request::get(proxied), &[]),
        ("a token for a service behind, with ours", Request::get(proxied).bearer(token), &[]),
        ("a notebook's own", Request::get(&of_user).field("authorization", "token abc"), &["token abc"]),
        ("with ours", Request::get(&of_me).bearer(token), &[]),
    ];
    for (name, request, authorization) in rows {
        for protocol in BOTH {
            let name = format!("{name} over {protocol:?}");
            let seen = stage.send(protocol, &request).allowed(&name);
            assert_eq!(seen.target(), request.target, "{name}");
            assert_eq!(seen.body, request.body.clone().unwrap_or_default(), "{name}");
            assert_eq!(seen.values("authorization"), authorization, "{name}");
        }
    }
}

fn over() -> String {
    Token::new(&Signer::rs256()).expires_in(-3600).issued_in(-7200).mint()
}
