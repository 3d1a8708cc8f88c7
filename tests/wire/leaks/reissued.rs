//! Keys that sign, and the tokens that they make.

use super::Scene;
use super::carriers::Row;
use super::logged::{AFTER, BEFORE, lines_with};
use super::secrets::Secrets;
use crate::support::mint::{Signer, Token};
use crate::wire::harness::request::Request;
use crate::wire::harness::stage::BOTH;
use crate::wire::reissue::keys::{Key, add_secrets, of_host};
use crate::wire::reissue::scene::{DISCOVERY, HOST, KEYS, config as reissuing};

/// What makes a token one. The claims are the same in both, and what they are written as may be.
fn signature(token: &str) -> &str {
    token.rsplit('.').next().unwrap_or_default()
}

#[test]
fn a_key_that_signs_is_nowhere_and_what_it_signed_is_the_services_and_nobody_elses() {
    // One that Envoy signs with where it can, and one that the filter itself does.
    for key in [Key::es256(), Key::eddsa()] {
        let change = |config: &mut serde_json::Value| {
            let ours = reissuing(&[&key]);
            for member in ["reissue", "rules"] {
                config[member] = ours[member].clone();
            }
        };
        let mut scene = Scene::with_variables(change, of_host(&[&key]));
        let (mut keys, mut users, mut made) = (Secrets::default(), Secrets::default(), Secrets::default());
        add_secrets(&key, &mut keys);
        for protocol in BOTH {
            for (name, request) in [
                ("made anew", Request::new("POST", "/fresh")),
                ("made once", Request::new("POST", "/job")),
                ("not made", Request::get("/job")),
                ("in the query", Request::new("POST", "/job?a=b")),
            ] {
                let user = Token::new(&Signer::rs256()).claim("jti", format!("{name}, {protocol:?}")).mint();
                users.add(signature(&user));
                let request = if name == "in the query" {
                    Request { target: format!("/job?access_token={user}"), ..request }
                } else {
                    request.bearer(&user)
                };
                scene.send(protocol, &Row::new(name, request, 200));
            }
            for path in [KEYS, DISCOVERY] {
                scene.send(protocol, &Row::new(path, Request::get(path).host(HOST), 200));
            }
        }
        for seen in scene.stage.upstream.all() {
            seen.values("x-auth-request-token").iter().for_each(|token| made.add(signature(token)));
        }
        let told = scene.end();
        told.holds_none(&keys, &[]);
        told.holds_none(&users, &[]);
        let tags = |kind: &str, name: &str| format!("a span \"{kind}\": {name}");
        let tags =
            ["CLIENT", "SERVER"].map(|kind| ["authorization", "x-auth-request-token"].map(|name| tags(kind, name)));
        let mut places = vec!["the service", "the access log"];
        places.extend(tags.iter().flatten().map(String::as_str));
        // What goes on in the request is what is logged of its fields, by whoever prints these.
        told.holds_none(&made, &places);
        assert_eq!(keys.first_in(&told.log), None);
        for line in lines_with(&told.log, &users) {
            assert!(BEFORE.contains(&line.as_str()), "{line}");
        }
        for line in lines_with(&told.log, &made) {
            assert_eq!(line, AFTER);
        }
    }
}
