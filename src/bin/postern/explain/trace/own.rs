//! Requests that are for the filter itself and not for a service.

use std::io;

use postern::credential::{self, Credential, Credentials, Foreign, Scheme};
use postern::reissue::{Asked, Wanted};

use super::{Scene, Stage, State, Trace, token};
use crate::explain::decision::Decision;

const NAME: &str = "own path";

pub fn look(trace: &mut Trace, scene: &Scene<'_>, asked: Asked) -> io::Result<()> {
    match asked {
        Asked::Document(_) => {
            trace.pass(Stage::Rule, NAME, "the filter's own keys, or the document that names them: for everybody");
        }
        Asked::Exchange => {
            trace.pass(Stage::Rule, NAME, "the filter's own token endpoint");
            let Some(credential) = presented(scene) else { return Ok(()) };
            trace.scheme = Some(credential.scheme);
            trace.token = Some(credential.token.clone());
            let mut exchanged = Trace::default();
            let checked = token::check(&mut exchanged, scene, credential)?;
            token::leave_out(&mut exchanged);
            exchanged.caller = checked.ok().map(|verified| verified.caller);
            trace.keys = exchanged.keys.take();
            trace.exchanged = Some(Box::new(exchanged));
        }
    }
    Ok(())
}

/// The token of the request, or else that of the form. Whether there may be both is for the decision.
fn presented(scene: &Scene<'_>) -> Option<Credential> {
    if let Credentials::Presented(credential) =
        credential::find(scene.head, scene.config.credentials, Foreign::Refuse).credentials
    {
        return Some(credential);
    }
    let query = scene.head.path()?.split_once('?').map_or("", |(_, query)| query);
    let wanted = Wanted::read(query, scene.form.unwrap_or_default().as_bytes()).ok()?;
    Some(Credential { token: wanted.subject?, scheme: Scheme::Form })
}

/// The token is looked at between what the form says and what the filter makes of both: where one of these two refuses
/// the request, it is told of this check.
pub fn complete(trace: &mut Trace, decision: &Decision) {
    let exchanged = trace.exchanged.take();
    let Some(own) = trace.checks.last_mut().filter(|check| check.name == NAME) else { return };
    let is_of_the_token = |exchanged: &Trace| {
        exchanged.failed().is_some_and(|check| check.state == State::Failed(decision.reason.clone()))
    };
    match exchanged {
        Some(exchanged) if decision.is_let_on() || is_of_the_token(&exchanged) => {
            trace.checks.extend(exchanged.checks);
            trace.caller = exchanged.caller;
        }
        Some(_) | None if decision.is_let_on() => {}
        Some(_) | None => own.state = State::Failed(decision.reason.clone()),
    }
}
