//! E: finding the credential.

use super::row::{Place, RESET, Row, Way, raw, row};
use super::scene::Scene;
use crate::wire::harness::request::{Request, basic};

pub fn rows() -> Vec<Row> {
    [several(), queries(), elsewhere(), bytes()].into_iter().flatten().collect()
}

pub fn get() -> Request {
    Request::get("/me")
}

/// The usual request with this in `Authorization`.
pub fn with(id: &'static str, name: &str, value: impl Fn(&Scene) -> Vec<u8> + 'static) -> Row {
    row(id, name, move |scene| get().field("authorization", value(scene)))
}

pub fn other(scene: &Scene) -> String {
    scene.token().claim("sub", "bob").mint()
}

fn several() -> Vec<Row> {
    let rows = vec![
        row("E01", "Bearer GOOD and Bearer BAD", |scene| get().bearer(&scene.good).bearer("x.y.z")),
        row("E01", "Bearer BAD and Bearer GOOD", |scene| get().bearer("x.y.z").bearer(&scene.good)),
        row("E01", "Bearer GOOD twice", |scene| get().bearer(&scene.good).bearer(&scene.good)),
        row("E01", "Bearer and Basic", |scene| get().bearer(&scene.good).basic(&scene.good, "")),
        row("E01", "Basic and Bearer", |scene| get().basic("alice", "hunter2").bearer(&scene.good)),
        row("E01", "another scheme and Bearer", |scene| get().field("authorization", "token x").bearer(&scene.good)),
        with("E02", "two in one field", |scene| format!("Bearer {0}, Bearer {0}", scene.good).into()),
        with("E02", "a comma after it", |scene| format!("Bearer {},", scene.good).into()),
        with("E02", "a comma before it", |scene| format!("Bearer ,{}", scene.good).into()),
        with("E02", "a comma within it", |scene| scene.good.replacen('.', ",", 1).into_bytes()),
        with("E02", "Basic with a comma", |scene| format!("{},", basic(&scene.good, "")).into()),
        row("E03", "header and query, the same", |scene| {
            Request::get(&format!("/me?access_token={0}", scene.good)).bearer(&scene.good)
        })
        .pin("one method a request: RFC 6750 2"),
        row("E03", "header and query, two tokens", |scene| {
            Request::get(&format!("/me?access_token={}", other(scene))).bearer(&scene.good)
        }),
        row("E03", "another scheme and query", |scene| {
            Request::get(&format!("/me?access_token={}", scene.good)).field("authorization", "token x")
        }),
        row("E04", "two in the query", |scene| {
            Request::get(&format!("/me?access_token={}&access_token={}", scene.good, other(scene)))
        }),
        row("E04", "an empty one and one", |scene| {
            Request::get(&format!("/me?access_token=&access_token={}", scene.good))
        }),
        row("E04", "one by another spelling", |scene| {
            Request::get(&format!("/me?access_token={0}&access%5ftoken={0}", scene.good))
        }),
    ];
    rows.into_iter().map(|row| row.is(400, "several_credentials")).collect()
}

fn queries() -> Vec<Row> {
    let ask = |name: &str, query: fn(&Scene) -> String| {
        row("E05", name, move |scene| Request::get(&format!("/me?{}", query(scene))))
    };
    let kept = |scene: &Scene| Request::get(&format!("/me?a=%20b&&access_token={}&c=/../%2f;", scene.good));
    vec![
        ask("access_token", |scene| format!("access_token={}", scene.good)).let_on().sees(":path", "/me"),
        ask("the name in capitals", |_| "ACCESS_TOKEN=not-looked-for".to_owned()).is(401, "missing_credential"),
        ask("an escaped letter in the name", |scene| format!("%61ccess_token={}", scene.good))
            .let_on()
            .sees(":path", "/me"),
        ask("an escaped underscore", |scene| format!("access%5Ftoken={}", scene.good)).let_on().sees(":path", "/me"),
        ask("a name that is escaped twice", |_| "access%255Ftoken=not-looked-for".to_owned())
            .is(401, "missing_credential"),
        ask("dots escaped in the value", |scene| format!("access_token={}", scene.good.replace('.', "%2E"))).let_on(),
        ask("a value that is escaped twice", |scene| format!("access_token={}", scene.good.replace('.', "%252E")))
            .is(401, "token_not_jwt"),
        ask("a plus in the value", |scene| format!("access_token=+{}", scene.good)).is(401, "token_not_jwt"),
        ask("an escaped space before it", |scene| format!("access_token=%20{}", scene.good)).is(401, "token_not_jwt"),
        ask("half an escape", |scene| format!("access_token={}%2", scene.good)).is(400, "malformed_credential"),
        ask("a byte that is no UTF-8", |scene| format!("access_token={}%ff", scene.good))
            .is(400, "malformed_credential"),
        ask("NUL", |scene| format!("access_token={}%00", scene.good)).is(401, "token_not_jwt"),
        ask("parted by a semicolon", |_| "a=1;access_token=not-looked-for".to_owned()).is(401, "missing_credential"),
        ask("parted by &amp;", |_| "a=1&amp;access_token=not-looked-for".to_owned()).is(401, "missing_credential"),
        ask("an index", |_| "access_token[]=not-looked-for".to_owned()).is(401, "missing_credential"),
        ask("empty", |_| "access_token=".to_owned()).is(400, "malformed_credential"),
        ask("without a value", |_| "access_token".to_owned()).is(400, "malformed_credential"),
        ask("the header's form", |scene| format!("access_token=Bearer%20{}", scene.good)).is(401, "token_not_jwt"),
        ask("two question marks", |_| "?access_token=not-looked-for".to_owned()).is(401, "missing_credential"),
        row("E05", "every other byte of the query stays", kept).let_on().sees(":path", "/me?a=%20b&&c=/../%2f;"),
        row("E06", "a query token where it is not looked for", |scene| {
            Request::get(&format!("/me?access_token={}", scene.good))
        })
        .at(Place::AsWritten)
        .is(401, "missing_credential"),
        row("E06", "the same, and more in the query", |scene| {
            Request::get(&format!("/me?x=1&access_token={}&y=2", scene.good))
        })
        .at(Place::AsWritten)
        .is(401, "missing_credential"),
    ]
}

