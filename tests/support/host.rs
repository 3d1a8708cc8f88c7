//! A host for the filter that lives in the test's own process.
//!
//! The filter imports some forty `proxy_*` functions and exports as many `proxy_on_*` callbacks. Here the
//! imports are defined over a thread-local [`State`], and [`Root`] and [`Stream`] call the callbacks, so a
//! test drives the real adapter, through the real SDK, without Envoy. What the filter does comes back as
//! an ordered list of [`Effect`]s.
//!
//! ```ignore
//! let host = Host::new(initialize).config(json).cluster("issuer").now(1_700_000_000);
//! let root = host.start();
//! let stream = root.request(&[(":method", "GET"), (":path", "/"), ("authorization", "Bearer …")]);
//! root.tick();
//! root.answer_call(host.calls_under_way()[0], &[(":status", "200")], b"{}");
//! assert_eq!(host.acts(), ["call issuer GET /jwks", "continue stream 1"]);
//! ```
//!
//! It answers as Envoy 1.40 was measured to not as the specification hopes:
//! - `set_effective_context` on a stream that is gone: `BadArgument`;
//! - once a request was let on its headers can't be edited or read by name (`BadArgument`), and reading
//!   the *whole* map succeeds and is empty; in `on_log` they can be read again;
//! - a call is refused for an unknown cluster (`BadArgument`), a cluster without hosts (`InternalFailure`)
//!   or without `:method`, `:path`, `:authority`; its answer goes to the root, whoever else has gone;
//! - a failed call has no header map and no body;
//! - empty values are handed over as a null pointer;
//! - a local reply runs through the filter's own `on_response_headers`.
//!
//! Each root is a worker to itself, for what the guest keeps it keeps by root; all roots of a [`Host`] share its data, as
//! the VMs of one process do.
//!
//! **One thread is one VM.** The SDK's dispatcher is thread-local and libtest gives each test its thread,
//! so the state here is thread-local too, and the filter's registration (`_initialize`) is called on each
//! thread by [`Host::start`]. With `--test-threads=1` all tests share one thread, so numbers the guest may
//! remember (contexts, call tokens, metrics) are never given out twice on a thread.
//!
//! A panic inside a callback can't unwind through `extern "C"`: it ends the whole test binary, just as it
//! ends the worker's VM. Its message is then written to the real standard error, past libtest's capture.

// Each test binary uses a part of this. And a test that can't go on should stop.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(unsafe_code, reason = "imports and exports of the ABI cannot be written without it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test that cannot go on should stop"
)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::panic::{self, PanicHookInfo};
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, PoisonError};

pub use proxy_wasm::types::{Action, LogLevel};

/// Statuses a host can answer with. The SDK's enum lacks the last four that Envoy has, so here they are
/// numbers.
pub const OK: u32 = 0;
pub const NOT_FOUND: u32 = 1;
pub const BAD_ARGUMENT: u32 = 2;
pub const SERIALIZATION_FAILURE: u32 = 3;
pub const PARSE_FAILURE: u32 = 4;
pub const INVALID_MEMORY_ACCESS: u32 = 6;
pub const EMPTY: u32 = 7;
pub const CAS_MISMATCH: u32 = 8;
pub const BROKEN_CONNECTION: u32 = 9;
pub const INTERNAL_FAILURE: u32 = 10;
pub const UNIMPLEMENTED: u32 = 12;

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const CALL_HEADERS: u32 = 6;

const REQUEST_BODY: u32 = 0;
const CALL_BODY: u32 = 4;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Envoy's limits on a block of pairs; beyond them the block counts as empty (`limits.h`).
const MAX_PAIRS: usize = 1024;
const MAX_PAIR_BYTES: usize = 1 << 20;

pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A context, numbered in order of creation within one [`Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Root(usize),
    Stream(usize),
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(1) => write!(out, "root"),
            Self::Root(number) => write!(out, "root {number}"),
            Self::Stream(number) => write!(out, "stream {number}"),
        }
    }
}

/// An answer the filter gave by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u32,
    pub headers: Pairs,
    pub body: Vec<u8>,
    /// What `%RESPONSE_CODE_DETAILS%` would print.
    pub details: Vec<u8>,
    /// -1: none.
    pub grpc_status: i32,
}

impl Reply {
    /// Every value of a header, in order; several challenges are several lines.
    pub fn all(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| text(value)).collect()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }
}

/// What the filter did, in order. Only what the host accepted; what it refused is in [`Host::refusals`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    SetTick {
        root: Who,
        milliseconds: u32,
    },
    /// `callback` is the context whose callback ran: the SDK hands it the answer, and drops the answer if
    /// that context has gone.
    HttpCall {
        callback: Who,
        cluster: String,
        headers: Pairs,
        body: Vec<u8>,
        timeout: u32,
        token: u32,
    },
    Reply {
        context: Who,
        reply: Reply,
    },
    Continue {
        context: Who,
    },
    ContinueResponse {
        context: Who,
    },
    Close {
        context: Who,
    },
    Replace {
        context: Who,
        name: String,
        value: Vec<u8>,
    },
    Add {
        context: Who,
        name: String,
        value: Vec<u8>,
    },
    Remove {
        context: Who,
        name: String,
    },
    SetAll {
        context: Who,
        pairs: Pairs,
    },
    SetBody {
        context: Who,
        body: Vec<u8>,
    },
    SetProperty {
        context: Who,
        path: String,
        value: Vec<u8>,
    },
    SetShared {
        key: String,
        value: Vec<u8>,
    },
    Enqueue {
        queue: u32,
        value: Vec<u8>,
    },
    DefineMetric {
        name: String,
    },
    Increment {
        metric: String,
        offset: i64,
    },
    Record {
        metric: String,
        value: u64,
    },
    Foreign {
        name: String,
        arguments: Vec<u8>,
    },
    Log {
        level: LogLevel,
        message: String,
    },
    Done,
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetTick { root, milliseconds } => write!(out, "tick {root} {milliseconds}"),
            Self::HttpCall { cluster, headers, .. } => {
                let part = |name: &str| text(first(headers, name).unwrap_or_default());
                write!(out, "call {cluster} {} {}", part(":method"), part(":path"))
            }
            Self::Reply { context, reply } => write!(out, "reply {context} {}", reply.status),
            Self::Continue { context } => write!(out, "continue {context}"),
            Self::ContinueResponse { context } => write!(out, "continue response {context}"),
            Self::Close { context } => write!(out, "close {context}"),
            Self::Replace { context, name, value } => write!(out, "set {context} {name}={}", text(value)),
            Self::Add { context, name, value } => write!(out, "add {context} {name}={}", text(value)),
            Self::Remove { context, name } => write!(out, "remove {context} {name}"),
            Self::SetAll { context, pairs } => {
                write!(out, "set all {context} {} headers", pairs.len())
            }
            Self::SetBody { context, body } => write!(out, "body {context} {} bytes", body.len()),
            Self::SetProperty { context, path, value } => {
                write!(out, "property {context} {path}={}", text(value))
            }
            Self::SetShared { key, value } => write!(out, "share {key} {} bytes", value.len()),
            Self::Enqueue { queue, value } => write!(out, "enqueue {queue} {} bytes", value.len()),
            Self::DefineMetric { name } => write!(out, "metric {name}"),
            Self::Increment { metric, offset } => write!(out, "count {metric} {offset:+}"),
            Self::Record { metric, value } => write!(out, "record {metric} {value}"),
            Self::Foreign { name, .. } => write!(out, "foreign {name}"),
            Self::Log { level, message } => write!(out, "log {level:?} {message}"),
            Self::Done => write!(out, "done"),
        }
    }
}

impl Effect {
    /// Whether somebody outside the VM waits for it: the client, the upstream, an issuer.
    fn is_act(&self) -> bool {
        matches!(
            self,
            Self::HttpCall { .. }
                | Self::Reply { .. }
                | Self::Continue { .. }
                | Self::ContinueResponse { .. }
                | Self::Close { .. }
        )
    }

    /// The stream or root it was done to, where there is one.
    pub fn context(&self) -> Option<Who> {
        match self {
            Self::SetTick { root, .. } => Some(*root),
            Self::HttpCall { callback, .. } => Some(*callback),
            Self::Reply { context, .. }
            | Self::Continue { context }
            | Self::ContinueResponse { context }
            | Self::Close { context }
            | Self::Replace { context, .. }
            | Self::Add { context, .. }
            | Self::Remove { context, .. }
            | Self::SetAll { context, .. }
            | Self::SetBody { context, .. }
            | Self::SetProperty { context, .. } => Some(*context),
            Self::SetShared { .. }
            | Self::Enqueue { .. }
            | Self::DefineMetric { .. }
            | Self::Increment { .. }
            | Self::Record { .. }
            | Self::Foreign { .. }
            | Self::Log { .. }
            | Self::Done => None,
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// State

/// What may be done with a request's header map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    None,
    Read,
}

struct StreamState {
    who: Who,
    root: u32,
    headers: Pairs,
    access: Access,
    trailers: Option<Pairs>,
    body: Option<Vec<u8>>,
    response: Option<Pairs>,
    /// Replies that still have to run through `on_response_headers`.
    unanswered: Vec<Reply>,
    reply: Option<Reply>,
    upstream: Option<Pairs>,
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
    alive: bool,
}

struct RootState {
    who: Who,
    tick: u32,
    config: Vec<u8>,
    alive: bool,
}

struct Answer {
    root: u32,
    /// `None`: the call failed, so there is nothing to read.
    headers: Option<Pairs>,
    body: Vec<u8>,
}

/// The numbers and names a guest on this thread may have kept; they outlive a [`Host`].
#[derive(Clone, Default)]
struct Kept {
    contexts: u32,
    tokens: u32,
    metrics: Vec<(u32, String)>,
}

type Foreign = Rc<dyn Fn(&[u8]) -> Result<Vec<u8>, u32>>;

#[derive(Default)]
struct State {
    kept: Kept,
    config: Vec<u8>,
    vm_config: Vec<u8>,
    now: u64,
    clusters: BTreeMap<String, bool>,
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
    failures: BTreeMap<&'static str, u32>,
    foreign: BTreeMap<String, Foreign>,
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    cas: u32,
    share_first: Option<(Vec<u8>, Vec<u8>)>,
    queues: Vec<(Vec<u8>, VecDeque<Vec<u8>>)>,
    metric_values: BTreeMap<String, u64>,

    roots: BTreeMap<u32, RootState>,
    streams: BTreeMap<u32, StreamState>,
    calls: BTreeMap<u32, u32>,
    answer: Option<Answer>,
    /// The context whose callback runs, and the one host calls act on. 0: no callback runs.
    callback: u32,
    effective: u32,

    effects: Vec<Effect>,
    calls_made: BTreeMap<&'static str, usize>,
    calls_in_order: Vec<&'static str>,
    refusals: Vec<(&'static str, u32)>,
}

thread_local! {
    static HOST: RefCell<State> = RefCell::new(State::default());
    static IN_GUEST: Cell<bool> = const { Cell::new(false) };
}

fn with<R>(look: impl FnOnce(&mut State) -> R) -> R {
    HOST.with(|state| look(&mut state.borrow_mut()))
}

impl State {
    fn who(&self, context: u32) -> Who {
        let root = self.roots.get(&context).map(|root| root.who);
        root.or_else(|| self.streams.get(&context).map(|stream| stream.who)).unwrap_or(Who::Root(0))
    }

    fn alive(&self, context: u32) -> bool {
        self.roots.get(&context).is_some_and(|root| root.alive)
            || self.streams.get(&context).is_some_and(|stream| stream.alive)
    }

    fn root_of(&self, context: u32) -> u32 {
        self.streams.get(&context).map_or(context, |stream| stream.root)
    }

    fn effective_who(&self) -> Who {
        self.who(self.effective)
    }

    fn stream(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.effective)
    }

    fn readable(&self, map: u32) -> Option<&Pairs> {
        let stream = self.streams.get(&self.effective);
        let answer = || self.answer.as_ref().filter(|answer| answer.root == self.root_of(self.effective));
        match map {
            REQUEST_HEADERS => stream.filter(|stream| stream.access != Access::None).map(|stream| &stream.headers),
            REQUEST_TRAILERS => stream.and_then(|stream| stream.trailers.as_ref()),
            RESPONSE_HEADERS => stream.and_then(|stream| stream.response.as_ref()),
            CALL_HEADERS => answer().and_then(|answer| answer.headers.as_ref()),
            _ => None,
        }
    }

    fn writable(&mut self, map: u32) -> Option<&mut Pairs> {
        let stream = self.stream()?;
        match map {
            REQUEST_HEADERS if stream.access == Access::ReadWrite => Some(&mut stream.headers),
            REQUEST_TRAILERS => stream.trailers.as_mut(),
            RESPONSE_HEADERS => stream.response.as_mut(),
            _ => None,
        }
    }

    fn buffer(&self, kind: u32) -> Option<&[u8]> {
        let answer = || self.answer.as_ref().filter(|answer| answer.root == self.root_of(self.effective));
        match kind {
            REQUEST_BODY => self.streams.get(&self.effective)?.body.as_deref(),
            CALL_BODY => answer().filter(|answer| answer.headers.is_some()).map(|answer| answer.body.as_slice()),
            VM_CONFIGURATION => Some(&self.vm_config),
            PLUGIN_CONFIGURATION => self.roots.get(&self.effective).map(|root| root.config.as_slice()),
            _ => None,
        }
    }

    fn property(&self, path: &[u8]) -> Option<Vec<u8>> {
        let everywhere = path.starts_with(b"plugin_") || path.starts_with(b"xds\0node");
        let stream = self.streams.get(&self.effective);
        if let Some(value) = stream.and_then(|stream| stream.properties.get(path)) {
            return Some(value.clone());
        }
        if (stream.is_some() || everywhere)
            && let Some(value) = self.properties.get(path)
        {
            return Some(value.clone());
        }
        let headers = self.readable(REQUEST_HEADERS)?;
        let rest = std::str::from_utf8(path.strip_prefix(b"request\0")?).ok()?;
        let name = match rest {
            "path" => ":path",
            "method" => ":method",
            "host" => ":authority",
            "scheme" => ":scheme",
            "id" => "x-request-id",
            "useragent" => "user-agent",
            "referer" => "referer",
            other => other.strip_prefix("headers\0")?,
        };
        let values: Vec<&[u8]> = values(headers, &canonical(name.as_bytes()));
        (!values.is_empty()).then(|| values.join(&b","[..]))
    }

    fn share(&mut self, key: &[u8], value: &[u8]) {
        self.cas += 1;
        self.shared.insert(key.to_vec(), (value.to_vec(), self.cas));
    }

    fn let_on(&mut self, context: u32) {
        if let Some(stream) = self.streams.get_mut(&context) {
            if stream.reply.is_none() && stream.upstream.is_none() {
                stream.upstream = Some(stream.headers.clone());
            }
            stream.access = Access::None;
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// Header maps

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control()) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// Envoy's names are lower case.
fn lower(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}

/// And among headers `host` is another name of `:authority`.
fn canonical(name: &[u8]) -> Vec<u8> {
    let name = lower(name);
    if name == b"host" { b":authority".to_vec() } else { name }
}

fn values<'a>(pairs: &'a Pairs, name: &[u8]) -> Vec<&'a [u8]> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_slice()).collect()
}

fn first<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a [u8]> {
    values(pairs, name.as_bytes()).into_iter().next()
}

fn add(pairs: &mut Pairs, name: &[u8], value: &[u8]) {
    let name = canonical(name);
    // `authorization` is one of Envoy's inline headers: a second one is appended to the first.
    if name == b"authorization"
        && let Some((_, present)) = pairs.iter_mut().find(|(key, _)| *key == name)
    {
        present.push(b',');
        present.extend_from_slice(value);
        return;
    }
    pairs.push((name, value.to_vec()));
}

fn replace(pairs: &mut Pairs, name: &[u8], value: &[u8]) {
    let name = canonical(name);
    match pairs.iter().position(|(key, _)| *key == name) {
        None => pairs.push((name, value.to_vec())),
        Some(place) => {
            pairs[place].1 = value.to_vec();
            let mut index = 0;
            pairs.retain(|(key, _)| {
                index += 1;
                *key != name || index - 1 == place
            });
        }
    }
}

fn pairs_of<V: AsRef<[u8]>>(headers: &[(&str, V)]) -> Pairs {
    let mut pairs = Pairs::new();
    for (name, value) in headers {
        add(&mut pairs, name.as_bytes(), value.as_ref());
    }
    pairs
}

fn encode(pairs: &Pairs) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    }
    for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

/// What Envoy makes of a block of pairs: a bad or too large one counts as empty.
fn decode(bytes: &[u8]) -> Pairs {
    fn parse(bytes: &[u8]) -> Option<Pairs> {
        let number = |at: usize| {
            let four = bytes.get(at..at.checked_add(4)?)?;
            Some(u32::from_le_bytes(four.try_into().ok()?) as usize)
        };
        let count = number(0)?;
        if count > MAX_PAIRS || bytes.len() > MAX_PAIR_BYTES {
            return None;
        }
        let mut at = 4 + 8 * count;
        let mut part = |size: usize| {
            let part = bytes.get(at..at.checked_add(size)?)?.to_vec();
            at += size + 1;
            Some(part)
        };
        (0..count).map(|n| Some((part(number(4 + 8 * n)?)?, part(number(8 + 8 * n)?)?))).collect()
    }
    parse(bytes).unwrap_or_default()
}

// ---------------------------------------------------------------------------------------------------------
// Test side

/// The host of this thread. Making a new one forgets the former's contexts and effects.
pub struct Host {
    initialize: fn(),
    /// The state belongs to the thread, so the handle must stay on it.
    thread_bound: PhantomData<*const ()>,
}

impl Host {
    /// `initialize` is what `proxy_wasm::main!` exports, or any function that registers a root context.
    pub fn new(initialize: fn()) -> Self {
        with(|state| *state = State { kept: state.kept.clone(), ..State::default() });
        Self { initialize, thread_bound: PhantomData }
    }

    // How the host is set up.

    pub fn config(self, config: impl AsRef<[u8]>) -> Self {
        self.set_config(config);
        self
    }

    /// A cluster calls can be made to.
    pub fn cluster(self, name: &str) -> Self {
        self.set_cluster(name, true);
        self
    }

    /// A cluster that exists and has no hosts.
    pub fn empty_cluster(self, name: &str) -> Self {
        self.set_cluster(name, false);
        self
    }

    /// The clock, in unix seconds.
    pub fn now(self, seconds: u64) -> Self {
        with(|state| state.now = seconds * 1_000_000_000);
        self
    }

    /// A property of every stream (and of roots too, for `plugin_…` and `xds.node`).
    pub fn property(self, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        self.set_property(path, value);
        self
    }

    pub fn foreign(self, name: &str, answer: impl Fn(&[u8]) -> Result<Vec<u8>, u32> + 'static) -> Self {
        with(|state| state.foreign.insert(name.to_owned(), Rc::new(answer)));
        self
    }

    pub fn shared(self, key: &str, value: &[u8]) -> Self {
        self.share(key, value);
        self
    }

    // What happens to it while it runs.

    pub fn set_config(&self, config: impl AsRef<[u8]>) {
        with(|state| state.config = config.as_ref().to_vec());
    }

    pub fn set_cluster(&self, name: &str, has_hosts: bool) {
        with(|state| state.clusters.insert(name.to_owned(), has_hosts));
    }

    pub fn set_property(&self, path: &[&str], value: impl AsRef<[u8]>) {
        let path = path.join("\0").into_bytes();
        with(|state| state.properties.insert(path, value.as_ref().to_vec()));
    }

    pub fn remove_cluster(&self, name: &str) {
        with(|state| state.clusters.remove(name));
    }

    pub fn advance(&self, seconds: u64) {
        self.advance_millis(seconds * 1000);
    }

    pub fn advance_millis(&self, milliseconds: u64) {
        with(|state| state.now += milliseconds * 1_000_000);
    }

    /// Somebody sets the clock back.
    pub fn set_back(&self, seconds: u64) {
        with(|state| state.now -= seconds * 1_000_000_000);
    }

    /// Another VM or plugin of the process writes this.
    pub fn share(&self, key: &str, value: &[u8]) {
        with(|state| state.share(key.as_bytes(), value));
    }

    /// It does so just before our next write, after we have read.
    pub fn share_first(&self, key: &str, value: &[u8]) {
        with(|state| state.share_first = Some((key.as_bytes().to_vec(), value.to_vec())));
    }

    /// From now on this import answers `status` and does nothing.
    pub fn fail(&self, function: &'static str, status: u32) {
        with(|state| state.failures.insert(function, status));
    }

    pub fn mend(&self, function: &'static str) {
        with(|state| state.failures.remove(function));
    }

    /// Creates a root context and configures it, as Envoy does at its start and, with a new configuration,
    /// at each update: in the same VM, beside the roots that are there.
    pub fn start(&self) -> Root {
        // The SDK sets the process-wide logger without a lock, so two threads must not come here at once.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

        let (id, who, vm_size, size) = with(|state| {
            state.kept.contexts += 1;
            let (id, who) = (state.kept.contexts, Who::Root(state.roots.len() + 1));
            let config = state.config.clone();
            let size = config.len();
            state.roots.insert(id, RootState { who, tick: 0, config, alive: true });
            (id, who, state.vm_config.len(), size)
        });
        keep_assertions_readable();
        enter(id, self.initialize);
        keep_assertions_readable();
        enter(id, || proxy_on_context_create(id, 0));
        let started = enter(id, || proxy_on_vm_start(id, vm_size));
        let configured = started && enter(id, || proxy_on_configure(id, size));
        keep_assertions_readable();
        Root { id, who, started, configured, thread_bound: PhantomData }
    }

    // What came of it.

    /// All effects so far.
    pub fn effects(&self) -> Vec<Effect> {
        with(|state| state.effects.clone())
    }

    /// What the client, the upstream or an issuer would notice, a line each: calls, replies, resumes.
    pub fn acts(&self) -> Vec<String> {
        with(|state| state.effects.iter().filter(|effect| effect.is_act()).map(Effect::to_string).collect())
    }

    /// Every effect on one context, a line each.
    pub fn story_of(&self, who: Who) -> Vec<String> {
        with(|state| {
            let its = state.effects.iter().filter(|effect| effect.context() == Some(who));
            its.map(Effect::to_string).collect()
        })
    }

    /// Forgets the effects so far, so that a test can speak of one step.
    pub fn forget_effects(&self) {
        with(|state| {
            state.effects.clear();
            state.calls_in_order.clear();
        });
    }

    /// Every import that was called since, reads too.
    pub fn calls_in_order(&self) -> Vec<&'static str> {
        with(|state| state.calls_in_order.clone())
    }

    /// Log lines of this level.
    pub fn logged(&self, wanted: LogLevel) -> Vec<String> {
        let line = |effect: &Effect| match effect {
            Effect::Log { level, message } if *level == wanted => Some(message.clone()),
            _ => None,
        };
        with(|state| state.effects.iter().filter_map(line).collect())
    }

    /// All that an operator's logs, metrics and traces would show: where no secret may be found.
    pub fn told(&self) -> String {
        let line = |effect: &Effect| match effect {
            Effect::Log { .. }
            | Effect::SetProperty { .. }
            | Effect::DefineMetric { .. }
            | Effect::Increment { .. }
            | Effect::Record { .. }
            | Effect::SetTick { .. }
            | Effect::SetShared { .. }
            | Effect::HttpCall { .. } => Some(format!("{effect} {effect:?}")),
            Effect::Reply { reply, .. } => Some(format!("{effect} {} {}", text(&reply.details), text(&reply.body))),
            _ => None,
        };
        with(|state| state.effects.iter().filter_map(line).collect::<Vec<_>>().join("\n"))
    }

    /// Imports that did not answer 0, with their status.
    pub fn refusals(&self) -> Vec<(&'static str, u32)> {
        with(|state| state.refusals.clone())
    }

    /// How often an import was called, reads too.
    pub fn calls_of(&self, function: &str) -> usize {
        with(|state| state.calls_made.get(function).copied().unwrap_or(0))
    }

    /// Tokens of calls not answered yet, oldest first.
    pub fn calls_under_way(&self) -> Vec<u32> {
        with(|state| state.calls.keys().copied().collect())
    }

    /// The same of one root.
    pub fn calls_under_way_of(&self, root: &Root) -> Vec<u32> {
        with(|state| state.calls.iter().filter(|(_, its)| **its == root.id).map(|(token, _)| *token).collect())
    }

    /// What is shared now, by key.
    pub fn all_shared(&self) -> Vec<(String, Vec<u8>)> {
        with(|state| state.shared.iter().map(|(key, (value, _))| (text(key), value.clone())).collect())
    }

    /// The tick a root has asked for last, in milliseconds; 0: none.
    pub fn tick_of(&self, root: &Root) -> u32 {
        with(|state| state.roots[&root.id].tick)
    }

    /// The last reply to a stream: when a filter replies twice, Envoy sends the second.
    pub fn reply_of(&self, stream: &Stream) -> Option<Reply> {
        with(|state| state.streams[&stream.id].reply.clone())
    }

    /// The request's headers as they are now.
    pub fn headers_of(&self, stream: &Stream) -> Pairs {
        with(|state| state.streams[&stream.id].headers.clone())
    }

    /// The request's trailers as they are now.
    pub fn trailers_of(&self, stream: &Stream) -> Pairs {
        with(|state| state.streams[&stream.id].trailers.clone().unwrap_or_default())
    }

    /// The headers a request went upstream with, by whatever way it was let on; `None` if it was not.
    pub fn upstream_headers_of(&self, stream: &Stream) -> Option<Pairs> {
        with(|state| state.streams[&stream.id].upstream.clone())
    }

    /// The values of one header sent upstream.
    pub fn upstream_header(&self, stream: &Stream, name: &str) -> Vec<String> {
        let headers = self.upstream_headers_of(stream).expect("the request went upstream");
        values(&headers, name.as_bytes()).into_iter().map(text).collect()
    }

    pub fn metric(&self, name: &str) -> u64 {
        with(|state| state.metric_values.get(name).copied().unwrap_or(0))
    }
}

/// One configured plugin.
pub struct Root {
    id: u32,
    who: Who,
    /// What `on_vm_start` and `on_configure` returned. Envoy refuses the configuration if either is false.
    pub started: bool,
    pub configured: bool,
    thread_bound: PhantomData<*const ()>,
}

impl Root {
    pub fn who(&self) -> Who {
        self.who
    }

    /// A request without a body.
    pub fn request<V: AsRef<[u8]>>(&self, headers: &[(&str, V)]) -> Stream {
        self.open(headers, true)
    }

    /// A request that will have a body.
    pub fn upload<V: AsRef<[u8]>>(&self, headers: &[(&str, V)]) -> Stream {
        self.open(headers, false)
    }

    fn open<V: AsRef<[u8]>>(&self, headers: &[(&str, V)], end_of_stream: bool) -> Stream {
        assert!(self.configured, "Envoy sends no request to a plugin that refused its configuration");
        let headers = pairs_of(headers);
        let count = headers.len();
        let (id, who) = with(|state| {
            state.kept.contexts += 1;
            let (id, who) = (state.kept.contexts, Who::Stream(state.streams.len() + 1));
            let stream = StreamState {
                who,
                root: self.id,
                headers,
                access: Access::ReadWrite,
                trailers: None,
                body: None,
                response: None,
                unanswered: Vec::new(),
                reply: None,
                upstream: None,
                properties: BTreeMap::new(),
                alive: true,
            };
            state.streams.insert(id, stream);
            (id, who)
        });
        enter(self.id, || proxy_on_context_create(id, self.id));
        let action = on_stream(id, || proxy_on_request_headers(id, count, end_of_stream));
        Stream { id, who, action, thread_bound: PhantomData }
    }

    /// One beat of the timer; Envoy beats only for a root that asked for it.
    pub fn tick(&self) {
        let period = with(|state| state.roots[&self.id].tick);
        assert_ne!(period, 0, "{} has not asked for ticks", self.who);
        enter(self.id, || proxy_on_tick(self.id));
    }

    pub fn answer_call<V: AsRef<[u8]>>(&self, token: u32, headers: &[(&str, V)], body: &[u8]) {
        self.end_call(token, Some(pairs_of(headers)), body);
    }

    /// What a timeout in mid-body, a reset or a body over Envoy's limit look like.
    pub fn fail_call(&self, token: u32) {
        self.end_call(token, None, b"");
    }

    /// A call that failed while an answer of before can still be read: the count of 0 alone tells.
    pub fn fail_call_over<V: AsRef<[u8]>>(&self, token: u32, headers: &[(&str, V)], body: &[u8]) {
        self.end_call_with(token, Some(pairs_of(headers)), 0, body);
    }

    fn end_call(&self, token: u32, headers: Option<Pairs>, body: &[u8]) {
        let count = headers.as_ref().map_or(0, Pairs::len);
        self.end_call_with(token, headers, count, body);
    }

    fn end_call_with(&self, token: u32, headers: Option<Pairs>, count: usize, body: &[u8]) {
        with(|state| {
            let root = state.calls.remove(&token);
            assert_eq!(root, Some(self.id), "{} has no call {token} under way", self.who);
            state.answer = Some(Answer { root: self.id, headers, body: body.to_vec() });
        });
        enter(self.id, || proxy_on_http_call_response(self.id, token, count, body.len(), 0));
        with(|state| state.answer = None);
    }

    /// The plugin goes. Its calls are cancelled: they get no answer.
    pub fn close(self) {
        enter(self.id, || proxy_on_done(self.id));
        enter(self.id, || proxy_on_delete(self.id));
        with(|state| {
            state.calls.retain(|_, root| *root != self.id);
            state.roots.get_mut(&self.id).expect("this root was created").alive = false;
        });
    }
}

/// One request.
pub struct Stream {
    id: u32,
    who: Who,
    /// What `on_request_headers` returned.
    pub action: Action,
    thread_bound: PhantomData<*const ()>,
}

impl Stream {
    pub fn who(&self) -> Who {
        self.who
    }

    /// A piece of the body. While the headers are paused Envoy calls this only with
    /// `allow_on_headers_stop_iteration`, and there `Continue` lets the headers go.
    pub fn body(&self, body: &[u8], end_of_stream: bool) -> Action {
        self.mut_state(|stream| stream.body = Some(body.to_vec()));
        on_stream(self.id, || proxy_on_request_body(self.id, body.len(), end_of_stream))
    }

    pub fn trailers<V: AsRef<[u8]>>(&self, trailers: &[(&str, V)]) -> Action {
        // No field of trailers has another name, nor are any joined.
        let pairs = trailers.iter().map(|(name, value)| (lower(name.as_bytes()), value.as_ref().to_vec())).collect();
        self.mut_state(|stream| stream.trailers = Some(pairs));
        on_stream(self.id, || proxy_on_request_trailers(self.id, trailers.len()))
    }

    /// The upstream's answer.
    pub fn response<V: AsRef<[u8]>>(&self, headers: &[(&str, V)], end_of_stream: bool) -> Action {
        self.mut_state(|stream| stream.response = Some(pairs_of(headers)));
        let action = enter(self.id, || proxy_on_response_headers(self.id, headers.len(), end_of_stream));
        self.mut_state(|stream| stream.response = None);
        action_of(action)
    }

    /// The stream ends, because it was answered or because the client went away.
    pub fn close(&self) {
        self.mut_state(|stream| stream.access = Access::Read);
        enter(self.id, || proxy_on_log(self.id));
        self.mut_state(|stream| stream.access = Access::None);
        enter(self.id, || proxy_on_done(self.id));
        enter(self.id, || proxy_on_delete(self.id));
        self.mut_state(|stream| stream.alive = false);
    }

    fn mut_state<R>(&self, change: impl FnOnce(&mut StreamState) -> R) -> R {
        with(|state| {
            let stream = state.streams.get_mut(&self.id).expect("this stream was created");
            assert!(stream.alive, "{} is closed: Envoy calls it no more", self.who);
            change(stream)
        })
    }
}

fn action_of(action: u32) -> Action {
    match action {
        0 => Action::Continue,
        1 => Action::Pause,
        other => panic!("{other} is not an action"),
    }
}

/// A callback of the request path: `Continue` lets the request on, unless it was answered.
fn on_stream(id: u32, callback: impl FnOnce() -> u32) -> Action {
    let action = action_of(enter(id, callback));
    with(|state| {
        if action == Action::Continue && state.streams[&id].reply.is_none() {
            state.let_on(id);
        }
    });
    action
}

/// Runs one callback of the guest: the effective context is the called one until the guest changes it.
fn enter<R>(context: u32, callback: impl FnOnce() -> R) -> R {
    with(|state| (state.callback, state.effective) = (context, context));
    IN_GUEST.set(true);
    let result = callback();
    IN_GUEST.set(false);
    with(|state| (state.callback, state.effective) = (0, 0));
    send_replies();
    result
}

/// Envoy sends local replies after the callback returned, and through the filter's response callbacks.
fn send_replies() {
    let waiting: Vec<(u32, Reply)> = with(|state| {
        let all = state.streams.iter_mut().filter(|(_, stream)| stream.alive);
        all.flat_map(|(id, stream)| stream.unanswered.drain(..).map(|reply| (*id, reply))).collect()
    });
    for (id, reply) in waiting {
        let mut headers = vec![(b":status".to_vec(), reply.status.to_string().into_bytes())];
        headers.extend(reply.headers);
        let count = headers.len();
        with(|state| state.streams.get_mut(&id).expect("it replied").response = Some(headers));
        enter(id, || proxy_on_response_headers(id, count, reply.body.is_empty()));
        with(|state| state.streams.get_mut(&id).expect("it replied").response = None);
    }
}

/// A filter may install a panic hook that hides the message. That must not hide a test's assertions, so
/// the hook stays ours; and a panic of the filter, which aborts, is written past libtest's capture.
fn keep_assertions_readable() {
    type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;
    static OUTSIDE: OnceLock<Hook> = OnceLock::new();
    OUTSIDE.get_or_init(panic::take_hook);
    panic::set_hook(Box::new(|info| {
        if IN_GUEST.get() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("?");
            // Nothing is left to do if even this can't be written.
            let _ = writeln!(std::io::stderr(), "\nthe filter panicked in `{name}`: {info}");
        } else if let Some(outside) = OUTSIDE.get() {
            outside(info);
        }
    }));
}

// ---------------------------------------------------------------------------------------------------------
// The guest's callbacks. The SDK declares `Action` where these say u32: a number that is no action must not
// become an invalid enum here.

unsafe extern "C" {
    safe fn proxy_on_memory_allocate(size: usize) -> *mut u8;
    safe fn proxy_on_context_create(context: u32, root: u32);
    safe fn proxy_on_vm_start(context: u32, size: usize) -> bool;
    safe fn proxy_on_configure(context: u32, size: usize) -> bool;
    safe fn proxy_on_tick(context: u32);
    safe fn proxy_on_request_headers(context: u32, count: usize, end_of_stream: bool) -> u32;
    safe fn proxy_on_request_body(context: u32, size: usize, end_of_stream: bool) -> u32;
    safe fn proxy_on_request_trailers(context: u32, count: usize) -> u32;
    safe fn proxy_on_response_headers(context: u32, count: usize, end_of_stream: bool) -> u32;
    safe fn proxy_on_http_call_response(context: u32, token: u32, headers: usize, body: usize, trailers: usize);
    safe fn proxy_on_done(context: u32) -> bool;
    safe fn proxy_on_log(context: u32);
    safe fn proxy_on_delete(context: u32);
}

// ---------------------------------------------------------------------------------------------------------
// The imports. Signatures are those of the SDK's `hostcalls.rs`; what they return is the SDK's `Status` as
// the number it is. SAFETY, for all of them: the guest passes pointers that are valid for the call, with
// their lengths, and places to write results to; null only with length 0.

/// Counts the call, answers a scripted failure, else does the work. Also safe to call while the thread ends
/// and its guest contexts are dropped: then there is no host any more.
fn import(name: &'static str, work: impl FnOnce(&mut State) -> u32) -> u32 {
    let answer = HOST.try_with(|state| {
        let Ok(mut state) = state.try_borrow_mut() else {
            return INTERNAL_FAILURE;
        };
        *state.calls_made.entry(name).or_default() += 1;
        state.calls_in_order.push(name);
        let status = match state.failures.get(name) {
            Some(status) => *status,
            None => work(&mut state),
        };
        if status != OK {
            state.refusals.push((name, status));
        }
        status
    });
    answer.unwrap_or(INTERNAL_FAILURE)
}

unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if data.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } }
}

unsafe fn string(data: *const u8, size: usize) -> String {
    text(unsafe { bytes(data, size) })
}

/// Hands a value to the guest in memory from the guest's own allocator, which the SDK takes over with
/// `Vec::from_raw_parts(data, size, size)`. Nothing to hand over is a null pointer, as in Envoy.
unsafe fn give(value: &[u8], data: *mut *mut u8, size: *mut usize) -> u32 {
    unsafe {
        if value.is_empty() {
            *data = std::ptr::null_mut();
        } else {
            *data = proxy_on_memory_allocate(value.len());
            std::ptr::copy_nonoverlapping(value.as_ptr(), *data, value.len());
        }
        *size = value.len();
    }
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_log(level: u32, data: *const u8, size: usize) -> u32 {
    let message = unsafe { string(data, size) };
    let level = match level {
        0 => LogLevel::Trace,
        1 => LogLevel::Debug,
        2 => LogLevel::Info,
        3 => LogLevel::Warn,
        4 => LogLevel::Error,
        _ => LogLevel::Critical,
    };
    import("proxy_log", |state| {
        state.effects.push(Effect::Log { level, message });
        OK
    })
}

/// Everything is asked for, so that a secret at any level is seen.
#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_log_level(level: *mut u32) -> u32 {
    import("proxy_get_log_level", |_| {
        unsafe { *level = 0 };
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32 {
    import("proxy_get_current_time_nanoseconds", |state| {
        unsafe { *time = state.now };
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_tick_period_milliseconds(milliseconds: u32) -> u32 {
    import("proxy_set_tick_period_milliseconds", |state| {
        // A stream that asks arms its root's timer.
        let id = state.root_of(state.effective);
        let Some(root) = state.roots.get_mut(&id) else {
            return BAD_ARGUMENT;
        };
        root.tick = milliseconds;
        let root = root.who;
        state.effects.push(Effect::SetTick { root, milliseconds });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_buffer_bytes(
    buffer: u32,
    start: usize,
    max_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    import("proxy_get_buffer_bytes", |state| {
        let Some(buffer) = state.buffer(buffer) else {
            return NOT_FOUND;
        };
        let Some(end) = start.checked_add(max_size) else {
            return BAD_ARGUMENT;
        };
        let part = buffer.get(start..end.min(buffer.len())).unwrap_or_default();
        unsafe { give(part, data, size) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_buffer_bytes(
    buffer: u32,
    start: usize,
    length: usize,
    data: *const u8,
    size: usize,
) -> u32 {
    let value = unsafe { bytes(data, size) };
    import("proxy_set_buffer_bytes", |state| {
        let context = state.effective_who();
        let stream = state.stream().filter(|_| buffer == REQUEST_BODY);
        let Some(body) = stream.and_then(|stream| stream.body.as_mut()) else {
            return BAD_ARGUMENT;
        };
        let start = start.min(body.len());
        let end = start.saturating_add(length).min(body.len());
        body.splice(start..end, value.iter().copied());
        let body = body.clone();
        state.effects.push(Effect::SetBody { context, body });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32 {
    import("proxy_get_header_map_pairs", |state| {
        // Envoy answers for a map that is not there as for an empty one: success, and nothing.
        let pairs = state.readable(map).filter(|pairs| !pairs.is_empty()).map(encode);
        unsafe { give(&pairs.unwrap_or_default(), data, size) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_header_map_pairs(map: u32, data: *const u8, size: usize) -> u32 {
    let pairs = decode(unsafe { bytes(data, size) });
    import("proxy_set_header_map_pairs", |state| {
        let Some(headers) = state.writable(map) else {
            return BAD_ARGUMENT;
        };
        headers.clear();
        for (name, value) in &pairs {
            add(headers, name, value);
        }
        let context = state.effective_who();
        state.effects.push(Effect::SetAll { context, pairs });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    let name = canonical(unsafe { bytes(name, name_size) });
    import("proxy_get_header_map_value", |state| {
        let Some(headers) = state.readable(map) else {
            return BAD_ARGUMENT;
        };
        // The first of several only: Envoy's own source calls that a potential security issue.
        let Some((_, value)) = headers.iter().find(|(key, _)| *key == name) else {
            return NOT_FOUND;
        };
        unsafe { give(value, data, size) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32 {
    let name = unsafe { bytes(name, name_size) };
    import("proxy_remove_header_map_value", |state| {
        let Some(headers) = state.writable(map) else {
            return BAD_ARGUMENT;
        };
        let key = if map == REQUEST_TRAILERS { lower(name) } else { canonical(name) };
        headers.retain(|(present, _)| *present != key);
        let context = state.effective_who();
        state.effects.push(Effect::Remove { context, name: text(name) });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_replace_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    let (name, value) = unsafe { (bytes(name, name_size), bytes(value, value_size)) };
    import("proxy_replace_header_map_value", |state| {
        let Some(headers) = state.writable(map) else {
            return BAD_ARGUMENT;
        };
        replace(headers, name, value);
        let context = state.effective_who();
        state.effects.push(Effect::Replace { context, name: text(name), value: value.to_vec() });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_add_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    let (name, value) = unsafe { (bytes(name, name_size), bytes(value, value_size)) };
    import("proxy_add_header_map_value", |state| {
        let Some(headers) = state.writable(map) else {
            return BAD_ARGUMENT;
        };
        add(headers, name, value);
        let context = state.effective_who();
        state.effects.push(Effect::Add { context, name: text(name), value: value.to_vec() });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_property(
    path: *const u8,
    path_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    let path = unsafe { bytes(path, path_size) };
    import("proxy_get_property", |state| match state.property(path) {
        Some(value) => unsafe { give(&value, data, size) },
        None => NOT_FOUND,
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32 {
    let (path, value) = unsafe { (bytes(path, path_size), bytes(value, value_size)) };
    import("proxy_set_property", |state| {
        let context = state.effective_who();
        let Some(stream) = state.stream() else {
            return NOT_FOUND;
        };
        stream.properties.insert(path.to_vec(), value.to_vec());
        let path = text(path).replace("\\x00", ".");
        state.effects.push(Effect::SetProperty { context, path, value: value.to_vec() });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_shared_data(
    key: *const u8,
    key_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
    cas: *mut u32,
) -> u32 {
    let key = unsafe { bytes(key, key_size) };
    import("proxy_get_shared_data", |state| {
        let Some((value, number)) = state.shared.get(key) else {
            return NOT_FOUND;
        };
        unsafe {
            *cas = *number;
            give(value, data, size)
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_shared_data(
    key: *const u8,
    key_size: usize,
    value: *const u8,
    value_size: usize,
    cas: u32,
) -> u32 {
    let (key, value) = unsafe { (bytes(key, key_size), bytes(value, value_size)) };
    import("proxy_set_shared_data", |state| {
        if let Some((key, value)) = state.share_first.take() {
            state.share(&key, &value);
        }
        // Envoy compares only where there is something to compare with: a number for a missing key creates.
        if cas != 0 && state.shared.get(key).is_some_and(|(_, number)| *number != cas) {
            return CAS_MISMATCH;
        }
        state.share(key, value);
        state.effects.push(Effect::SetShared { key: text(key), value: value.to_vec() });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_register_shared_queue(name: *const u8, name_size: usize, id: *mut u32) -> u32 {
    let name = unsafe { bytes(name, name_size) };
    import("proxy_register_shared_queue", |state| {
        let place = state.queues.iter().position(|(queue, _)| queue == name).unwrap_or_else(|| {
            state.queues.push((name.to_vec(), VecDeque::new()));
            state.queues.len() - 1
        });
        unsafe { *id = place as u32 + 1 };
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_resolve_shared_queue(
    _vm: *const u8,
    _vm_size: usize,
    name: *const u8,
    name_size: usize,
    id: *mut u32,
) -> u32 {
    let name = unsafe { bytes(name, name_size) };
    import("proxy_resolve_shared_queue", |state| {
        let Some(place) = state.queues.iter().position(|(queue, _)| queue == name) else {
            return NOT_FOUND;
        };
        unsafe { *id = place as u32 + 1 };
        OK
    })
}

fn queue(state: &mut State, id: u32) -> Option<&mut VecDeque<Vec<u8>>> {
    let (_, queue) = state.queues.get_mut(id.checked_sub(1)? as usize)?;
    Some(queue)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_dequeue_shared_queue(id: u32, data: *mut *mut u8, size: *mut usize) -> u32 {
    import("proxy_dequeue_shared_queue", |state| {
        let Some(queue) = queue(state, id) else {
            return NOT_FOUND;
        };
        let Some(value) = queue.pop_front() else {
            return EMPTY;
        };
        unsafe { give(&value, data, size) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_enqueue_shared_queue(id: u32, value: *const u8, value_size: usize) -> u32 {
    let value = unsafe { bytes(value, value_size) };
    import("proxy_enqueue_shared_queue", |state| {
        let Some(queue) = queue(state, id) else {
            return NOT_FOUND;
        };
        queue.push_back(value.to_vec());
        state.effects.push(Effect::Enqueue { queue: id, value: value.to_vec() });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_continue_stream(kind: u32) -> u32 {
    import("proxy_continue_stream", |state| {
        let context = state.effective_who();
        match kind {
            0 => {
                state.let_on(state.effective);
                state.effects.push(Effect::Continue { context });
                OK
            }
            1 => {
                // Before there is a response this crashes Envoy; after, it too drops the request's headers.
                let answering = state.stream().is_some_and(|stream| stream.response.is_some());
                assert!(answering, "{context} resumed a response that is not there: Envoy crashes");
                state.effects.push(Effect::ContinueResponse { context });
                OK
            }
            _ => BAD_ARGUMENT,
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_close_stream(kind: u32) -> u32 {
    import("proxy_close_stream", |state| {
        if kind > 3 {
            return BAD_ARGUMENT;
        }
        let context = state.effective_who();
        state.effects.push(Effect::Close { context });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_send_local_response(
    status: u32,
    details: *const u8,
    details_size: usize,
    body: *const u8,
    body_size: usize,
    headers: *const u8,
    headers_size: usize,
    grpc_status: i32,
) -> u32 {
    let (details, body, headers) = unsafe {
        (bytes(details, details_size).to_vec(), bytes(body, body_size).to_vec(), bytes(headers, headers_size))
    };
    import("proxy_send_local_response", |state| {
        let reply = Reply { status, headers: decode(headers), body, details, grpc_status };
        let context = state.effective_who();
        // On a root Envoy says all is well and sends nothing. The effect shows whom it was meant for.
        if let Some(stream) = state.stream() {
            stream.reply = Some(reply.clone());
            // A reply from within a reply's own response callbacks would run them without end.
            if stream.response.is_none() {
                stream.unanswered.push(reply.clone());
            }
        }
        state.effects.push(Effect::Reply { context, reply });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_http_call(
    upstream: *const u8,
    upstream_size: usize,
    headers: *const u8,
    headers_size: usize,
    body: *const u8,
    body_size: usize,
    _trailers: *const u8,
    _trailers_size: usize,
    timeout: u32,
    token: *mut u32,
) -> u32 {
    let (upstream, headers, body) =
        unsafe { (string(upstream, upstream_size), bytes(headers, headers_size), bytes(body, body_size)) };
    import("proxy_http_call", |state| {
        let Some(has_hosts) = state.clusters.get(&upstream).copied() else {
            return BAD_ARGUMENT;
        };
        let mut pairs = Pairs::new();
        for (name, value) in decode(headers) {
            add(&mut pairs, &name, &value);
        }
        if [":method", ":path", ":authority"].iter().any(|name| first(&pairs, name).is_none()) {
            return BAD_ARGUMENT;
        }
        // Numbers go up in steps of four, also when the sending fails.
        state.kept.tokens += 4;
        let number = state.kept.tokens;
        if !has_hosts {
            return INTERNAL_FAILURE;
        }
        let root = state.root_of(state.effective);
        state.calls.insert(number, root);
        unsafe { *token = number };
        state.effects.push(Effect::HttpCall {
            callback: state.who(state.callback),
            cluster: upstream,
            headers: pairs,
            body: body.to_vec(),
            timeout,
            token: number,
        });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_effective_context(context: u32) -> u32 {
    import("proxy_set_effective_context", |state| {
        if !state.alive(context) {
            return BAD_ARGUMENT;
        }
        state.effective = context;
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_call_foreign_function(
    name: *const u8,
    name_size: usize,
    arguments: *const u8,
    arguments_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    let (name, arguments) = unsafe { (string(name, name_size), bytes(arguments, arguments_size)) };
    import("proxy_call_foreign_function", |state| {
        let Some(function) = state.foreign.get(&name).cloned() else {
            return NOT_FOUND;
        };
        state.effects.push(Effect::Foreign { name, arguments: arguments.to_vec() });
        match function(arguments) {
            Ok(result) => unsafe { give(&result, data, size) },
            Err(status) => status,
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_done() -> u32 {
    import("proxy_done", |state| {
        state.effects.push(Effect::Done);
        OK
    })
}

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;

/// As in Envoy each definition gives a new number, and numbers of one name share one value.
#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32 {
    let name = unsafe { string(name, name_size) };
    import("proxy_define_metric", |state| {
        if kind > HISTOGRAM {
            return BAD_ARGUMENT;
        }
        state.kept.metrics.push((kind, name.clone()));
        unsafe { *id = state.kept.metrics.len() as u32 };
        state.effects.push(Effect::DefineMetric { name });
        OK
    })
}

fn kind_and_name(state: &State, id: u32) -> Option<(u32, String)> {
    state.kept.metrics.get(id.checked_sub(1)? as usize).cloned()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_increment_metric(id: u32, offset: i64) -> u32 {
    import("proxy_increment_metric", |state| {
        let Some((kind, metric)) = kind_and_name(state, id) else {
            return NOT_FOUND;
        };
        if kind == HISTOGRAM || (kind == COUNTER && offset <= 0) {
            return BAD_ARGUMENT;
        }
        let value = state.metric_values.entry(metric.clone()).or_default();
        *value = value.wrapping_add_signed(offset);
        state.effects.push(Effect::Increment { metric, offset });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_record_metric(id: u32, value: u64) -> u32 {
    import("proxy_record_metric", |state| {
        let Some((kind, metric)) = kind_and_name(state, id) else {
            return NOT_FOUND;
        };
        let present = state.metric_values.entry(metric.clone()).or_default();
        match kind {
            COUNTER => *present += value,
            _ => *present = value,
        }
        state.effects.push(Effect::Record { metric, value });
        OK
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_metric(id: u32, value: *mut u64) -> u32 {
    import("proxy_get_metric", |state| {
        let Some((kind, metric)) = kind_and_name(state, id) else {
            return NOT_FOUND;
        };
        if !matches!(kind, COUNTER | GAUGE) {
            return BAD_ARGUMENT;
        }
        unsafe { *value = state.metric_values.get(&metric).copied().unwrap_or(0) };
        OK
    })
}

// gRPC calls are no part of this filter's life. They must exist for the linker; they say so when called.

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_call(
    _upstream: *const u8,
    _upstream_size: usize,
    _service: *const u8,
    _service_size: usize,
    _method: *const u8,
    _method_size: usize,
    _metadata: *const u8,
    _metadata_size: usize,
    _message: *const u8,
    _message_size: usize,
    _timeout: u32,
    _id: *mut u32,
) -> u32 {
    import("proxy_grpc_call", |_| INTERNAL_FAILURE)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_stream(
    _upstream: *const u8,
    _upstream_size: usize,
    _service: *const u8,
    _service_size: usize,
    _method: *const u8,
    _method_size: usize,
    _metadata: *const u8,
    _metadata_size: usize,
    _id: *mut u32,
) -> u32 {
    import("proxy_grpc_stream", |_| INTERNAL_FAILURE)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_send(_token: u32, _message: *const u8, _size: usize, _end: bool) -> u32 {
    import("proxy_grpc_send", |_| NOT_FOUND)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_cancel(_token: u32) -> u32 {
    import("proxy_grpc_cancel", |_| NOT_FOUND)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_close(_token: u32) -> u32 {
    import("proxy_grpc_close", |_| NOT_FOUND)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_status(code: *mut u32, data: *mut *mut u8, size: *mut usize) -> u32 {
    import("proxy_get_status", |_| unsafe {
        *code = 0;
        give(b"", data, size)
    })
}
