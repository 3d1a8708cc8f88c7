//! Key sets: whatever is changed in one, nobody else's signature is good by it, and it is read or refused.

use postern::crypto::RustCrypto;
use serde_json::{Value, json};

use super::door::{Decision, Door, NOW, document};
use super::mutants::{BYTES_OF_JSON, every};
use crate::support::mint::{Signer, Token};

/// The whole set that an issuer publishes, and who may not speak by it.
fn sets() -> Vec<(Signer, Vec<Signer>)> {
    let named = |signer: Signer, kid: &str| signer.with_kid(kid);
    vec![
        (named(Signer::es256(), "k"), vec![named(Signer::other_es256(), "k"), named(Signer::es384(), "k")]),
        (named(Signer::rs256(), "k"), vec![named(Signer::other_rs256(), "k")]),
        (named(Signer::eddsa(), "k"), vec![named(Signer::es256(), "k"), named(Signer::other_rs256(), "k")]),
    ]
}

const ALGORITHMS: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

fn forged_by(others: &[Signer], owner: &Signer) -> Vec<String> {
    let of = |signer: &Signer| {
        // By the key's algorithm, with its name and without one, and by the other's own.
        let own = Token::at(signer, NOW);
        let as_the_key = own.clone().header("alg", owner.alg());
        let nameless = as_the_key.clone().without_header("kid");
        [own, as_the_key, nameless].map(|token| token.mint())
    };
    let mut forged: Vec<String> = others.iter().flat_map(of).collect();
    for alg in ["none", "HS256"] {
        let token = Token::at(owner, NOW).header("alg", alg).mint();
        let (text, _) = token.rsplit_once('.').unwrap();
        forged.extend([token.clone(), format!("{text}."), format!("{text}.AA")]);
    }
    forged
}

#[test]
fn a_changed_key_set_makes_nobody_elses_signature_good() {
    let keys = json!({"uri": "https://issuer.test/keys", "cluster": "issuer"});
    let document = document(&ALGORITHMS, &keys);
    for (owner, others) in sets() {
        let good = Token::at(&owner, NOW).mint();
        let forged = forged_by(&others, &owner);
        let set = json!({"keys": [owner.jwk()]}).to_string();
        let (mut used, mut of_no_use) = (0, 0);
        for (change, mutant) in every(set.as_bytes(), &BYTES_OF_JSON) {
            let mut door = Door::new(&document, &RustCrypto);
            door.keys_arrive(&mutant);
            for token in &forged {
                let decision = door.bearing(token.as_bytes());
                assert!(!decision.is_allowed(), "{owner:?}: {change:?}: {token}");
            }
            // The owner is known as before, or not at all.
            match door.bearing(good.as_bytes()) {
                Decision::Allowed => used += 1,
                Decision::Refused(401 | 503, _) | Decision::Waits => of_no_use += 1,
                other @ Decision::Refused(..) => panic!("{owner:?}: {change:?}: {other:?}"),
            }
        }
        assert!(used > 100 && of_no_use > 1000, "{owner:?}: {used} sets were used, {of_no_use} not");
    }
}

#[test]
fn a_changed_set_of_several_keys_makes_nobody_elses_signature_good() {
    let [a, b, c] = [Signer::es256().with_kid("a"), Signer::other_es256().with_kid("b"), Signer::eddsa().with_kid("c")];
    let thief = Signer::es256().with_kid("b");
    let document = document(&ALGORITHMS, &json!({"uri": "https://issuer.test/keys", "cluster": "issuer"}));
    let set = json!({"keys": [b.jwk(), c.jwk()]}).to_string();
    let forged: Vec<String> = [&a, &thief, &a.clone().with_kid("c")].map(|signer| Token::at(signer, NOW).mint()).into();
    for (change, mutant) in every(set.as_bytes(), &BYTES_OF_JSON) {
        let mut door = Door::new(&document, &RustCrypto);
        door.keys_arrive(&mutant);
        for token in &forged {
            assert!(!door.bearing(token.as_bytes()).is_allowed(), "{change:?}");
        }
    }
    let whole: Value = serde_json::from_str(&set).unwrap();
    assert_eq!(whole["keys"].as_array().unwrap().len(), 2);
}
