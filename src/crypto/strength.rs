//! Whether the numbers of an RSA key are strong enough to believe what is signed with it, or to sign.

use super::PublicKey;

/// NIST SP 800-131A: shorter ones are no longer allowed for signatures.
const MIN_BITS: usize = 2048;

/// Longer ones cost a worker milliseconds a token.
const MAX_BITS: usize = 4096;

/// The usual exponent, and the least that FIPS 186-5 allows (it has to be odd and more than 2^16).
const MIN_EXPONENT: u64 = 65_537;

impl PublicKey {
    /// A key that may be used. The error says what is wrong with the others.
    pub fn strong_rsa(n: &[u8], e: &[u8]) -> Result<Self, &'static str> {
        let bits = match n.first() {
            None | Some(0) => return Err("has a modulus that is empty or begins with a zero byte"),
            Some(first) => n.len().saturating_mul(8).saturating_sub(first.leading_zeros() as usize),
        };
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err("has a modulus of less than 2048 or more than 4096 bits");
        }
        if n.last().is_none_or(|last| last % 2 == 0) {
            return Err("has an even modulus");
        }
        if is_roca(n) {
            return Err("has a modulus made by a generator whose keys can be factored (CVE-2017-15361)");
        }
        // RFC 8017 sets no bound to an exponent; a long one only makes every check slow.
        let exponent = match e.first() {
            Some(first) if *first != 0 && e.len() <= 4 => e.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
            _ => return Err("has an exponent that is empty, begins with a zero byte or is too long"),
        };
        if exponent < MIN_EXPONENT || exponent % 2 == 0 {
            return Err("has an exponent that is even or less than 65537");
        }
        Self::rsa(n, e).ok_or("has a modulus and an exponent that are no RSA key")
    }
}

/// The fingerprint of the ROCA generator (Nemec et al., 2017): its primes, and so its moduli, are powers of 65537 modulo
/// each of these. A modulus from elsewhere passes all of them with a chance of about 2^-28.
fn is_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    let is_power = |prime: u32| {
        let remainder = modulus.iter().fold(0, |rest: u32, byte| (rest << 8 | u32::from(*byte)) % prime);
        std::iter::successors(Some(1), |power| Some(power * 65_537 % prime))
            .take(prime as usize)
            .any(|p| p == remainder)
    };
    PRIMES.into_iter().all(is_power)
}
