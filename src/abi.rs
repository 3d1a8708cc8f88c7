//! The forms of the proxy-wasm ABI that are plain data: statuses and maps.

use std::fmt;
use std::ops::Range;

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

/// Where the names and values of a map are.
pub type Places = Vec<(Range<usize>, Range<usize>)>;

/// Reads pairs; `None` where the bytes are not what they say.
pub fn read_pairs(bytes: &[u8]) -> Option<Pairs> {
    let text = |place: Range<usize>| bytes.get(place).map(<[u8]>::to_vec);
    places(bytes)?.into_iter().map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

/// Finds the pairs where they stand; `None` where the bytes are not what they say.
pub fn places(bytes: &[u8]) -> Option<Places> {
    let Some((count, rest)) = bytes.split_first_chunk::<4>() else {
        return bytes.is_empty().then(Vec::new);
    };
    let number = |bytes: [u8; 4]| usize::try_from(u32::from_le_bytes(bytes)).ok();
    let count = number(*count)?;
    let sizes = rest.get(..count.checked_mul(8)?)?;
    let mut at = sizes.len().checked_add(4)?;
    let mut next = |size: [u8; 4]| {
        let end = at.checked_add(number(size)?)?;
        let place = bytes.get(at..end).map(|_| at..end)?;
        at = end.checked_add(1)?;
        Some(place)
    };
    let (sizes, _) = sizes.as_chunks::<4>();
    let (pairs, _) = sizes.as_chunks::<2>();
    pairs.iter().map(|[name, value]| Some((next(*name)?, next(*value)?))).collect()
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
