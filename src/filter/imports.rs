//! What the host offers, as functions that are safe to call: the only file with `unsafe`, which `make lint` sees to.
//!
//! It is small so that all of it can be read at once. Two things have to be true of it: a pointer that is passed stands
//! with its length and outlives the call, for the host keeps none of them; and what the host hands over is taken once.

#![allow(unsafe_code, reason = "host calls take and give pointers")]
#![deny(clippy::undocumented_unsafe_blocks)]

use crate::abi::HostError;

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
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8, name_size: usize, arguments: *const u8, arguments_size: usize,
        data: *mut *mut u8, size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_get_shared_data(name: *const u8, name_size: usize, data: *mut *mut u8, size: *mut usize, cas: *mut u32) -> u32;
    fn proxy_set_shared_data(name: *const u8, name_size: usize, data: *const u8, size: usize, cas: u32) -> u32;

    // Numbers alone.
    safe fn proxy_continue_stream(stream: u32) -> u32;
    safe fn proxy_set_effective_context(context: u32) -> u32;
    safe fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    safe fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    safe fn proxy_record_metric(id: u32, value: u64) -> u32;
}

/// Runs a call that hands over bytes.
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

pub(super) fn header_map_pairs(map: u32) -> Result<Vec<u8>, HostError> {
    // SAFETY: two places for the answer, which outlive the call.
    bytes(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })
}

pub(super) fn header_map_value(map: u32, name: &str) -> Result<Vec<u8>, HostError> {
    // SAFETY: a slice with its length, and two places for the answer; all outlive the call.
    bytes(|data, size| unsafe { proxy_get_header_map_value(map, name.as_ptr(), name.len(), data, size) })
}

pub(super) fn remove_header_map_value(map: u32, name: &[u8]) -> Result<(), HostError> {
    // SAFETY: a slice with its length, which outlives the call.
    HostError::check(unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) })
}

pub(super) fn replace_header_map_value(map: u32, name: &[u8], value: &[u8]) -> Result<(), HostError> {
    // SAFETY: two slices with their lengths, which outlive the call.
    HostError::check(unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub(super) fn add_header_map_value(map: u32, name: &[u8], value: &[u8]) -> Result<(), HostError> {
    // SAFETY: two slices with their lengths, which outlive the call.
    HostError::check(unsafe { proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// From the buffer's start, at most so many.
pub(super) fn buffer_bytes(buffer: u32, most: usize) -> Result<Vec<u8>, HostError> {
    // SAFETY: two places for the answer, which outlive the call.
    bytes(|data, size| unsafe { proxy_get_buffer_bytes(buffer, 0, most, data, size) })
}

pub(super) fn property(path: &str) -> Result<Vec<u8>, HostError> {
    // SAFETY: a slice with its length, and two places for the answer; all outlive the call.
    bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

pub(super) fn set_property(path: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: two slices with their lengths, which outlive the call.
    HostError::check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub(super) fn send_local_response(
    status: u16,
    details: &str,
    headers: &[u8],
    body: &str,
    grpc_status: i32,
) -> Result<(), HostError> {
    // SAFETY: three slices with their lengths, which outlive the call.
    HostError::check(unsafe {
        proxy_send_local_response(
            status.into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

pub(super) fn continue_stream(stream: u32) -> Result<(), HostError> {
    HostError::check(proxy_continue_stream(stream))
}

pub(super) fn set_effective_context(context: u32) -> Result<(), HostError> {
    HostError::check(proxy_set_effective_context(context))
}

pub(super) fn set_tick_period_milliseconds(period: u32) -> Result<(), HostError> {
    HostError::check(proxy_set_tick_period_milliseconds(period))
}

pub(super) fn current_time_nanoseconds() -> Result<u64, HostError> {
    let mut time = 0;
    // SAFETY: a place for the answer, which outlives the call.
    HostError::check(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, HostError> {
    // SAFETY: two slices with their lengths, and two places for the answer; all outlive the call.
    bytes(|data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), arguments.as_ptr(), arguments.len(), data, size)
    })
}

pub(super) fn define_metric(kind: u32, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    // SAFETY: a slice with its length, and a place for the answer; both outlive the call.
    HostError::check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

pub(super) fn increment_metric(id: u32, change: i64) -> Result<(), HostError> {
    HostError::check(proxy_increment_metric(id, change))
}

pub(super) fn record_metric(id: u32, value: u64) -> Result<(), HostError> {
    HostError::check(proxy_record_metric(id, value))
}

/// The value and its number.
pub(super) fn shared_data(name: &str) -> Result<(Vec<u8>, u32), HostError> {
    let mut number = 0;
    // SAFETY: a slice with its length, and three places for the answer; all outlive the call.
    let value =
        bytes(|data, size| unsafe { proxy_get_shared_data(name.as_ptr(), name.len(), data, size, &raw mut number) })?;
    Ok((value, number))
}

pub(super) fn set_shared_data(name: &str, value: &[u8], number: u32) -> Result<(), HostError> {
    // SAFETY: two slices with their lengths, which outlive the call.
    HostError::check(unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), number) })
}
