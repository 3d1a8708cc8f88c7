//! The forms of the proxy-wasm ABI that are plain data: statuses and maps.

use std::fmt;

/// A host call's status other than `Ok`, as the ABI numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError(u32);

impl HostError {
    pub const NOT_FOUND: Self = Self(1);
    pub const SERIALIZATION_FAILURE: Self = Self(3);
    pub const PARSE_FAILURE: Self = Self(4);
    pub const CAS_MISMATCH: Self = Self(8);

    pub fn check(status: u32) -> Result<(), Self> {
        if status == 0 { Ok(()) } else { Err(Self(status)) }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => "not found",
            2 => "bad argument",
            4 => "parse failure",
            10 => "internal failure, or a call that the VM's capability list forbids",
            _ => "refused",
        };
        write!(f, "{name} (status {})", self.0)
    }
}

/// Names and values. A map is passed as the number of pairs, the sizes of each, then names and values, each with a NUL
/// after it; numbers are little-endian.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Reads pairs; `None` where the bytes are not what they say.
pub fn read_pairs(bytes: &[u8]) -> Option<Pairs> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let count = number(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut next = |size: usize| {
        let end = at.checked_add(size)?;
        let text = bytes.get(at..end)?.to_vec();
        at = end.checked_add(1)?;
        Some(text)
    };
    let mut pairs = Vec::new();
    for i in 0..count {
        let sizes = i.checked_mul(8)?.checked_add(4)?;
        pairs.push((next(number(sizes)?)?, next(number(sizes.checked_add(4)?)?)?));
    }
    Some(pairs)
}

pub fn write_pairs(pairs: &[(&'static str, String)]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_read_back_as_they_were_written() {
        let pairs = vec![("a", "1".to_owned()), ("b", String::new()), ("www-authenticate", "Basic".to_owned())];
        let owned = |(name, value): &(&str, String)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(read_pairs(&write_pairs(&pairs)), Some(pairs.iter().map(owned).collect()));
        assert_eq!(read_pairs(&[]), Some(Vec::new()));
        assert_eq!(read_pairs(&[0, 0, 0, 0]), Some(Vec::new()));
    }

    #[test]
    fn pairs_that_lie_about_their_size_are_not_read() {
        let good = write_pairs(&[("name", "value".to_owned())]);
        for length in 1..good.len() - 1 {
            assert_eq!(read_pairs(&good[..length]), None, "{length} bytes");
        }
        assert_eq!(read_pairs(&[0xff; 64]), None);
    }
}
