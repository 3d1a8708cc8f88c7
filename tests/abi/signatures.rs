//! Hosts that check signatures, cannot, or do it wrongly: the same tokens are good and bad on all of them.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::bench::{NOW, get, host, reply, started};
use crate::boringssl::{Arguments, VERIFY_SIGNATURE, no, verify_signature, yes};
use crate::host::{Action, BAD_ARGUMENT, Host, INTERNAL_FAILURE, LogLevel, NOT_FOUND, Root, UNIMPLEMENTED};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

const FOREIGN: &str = "proxy_call_foreign_function";

/// What the host may be asked for.
const ALL: [&str; 5] = ["RS256", "RS384", "RS512", "ES256", "ES384"];

struct Case {
    token: String,
    algorithm: &'static str,
    good: bool,
}

/// A token with another's signature of each algorithm, and a good one.
fn cases() -> Vec<Case> {
    let of = |signer: &Signer| {
        let [good, other] = ["1", "2"].map(|id| Token::at(signer, NOW).claim("jti", id).mint());
        let (text, _) = good.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        let forged = format!("{text}.{signature}");
        [(forged, false), (good, true)].map(|(token, good)| Case { token, algorithm: signer.alg(), good })
    };
    Signer::every_algorithm().iter().flat_map(of).collect()
}

fn config() -> Value {
    let signers = Signer::every_algorithm();
    json!({
        "realm": "lsp.example.org",
        "issuers": [{
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": signers.iter().map(Signer::alg).collect::<Vec<_>>(),
            "jwks": {"inline": jwks(&signers.iter().collect::<Vec<_>>())},
            "claims": {"user": "sub"},
        }],
        "rules": [{"name": "tap", "match": {"path": "/api/tap"}}],
    })
}

/// Sends every token: the answers are right, and the host was asked once for each token of these algorithms.
fn assert_right(host: &Host, root: &Root, cases: &[Case], asked: &[&str], name: &str) {
    for Case { token, algorithm, good } in cases {
        let name = format!("{name}: {algorithm}, good: {good}");
        let before = host.calls_of(FOREIGN);
        let stream = get(root, &format!("Bearer {token}"));
        if *good {
            assert_eq!(stream.action, Action::Continue, "{name}");
            assert_eq!(host.upstream_header(&stream, "x-auth-request-user"), ["alice"], "{name}");
        } else {
            assert_eq!(stream.action, Action::Pause, "{name}");
            assert_eq!(reply(host, &stream).status, 401, "{name}");
        }
        assert_eq!(host.calls_of(FOREIGN) - before, usize::from(asked.contains(algorithm)), "{name}");
    }
}

/// What the operator is told at configuration.
fn sentence(hosts: &[&str]) -> String {
    let all = Signer::every_algorithm();
    let ours: Vec<&str> = all.iter().map(Signer::alg).filter(|algorithm| !hosts.contains(algorithm)).collect();
    let hosts = if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
    format!("signatures: the host checks {hosts}; the filter checks {}", ours.join(", "))
}

/// An answer, or the status of the call.
type Said = Result<Vec<u8>, u32>;

type Answer = fn(&Arguments, &[u8]) -> Said;

/// Bytes that are no `VerifySignatureResult`.
fn garbage() -> Vec<u8> {
    vec![0xff; 64]
}

