//! The report for people.

use anstyle::AnsiColor;
use postern::time::UnixTime;
use serde_json::Value;

use super::page::{NOT_REACHED, Page};
use super::{Report, token};
use crate::explain::moment;
use crate::explain::routes::Found;
use crate::explain::trace::{Check, Stage, State};
use crate::reasons;

/// Claims that are times.
const TIMES: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

impl Report<'_> {
    pub fn to_text(&self) -> String {
        let mut page = Page::default();
        self.request(&mut page);
        self.checks(&mut page);
        self.token(&mut page);
        self.caller(&mut page);
        self.decision(&mut page);
        page.0
    }

    fn request(&self, page: &mut Page) {
        let (asked, plugin) = (self.asked, self.scene.plugin);
        let query = if asked.has_query { "?…" } else { "" };
        page.head(&format!("{} {}://{}{}{query}", asked.method, asked.scheme, asked.authority, asked.path));
        let name = if plugin.name.is_empty() { String::new() } else { format!(", plugin {}", plugin.name) };
        page.entry("under", &format!("{}:{}{name}", plugin.file, plugin.place.line));
        page.entry("at", &self.moment());
        match self.routes {
            _ if self.by_hand => page.entry("route", "as it was given"),
            Found::NoRoutes if self.scene.config.policy.uses_route_name() => {
                page.entry("route", "not given, and some rules go by its name: give it by --route");
            }
            Found::NoRoutes => {}
            Found::Route { route, place, matched } => {
                let name = route.name.as_deref().unwrap_or("without name");
                page.entry("route", &format!("{name}, line {}, {matched}", place.line));
            }
            Found::NoRoute => page.entry("route", "none: Envoy answers 404; what follows is without a route"),
            Found::Unclear(why) => {
                page.entry("route", &format!("NOT LOOKED AT: {why}"));
                page.entry(
                    "",
                    "its metadata may name another rule: give it by --route, --route-rule, --route-capabilities",
                );
            }
        }
    }

    fn checks(&self, page: &mut Page) {
        let mut last: Option<(Stage, Option<&str>)> = None;
        // Those of which nothing can be said stand together.
        let mut told = false;
        for check in &self.trace.checks {
            let section = (check.stage, check.rule.as_deref());
            if last != Some(section) {
                page.head(&title(section));
                last = Some(section);
            }
            let is_left_out = |check: &&Check| check.state == State::NotReached && check.facts.is_empty();
            if (check.stage, check.name, &check.state) == (Stage::Rule, "rule", &State::Passed) {
                self.chosen(page);
            } else if !is_left_out(&check) {
                page.check(check);
            } else if !std::mem::replace(&mut told, true) {
                let names = self.trace.checks.iter().filter(is_left_out).map(|check| check.name);
                page.marked(&State::NotReached, NOT_REACHED, [names.collect::<Vec<_>>().join(", ")]);
            }
        }
        for rule in &self.trace.nearby {
            let what = format!("rules[{}], line {}: {}", rule.index, rule.place.line, rule.why);
            page.entry(&rule.name, &what);
        }
        if self.trace.not_nearby > 0 {
            page.entry("", &format!("and {} more", self.trace.not_nearby));
        }
    }

    fn chosen(&self, page: &mut Page) {
        for rule in &self.trace.chosen {
            let place = rule.written.map(|(index, place)| format!("rules[{index}], line {}", place.line));
            let shadow = rule.is_shadow.then(|| "a shadow: whatever it refuses is let on".to_owned());
            let facts = [rule.why.clone(), format!("access: {}", rule.access)];
            page.marked(&State::Passed, &rule.name, place.into_iter().chain(facts).chain(shadow));
        }
    }

    fn token(&self, page: &mut Page) {
        let Some(token) = &self.trace.token else { return };
        let parts = token::parts(token);
        if parts.get("claims").is_some_and(Value::is_null) && parts.get("header").is_some_and(Value::is_null) {
            return;
        }
        let is_read = self.trace.checks.iter().any(|check| check.stage == Stage::Token);
        page.head(if is_read { "what the token says" } else { "what the token says, at which nobody looks" });
        self.claims(page, &parts);
    }

    fn claims(&self, page: &mut Page, parts: &Value) {
        for (part, label) in [("header", "header"), ("claims", "claims")] {
            let mut label = label;
            let Some(members) = parts.get(part).and_then(Value::as_object) else { continue };
            for (name, value) in members {
                let time = value.as_u64().filter(|_| TIMES.contains(&name.as_str()));
                let time = time.map_or_else(String::new, |seconds| {
                    format!("  ({})", moment::date(UnixTime::from_seconds(seconds)))
                });
                page.entry(label, &format!("{name}: {}{time}", self.shown(&value.to_string())));
                label = "";
            }
        }
    }

    fn caller(&self, page: &mut Page) {
        let Some(caller) = &self.trace.caller else { return };
        let who = &caller.principal;
        page.head("who is calling");
        for (name, value) in [
            ("user", who.user.clone()),
            ("uid", who.uid.map(|uid| uid.to_string())),
            ("email", who.email.clone()),
            ("client", who.client.clone()),
            ("groups", (!who.groups.is_empty()).then(|| who.groups.join(", "))),
        ] {
            value.into_iter().for_each(|value| page.entry(name, &value));
        }
        let mut label = "capabilities";
        for (name, groups) in &caller.sources {
            let from = if groups.is_empty() { "a scope".to_owned() } else { format!("group {}", groups.join(", ")) };
            page.entry(label, &format!("{name}, by {from}"));
            label = "";
        }
        for name in &who.withheld {
            page.entry("does not count", &format!("{name}: it is for users who logged in"));
        }
    }

    fn decision(&self, page: &mut Page) {
        page.head("decision");
        let decision = &self.decision;
        let status = decision.reply.as_ref().map_or_else(String::new, |reply| format!("{}, ", reply.status));
        let (style, words) = if decision.is_shadow() {
            (AnsiColor::Yellow, "LET ON by a shadow rule alone; in force it would be refused")
        } else if decision.is_answered() {
            (AnsiColor::Green, "ANSWERED by the filter itself")
        } else if decision.is_let_on() {
            (AnsiColor::Green, "LET ON")
        } else {
            (AnsiColor::Red, "REFUSED")
        };
        page.loud(style, &format!("{words}: {status}reason {}", decision.reason));
        if self.is_conditional() {
            page.loud(
                AnsiColor::Yellow,
                "ON CONDITION that the token's signature holds: it was NOT CHECKED, for there",
            );
            page.loud(AnsiColor::Yellow, "are no keys of its issuer here. Give them by --jwks FILE or --jwks URL.");
        }
        self.what_to_do(page);
        if let Some(reply) = &decision.reply {
            page.entry("client gets", format!("{} {}", reply.status, status_title(reply.status)).trim_end());
            for (name, value) in &reply.headers {
                page.entry("", &format!("{name}: {value}"));
            }
            reply.body.lines().for_each(|line| page.entry("", &self.shown(line)));
        }
        if let Some(changes) = self.upstream() {
            let mut label = "service gets";
            for change in &changes {
                let what = match &change.value {
                    None => format!("- {}", change.name),
                    Some(value) => format!("+ {}: {value}", change.name),
                };
                page.entry(label, &what);
                label = "";
            }
            if changes.is_empty() {
                page.entry(label, "the request as it is");
            }
        }
        self.new_token_claims(page);
    }

    /// What an operator is told of this reason everywhere.
    fn what_to_do(&self, page: &mut Page) {
        let Some(known) = self.remedy() else { return };
        let mut label = "what to do";
        for line in reasons::lines(known.then) {
            page.entry(label, &line);
            label = "";
        }
    }

    fn new_token_claims(&self, page: &mut Page) {
        let Some(token) = self.new_token() else { return };
        page.head(if self.decision.is_answered() { "the new token" } else { "the token that the service gets" });
        let made = self.scene.signing_keys.made();
        if !made.is_empty() {
            page.entry(
                "signing key",
                &format!("{} is not set here: this token is signed by a key made", made.join(", ")),
            );
            page.entry("", "for the moment, and alg and kid are that key's");
        }
        self.claims(page, &token::parts(&token));
    }
}

fn title((stage, rule): (Stage, Option<&str>)) -> String {
    match (stage, rule) {
        (Stage::Required, Some(rule)) => format!("what rule {rule} asks"),
        (stage, _) => stage.as_str().to_owned(),
    }
}

fn status_title(status: u16) -> &'static str {
    use postern::denial::Status;
    let all = [
        Status::BadRequest,
        Status::Unauthorized,
        Status::Forbidden,
        Status::MethodNotAllowed,
        Status::InternalServerError,
        Status::ServiceUnavailable,
    ];
    all.into_iter().find(|known| known.code() == status).map_or("", Status::title)
}
