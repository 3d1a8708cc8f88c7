//! The answer to a refused request: status, header fields, body.

use crate::challenge::challenges;
use crate::denial::Denial;
use crate::policy::Offer;
use crate::request::RequestHead;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// For Envoy's access log, `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
}

/// How the client wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// RFC 9457.
    Problem,
    Text,
    Html,
    /// Envoy makes `grpc-status` of our status and `grpc-message` of the body, so that is one plain sentence.
    Grpc,
}

/// What the request says about the answer it wants, kept until there is one to give.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    grpc: bool,
    accept: String,
}

/// Most of `Accept` that is read. Browsers send a tenth of it; a sender should not choose how long we read.
const MAX_ACCEPT: usize = 1024;
const MAX_RANGES: usize = 32;

impl Preferences {
    pub fn of(head: &RequestHead) -> Self {
        let grpc = |kind: &[u8]| {
            // `application/grpc` and `application/grpc+proto`, but not `application/grpc-web`, whose clients read HTTP.
            kind.strip_prefix(b"application/grpc").is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
        };
        let mut accept = String::new();
        for value in head.values("accept").filter_map(|value| std::str::from_utf8(value).ok()) {
            if accept.len().saturating_add(value.len()) < MAX_ACCEPT {
                accept.push_str(value);
                accept.push(',');
            }
        }
        Self { grpc: head.values("content-type").any(grpc), accept }
    }

    /// What is preferred (RFC 9110 §12.5.1); where nothing is, machine-readable.
    fn style(&self) -> Style {
        if self.grpc {
            return Style::Grpc;
        }
        let ranges: Vec<(String, u16)> = self.accept.split(',').take(MAX_RANGES).map(read_range).collect();
        let mut best = (Style::Problem, quality(&ranges, &["application/problem+json", "application/json"]));
        for (style, kind) in [(Style::Html, "text/html"), (Style::Text, "text/plain")] {
            let quality = quality(&ranges, &[kind]);
            if quality > best.1 {
                best = (style, quality);
            }
        }
        best.0
    }
}

/// The highest weight, in thousandths, that any of these ranges gives one of these kinds.
fn quality(ranges: &[(String, u16)], kinds: &[&str]) -> u16 {
    let of_kind = |kind: &str| {
        let whole = kind.split_once('/').map(|(main, _)| format!("{main}/*")).unwrap_or_default();
        // The most specific range counts.
        [kind, whole.as_str(), "*/*"]
            .iter()
            .find_map(|range| ranges.iter().find(|(name, _)| name == range).map(|(_, quality)| *quality))
            .unwrap_or(0)
    };
    kinds.iter().map(|kind| of_kind(kind)).max().unwrap_or(0)
}

fn read_range(range: &str) -> (String, u16) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
    let weight = weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 1000")]
    (name, (weight * 1000.0) as u16)
}

/// The answer for a denial.
pub fn reply(denial: &Denial, offers: &[Offer], realm: &str, preferences: &Preferences) -> Reply {
    let (kind, body) = body(denial, preferences.style());
    let mut headers = vec![("content-type", kind.to_owned()), ("cache-control", "no-store".to_owned())];
    headers.extend(challenges(denial, offers, realm).into_iter().map(|challenge| ("www-authenticate", challenge)));
    headers.extend(denial.retry_after_header());
    Reply { status: denial.status().code(), headers, body, details: denial.details() }
}

