//! Request trailers, which some servers merge into the headers: what is taken out of those is taken out of these.

use serde_json::{Value, json};

use super::bench::{Issuer, assert_let_on_as, config, config_with_keys, headers, host, started, the_call};
use crate::host::{Action, BAD_ARGUMENT, Host, INTERNAL_FAILURE, Root, Stream, UNIMPLEMENTED};

/// One of them is ours because the configuration says so.
const OURS: [&str; 11] = [
    "x-auth-request-user",
    "X-Auth-Request-Email",
    "x_auth_request_user",
    "x-auth_request-anything",
    "remote-user",
    "REMOTE_USER",
    "Authorization",
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
];

fn with_own_name(mut config: Value) -> Value {
    config["headers"] = json!({"uid": "remote-user"});
    config
}

fn upload(root: &Root, issuer: &Issuer) -> Stream {
    root.upload(&headers("/api/tap", Some(issuer.bearer("alice").as_bytes())))
}

/// Trailers of these names between two that are nobody's.
fn send(stream: &Stream, names: &[&str]) -> Action {
    let mut trailers = vec![("x-checksum", "1")];
    trailers.extend(names.iter().map(|name| (*name, "mallory")));
    trailers.push(("grpc-status", "0"));
    stream.trailers(&trailers)
}

fn left(host: &Host, stream: &Stream) -> Vec<String> {
    let trailers = host.trailers_of(stream);
    trailers.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
}

#[test]
fn identities_and_credentials_are_removed_from_trailers_and_the_rest_stays() {
    let issuer = Issuer::new();
    let sets = OURS.iter().map(|name| vec![*name]).chain([OURS.to_vec(), vec!["cookie", "cookie"], vec![]]);
    for names in sets {
        let host = host(&with_own_name(config_with_keys(&issuer)));
        let root = started(&host);
        let stream = upload(&root, &issuer);
        assert_eq!(stream.body(b"body", false), Action::Continue);
        assert_eq!(send(&stream, &names), Action::Continue, "{names:?}");
        assert_eq!(left(&host, &stream), ["x-checksum", "grpc-status"], "{names:?}");
        assert_let_on_as(&host, &stream, "alice");
    }
}

#[test]
fn trailers_that_wait_with_their_request_are_rid_of_identities_too() {
    let issuer = Issuer::new();
    let host = host(&with_own_name(config()));
    let root = started(&host);
    let stream = upload(&root, &issuer);
    let call = the_call(&host, &root);
    assert_eq!(send(&stream, &OURS), Action::Pause);
    assert_eq!(left(&host, &stream), ["x-checksum", "grpc-status"]);
    issuer.answer(&root, call);
    assert_let_on_as(&host, &stream, "alice");
}

/// What decides where is written, and under which condition, was read from the headers or set there.
#[test]
fn what_says_where_and_when_to_write_is_removed_from_trailers() {
    let issuer = Issuer::new();
    let fields = [
        "destination",
        "source",
        "overwrite",
        "if-match",
        "if-none-match",
        "content-range",
        "x-http-method-override",
        "Destination",
        "If-None-Match",
        "X-HTTP-Method-Override",
    ];
    for names in fields.iter().map(|name| vec![*name]).chain([fields.to_vec(), vec!["source", "source"]]) {
        let host = host(&config_with_keys(&issuer));
        let root = started(&host);
        let stream = upload(&root, &issuer);
        assert_eq!(send(&stream, &names), Action::Continue, "{names:?}");
        assert_eq!(left(&host, &stream), ["x-checksum", "grpc-status"], "{names:?}");
        assert_let_on_as(&host, &stream, "alice");
    }
}

#[test]
fn trailers_that_cannot_be_read_or_edited_do_not_go_on() {
    let issuer = Issuer::new();
    for function in ["proxy_get_header_map_pairs", "proxy_remove_header_map_value"] {
        for status in [BAD_ARGUMENT, INTERNAL_FAILURE, UNIMPLEMENTED] {
            for answers in [true, false] {
                for parked in [false, true] {
                    let name = format!("{function} {status}, answers can be sent: {answers}, parked: {parked}");
                    let host = host(&if parked { config() } else { config_with_keys(&issuer) });
                    let root = started(&host);
                    let stream = upload(&root, &issuer);
                    assert_eq!(stream.action, if parked { Action::Pause } else { Action::Continue }, "{name}");
                    host.fail(function, status);
                    if !answers {
                        host.fail("proxy_send_local_response", INTERNAL_FAILURE);
                    }
                    assert_eq!(send(&stream, &["x_auth_request_user"]), Action::Pause, "{name}");
                    let got = host.reply_of(&stream).map(|reply| reply.status);
                    assert_eq!(got, answers.then_some(500), "{name}");
                    assert!(!host.acts().iter().any(|act| act.starts_with("continue")), "{name}");
                }
            }
        }
    }
}
