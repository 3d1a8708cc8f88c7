//! Tokens that were seen before, and keys that come and go.

use postern::jwks::FetchError;

use crate::bearer;
use crate::scenario::{NOW, Scenario, refused};
use crate::support::mint::{Signer, Token};

fn token(signer: &Signer) -> Token {
    Token::at(signer, NOW).claim("scope", "read:tap")
}

fn get(scenario: &mut Scenario, path: &str, token: &str) -> String {
    scenario.get(path, &[("authorization", &bearer(token))]).in_short()
}

fn a() -> Signer {
    Signer::es256()
}

fn b() -> Signer {
    Signer::other_es256()
}

/// The other key under this one's name.
fn b_as_a() -> Signer {
    b().with_kid(a().kid())
}

/// Keys that are fetched, the longest life there may be, and these keys at hand.
fn remote(keys: &[&Signer]) -> Scenario {
    let scenario = Scenario::remote();
    let mut scenario = scenario.long_lived();
    let waits = scenario.arrive("/api/tap", &bearer(&token(&a()).mint()));
    publish(&mut scenario, keys);
    drop(waits);
    scenario
}

/// The time of the keys is over, and these are there instead.
fn publish(scenario: &mut Scenario, keys: &[&Signer]) {
    scenario.pass(600);
    let [fetch] = &scenario.due()[..] else { panic!("keys are fetched") };
    scenario.keys_arrive(fetch, keys);
}

fn long(signer: &Signer) -> String {
    token(signer).expires_in(600_000).mint()
}

/// What becomes of a request, which may have to wait for one fetch that brings these keys.
fn asked(scenario: &mut Scenario, token: &str, keys: &[&Signer]) -> String {
    match scenario.try_get("/api/tap", &bearer(token)) {
        Ok(outcome) => outcome.in_short(),
        Err(waiting) => {
            let [fetch] = &scenario.due()[..] else { panic!("a key is sought") };
            scenario.keys_arrive(fetch, keys);
            assert!(scenario.is_ready(&waiting));
            scenario.resume(waiting).in_short()
        }
    }
}

#[test]
fn a_token_goes_with_its_key_and_comes_back_with_it() {
    let (old, new, forged) = (long(&a()), long(&b()), long(&b_as_a()));
    type Row<'a> = (&'a str, Vec<Signer>, [&'a str; 3]);
    let (bad, unknown) = ("401 bad_signature", "401 unknown_key");
    let rows: Vec<Row<'_>> = vec![
        ("at first", vec![a()], ["ok", unknown, bad]),
        ("one more", vec![a(), b()], ["ok", "ok", bad]),
        ("the first is withdrawn", vec![b()], [unknown, "ok", unknown]),
        ("it is back", vec![a(), b()], ["ok", "ok", bad]),
        ("the other is withdrawn", vec![a()], ["ok", unknown, bad]),
        ("another key has its name", vec![b_as_a()], [bad, unknown, "ok"]),
        ("and the other one too", vec![b_as_a(), b()], [bad, "ok", "ok"]),
        ("the first again", vec![a()], ["ok", unknown, bad]),
        ("in another order", vec![b(), a()], ["ok", "ok", bad]),
    ];
    let mut scenario = remote(&[&a()]);
    for (name, keys, want) in rows {
        let keys: Vec<&Signer> = keys.iter().collect();
        publish(&mut scenario, &keys);
        for _ in 0..3 {
            let got = [&old, &new, &forged].map(|token| asked(&mut scenario, token, &keys));
            assert_eq!(got, want.map(str::to_owned), "{name}");
        }
    }
}

#[test]
fn keys_that_are_fetched_again_and_are_the_same_cost_no_check() {
    let mut scenario = remote(&[&a(), &b()]);
    let (token, forged) = (long(&a()), long(&b_as_a()));
    for _ in 0..5 {
        assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
        assert_eq!(get(&mut scenario, "/api/tap", &forged), "401 bad_signature");
        publish(&mut scenario, &[&a(), &b()]);
    }
    assert_eq!(scenario.signatures_checked(), 2);
    // The same keys written in another way are new ones.
    publish(&mut scenario, &[&b(), &a()]);
    assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    assert_eq!(scenario.signatures_checked(), 3);
}

