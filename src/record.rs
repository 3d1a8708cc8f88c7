//! What is kept of a decision: a counter for the many, a record for the one.
//!
//! A counter's labels come from closed sets, the configuration's rule names and our own reasons: a name lives in Envoy
//! for ever, so no client may make new ones. The record goes into the access log and says who was let in, or why not;
//! no token is in it.

use std::rc::Rc;

use crate::credential::Scheme;
use crate::denial::Denial;
use crate::issuer::Principal;

#[cfg(test)]
pub mod listed;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub rule: Option<Rc<str>>,
    /// Whoever the token says that it is of; what was verified of that is in `principal`.
    pub issuer: Option<String>,
    /// Absent where no token was verified.
    pub principal: Option<Rc<Principal>>,
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
    /// Answered here, with what everybody may read.
    Published,
    /// Answered here, with a token of its own.
    Exchanged,
}

/// Longest value of a record. A user name or token id of an issuer's making should not fill a log.
const MAX_VALUE: usize = 256;

/// What most records fit in.
const USUAL_LENGTH: usize = 256;

impl Record {
    /// The name of the counter: `postern_requests_total` and its labels, which the `stats_tags` of the sample
    /// configuration take apart again.
    pub fn counter(&self, decision: Decision<'_>) -> String {
        let rule = self.rule.as_deref().unwrap_or("none");
        format!("postern_requests_total.decision.{}.reason.{}.rule.{rule}", verdict(decision), reason(decision))
    }

    /// The record as one line of JSON.
    pub fn json(&self, decision: Decision<'_>) -> String {
        let principal = self.principal.as_deref();
        let issuer = principal.map(|principal| principal.issuer.as_str()).or(self.issuer.as_deref());
        let missing = match decision {
            Decision::Deny(denial) | Decision::ShadowDeny(denial) => denial.missing(),
            Decision::Allow(_) => None,
        };
        let mut json = String::with_capacity(USUAL_LENGTH);
        for (name, value) in [
            ("client", principal.and_then(|principal| principal.client.as_deref())),
            ("decision", Some(verdict(decision))),
            ("issuer", issuer),
            ("missing", missing.as_deref()),
            ("reason", Some(reason(decision))),
            ("rule", self.rule.as_deref()),
            ("scheme", self.scheme.map(Scheme::as_str)),
            ("token_id", principal.and_then(|principal| principal.token_id.as_deref())),
            ("user", principal.and_then(|principal| principal.user.as_deref())),
        ] {
            if let Some(value) = value {
                json.push_str(if json.is_empty() { "{\"" } else { ",\"" });
                json.push_str(name);
                json.push_str("\":");
                write_text(value, &mut json);
            }
        }
        json.push('}');
        json
    }
}

/// A JSON string (RFC 8259 §7), cut to length, and without what JSON need not escape and a terminal or a log reader acts
/// on: controls, line and paragraph separators, marks that change the direction of writing.
fn write_text(value: &str, json: &mut String) {
    let acts = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    json.push('"');
    let is_plain = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
    if value.len() <= MAX_VALUE && value.bytes().all(is_plain) {
        json.push_str(value);
        json.push('"');
        return;
    }
    for c in value.chars().take(MAX_VALUE) {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if acts(c) => json.push(char::REPLACEMENT_CHARACTER),
            c => json.push(c),
        }
    }
    json.push('"');
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
        Decision::Allow(Admittance::Published) => "published",
        Decision::Allow(Admittance::Exchanged) => "exchanged",
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
    fn what_the_alerts_go_by_is_what_is_counted() {
        let allowed = [
            Admittance::Authenticated,
            Admittance::Anonymous,
            Admittance::Foreign,
            Admittance::Published,
            Admittance::Exchanged,
        ];
        let denials = crate::denial::tests::every();
        let refused = denials.iter().flat_map(|denial| [Decision::Deny(denial), Decision::ShadowDeny(denial)]);
        let decisions = allowed.map(Decision::Allow).into_iter().chain(refused);
        listed::hold("postern_requests", decisions.map(|decision| Record::default().counter(decision)));
    }

    #[test]
    fn long_values_are_cut_and_hold_no_character_that_acts() {
        let user = Some("é\n\u{85}\u{2028}\u{202e}".repeat(1000));
        let principal = Some(Rc::new(Principal { user, ..Principal::default() }));
        let record = Record { principal, ..Record::default() };
        let json = record.json(Decision::Allow(Admittance::Authenticated));
        assert!(json.chars().count() < 400, "{json}");
        assert!(!json.contains(['\n', '\u{85}', '\u{2028}', '\u{202e}']) && json.contains('é'), "{json}");
    }

    #[test]
    fn every_text_is_read_from_the_json_as_it_was_but_for_its_length_and_what_acts() {
        let long = |text: &str, times| text.repeat(times);
        for (name, user, want) in [
            ("plain", "alice".to_owned(), "alice".to_owned()),
            ("empty", String::new(), String::new()),
            ("a quotation mark", "a\"b".to_owned(), "a\"b".to_owned()),
            ("a backslash", "a\\b".to_owned(), "a\\b".to_owned()),
            ("both, at the ends", "\"a\\".to_owned(), "\"a\\".to_owned()),
            ("both, beside other letters", "\"é\\".to_owned(), "\"é\\".to_owned()),
            ("what would end the record", "\",\"a\":\"b".to_owned(), "\",\"a\":\"b".to_owned()),
            ("controls", "a\0\t\u{1f}\u{7f}\u{9f}b".to_owned(), format!("a{}b", long("\u{fffd}", 5))),
            ("as long as may be", long("a", MAX_VALUE), long("a", MAX_VALUE)),
            ("longer", long("a", MAX_VALUE + 1), long("a", MAX_VALUE)),
            ("letters of two bytes, as long as may be", long("é", MAX_VALUE), long("é", MAX_VALUE)),
            ("letters of two bytes, longer", long("é", MAX_VALUE + 1), long("é", MAX_VALUE)),
            ("backslashes, longer", long("\\", MAX_VALUE + 1), long("\\", MAX_VALUE)),
        ] {
            let principal = Some(Rc::new(Principal { user: Some(user), ..Principal::default() }));
            let json = Record { principal, ..Record::default() }.json(Decision::Allow(Admittance::Authenticated));
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(read["user"], want, "{name}: {json}");
            assert_eq!(read.as_object().unwrap().len(), 4, "{name}: {json}");
        }
    }
}
