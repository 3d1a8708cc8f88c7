//! What is told: to people as text, to machines as JSON, both of the same facts.

mod page;
mod text;
mod token;

use postern::request::{Mutation, RouteMetadata};
use postern::secret::Secret;
use serde_json::{Value, json};

use super::asked::Asked;
use super::decision::Decision;
use super::moment;
use super::plain;
use super::routes::Found;
use super::trace::{Check, Scene, State, Trace};
use crate::reasons::{self, Reason};

pub struct Report<'a> {
    pub scene: &'a Scene<'a>,
    pub asked: &'a Asked,
    pub routes: &'a Found,
    /// The route was given, and not looked for.
    pub by_hand: bool,
    pub trace: Trace,
    pub decision: Decision,
}

/// A change to the request, as it may be shown.
struct Change {
    what: &'static str,
    name: String,
    value: Option<String>,
}

impl Report<'_> {
    pub fn to_json(&self) -> Value {
        let plugin = self.scene.plugin;
        json!({
            "configuration": { "file": plugin.file, "plugin": plugin.name, "line": plugin.place.line },
            "request": {
                "method": self.asked.method, "scheme": self.asked.scheme, "host": self.asked.authority,
                "path": self.asked.path, "at": self.scene.now.seconds(),
            },
            "route": self.route_json(),
            "rules": self.trace.chosen.iter().map(|rule| json!({
                "name": rule.name,
                "index": rule.written.map(|(index, _)| index),
                "line": rule.written.map(|(_, place)| place.line),
                "column": rule.written.map(|(_, place)| place.column),
                "why": rule.why, "access": rule.access, "shadow": rule.is_shadow,
            })).collect::<Vec<_>>(),
            "rules_that_do_not_match": self.trace.nearby.iter().map(|rule| json!({
                "name": rule.name, "index": rule.index, "line": rule.place.line, "why": rule.why,
            })).collect::<Vec<_>>(),
            "more_rules_that_do_not_match": self.trace.not_nearby,
            "credential": self.trace.scheme.map(postern::credential::Scheme::as_str),
            "checks": self.trace.checks.iter().map(check_json).collect::<Vec<_>>(),
            "signature_checked": self.signature_checked(),
            "token": self.trace.token.as_ref().map(token::parts),
            "caller": self.caller_json(),
            "decision": {
                "verdict": self.decision.verdict, "reason": self.decision.reason,
                "what_to_do": self.remedy().map(|known| known.then),
                "on_condition_that_the_signature_holds": self.is_conditional(), "record": self.decision.record,
            },
            "answer": self.decision.reply.as_ref().map(|reply| json!({
                "status": reply.status, "headers": reply.headers, "body": self.shown(&reply.body),
            })),
            "upstream": self.upstream().map(|changes| changes.iter().map(|change| json!({
                "change": change.what, "name": change.name, "value": change.value,
            })).collect::<Vec<_>>()),
            "new_token": self.new_token().map(|token| token::parts(&token)),
            "signing_keys_not_set": self.scene.signing_keys.made(),
        })
    }

    fn route_json(&self) -> Value {
        let (source, line) = match self.routes {
            _ if self.by_hand => ("given", None),
            Found::NoRoutes => ("none", None),
            Found::Route { place, .. } => ("file", Some(place.line)),
            Found::NoRoute => ("no_route", None),
            Found::Unclear(_) => ("not_looked_at", None),
        };
        let route = self.scene.route;
        let metadata = match &route.metadata {
            RouteMetadata::Absent => Value::Null,
            RouteMetadata::Present { rule, capabilities } => json!({ "rule": rule, "capabilities": capabilities }),
            RouteMetadata::Malformed => json!("malformed"),
        };
        json!({ "source": source, "line": line, "name": route.name, "metadata": metadata })
    }

    fn caller_json(&self) -> Option<Value> {
        let caller = self.trace.caller.as_ref()?;
        let who = &caller.principal;
        Some(json!({
            "issuer": who.issuer, "kind": who.kind.map(postern::issuer::PrincipalKind::as_str), "user": who.user,
            "uid": who.uid, "email": who.email, "client": who.client, "token_id": who.token_id, "groups": who.groups,
            "capabilities": caller.sources.iter().map(|(name, groups)| json!({ "name": name, "groups": groups }))
                .collect::<Vec<_>>(),
            "withheld": who.withheld, "interactive": who.interactive,
            "auth_time": who.auth_time.map(postern::time::UnixTime::seconds), "acr": who.acr,
        }))
    }

    /// `None` where it did not come to that.
    fn signature_checked(&self) -> Option<bool> {
        Some(self.trace.keys.as_ref()?.from.is_some())
    }

    /// Where the request is refused, or would be.
    fn remedy(&self) -> Option<&'static Reason> {
        let is_refused = self.decision.is_shadow() || !(self.decision.is_answered() || self.decision.is_let_on());
        reasons::find(&self.decision.reason).filter(|_| is_refused)
    }

    pub fn is_conditional(&self) -> bool {
        self.signature_checked() == Some(false)
    }

    /// What is changed of the request that goes on; `None` where none does.
    fn upstream(&self) -> Option<Vec<Change>> {
        let goes_on = self.decision.is_let_on() && self.decision.reply.is_none();
        goes_on.then(|| self.decision.mutations.iter().map(|mutation| self.change(mutation)).collect())
    }

    fn change(&self, mutation: &Mutation) -> Change {
        let value = |value: &[u8]| Some(self.shown(&String::from_utf8_lossy(value)));
        match mutation {
            Mutation::Remove(name) => {
                Change { what: "remove", name: String::from_utf8_lossy(name).into_owned(), value: None }
            }
            Mutation::Set(name, text) => Change { what: "set", name: name.to_string(), value: value(text) },
            Mutation::Add(name, text) => Change { what: "add", name: name.to_string(), value: value(text) },
        }
    }

    /// The token that was made, for the service or for the client.
    fn new_token(&self) -> Option<Secret> {
        let is_new = |token: &String| self.trace.token.as_ref().is_none_or(|presented| presented.expose() != token);
        let for_service = self.decision.token_for_service().filter(is_new);
        for_service.or_else(|| self.decision.token_for_client()).map(Secret::new)
    }

    fn shown(&self, text: &str) -> String {
        let presented = self.trace.token.as_ref().map(Secret::expose);
        let made = self.decision.token_for_service();
        let known: Vec<&str> = presented.into_iter().chain(made.as_deref()).collect();
        plain::without_tokens(text, &known)
    }

    fn moment(&self) -> String {
        moment::date(self.scene.now)
    }
}

fn check_json(check: &Check) -> Value {
    let (state, reason) = match &check.state {
        State::Passed => ("ok", None),
        State::Failed(reason) => ("fail", Some(reason)),
        State::Unchecked => ("not_checked", None),
        State::NotReached => ("not_reached", None),
    };
    json!({
        "stage": check.stage.as_str(), "rule": check.rule, "check": check.name, "state": state, "reason": reason,
        "facts": check.facts, "hint": check.hint,
    })
}