#[test]
fn a_forged_token_is_good_once_the_key_that_signed_it_is_published() {
    let mut scenario = remote(&[&a()]);
    let token = long(&b_as_a());
    for _ in 0..3 {
        assert_eq!(get(&mut scenario, "/api/tap", &token), "401 bad_signature");
    }
    assert_eq!(scenario.signatures_checked(), 1);
    publish(&mut scenario, &[&b_as_a()]);
    for _ in 0..3 {
        assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    }
    assert_eq!(scenario.signatures_checked(), 2);
}

#[test]
fn in_an_outage_a_remembered_token_lasts_as_long_as_the_keys() {
    const DAY: u64 = 24 * 3600;
    let mut scenario = remote(&[&a()]);
    let (token, forged, other) = (long(&a()), long(&b_as_a()), long(&b()));
    let fail = |scenario: &mut Scenario| {
        for fetch in scenario.due() {
            scenario.fetch_fails(&fetch, FetchError::NoAnswer);
        }
    };
    assert_eq!(get(&mut scenario, "/api/tap", &token), "ok");
    assert_eq!(get(&mut scenario, "/api/tap", &forged), "401 bad_signature");
    // Their time is ten minutes and a day; an attempt is made each minute at most.
    scenario.pass(600);
    fail(&mut scenario);
    let mut left = DAY - 1;
    while left > 0 {
        let step = left.min(1800);
        scenario.pass(step);
        left -= step;
        fail(&mut scenario);
        assert_eq!(get(&mut scenario, "/api/tap", &token), "ok", "{left} s left");
        assert_eq!(get(&mut scenario, "/api/tap", &forged), "401 bad_signature", "{left} s left");
    }
    assert_eq!(scenario.signatures_checked(), 2);
    scenario.pass(1);
    for token in [&token, &forged, &other] {
        let outcome = match scenario.try_get("/api/tap", &bearer(token)) {
            Ok(outcome) => outcome,
            Err(waiting) => {
                fail(&mut scenario);
                scenario.resume(waiting)
            }
        };
        assert_eq!(outcome, refused(503, "keys_unavailable"));
    }
    assert_eq!(scenario.signatures_checked(), 2);
    // When the issuer is back, all is as before.
    scenario.pass(60);
    let waiting = scenario.arrive("/api/tap", &bearer(&token));
    let [fetch] = &scenario.due()[..] else { panic!("keys are fetched") };
    scenario.keys_arrive(fetch, &[&a()]);
    assert_eq!(scenario.resume(waiting).in_short(), "ok");
    assert_eq!(get(&mut scenario, "/api/tap", &forged), "401 bad_signature");
}

#[test]
fn a_token_that_came_before_there_were_keys_is_not_remembered_as_bad() {
    let mut scenario = Scenario::remote();
    let good = token(&a()).mint();
    let waiting = scenario.arrive("/api/tap", &bearer(&good));
    let [fetch] = &scenario.due()[..] else { panic!("keys are fetched") };
    scenario.fetch_fails(fetch, FetchError::NoAnswer);
    assert_eq!(scenario.resume(waiting), refused(503, "keys_unavailable"));
    assert_eq!(scenario.remembered(), (0, 0));
    scenario.pass(2);
    let crowd: Vec<_> = (0..5).map(|_| scenario.arrive("/api/tap", &bearer(&good))).collect();
    let [fetch] = &scenario.due()[..] else { panic!("keys are fetched") };
    scenario.keys_arrive(fetch, &[&a()]);
    for waiting in crowd {
        assert_eq!(scenario.resume(waiting).in_short(), "ok");
    }
    assert_eq!(scenario.signatures_checked(), 1, "one check for the crowd");
}
