//! What may stand in a list of scopes.

/// The grammar of RFC 6749 §3.3: printable ASCII without space, quote and backslash.
pub fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_printable_and_stands_in_a_list_and_in_quotes() {
        for good in ["read:tap", "a", "!", "rs/read.tap", "https://h/x?y#z", "{}"] {
            assert!(is_scope_token(good), "{good}");
        }
        for bad in ["", " ", "a b", "a\"", "a\\", "a\t", "é", "\u{7f}"] {
            assert!(!is_scope_token(bad), "{bad:?}");
        }
    }
}
