//! The `access_token` parameter of a path and query.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::credential::{Credentials, Foreign, Places, Scheme, find, scrub};
use postern::percent::decode;
use postern::request::{Mutation, RequestHead};

const QUERY: Places = Places { bearer: true, basic: true, query: true };

fuzz_target!(|path: &str| {
    let head = head(path);
    let found = find(&head, QUERY, Foreign::Refuse);
    let without = match found.removal.as_slice() {
        [] => None,
        [Mutation::Set(name, rest)] => {
            assert_eq!(&**name, ":path");
            Some(std::str::from_utf8(rest).expect("text stays text").to_owned())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(without.is_some(), found.credentials != Credentials::NotPresented, "found is taken out, else nothing");
    assert_eq!(without.is_some(), named(path) > 0, "a parameter is overlooked, or another one taken");
    if let Some(rest) = &without {
        assert_eq!(rest.split('?').next(), path.split('?').next(), "the path is another one");
        assert_eq!(named(rest), 0, "a token is left: {rest}");
        let again = find(&self::head(rest), QUERY, Foreign::Refuse);
        assert!(again.removal.is_empty() && again.credentials == Credentials::NotPresented);
        let others = |path: &str| parameters(path).into_iter().filter(|p| !is_named(p)).collect::<Vec<_>>().join("&");
        assert_eq!(others(rest), others(path), "another parameter has changed");
    }
    let scrubbed = scrub(&head).into_iter().find_map(|change| match change {
        Mutation::Set(name, value) if &*name == ":path" => Some(value),
        _ => None,
    });
    assert_eq!(scrubbed.as_deref(), without.as_deref().map(str::as_bytes), "a refused request shows another path");
    if let Credentials::Presented(credential) = found.credentials {
        assert_eq!(credential.scheme, Scheme::Query);
        assert_eq!(named(path), 1, "one of several is taken");
        written_again(credential.token.expose());
    }
});

fn written_again(token: &str) {
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let found = find(&head(&format!("/a?b&access_token={encoded}&c=d")), QUERY, Foreign::Refuse).credentials;
    let Credentials::Presented(credential) = found else { panic!("{token:?} is {found:?}") };
    assert_eq!(credential.token.expose(), token);
}

fn head(path: &str) -> RequestHead {
    RequestHead::new(vec![(b":path".to_vec(), path.as_bytes().to_vec())])
}

fn parameters(path: &str) -> Vec<&str> {
    path.split_once('?').map_or_else(Vec::new, |(_, query)| query.split('&').collect())
}

fn is_named(parameter: &str) -> bool {
    decode(parameter.split('=').next().unwrap_or_default().as_bytes()).as_deref() == Some(b"access_token")
}

fn named(path: &str) -> usize {
    parameters(path).into_iter().filter(|parameter| is_named(parameter)).count()
}
