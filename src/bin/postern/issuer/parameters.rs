//! A query's parameters, by the rules of an HTML form.

/// Names and values in their order; `+` and `%20` are spaces.
pub fn parse(query: &str) -> Result<Vec<(String, String)>, String> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => escaped(bytes.next(), bytes.next())
                .ok_or_else(|| format!("`{text}`: a % is not followed by two hexadecimal digits"))?,
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| format!("`{text}` is not UTF-8"))
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_and_values() {
        for (query, expected) in [
            ("", Some(vec![])),
            ("a=b", Some(vec![("a", "b")])),
            ("a=b=c&&a=", Some(vec![("a", "b=c"), ("a", "")])),
            ("a", Some(vec![("a", "")])),
            ("s=x+y%20z", Some(vec![("s", "x y z")])),
            ("s=%2b%2B%C3%A9", Some(vec![("s", "++é")])),
            ("s=%", None),
            ("s=%4", None),
            ("s=%zz", None),
            ("s=%+1", None),
            ("s=%ff", None),
        ] {
            let expected = expected.map(|pairs| {
                let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                pairs.into_iter().map(own).collect::<Vec<_>>()
            });
            assert_eq!(parse(query).ok(), expected, "{query}");
        }
    }
}
