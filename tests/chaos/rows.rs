//! The table: what each issuer does, under the numbers of the attack catalogue.

use std::time::Duration;

use serde_json::{Value, json};

use super::keysets::{
    among_good, changed, crowded, old, old_and_new, only_new, padded, replaced, roca_modulus, rsa, text,
};
use super::tokens::new_key;
use crate::support::mint::{Signer, base64url};
use crate::wire::harness::issuer::{Script, Then};

/// How the story of an issuer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// Keys, then what is no keys, then keys again: the old ones never stop working.
    Outage,
    /// No keys from the start, then keys: 503 until they are there.
    ColdStart,
    /// Never any keys.
    Hopeless,
    /// Keys, then an odd answer with the new key in it, which counts.
    Odd,
    /// Keys, then the word that nothing has changed.
    NotModified,
    /// A key is withdrawn.
    Withdrawn,
    /// A key is replaced under its own name.
    Replaced,
    /// Many tokens of the new key at the moment in which it is published.
    Herd,
    /// A great many invented key ids.
    Flood,
}

/// Where the keys are.
#[derive(Clone, Copy)]
pub enum Place {
    /// On the server that all rows share.
    Shared,
    /// There too, found by discovery, whose document is this in trouble.
    Discovered(fn(&str) -> Script),
    /// On a server of the row's own, whose port is closed in trouble.
    Door,
    /// Behind a cluster that there is not.
    Nowhere,
}

pub struct Row {
    pub name: &'static str,
    pub plot: Plot,
    pub place: Place,
    /// What is answered at first, and what in trouble.
    pub calm: Script,
    pub trouble: Script,
    pub timeout: &'static str,
    /// Whose tokens are refused while their keys are published.
    pub bad_keys: Vec<Signer>,
    /// The `ETag` that a fetch of the same keys has to name.
    pub tag: Option<&'static str>,
}

impl Row {
    fn new(name: &'static str, plot: Plot, trouble: Script) -> Self {
        let place = Place::Shared;
        Self { name, plot, place, calm: old(), trouble, timeout: "10s", bad_keys: Vec::new(), tag: None }
    }

    fn outage(name: &'static str, trouble: Script) -> Self {
        Self::new(name, Plot::Outage, trouble)
    }

    fn cold(name: &'static str, trouble: Script) -> Self {
        Self { calm: trouble.clone(), ..Self::new(name, Plot::ColdStart, trouble) }
    }

    fn odd(name: &'static str, trouble: Script) -> Self {
        Self::new(name, Plot::Odd, trouble)
    }

    /// A bad key among good ones, and who signs with it.
    fn bad_key(name: &'static str, key: Value, signer: Signer) -> Self {
        Self { bad_keys: vec![signer], ..Self::odd(name, among_good(&[key])) }
    }

    /// An odd header beside good keys, from the first answer on.
    fn header(name: &'static str, field: &str, value: &[u8]) -> Self {
        Self { calm: old().field(field, value), ..Self::odd(name, old_and_new().field(field, value)) }
    }

    fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The shortest that may be configured.
    fn impatient(self) -> Self {
        Self { timeout: "1s", ..self }
    }

    fn begins_with(self, calm: Script) -> Self {
        Self { calm, ..self }
    }

    fn with_tag(self, tag: &'static str) -> Self {
        Self { calm: self.calm.tagged(tag.as_bytes()), tag: Some(tag), ..self }
    }

    /// Whether there are keys from the start.
    pub fn is_warm(&self) -> bool {
        !matches!(self.plot, Plot::ColdStart | Plot::Hopeless)
    }

    /// Whether good keys come after a failure.
    pub fn recovers(&self) -> bool {
        matches!(self.plot, Plot::Outage | Plot::ColdStart)
    }
}

/// Of a path that only an answer names. Nobody may ever ask for it.
pub const ELSEWHERE: &str = "/elsewhere";

pub fn rows() -> Vec<Row> {
    let parts = [connections(), statuses(), bodies(), sizes(), keys(), headers(), stories(), discovery()];
    parts.into_iter().flatten().collect()
}

/// The good answer's first bytes: its head, and half of its body.
fn half() -> Vec<u8> {
    let mut bytes = old_and_new().on_wire();
    bytes.truncate(bytes.len() - text().len() / 2);
    bytes
}

