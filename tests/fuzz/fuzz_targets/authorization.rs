//! The `Authorization` field, one value a line, by every setting of where tokens are looked for.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use postern::credential::{Credentials, Foreign, Places, Scheme, find, scrub};
use postern::request::{Mutation, RequestHead};

fuzz_target!(|text: &[u8]| {
    let values: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let head = head(&values);
    for bits in 0..8_u8 {
        let places = Places { bearer: bits & 1 > 0, basic: bits & 2 > 0, query: bits & 4 > 0 };
        for foreign in [Foreign::Refuse, Foreign::Pass] {
            look(&values, &head, places, foreign);
        }
    }
    assert_eq!(scrub(&head), [Mutation::remove(b"authorization")]);
});

fn look(values: &[&[u8]], head: &RequestHead, places: Places, foreign: Foreign) {
    let found = find(head, places, foreign);
    let removed = found.removal.contains(&Mutation::remove(b"authorization"));
    match found.credentials {
        Credentials::Presented(credential) => {
            assert!(removed, "a token is left in the request");
            assert_eq!(values.len(), 1, "one of several is taken");
            let (token, scheme) = (credential.token.expose().to_owned(), credential.scheme);
            assert!(!token.is_empty());
            match scheme {
                Scheme::Bearer => assert!(places.bearer && holds(values[0], token.as_bytes())),
                Scheme::Basic => assert!(places.basic && decoded(values[0]).is_some_and(|pair| pair.contains(&token))),
                Scheme::Query | Scheme::Form => panic!("there is no query and no form"),
            }
            if let Credentials::Presented(checked) = credential.checked() {
                assert_eq!(checked.token.expose(), token);
                written_again(&token, scheme, places);
            } else {
                assert_eq!(scheme, Scheme::Bearer, "what came by another way was read to its end");
            }
        }
        Credentials::LeftAlone => {
            assert!(foreign == Foreign::Pass && !removed);
            let ours = |value: &&[u8]| {
                let scheme = value.trim_ascii_start().split(|b| *b == b' ').next().unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"basic")
            };
            assert!(!values.iter().any(ours), "one of ours is left to the service");
        }
        Credentials::NotPresented => panic!("there is an Authorization"),
        Credentials::Foreign | Credentials::Password => assert!(!removed),
        Credentials::Malformed(_) | Credentials::Several => {}
    }
}

/// A token that was read is read again in each of its forms.
fn written_again(token: &str, scheme: Scheme, places: Places) {
    let basic = |pair: String| format!("Basic {}", STANDARD.encode(pair));
    let forms = match scheme {
        Scheme::Bearer => vec![format!("Bearer {token}"), format!("bEARER   {token}"), format!("\tBearer {token} ")],
        // These names mean that the token is in the other half.
        Scheme::Basic => {
            vec![basic(format!("{token}:")), basic(format!(":{token}")), basic(format!("x-oauth-basic:{token}"))]
        }
        Scheme::Query | Scheme::Form => Vec::new(),
    };
    for form in forms {
        let found = find(&head(&[form.as_bytes()]), places, Foreign::Refuse).credentials;
        let Credentials::Presented(credential) = found else { panic!("{form} is {found:?}") };
        assert_eq!((credential.token.expose(), credential.scheme), (token, scheme), "{form}");
    }
}

fn head(values: &[&[u8]]) -> RequestHead {
    let own = vec![(b":path".to_vec(), b"/".to_vec())];
    RequestHead::new(own.into_iter().chain(values.iter().map(|v| (b"authorization".to_vec(), v.to_vec()))).collect())
}

fn holds(value: &[u8], token: &[u8]) -> bool {
    value.windows(token.len()).any(|part| part == token)
}

fn decoded(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    String::from_utf8(STANDARD.decode(text.get(6..)?.trim_start_matches(' ')).ok()?).ok()
}
