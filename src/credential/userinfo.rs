//! A token in the user part of the authority, as in `Host: TOKEN:x-oauth-basic@example.org`.
//!
//! curl, wget, git and requests turn `https://TOKEN@host/` into Basic by themselves; the few clients that do not send
//! it here. What Envoy gets in an absolute-form target it drops before any filter.

use super::authorization::user_and_password;
use super::{Credentials, Scheme};
use crate::percent::decode;

pub(super) fn find(userinfo: &str) -> Credentials {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let text = |part: &str| decode(part.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
    match (text(user), text(password)) {
        (Some(user), Some(password)) => user_and_password(&user, &password, Scheme::Userinfo),
        _ => Credentials::Malformed("a user part of the host that cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_carries_a_token_as_basic_does() {
        for (userinfo, token) in [
            ("T0K", Some("T0K")),
            ("T0K:", Some("T0K")),
            ("T0K:x-oauth-basic", Some("T0K")),
            ("x-oauth-basic:T0K", Some("T0K")),
            (":T0%4b", Some("T0K")),
            ("alice:hunter2", None),
            ("", None),
            ("%zz:", None),
            ("%ff:", None),
        ] {
            let found = match find(userinfo) {
                Credentials::Presented(credential) => Some(credential.token.expose().to_owned()),
                _ => None,
            };
            assert_eq!(found.as_deref(), token, "{userinfo:?}");
        }
    }
}
