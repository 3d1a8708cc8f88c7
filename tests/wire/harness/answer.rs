//! What a client got back.

use std::fmt;

use super::message::Field;
use crate::support::challenge::{Challenge, parse_lines};

#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<Field>,
    pub body: Vec<u8>,
    pub trailers: Vec<Field>,
}

// For a failing test to print: text where it is text, and not a list of numbers.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in self.fields.iter().chain(&self.trailers) {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(f, "\n{}", self.body.escape_ascii())
    }
}

impl Answer {
    /// Every value of a header, in order.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.fields
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The value of a header that must not come twice.
    pub fn value(&self, name: &str) -> Option<String> {
        let mut values = self.values(name);
        assert!(values.len() < 2, "{name} came {} times: {values:?}", values.len());
        values.pop()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The challenges, one for each header line; anything unreadable fails the test.
    pub fn challenges(&self) -> Vec<Challenge> {
        match parse_lines(&self.values("www-authenticate")) {
            Ok(challenges) => challenges,
            Err(error) => panic!("an unreadable challenge: {error}"),
        }
    }
}
