//! Regular expressions for what the core reads by hand: as close as one can come without refusing what it accepts.

/// Quotes and backslashes would have to be escaped in a challenge.
pub const REALM: &str = r"^[ !#-\[\]-~]+$";

/// RFC 6749 §3.3.
pub const SCOPE: &str = r"^[!#-\[\]-~]+$";

/// RFC 9110 §5.6.2.
pub const HEADER_NAME: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

/// Neither white space at an end nor a control character anywhere.
pub const ISSUER_NAME: &str = r"^(?!\s)(?!.*\s$)[^\u0000-\u001f\u007f-\u009f]+$";

pub const RULE_NAME: &str = "^[A-Za-z0-9_-]{1,64}$";

pub const METHOD: &str = "^[A-Z-]+$";

pub const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";

pub const KEY_NAME: &str = "^[!-~]{1,64}$";

/// A host in lower case, or all below one, on one port or on any.
pub const HOST: &str = r"^(?:\*\.)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\*)?$";

/// `a.b`, `a[].b`, `["https://ns/x"]`.
pub const CLAIM: &str = r#"^(?:[^.\[/]+|\["(?:(?!"\]).)+"\])(?:\[\]|\["(?:(?!"\]).)+"\]|\.[^.\[/]+)*$"#;

/// One segment of a path that is read in one way: neither `.` nor `..`, and no escape of what would mean something.
const SEGMENT: &str = r#"(?!\.{1,2}(?:/|$))(?:[!"$&-)+-.0-:<->@-\[\]-~]|%(?!2[EeFf3]|5[Cc]|3[BbFf]|[01]|7[Ff]|25[0-9A-Fa-f]{2})[0-9A-Fa-f]{2})+"#;

/// The same for paths that are compared as they are written: no escapes, and `*` is a character like any other.
const WRITTEN_SEGMENT: &str = r#"(?!\.{1,2}(?:/|$))[!"$&-.0-:<->@-\[\]-~]+"#;

pub fn path() -> String {
    format!("^/(?:{SEGMENT}/)*(?:{SEGMENT})?$")
}

/// By whole segments: without a slash at its end.
pub fn prefix() -> String {
    format!("^/(?:{SEGMENT}(?:/{SEGMENT})*)?$")
}

/// The path of the token endpoint.
pub fn endpoint() -> String {
    format!(r"^(?!/$)(?!.*/\.well-known/)/(?:{WRITTEN_SEGMENT}/)*(?:{WRITTEN_SEGMENT})?$")
}

const AUTHORITY: &str = r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?";

/// Within one machine, where http will do.
const LOOPBACK: &str = r"(?:[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127\.[0-9.]+|\[[0:.]*1\])(?::[0-9]+)?";

/// Where keys are fetched from.
pub fn uri() -> String {
    format!(r#"^(?:https://{AUTHORITY}|http://{LOOPBACK})(?:[/?][!"$-~]*)?$"#)
}

/// An issuer by whose name its documents are found: neither a query nor a slash at its end.
pub fn own_issuer() -> String {
    format!("^(?:https://{AUTHORITY}|http://{LOOPBACK})(?:/{WRITTEN_SEGMENT})*$")
}

/// Every spelling that servers may take for this name.
pub fn alike(name: &str) -> String {
    let spelt = |c: char| match c {
        'a'..='z' => format!("[{c}{}]", c.to_ascii_uppercase()),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        _ => "[^A-Za-z0-9]".to_owned(),
    };
    name.chars().map(spelt).collect()
}

/// A duration as the core writes it in its messages.
pub fn in_words(seconds: u64) -> String {
    match seconds {
        s if s > 0 && s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s > 0 && s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Every way to write a duration between these seconds.
pub fn duration(least: u64, most: u64) -> String {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let forms = units.iter().filter_map(|(unit, seconds)| {
        let (least, most) = (least.div_ceil(*seconds), most / seconds);
        (least <= most).then(|| format!("(?:{}){unit}", numbers(least, most).join("|")))
    });
    format!("^0*(?:{})$", forms.collect::<Vec<_>>().join("|"))
}

/// The decimal numbers from one to another, without leading noughts, as alternatives.
fn numbers(least: u64, most: u64) -> Vec<String> {
    let mut forms = Vec::new();
    let mut from = least;
    while from <= most {
        let digits = from.to_string().len();
        let longest = "9".repeat(digits).parse::<u64>().unwrap_or(u64::MAX).min(most);
        forms.extend(of_one_length(from.to_string().as_bytes(), longest.to_string().as_bytes()));
        let Some(next) = longest.checked_add(1) else { break };
        from = next;
    }
    forms
}

fn of_one_length(least: &[u8], most: &[u8]) -> Vec<String> {
    let (Some((low, low_rest)), Some((high, high_rest))) = (least.split_first(), most.split_first()) else {
        return vec![String::new()];
    };
    let below = |digit: u8, rest: Vec<String>| -> Vec<String> {
        rest.iter().map(|rest| format!("{}{rest}", char::from(digit))).collect()
    };
    if low == high {
        return below(*low, of_one_length(low_rest, high_rest));
    }
    let whole = |digits: &[u8], all: u8| digits.iter().all(|digit| *digit == all);
    let (mut first, mut last) = (*low, *high);
    let mut forms = Vec::new();
    if !whole(low_rest, b'0') {
        forms.extend(below(first, of_one_length(low_rest, &vec![b'9'; low_rest.len()])));
        first = first.saturating_add(1);
    }
    let mut after = Vec::new();
    if !whole(high_rest, b'9') {
        after = below(last, of_one_length(&vec![b'0'; high_rest.len()], high_rest));
        last = last.saturating_sub(1);
    }
    if first <= last {
        let rest = match low_rest.len() {
            0 => String::new(),
            1 => "[0-9]".to_owned(),
            n => format!("[0-9]{{{n}}}"),
        };
        let (first, last) = (char::from(first), char::from(last));
        forms.push(if first == last { format!("{first}{rest}") } else { format!("[{first}-{last}]{rest}") });
    }
    forms.extend(after);
    forms
}
