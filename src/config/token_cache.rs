//! `token_cache`: how much a worker remembers of tokens.

use super::reader::{Node, Object};
use crate::token::CacheLimits;

/// More tokens than a worker sees within their lifetimes are of no use.
const MOST_ENTRIES: usize = 1_000_000;

/// Envoy gives a VM 1 GiB, and the whole worker stops where that is used up. Memory that is taken and given back in pieces
/// of all sizes takes half as much again, and a configuration that was replaced keeps what it remembers until its last
/// request has ended: there may be several.
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn read(node: &Node<'_>) -> Option<CacheLimits> {
    let object = node.object()?;
    let number =
        |object: &Object<'_>, name, default, most| object.get(name).map_or(Some(default), |node| node.integer(most));
    let default = CacheLimits::default();
    let max_entries = number(&object, "max_entries", default.max_entries, MOST_ENTRIES);
    let max_bytes = number(&object, "max_bytes", default.max_bytes, MOST_BYTES);
    object.finish();
    Some(CacheLimits { max_entries: max_entries?, max_bytes: max_bytes? })
}
