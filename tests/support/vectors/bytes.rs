//! What can be done to the bytes of a signature of any kind.

/// Every one of them spoils a good signature.
pub(super) fn spoiled(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let flipped = |at: usize, bit: u8| {
        let mut bytes = good.to_vec();
        bytes[at] ^= bit;
        bytes
    };
    let (half, last) = (good.len() / 2, good.len() - 1);
    vec![
        ("empty", Vec::new()),
        ("one zero byte", vec![0]),
        ("all bytes zero", vec![0; good.len()]),
        ("all bits set", vec![0xff; good.len()]),
        ("without its first byte", good[1..].to_vec()),
        ("without its last byte", good[..last].to_vec()),
        ("its first half", good[..half].to_vec()),
        ("a zero byte before it", [&[0], good].concat()),
        ("a byte before it", [&[7], good].concat()),
        ("a zero byte after it", [good, &[0]].concat()),
        ("a byte after it", [good, &[7]].concat()),
        ("twice", [good, good].concat()),
        ("first bit flipped", flipped(0, 0x80)),
        ("last bit of the first byte flipped", flipped(0, 1)),
        ("a bit before the middle flipped", flipped(half - 1, 4)),
        ("a bit after the middle flipped", flipped(half, 4)),
        ("last bit flipped", flipped(last, 1)),
        ("halves changed", [&good[half..], &good[..half]].concat()),
        ("last byte first", good.iter().rev().copied().collect()),
    ]
}