fn connections() -> Vec<Row> {
    let drip = || Script::Drip { bytes: old_and_new().on_wire(), pause: Duration::from_millis(100) };
    let silence = || Script::raw(b"", Then::Silence);
    vec![
        Row::outage("J01 refuses connections", Script::Close).at(Place::Door),
        Row::outage("J01 closes without an answer", Script::Close),
        Row::outage("J01 resets without an answer", Script::raw(b"", Then::Reset)),
        Row::outage("J01 closes within the head", Script::raw(b"HTTP/1.1 200 OK\r\ncontent-le", Then::Close)),
        Row::outage("J01 closes within the body", Script::Raw { bytes: half(), then: Then::Close }),
        Row::outage("J01 resets within the body", Script::Raw { bytes: half(), then: Then::Reset }),
        Row::outage("J01 stops within the body", Script::Raw { bytes: half(), then: Then::Silence }).impatient(),
        Row::outage("J01 garbage instead of HTTP", Script::raw(b"\x16\x03\x01\x00\x05hello\r\n\r\n", Then::Close)),
        Row::outage("J01 never answers", silence()).impatient(),
        Row::outage("J01 a byte every 100 ms", drip()).impatient(),
        Row::cold("J01 refuses from the start", Script::Close).at(Place::Door),
        Row::cold("J01 never answers from the start", silence()).impatient(),
        Row::cold("J01 a byte every 100 ms from the start", drip()).impatient(),
        Row::new("J18 no such cluster", Plot::Hopeless, Script::Close).at(Place::Nowhere),
    ]
}

fn statuses() -> Vec<Row> {
    let keys_under = |status| Script::bytes(status, text().as_bytes());
    let early = [b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec(), old_and_new().on_wire()].concat();
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: keys\r\nconnection: upgrade\r\n\r\n";
    let redirect = || Script::bytes(302, b"").field("location", ELSEWHERE.as_bytes());
    vec![
        Row::outage("J02 status 500", Script::bytes(500, b"out of order")),
        Row::outage("J02 status 500 with keys", keys_under(500)),
        Row::outage("J02 status 404", Script::bytes(404, b"nothing here")),
        Row::outage("J02 status 204", Script::bytes(204, b"")),
        Row::outage("J02 status 302", redirect()),
        Row::outage("J02 status 302 with keys", keys_under(302).field("location", ELSEWHERE.as_bytes())),
        Row::outage("J02 status 304 not asked for", Script::bytes(304, b"")),
        Row::outage("J02 status 429", Script::bytes(429, b"").field("retry-after", b"86400")),
        Row::outage("J02 status 101", Script::raw(switching, Then::Close)),
        Row::odd("J02 status 103, then the keys", Script::Raw { bytes: early, then: Then::Next }),
        Row::cold("J02 status 500 from the start", Script::bytes(500, b"out of order")),
        Row::cold("J02 status 302 from the start", redirect()),
        Row::cold("J02 status 304 from the start", Script::bytes(304, b"")),
    ]
}

