//! What an exchange asks for: parameters of a form, or of the query where Envoy gives a filter no body.

use std::collections::BTreeMap;

use crate::percent;
use crate::secret::Secret;

use super::exchange::Refused;

/// RFC 8693 §2.1.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Most of a form that is read: a token, and some names.
pub const LONGEST_FORM: usize = 24 * 1024;

#[derive(Debug, Default)]
pub struct Wanted {
    /// The token, where it is not in the request's head.
    pub subject: Option<Secret>,
    /// With spaces between them: as texts of their own they take many times that room, and whoever waits for keys keeps them.
    pub scopes: Option<String>,
    pub audience: Option<String>,
    /// In seconds.
    pub expires_in: Option<u64>,
    /// In characters, for clients that cut what is longer.
    pub max_length: Option<usize>,
    /// The URI of what is issued.
    pub issued_as: &'static str,
}

impl Wanted {
    /// Each parameter stands once (RFC 6749 §3.2), and one without a value is none. Unknown ones are ignored.
    pub fn read(query: &str, form: &[u8]) -> Result<Self, Refused> {
        let form = std::str::from_utf8(form).map_err(|_| Refused::Request("The form is not UTF-8"))?;
        // Whoever sends them chooses how many there are: each is looked up, and not compared with all others.
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        let in_query = query.split('&').map(|parameter| (true, parameter));
        for (in_query, parameter) in in_query.chain(form.split('&').map(|parameter| (false, parameter))) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) =
                decoded(name).zip(decoded(value)).ok_or(Refused::Request("A parameter is badly encoded"))?;
            if value.is_empty() {
                continue;
            }
            // RFC 6750 §5.3: a URL stands in logs and histories.
            if in_query && name == "subject_token" {
                return Err(Refused::Request("subject_token belongs in the form and not in the query"));
            }
            if given.contains_key(&name) {
                return Err(if name == "audience" {
                    Refused::Target("A token is for one audience")
                } else {
                    Refused::Request("A parameter is given twice")
                });
            }
            given.insert(name, value);
        }
        let get = |name: &str| given.get(name).map(String::as_str);
        match get("grant_type") {
            Some(GRANT_TYPE) => {}
            Some(_) => return Err(Refused::GrantType),
            None => return Err(Refused::Request("grant_type is missing")),
        }
        if get("subject_token_type").is_some_and(|kind| ![ACCESS_TOKEN, ID_TOKEN, JWT].contains(&kind)) {
            return Err(Refused::Request("subject_token_type is none that can be exchanged; it has to be a JWT"));
        }
        let issued_as = match get("requested_token_type") {
            None | Some(ACCESS_TOKEN) => ACCESS_TOKEN,
            Some(JWT) => JWT,
            Some(_) => return Err(Refused::Request("requested_token_type has to be that of an access token or a JWT")),
        };
        if get("actor_token").is_some() {
            return Err(Refused::Request("An actor_token is not taken here"));
        }
        if get("resource").is_some() {
            return Err(Refused::Target("Name the service by audience, not by resource"));
        }
        let number = |name, problem| match get(name).map(str::parse::<u64>) {
            None => Ok(None),
            Some(Ok(number)) if number > 0 => Ok(Some(number)),
            Some(_) => Err(Refused::Request(problem)),
        };
        let max_length = number("max_length", "max_length has to be a number of characters")?;
        Ok(Self {
            subject: get("subject_token").map(Secret::new),
            scopes: get("scope").map(str::to_owned),
            audience: get("audience").map(str::to_owned),
            expires_in: number("expires_in", "expires_in has to be a number of seconds")?,
            max_length: max_length.map(|length| usize::try_from(length).unwrap_or(usize::MAX)),
            issued_as,
        })
    }
}

/// `application/x-www-form-urlencoded`.
fn decoded(text: &str) -> Option<String> {
    String::from_utf8(percent::decode(text.replace('+', " ").as_bytes())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parameters: &str) -> String {
        format!("grant_type={}&{parameters}", GRANT_TYPE.replace(':', "%3A"))
    }

    #[test]
    fn a_form_says_what_is_wanted() {
        let read = |query: &str, parameters: &str| Wanted::read(query, form(parameters).as_bytes()).unwrap();
        let wanted =
            read("", "scope=read%3Atap+read:image&audience=https%3a%2f%2fapi&expires_in=60&max_length=255&x=1&x");
        assert_eq!(wanted.scopes.as_deref(), Some("read:tap read:image"));
        assert_eq!(wanted.audience.as_deref(), Some("https://api"));
        assert_eq!((wanted.expires_in, wanted.max_length), (Some(60), Some(255)));
        assert_eq!(wanted.issued_as, ACCESS_TOKEN);
        let wanted = read("scope=a&&y", "scope=&requested_token_type=urn:ietf:params:oauth:token-type:jwt");
        assert_eq!(wanted.scopes.as_deref(), Some("a"));
        assert_eq!(wanted.issued_as, JWT);
        let wanted = Wanted::read("", form("subject_token=T0K").as_bytes()).unwrap();
        assert_eq!(wanted.subject, Some(Secret::new("T0K")));
        assert_eq!((wanted.scopes, wanted.audience, wanted.expires_in), (None, None, None));
    }

    #[test]
    fn a_form_that_asks_for_what_there_is_not_is_refused_with_the_reason() {
        for (name, form, code) in [
            ("nothing", String::new(), "invalid_request"),
            ("no grant type", "scope=a".to_owned(), "invalid_request"),
            ("another grant", "grant_type=client_credentials".to_owned(), "unsupported_grant_type"),
            ("twice", form("scope=a&scope=b"), "invalid_request"),
            ("two audiences", form("audience=a&audience=b"), "invalid_target"),
            ("a resource", form("resource=https://a.test"), "invalid_target"),
            ("an actor", form("actor_token=x"), "invalid_request"),
            ("a SAML assertion", form("subject_token_type=urn:ietf:params:oauth:token-type:saml2"), "invalid_request"),
            (
                "a refresh token",
                form("requested_token_type=urn:ietf:params:oauth:token-type:refresh_token"),
                "invalid_request",
            ),
            ("no time", form("expires_in=0"), "invalid_request"),
            ("a time that has passed", form("expires_in=-1"), "invalid_request"),
            ("no length", form("max_length=x"), "invalid_request"),
            ("half an escape", form("scope=%2"), "invalid_request"),
            ("not UTF-8", form("scope=%ff"), "invalid_request"),
        ] {
            assert_eq!(Wanted::read("", form.as_bytes()).unwrap_err().code(), code, "{name}");
        }
        for query in ["subject_token=T0K", "subject%5Ftoken=T0K"] {
            assert_eq!(Wanted::read(&form(query), b"").unwrap_err().code(), "invalid_request", "{query}");
        }
        assert_eq!(Wanted::read("", b"\xff").unwrap_err().code(), "invalid_request");
        assert_eq!(Wanted::read("scope=a", form("scope=a").as_bytes()).unwrap_err().code(), "invalid_request");
    }
}
