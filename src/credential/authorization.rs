//! The `Authorization` field (RFC 9110 §11.6.2): Bearer (RFC 6750 §2.1) and Basic (RFC 7617).
//!
//! ```text
//! Bearer TOKEN
//! Basic base64(TOKEN:x-oauth-basic)     Basic base64(x-oauth-basic:TOKEN)
//! Basic base64(TOKEN:)                  Basic base64(:TOKEN)
//! ```
//! The Basic forms are those of DMTN-094 §6.2.1, for clients that know only user name and password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Credential, Credentials, Places, Scheme};
use crate::request::RequestHead;
use crate::secret::Secret;

/// What stands in the other half of a Basic credential that carries a token.
const PLACEHOLDER: &str = "x-oauth-basic";

pub(super) fn find(head: &RequestHead, places: Places) -> Credentials {
    let mut values = head.values("authorization");
    let Some(value) = values.next() else {
        return Credentials::NotPresented;
    };
    if values.next().is_some() {
        return Credentials::Several;
    }
    let Ok(value) = std::str::from_utf8(value) else {
        return if holds_several(value) {
            Credentials::Several
        } else {
            Credentials::Malformed("an Authorization that is not text")
        };
    };
    // RFC 9110 §5.5: white space around a value is not part of it, and HTTP/2 may bring some.
    let value = value.trim_matches([' ', '\t']);
    let (scheme, rest) = value.split_at_checked(value.find([' ', '\t']).unwrap_or(value.len())).unwrap_or((value, ""));
    // RFC 9110 §11.4: one or more spaces, then the credential.
    let rest = rest.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") && places.bearer {
        bearer(rest)
    } else if holds_several(value.as_bytes()) {
        Credentials::Several
    } else if scheme.eq_ignore_ascii_case("basic") && places.basic {
        basic(rest)
    } else {
        Credentials::Foreign
    }
}

/// Whether the field is there, is text, and names schemes that are none of ours, switched on or not. A name that is none
/// (RFC 9110 §11.1) could be ours to a service that takes other white space, or other letters, for the same.
pub(super) fn is_of_another_scheme(head: &RequestHead) -> bool {
    let mut values = head.values("authorization").peekable();
    let named = |value: &[u8]| {
        let name = value.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        !name.is_empty() && name.iter().all(is_of_a_name) && std::str::from_utf8(value).is_ok()
    };
    values.peek().is_some() && values.all(named) && !names_a_scheme_of_ours(head)
}

/// Whether any credential in the field claims to be Bearer or Basic. Schemes whose credentials have commas (Digest) are
/// refused where a credential is asked for, as two would be, but are not ours to take out where none is.
pub(super) fn names_a_scheme_of_ours(head: &RequestHead) -> bool {
    let ours = |part: &[u8]| {
        let name = part.split(|b| !is_of_a_name(b)).find(|word| !word.is_empty()).unwrap_or_default();
        name.eq_ignore_ascii_case(b"bearer") || name.eq_ignore_ascii_case(b"basic")
    };
    head.values("authorization").any(|value| value.split(|b| *b == b',').any(ours))
}

/// RFC 9110 §5.6.2, `tchar`.
fn is_of_a_name(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b)
}

/// Envoy joins repeated fields with a comma, and no scheme of ours has one in its credential.
fn holds_several(value: &[u8]) -> bool {
    value.contains(&b',')
}

/// Whether it is one token is for [`checked`] to say: a token that is remembered need not be read.
fn bearer(token: &str) -> Credentials {
    if token.is_empty() {
        Credentials::Malformed("a Bearer credential without a token")
    } else {
        presented(token, Scheme::Bearer)
    }
}

/// A credential that was found, once it is known to be one.
pub(super) fn checked(credential: Credential) -> Credentials {
    let token = credential.token.expose();
    if credential.scheme != Scheme::Bearer || is_token68(token) {
        Credentials::Presented(credential)
    } else if holds_several(token.as_bytes()) {
        Credentials::Several
    } else {
        Credentials::Malformed("a Bearer credential with a character that no token has")
    }
}

/// The grammar of RFC 6750 §2.1, `b64token`.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

fn basic(encoded: &str) -> Credentials {
    const MALFORMED: Credentials = Credentials::Malformed("a Basic credential that cannot be read");
    let Some(decoded) = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return MALFORMED;
    };
    match decoded.split_once(':') {
        Some((user, password)) => user_and_password(user, password),
        None => MALFORMED,
    }
}

