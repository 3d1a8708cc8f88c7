//! The `access_token` query parameter (RFC 6750 §2.3).
//!
//! Its name and value may be percent-encoded and are decoded once; the name is matched exactly. Parameters are split
//! at `&` alone, as WHATWG URL and every common framework do today. All other bytes of the path stay as they are.

use super::{Credential, Credentials, Scheme};
use crate::percent::decode;
use crate::secret::Secret;

const NAME: &[u8] = b"access_token";

/// What the parameter holds, and the path without it; `None` where there is no such parameter.
pub(super) fn find(path_and_query: &str) -> Option<(Credentials, String)> {
    let (path, query) = path_and_query.split_once('?')?;
    let mut tokens = Vec::new();
    let mut others = Vec::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if decode(name.as_bytes()).as_deref() == Some(NAME) {
            tokens.push(value);
        } else {
            others.push(parameter);
        }
    }
    let credentials = match tokens.as_slice() {
        [] => return None,
        [value] => read(value),
        _ => Credentials::Several,
    };
    let rest = if others.is_empty() { path.to_owned() } else { format!("{path}?{}", others.join("&")) };
    Some((credentials, rest))
}

fn read(value: &str) -> Credentials {
    match decode(value.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(token) if !token.is_empty() => {
            Credentials::Presented(Credential { token: Secret::new(token), scheme: Scheme::Query })
        }
        _ => Credentials::Malformed("an access_token parameter without a token"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_found_by_its_exact_name_and_cut_out_alone() {
        for (path, token, rest) in [
            ("/a?access_token=T0K", Some("T0K"), "/a"),
            ("/a?x=1&access_token=T0K", Some("T0K"), "/a?x=1"),
            ("/a?access_token=T0K&x=%20%zz&&y", Some("T0K"), "/a?x=%20%zz&&y"),
            ("/a?%61ccess%5ftoken=T0%4b", Some("T0K"), "/a"),
            ("/a?access_token=", None, "/a"),
            ("/a?access_token", None, "/a"),
            ("/a?access_token=%f", None, "/a"),
            ("/a?access_token=A&access_token=B", None, "/a"),
            ("/a?access_token=&access_token=A", None, "/a"),
        ] {
            let (credentials, left) = find(path).unwrap();
            let found = match credentials {
                Credentials::Presented(credential) => Some(credential.token.expose().to_owned()),
                _ => None,
            };
            assert_eq!((found.as_deref(), left.as_str()), (token, rest), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_the_parameter_is_left_alone() {
        for path in ["/a", "/a?", "/access_token=A", "/a?ACCESS_TOKEN=A", "/a?x;access_token=A", "/a?b=access_token"] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
