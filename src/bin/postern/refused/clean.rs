//! What clients and issuers wrote, made fit for a terminal.

use crate::acts::acts;

/// Longer than any name that means something.
pub const LONGEST: usize = 256;

/// The text cut to length and without what a terminal acts on: controls, marks that change the direction of writing, and
/// what is there without being seen.
pub fn clean(text: &str) -> String {
    if text.len() <= LONGEST && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars().take(LONGEST).map(|c| if acts(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        for (text, want) in [
            ("alice", "alice"),
            ("José 李", "José 李"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\r\n\tb", "a\u{fffd}\u{fffd}\u{fffd}b"),
            ("\u{9b}31m\u{7f}", "\u{fffd}31m\u{fffd}"),
            ("a\u{202e}b\u{200b}c\u{feff}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
        ] {
            assert_eq!(clean(text), want);
        }
        assert_eq!(clean(&"é".repeat(1000)).chars().count(), LONGEST);
    }
}
