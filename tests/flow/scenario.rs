//! A small world around the core: a configuration, keys, a clock, and what became of a request.

use std::cell::Cell;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};
use postern::flow::{AwaitingKeys, Env, Memory, News, Next, Report, Step, begin};
use postern::jwks::{Answer, Fetch, FetchError, KeyStore, SharedData};
use postern::reply::Reply;
use postern::request::{RequestHead, Route, RouteMetadata};
use postern::time::UnixTime;
use serde_json::{Value, json};

use crate::support::alone::Alone;
use crate::support::fields::apply;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, jwks};
use crate::world::{environment, patched};

pub const NOW: u64 = 1_800_000_000;

/// What became of a request: what the service sees, or what the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed(Vec<(String, String)>),
    Refused { status: u16, reason: String },
}

impl Outcome {
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    pub fn in_short(&self) -> String {
        match self {
            Self::Allowed(_) => "ok".to_owned(),
            Self::Refused { status, reason } => format!("{status} {reason}"),
        }
    }
}

/// Let on, with these fields beside the request's own pseudo headers.
pub fn allowed(identity: &[(&str, &str)]) -> Outcome {
    let own = [(":method", "GET"), (":path", "/api/tap"), (":scheme", "https"), (":authority", "api.test")];
    Outcome::Allowed(own.iter().chain(identity).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

pub fn refused(status: u16, reason: &str) -> Outcome {
    Outcome::Refused { status, reason: reason.to_owned() }
}

pub struct Scenario {
    document: Value,
    world: Option<World>,
    now: u64,
    signatures: Counting,
    last_fields: Vec<(String, String)>,
    last_reply: Option<Reply>,
    last_report: Option<Report>,
    route: Route,
    output: String,
}

struct World {
    config: Rc<Config>,
    memory: Memory,
}

/// A request that waits, and its fields so far.
pub struct Waiting {
    pub request: Box<AwaitingKeys>,
    fields: Vec<(String, String)>,
}

/// Counts how many signatures were checked: what can be refused without, should be.
#[derive(Default)]
struct Counting(Cell<usize>);

impl SignatureCheck for Counting {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        self.0.set(self.0.get() + 1);
        RustCrypto.verify(algorithm, key, signed)
    }
}

impl Scenario {
    pub fn inline(signers: &[&Signer]) -> Self {
        let mut algorithms: Vec<&str> = signers.iter().map(|signer| signer.alg()).collect();
        algorithms.dedup();
        Self::new(json!({"inline": jwks(signers)}), &json!(algorithms))
    }

    pub fn inline_for(signers: &[&Signer], algorithms: &[&str]) -> Self {
        Self::new(json!({"inline": jwks(signers)}), &json!(algorithms))
    }

    pub fn remote() -> Self {
        Self::new(json!({"uri": "https://issuer.test/keys", "cluster": "issuer"}), &json!(["ES256"]))
    }

    fn new(keys: Value, algorithms: &Value) -> Self {
        let rule = |name: &str, require: Value| json!({"name": name, "match": {"prefix": format!("/{name}")}, "require": require});
        let document = json!({
            "issuers": [
                {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": algorithms, "jwks": keys},
                {"issuer": "https://second.test", "audiences": [AUDIENCE], "algorithms": algorithms,
                    "jwks": {"uri": "https://second.test/keys", "cluster": "second"}},
            ],
            "credentials": {},
            "headers": {},
            "rules": [
                {"name": "public", "match": {"prefix": "/public"}, "access": "anonymous"},
                {"name": "optional", "match": {"prefix": "/optional"}, "access": "optional"},
                {"name": "tap", "match": {"path": "/api/tap"}, "require": {"capabilities": {"all_of": ["read:tap"]}}},
                rule("any", json!({"capabilities": {"any_of": ["a", "b"]}})),
                rule("group", json!({"groups": {"any_of": ["g"]}})),
                rule("users", json!({"users": ["alice"]})),
                {"name": "named", "match": {"prefix": "/named", "hosts": ["api.test"]}},
            ],
        });
        Self {
            document,
            world: None,
            now: NOW,
            signatures: Counting::default(),
            last_fields: Vec::new(),
            last_reply: None,
            last_report: None,
            route: Route::default(),
            output: String::new(),
        }
    }

    pub fn with_query_tokens(mut self) -> Self {
        self.document["credentials"]["query"] = true.into();
        self
    }

    pub fn forwarding_tokens(mut self) -> Self {
        self.document["headers"]["forward_token"] = true.into();
        self
    }

    pub fn with_claim_headers(mut self) -> Self {
        self.document["headers"]["claims"] = json!({"x-orcid": ["missing", "orcid"], "x-admin": "admin", "x-level": "level",
            "x-roles": "roles"});
        self
    }

    pub fn on_route(mut self, metadata: RouteMetadata) -> Self {
        self.route.metadata = metadata;
        self
    }

    /// The configuration with these changes, as RFC 7396 writes them.
    pub fn changed(mut self, patch: &Value) -> Self {
        self.document = patched(self.document, patch);
        self
    }

    /// Tokens of the first issuer may live as long as tokens may at all.
    pub fn long_lived(mut self) -> Self {
        self.document["issuers"][0]["max_lifetime"] = "744h".into();
        self
    }

    pub fn requiring_tls(mut self) -> Self {
        self.document["require_tls"] = true.into();
        self
    }

    /// A request that is decided at once.
    pub fn get(&mut self, path: &str, fields: &[(&str, &str)]) -> Outcome {
        match self.begin(path, fields) {
            Ok(outcome) => outcome,
            Err(_) => panic!("{path} waits for keys"),
        }
    }

    /// A request that has to wait.
    pub fn arrive(&mut self, path: &str, authorization: &str) -> Waiting {
        match self.begin(path, &[("authorization", authorization)]) {
            Err(waiting) => waiting,
            Ok(outcome) => panic!("{path} does not wait: {outcome:?}"),
        }
    }

    /// A request that may have to wait.
    pub fn try_get(&mut self, path: &str, authorization: &str) -> Result<Outcome, Waiting> {
        self.begin(path, &[("authorization", authorization)])
    }

    fn begin(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Outcome, Waiting> {
        let mut all = vec![(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "api.test")];
        for (name, value) in fields {
            // A pseudo header stands once.
            all.retain(|(known, _)| !(name.starts_with(':') && known == name));
            all.push((*name, *value));
        }
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let all: Vec<(String, String)> = all.iter().map(owned).collect();
        let head = head_of(&all);
        let env = Env { now: UnixTime::from_seconds(self.now), signatures: &self.signatures, signer: &RustCrypto };
        let world = self.world.get_or_insert_with(|| World::new(&self.document));
        let step = begin(&world.config, &head, &self.route, &mut world.memory, &env);
        self.settle(step, all)
    }

    /// The fetches for the first issuer; its keys come and go, the other's are not there yet.
    pub fn due(&mut self) -> Vec<Fetch> {
        let now = UnixTime::from_seconds(self.now);
        let fetches = self.world.as_mut().unwrap().memory.keys.due(now).fetches;
        fetches.into_iter().filter(|fetch| fetch.cluster == "issuer").collect()
    }

    pub fn keys_arrive(&mut self, fetch: &Fetch, signers: &[&Signer]) {
        let (now, body) = (UnixTime::from_seconds(self.now), jwks(signers).to_string());
        let answer = Answer { status: 200, body: body.into_bytes(), ..Answer::default() };
        self.world.as_mut().unwrap().memory.keys.finish(fetch, Ok(answer), now);
    }

    pub fn fetch_fails(&mut self, fetch: &Fetch, error: FetchError) {
        let now = UnixTime::from_seconds(self.now);
        self.world.as_mut().unwrap().memory.keys.finish(fetch, Err(error), now);
    }

    pub fn is_ready(&self, waiting: &Waiting) -> bool {
        waiting.request.is_ready(&self.world.as_ref().unwrap().memory.keys)
    }

    pub fn resume(&mut self, waiting: Waiting) -> Outcome {
        let env = Env { now: UnixTime::from_seconds(self.now), signatures: &self.signatures, signer: &RustCrypto };
        let step = waiting.request.resume(&mut self.world.as_mut().unwrap().memory, &env);
        self.settle(step, waiting.fields).unwrap_or_else(|_| panic!("it waits again"))
    }

    /// The same for one that has to wait again.
    pub fn resume_in_vain(&mut self, waiting: Waiting) -> Waiting {
        let env = Env { now: UnixTime::from_seconds(self.now), signatures: &self.signatures, signer: &RustCrypto };
        let step = waiting.request.resume(&mut self.world.as_mut().unwrap().memory, &env);
        self.settle(step, waiting.fields).expect_err("it has to wait again")
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now += seconds;
    }

    /// It is so many seconds past [`NOW`], or before it, whatever it was.
    pub fn at(&mut self, seconds: i64) {
        self.now = NOW.checked_add_signed(seconds).unwrap();
    }

    /// The same configuration comes anew, as to another worker.
    pub fn begin_anew(&mut self) {
        self.world = None;
    }

    /// How many tokens are remembered, and in how much room.
    pub fn remembered(&self) -> (usize, usize) {
        let tokens = &self.world.as_ref().unwrap().memory.tokens;
        (tokens.entries(), tokens.bytes())
    }

    /// What is told of the tokens that were looked for since this was asked last.
    pub fn recalled(&mut self) -> Vec<News> {
        self.world.as_mut().unwrap().memory.counters().collect()
    }

    pub fn signatures_checked(&self) -> usize {
        self.signatures.0.get()
    }

    /// The last request's field as it would stand in an access log.
    pub fn last_field(&self, name: &str) -> Option<String> {
        self.last_fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }

    pub fn last_reply_field(&self, name: &str) -> Option<String> {
        let reply = self.last_reply.as_ref()?;
        reply.headers.iter().find(|(field, _)| **field == *name).map(|(_, value)| value.clone())
    }

    pub fn last_report(&self) -> &Report {
        self.last_report.as_ref().unwrap()
    }

    /// All that was told to anyone but the service: replies, counters, records.
    pub fn all_output(&self) -> &str {
        &self.output
    }

    fn settle(&mut self, step: Step, mut fields: Vec<(String, String)>) -> Result<Outcome, Waiting> {
        let Step { mutations, next } = step;
        apply(mutations, &mut fields);
        self.last_fields.clone_from(&fields);
        match next {
            Next::AwaitKeys(request) => Err(Waiting { request, fields }),
            Next::AwaitForm(_) => panic!("no request here is for a token"),
            Next::Forward(report) => {
                self.output.push_str(&format!("{report:?}"));
                self.last_report = Some(report);
                Ok(Outcome::Allowed(fields))
            }
            Next::Reply(reply, report) => {
                self.output.push_str(&format!("{reply:?}{report:?}"));
                let reason = reply.details.strip_prefix("postern_").unwrap().to_owned();
                let status = reply.status;
                self.last_reply = Some(reply);
                self.last_report = Some(report);
                Ok(Outcome::Refused { status, reason })
            }
        }
    }
}

impl World {
    fn new(document: &Value) -> Self {
        let config = Config::parse_in(document.to_string().as_bytes(), &environment).unwrap();
        Self {
            memory: Memory::new(
                KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1),
                config.token_cache,
            ),
            config: Rc::new(config),
        }
    }
}

/// The request's fields as the core gets them. A character that no test needs otherwise stands for a byte that is not
/// UTF-8.
pub fn head_of(fields: &[(String, String)]) -> RequestHead {
    let bytes = |(name, value): &(String, String)| {
        let parts: Vec<&[u8]> = value.split('\u{e000}').map(str::as_bytes).collect();
        (name.clone().into_bytes(), parts.join(&0xff))
    };
    RequestHead::new(fields.iter().map(bytes).collect())
}
