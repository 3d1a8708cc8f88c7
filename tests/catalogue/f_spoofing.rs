//! F: header spoofing.

use super::row::{Row, Way, raw, row};
use super::scene::Scene;
use crate::wire::harness::config::OWN_HEADERS;
use crate::wire::harness::request::Request;

pub fn rows() -> Vec<Row> {
    [spoofed(), nominated(), trailers(), hints()].into_iter().flatten().collect()
}

/// Under every kind of rule, with as much of a token as it takes.
fn on_every_rule(id: &'static str, name: &str, spoof: fn(Request) -> Request) -> Vec<Row> {
    vec![
        row(id, format!("{name}, anonymous"), move |_| spoof(Request::get("/open"))).is(200, "anonymous"),
        row(id, format!("{name}, nobody"), move |_| spoof(Request::get("/optional"))).is(200, "anonymous"),
        row(id, format!("{name}, with a token"), move |scene| spoof(Request::get("/me")).bearer(&scene.good)).let_on(),
        row(id, format!("{name}, OPTIONS"), move |_| {
            let mut request = spoof(Request::get("/open"));
            request.method = "OPTIONS".to_owned();
            request
        })
        .is(200, "anonymous"),
    ]
}

fn spoofed() -> Vec<Row> {
    let mut rows = Vec::new();
    for own in OWN_HEADERS {
        let row = row("F01", format!("{own}, anonymous"), move |_| Request::get("/open").field(own, "root"));
        rows.push(row.is(200, "anonymous"));
        let row = self::row("F01", format!("{own}, with a token"), move |scene| {
            Request::get("/me").field(own, "root").bearer(&scene.good)
        });
        rows.push(row.let_on());
    }
    rows.extend(on_every_rule("F01", "all of them", |request| {
        OWN_HEADERS.into_iter().fold(request, |request, own| request.field(own, "root"))
    }));
    rows.extend(on_every_rule("F01", "a name to come", |request| request.field("x-auth-request-anything", "root")));
    rows.extend(on_every_rule("F02", "underscores", |request| request.field("x_auth_request_user", "root")));
    rows.extend(on_every_rule("F02", "one underscore", |request| request.field("x-auth_request-user", "root")));
    rows.extend(on_every_rule("F02", "dots", |request| request.field("x.auth.request.user", "root")));
    rows.push(
        raw("F02", "capitals and underscores", |_| {
            b"GET /open HTTP/1.1\r\nHost: api.test\r\nX_Auth-Request_USER: root\r\n\r\n".to_vec()
        })
        .is(200, "anonymous"),
    );
    rows.extend(on_every_rule("F03", "thrice, in three spellings", |request| {
        request
            .field("x-auth-request-user", "root")
            .field("x_auth_request_user", "root")
            .field("x-auth-request-user", "toor")
    }));
    rows.push(
        row("F04", "email, which the token lacks", |scene| {
            Request::get("/me").field("x-auth-request-email", "root@evil.test").bearer(&scene.good)
        })
        .let_on()
        .misses("x-auth-request-email"),
    );
    rows.push(
        row("F04", "groups, which the token lacks, where some are asked for", |scene| {
            Request::get("/admin").field("x-auth-request-groups", "admins").bearer(&scene.good)
        })
        .is(403, "not_in_group"),
    );
    rows
}

fn nominated() -> Vec<Row> {
    let raw_head = |scene: &Scene, more: &str| {
        format!("GET /me HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n{more}\r\n\r\n", scene.good)
            .into_bytes()
    };
    vec![
        raw("F05", "our header named in Connection", move |scene| raw_head(scene, "Connection: x-auth-request-user"))
            .let_on(),
        raw("F05", "the same, and sent as well", move |scene| {
            raw_head(scene, "Connection: close, x-auth-request-user\r\nx-auth-request-user: root")
        })
        .let_on(),
    ]
}

fn trailers() -> Vec<Row> {
    let with_trailers = |name: &str, target: &'static str, with_token: bool| {
        let row = row("F06", name, move |scene| {
            let request = Request::new("POST", target).body(b"some bytes");
            let request = if with_token { request.bearer(&scene.good) } else { request };
            request
                .trailer("x-auth-request-user", "root")
                .trailer("x_auth_request_groups", "admins")
                .trailer("authorization", "Bearer forged")
        });
        row.without(Way::Core)
    };
    vec![
        with_trailers("trailers, anonymous", "/open", false).is(200, "anonymous"),
        with_trailers("trailers, with a token", "/me", true).let_on(),
        with_trailers("trailers, refused", "/me", false).is(401, "missing_credential"),
    ]
}

fn hints() -> Vec<Row> {
    let mut rows = Vec::new();
    // What these say is open is not, and what they say is guarded stays open.
    for field in [
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-uri",
        "x-envoy-original-path",
        "x-forwarded-prefix",
        "x-original-method",
    ] {
        rows.push(
            row("F07", format!("{field} to what is open"), move |_| Request::get("/me").field(field, "/open"))
                .is(401, "missing_credential"),
        );
    }
    for field in ["x-http-method-override", "x-http-method", "x-method-override", "x_http_method_override"] {
        let row = row("F07", format!("{field} does not go on"), move |scene| {
            Request::get("/me").field(field, "DELETE").bearer(&scene.good)
        });
        rows.push(row.let_on().misses(field));
    }
    for agent in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0"] {
        let row = row("F08", format!("User-Agent {agent}"), move |_| Request::get("/me").field("user-agent", agent));
        rows.push(row.is(401, "missing_credential"));
    }
    rows.extend([
        row("F08", "X-Envoy-Internal", |_| {
            Request::get("/me").field("x-envoy-internal", "true").field("x-forwarded-for", "127.0.0.1")
        })
        .is(401, "missing_credential"),
        row("F08", "a health check's path", |_| Request::get("/healthz")).is(403, "no_rule"),
        row("F10", "X-Forwarded-Proto", |_| Request::get("/me").field("x-forwarded-proto", "https"))
            .is(401, "missing_credential"),
        row("F10", "X-Forwarded-Host", |_| Request::get("/hosted").field("x-forwarded-host", "a.test"))
            .is(403, "no_rule"),
        raw("F10", "https in the target", |_| b"GET https://api.test/me HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec())
            .is(401, "missing_credential"),
    ]);
    rows
}
