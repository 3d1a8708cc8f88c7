//! One whole configuration, and any request at all: for tests that need more than [`crate::scenario::Scenario`] offers.
//! Keys are at hand here, or come with the first request; all else about waiting is the scenarios' part.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use postern::config::Config;
use postern::crypto::{self, Algorithm, PublicKey, RustCrypto, SignatureCheck, Signed};
use postern::denial::Denial;
use postern::flow::{Env, Memory, News, Next, Step, begin};
use postern::jwks::{Answer, FetchError, KeyStore, SharedData};
use postern::request::{Route, RouteMetadata};
use postern::secret::Secret;
use postern::time::UnixTime;
use serde_json::{Map, Value, json};

use crate::scenario::{NOW, Outcome, head_of};
use crate::support::alone::Alone;
use crate::support::fields::apply;
use crate::support::mint::{AUDIENCE, ISSUER, Signer, Token, jwks};

pub const REALM: &str = "postern";

pub struct World {
    pub config: Rc<Config>,
    memory: Memory,
    signatures: Remembering,
    signer: Box<dyn crypto::Signer>,
    now: UnixTime,
}

/// The variables that keys to sign with stand in.
pub fn environment(name: &str) -> Option<Secret> {
    Some(Secret::new(match name {
        "P256" => include_str!("../support/keys/test-p256-a.pem"),
        "OTHER_P256" => include_str!("../support/keys/test-p256-b.pem"),
        "ED25519" => include_str!("../support/keys/test-ed25519.pem"),
        "RSA" => include_str!("../support/keys/test-rsa2048-a.pem"),
        _ => return None,
    }))
}

/// Checks each signature once: tables send the same few tokens over and over.
#[derive(Default)]
pub struct Remembering(RefCell<HashMap<String, Vec<(PublicKey, bool)>>>);

impl SignatureCheck for Remembering {
    fn verify(&self, algorithm: Algorithm, key: &PublicKey, signed: Signed<'_>) -> bool {
        let mut known = self.0.borrow_mut();
        let known = known.entry(format!("{algorithm:?} {}", signed.token)).or_default();
        if let Some((_, good)) = known.iter().find(|(other, _)| other == key) {
            return *good;
        }
        let good = RustCrypto.verify(algorithm, key, signed);
        known.push((key.clone(), good));
        good
    }
}

impl World {
    pub fn of(document: &Value) -> Self {
        Self::parse(document).unwrap_or_else(|problems| panic!("{document:#}\nis refused: {problems:#?}"))
    }

    /// The problems of a configuration, one line each, where it is refused.
    pub fn parse(document: &Value) -> Result<Self, Vec<String>> {
        let config = Config::parse_in(document.to_string().as_bytes(), &environment)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let keys = KeyStore::new(&config.issuers, &(Rc::new(Alone) as Rc<dyn SharedData>), 1);
        let memory = Memory::new(keys, config.token_cache);
        let (signatures, signer) = (Remembering::default(), Box::new(RustCrypto));
        Ok(Self { config: Rc::new(config), memory, signatures, signer, now: UnixTime::from_seconds(NOW) })
    }

    /// The same with another one to sign.
    pub fn signing_by(self, signer: impl crypto::Signer + 'static) -> Self {
        Self { signer: Box::new(signer), ..self }
    }