fn body(denial: &Denial, style: Style) -> (&'static str, String) {
    let (status, title, detail) = (denial.status().code(), denial.status().title(), denial.detail());
    let asked = denial.parameters();
    let in_words = |(name, value): &(&str, String)| match *name {
        "scope" => value.clone(),
        name => format!("{name} {value}"),
    };
    let needed = asked.iter().map(in_words).collect::<Vec<_>>().join(", ");
    match style {
        Style::Problem => {
            let mut problem = serde_json::json!({
                "title": title, "status": status, "detail": detail, "reason": denial.reason(),
            });
            if let Some(members) = problem.as_object_mut() {
                members.extend(asked.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
            }
            ("application/problem+json", format!("{problem}\n"))
        }
        Style::Text => {
            let needed = if needed.is_empty() { String::new() } else { format!(" Needed: {needed}") };
            ("text/plain; charset=utf-8", format!("{status} {title}: {detail}{needed}\n"))
        }
        Style::Html => {
            // The only text here that is not fixed: what the rule asks, which may hold any printable character.
            let escaped = needed.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let needed = if needed.is_empty() { String::new() } else { format!("<p>Needed: {escaped}</p>\n") };
            (
                "text/html; charset=utf-8",
                format!(
                    "<!doctype html>\n<html lang=\"en\"><title>{status} {title}</title>\n<h1>{title}</h1>\n\
                     <p>{detail}</p>\n{needed}</html>\n"
                ),
            )
        }
        Style::Grpc => ("application/grpc", detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Shortfall, StepUp};
    use std::time::Duration;

    fn style(fields: &[(&str, &str)]) -> Style {
        let field = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Preferences::of(&RequestHead::new(fields.iter().map(field).collect())).style()
    }

    #[test]
    fn the_body_is_what_accept_prefers() {
        for (accept, want) in [
            ("", Style::Problem),
            ("*/*", Style::Problem),
            ("application/json", Style::Problem),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Style::Html),
            ("text/plain", Style::Text),
            ("text/*", Style::Html),
            ("text/plain;q=0.5, text/html;q=0.4", Style::Text),
            ("application/json, text/html", Style::Problem),
            ("text/html;q=0, */*", Style::Problem),
            ("text/html;q=7", Style::Problem),
            ("application/x-votable+xml", Style::Problem),
            ("TEXT/HTML", Style::Html),
        ] {
            assert_eq!(style(&[("accept", accept)]), want, "{accept}");
        }
        let long = format!("text/html,{}", "x/y,".repeat(MAX_ACCEPT));
        assert_eq!(style(&[("accept", &long)]), Style::Problem, "more than anybody means is not read");
        assert_eq!(style(&[]), Style::Problem);
    }

    #[test]
    fn grpc_is_known_by_its_content_type() {
        for (kind, want) in [
            ("application/grpc", Style::Grpc),
            ("application/grpc+proto", Style::Grpc),
            ("application/grpc;x", Style::Grpc),
            ("application/grpc-web", Style::Problem),
            ("application/json", Style::Problem),
        ] {
            assert_eq!(style(&[("content-type", kind)]), want, "{kind}");
        }
    }

    #[test]
    fn a_reply_is_not_stored_and_says_when_to_come_back() {
        let unavailable = Denial::KeysUnavailable { retry_after: Duration::ZERO };
        let reply =
            reply(&unavailable, &[Offer::Bearer], "r", &Preferences { grpc: false, accept: "text/plain".to_owned() });
        assert_eq!(reply.status, 503);
        assert_eq!(
            reply.headers,
            [
                ("content-type", "text/plain; charset=utf-8".to_owned()),
                ("cache-control", "no-store".to_owned()),
                ("retry-after", "1".to_owned()),
            ]
        );
        assert!(reply.body.starts_with("503 Service Unavailable: "));
    }

    #[test]
    fn a_problem_is_json_with_a_stable_reason() {
        let reply = reply(&Denial::NoRule, &[], "r", &Preferences::default());
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&reply.body).unwrap(),
            serde_json::json!({
                "title": "Forbidden", "status": 403, "reason": "no_rule", "detail": "No rule allows this request.",
            })
        );
    }

    #[test]
    fn all_that_is_asked_of_a_login_is_in_every_form() {
        let acr = vec!["mfa".to_owned(), "hw".to_owned()];
        let step_up = StepUp { acr, max_auth_age: Some(Duration::from_secs(900)) };
        let denial = Denial::Unmet(Shortfall::StepUp(step_up));
        for (accept, holds) in [
            ("application/json", &[r#""acr_values":"mfa hw""#, r#""max_age":"900""#][..]),
            ("text/plain", &["Needed: acr_values mfa hw, max_age 900\n"]),
            ("text/html", &["<p>Needed: acr_values mfa hw, max_age 900</p>"]),
        ] {
            let preferences = Preferences { grpc: false, accept: accept.to_owned() };
            let body = reply(&denial, &[], "r", &preferences).body;
            assert!(holds.iter().all(|part| body.contains(part)), "{accept}: {body}");
        }
    }

    #[test]
    fn a_missing_capability_is_named_in_every_form_and_escaped_in_html() {
        let (asked, missing) = ("read:<a>&b".to_owned(), "read:<a>&b".to_owned());
        let denial = Denial::Unmet(Shortfall::Capabilities { asked, missing });
        for (accept, holds) in [
            ("application/json", r#""scope":"read:<a>&b""#),
            ("text/plain", "Needed: read:<a>&b\n"),
            ("text/html", "<p>Needed: read:&lt;a&gt;&amp;b</p>"),
        ] {
            let preferences = Preferences { grpc: false, accept: accept.to_owned() };
            let body = reply(&denial, &[], "r", &preferences).body;
            assert!(body.contains(holds), "{accept}: {body}");
        }
    }
}
