//! Finding the one credential that a request carries, and taking it out.
//!
//! A token may stand in `Authorization` as Bearer (RFC 6750 §2.1) or inside Basic (RFC 7617), and, where switched on, in
//! the query (RFC 6750 §2.3). A token in the URL, `https://TOKEN@host/` (DMTN-094 §6.2.1), arrives as Basic: curl, wget,
//! git and requests make that of it. RFC 6750 §2 allows one method a request: with two, the service behind might act on
//! the one that was not checked.
//!
//! "None" and "bad" never fall together: a route that lets strangers on must not let on somebody whose credential was
//! wrong. Where a credential was found is remembered apart from whether it is good, so that it is taken out either way.

mod authorization;
mod query;

use crate::authority::split_userinfo;
use crate::denial::Denial;
use crate::identity::is_alike;
use crate::request::{METHOD_OVERRIDES, Mutation, RequestHead};
use crate::secret::Secret;

/// Where a token is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    pub bearer: bool,
    pub basic: bool,
    pub query: bool,
}

/// How the client carried its token; a label of the decision record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Bearer,
    Basic,
    Query,
    /// In the form of a token exchange.
    Form,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Query => "query",
            Self::Form => "form",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Credential {
    pub token: Secret,
    pub scheme: Scheme,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Credentials {
    NotPresented,
    Presented(Credential),
    /// An `Authorization` that is none of ours: another scheme, or one that is switched off.
    Foreign,
    /// One that the service behind is to look at.
    LeftAlone,
    /// User name and password, neither of which is a token.
    Password,
    Malformed(&'static str),
    Several,
}

/// What becomes of an `Authorization` that is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    Refuse,
    /// The service behind looks at it.
    Pass,
}

/// What was found and how to take it out of the request.
pub struct Found {
    pub credentials: Credentials,
    pub removal: Vec<Mutation>,
}

/// Looks in every place that is switched on.
pub fn find(head: &RequestHead, places: Places, foreign: Foreign) -> Found {
    let mut found = Found { credentials: Credentials::NotPresented, removal: Vec::new() };
    let authorization = match foreign {
        Foreign::Pass if authorization::is_of_another_scheme(head) => Credentials::LeftAlone,
        Foreign::Pass | Foreign::Refuse => authorization::find(head, places),
    };
    if is_ours(&authorization, head) {
        found.removal.push(Mutation::remove(b"authorization"));
    }
    found.add(authorization);
    if places.query
        && let Some(path) = head.path()
        && let Some((credentials, rest)) = query::find(path)
    {
        found.removal.push(Mutation::set(":path", rest.into_bytes()));
        found.add(credentials);
    }
    found
}

/// What takes every credential out of a request that is refused. The client gets no further, but Envoy's access log
/// may print these fields, and a query token is taken out even where it is not looked for.
pub fn scrub(head: &RequestHead) -> Vec<Mutation> {
    let mut removal = vec![Mutation::remove(b"authorization")];
    if let Some((_, rest)) = head.authority().and_then(split_userinfo) {
        removal.push(Mutation::set(":authority", rest.as_bytes()));
    }
    match head.path() {
        Some(path) => {
            let rest = query::find(path).map(|(_, rest)| rest.into_bytes());
            removal.extend(rest.map(|rest| Mutation::set(":path", rest)));
        }
        // What cannot be read may hold a token; the query goes whole.
        None => {
            let path = head.values(":path").next().and_then(|path| path.split(|b| *b == b'?').next());
            removal.extend(path.map(|path| Mutation::set(":path", path)));
        }
    }
    removal.extend(second_urls(head));
    removal
}

/// What takes out the URLs of COPY and MOVE where a credential may be in them, as a user or in the query: clients that
/// are given a URL with a token in it write it there as well, and only in `Authorization` is it a token to us.
fn second_urls(head: &RequestHead) -> impl Iterator<Item = Mutation> {
    const NAMES: [&str; 2] = ["destination", "source"];
    let may_hold_one = |name: &&str| head.values(name).any(|value| value.iter().any(|b| matches!(b, b'@' | b'?')));
    NAMES.into_iter().filter(may_hold_one).map(|name| Mutation::remove(name.as_bytes()))
}

/// Fields that carry a credential, choose a host, or say what else the request does to which path. They have no business
/// in trailers (RFC 9110 §6.5.1), which some servers merge into the headers.
pub fn is_carrier(name: &[u8]) -> bool {
    const CARRIERS: [&str; 11] = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "host",
        "destination",
        "source",
        "overwrite",
        "if-match",
        "if-none-match",
        "content-range",
        "if",
    ];
    CARRIERS.iter().chain(&METHOD_OVERRIDES).any(|carrier| is_alike(name, carrier))
}