    /// It is so many seconds past [`NOW`].
    pub fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = UnixTime::from_seconds(NOW + seconds);
        self
    }

    /// What has happened to tokens since this was asked last.
    pub fn news(&mut self) -> Vec<News> {
        self.memory.counters().collect()
    }

    /// The uri and cluster of every fetch that is due at the start.
    pub fn first_fetches(&mut self) -> Vec<(String, String)> {
        let fetches = self.memory.keys.due(self.now).fetches;
        fetches.into_iter().map(|fetch| (fetch.uri.to_string(), fetch.cluster)).collect()
    }

    pub fn send(&mut self, request: &Request) -> Seen {
        self.send_before_keys(request, None)
    }

    /// A request that comes before any keys, and then this key, or no answer at all.
    pub fn send_before_keys_of(&mut self, signer: Option<&Signer>, request: &Request) -> Seen {
        let answer = signer.map(|signer| jwks(&[signer]).to_string().into_bytes());
        let answer = answer.map(|body| Answer { status: 200, body, ..Answer::default() }).ok_or(FetchError::NoAnswer);
        self.send_before_keys(request, Some(answer))
    }

    /// A request that comes before any keys, and is not let wait for them.
    pub fn send_and_refuse(&mut self, request: &Request, denial: Denial) -> Seen {
        let (mut fields, next) = self.begin(request);
        let Next::AwaitKeys(waiting) = next else { panic!("the request does not wait: {request:?}") };
        let step = waiting.refuse(denial);
        apply(step.mutations, &mut fields);
        seen(fields, step.next)
    }

    /// A request whose form is given up, or does not come.
    pub fn send_without_form(&mut self, request: &Request, denial: Denial) -> Seen {
        let mut head = request.clone();
        head.body = None;
        let env = Env { now: self.now, signatures: &self.signatures, signer: &*self.signer };
        let mut fields = head.fields.clone();
        let step = begin(&self.config, &head_of(&fields).with_body(true), &head.route, &mut self.memory, &env);
        apply(step.mutations, &mut fields);
        let Next::AwaitForm(waiting) = step.next else { panic!("the request waits for no form: {request:?}") };
        let step = waiting.refuse(denial);
        apply(step.mutations, &mut fields);
        seen(fields, step.next)
    }

    fn send_before_keys(&mut self, request: &Request, answer: Option<Result<Answer, FetchError>>) -> Seen {
        let (mut fields, mut next) = self.begin(request);
        if let Some(answer) = answer {
            let Next::AwaitKeys(waiting) = next else { panic!("the request does not wait: {request:?}") };
            for fetch in self.memory.keys.due(self.now).fetches {
                self.memory.keys.finish(&fetch, answer.clone(), self.now);
            }
            let env = Env { now: self.now, signatures: &self.signatures, signer: &*self.signer };
            let step = waiting.resume(&mut self.memory, &env);
            apply(step.mutations, &mut fields);
            next = step.next;
        }
        seen(fields, next)
    }

    /// As far as it gets without waiting for keys: its fields, and what comes next.
    fn begin(&mut self, request: &Request) -> (Vec<(String, String)>, Next) {
        let mut fields = request.fields.clone();
        let env = Env { now: self.now, signatures: &self.signatures, signer: &*self.signer };
        let head = head_of(&fields).with_body(request.body.is_some());
        let Step { mutations, next } = begin(&self.config, &head, &request.route, &mut self.memory, &env);
        apply(mutations, &mut fields);
        match (next, &request.body) {
            (Next::AwaitForm(waiting), Some(body)) => {
                let step = waiting.resume(body.as_bytes(), &mut self.memory, &env);
                apply(step.mutations, &mut fields);
                (fields, step.next)
            }
            (next, _) => (fields, next),
        }
    }
}

