//! What is in the token that the service gets: what is ours is ours, and the rest as the user's issuer wrote it.

use std::sync::Arc;

use super::keys::{Key, of_host, written};
use super::payload::{but, difference, payload, value};
use super::scene::{API, OURS, Scene, Service, config};
use super::signs::{BackEnd, told};
use crate::support::mint::{AUDIENCE, ISSUER, Signer, wall_clock};
use crate::wire::harness::request::Request;
use crate::wire::harness::setup::Setup;
use crate::wire::harness::stage::BOTH;
use crate::wire::harness::variables::Variables;

/// The claims that are ours.
const OWN: [&str; 6] = ["iss", "iat", "exp", "aud", "jti", "act"];

/// A user's token with these claims, written like this.
pub fn user_token(claims: &str) -> String {
    Signer::rs256().sign_bytes(br#"{"alg":"RS256","kid":"test-rs256","typ":"JWT"}"#, claims.as_bytes())
}

/// Claims in every odd spelling that JSON has, out of order, and with spaces.
fn odd_claims(life: u64) -> String {
    let now = wall_clock();
    let (iat, exp) = (now - 100, now + life);
    [
        r#"{ "z" : 1.0, "jti":"user-1", "1e3":1e3,"E":-0.0E+10,"big":123456789012345678901234567890,"#,
        r#""slash":"a\/b","u":"\u00e9é\ud83d\ude00\u0022\\","":"","A":{"b":[1, 2.50 ,{"c" : null}],"a":{}}, "#,
        &format!(r#""aud":[ "{AUDIENCE}","https://b.test" ],"exp":{exp},"iss":"{ISSUER}","#),
        r#""isMemberOf":[{"name":"g","id":1.0}],"scope":"read:tap  write:x","#,
        &format!(r#""sub":"alice","iat":{iat},"nbf":{iat},"a\u0062":"name","issuer":"iss","acts":[] }}"#),
    ]
    .concat()
}

#[test]
fn a_service_verifies_the_token_and_finds_in_it_what_is_ours_and_all_else_byte_for_byte() {
    let service = Arc::new(Service::start());
    for back_end in BackEnd::ALL {
        for key in [Key::rs256(), Key::rs256_4096(), Key::es256(), Key::eddsa()] {
            let setup = Setup::new(&config(&[&key])).variables(of_host(&[&key]));
            let scene = Scene::before(&service, &back_end.setup(setup));
            assert!(scene.envoy.log().contains(&told(back_end, key.alg())), "{back_end:?}: {}", scene.envoy.log());
            for protocol in BOTH {
                let name = format!("{}, {back_end:?}, {protocol:?}", key.kid());
                let before = odd_claims(7200);
                let came = scene.send(protocol, &Request::new("POST", "/fresh").bearer(&user_token(&before)));
                let now = payload(came.verified(&name));
                let changed = difference(&before, &now);
                println!("{name}:\n  {}", changed.join("\n  "));
                assert_eq!(came.header()["alg"], key.alg(), "{name}");
                assert_eq!(came.header()["kid"], key.kid(), "{name}");
                assert_eq!(came.header()["typ"], "JWT", "{name}");
                assert_eq!(came.header().as_object().map(serde_json::Map::len), Some(3), "{name}");
                // Five that were there, and six that are.
                assert_eq!(changed.len(), 11, "{name}: {changed:?}");
                assert_eq!(but(&now, &OWN), but(&before, &OWN), "{name}");
                let claims = came.claims();
                assert_eq!(claims["iss"], OURS, "{name}");
                assert_eq!(claims["aud"], API, "{name}");
                assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|iat| iat + 3600), "{name}");
                let aud = format!(r#"[ "{AUDIENCE}","https://b.test" ]"#);
                let wanted = format!(r#"{{"iss":"https://issuer.test","aud":{aud},"jti":"user-1"}}"#);
                assert_eq!(value(&now, "act"), Some(wanted), "{name}");
                assert_eq!(came.values("x-auth-request-user"), ["alice"], "{name}");
            }
        }
    }
}

#[test]
fn a_token_ends_with_the_users_or_after_its_own_time_whichever_is_first() {
    let scene = Scene::with_keys(&[&Key::es256()]);
    let start = wall_clock();
    for (name, path, life, wanted) in [
        ("the user's ends first", "/job", 600, None),
        ("its own time ends first", "/job", 7200, Some(3600)),
        ("a short time", "/short", 600, Some(120)),
        ("a short time, and a token that ends sooner", "/short", 60, None),
        ("it may outlive the user's", "/long", 600, Some(7200)),
    ] {
        for protocol in BOTH {
            let exp = wall_clock() + life;
            let claims = format!(
                r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"alice","iat":{start},"exp":{exp},"jti":"{protocol:?}"}}"#
            );
            let came = scene.send(protocol, &Request::new("POST", path).bearer(&user_token(&claims)));
            came.verified(name);
            let iat = came.claims()["iat"].as_u64().expect("iat");
            assert!((start..=wall_clock()).contains(&iat), "{name}: {iat}");
            assert_eq!(came.claims()["exp"].as_u64(), Some(wanted.map_or(exp, |life| iat + life)), "{name}");
        }
    }
}

#[test]
fn what_is_ours_takes_the_place_of_the_users_however_that_is_written() {
    let scene = Scene::with_keys(&[&Key::es256()]);
    let (iat, exp) = (wall_clock() - 10, wall_clock() + 600);
    let aud = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}"}}"#);
    let rows = [
        (
            "names in escapes",
            format!(
                r#"{{"\u0069ss":"{ISSUER}","a\u0075d":"{AUDIENCE}","e\u0078p":{exp},"i\u0061t":{iat},"j\u0074i":"1","sub":"alice"}}"#
            ),
            format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","jti":"1"}}"#),
        ),
        ("nothing but what has to be", format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{exp}}}"#), aud.clone()),
        (
            "an actor of its own",
            format!(
                r#"{{"act":{{"sub" : "portal","n":1.0}},"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{exp},"sub":"alice"}}"#
            ),
            format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","act":{{"sub" : "portal","n":1.0}}}}"#),
        ),
        (
            "an issuer in escapes",
            format!(r#"{{"iss":"https:\/\/issuer\u002etest","aud":"{AUDIENCE}","exp":{exp},"sub":"alice"}}"#),
            format!(r#"{{"iss":"https:\/\/issuer\u002etest","aud":"{AUDIENCE}"}}"#),
        ),
    ];
    for (name, before, act) in rows {
        let came = scene.send(BOTH[0], &Request::new("POST", "/job").bearer(&user_token(&before)));
        let now = payload(came.verified(name));
        assert_eq!(but(&now, &OWN), but(&before, &OWN), "{name}");
        for claim in OWN {
            assert!(value(&now, claim).is_some(), "{name}: {claim}: {now}");
        }
        assert_eq!(value(&now, "act"), Some(act), "{name}");
    }
}

#[test]
fn two_requests_have_one_token_or_two_as_the_rule_says() {
    let scene = Scene::with_keys(&[&Key::es256()]);
    let user = user_token(&odd_claims(600));
    for (path, one) in [("/any", true), ("/fresh", false)] {
        let send = || {
            let came = scene.send(BOTH[0], &Request::get(path).bearer(&user));
            (came.verified(path).to_owned(), came.claims()["jti"].clone())
        };
        let (first, second) = (send(), send());
        assert_eq!(first.0 == second.0, one, "{path}");
        assert_eq!(first.1 == second.1, one, "{path}: {:?} {:?}", first.1, second.1);
    }
}

#[test]
fn a_key_is_read_from_either_place_and_however_its_lines_are_broken() {
    let key = Key::es256();
    let with = |text: String| Variables::default().host(key.variable, &text);
    let rows = [
        ("of the host", of_host(&[&key])),
        ("in the configuration", written(&[&key])),
        ("line breaks as two characters", with(key.pem.replace('\n', "\\n"))),
        ("line breaks of two characters", with(key.pem.replace('\n', "\r\n"))),
        ("no line break at its end", with(key.pem.trim_end().to_owned())),
        ("more of them", with(format!("\n{}\n\n", key.pem))),
    ];
    let service = Arc::new(Service::start());
    for (name, variables) in rows {
        let scene = Scene::before(&service, &Setup::new(&config(&[&key])).variables(variables));
        let came = scene.send(BOTH[0], &Request::new("POST", "/job").bearer(&user_token(&odd_claims(600))));
        came.verified(name);
    }
}
