//! Reads an answer in HTTP/1.1 as far as the benchmark has to: its status, and where it ends.

/// What the route answers with when the filter let a request on.
pub const BODY: &str = "let on\n";

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub whole_body_is_ours: bool,
}

/// Nothing yet where the answer is not whole.
pub fn read(received: &[u8]) -> Result<Option<Answer>, String> {
    let Some(head_end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..head_end]).map_err(|_| "an answer whose head is no text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(status).ok_or("an answer without a status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .ok_or("an answer without content-length")?;
    let body = &received[head_end + 4..];
    if body.len() > length {
        return Err("more than one answer to a request".to_owned());
    }
    Ok((body.len() == length).then(|| Answer { status, whole_body_is_ours: body == BODY.as_bytes() }))
}

fn status(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}
