//! Which rule a request falls under: by the route's metadata, its name, or the path.

use serde_json::json;

use super::harness::config::make_test_config;
use super::harness::request::Request;
use super::harness::route::Route;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Protocol, Stage};
use super::harness::tools::Tool;
use crate::support::challenge::ErrorCode;
use crate::support::mint::{Signer, Token};

/// Name, target, token, status, and the scope that a refusal asks for.
type Row = (&'static str, &'static str, Option<String>, u16, Option<&'static str>);

#[test]
fn a_route_picks_its_rule_by_metadata_or_by_name() {
    let mut config = make_test_config();
    let rules = config["rules"].as_array_mut().expect("rules");
    rules.push(json!({
        "name": "by-name-only",
        "require": { "capabilities": { "all_of": ["exec:notebook"] } },
    }));
    rules.insert(
        0,
        json!({
            "name": "by-route",
            "match": { "route": "image-route" },
            "require": { "capabilities": { "all_of": ["read:image"] } },
        }),
    );
    let route = |prefix: &str, metadata| Route::prefix(prefix).metadata(metadata);
    let setup = Setup::new(&config)
        .route(route("/m/tap", json!({ "rule": "tap" })))
        .route(route("/m/by-name-only", json!({ "rule": "by-name-only" })))
        .route(route("/m/open", json!({ "rule": "open" })))
        .route(route("/m/caps", json!({ "capabilities": "read:tap exec:portal" })))
        .route(route("/m/unknown", json!({ "rule": "no-such-rule" })))
        .route(route("/m/empty", json!({ "rule": "" })))
        .route(route("/m/number", json!({ "rule": 7 })))
        .route(route("/m/list", json!({ "rule": ["open"] })))
        .route(route("/open/guarded", json!({ "rule": "tap" })))
        .route(route("/open/unknown", json!({ "rule": "no-such-rule" })))
        .route(Route::prefix("/images").named("image-route"))
        .route(Route::prefix("/open/images").named("image-route"))
        .route(Route::prefix("/other").named("other-route"));
    let stage = Stage::start(&setup);
    let signer = Signer::rs256();
    let with = |scope: &str| Some(Token::new(&signer).claim("scope", scope).mint());
    // The scope a refusal asks for shows which rule was in force.
    let rows: [Row; 22] = [
        ("rule, allowed", "/m/tap", with("read:tap"), 200, None),
        ("rule, refused", "/m/tap", with("read:image"), 403, Some("read:tap")),
        ("rule, nothing", "/m/tap", None, 401, None),
        ("rule without a match", "/m/by-name-only", with("exec:notebook"), 200, None),
        ("rule without a match, refused", "/m/by-name-only", with("x"), 403, Some("exec:notebook")),
        ("anonymous rule", "/m/open", None, 200, None),
        ("capabilities, allowed", "/m/caps", with("exec:portal read:tap"), 200, None),
        ("capabilities, one of two", "/m/caps", with("read:tap"), 403, Some("read:tap exec:portal")),
        ("capabilities, nothing", "/m/caps", None, 401, None),
        ("unknown rule", "/m/unknown", with("read:tap"), 403, None),
        ("unknown rule, nothing", "/m/unknown", None, 403, None),
        ("empty rule", "/m/empty", with("read:tap"), 403, None),
        ("rule that is a number", "/m/number", with("read:tap"), 403, None),
        ("rule that is a list", "/m/list", with("read:tap"), 403, None),
        ("metadata before the path", "/open/guarded", None, 401, None),
        ("unknown rule before the path", "/open/unknown", with("read:tap"), 403, None),
        ("the path, beside metadata", "/open/else", None, 200, None),
        ("route name, allowed", "/images/a", with("read:image"), 200, None),
        ("route name, refused", "/images/a", with("read:tap"), 403, Some("read:image")),
        ("route name before a later path", "/open/images", None, 401, None),
        ("a name that no rule has", "/other", with("read:image"), 403, None),
        ("the rule without a match, by path", "/by-name-only", with("exec:notebook"), 403, None),
    ];
    for protocol in BOTH {
        for (name, target, token, status, scope) in &rows {
            let name = format!("{name} over {protocol:?}");
            let request = Request::get(target);
            let request = token.iter().fold(request, |request, token| request.bearer(token));
            let exchange = stage.send(protocol, &request);
            if *status == 200 {
                exchange.allowed(&name);
                continue;
            }
            let answer = exchange.refused(&name, *status);
            let challenges = answer.challenges();
            match (status, scope) {
                (401, _) => assert_eq!(challenges.len(), 1, "{name}"),
                (_, None) => assert_eq!(challenges, [], "{name}"),
                (_, Some(scope)) => {
                    assert_eq!(challenges[0].error, Some(ErrorCode::InsufficientScope), "{name}");
                    assert_eq!(challenges[0].scope.as_deref(), Some(*scope), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_path_that_others_may_read_otherwise_is_refused_where_the_path_decides() {
    let setup = Setup::new(&make_test_config())
        .normalize_path(false)
        .route(Route::prefix("/routed").metadata(json!({ "rule": "tap" })));
    let stage = Stage::start(&setup);
    let token = Token::new(&Signer::rs256()).claim("scope", "read:tap").mint();
    let rows: [(&str, &str, &[u16]); 42] = [
        ("the path itself", "/api/tap", &[200]),
        ("a path below", "/api/tap/sync", &[200]),
        ("a slash at the end", "/api/tap/", &[200]),
        ("dots within a segment", "/api/tap/a.b/..c/d..", &[200]),
        ("three dots", "/api/tap/.../a", &[200]),
        ("an escaped space", "/api/tap/a%20b", &[200]),
        ("an escaped letter of another script", "/api/tap/%C3%A9", &[200]),
        ("signs that mean nothing", "/api/tap/~a:b@c,d=e&f!g$h'(i)*+", &[200]),
        ("anything in the query", "/api/tap?a=/../%2f;//%5c\\%00", &[200]),
        ("a query of dots", "/api/tap?/..", &[200]),
        ("..", "/api/tap/../../open", &[400]),
        (".. out of an open path", "/open/../api/tap", &[400]),
        (".. at the end", "/api/tap/..", &[400]),
        (".", "/api/./tap", &[400]),
        (". at the front", "/./api/tap", &[400]),
        (". at the end", "/api/tap/.", &[400]),
        ("escaped ..", "/open/%2e%2e/api/tap", &[400]),
        ("escaped .. in capitals", "/open/%2E%2E/api/tap", &[400]),
        ("half escaped ..", "/open/.%2e/api/tap", &[400]),
        ("escaped .", "/api/%2e/tap", &[400]),
        ("escaped . in a name", "/api/tap/a%2eb", &[400]),
        ("two slashes in front", "//api/tap", &[400]),
        ("two slashes within", "/api//tap", &[400]),
        ("two slashes at the end", "/api/tap//", &[400]),
        ("two slashes before an open path", "//open", &[400]),
        ("escaped slash", "/api%2ftap", &[400]),
        ("escaped slash in capitals", "/api%2Ftap", &[400]),
        ("escaped slash below", "/api/tap/a%2fb", &[400]),
        ("backslash", "/api\\tap", &[400]),
        ("backslash out of an open path", "/open\\..\\api\\tap", &[400]),
        ("escaped backslash", "/api/tap/a%5cb", &[400]),
        ("escaped backslash in capitals", "/api/tap/a%5Cb", &[400]),
        ("a parameter", "/api/tap;v=1", &[400]),
        ("a parameter on a dot segment", "/open/..;/api/tap", &[400]),
        ("an escaped parameter", "/api/tap%3bv=1", &[200, 400, 403]),
        ("NUL", "/api/tap%00", &[400]),
        ("NUL in an open path", "/open%00/../api/tap", &[400]),
        ("escapes of escapes", "/open/%252e%252e/api/tap", &[200, 400]),
        ("an overlong slash", "/open/..%c0%af../api/tap", &[200, 400]),
        ("an escaped letter", "/%61pi/tap", &[200, 400, 403]),
        ("another case", "/API/tap", &[403]),
        ("a broken escape", "/api/tap/%zz", &[200, 400]),
    ];
    for (name, target, statuses) in rows {
        let request = Request::get(target).bearer(&token);
        let exchange = stage.send(Protocol::Http1, &request);
        let status = exchange.answer.status;
        assert!(statuses.contains(&status), "{name}: {target} gave {status}");
        if let Some(seen) = &exchange.seen {
            assert_eq!(seen.target(), target, "{name}: the path was changed on its way");
        }
    }
    // Where the route has chosen the rule, the path decides nothing and may be anything.
    for target in ["/routed;v=1", "/routed/a%2fb", "/routed//a"] {
        let request = Request::get(target).bearer(&token);
        let seen = stage.send(Protocol::Http1, &request).allowed(target);
        assert_eq!(seen.target(), target);
        stage.send(Protocol::Http1, &Request::get(target)).refused(target, 401);
    }
    stage.still_serves(&token);
}

/// The user part has to go, and without it Envoy chooses the route again, in the virtual host that it belongs to.
#[test]
fn a_user_part_in_the_host_leads_into_no_other_virtual_host() {
    let setup = Setup::new(&make_test_config()).virtual_host("admin.test", json!({ "rule": "tap" }));
    let stage = Stage::start(&setup);
    let token = &Token::new(&Signer::rs256()).mint();
    for (host, path, status) in [
        ("admin.test".to_owned(), "/open", 401),
        ("x@admin.test".to_owned(), "/open", 400),
        ("@admin.test".to_owned(), "/open", 400),
        ("a:b@admin.test".to_owned(), "/optional", 400),
        (format!("{token}:@admin.test"), "/me", 400),
        ("x@".to_owned(), "/open", 400),
    ] {
        let request = Request::get(path).host(&host);
        stage.send(Protocol::Http1, &request).refused(&format!("{host} {path}"), status);
    }
    stage.still_serves(token);
}

/// Envoy takes a host with a port for another domain than without, unless it is told to ignore ports.
#[test]
fn a_port_or_a_final_dot_leads_past_no_rule_for_a_host() {
    let mut config = make_test_config();
    let rules = config["rules"].as_array_mut().expect("rules");
    rules.insert(0, json!({ "name": "lax", "match": { "hosts": ["lax.test"] }, "access": "anonymous" }));
    rules.insert(1, json!({ "name": "any-port", "match": { "hosts": ["any.test:*"] }, "access": "anonymous" }));
    let stage = Stage::start(&Setup::new(&config));
    for (host, status) in [
        ("lax.test", 200),
        ("LAX.test", 200),
        ("any.test", 200),
        ("any.test:8080", 200),
        ("other.test:80", 401),
        ("lax.test:80", 400),
        ("lax.test:", 400),
        ("lax.test.", 400),
        ("any.test.:80", 400),
    ] {
        let answer = stage.send(Protocol::Http1, &Request::get("/me").host(host)).answer;
        assert_eq!(answer.status, status, "{host}: {}", answer.text());
    }
}

/// HTTP/1 has no such paths: Envoy refuses them itself. In HTTP/2 it lets any byte through.
#[test]
fn a_path_with_a_byte_that_is_not_text_is_refused_on_every_rule() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    for normalize in [true, false] {
        let stage = Stage::start(&Setup::new(&make_test_config()).normalize_path(normalize));
        for path in [&b"/open/\xff"[..], b"/open?\xff", b"/exact?x=\xff&access_token=SECRET", b"/me/\xff", b"/\xff"] {
            let url = [b"http://", stage.envoy.address().to_string().as_bytes(), path].concat();
            let curl = ["-q", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is", "--http2-prior-knowledge"];
            let outcome = Tool::new("curl").args(curl).args([OsStr::from_bytes(&url)]).run();
            let name = String::from_utf8_lossy(path);
            assert_eq!(outcome.stdout, "400", "{name}: {outcome:?}");
            assert_eq!(stage.upstream.count(), 0, "{name} reached the upstream");
        }
        let logged = stage.envoy.access_log(5);
        assert!(!logged.iter().any(|line| line.contains("SECRET")), "{logged:?}");
    }
}
