//! How long a token is good, or how long ago something was: `300`, `1h`, or less than nothing.

/// No token needs more, and the sum with any date stays in range.
const LONGEST: i64 = 10 * 365 * 24 * 3600;

/// Seconds. Negative: a token that ended so long ago. `name` is the parameter's, for the error.
pub fn parse(name: &str, text: &str) -> Result<i64, String> {
    let problem = || {
        format!(
            "{name}: `{text}` is not a duration; \
             write seconds, or a number with s, m, h or d, such as 1h or -60s"
        )
    };
    let (digits, unit) = match text.strip_suffix(|c: char| c.is_ascii_alphabetic()) {
        Some(digits) => (digits, text.chars().next_back()),
        None => (text, None),
    };
    let seconds = match unit {
        None | Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        Some(_) => return Err(problem()),
    };
    let number: i64 = digits.parse().map_err(|_| problem())?;
    match number.checked_mul(seconds) {
        Some(lifetime) if (-LONGEST..=LONGEST).contains(&lifetime) => Ok(lifetime),
        _ => Err(format!("{name}: `{text}` is more than ten years")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_a_lifetime() {
        for (text, lifetime) in [
            ("0", Some(0)),
            ("300", Some(300)),
            ("300s", Some(300)),
            ("10m", Some(600)),
            ("1h", Some(3600)),
            ("2d", Some(172_800)),
            ("-60s", Some(-60)),
            ("-1h", Some(-3600)),
            ("", None),
            ("h", None),
            ("-", None),
            ("1.5h", None),
            ("1w", None),
            ("1hh", None),
            ("1 h", None),
            ("3651d", None),
            ("-3651d", None),
            ("99999999999999999999", None),
            ("9223372036854775807d", None),
            ("5µ", None),
        ] {
            assert_eq!(parse("lifetime", text).ok(), lifetime, "{text}");
        }
    }
}
