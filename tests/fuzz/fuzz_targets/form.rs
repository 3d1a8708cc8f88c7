//! What an exchange asks for: a query, and the form behind the first line end.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use postern::reissue::Wanted;
use postern::secret::Secret;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "urn:ietf:params:oauth:token-type:";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (query, form) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // A request's path is text.
    let Ok(query) = std::str::from_utf8(query) else { return };
    let read = Wanted::read(query, form);
    let known = known(query, form).filter(is_in_order);
    assert_eq!(read.is_ok(), known.is_some(), "{read:?} is {known:?}");
    match (read, known) {
        (Ok(wanted), Some(known)) => check(&wanted, &known),
        (Err(refused), _) => {
            let codes = ["invalid_request", "unsupported_grant_type", "invalid_target"];
            assert!(codes.contains(&refused.code()) && refused.detail().ends_with('.'), "{refused:?}");
        }
        _ => {}
    }
});

type Parameters = BTreeMap<String, String>;

/// Each parameter that has a value, where none stands twice and the token stands in the form.
fn known(query: &str, form: &[u8]) -> Option<Parameters> {
    let form = std::str::from_utf8(form).ok()?;
    let mut known = Parameters::new();
    for (place, list) in [query, form].into_iter().enumerate() {
        for parameter in list.split('&') {
            let mut halves = parameter.splitn(2, '=');
            let name = decoded(halves.next().unwrap_or_default())?;
            let value = decoded(halves.next().unwrap_or_default())?;
            if value.is_empty() {
                continue;
            }
            if (place == 0 && name == "subject_token") || known.insert(name, value).is_some() {
                return None;
            }
        }
    }
    Some(known)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '+' => bytes.push(b' '),
            '%' => {
                let digits: String = rest.by_ref().take(2).collect();
                let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                bytes.push(u8::from_str_radix(&digits, 16).ok().filter(|_| plain)?);
            }
            c => bytes.extend(c.to_string().bytes()),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether all that is asked for is something that there is.
fn is_in_order(known: &Parameters) -> bool {
    let get = |name: &str| known.get(name).map(String::as_str);
    let kind = |name: &str, kinds: &[&str]| {
        get(name).is_none_or(|given| given.strip_prefix(TYPE).is_some_and(|kind| kinds.contains(&kind)))
    };
    let number = |name: &str| {
        // A sign before a number is read by `parse`, and is no harm.
        get(name).is_none_or(|text| text.parse::<u64>().is_ok_and(|number| number > 0))
    };
    get("grant_type") == Some(GRANT)
        && kind("subject_token_type", &["access_token", "id_token", "jwt"])
        && kind("requested_token_type", &["access_token", "jwt"])
        && get("actor_token").is_none()
        && get("resource").is_none()
        && number("expires_in")
        && number("max_length")
}

fn check(wanted: &Wanted, known: &Parameters) {
    let get = |name: &str| known.get(name).cloned();
    assert_eq!(wanted.subject.as_ref().map(|token| token.expose().to_owned()), get("subject_token"));
    assert_eq!(wanted.scopes, get("scope"));
    assert_eq!(wanted.audience, get("audience"));
    assert_eq!(wanted.expires_in, get("expires_in").map(|text| text.parse().expect("a number")));
    assert_eq!(wanted.max_length, get("max_length").map(|text| text.parse().expect("a number")));
    assert_eq!(wanted.issued_as, get("requested_token_type").unwrap_or(format!("{TYPE}access_token")));
    // Whatever the token is, it is shown alike.
    let other = wanted.subject.as_ref().map(|_| Secret::new("another"));
    assert_eq!(format!("{:?}", wanted.subject), format!("{other:?}"));
}