impl Credentials {
    /// The one that is to be looked at, where one is asked for.
    pub fn presented(self) -> Result<Credential, Denial> {
        match self {
            Self::Presented(credential) => Ok(credential),
            Self::NotPresented => Err(Denial::MissingCredential),
            Self::Foreign | Self::LeftAlone => Err(Denial::ForeignAuthorization),
            Self::Password => Err(Denial::Password),
            Self::Malformed(problem) => Err(Denial::MalformedCredential(problem)),
            Self::Several => Err(Denial::SeveralCredentials),
        }
    }
}

impl Credential {
    /// What it is once it has been read to its end. [`find`] leaves that to those who do not know the token.
    pub fn checked(self) -> Credentials {
        authorization::checked(self)
    }
}

impl Found {
    fn add(&mut self, more: Credentials) {
        let before = std::mem::replace(&mut self.credentials, Credentials::NotPresented);
        self.credentials = match (before, more) {
            (Credentials::NotPresented, one) | (one, Credentials::NotPresented) => one,
            (_, _) => Credentials::Several,
        };
    }
}

/// Whether this came in the form of a token of ours, good or not. What did not may be meant for the service behind.
fn is_ours(credentials: &Credentials, head: &RequestHead) -> bool {
    match credentials {
        Credentials::Presented(_) => true,
        Credentials::Malformed(_) | Credentials::Several => authorization::names_a_scheme_of_ours(head),
        Credentials::NotPresented | Credentials::Foreign | Credentials::LeftAlone | Credentials::Password => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Places = Places { bearer: true, basic: true, query: true };

    fn head(fields: &[(&str, &str)]) -> RequestHead {
        let field = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        RequestHead::new(fields.iter().map(field).collect())
    }

    #[test]
    fn exactly_one_credential_is_taken_wherever_it_stands() {
        struct Case {
            name: &'static str,
            fields: &'static [(&'static str, &'static str)],
            scheme: Option<Scheme>,
            removal: &'static [(&'static str, Option<&'static str>)],
        }
        let cases = [
            Case {
                name: "bearer",
                fields: &[(":path", "/a"), ("authorization", "Bearer t0k")],
                scheme: Some(Scheme::Bearer),
                removal: &[("authorization", None)],
            },
            Case {
                name: "query",
                fields: &[(":path", "/a?x=1&access_token=t0k&y")],
                scheme: Some(Scheme::Query),
                removal: &[(":path", Some("/a?x=1&y"))],
            },
        ];
        for Case { name, fields, scheme, removal } in cases {
            let found = find(&head(fields), ALL, Foreign::Refuse);
            let Credentials::Presented(credential) = found.credentials else { panic!("{name}") };
            assert_eq!(credential.token.expose(), "t0k", "{name}");
            assert_eq!(Some(credential.scheme), scheme, "{name}");
            let removal: Vec<Mutation> = removal
                .iter()
                .map(|(field, value)| match value {
                    None => Mutation::remove(field.as_bytes()),
                    Some(value) => Mutation::set(*field, value.as_bytes()),
                })
                .collect();
            assert_eq!(found.removal, removal, "{name}");
        }
    }

    #[test]
    fn two_credentials_are_too_many_even_where_they_are_alike() {
        for fields in [
            &[("authorization", "Bearer a"), (":path", "/?access_token=a")][..],
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
            &[("authorization", "Bearer a,Basic b")],
            &[("authorization", "token x"), (":path", "/?access_token=a")],
        ] {
            let found = match find(&head(fields), ALL, Foreign::Refuse).credentials {
                Credentials::Presented(credential) => credential.checked(),
                other => other,
            };
            assert_eq!(found, Credentials::Several, "{fields:?}");
        }
    }

    #[test]
    fn only_what_came_by_bearer_is_still_to_be_read() {
        for (path, value, is_one) in [
            ("/?access_token=a%20b", "", true),
            ("/?access_token=%C3%A9", "", true),
            ("/?access_token=a%2Cb", "", true),
            ("/", "Bearer a.b", true),
            ("/", "Bearer a b", false),
            ("/", "Bearer a,b", false),
        ] {
            let mut fields = vec![(":path", path)];
            fields.extend(Some(("authorization", value)).filter(|_| !value.is_empty()));
            let Credentials::Presented(credential) = find(&head(&fields), ALL, Foreign::Refuse).credentials else {
                panic!("{fields:?}: none is found");
            };
            assert_eq!(matches!(credential.checked(), Credentials::Presented(_)), is_one, "{fields:?}");
        }
    }

    #[test]
    fn a_place_that_is_switched_off_is_not_read() {
        let off = Places { bearer: false, basic: false, query: false };
        for (fields, want) in [
            (&[("authorization", "Bearer a")][..], Credentials::Foreign),
            (&[("authorization", "Basic YTo=")], Credentials::Foreign),
            (&[(":path", "/?access_token=a")], Credentials::NotPresented),
        ] {
            assert_eq!(find(&head(fields), off, Foreign::Refuse).credentials, want, "{fields:?}");
        }
    }

    #[test]
    fn what_is_left_to_the_service_names_no_scheme_of_ours() {
        let off = Places { bearer: false, basic: false, query: true };
        for (name, fields, want) in [
            ("nothing", &[][..], Credentials::NotPresented),
            ("another scheme", &[("authorization", "token abc")], Credentials::LeftAlone),
            ("with commas", &[("authorization", "Digest a=\"b\", c=d")], Credentials::LeftAlone),
            ("without a credential", &[("authorization", "Negotiate")], Credentials::LeftAlone),
            ("switched off", &[("authorization", "Bearer a")], Credentials::Foreign),
            ("switched off, in lower case", &[("authorization", "basic a")], Credentials::Foreign),
            ("ours behind it", &[("authorization", "token a, Bearer b")], Credentials::Several),
            ("ours beside it", &[("authorization", "token a"), ("authorization", "Bearer b")], Credentials::Several),
            ("and in the query", &[("authorization", "token a"), (":path", "/?access_token=b")], Credentials::Several),
            ("empty", &[("authorization", "")], Credentials::Foreign),
            ("ours and a blank that is not ASCII", &[("authorization", "Bearer\u{a0}b")], Credentials::Foreign),
            ("ours behind such a blank", &[("authorization", "\u{2003}Basic b")], Credentials::Foreign),
            (
                "ours with a letter of which S is the capital",
                &[("authorization", "ba\u{17f}ic b")],
                Credentials::Foreign,
            ),
            ("ours in quotes", &[("authorization", "\"Bearer\" b")], Credentials::Foreign),
            ("ours, parted otherwise", &[("authorization", "Bearer;b")], Credentials::Foreign),
            ("such a blank behind a comma", &[("authorization", "token a,\u{a0}Bearer b")], Credentials::Several),
            ("nothing beside it", &[("authorization", "token a"), ("authorization", "")], Credentials::Several),
        ] {
            assert_eq!(find(&head(fields), off, Foreign::Pass).credentials, want, "{name}");
        }
        assert!(find(&head(&[("authorization", "token abc")]), ALL, Foreign::Pass).removal.is_empty());
        let bytes = RequestHead::new(vec![(b"authorization".to_vec(), b"token \xff".to_vec())]);
        assert!(matches!(find(&bytes, ALL, Foreign::Pass).credentials, Credentials::Malformed(_)));
    }

    #[test]
    fn a_refused_request_is_scrubbed_in_every_place() {
        let head =
            head(&[("authorization", "token x"), (":authority", "user:pw@h"), (":path", "/a?access_token=SECRET")]);
        assert_eq!(
            scrub(&head),
            [Mutation::remove(b"authorization"), Mutation::set(":authority", *b"h"), Mutation::set(":path", *b"/a"),]
        );
    }

    #[test]
    fn a_url_of_a_refused_copy_is_taken_out_where_a_credential_may_be_in_it() {
        for (value, is_taken) in [
            ("https://SECRET:x-oauth-basic@h/b", true),
            ("https://x-oauth-basic:SECRET@h/b", true),
            ("https://h/b?access_token=SECRET", true),
            ("/b?%61ccess_token=SECRET", true),
            ("https://h/b", false),
            ("/b", false),
        ] {
            for name in ["destination", "source"] {
                let scrubbed = scrub(&head(&[(":path", "/a"), (name, value)]));
                assert_eq!(scrubbed.contains(&Mutation::remove(name.as_bytes())), is_taken, "{name}: {value}");
            }
        }
    }
}
