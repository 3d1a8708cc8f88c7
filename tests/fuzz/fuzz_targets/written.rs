//! A record of keys as it is found in what workers share, where anybody may have written it.

#![no_main]

use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use postern::config::Config;
use postern::issuer::IssuerId;
use postern::jwks::{Answer, Fetch, KeyStore, Lookup};
use postern::time::UnixTime;
use postern_fuzz::mint::{ISSUER, Signer, jwks};
use postern_fuzz::shared::{Shared, config, worker};
use serde_json::json;

thread_local! {
    static CONFIG: Config =
        config(&json!({"cluster": "issuer", "uri": "https://issuer.test/keys"}), &json!(["ES256"]));
    static KEYS: Vec<u8> = jwks(&[&Signer::es256()]).to_string().into_bytes();
}

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fuzz_target!(|bytes: &[u8]| {
    CONFIG.with(|config| {
        let (id, _) = config.issuers.find(ISSUER).expect("the issuer");
        let shared = Rc::new(Shared::new(Some(bytes.to_vec())));
        let new = |me| worker(config, &shared, me);
        let (mut one, mut other) = (new(1), new(2));
        let first = said(&mut one, id, NOW);
        assert_eq!(first, said(&mut other, id, NOW), "two workers read it in two ways");
        let (fetch, at) = begin_to_fetch(&mut one, id);
        // What was read and written again reads the same.
        assert_eq!(said(&mut one, id, at), said(&mut new(3), id, at), "written otherwise than read");
        let Some(fetch) = fetch else { return };
        assert!(other.due(at).fetches.is_empty(), "two workers make one fetch");
        let body = KEYS.with(Clone::clone);
        let _ = one.finish(&fetch, Ok(Answer { status: 200, body, ..Answer::default() }), at);
        let end = said(&mut one, id, at);
        assert!(end == "ready test-es256", "good keys came, and it is {end}");
        // Who has keys to go on with learns of others at the next tick.
        assert!(other.due(at).fetches.is_empty(), "what has come is fetched again");
        assert_eq!(end, said(&mut other, id, at), "the other worker");
        assert_eq!(end, said(&mut new(4), id, at), "a new worker");
        assert!(!shared.written().is_empty());
    });
});

/// Whatever stands there, keys that nobody has are fetched before long.
fn begin_to_fetch(worker: &mut KeyStore, id: IssuerId) -> (Option<Fetch>, UnixTime) {
    let mut now = NOW;
    for _ in 0..40 {
        if let Some(fetch) = worker.due(now).fetches.pop() {
            return (Some(fetch), now);
        }
        if matches!(worker.lookup(id, None, now), Lookup::Ready(_)) {
            return (None, now);
        }
        now = now.plus(Duration::from_secs(10));
    }
    panic!("nobody fetches the keys: {}", said(worker, id, now));
}

fn said(worker: &mut KeyStore, id: IssuerId, now: UnixTime) -> String {
    match worker.lookup(id, None, now) {
        Lookup::Ready(keys) => format!("ready {}", keys.summary()),
        Lookup::Pending(_) => "pending".to_owned(),
        Lookup::Unavailable { retry_after } => format!("unavailable for {retry_after:?}"),
    }
}
