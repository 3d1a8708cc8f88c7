//! What the trial finds out about a host that is to sign.

use std::cell::Cell;

use postern::crypto::{BoringSsl, Foreign, SigningKey};

use super::signing::{KEYS, bytes_of, read};
use crate::boringssl::{SIGN, ToSign, not_signed, sign, signed, yes};

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

fn is_rsa(arguments: &[u8]) -> bool {
    // Of the keys here those of RSA alone are longer.
    ToSign::read(arguments).expect("arguments").private_key.len() > 1000
}

fn rightly(arguments: &[u8]) -> Option<Vec<u8>> {
    sign(arguments).ok()
}

/// Something else is signed than what was asked for.
fn instead(arguments: &[u8], change: fn(&mut ToSign)) -> Option<Vec<u8>> {
    let mut asked = ToSign::read(arguments)?;
    change(&mut asked);
    rightly(&asked.write())
}

/// What the host says to `sign`, counted; it has nothing else.
macro_rules! host {
    ($answer:expr) => {{
        fn host(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
            if name != SIGN {
                return None;
            }
            ASKED.set(ASKED.get() + 1);
            let answer: fn(&[u8]) -> Option<Vec<u8>> = $answer;
            answer(arguments)
        }
        host as Foreign
    }};
}

const FILTER: &str = "; the filter signs with RS256, ES256, EdDSA";
const BOTH: &str = "; the host signs with RS256, ES256; the filter signs with EdDSA";
const HOST_RSA: &str = "; the host signs with RS256; the filter signs with ES256, EdDSA";
const HOST_EC: &str = "; the host signs with ES256; the filter signs with RS256, EdDSA";

#[test]
fn the_host_signs_where_it_has_signed_well_and_one_that_says_nothing_is_asked_once() {
    let keys: Vec<SigningKey> = KEYS.iter().map(|(_, pem)| read(pem)).collect();
    let rows: [(&str, Foreign, &str, usize); 14] = [
        ("right", host!(rightly), BOTH, 6),
        ("right, with a text beside it", host!(|asked| Some([rightly(asked)?, not_signed("fine")].concat())), BOTH, 6),
        ("no function", host!(|_| None), FILTER, 1),
        ("no", host!(|_| Some(not_signed("no"))), FILTER, 6),
        ("yes and no signature", host!(|_| Some(yes())), FILTER, 6),
        ("an empty answer", host!(|_| Some(Vec::new())), FILTER, 6),
        ("bytes that are no answer", host!(|_| Some(vec![0xff; 40])), FILTER, 6),
        ("a signature of nothing", host!(|_| Some(signed(&[7; 256]))), FILTER, 6),
        ("without saying that it did", host!(|asked| Some(rightly(asked)?[2..].to_vec())), FILTER, 6),
        ("no to EC", host!(|asked| if is_rsa(asked) { rightly(asked) } else { Some(not_signed("no")) }), HOST_RSA, 6),
        ("no to RSA", host!(|asked| if is_rsa(asked) { Some(not_signed("no")) } else { rightly(asked) }), HOST_EC, 6),
        ("silence to EC", host!(|asked| if is_rsa(asked) { rightly(asked) } else { None }), HOST_RSA, 5),
        ("another text", host!(|asked| instead(asked, |it| it.text.push(b'.'))), FILTER, 6),
        (
            "always one key on P-256",
            host!(|asked| instead(asked, |it| it.private_key = bytes_of(KEYS[5].1))),
            "; the host signs with ES256; the filter signs with RS256, ES256, EdDSA",
            6,
        ),
    ];
    for (name, host, want, asked) in rows {
        let mut signer = BoringSsl::probe(host);
        let before = signer.summary();
        ASKED.set(0);
        signer.probe_signing(keys.iter());
        assert_eq!(signer.summary(), format!("{before}{want}"), "{name}");
        assert_eq!(ASKED.get(), asked, "{name}");
    }
}

#[test]
fn where_nothing_was_tried_nothing_is_said_of_it() {
    let mut signer = BoringSsl::probe(host!(rightly));
    let before = signer.summary();
    signer.probe_signing([].iter());
    assert_eq!(signer.summary(), before);
    assert!(!before.contains("signs"), "{before}");
}

#[test]
fn a_host_is_not_asked_for_ed25519() {
    let mut signer = BoringSsl::probe(host!(rightly));
    ASKED.set(0);
    let [.., (_, ed25519)] = KEYS;
    signer.probe_signing([read(ed25519)].iter());
    assert_eq!(ASKED.get(), 0);
    assert!(signer.summary().ends_with("; the filter signs with EdDSA"), "{}", signer.summary());
}
