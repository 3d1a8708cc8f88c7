//! Rows on the pure core: one worker's memory, which has the keys of all issuers from the start.

use std::collections::BTreeMap;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::RustCrypto;
use postern::flow::{Env, Memory, Next, Report, Step, begin};
use postern::jwks::{Answer, KeyStore, SharedData};
use postern::reply::Reply;
use postern::request::{RequestHead, Route};
use postern::time::UnixTime;
use serde_json::Value;

use super::outcome::{Decided, Outcome, Upstream};
use super::world::World;
use crate::support::alone::Alone;
use crate::support::fields::apply;
use crate::support::mint::wall_clock;
use crate::wire::harness::request::Request;
use crate::world::Remembering;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Whoever is asked here counts it, as the issuer on the wire does.
pub const URL: &str = "https://keys.test";

pub struct Core {
    config: Rc<Config>,
    memory: Memory,
    signatures: Remembering,
    published: BTreeMap<String, Value>,
    fetches: usize,
}

impl Core {
    pub fn start(world: &World) -> Self {
        let config = Config::parse(world.config.to_string().as_bytes())
            .unwrap_or_else(|errors| panic!("a configuration that is refused: {errors:?}"));
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let memory = Memory::new(keys, config.token_cache);
        let published = world.published.clone();
        let mut core =
            Self { config: Rc::new(config), memory, signatures: Remembering::default(), published, fetches: 0 };
        core.fetch();
        assert_eq!(core.fetches, world.first_fetches(), "each issuer is asked once at the start");
        core
    }

    /// Makes the fetches that are due, and answers them.
    fn fetch(&mut self) {
        let now = UnixTime::from_seconds(wall_clock());
        for fetch in self.memory.keys.due(now).fetches {
            self.fetches += 1;
            let uri = fetch.uri.to_string();
            let path = uri.strip_prefix(URL).unwrap_or_else(|| panic!("{uri} is asked for"));
            let body = self.published[path].to_string().into_bytes();
            self.memory.keys.finish(&fetch, Ok(Answer { status: 200, body, ..Answer::default() }), now);
        }
    }

    pub fn send(&mut self, request: &Request) -> Outcome {
        let before = self.fetches;
        let mut fields = shown(request);
        let now = UnixTime::from_seconds(wall_clock());
        let head = RequestHead::new(fields.clone());
        let env = Env { now, signatures: &self.signatures, signer: &RustCrypto };
        let Step { mutations, mut next } = begin(&self.config, &head, &Route::default(), &mut self.memory, &env);
        apply(mutations, &mut fields);
        while let Next::AwaitKeys(waiting) = next {
            let asked = self.fetches;
            self.fetch();
            assert!(self.fetches > asked, "it waits, and no fetch is due");
            let env = Env { now, signatures: &self.signatures, signer: &RustCrypto };
            let step = waiting.resume(&mut self.memory, &env);
            apply(step.mutations, &mut fields);
            next = step.next;
        }
        // What nobody waits for would be fetched here.
        self.fetch();
        match next {
            Next::Forward(report) => outcome(None, &report, fields, self.fetches - before),
            Next::Reply(reply, report) => outcome(Some(reply), &report, fields, self.fetches - before),
            Next::AwaitForm(_) => panic!("no request here is for a token"),
            Next::AwaitKeys(_) => unreachable!("the loop ends when nothing is waited for"),
        }
    }
}

fn outcome(reply: Option<Reply>, report: &Report, fields: Fields, fetches: usize) -> Outcome {
    let decided = Decided::of(&report.counter);
    let record: Value = serde_json::from_str(&report.record).expect("a record is JSON");
    let recorded = decided.as_ref().map(|decided| (decided.decision.as_str(), decided.reason.as_str()));
    let text = |member: &str| record[member].as_str().unwrap_or_default();
    assert_eq!(recorded, Some((text("decision"), text("reason"))), "the record says what is counted");
    let mut told = format!("{report:?}");
    let (status, answered, body, upstream) = match reply {
        Some(reply) => {
            assert_eq!(reply.details, format!("postern_{}", text("reason")), "and so do the details");
            // What an access log may print of the request.
            let logged = |name: &[u8]| [&b":path"[..], b":authority", b"authorization"].contains(&name);
            for (_, value) in fields.iter().filter(|(name, _)| logged(name)) {
                told.push_str(&String::from_utf8_lossy(value));
            }
            let answered = reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            (reply.status, answered, reply.body, None)
        }
        None => {
            let name = |name: Vec<u8>| String::from_utf8_lossy(&name).to_ascii_lowercase();
            let fields = fields.into_iter().map(|(n, value)| (name(n), value)).collect();
            (200, Vec::new(), String::new(), Some(Upstream { fields, trailers: Vec::new() }))
        }
    };
    Outcome { status, decided, fields: answered, body, upstream, fetches, told }
}

/// The head as Envoy shows it: names in lower case, and of all fields only `authorization` joined.
fn shown(request: &Request) -> Fields {
    let mut fields: Fields = vec![
        (b":authority".to_vec(), request.host.clone()),
        (b":path".to_vec(), request.target.clone().into_bytes()),
        (b":method".to_vec(), request.method.clone().into_bytes()),
        (b":scheme".to_vec(), b"http".to_vec()),
    ];
    if request.host.is_empty() {
        fields.retain(|(name, _)| name != b":authority");
    }
    for (name, value) in &request.fields {
        let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii().to_vec());
        match fields.iter_mut().find(|(known, _)| *known == name && name == b"authorization") {
            Some((_, first)) => first.extend([b",", &value[..]].concat()),
            None => fields.push((name, value)),
        }
    }
    fields
}
