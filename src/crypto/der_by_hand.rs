//! DER as tests write it, with no library: what a library would never write has to be refused.

/// A value with this tag.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

/// A number that is not negative has a zero byte before a high one.
pub(super) fn integer(number: &[u8]) -> Vec<u8> {
    if number[0] & 0x80 == 0 { der(2, number) } else { der(2, &[&[0], number].concat()) }
}
