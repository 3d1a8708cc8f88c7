//! ECDSA as RFC 7518 §3.4 has it, two numbers r and s of the curve's length side by side: ES256, ES384.
//!
//! For numbers of a certain form no text has to be searched: to any r and s that could be a signature there is a key
//! under which they are one (SEC 1 §4.1.6), and that key is published here.

use rsa_09::BigUint;

use super::bytes::spoiled;
use super::curve::{AS_IT_IS, CURVES, Curve, REDUCED};
use super::{Bench, OTHER_TEXT, Vector, text};
use crate::support::mint::Signer;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> =
        CURVES.iter().flat_map(|curve| curve.of_the_usual_key().into_iter().chain(curve.of_found_keys())).collect();
    let [p256, p384] = CURVES;
    vectors.extend(p256.under_a_key_of_another_algorithm(&p384));
    vectors.extend(p384.under_a_key_of_another_algorithm(&p256));
    vectors
}

impl Curve {
    fn of_the_usual_key(&self) -> Vec<Vector> {
        let signer = (self.signer)().with_kid(self.name);
        let bench = Bench::new(&signer);
        let text = bench.text.as_bytes();
        let good = signer.signature(text);
        let (n, zero, one) = (self.order(), BigUint::from(0_u8), BigUint::from(1_u8));
        let (r, s) = good.split_at(self.length);
        let (r_number, s_number) = (BigUint::from_bytes_be(r), BigUint::from_bytes_be(s));
        // Whoever sees a signature can make its twin. RFC 7518 does not forbid the one or the other.
        let twin = self.side_by_side(&r_number, &(&n - &s_number));
        let mut vectors = vec![bench.good("as it is signed", &good), bench.good("its twin, n - s", &twin)];

        let edges = [("0", &zero), ("1", &one), ("n - 1", &(&n - &one)), ("n", &n), ("n + 1", &(&n + &one))];
        for (r_name, r) in edges {
            for (s_name, s) in edges {
                let name = format!("r = {r_name}, s = {s_name}");
                vectors.push(bench.bad(&name, &self.side_by_side(r, s)));
            }
            vectors.push(bench.bad(&format!("r = {r_name}"), &self.side_by_side(r, &s_number)));
            vectors.push(bench.bad(&format!("s = {r_name}"), &self.side_by_side(&r_number, r)));
        }
        let wide = |half: usize| {
            let padded = |number: &[u8]| [vec![0; half - number.len()], number.to_vec()].concat();
            [padded(r), padded(s)].concat()
        };
        let (shortest_r, shortest_s) = (integer(r), integer(s));
        let rows = [
            ("as DER", der(&shortest_r, &shortest_s)),
            ("as DER with zeros before", der(&[&[0], &shortest_r[..]].concat(), &[&[0], &shortest_s[..]].concat())),
            ("as DER without sign bytes", der(r, s)),
            ("both numbers one byte longer", wide(self.length + 1)),
            ("both numbers twice as long", wide(2 * self.length)),
            ("both numbers of the length of P-384", if self.length < 48 { wide(48) } else { wide(66) }),
            ("both numbers without their first byte", [&r[1..], &s[1..]].concat()),
            ("s before r", [s, r].concat()),
            ("r twice", [r, r].concat()),
            ("s twice", [s, s].concat()),
            ("n - r", self.side_by_side(&(&n - &r_number), &s_number)),
            ("n - r, n - s", self.side_by_side(&(&n - &r_number), &(&n - &s_number))),
            ("s + 1", self.side_by_side(&r_number, &(&s_number + &one))),
            ("over another text", signer.signature(OTHER_TEXT)),
            ("of another key", (self.of_another_key)(text)),
            ("over another hash", (self.of_another_hash)(text)),
        ];
        vectors.extend(spoiled(&good).into_iter().chain(rows).map(|(name, signature)| bench.bad(name, &signature)));
        vectors.extend(self.of_the_other_curve(&bench));
        vectors
    }

    /// A signature of the other curve's key in this one's length.
    fn of_the_other_curve(&self, bench: &Bench) -> Vec<Vector> {
        let other = if self.length == 32 { Signer::es384() } else { Signer::es256() };
        let signature = other.signature(bench.text.as_bytes());
        let (r, s) = signature.split_at(signature.len() / 2);
        let last = |number: &[u8]| {
            let long = [&[0; 48], number].concat();
            long[long.len() - self.length..].to_vec()
        };
        let fitted = [last(r), last(s)].concat();
        vec![
            bench.bad("a signature of the other curve", &signature),
            bench.bad("a signature of the other curve in this one's length", &fitted),
        ]
    }

