//! Reading what may have no end.

use std::io::{self, Read};

/// All of the input; `None` where that is more than `most` bytes.
pub fn read(input: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
    Ok(fits.then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_is_not_read_to_its_end() {
        assert_eq!(read(&b"abc"[..], 3).unwrap(), Some(b"abc".to_vec()));
        assert_eq!(read(&b"abc"[..], 2).unwrap(), None);
        assert_eq!(read(io::repeat(0), 1000).unwrap(), None);
    }
}
