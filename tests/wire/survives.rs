//! Requests that are odd enough to kill a careless filter: it answers, and it lives.

use super::harness::config::make_test_config;
use super::harness::http1::Connection;
use super::harness::request::Request;
use super::harness::setup::Setup;
use super::harness::stage::{BOTH, Stage};
use crate::support::mint::{Signer, Token};

const NOT_TEXT: [(&str, &[u8]); 4] = [
    ("a byte alone", b"\xff"),
    ("a byte within", b"a\xffb"),
    ("half a letter", b"caf\xc3"),
    ("a surrogate", b"\xed\xa0\x80"),
];

#[test]
fn a_header_that_is_not_utf8_leaves_the_filter_alive() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = &Token::new(&Signer::rs256()).mint();
    let rows: [(&str, &[u16]); 12] = [
        ("authorization", &[400, 401]),
        ("cookie", &[200]),
        ("x-foo", &[200]),
        ("accept", &[200]),
        ("user-agent", &[200]),
        ("referer", &[200]),
        ("origin", &[200]),
        ("content-type", &[200]),
        ("x-auth-request-user", &[200]),
        ("x_auth_request_email", &[200]),
        ("x-forwarded-for", &[200]),
        ("x-request-id", &[200]),
    ];
    for protocol in BOTH {
        for (header, statuses) in rows {
            for (kind, value) in NOT_TEXT {
                let name = format!("{header} with {kind} over {protocol:?}");
                let mut request = Request::get("/me").field(header, value);
                // Authorization twice is another fault; there the bad value stands alone.
                if header != "authorization" {
                    request = request.bearer(token);
                }
                let exchange = stage.send(protocol, &request);
                let status = exchange.answer.status;
                assert!(statuses.contains(&status), "{name}: {status}");
                // Also on the way to a refusal, which reads other headers.
                let refused = Request::get("/me").field(header, value);
                let status = stage.send(protocol, &refused).answer.status;
                assert!([400, 401].contains(&status), "{name}, refused: {status}");
            }
            stage.still_serves(token);
        }
        for (kind, value) in NOT_TEXT {
            let name = format!("a scheme and {kind} over {protocol:?}");
            for scheme in [&b"Bearer "[..], b"Basic ", b"Other "] {
                let value = [scheme, value].concat();
                let request = Request::get("/me").field("authorization", value);
                let status = stage.send(protocol, &request).answer.status;
                assert!([400, 401].contains(&status), "{name}: {status}");
            }
            stage.still_serves(token);
        }
    }
}

#[test]
fn a_trailer_that_is_not_utf8_leaves_the_filter_alive() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = &Token::new(&Signer::rs256()).mint();
    for protocol in BOTH {
        for (kind, value) in NOT_TEXT {
            let name = format!("a trailer with {kind} over {protocol:?}");
            let request = Request::new("POST", "/me")
                .bearer(token)
                .body(b"some bytes")
                .trailer("x-checksum", value)
                .trailer("x-auth-request-user", value);
            let seen = stage.send(protocol, &request).allowed(&name);
            assert_eq!(seen.trailers, [("x-checksum".to_owned(), value.to_vec())], "{name}");
        }
        stage.still_serves(token);
    }
}

#[test]
fn a_request_of_an_odd_shape_is_not_let_on_and_leaves_the_filter_alive() {
    let stage = Stage::start(&Setup::new(&make_test_config()));
    let token = &Token::new(&Signer::rs256()).mint();
    let huge = "a".repeat(50_000);
    let rows: [(&str, Vec<u8>); 9] = [
        ("CONNECT, which has no path", b"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n".to_vec()),
        ("OPTIONS of everything", b"OPTIONS * HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec()),
        ("an absolute target", b"GET http://evil.test/me HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec()),
        ("two hosts", b"GET /me HTTP/1.1\r\nHost: api.test\r\nHost: evil.test\r\n\r\n".to_vec()),
        ("an empty host", b"GET /me HTTP/1.1\r\nHost:\r\n\r\n".to_vec()),
        ("a host of at signs", b"GET /me HTTP/1.1\r\nHost: @@:@\r\n\r\n".to_vec()),
        ("HTTP/1.0", b"GET /me HTTP/1.0\r\n\r\n".to_vec()),
        ("a huge bearer", Request::get("/me").bearer(&huge).http1()),
        ("a huge query", Request::get(&format!("/me?access_token={huge}")).http1()),
    ];
    for (name, bytes) in rows {
        let before = stage.upstream.count();
        let mut client = Connection::open(stage.envoy.address());
        client.send(&bytes);
        let answer = client.answer("GET");
        assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
        assert_eq!(stage.upstream.count(), before, "{name}: reached the upstream");
        stage.still_serves(token);
    }
}
