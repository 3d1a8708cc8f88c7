//! One change of some bytes, in every place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::mint::compact;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Flip {
        at: usize,
        bit: u8,
    },
    Insert {
        at: usize,
        byte: u8,
    },
    /// This byte instead of what is there.
    Put {
        at: usize,
        byte: u8,
    },
    Delete {
        at: usize,
    },
    /// Only so many bytes of the beginning are left.
    Beginning(usize),
    /// Only what comes after so many bytes is left.
    End(usize),
}

impl Change {
    pub fn of(self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        match self {
            Self::Flip { at, bit } => bytes[at] ^= 1 << bit,
            Self::Insert { at, byte } => bytes.insert(at, byte),
            Self::Put { at, byte } => bytes[at] = byte,
            Self::Delete { at } => _ = bytes.remove(at),
            Self::Beginning(length) => bytes.truncate(length),
            Self::End(from) => drop(bytes.drain(..from)),
        }
        bytes
    }
}

/// What is put in: letters of base64url (with and without bits at its ends, so that some mutants still decode), those of
/// its twins, what separates something in tokens, fields, queries, paths and JSON, and what is no text.
pub const BYTES: [u8; 38] = *b"AQgwz09_-+/=.,;:%&#?@~ \t\r\n\"'\\{}[]\0\x1b\x7f\x80\xff";

/// For tokens that differ from others in their hash only.
pub const FEW_BYTES: [u8; 8] = *b"A_.=+ \0\xff";

/// Those of them that mean something in JSON, or are nothing in it.
pub const BYTES_OF_JSON: [u8; 14] = *b"A1-.:,\"\\{}[ \0\xff";

/// Every change but insertions.
fn without_insertions(length: usize) -> impl Iterator<Item = Change> {
    let flips = (0..length).flat_map(|at| (0..8).map(move |bit| Change::Flip { at, bit }));
    let deletions = (0..length).map(|at| Change::Delete { at });
    let beginnings = (0..length).map(Change::Beginning);
    let ends = (1..=length).map(Change::End);
    flips.chain(deletions).chain(beginnings).chain(ends)
}

/// Every change, with these bytes put in everywhere.
pub fn every<'a>(good: &'a [u8], bytes: &'a [u8]) -> impl Iterator<Item = (Change, Vec<u8>)> + 'a {
    let insertions = (0..=good.len()).flat_map(|at| bytes.iter().map(move |byte| Change::Insert { at, byte: *byte }));
    without_insertions(good.len()).chain(insertions).map(|change| (change, change.of(good)))
}

/// The same in what the parts of a token stand for: bits that a change of its text does not reach alone. All of these
/// are tokens to look at.
pub fn within(token: &str) -> Vec<(String, String)> {
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url")).collect();
    let mut mutants = Vec::new();
    for (part, name) in ["header", "payload", "signature"].into_iter().enumerate() {
        // A byte in the signature, a space in JSON, and one that may end a string.
        for (change, bytes) in every(&parts[part], b"\0 \"") {
            let mut parts = parts.clone();
            parts[part] = bytes;
            mutants.push((format!("{name}: {change:?}"), compact(&parts[0], &parts[1], &parts[2])));
        }
    }
    mutants
}