/// The four forms in which user name and password carry a token.
fn user_and_password(user: &str, password: &str) -> Credentials {
    let empty = |text: &str| text.is_empty() || text == PLACEHOLDER;
    let token = match (empty(user), empty(password)) {
        (false, true) => user,
        (true, false) => password,
        // Two tokens, of which a service might read the other; a token beside something else; or somebody's password.
        (false, false) => match (looks_like_token(user), looks_like_token(password)) {
            (true, true) => return Credentials::Several,
            (false, false) => return Credentials::Password,
            (true, false) | (false, true) => {
                return Credentials::Malformed(
                    "a token and something else as user name and password; leave the other one empty",
                );
            }
        },
        (true, true) => return Credentials::Password,
    };
    if is_token68(token) { presented(token, Scheme::Basic) } else { Credentials::Password }
}

fn looks_like_token(text: &str) -> bool {
    text.split('.').count() == 3 && is_token68(text)
}

fn presented(token: &str, scheme: Scheme) -> Credentials {
    Credentials::Presented(Credential { token: Secret::new(token), scheme })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Want {
        Token(&'static str),
        Foreign,
        Password,
        Malformed,
        Several,
    }
    use Want::*;

    fn found(value: &[u8]) -> Want {
        let head = RequestHead::new(vec![(b"authorization".to_vec(), value.to_vec())]);
        let found = match find(&head, Places { bearer: true, basic: true, query: false }) {
            Credentials::Presented(credential) => checked(credential),
            other => other,
        };
        match found {
            Credentials::Presented(credential) => Token(String::leak(credential.token.expose().to_owned())),
            Credentials::Foreign => Foreign,
            Credentials::Password => Password,
            Credentials::Malformed(_) => Malformed,
            Credentials::Several => Several,
            Credentials::NotPresented | Credentials::LeftAlone => panic!("it is there, and not left alone"),
        }
    }

    #[test]
    fn bearer_takes_one_token_and_nothing_else() {
        for (value, want) in [
            (&b"Bearer a.b.c"[..], Token("a.b.c")),
            (b"bearer a", Token("a")),
            (b"BEARER   a", Token("a")),
            (b"Bearer a==", Token("a==")),
            (b"Bearer", Malformed),
            (b"Bearer ", Malformed),
            (b"Bearer ==", Malformed),
            (b"Bearer a b", Malformed),
            (b"Bearer a ", Token("a")),
            (b"Bearer \"a\"", Malformed),
            (b"Bearer a\xc3\xa9", Malformed),
            (b"Bearer \xff", Malformed),
            (b"\xffBearer a", Malformed),
            (b"Bearer\ta", Malformed),
            (b"Bearera", Foreign),
            (b" Bearer a\t", Token("a")),
            (b"Token a", Foreign),
            (b"DPoP a", Foreign),
            (b"Negotiate YII=", Foreign),
            (b"", Foreign),
            (b"Bearer a,Bearer b", Several),
            (b"Bearer a,", Several),
            (b"Bearer \xff,Bearer b", Several),
            (b"\xff,Bearer b", Several),
        ] {
            assert_eq!(found(value), want, "{:?}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn basic_takes_a_token_from_either_half() {
        for (pair, want) in [
            ("T0K:x-oauth-basic", Token("T0K")),
            ("T0K:", Token("T0K")),
            ("x-oauth-basic:T0K", Token("T0K")),
            (":T0K", Token("T0K")),
            ("alice:hunter2", Password),
            (":", Password),
            ("x-oauth-basic:", Password),
            ("x-oauth-basic:x-oauth-basic", Password),
            ("T0K:X-OAuth-Basic", Password),
            (":pass word", Password),
            (":a:b", Password),
            ("a.b.c:d.e.f", Several),
            ("a.b.c:secret", Malformed),
            ("a.b.c:a.b.c", Several),
            ("no colon", Malformed),
            ("", Malformed),
        ] {
            for scheme in ["Basic ", "basic  "] {
                let value = format!("{scheme}{}", STANDARD.encode(pair));
                assert_eq!(found(value.as_bytes()), want, "{pair:?}");
            }
        }
    }

    #[test]
    fn basic_that_is_not_canonical_base64_of_text_is_malformed() {
        for encoded in ["", "YTo", "YT o=", "YT-_", "YTp=", "YTq=", "/zo=", "!"] {
            assert_eq!(found(format!("Basic {encoded}").as_bytes()), Malformed, "{encoded:?}");
        }
    }
}
