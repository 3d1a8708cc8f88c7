//! Every host call, with bytes in and bytes out, and each status as a value.
//!
//! The SDK's own wrappers panic on any status they do not expect and on any header that is not UTF-8, and their status
//! type is undefined for three that a host may send. So this declares the imports itself: the one place with `unsafe`.
//! Each call passes pointers into slices that outlive it, and takes over what the host allocated for us.

#![allow(unsafe_code, reason = "raw host calls cannot be made without it; `bytes` says why it is sound")]

use std::time::Duration;

use crate::abi::{HostError, Pairs, read_pairs, write_pairs};
use crate::jwks::{Answer, Fetch, FetchError, NotWritten, SharedData};
use crate::reply::Reply;
use crate::request::{Mutation, RequestHead};
use crate::time::UnixTime;

// The ABI's numbers for what a call is about.
pub(super) const REQUEST_HEADERS: u32 = 0;
pub(super) const REQUEST_TRAILERS: u32 = 1;
const CALL_RESPONSE_HEADERS: u32 = 6;
const CALL_RESPONSE_BODY: u32 = 4;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;
const REQUEST_STREAM: u32 = 0;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

/// Envoy chooses the gRPC status by the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
#[rustfmt::skip]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(map: u32, name: *const u8, name_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_add_header_map_value(map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
        headers: *const u8, headers_size: usize, grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8, name_size: usize, arguments: *const u8, arguments_size: usize,
        data: *mut *mut u8, size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_shared_data(name: *const u8, name_size: usize, data: *mut *mut u8, size: *mut usize, cas: *mut u32) -> u32;
    fn proxy_set_shared_data(name: *const u8, name_size: usize, data: *const u8, size: usize, cas: u32) -> u32;
}

/// Runs a call that returns bytes.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, HostError> {
    let mut data: *mut u8 = std::ptr::null_mut();
    let mut size = 0;
    HostError::check(call(&raw mut data, &raw mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host got this memory from `proxy_on_memory_allocate`, which the SDK exports and which makes a boxed
    // slice of exactly `size` bytes with the global allocator; the host filled it and hands it over.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

pub(super) fn request_head() -> Result<RequestHead, HostError> {
    RequestHead::read(header_map(REQUEST_HEADERS)?).ok_or(HostError::PARSE_FAILURE)
}

pub(super) fn request_trailers() -> Result<Pairs, HostError> {
    read_pairs(&header_map(REQUEST_TRAILERS)?).ok_or(HostError::PARSE_FAILURE)
}

fn header_map(map: u32) -> Result<Vec<u8>, HostError> {
    bytes(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })
}

pub(super) fn change(map: u32, mutation: &Mutation) -> Result<(), HostError> {
    HostError::check(match mutation {
        Mutation::Remove(name) => unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) },
        Mutation::Set(name, value) => unsafe {
            proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        },
        Mutation::Add(name, value) => unsafe {
            proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        },
    })
}

/// The property at this path, whose parts a NUL parts; `None` where there is none.
pub(super) fn property(path: &str) -> Result<Option<Vec<u8>>, HostError> {
    match bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }) {
        Ok(value) => Ok(Some(value)),
        Err(HostError::NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets filter state `wasm.NAME` of the request.
pub(super) fn set_filter_state(name: &str, value: &str) -> Result<(), HostError> {
    HostError::check(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

pub(super) fn send(reply: &Reply) -> Result<(), HostError> {
    let headers = write_pairs(&reply.headers);
    let (details, body) = (reply.details.as_bytes(), reply.body.as_bytes());
    HostError::check(unsafe {
        proxy_send_local_response(
            reply.status.into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Lets a paused request go on. Its headers cannot be changed afterwards.
pub(super) fn continue_request() -> Result<(), HostError> {
    HostError::check(unsafe { proxy_continue_stream(REQUEST_STREAM) })
}

/// Turns the calls that follow to that stream; fails where it is gone.
pub(super) fn act_on(context: u32) -> Result<(), HostError> {
    HostError::check(unsafe { proxy_set_effective_context(context) })
}

/// Has the root's `on_tick` called after this long and again each time; `None` stops it.
pub(super) fn tick_every(period: Option<Duration>) -> Result<(), HostError> {
    let millis = period.map_or(0, |period| u32::try_from(period.as_millis()).unwrap_or(u32::MAX).max(1));
    HostError::check(unsafe { proxy_set_tick_period_milliseconds(millis) })
}

pub(super) fn now() -> Result<UnixTime, HostError> {
    let mut nanoseconds = 0;
    HostError::check(unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) })?;
    Ok(UnixTime::from_nanos(nanoseconds))
}

/// Calls a function that is not part of the ABI; `None` where the host has none of that name, or it fails.
pub(super) fn foreign(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    let call = |data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), arguments.as_ptr(), arguments.len(), data, size)
    };
    bytes(call).ok()
}

fn define(kind: u32, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    HostError::check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

pub(super) fn define_counter(name: &str) -> Result<u32, HostError> {
    define(COUNTER, name)
}

pub(super) fn define_gauge(name: &str) -> Result<u32, HostError> {
    define(GAUGE, name)
}

/// Adds to a counter or a gauge; only a gauge can lose.
pub(super) fn change_metric(metric: u32, change: i64) -> Result<(), HostError> {
    HostError::check(unsafe { proxy_increment_metric(metric, change) })
}

pub(super) fn record(gauge: u32, value: u64) -> Result<(), HostError> {
    HostError::check(unsafe { proxy_record_metric(gauge, value) })
}

/// What the process's VMs with our `vm_id` share.
pub(super) struct Shared;

/// A value that is there already never has this number, so that with it a value is only made where there is none.
const NO_VALUE: u32 = u32::MAX;

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        let mut number = 0;
        let value = bytes(|data, size| unsafe {
            proxy_get_shared_data(name.as_ptr(), name.len(), data, size, &raw mut number)
        });
        Some((value.ok()?, number))
    }

    fn set(&self, name: &str, value: &[u8], number: Option<u32>) -> Result<(), NotWritten> {
        let number = number.unwrap_or(NO_VALUE);
        let status = unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), number) };
        HostError::check(status).map_err(|error| match error {
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
    let field = |name: &str| if headers == 0 { None } else { call_field(name) };
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

fn call_field(name: &str) -> Option<Vec<u8>> {
    bytes(|data, size| unsafe {
        proxy_get_header_map_value(CALL_RESPONSE_HEADERS, name.as_ptr(), name.len(), data, size)
    })
    .ok()
}

pub(super) fn buffer(buffer: u32, size: usize) -> Result<Vec<u8>, HostError> {
    match bytes(|data, got| unsafe { proxy_get_buffer_bytes(buffer, 0, size, data, got) }) {
        // An empty body or configuration is not there for the host.
        Err(HostError::NOT_FOUND) => Ok(Vec::new()),
        result => result,
    }
}