fn elsewhere() -> Vec<Row> {
    let beside = |name: &str, field: &'static str, value: fn(&Scene) -> String| {
        row("E13", name, move |scene| get().field(field, value(scene))).is(401, "missing_credential")
    };
    let head = |scene: &Scene| format!("GET /me HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}", scene.good);
    vec![
        raw("E11", "a folded line within it", move |scene| {
            let (first, rest) = scene.good.split_at(40);
            format!("GET /me HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {first}\r\n {rest}\r\n\r\n").into()
        })
        .is(400, "malformed_credential"),
        raw("E11", "a folded line after it", move |scene| format!("{}\r\n x\r\n\r\n", head(scene)).into())
            .is(400, "malformed_credential"),
        raw("E12", "Connection: authorization", move |scene| {
            format!("{}\r\nConnection: authorization\r\n\r\n", head(scene)).into()
        })
        .is(401, "missing_credential"),
        raw("E12", "Connection: close, authorization", move |scene| {
            format!("{}\r\nConnection: close, authorization\r\n\r\n", head(scene)).into()
        })
        .is(401, "missing_credential"),
        beside("Proxy-Authorization", "proxy-authorization", |scene| format!("Bearer {}", scene.good)),
        beside("X-Forwarded-Access-Token", "x-forwarded-access-token", |scene| scene.good.clone()),
        beside("X-Auth-Request-Token", "x-auth-request-token", |scene| scene.good.clone()),
        beside("X-Forwarded-Authorization", "x-forwarded-authorization", |scene| format!("Bearer {}", scene.good)),
        beside("Sec-WebSocket-Protocol", "sec-websocket-protocol", |scene| format!("bearer.{}", scene.good)),
        beside("a cookie", "cookie", |scene| format!("access_token={}", scene.good)),
        beside("Authorization_", "authorization_", |scene| format!("Bearer {}", scene.good)),
        beside("a field that looks alike", "x-authorization", |scene| format!("Bearer {}", scene.good)),
        row("E13", "a form", |scene| {
            Request::new("POST", "/me")
                .field("content-type", "application/x-www-form-urlencoded")
                .body(format!("access_token={}", scene.good).as_bytes())
        })
        .is(401, "missing_credential"),
        raw("E14", "a user part in the target", |scene| {
            format!("GET http://{}:x@api.test/me HTTP/1.1\r\nHost: api.test\r\n\r\n", scene.good).into()
        })
        .is(401, "missing_credential"),
        row("E14", "a user part in the host", |scene| get().host(&format!("{}:x@api.test", scene.good)))
            .is(400, "user_in_host")
            .but(Way::H2, RESET, None),
        row("E14", "a user part in the host, and Bearer", |scene| get().host("x@api.test").bearer(&scene.good))
            .is(400, "user_in_host")
            .but(Way::H2, RESET, None),
        row("E14", "an empty user part", |_| Request::get("/open").host("@api.test")).is(400, "user_in_host").but(
            Way::H2,
            RESET,
            None,
        ),
        row("E15", "a cookie and Bearer", |scene| get().bearer(&scene.good).field("cookie", "session=abc"))
            .let_on()
            .sees("cookie", "session=abc")
            .pin("there are no cookies of ours, so all are the service's"),
    ]
}

fn bytes() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("Bearer and a byte that is no text", &b"Bearer \xff"[..]),
        ("Basic and a byte that is no text", b"Basic \xff"),
        ("half a letter", b"Bearer caf\xc3"),
        ("a surrogate", b"Bearer \xed\xa0\x80"),
        ("another scheme and such a byte", b"Other \xff"),
        ("nothing but such a byte", b"\xff"),
    ]
    .map(|(name, value)| with("E16", name, move |_| value.to_vec()).is(400, "malformed_credential"))
    .into();
    rows.push(
        with("E16", "such a byte and a comma", |_| b"Bearer \xff,Basic x".to_vec()).is(400, "several_credentials"),
    );
    for field in ["x-foo", "cookie", "accept", "user-agent", "content-type", "x-auth-request-user", "x-request-id"] {
        let row = row("E16", format!("such a byte in {field}, with a token"), move |scene| {
            get().bearer(&scene.good).field(field, b"a\xffb")
        });
        rows.push(row.let_on());
        let row = self::row("E16", format!("such a byte in {field}, without"), move |_| get().field(field, b"a\xffb"));
        rows.push(row.is(401, "missing_credential"));
    }
    rows.push(
        raw("E16", "such a byte in the path", |_| b"GET /me/\xff HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec())
            .envoy_says(400),
    );
    rows
}
