//! A request for a token: [`crate::reissue`] says what comes of it, this how far it is.

use std::rc::Rc;

use super::visit::{Progress, Purpose, Visit};
use super::{Env, Farewell, Memory, Next, Step};
use crate::config::Config;
use crate::credential::{self, Credential, Credentials, Foreign, Scheme};
use crate::denial::Denial;
use crate::reissue::{LONGEST_FORM, Refused, Wanted};
use crate::request::{Mutation, RequestHead};

/// One whose form is still to come.
#[derive(Debug)]
pub struct AwaitingForm {
    visit: Visit,
    credentials: Credentials,
    query: String,
    is_form: bool,
}

/// Begins with the head; the form follows, where there is one.
pub(super) fn begin(config: &Rc<Config>, head: &RequestHead, memory: &mut Memory, env: &Env<'_>) -> Step {
    let visit = Visit::new(config).exchanging();
    // It goes nowhere, but Envoy's access log may print it: a query may hold a token under more names than one.
    let mut mutations = credential::scrub(head);
    if let Some((path, _)) = head.path().and_then(|path| path.split_once('?')) {
        mutations.push(Mutation::set(":path", path.as_bytes()));
    }
    let step = match check(config, head) {
        Err(denial) => visit.conclude(Err(denial), Farewell::default),
        Ok(()) => {
            let query = head.path().and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
            let is_form = head.text("content-type").is_some_and(|kind| {
                let kind = kind.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
            let credentials = credential::find(head, config.credentials, Foreign::Refuse).credentials;
            let awaiting = AwaitingForm { visit, credentials, query: query.to_owned(), is_form };
            if head.has_body() {
                Step { mutations: Vec::new(), next: Next::AwaitForm(Box::new(awaiting)) }
            } else {
                awaiting.resume(&[], memory, env)
            }
        }
    };
    Step { mutations: [mutations, step.mutations].concat(), ..step }
}

fn check(config: &Config, head: &RequestHead) -> Result<(), Denial> {
    if head.method() != Some("POST") {
        return Err(Refused::Method.into());
    }
    if config.require_tls && !head.is_https() {
        return Err(Denial::InsecureTransport);
    }
    Ok(())
}

impl AwaitingForm {
    /// Goes on with the whole form.
    pub fn resume(self, form: &[u8], memory: &mut Memory, env: &Env<'_>) -> Step {
        let Self { mut visit, credentials, query, is_form } = self;
        let wanted = if form.is_empty() || is_form {
            Wanted::read(&query, form)
        } else {
            Err(Refused::Request("The body is no form; it has to be application/x-www-form-urlencoded"))
        };
        let progress = wanted.map_err(Denial::from).and_then(|mut wanted| {
            let credential = credential_of(credentials, &mut wanted)?;
            visit.purpose = Purpose::Exchange(Some(wanted));
            visit.authenticate(credential, None, memory, env)
        });
        visit.conclude(progress, Farewell::default)
    }

    /// Ends the wait without a form.
    pub fn refuse(self, denial: Denial) -> Step {
        self.visit.conclude(Err(denial), Farewell::default)
    }

    /// Whether a form may be that long.
    pub fn takes(&self, length: usize) -> Result<(), Denial> {
        if length > LONGEST_FORM { Err(Refused::Request("The form is too long").into()) } else { Ok(()) }
    }
}

/// The token of the request itself, or the one that the form names (RFC 8693 §2.1), and not two.
fn credential_of(credentials: Credentials, wanted: &mut Wanted) -> Result<Credential, Denial> {
    match (credentials, wanted.subject.take()) {
        (Credentials::NotPresented, Some(token)) => Ok(Credential { token, scheme: Scheme::Form }),
        (Credentials::Presented(credential), Some(token)) if credential.token != token => {
            Err(Refused::Request("subject_token is another token than that of the request").into())
        }
        (credentials, _) => credentials.presented(),
    }
}

impl Visit {
    /// What comes of a token that is good.
    pub(super) fn exchanged(&self, caller: &super::Caller, wanted: &Wanted, env: &Env<'_>) -> Result<Progress, Denial> {
        let internal = Denial::Internal("there is nothing to exchange a token by");
        let Some(own) = self.config.reissue.clone() else { return Err(internal) };
        let (Some(exchange), Some(origin)) = (&own.exchange, &caller.origin) else { return Err(internal) };
        let reply = crate::reissue::exchange(
            (&own, exchange, self.config.own_entry()),
            wanted,
            (&caller.principal, &origin.former),
            env.signer,
            env.now,
        )?;
        Ok(Progress::Answered(reply))
    }
}
