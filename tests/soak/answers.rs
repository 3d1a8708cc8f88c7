//! An answer, as far as it is judged.

use crate::support::challenge::parse_lines;
use crate::wire::harness::message::Field;

/// By this the service tells as whom it was called.
pub const CALLED_BY: &str = "x-called-by";

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    /// The refusal's, empty where there is none.
    pub reason: String,
    pub user: Option<String>,
    pub realm: Option<String>,
    /// Whether the connection ends with it.
    pub closes: bool,
    pub retry_after: bool,
}

impl Reply {
    pub fn new(status: u16, fields: &[Field], body: &[u8]) -> Self {
        let value = |name: &str| {
            let mut found = fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let realm = value("www-authenticate")
            .and_then(|line| parse_lines(&[line]).ok())
            .and_then(|all| all.first().map(|challenge| challenge.realm.clone()));
        Self {
            status,
            reason: if status == 200 { String::new() } else { reason(body) },
            user: value(CALLED_BY).filter(|user| !user.is_empty()),
            realm,
            closes: value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
            retry_after: value("retry-after").is_some(),
        }
    }
}

fn reason(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    problem.and_then(|problem| Some(problem["reason"].as_str()?.to_owned())).unwrap_or_default()
}
