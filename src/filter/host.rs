//! Every host call, with bytes in and bytes out, and each status as a value.
//!
//! The SDK's own wrappers panic on any status they do not expect and on any header that is not UTF-8, and their status
//! type is undefined for three that a host may send. So [`super::imports`] declares the calls anew.

use std::time::Duration;

use super::imports;
use crate::abi::{HostError, Pairs, read_pairs, write_pairs};
use crate::jwks::{Answer, Fetch, FetchError, NotWritten, SharedData};
use crate::reply::Reply;
use crate::request::{Mutation, RequestHead};
use crate::secret::Secret;
use crate::time::UnixTime;

// The ABI's numbers for what a call is about.
pub(super) const REQUEST_HEADERS: u32 = 0;
pub(super) const REQUEST_TRAILERS: u32 = 1;
pub(super) const REQUEST_BODY: u32 = 0;
const CALL_RESPONSE_HEADERS: u32 = 6;
const CALL_RESPONSE_BODY: u32 = 4;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;
const REQUEST_STREAM: u32 = 0;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

/// Envoy chooses the gRPC status by the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

pub(super) fn request_head() -> Result<RequestHead, HostError> {
    RequestHead::read(header_map(REQUEST_HEADERS)?).ok_or(HostError::PARSE_FAILURE)
}

#[cfg(feature = "trap-for-tests")]
pub(super) fn request_field(name: &str) -> Option<Vec<u8>> {
    field(REQUEST_HEADERS, name)
}

pub(super) fn request_trailers() -> Result<Pairs, HostError> {
    read_pairs(&header_map(REQUEST_TRAILERS)?).ok_or(HostError::PARSE_FAILURE)
}

fn header_map(map: u32) -> Result<Vec<u8>, HostError> {
    imports::header_map_pairs(map)
}

pub(super) fn change(map: u32, mutation: &Mutation) -> Result<(), HostError> {
    match mutation {
        Mutation::Remove(name) => imports::remove_header_map_value(map, name),
        Mutation::Set(name, value) => imports::replace_header_map_value(map, name.as_bytes(), value),
        Mutation::Add(name, value) => imports::add_header_map_value(map, name.as_bytes(), value),
    }
}

/// The property at this path, whose parts a NUL parts; `None` where there is none.
pub(super) fn property(path: &str) -> Result<Option<Vec<u8>>, HostError> {
    match imports::property(path) {
        Ok(value) => Ok(Some(value)),
        Err(HostError::NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets filter state `wasm.NAME` of the request.
pub(super) fn set_filter_state(name: &str, value: &str) -> Result<(), HostError> {
    imports::set_property(name, value)
}

pub(super) fn send(reply: &Reply) -> Result<(), HostError> {
    let headers = write_pairs(&reply.headers);
    imports::send_local_response(reply.status, &reply.details, &headers, &reply.body, NO_GRPC_STATUS)
}

/// Lets a paused request go on. Its headers cannot be changed afterwards.
pub(super) fn continue_request() -> Result<(), HostError> {
    imports::continue_stream(REQUEST_STREAM)
}

/// Turns the calls that follow to that stream; fails where it is gone.
pub(super) fn act_on(context: u32) -> Result<(), HostError> {
    imports::set_effective_context(context)
}

/// Has the root's `on_tick` called after this long and again each time; `None` stops it.
pub(super) fn tick_every(period: Option<Duration>) -> Result<(), HostError> {
    let millis = period.map_or(0, |period| u32::try_from(period.as_millis()).unwrap_or(u32::MAX).max(1));
    imports::set_tick_period_milliseconds(millis)
}

pub(super) fn now() -> Result<UnixTime, HostError> {
    imports::current_time_nanoseconds().map(UnixTime::from_nanos)
}

/// What stands in that variable of the VM's environment.
pub(super) fn environment(name: &str) -> Option<Secret> {
    std::env::var(name).ok().map(Secret::new)
}

/// Calls a function that is not part of the ABI; `None` where the host has none of that name, or it fails.
pub(super) fn foreign(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    imports::call_foreign_function(name, arguments).ok()
}

pub(super) fn define_counter(name: &str) -> Result<u32, HostError> {
    imports::define_metric(COUNTER, name)
}

pub(super) fn define_gauge(name: &str) -> Result<u32, HostError> {
    imports::define_metric(GAUGE, name)
}

/// Adds to a counter or a gauge; only a gauge can lose.
pub(super) fn change_metric(metric: u32, change: i64) -> Result<(), HostError> {
    imports::increment_metric(metric, change)
}

pub(super) fn record(gauge: u32, value: u64) -> Result<(), HostError> {
    imports::record_metric(gauge, value)
}

/// What the process's VMs with our `vm_id` share.
pub(super) struct Shared;

/// A value that is there already never has this number, so that with it a value is only made where there is none.
const NO_VALUE: u32 = u32::MAX;

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        imports::shared_data(name).ok()
    }

    fn set(&self, name: &str, value: &[u8], number: Option<u32>) -> Result<(), NotWritten> {
        imports::set_shared_data(name, value, number.unwrap_or(NO_VALUE)).map_err(|error| match error {
            HostError::CAS_MISMATCH => NotWritten::Changed,
            _ => NotWritten::Unavailable,
        })
    }
}

/// Makes a callout. This is the SDK's own call, for the SDK has to remember whose answer it will be.
pub(super) fn dispatch(fetch: &Fetch) -> Option<u32> {
    let mut headers = vec![
        (":method", "GET"),
        (":scheme", fetch.uri.scheme),
        (":authority", fetch.uri.authority.as_str()),
        (":path", fetch.uri.path.as_str()),
        ("accept", "application/json"),
        ("user-agent", concat!("postern/", env!("CARGO_PKG_VERSION"))),
    ];
    headers.extend(fetch.if_none_match.as_deref().map(|mark| ("if-none-match", mark)));
    headers.extend(fetch.no_cache.then_some(("cache-control", "no-cache")));
    proxy_wasm::hostcalls::dispatch_http_call(&fetch.cluster, headers, None, Vec::new(), fetch.timeout).ok()
}

/// What the callout brought. The size is checked before the body is copied into this VM.
pub(super) fn answer(fetch: &Fetch, headers: usize, body_size: usize) -> Result<Answer, FetchError> {
    // No headers: Envoy got no answer, or lost it half-way.
    let field = |name: &str| if headers == 0 { None } else { self::field(CALL_RESPONSE_HEADERS, name) };
    let status = field(":status").and_then(|status| std::str::from_utf8(&status).ok()?.parse().ok());
    if let Some(error) = FetchError::of_answer(fetch, status, body_size) {
        return Err(error);
    }
    Ok(Answer {
        status: status.unwrap_or_default(),
        body: buffer(CALL_RESPONSE_BODY, body_size).map_err(|_| FetchError::NoAnswer)?,
        cache_control: field("cache-control"),
        age: field("age"),
        etag: field("etag"),
    })
}

fn field(map: u32, name: &str) -> Option<Vec<u8>> {
    imports::header_map_value(map, name).ok()
}

pub(super) fn buffer(buffer: u32, size: usize) -> Result<Vec<u8>, HostError> {
    match imports::buffer_bytes(buffer, size) {
        // An empty body or configuration is not there for the host.
        Err(HostError::NOT_FOUND) => Ok(Vec::new()),
        result => result,
    }
}
