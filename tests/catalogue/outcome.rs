//! What became of a request in one of the ways, and what is wrong with it.

use super::row::{Expect, Row};
use crate::support::challenge::{Challenge, ErrorCode, Scheme, parse_lines};
use crate::wire::harness::config::REALM;
use crate::wire::harness::envoy::TOKEN;

/// What the filter's own count of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub decision: String,
    pub reason: String,
}

impl Decided {
    /// Reads `….decision.D.reason.R.rule.N`, with or without a rule.
    pub fn of(counter: &str) -> Option<Self> {
        let (_, rest) = counter.split_once("postern_requests_total.decision.")?;
        let (decision, rest) = rest.split_once(".reason.")?;
        let reason = rest.split('.').next()?;
        Some(Self { decision: decision.to_owned(), reason: reason.to_owned() })
    }
}

/// A request as the service got it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Names in lower case, and `:path`.
    pub fields: Vec<(String, Vec<u8>)>,
    pub trailers: Vec<(String, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub status: u16,
    pub decided: Option<Decided>,
    /// Of the answer.
    pub fields: Vec<(String, String)>,
    pub body: String,
    pub upstream: Option<Upstream>,
    pub fetches: usize,
    /// What was told besides: records, and what is left of the request for an access log.
    pub told: String,
}

impl Outcome {
    fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Everything that is not as the row says.
    pub fn problems(&self, row: &Row, expect: &Expect, secrets: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        if self.status != expect.status {
            problems.push(format!("status {}, not {}", self.status, expect.status));
        }
        let reason = self.decided.as_ref().map(|decided| decided.reason.as_str());
        if reason != expect.reason {
            problems.push(format!("decided for {reason:?}, not {:?}", expect.reason));
        }
        if self.fetches != expect.fetches {
            problems.push(format!("{} fetches, not {}", self.fetches, expect.fetches));
        }
        match (&self.decided, &self.upstream) {
            (Some(decided), Some(upstream)) if decided.decision == "allow" => {
                problems.extend(upstream.problems(row, expect, secrets));
            }
            (Some(decided), None) if decided.decision == "deny" => problems.extend(self.refusal_problems()),
            // Envoy may answer also to what it was allowed to pass on: the row says the status.
            (Some(decided), None) if decided.decision == "allow" && expect.status != 200 => {}
            (None, None) => {}
            (decided, upstream) => {
                let reached = if upstream.is_some() { "reached the service" } else { "did not reach the service" };
                problems.push(format!("decided as {decided:?}, and {reached}"));
            }
        }
        let answer = format!("{:?}{}{}", self.fields, self.body, self.told);
        problems.extend(secrets.iter().filter(|secret| answer.contains(*secret)).map(|_| "tells the token".to_owned()));
        problems
    }

    /// What every refusal has in common.
    fn refusal_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.values("cache-control") != ["no-store"] {
            problems.push(format!("Cache-Control {:?}", self.values("cache-control")));
        }
        if (self.status == 503) == self.values("retry-after").is_empty() {
            problems.push(format!("{} with Retry-After {:?}", self.status, self.values("retry-after")));
        }
        let reason = self.decided.as_ref().map_or("", |decided| &decided.reason);
        // A call of gRPC is told in its own words, under status 200.
        let status = match self.values("grpc-status").first() {
            None => self.status,
            Some(&"16") => 401,
            Some(&"7") => 403,
            Some(other) => return vec![format!("grpc-status {other}")],
        };
        let wanted = challenge(status, reason);
        match parse_lines(&self.values("www-authenticate")) {
            Err(error) => problems.push(format!("an unreadable challenge: {error}")),
            Ok(challenges) => {
                let undescribed =
                    |challenge: &Challenge| challenge.error.is_some() && challenge.error_description.is_none();
                if challenges.iter().any(undescribed) {
                    problems.push(format!("a challenge with an error and no description: {challenges:?}"));
                }
                // Where Basic is offered as well it comes last, and says nothing of the error.
                let basic = |challenge: &Challenge| challenge.scheme == Scheme::Basic;
                if challenges.first().is_some_and(basic) {
                    problems.push(format!("Basic comes first: {challenges:?}"));
                }
                let bearer: Vec<Challenge> = challenges
                    .into_iter()
                    .filter(|challenge| !basic(challenge))
                    .map(|challenge| Challenge { error_description: None, ..challenge })
                    .collect();
                if bearer != wanted.iter().cloned().collect::<Vec<_>>() {
                    problems.push(format!("challenged by {bearer:?}, not by {wanted:?}"));
                }
            }
        }
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        if problem["reason"].as_str().is_some_and(|told| told != reason) {
            problems.push(format!("the client is told {}, and {reason} is counted", problem["reason"]));
        }
        problems
    }
}

/// RFC 6750 §3: whoever brought no token is only asked for one; `error` says what else is the matter.
fn challenge(status: u16, reason: &str) -> Option<Challenge> {
    let error = match (status, reason) {
        (401, "missing_credential" | "foreign_authorization") => None,
        (401, _) => Some(ErrorCode::InvalidToken),
        (400, _) => Some(ErrorCode::InvalidRequest),
        (403, "insufficient_scope") => Some(ErrorCode::InsufficientScope),
        _ => return None,
    };
    // The only capability that any rule here asks for.
    let scope = (reason == "insufficient_scope").then(|| "read:tap".to_owned());
    Some(Challenge { error, scope, ..Challenge::bare(Scheme::Bearer, REALM) })
}

impl Upstream {
    fn problems(&self, row: &Row, expect: &Expect, secrets: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let mut identity: Vec<(String, String)> =
            self.fields.iter().filter(|(name, _)| is_ours(name)).map(|(n, v)| (n.clone(), text(v))).collect();
        let mut wanted = expect.identity.clone();
        identity.sort();
        wanted.sort();
        if identity != wanted {
            problems.push(format!("the service sees {identity:?}, not {wanted:?}"));
        }
        if let Some((name, _)) = self.trailers.iter().find(|(name, _)| is_ours(name) || name == "authorization") {
            problems.push(format!("the service sees {name} in the trailers"));
        }
        for (name, value) in &self.fields {
            if name == "authorization" || secrets.iter().any(|secret| text(value).contains(secret)) {
                problems.push(format!("a credential in {name} at the service"));
            }
        }
        for (name, wanted) in &row.sees {
            let seen: Vec<String> =
                self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| text(value)).collect();
            if seen != wanted.iter().cloned().collect::<Vec<_>>() {
                problems.push(format!("the service sees {name} {seen:?}, not {wanted:?}"));
            }
        }
        problems
    }
}

/// Whether some server may take this for a field of ours.
fn is_ours(name: &str) -> bool {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    plain.starts_with("x-auth-request-")
}

/// The parts of every token in a request: none of them may be told or logged.
pub fn secrets(row: &Row, bytes: &[u8]) -> Vec<String> {
    const SHORTEST: usize = 16;
    let text = String::from_utf8_lossy(bytes);
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
    let words = text.split(|c| !of_a_token(c)).filter(|word| TOKEN.iter().any(|start| word.contains(start)));
    let parts = words.flat_map(|word| word.split(['.', '=', '/'])).filter(|part| part.len() >= SHORTEST);
    parts.map(str::to_owned).chain(row.hidden.iter().cloned()).collect()
}
