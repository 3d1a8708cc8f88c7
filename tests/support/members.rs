//! The members of a JSON object as they are written, found without the reader that is tested.

/// Names and values in order, with their quotes and escapes, without the white space around. What is given has to be JSON.
pub fn members(object: &str) -> Vec<(String, String)> {
    const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
    let inside =
        object.trim_matches(SPACE).strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("an object");
    if inside.trim_matches(SPACE).is_empty() {
        return Vec::new();
    }
    let (mut parts, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for c in inside.chars() {
        let between = depth == 0 && !quoted && matches!(c, ',' | ':');
        match c {
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if between { parts.push(String::new()) } else { parts.last_mut().expect("one at least").push(c) }
    }
    let written = |part: &String| part.trim_matches(SPACE).to_owned();
    parts.chunks(2).map(|pair| (written(&pair[0]), written(&pair[1]))).collect()
}
