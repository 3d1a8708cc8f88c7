//! H: the protocol, as far as one request shows it.

use super::row::{Place, RESET, Row, Way, raw, row};
use super::scene::Scene;
use crate::wire::harness::request::Request;

pub fn rows() -> Vec<Row> {
    [versions(), methods(), upgrades(), answers(), framing()].into_iter().flatten().collect()
}

fn lines(id: &'static str, name: &str, lines: &'static [&'static str]) -> Row {
    raw(id, name, move |_| format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes())
}

fn versions() -> Vec<Row> {
    let old = |name: &str, with_token: bool| {
        let row = raw("H01", name, move |scene: &Scene| {
            let token = if with_token { format!("Authorization: Bearer {}\r\n", scene.good) } else { String::new() };
            format!("GET /me HTTP/1.0\r\nHost: api.test\r\n{token}\r\n").into_bytes()
        });
        row.at(Place::Rejecting)
    };
    vec![
        lines("H01", "HTTP/1.0", &["GET /me HTTP/1.0"]).envoy_says(426),
        lines("H01", "HTTP/1.0 with a host", &["GET /me HTTP/1.0", "Host: api.test"]).envoy_says(426),
        lines("H01", "HTTP/1.0 where it is taken, no host", &["GET /me HTTP/1.0"]).at(Place::Rejecting).envoy_says(400),
        old("HTTP/1.0 where it is taken", false).is(401, "missing_credential"),
        old("HTTP/1.0 where it is taken, a token", true).let_on(),
        lines("H01", "HTTP/0.9", &["GET /me"]).envoy_says(426),
        row("H01", "no authority", |scene| Request::get("/me").host("").bearer(&scene.good)).only(Way::Core).let_on(),
        row("H01", "no authority, where the host decides", |scene| {
            Request::get("/hosted").host("").bearer(&scene.good)
        })
        .only(Way::Core)
        .is(400, "ambiguous_host"),
    ]
}

fn methods() -> Vec<Row> {
    let of = |id, name: &str, method: &'static str| row(id, name, move |_| Request::new(method, "/me"));
    let preflight = || {
        Request::new("OPTIONS", "/me").field("origin", "https://app.test").field("access-control-request-method", "GET")
    };
    vec![
        lines("H02", "a method in small letters", &["get /me HTTP/1.1", "Host: api.test"]).envoy_says(400),
        lines("H02", "an unknown method", &["FOO /me HTTP/1.1", "Host: api.test"]).envoy_says(400),
        of("H02", "TRACE", "TRACE").is(401, "missing_credential"),
        of("H02", "DELETE", "DELETE").is(401, "missing_credential"),
        of("H02", "PROPFIND", "PROPFIND").is(401, "missing_credential"),
        row("H02", "a method in small letters, over HTTP/2", |_| Request::new("get", "/me"))
            .without(Way::H1)
            .is(401, "missing_credential"),
        of("H03", "OPTIONS, no preflight", "OPTIONS").is(401, "missing_credential"),
        row("H03", "a preflight", move |_| preflight())
            .is(401, "missing_credential")
            .pin("no rule says that it is exempt: CORS is a filter's before ours, or `access: anonymous`"),
        row("H03", "a preflight with a token", move |scene| preflight().bearer(&scene.good)).let_on(),
        row("H03", "a preflight with a bad token", move |_| preflight().bearer("x.y.z")).is(401, "token_not_jwt"),
        row("H03", "a preflight with a forged identity, where it is open", |scene| {
            Request::new("OPTIONS", "/open")
                .field("origin", "https://app.test")
                .field("access-control-request-method", "GET")
                .field("x-auth-request-user", "root")
                .bearer(&scene.good)
        })
        .is(200, "anonymous"),
        row("H03", "OPTIONS with a body", |_| Request::new("OPTIONS", "/me").body(b"some bytes"))
            .is(401, "missing_credential"),
        lines("H03", "OPTIONS of everything", &["OPTIONS * HTTP/1.1", "Host: api.test"]).envoy_says(404),
    ]
}

fn upgrades() -> Vec<Row> {
    const SOCKET: [&str; 6] = [
        "GET /me HTTP/1.1",
        "Host: api.test",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let frames = raw("H04", "frames behind the request, before it is let on", |_| {
        let mut bytes = format!("{}\r\n\r\n", SOCKET.join("\r\n")).into_bytes();
        bytes.extend_from_slice(b"\x81\x05hello");
        bytes
    });
    vec![
        raw("H04", "a web socket without a token", |_| format!("{}\r\n\r\n", SOCKET.join("\r\n")).into())
            .is(401, "missing_credential"),
        raw("H04", "a web socket with a bad token", |_| {
            format!("{}\r\nAuthorization: Bearer x.y.z\r\n\r\n", SOCKET.join("\r\n")).into()
        })
        .is(401, "token_not_jwt"),
        frames.is(401, "missing_credential"),
        lines(
            "H05",
            "an upgrade to h2c",
            &[
                "GET /me HTTP/1.1",
                "Host: api.test",
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            ],
        )
        .is(401, "missing_credential"),
        lines("H06", "CONNECT", &["CONNECT api.test:443 HTTP/1.1", "Host: api.test:443"])
            .is(400, "ambiguous_path")
            .pin("rules go by path, and it has none"),
        lines("H06", "CONNECT with a path in its name", &["CONNECT /open HTTP/1.1", "Host: api.test"]).envoy_says(400),
    ]
}

fn answers() -> Vec<Row> {
    let grpc = |name: &str, kind: &'static str| {
        row("H07", name, move |_| Request::new("POST", "/me").field("content-type", kind).body(b""))
    };
    let in_words = |row: Row| row.is(200, "missing_credential").but(Way::Core, 401, Some("missing_credential"));
    vec![
        in_words(grpc("gRPC", "application/grpc")),
        in_words(grpc("gRPC with protobuf", "application/grpc+proto")),
        grpc("gRPC for the web", "application/grpc-web").is(401, "missing_credential"),
        row("H07", "gRPC that may not", |scene| {
            Request::new("POST", "/api/tap").field("content-type", "application/grpc").body(b"").bearer(&scene.good)
        })
        .is(200, "insufficient_scope")
        .but(Way::Core, 403, Some("insufficient_scope")),
        row("H08", "HEAD", |_| Request::new("HEAD", "/me")).is(401, "missing_credential"),
        row("H08", "HEAD with a bad token", |_| Request::new("HEAD", "/me").bearer("x.y.z")).is(401, "token_not_jwt"),
        row("H09", "a body of 5 MB, let on", |scene| {
            Request::new("POST", "/me").bearer(&scene.good).body(&vec![b'x'; 5_000_000])
        })
        .without(Way::Core)
        .without(Way::H2)
        .let_on(),
        row("H10", "a body of 1 MB, refused", |_| Request::new("POST", "/me").body(&vec![b'x'; 1_000_000]))
            .without(Way::Core)
            .without(Way::H2)
            .is(401, "missing_credential"),
    ]
}

fn framing() -> Vec<Row> {
    let crowd = |name: &str, count: usize| {
        row("H13", name, move |scene| {
            (0..count).fold(Request::get("/me").bearer(&scene.good), |request, index| {
                request.field(&format!("x-field-{index}"), "x")
            })
        })
    };
    vec![
        lines("H11", "Transfer-Encoding and Content-Length", &[
            "POST /open HTTP/1.1",
            "Host: api.test",
            "Transfer-Encoding: chunked",
            "Content-Length: 5",
        ])
        .envoy_says(400),
        lines("H11", "two lengths", &["POST /open HTTP/1.1", "Host: api.test", "Content-Length: 5", "Content-Length: 6"])
            .envoy_says(400),
        lines("H11", "another encoding", &["POST /open HTTP/1.1", "Host: api.test", "Transfer-Encoding: xchunked"])
            .envoy_says(501),
        raw("H11", "bare line feeds", |_| b"GET /me HTTP/1.1\nHost: api.test\n\n".to_vec())
            .is(401, "missing_credential"),
        raw("H11", "a second request behind the first", |_| {
            b"GET /me HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\nGET /open HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec()
        })
        .is(401, "missing_credential"),
        crowd("85 fields", 85).let_on(),
        crowd("120 fields", 120).let_on().envoy_says(431).but(Way::H2, RESET, None),
    ]
}
