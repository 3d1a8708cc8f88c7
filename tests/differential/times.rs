//! Times: around every edge, in every combination, and of every kind.

use serde_json::{Value, json};

use super::case::{Case, good};
use super::headers::short;
use crate::support::mint::Signer;

/// Seconds from now, around the edges that there are with a skew of a minute and a life of a day.
const OFFSETS: [i64; 17] = [-90_000, -3600, -62, -61, -60, -59, -58, -1, 0, 1, 58, 59, 60, 61, 62, 600, 90_000];

pub fn cases() -> Vec<Case> {
    let signer = Signer::eddsa();
    let mut cases = Vec::new();
    let mut case = |name: String, set: Vec<(&'static str, Option<i64>)>| {
        let signer = signer.clone();
        cases.push(Case::new(name, super::case::MAIN, move |now| {
            let at = |token, (name, offset): &(&'static str, Option<i64>)| {
                let token: crate::support::mint::Token = token;
                match offset {
                    Some(offset) => token.claim(name, now.saturating_add_signed(*offset)),
                    None => token.without(name),
                }
            };
            set.iter().fold(good(&signer, now), at).mint()
        }));
    };
    for exp in OFFSETS {
        case(format!("exp {exp:+} s, iat long ago"), vec![("iat", Some(-7200)), ("exp", Some(exp))]);
        case(format!("exp {exp:+} s, no iat"), vec![("iat", None), ("exp", Some(exp))]);
        for iat in [-86_400, -60, 0, 60, 61, 62, 3600] {
            case(format!("exp {exp:+} s, iat {iat:+} s"), vec![("iat", Some(iat)), ("exp", Some(exp))]);
        }
        for nbf in [-3600, 0, 59, 60, 61, 62, 3600] {
            case(format!("exp {exp:+} s, nbf {nbf:+} s"), vec![("nbf", Some(nbf)), ("exp", Some(exp))]);
        }
    }
    for (iat, exp) in [
        (-60, 86_300),
        (-60, 86_340),
        (-60, 86_341),
        (-60, 86_401),
        (-86_000, 500),
        (0, 86_400),
        (0, 86_401),
        (0, 86_460),
        (0, 86_462),
        (-86_400, 59),
    ] {
        case(format!("a life from {iat:+} to {exp:+} s"), vec![("iat", Some(iat)), ("exp", Some(exp))]);
    }
    for exp in [86_399, 86_400, 86_401, 86_459, 86_461, 86_462, 200_000] {
        case(format!("no iat, exp {exp:+} s"), vec![("iat", None), ("exp", Some(exp))]);
    }
    cases.extend(of_odd_kinds(&signer));
    cases
}

fn of_odd_kinds(signer: &Signer) -> Vec<Case> {
    let mut cases = Vec::new();
    let odd = [
        json!(0),
        json!(-1),
        json!(1),
        json!(1.5),
        json!(null),
        json!(true),
        json!(""),
        json!("0"),
        json!([]),
        json!({}),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(1e18),
        json!(-1e300),
        json!(253_402_300_799_u64),
        json!(9_007_199_254_740_993_u64),
        json!(1e-5),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in odd.clone() {
            let case = format!("{name}: {}", short(&value));
            cases.push(Case::of(case, signer, move |token| token.claim(name, value.clone())));
        }
        for (kind, of) in [
            ("text", (|now| json!((now + 60).to_string())) as fn(u64) -> Value),
            ("half a second", |now| json!(now as f64 + 60.5)),
            ("a float that is whole", |now| json!(now as f64 + 60.0)),
            ("milliseconds", |now| json!(now * 1000)),
            ("a list", |now| json!([now + 60])),
        ] {
            let signer = signer.clone();
            cases.push(Case::new(format!("{name} as {kind}"), super::case::MAIN, move |now| {
                good(&signer, now).claim(name, of(now)).mint()
            }));
        }
    }
    cases
}