#[test]
fn whatever_a_host_does_when_it_is_tried_a_good_token_is_good_and_a_forged_one_is_not() {
    let rows: [(&str, Answer, &[&str]); 14] = [
        ("right", |_, asked| verify_signature(asked), &ALL),
        ("no to all", |_, _| Ok(no("no")), &[]),
        ("yes to all", |_, _| Ok(yes()), &[]),
        ("nothing to all", |_, _| Ok(Vec::new()), &[]),
        ("garbage to all", |_, _| Ok(garbage()), &[]),
        ("not found", |_, _| Err(NOT_FOUND), &[]),
        ("bad argument", |_, _| Err(BAD_ARGUMENT), &[]),
        ("internal failure", |_, _| Err(INTERNAL_FAILURE), &[]),
        ("unimplemented", |_, _| Err(UNIMPLEMENTED), &[]),
        ("a status that there is not", |_, _| Err(77), &[]),
        ("yes to EC", |it, asked| if it.key_type() == "EC" { Ok(yes()) } else { verify_signature(asked) }, &ALL[..3]),
        ("no to EC", |it, asked| if it.key_type() == "EC" { Ok(no("no")) } else { verify_signature(asked) }, &ALL[..3]),
        ("yes to RSA", |it, asked| if it.key_type() == "RSA" { Ok(yes()) } else { verify_signature(asked) }, &ALL[3..]),
        (
            "a failure for SHA-512",
            |it, asked| if it.hash_function == "sha512" { Err(BAD_ARGUMENT) } else { verify_signature(asked) },
            &["RS256", "RS384", "ES256", "ES384"],
        ),
    ];
    let cases = cases();
    for (name, answer, asked) in rows {
        let host = host(&config()).foreign(VERIFY_SIGNATURE, move |asked| {
            let read = Arguments::read(asked).ok_or(BAD_ARGUMENT)?;
            answer(&read, asked)
        });
        let root = started(&host);
        assert_eq!(host.logged(LogLevel::Info), [sentence(asked)], "{name}");
        assert_right(&host, &root, &cases, asked, name);
    }
}

#[test]
fn a_host_without_the_function_or_with_a_list_of_calls_that_leaves_it_out_is_not_asked_again() {
    let cases = cases();
    for forbidden in [None, Some(INTERNAL_FAILURE), Some(UNIMPLEMENTED)] {
        let host = host(&config());
        if let Some(status) = forbidden {
            host.fail(FOREIGN, status);
        }
        let root = started(&host);
        assert_eq!(host.logged(LogLevel::Info), [sentence(&[])], "{forbidden:?}");
        assert_right(&host, &root, &cases, &[], &format!("{forbidden:?}"));
        assert!(host.refusals().iter().any(|(function, _)| *function == FOREIGN), "{forbidden:?}: it was tried");
    }
}

#[test]
fn what_a_host_cannot_say_any_more_is_checked_without_it() {
    let rows: [(&str, Option<Said>); 5] = [
        ("garbage", Some(Ok(garbage()))),
        ("a yes that breaks off", Some(Ok(vec![0x08]))),
        ("the function is gone", Some(Err(NOT_FOUND))),
        ("it fails", Some(Err(BAD_ARGUMENT))),
        ("it is forbidden", None),
    ];
    let cases = cases();
    for (name, later) in rows {
        let changed = Rc::new(Cell::new(false));
        let host = host(&config()).foreign(VERIFY_SIGNATURE, {
            let (changed, later) = (Rc::clone(&changed), later.clone());
            move |asked| if changed.get() { later.clone().unwrap_or(Err(NOT_FOUND)) } else { verify_signature(asked) }
        });
        let root = started(&host);
        changed.set(true);
        if later.is_none() {
            host.fail(FOREIGN, INTERNAL_FAILURE);
        }
        assert_right(&host, &root, &cases, &ALL, name);
    }
}

#[test]
fn a_host_that_says_no_to_a_good_token_is_believed() {
    let changed = Rc::new(Cell::new(false));
    let cases = cases();
    let host = host(&config()).foreign(VERIFY_SIGNATURE, {
        let changed = Rc::clone(&changed);
        move |asked| if changed.get() { Ok(no("no")) } else { verify_signature(asked) }
    });
    let root = started(&host);
    changed.set(true);
    for Case { token, algorithm, good } in &cases {
        let stream = get(&root, &format!("Bearer {token}"));
        let let_on = *good && !ALL.contains(algorithm);
        assert_eq!(stream.action == Action::Continue, let_on, "{algorithm}, good: {good}");
    }
}
