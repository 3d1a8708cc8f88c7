//! Tokens with several oddities at once, and tokens that differ from a good one by a byte: drawn by a fixed seed.

use super::algorithms::NAMES;
use super::case::{Case, MAIN, good};
use super::{claims, headers};
use crate::support::dice::Dice;
use crate::support::mint::{Signer, Token};

const MIXTURES: u64 = 2500;

/// Of the places of a token, one in so many is changed.
const STRIDE: usize = 23;

pub fn cases() -> Vec<Case> {
    // One signature of RSA takes as long as a hundred of the others.
    let signers =
        [Signer::es256(), Signer::eddsa(), Signer::es384(), Signer::eddsa(), Signer::eddsa(), Signer::rs256()];
    (0..MIXTURES)
        .map(|seed| {
            Case::new(format!("mixture {seed}"), MAIN, {
                let signer = signers[Dice(seed).below(signers.len())].clone();
                move |now| mixed(good(&signer, now), &signer, now, &mut Dice(seed)).mint()
            })
        })
        .collect()
}

fn mixed(mut token: Token, signer: &Signer, now: u64, dice: &mut Dice) -> Token {
    // The draw that chose the signer.
    dice.below(6);
    let (headers, claims) = (headers::members(), claims::values());
    for _ in 0..dice.below(3) {
        let (name, value) = headers[dice.below(headers.len())].clone();
        token = token.header(name, value);
    }
    for _ in 0..dice.below(4) {
        let (name, value) = claims[dice.below(claims.len())].clone();
        token = token.claim(name, value);
    }
    if dice.one_in(3) {
        let offset = |dice: &mut Dice| dice.below(400) as i64 - 200;
        for name in ["exp", "nbf", "iat"] {
            if dice.one_in(2) {
                token = token.claim(name, now.saturating_add_signed(offset(dice)));
            }
        }
    }
    if dice.one_in(8) {
        token = token.header("alg", NAMES[dice.below(NAMES.len())]);
    }
    if dice.one_in(8) {
        token = token.without_header("kid");
    }
    if dice.one_in(10) {
        token = token.header("kid", signer.kid()).header("alg", signer.alg());
    }
    for name in ["sub", "iat", "exp", "aud", "iss"] {
        if dice.one_in(20) {
            token = token.without(name);
        }
    }
    token
}

/// A byte changed, left out or put in, in some places of a token of every algorithm.
pub fn sampled_mutants() -> Vec<Case> {
    type Change = fn(&mut Vec<u8>, usize);
    const CHANGES: [(&str, Change); 9] = [
        ("lowest bit", |bytes, at| bytes[at] ^= 1),
        ("case bit", |bytes, at| bytes[at] ^= 0x20),
        ("left out", |bytes, at| _ = bytes.remove(at)),
        ("A put in", |bytes, at| bytes.insert(at, b'A')),
        ("dot put in", |bytes, at| bytes.insert(at, b'.')),
        ("= put in", |bytes, at| bytes.insert(at, b'=')),
        ("space put in", |bytes, at| bytes.insert(at, b' ')),
        ("cut off behind", |bytes, at| bytes.truncate(at)),
        ("cut off before", |bytes, at| drop(bytes.drain(..at))),
    ];
    let mut cases = Vec::new();
    for signer in Signer::every_algorithm() {
        let length = good(&signer, 1_800_000_000).mint().len();
        for at in (0..length).step_by(STRIDE).chain([length - 1]) {
            for (change, of) in CHANGES {
                let signer = signer.clone();
                cases.push(Case::new(format!("{}: at {at} {change}", signer.alg()), MAIN, move |now| {
                    let mut bytes = good(&signer, now).mint().into_bytes();
                    let last = bytes.len() - 1;
                    of(&mut bytes, at.min(last));
                    String::from_utf8(bytes).expect("letters")
                }));
            }
        }
    }
    cases
}
