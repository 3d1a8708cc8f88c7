//! The token's own checks.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use postern::credential::Credential;
use postern::denial::Denial;
use postern::issuer::{Issuer, Principal};
use postern::json::Json;
use postern::token::{Candidate, Checked, TokenError, UnverifiedToken, verify};

use super::looks::{Looks, alike};
use super::{Caller, Reached, Scene, Stage, State, Stop, Trace};
use crate::check::many;
use crate::explain::decision::signatures;
use crate::explain::keys;

/// In the order in which they are made.
const NAMES: [&str; 11] =
    ["form", "issuer", "algorithm", "time", "lifetime", "claims", "kind", "profile", "audience", "signature", "caller"];

pub struct Verified {
    pub caller: Caller,
    /// How far the issuer's clock may be off.
    pub skew: Duration,
}

/// Fails where keys that were given cannot be read.
pub fn check(trace: &mut Trace, scene: &Scene<'_>, credential: Credential) -> io::Result<Reached<Verified>> {
    let (token, id, issuer) = match known(trace, scene, credential) {
        Ok((token, issuer)) => match scene.config.issuers.find(issuer) {
            Some((id, issuer)) => (token, id, issuer),
            None => return Ok(Err(Stop)),
        },
        Err(stop) => return Ok(Err(stop)),
    };
    let facts = Looks::at(&token, issuer, scene.now);
    let mut passed = Vec::new();
    let payload = token.payload().clone();
    let (algorithm, kid) = (token.algorithm(), token.kid().map(str::to_owned));
    let candidate = Candidate::check_step_by_step(token, issuer, scene.now, |check| passed.push(check));
    for check in &passed {
        facts.tell(trace, *check, candidate.as_ref().ok());
    }
    let candidate = match candidate {
        Ok(candidate) => candidate,
        Err(error) => {
            let next = Checked::ALL.into_iter().find(|check| !passed.contains(check));
            return Ok(Err(facts.tell_failed(trace, next, error)));
        }
    };
    let keys = trace.keys.insert(keys::of(scene, (id, issuer), (algorithm, kid.as_deref()))?);
    let named = kid.as_deref().map_or_else(|| "it names no key".to_owned(), |kid| format!("it names key {kid}"));
    let (state, source) = match &keys.from {
        Some(from) => {
            (State::Passed, vec![format!("{named}, of {} from {from}", many(keys.set.iter().count(), "key"))])
        }
        None => {
            let facts = ["NOT CHECKED: there are no keys here; give them by --jwks".to_owned(), named];
            (State::Unchecked, facts.into())
        }
    };
    let known = keys.set.summary();
    let (set, signatures) = (Rc::clone(&keys.set), signatures(Some(keys)));
    match verify(candidate, issuer, &set, signatures, scene.now) {
        Ok(token) => {
            trace.add(Stage::Token, "signature", state, source);
            let principal = Rc::clone(token.principal());
            trace.pass(Stage::Token, "caller", who(&principal));
            let sources = sources(issuer, &payload, &principal);
            Ok(Ok(Verified { caller: Caller { principal, sources }, skew: issuer.clock_skew }))
        }
        Err(error @ (TokenError::UnknownKey | TokenError::Signature)) => {
            let denial = Denial::from(error);
            let facts = [vec![denial.detail()], source, vec![format!("the keys: {known}")]].concat();
            Ok(Err(trace.fail(Stage::Token, "signature", &denial, facts)))
        }
        Err(error) => {
            trace.add(Stage::Token, "signature", state, source);
            let denial = Denial::from(error);
            let facts = [denial.detail(), "it is there, in a form that is not taken".to_owned()];
            Ok(Err(trace.fail(Stage::Token, "caller", &denial, facts)))
        }
    }
}

/// The checks that a token did not come to.
pub fn leave_out(trace: &mut Trace) {
    for name in NAMES {
        trace.leave_out(Stage::Token, None, name, Vec::new());
    }
}

/// Reads the token and finds its issuer.
fn known<'a>(trace: &mut Trace, scene: &'a Scene<'_>, credential: Credential) -> Reached<(UnverifiedToken, &'a str)> {
    let parsed = UnverifiedToken::parse(credential.token.clone());
    if parsed.is_err()
        && let Err(denial) = credential.checked().presented()
    {
        let fact = denial.detail();
        return Err(trace.fail(Stage::Token, "form", &denial, fact));
    }
    let token = match parsed {
        Ok(token) => token,
        Err(error) => {
            let denial = Denial::from(error);
            let fact = denial.detail();
            return Err(trace.fail(Stage::Token, "form", &denial, fact));
        }
    };
    trace.pass(Stage::Token, "form", "a signed JWT that can be read");
    let named = match token.issuer() {
        Ok(named) => named,
        Err(error) => {
            let denial = Denial::from(error);
            let fact = denial.detail();
            return Err(trace.fail(Stage::Token, "issuer", &denial, fact));
        }
    };
    let Some((position, issuer)) =
        scene.config.issuers.iter().map(|(_, issuer)| issuer).enumerate().find(|(_, issuer)| issuer.issuer == named)
    else {
        let names: Vec<&str> = scene.config.issuers.iter().map(|(_, issuer)| issuer.issuer.as_str()).collect();
        let fact = [format!("{named} is none of `issuers`"), format!("these are {}", names.join(", "))];
        let stop = trace.fail(Stage::Token, "issuer", &TokenError::UnknownIssuer.into(), fact);
        trace.hint(alike(named, &names));
        return Err(stop);
    };
    let line = scene.plugin.place(&format!("issuers[{position}]")).line;
    let fact = format!("{named} is issuers[{position}], line {line}, profile {}", issuer.profile.name);
    trace.pass(Stage::Token, "issuer", fact);
    Ok((token, issuer.issuer.as_str()))
}

fn who(principal: &Principal) -> String {
    let mut words = vec![match (&principal.user, principal.kind) {
        (Some(user), _) => format!("user {user}"),
        (None, Some(kind)) => format!("{} without name", kind.as_str()),
        (None, None) => "neither a user nor a service by itself".to_owned(),
    }];
    if let (None, Some(client)) = (&principal.user, &principal.client) {
        words = vec![match principal.kind {
            Some(kind) => format!("{} {client}", kind.as_str()),
            None => format!("neither a user nor a service by itself, of client {client}"),
        }];
    } else if let Some(client) = &principal.client {
        words.push(format!("by client {client}"));
    }
    words.extend(principal.uid.map(|uid| format!("uid {uid}")));
    words.push(if principal.interactive { "who logged in" } else { "without a login" }.to_owned());
    words.join(", ")
}

/// Where each capability comes from: the groups that stand for it, or else the token's scopes.
fn sources(issuer: &Issuer, payload: &Json, principal: &Principal) -> Vec<(String, Vec<String>)> {
    let of = |name: &String| {
        let groups = issuer.granted(payload, &principal.groups).filter(|(_, granted)| granted.contains(name));
        (name.clone(), groups.map(|(group, _)| group.to_owned()).collect())
    };
    principal.capabilities.iter().map(of).collect()
}
