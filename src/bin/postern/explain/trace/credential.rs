//! Where the token stands in the request, or why none is looked at.

use postern::credential::{self, Credential, Credentials, Scheme};
use postern::denial::Denial;
use postern::policy::{Access, Selected};

use super::rule::check_uses;
use super::{Reached, Scene, Stage, Trace};

/// Finds the credential; `None` where the request goes on without one.
pub fn find(trace: &mut Trace, scene: &Scene<'_>, selected: &Selected) -> Reached<Option<Credential>> {
    let found = credential::find(scene.head, scene.config.credentials, selected.foreign()).credentials;
    if let Credentials::Presented(credential) = &found {
        trace.scheme = Some(credential.scheme);
        trace.token = Some(credential.token.clone());
    }
    check_uses(trace, selected)?;
    if scene.config.require_tls && found != Credentials::NotPresented {
        let fact = "require_tls: credentials have to come by https";
        if !scene.head.is_https() {
            return Err(trace.fail(Stage::Credential, "https", &Denial::InsecureTransport, fact));
        }
        trace.pass(Stage::Credential, "https", fact);
    }
    let access = selected.strictest().access;
    match (access, found) {
        (_, Credentials::LeftAlone) => {
            let fact =
                "an Authorization of another scheme, which the rule leaves to the service (foreign_authorization)";
            trace.pass(Stage::Credential, "credential", fact);
            Ok(None)
        }
        (Access::Anonymous, Credentials::NotPresented) => {
            trace.pass(Stage::Credential, "credential", "none, and none is needed: access is anonymous");
            Ok(None)
        }
        (Access::Anonymous, _) => {
            let fact = "there is one, and it is not looked at: access is anonymous";
            trace.pass(Stage::Credential, "credential", fact);
            Ok(None)
        }
        (Access::Optional, Credentials::NotPresented) => {
            trace.pass(Stage::Credential, "credential", "none, and access is optional");
            Ok(None)
        }
        (Access::Optional | Access::Required, Credentials::Presented(credential)) => {
            let place = match credential.scheme {
                Scheme::Bearer => "a token in Authorization, as Bearer",
                Scheme::Basic => "a token in Authorization, as Basic: the user name or the password is it",
                Scheme::Query => "a token in the query, as access_token",
                Scheme::Form => "a token in the form",
            };
            let length = credential.token.expose().chars().count();
            trace.pass(Stage::Credential, "credential", format!("{place} ({length} characters)"));
            Ok(Some(credential))
        }
        (Access::Optional | Access::Required, other) => {
            let fact = absent(&other, scene);
            match other.presented() {
                Ok(credential) => Ok(Some(credential)),
                Err(denial) => Err(trace.fail(Stage::Credential, "credential", &denial, fact)),
            }
        }
    }
}

/// Why there is no token to look at.
fn absent(credentials: &Credentials, scene: &Scene<'_>) -> [String; 2] {
    let places = scene.config.credentials;
    let taken = [(places.bearer, "Bearer"), (places.basic, "Basic"), (places.query, "access_token in the query")];
    let taken = taken.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let what = match credentials {
        Credentials::NotPresented => "none",
        Credentials::Presented(_) => "a token",
        Credentials::Foreign | Credentials::LeftAlone => "an Authorization of another scheme",
        Credentials::Password => "Basic, and neither user name nor password is a token",
        Credentials::Malformed(problem) => problem,
        Credentials::Several => "more than one",
    };
    [what.to_owned(), format!("taken are: {taken}")]
}
