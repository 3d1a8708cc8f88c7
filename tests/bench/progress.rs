//! What is told while it runs, and the order of things within a round.

use std::sync::OnceLock;
use std::time::Instant;

use super::load::now;

/// Goes to standard error: standard output has nothing but tables.
pub fn say(line: impl AsRef<str>) {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = now() - *START.get_or_init(now);
    eprintln!("bench: {:>5.0} s  {}", elapsed.as_secs_f64(), line.as_ref());
}

/// Another one begins in each round, so that nobody always comes after the same.
pub fn turn<T: Copy>(contenders: &[T], round: usize) -> Vec<T> {
    let mut turned = contenders.to_vec();
    turned.rotate_left(round % contenders.len());
    turned
}