fn seen(fields: Vec<(String, String)>, next: Next) -> Seen {
    let (report, reply) = match next {
        Next::Forward(report) => (report, None),
        Next::Reply(reply, report) => (report, Some(reply)),
        Next::AwaitKeys(_) | Next::AwaitForm(_) => panic!("the request waits: {fields:?}"),
    };
    let told = format!("{report:?}{reply:?}");
    Seen {
        fields,
        counter: report.counter.to_string(),
        record: serde_json::from_str(&report.record).expect("a record is JSON"),
        refusal: reply.map(|reply| Refusal {
            status: reply.status,
            reason: reply.details.strip_prefix("postern_").expect("the details name us").to_owned(),
            headers: reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            body: reply.body,
        }),
        told,
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    fields: Vec<(String, String)>,
    route: Route,
    body: Option<String>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        let own = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "api.test")];
        let fields = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { fields, route: Route::default(), body: None }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// The field's first value, as it is sent.
    pub fn sent(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// One more field; a pseudo header stands once.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| !(name.starts_with(':') && known == name));
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn with_all(self, fields: &[(&str, &str)]) -> Self {
        fields.iter().fold(self, |request, (name, value)| request.with(name, value))
    }

    pub fn bearing(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// With a body, if only an empty one.
    pub fn carrying(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    pub fn on_route(mut self, name: &str) -> Self {
        self.route.name = Some(name.to_owned());
        self
    }

    pub fn under(mut self, rule: Option<&str>, capabilities: Option<&str>) -> Self {
        let (rule, capabilities) = (rule.map(str::to_owned), capabilities.map(str::to_owned));
        self.route.metadata = RouteMetadata::Present { rule, capabilities };
        self
    }
}

/// What became of a request, as everybody sees it who has a part in it.
#[derive(Debug)]
pub struct Seen {
    /// What goes on to the service, or where the request is refused, what is left of it for an access log.
    pub fields: Vec<(String, String)>,
    pub counter: String,
    pub record: Value,
    pub refusal: Option<Refusal>,
    /// All that is told to anyone but the service.
    pub told: String,
}

#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub reason: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn outcome(&self) -> Outcome {
        match &self.refusal {
            None => Outcome::Allowed(self.fields.clone()),
            Some(Refusal { status, reason, .. }) => Outcome::Refused { status: *status, reason: reason.clone() },
        }
    }

    /// `ok`, or status and reason.
    pub fn in_short(&self) -> String {
        self.outcome().in_short()
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The field's only value.
    pub fn value(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} stands more than once: {values:?}");
        values.first().copied()
    }

    /// Who the service is told is calling: every field of the family by what follows its common name, as an object.
    pub fn identity(&self) -> Value {
        let mut identity = Map::new();
        for (name, value) in &self.fields {
            if let Some(fact) = name.strip_prefix("x-auth-request-") {
                let before = identity.insert(fact.to_owned(), value.as_str().into());
                assert_eq!(before, None, "{name} stands twice");
            }
        }
        Value::Object(identity)
    }

    pub fn reply_values(&self, name: &str) -> Vec<&str> {
        let headers = self.refusal.iter().flat_map(|refusal| &refusal.headers);
        headers.filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    pub fn challenges(&self) -> Vec<&str> {
        self.reply_values("www-authenticate")
    }

    /// The sentence for the client.
    pub fn detail(&self) -> String {
        let body = &self.refusal.as_ref().expect("it is refused").body;
        let problem: Value = serde_json::from_str(body).expect("problem+json is what there is by default");
        problem["detail"].as_str().expect("a detail").to_owned()
    }

    /// A label of the record.
    pub fn recorded(&self, name: &str) -> Option<&str> {
        self.record[name].as_str()
    }
}

/// The issuer of most tables: its keys in the configuration, nothing else said.
pub fn issuer(signer: &Signer) -> Value {
    json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": [signer.alg()], "jwks": {"inline": jwks(&[signer])},
    })
}

/// The same with its keys elsewhere.
pub fn remote_issuer(signer: &Signer) -> Value {
    also(issuer(signer), json!({"jwks": {"uri": "https://issuer.test/keys", "cluster": "issuer"}}))
}

/// A configuration of these issuers and rules.
pub fn document(issuers: &[Value], rules: &Value) -> Value {
    json!({"issuers": issuers, "rules": rules})
}

/// A token of the issuer of most tables.
pub fn token(signer: &Signer, claims: Value) -> String {
    let (set, left_out): (Map<String, Value>, Map<String, Value>) =
        members(claims).into_iter().partition(|(_, claim)| !claim.is_null());
    let token = Token::at(signer, NOW).claims(Value::Object(set));
    left_out.keys().fold(token, |token, name| token.without(name)).mint()
}

fn members(object: Value) -> Map<String, Value> {
    let Value::Object(members) = object else { panic!("not a JSON object: {object}") };
    members
}

/// Changes `whole` as this patch says (RFC 7396): members are set, deep down too, and null takes one away.
pub fn patched(mut whole: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    if !whole.is_object() {
        whole = json!({});
    }
    let object = whole.as_object_mut().unwrap();
    for (name, change) in changes {
        if change.is_null() {
            object.remove(name);
        } else {
            let before = object.remove(name).unwrap_or(Value::Null);
            object.insert(name.clone(), patched(before, change));
        }
    }
    whole
}

/// The members of both, those of the second before those of the first; unlike a patch it keeps nulls, so it can make one.
pub fn also(first: Value, second: Value) -> Value {
    let mut both = members(first);
    both.extend(members(second));
    Value::Object(both)
}
