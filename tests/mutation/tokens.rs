//! Tokens: whatever is changed in a good one of any algorithm, it is refused, by either back end and whatever is
//! remembered.

use postern::crypto::{BoringSsl, RustCrypto, SignatureCheck};
use serde_json::json;

use super::door::{Checked, Decision, Door, NOW, document};
use super::mutants::{BYTES, Change, FEW_BYTES, every, within};
use crate::boringssl::verify_signature;
use crate::support::mint::{Signer, Token, jwks};

/// How many mutants of a token go by before the good one is sent again.
const BETWEEN_GOOD_ONES: usize = 500;

const COLD: &str = "cold";

fn host(_: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    verify_signature(arguments).ok()
}

/// RFC 9110 section 5.5 and 11.4: spaces before a token and white space behind it are not part of it. All else is.
fn is_the_same(mutant: &[u8], good: &str) -> bool {
    let trimmed = mutant.trim_ascii_start();
    let only_spaces = mutant[..mutant.len() - trimmed.len()].iter().all(|byte| *byte == b' ');
    let end = trimmed.iter().rposition(|byte| !b" \t".contains(byte)).map_or(0, |last| last + 1);
    only_spaces && trimmed[..end] == *good.as_bytes()
}

/// The worker's memory, and who checks signatures: as both begin, and when the good token and some forged ones have been
/// there.
type Scenes<'a> = [(&'static str, &'a dyn SignatureCheck); 2];

fn no_mutant_passes(signer: &Signer, scenes: Scenes<'_>, bytes: &[u8]) {
    let good = Token::at(signer, NOW).claim("scope", "read:tap").mint();
    let mut mutants: Vec<(String, Vec<u8>)> =
        every(good.as_bytes(), bytes).map(|(change, mutant)| (format!("{change:?}"), mutant)).collect();
    mutants.extend(within(&good).into_iter().map(|(change, mutant)| (change, mutant.into_bytes())));
    for (memory, by) in scenes {
        let signatures = Checked::new(by);
        let mut document = document(&[signer.alg()], &json!({"inline": jwks(&[signer])}));
        if memory == COLD {
            document["token_cache"] = json!({"max_entries": 0});
        }
        let mut door = Door::new(&document, &signatures);
        let name = |change: &str| format!("{}, {memory}: {change}", signer.alg());
        assert_eq!(door.bearing(good.as_bytes()), Decision::Allowed, "{}", name("good"));
        if memory != COLD {
            for (change, forged) in mutants.iter().filter(|(change, _)| change.contains("signature: Flip")).step_by(97)
            {
                assert!(!door.bearing(forged).is_allowed(), "{}", name(change));
            }
            assert!(door.remembered() > 2, "{}", name("nothing is remembered"));
        }
        for (sent, (change, mutant)) in mutants.iter().enumerate() {
            let decision = door.bearing(mutant);
            if is_the_same(mutant, &good) {
                assert_eq!(decision, Decision::Allowed, "{}", name(change));
            } else {
                assert!(matches!(decision, Decision::Refused(400 | 401, _)), "{}: {decision:?}", name(change));
            }
            if sent.is_multiple_of(BETWEEN_GOOD_ONES) {
                assert_eq!(door.bearing(good.as_bytes()), Decision::Allowed, "{} and then good", name(change));
            }
        }
        // What is refused before its signature is looked at proves nothing about signatures.
        assert!(signatures.asked() > 1000, "{}", name(&format!("{} signatures", signatures.asked())));
    }
}

fn by_the_filter<'a>() -> Scenes<'a> {
    [(COLD, &RustCrypto), ("warm", &RustCrypto)]
}

fn by_both(host: &BoringSsl) -> Scenes<'_> {
    [(COLD, &RustCrypto), ("warm, checked by the host", host)]
}

#[test]
fn no_mutant_of_a_token_of_rs_is_let_on() {
    let host = BoringSsl::probe(host);
    no_mutant_passes(&Signer::rs256(), by_both(&host), &BYTES);
    no_mutant_passes(&Signer::rs384(), by_both(&host), &FEW_BYTES);
    no_mutant_passes(&Signer::rs512(), by_both(&host), &FEW_BYTES);
}

#[test]
fn no_mutant_of_a_token_of_ps_is_let_on() {
    no_mutant_passes(&Signer::ps256(), by_the_filter(), &FEW_BYTES);
    no_mutant_passes(&Signer::ps384(), by_the_filter(), &FEW_BYTES);
    no_mutant_passes(&Signer::ps512(), by_the_filter(), &FEW_BYTES);
}

#[test]
fn no_mutant_of_a_token_of_es_is_let_on() {
    let host = BoringSsl::probe(host);
    no_mutant_passes(&Signer::es256(), by_both(&host), &BYTES);
    no_mutant_passes(&Signer::es384(), by_both(&host), &FEW_BYTES);
}

#[test]
fn no_mutant_of_a_token_of_eddsa_is_let_on() {
    no_mutant_passes(&Signer::eddsa(), by_the_filter(), &BYTES);
}

#[test]
fn no_byte_that_there_is_makes_another_token_of_a_good_one_in_any_place_of_its_header() {
    let signer = Signer::eddsa();
    let good = Token::at(&signer, NOW).mint();
    let signatures = Checked::new(&RustCrypto);
    let mut door = Door::new(&document(&["EdDSA"], &json!({"inline": jwks(&[&signer])})), &signatures);
    let header = good.find('.').unwrap();
    for at in 0..=header + 1 {
        for byte in 0..=255 {
            for change in [Change::Insert { at, byte }, Change::Put { at, byte }] {
                let mutant = change.of(good.as_bytes());
                let same = mutant == good.as_bytes() || is_the_same(&mutant, &good);
                assert_eq!(door.bearing(&mutant).is_allowed(), same, "{change:?}");
            }
        }
    }
}