fn bodies() -> Vec<Row> {
    let body = |bytes: &[u8]| Script::bytes(200, bytes);
    let text = text();
    let not_text = [&text.as_bytes()[..text.len() - 1], b",\"\xff\xfe\":1}"].concat();
    let twice = format!("{{\"keys\":[],{}", &text[1..]);
    vec![
        Row::outage("J03 HTML", body(b"<!doctype html><title>Sign in</title>")),
        Row::outage("J03 an empty body", body(b"")),
        Row::outage("J03 {}", body(b"{}")),
        Row::outage("J03 []", body(b"[]")),
        Row::outage("J03 null", body(b"null")),
        Row::outage("J03 keys: {}", body(br#"{"keys":{}}"#)),
        Row::outage("J03 truncated JSON", body(&text.as_bytes()[..text.len() - 1])),
        Row::outage("J03 two documents", body(format!("{text}{text}").as_bytes())),
        Row::outage("J03 keys twice", body(twice.as_bytes())),
        Row::outage("J03 byte order mark", body(format!("\u{feff}{text}").as_bytes())),
        Row::outage("J03 bytes that are not UTF-8", body(&not_text)),
        Row::outage("J07 keys: []", body(br#"{"keys":[]}"#)),
        Row::outage("J07 no key of use", body(br#"{"keys":[{"kty":"oct","k":"eA","kid":"old"},7]}"#)),
        Row::cold("J07 keys: [] from the start", body(br#"{"keys":[]}"#)),
    ]
}

fn sizes() -> Vec<Row> {
    let deep = format!("{{\"keys\":{}", "[".repeat(200_000));
    vec![
        Row::outage("J04 1 MiB", padded(1 << 20)),
        Row::outage("J04 40 MiB", padded(40 << 20)),
        Row::outage("J04 100 000 keys", crowded(100_000)),
        Row::outage("J04 65 keys", crowded(65)),
        Row::odd("J04 64 keys", crowded(64)),
        Row::outage("J04 nested 200 000 deep", Script::bytes(200, deep.as_bytes())),
    ]
}

fn keys() -> Vec<Row> {
    let named = |signer: Signer| signer.with_kid("bad");
    let another = || named(new_key());
    let curve = || named(Signer::es256());
    let (short, small) = (named(Signer::weak_rs256(1024, 65_537)), named(Signer::weak_rs256(2048, 3)));
    let longest = vec![0xff; 16_384 / 8];
    let mut duplicates = Row::odd("J05 two keys of one name", among_good(&[another().jwk(), curve().jwk()]));
    duplicates.bad_keys = vec![another(), curve()];
    let mut same_twice = Row::odd("J05 one key twice", among_good(&[another().jwk(), another().jwk()]));
    same_twice.bad_keys = vec![another()];
    vec![
        duplicates,
        same_twice,
        Row::bad_key("J05 no object", json!(7), another()),
        Row::bad_key("J05 a secret", json!({ "kty": "oct", "kid": "bad", "k": base64url(b"secret") }), another()),
        Row::bad_key("J05 for encryption", changed(&another(), "use", "enc"), another()),
        Row::bad_key("J05 not to verify with", changed(&another(), "key_ops", json!(["sign"])), another()),
        Row::bad_key("J05 a private key", changed(&another(), "d", "AQAB"), another()),
        Row::bad_key("J05 RSA of 1024 bits", short.jwk(), short),
        Row::bad_key("J05 RSA of 16 384 bits", rsa(&longest, "bad"), another()),
        Row::bad_key("J05 exponent 3", small.jwk(), small),
        Row::bad_key("J05 even exponent", changed(&another(), "e", "AQAA"), another()),
        Row::bad_key("J05 a modulus of ROCA", rsa(&roca_modulus(), "bad"), another()),
        Row::bad_key("J05 a point off its curve", changed(&curve(), "y", curve().jwk()["x"].clone()), curve()),
        Row::bad_key("J05 a name that is no text", changed(&another(), "kid", json!(["bad"])), another()),
        Row::bad_key("J06 an unknown type", changed(&another(), "kty", "NEW"), another()),
        Row::bad_key("J06 an unknown curve", changed(&curve(), "crv", "secp256k1"), curve()),
        Row::bad_key("J06 an algorithm of another type", changed(&another(), "alg", "ES256"), another()),
    ]
}

fn headers() -> Vec<Row> {
    let endless = format!("max-age={}", "9".repeat(400));
    let long_tag = format!("\"{}\"", "e".repeat(8000));
    vec![
        Row::header("J11 max-age=0", "cache-control", b"max-age=0"),
        Row::header("J11 no-store", "cache-control", b"no-store, no-cache, must-revalidate"),
        Row::header("J11 max-age=10^9", "cache-control", b"max-age=1000000000"),
        Row::header("J11 max-age beyond any number", "cache-control", endless.as_bytes()),
        Row::header("J11 max-age=-1", "cache-control", b"max-age=-1"),
        Row::header("J11 garbage", "cache-control", b"=;,\"max-age=\xff, max-age, s-maxage=\"1"),
        Row::header("J11 Age beyond any lifetime", "age", b"99999999999999999999"),
        Row::header("J12 a header that is not UTF-8", "x-bin", b"\xff\xfe"),
        Row::header("J12 Cache-Control that is not UTF-8", "cache-control", b"\xff\xfe"),
        Row::header("J12 an ETag that is not UTF-8", "etag", b"\"\xff\xfe\""),
        Row::header("J12 an ETag of 8000 bytes", "etag", long_tag.as_bytes()),
    ]
}

fn stories() -> Vec<Row> {
    vec![
        Row::new("304: nothing new", Plot::NotModified, old().tagged(b"\"one\"")).with_tag("\"one\""),
        Row::new("304: nothing new, weak tag", Plot::NotModified, old().tagged(b"W/\"1\"")).with_tag("W/\"1\""),
        Row::odd("ETag: a new one", old_and_new().tagged(b"\"two\"")).with_tag("\"one\""),
        Row::odd("J08 a new key", old_and_new()),
        Row::new("J08 a new key for a crowd", Plot::Herd, old_and_new()),
        Row::new("J08 invented key ids in thousands", Plot::Flood, old()),
        Row::new("J09 a key withdrawn", Plot::Withdrawn, only_new()).begins_with(old_and_new()),
        Row::new("J10 a key replaced under its name", Plot::Replaced, replaced()),
    ]
}

fn discovery() -> Vec<Row> {
    let cold = |name, document| Row::cold(name, old()).at(Place::Discovered(document));
    vec![
        cold("J15 discovery of another issuer", |me| document("https://evil.test", &format!("{me}/keys"))),
        cold("J15 discovery to another host", |me| document(me, &format!("http://evil.test{ELSEWHERE}"))),
        cold("J15 discovery to cloud metadata", |me| document(me, &format!("http://169.254.169.254{ELSEWHERE}"))),
        cold("J15 discovery is HTML", |_| Script::bytes(200, b"<!doctype html><title>Sign in</title>")),
        cold("J15 discovery is a redirect", |_| Script::bytes(302, b"").field("location", ELSEWHERE.as_bytes())),
        Row::outage("J15 discovery good, keys 500", Script::bytes(500, b"out of order"))
            .at(Place::Discovered(honest_document)),
    ]
}

pub fn honest_document(issuer: &str) -> Script {
    document(issuer, &format!("{issuer}/keys"))
}

fn document(issuer: &str, keys: &str) -> Script {
    Script::json(&json!({ "issuer": issuer, "jwks_uri": keys }))
}
