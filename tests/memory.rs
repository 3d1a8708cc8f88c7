//! What the cache of tokens says that it takes, against the memory that is really taken.

#![cfg(test)]
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on should stop"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};
use postern::flow::{Env, Memory, Next, begin};
use postern::jwks::{KeyStore, SharedData};
use postern::request::{RequestHead, Route};
use postern::secret::Secret;
use postern::time::UnixTime;
use serde_json::{Map, Value, json};
use support::alone::Alone;
use support::mint::{AUDIENCE, ISSUER, SUBJECT, Signer, base64url, jwks};

mod support;

const NOW: u64 = 1_800_000_000;

/// Counts what this thread has got and not given back, with what an allocator adds to each piece.
struct Counting;

thread_local! {
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

fn taken() -> isize {
    TAKEN.get()
}

/// As glibc has it; the allocator of the module that is built, with words half as long, takes no more.
fn piece(layout: Layout) -> isize {
    isize::try_from((layout.size() + size_of::<usize>()).next_multiple_of(16)).unwrap_or(isize::MAX)
}

fn count(bytes: isize) {
    // Nothing is left to count once the thread ends.
    let _ = TAKEN.try_with(|taken| taken.set(taken.get() + bytes));
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(piece(layout));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-piece(layout));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A check that says what it is told to, so that thousands of tokens need not be signed.
struct Says(bool);

impl SignatureCheck for Says {
    fn verify(&self, _: Algorithm, _: &PublicKey, _: Signed<'_>) -> bool {
        self.0
    }
}

struct World {
    config: Rc<Config>,
    memory: Memory,
    signatures: Says,
    kid: String,
}

impl World {
    fn new(kid: &str, patch: &Value, good: bool) -> Self {
        let keys = jwks(&[&Signer::es256().with_kid(kid)]);
        let mut document = json!({
            "issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["ES256"], "jwks": {"inline": keys}}],
            "rules": [{"name": "all", "match": {"prefix": "/"}}],
            "token_cache": {"max_entries": 100_000, "max_bytes": 64 * 1024 * 1024},
        });
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let key = |_: &str| Some(Secret::new(include_str!("support/keys/test-ed25519.pem")));
        let config = Config::parse_in(document.to_string().as_bytes(), &key).unwrap();
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let memory = Memory::new(keys, config.token_cache);
        Self { config: Rc::new(config), memory, signatures: Says(good), kid: kid.to_owned() }
    }

    /// A request for this path, with a token of these claims, and of this number.
    fn send(&mut self, path: &str, number: usize, claims: &Map<String, Value>) {
        let mut all = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": NOW, "exp": NOW + 600});
        all.as_object_mut().unwrap().extend(claims.clone());
        let header = json!({"alg": "ES256", "kid": self.kid});
        let signature = base64url(format!("{number:064}"));
        let token = format!("{}.{}.{signature}", base64url(header.to_string()), base64url(all.to_string()));
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let head = RequestHead::new(vec![
            field(":method", "GET"),
            field(":path", path),
            field(":authority", "api.test"),
            field("authorization", &format!("Bearer {token}")),
        ]);
        let env = Env { now: UnixTime::from_seconds(NOW), signatures: &self.signatures, signer: &RustCrypto };
        let step = begin(&self.config, &head, &Route::default(), &mut self.memory, &env);
        assert_eq!(matches!(step.next, Next::Forward(_)), self.signatures.0, "{step:?}");
    }
}

fn names(count: usize, length: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:0length$}")).collect()
}

#[test]
fn the_room_that_tokens_are_said_to_take_is_about_what_they_take() {
    let plain = json!({});
    let forwarding = json!({"headers": {"forward_token": true}});
    let claims = json!({"headers": {"claims": {"x-one": "one", "x-two": "two", "x-three": "three"}}});
    let rule = |name: &str, prefix: &str| {
        let reissue = json!({"audience": "https://api.test", "safe_methods": true, "lifetime": "1m"});
        json!({"name": name, "match": {"prefix": prefix}, "reissue": reissue})
    };
    let reissuing = json!({
        "reissue": {"issuer": "https://api.test/postern", "keys": [{"env": "KEY"}]},
        "rules": [rule("other", "/other"), rule("all", "/")],
    });
    let long = "long-".repeat(50);
    // The longest that is read.
    let kid = "k".repeat(256);
    let rows = [
        ("with nothing in it", "k", &plain, json!({})),
        (
            "as most have it",
            "k",
            &plain,
            json!({"scope": "read:tap read:image", "email": "alice@a.test", "jti": "0123456789"}),
        ),
        ("a client's", "k", &plain, json!({"client_id": "client", "gty": "client-credentials"})),
        ("with claims for the service", "k", &claims, json!({"one": "1", "two": "2", "three": "3"})),
        ("that goes on to the service", "k", &forwarding, json!({"scope": "read:tap"})),
        ("a large one of which nothing is read", "k", &plain, json!({"other": "x".repeat(8000)})),
        ("a large one that goes on", "k", &forwarding, json!({"other": "x".repeat(8000)})),
        ("that others are made of", "k", &reissuing, json!({"scope": "read:tap"})),
        ("a large one that others are made of", "k", &reissuing, json!({"other": "x".repeat(4000)})),
        ("many scopes", "k", &plain, json!({"scope": names(200, 12).join(" ")})),
        ("many short scopes", "k", &plain, json!({"scope": names(500, 3).join(" ")})),
        ("many groups", "k", &plain, json!({"groups": names(300, 20)})),
        ("many short groups", "k", &plain, json!({"groups": names(500, 3)})),
        ("groups that no service is told of", "k", &plain, json!({"groups": names(100, 60)})),
        ("long names", "k", &plain, json!({"sub": long, "email": long, "client_id": long, "jti": long})),
        (
            "long names that are not ASCII",
            "k",
            &plain,
            json!({"sub": "é".repeat(250), "client_id": "é".repeat(250), "jti": "é".repeat(250)}),
        ),
        ("a key of a long name", &kid, &plain, json!({})),
    ];
    let mut wrong = Vec::new();
    for (name, kid, patch, claims) in &rows {
        for (good, count) in [(true, 700), (true, 60), (false, 100)] {
            let mut world = World::new(kid, patch, good);
            let claims = claims.as_object().unwrap();
            let before = taken();
            for number in 0..count {
                // By two rules, where there are two.
                world.send("/", number, claims);
                world.send("/other", number, claims);
            }
            let really = usize::try_from(taken() - before).unwrap();
            let (entries, said) = (world.memory.tokens.entries(), world.memory.tokens.bytes());
            assert!(entries <= count && entries > 20, "{name}: {entries}");
            let percent = said * 100 / really;
            let line = format!(
                "{name}, good: {good}, {entries} entries: {percent} %, {} of {} each",
                said / entries,
                really / entries
            );
            if !(80..=300).contains(&percent) {
                wrong.push(line.clone());
            }
            if std::env::var_os("SHOW").is_some() {
                println!("{line}");
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}