    fn of_found_keys(&self) -> Vec<Vector> {
        // A number of this curve's length that begins with these bytes.
        let beginning = |bytes: &[u8]| {
            let rest = vec![0x35; self.length - bytes.len()];
            BigUint::from_bytes_be(&[bytes, &rest].concat())
        };
        let (n, one) = (self.order(), BigUint::from(1_u8));
        let rows = [
            ("both with the top bit", beginning(&[0x80]), beginning(&[0xfe])),
            ("both without the top bit", beginning(&[0x7f]), beginning(&[0x40])),
            ("r begins with a zero byte and a high one", beginning(&[0, 0x80]), beginning(&[0x7f])),
            ("r begins with a zero byte and a low one", beginning(&[0, 0x7f]), beginning(&[0xc0])),
            ("s begins with a zero byte and a high one", beginning(&[0x33]), beginning(&[0, 0xff])),
            ("s begins with a zero byte and a low one", beginning(&[0x99]), beginning(&[0, 1])),
            ("both begin with many zero bytes", beginning(&[0; 20]), beginning(&[0; 17])),
            ("r of one byte or two, s = 1", one.clone(), one.clone()),
            ("r of one byte or two, s = n - 1", one.clone(), &n - &one),
            ("s = 2", beginning(&[0x12]), BigUint::from(2_u8)),
            ("r just below n", &n - BigUint::from(200_u8), beginning(&[0x66])),
        ];
        let mut vectors: Vec<Vector> =
            rows.iter().flat_map(|(name, r, s)| self.of_a_found_key(name, r, s, AS_IT_IS)).collect();
        // The point's x is not below the order, so r is what is left of it. Few signatures are so, and all are good.
        vectors.extend(self.of_a_found_key("x beyond the order", &one, &beginning(&[0x44]), REDUCED));
        vectors
    }

    /// Right by their numbers and their hash, but under a key that is not of the algorithm: Envoy's function does not mind.
    fn under_a_key_of_another_algorithm(&self, other: &Self) -> Vec<Vector> {
        let kid = format!("{} for {}", other.name, self.algorithm);
        let text = text(self.algorithm, &kid);
        let (one, s) = (BigUint::from(1_u8), BigUint::from(2_u8));
        let (jwk, r) = other.find(&kid, &(self.hash)(text.as_bytes()), &one, &s, AS_IT_IS);
        let bench = Bench { algorithm: self.algorithm, jwk, text };
        let mut vectors = vec![bench.bad("numbers that fit both curves", &self.side_by_side(&r, &s))];
        for algorithm in [self.algorithm.replace('E', "R"), self.algorithm.replace('E', "P")] {
            let algorithm = Signer::every_algorithm().into_iter().map(|it| it.alg()).find(|known| *known == algorithm);
            let mut bench = Bench::new(&(self.signer)().with_kid(self.name));
            bench.algorithm = algorithm.expect("an algorithm");
            bench.text = super::text(bench.algorithm, self.name);
            let signature = (self.signer)().signature(bench.text.as_bytes());
            let (r, s) = signature.split_at(self.length);
            vectors.push(bench.bad("a signature as DER under a key of EC", &der(&integer(r), &integer(s))));
        }
        vectors
    }

    /// Of the least r from this one on for which there is a key.
    fn of_a_found_key(&self, name: &str, r: &BigUint, s: &BigUint, x: u8) -> Vec<Vector> {
        let kid = format!("{}, {name}", self.name);
        let text = text(self.algorithm, &kid);
        let one = BigUint::from(1_u8);
        let (jwk, r) = self.find(&kid, &(self.hash)(text.as_bytes()), r, s, x);
        let bench = Bench { algorithm: self.algorithm, jwk, text };
        let n = self.order();
        let mut vectors = vec![
            bench.good("r, s", &self.side_by_side(&r, s)),
            bench.good("r, n - s", &self.side_by_side(&r, &(&n - s))),
            bench.bad("r, s + 1", &self.side_by_side(&r, &(s + &one))),
            bench.bad("r + 1, s", &self.side_by_side(&(&r + &one), s)),
        ];
        // The same numbers modulo n, where they can be written so.
        let room = (BigUint::from(1_u8) << (8 * self.length)) - &n;
        if r < room {
            vectors.push(bench.bad("r + n, s", &self.side_by_side(&(&r + &n), s)));
        }
        if *s < room {
            vectors.push(bench.bad("r, s + n", &self.side_by_side(&r, &(s + &n))));
        }
        vectors
    }
}

/// The shortest way to write a number that is not negative in DER.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let short = &number[zeros..];
    if short.first().is_none_or(|first| first & 0x80 != 0) { [&[0], short].concat() } else { short.to_vec() }
}

/// `ECDSA-Sig-Value` (RFC 3279 §2.2.3) of numbers as they are given.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let content = [&[2, r.len() as u8], r, &[2, s.len() as u8], s].concat();
    [&[0x30, content.len() as u8], &content[..]].concat()
}
