//! Percent-encoding (RFC 3986 §2.1).

/// Decodes every `%XX`; `None` where a `%` is not followed by two hexadecimal digits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            decoded.push(hex(*rest.next()?)? << 4 | hex(*rest.next()?)?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decoding_happens_once_and_refuses_half_an_escape() {
        for (text, decoded) in [
            ("abc", Some("abc")),
            ("%61%2F%2f", Some("a//")),
            ("%252e", Some("%2e")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%+1", None),
        ] {
            assert_eq!(decode(text.as_bytes()), decoded.map(|d| d.as_bytes().to_vec()), "{text}");
        }
    }
}
