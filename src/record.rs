//! What is kept of a decision: a counter for the many, a record for the one.
//!
//! A counter's labels come from closed sets, the configuration's rule names and our own reasons: a name lives in Envoy
//! for ever, so no client may make new ones. The record goes into the access log and says who was let in, or why not;
//! no token is in it.

use crate::credential::Scheme;
use crate::denial::Denial;
use crate::issuer::Principal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub rule: Option<String>,
    pub issuer: Option<String>,
    pub user: Option<String>,
    pub client: Option<String>,
    pub token_id: Option<String>,
    pub scheme: Option<Scheme>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// Let on, with what it was let on as.
    Allow(Admittance),
    Deny(&'a Denial),
    /// Let on by a shadow rule though it would be refused.
    ShadowDeny(&'a Denial),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admittance {
    /// With a verified token.
    Authenticated,
    /// Under a rule that asks for no credential, or without one under a rule that can do without.
    Anonymous,
    /// With an `Authorization` that the service behind is to look at.
    Foreign,
}

/// Longest value of a record. A user name or token id of an issuer's making should not fill a log.
const MAX_VALUE: usize = 256;

impl Record {
    pub fn set_principal(&mut self, principal: &Principal) {
        self.user.clone_from(&principal.user);
        self.client.clone_from(&principal.client);
        self.token_id.clone_from(&principal.token_id);
    }

    /// The name of the counter: `postern_requests_total` and its labels, which the `stats_tags` of the sample
    /// configuration take apart again.
    pub fn counter(&self, decision: Decision<'_>) -> String {
        let rule = self.rule.as_deref().unwrap_or("none");
        format!("postern_requests_total.decision.{}.reason.{}.rule.{rule}", verdict(decision), reason(decision))
    }

    /// The record as one line of JSON.
    pub fn json(&self, decision: Decision<'_>) -> String {
        let cut = |value: &Option<String>| value.as_ref().map(|value| printable(value));
        let missing = match decision {
            Decision::Deny(denial) | Decision::ShadowDeny(denial) => denial.missing(),
            Decision::Allow(_) => None,
        };
        let mut record = serde_json::Map::new();
        for (name, value) in [
            ("decision", Some(verdict(decision).to_owned())),
            ("reason", Some(reason(decision).to_owned())),
            ("rule", cut(&self.rule)),
            ("issuer", cut(&self.issuer)),
            ("user", cut(&self.user)),
            ("client", cut(&self.client)),
            ("token_id", cut(&self.token_id)),
            ("scheme", self.scheme.map(|scheme| scheme.as_str().to_owned())),
            ("missing", cut(&missing)),
        ] {
            if let Some(value) = value {
                record.insert(name.to_owned(), value.into());
            }
        }
        serde_json::Value::Object(record).to_string()
    }
}

/// Cut to length, and without what JSON need not escape and a terminal or a log reader acts on: C1 controls, line and
/// paragraph separators, marks that change the direction of writing.
fn printable(value: &str) -> String {
    let acts = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    value.chars().take(MAX_VALUE).map(|c| if acts(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn verdict(decision: Decision<'_>) -> &'static str {
    match decision {
        Decision::Allow(_) => "allow",
        Decision::Deny(_) => "deny",
        Decision::ShadowDeny(_) => "shadow_deny",
    }
}

fn reason(decision: Decision<'_>) -> &'static str {
    match decision {
        Decision::Allow(Admittance::Authenticated) => "ok",
        Decision::Allow(Admittance::Anonymous) => "anonymous",
        Decision::Allow(Admittance::Foreign) => "foreign_authorization",
        Decision::Deny(denial) | Decision::ShadowDeny(denial) => denial.reason(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Shortfall;

    #[test]
    fn a_record_holds_what_is_known_and_nothing_else() {
        let record = Record { rule: Some("tap".into()), scheme: Some(Scheme::Basic), ..Record::default() };
        let denial = Denial::Unmet(Shortfall::Capabilities { asked: "a b".into(), missing: "b".into() });
        assert_eq!(
            record.json(Decision::Deny(&denial)),
            r#"{"decision":"deny","missing":"b","reason":"insufficient_scope","rule":"tap","scheme":"basic"}"#
        );
        assert_eq!(
            record.counter(Decision::Allow(Admittance::Authenticated)),
            "postern_requests_total.decision.allow.reason.ok.rule.tap"
        );
        assert_eq!(
            Record::default().counter(Decision::Deny(&Denial::NoRule)),
            "postern_requests_total.decision.deny.reason.no_rule.rule.none"
        );
    }

    #[test]
    fn long_values_are_cut_and_hold_no_character_that_acts() {
        let record = Record { user: Some("é\n\u{85}\u{2028}\u{202e}".repeat(1000)), ..Record::default() };
        let json = record.json(Decision::Allow(Admittance::Authenticated));
        assert!(json.chars().count() < 400, "{json}");
        assert!(!json.contains(['\n', '\u{85}', '\u{2028}', '\u{202e}']) && json.contains('é'), "{json}");
    }
}
