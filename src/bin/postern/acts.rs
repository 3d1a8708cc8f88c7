//! Characters that are not to reach a terminal.

/// Whether a terminal, or whoever reads what is on it, takes it for something else than a letter: controls, line and
/// paragraph separators, marks that change the direction of writing, and what is there without being seen.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text on one line, with escapes for what acts.
pub fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// JSON as it was laid out, with its own escapes for what acts.
pub fn escaped_json(laid_out: &str) -> String {
    let mut plain = String::with_capacity(laid_out.len());
    for c in laid_out.chars() {
        // A line break is the layout's: in a string it is escaped already.
        if acts(c) && c != '\n' {
            let mut units = [0; 2];
            plain.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            plain.push(c);
        }
    }
    plain
}
