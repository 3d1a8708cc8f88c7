//! What is in the built module, and what it lets Envoy call. Envoy calls every callback that is there, so one too many
//! costs each request.

use std::collections::BTreeMap;
use std::fs;

use super::harness::module::Module;

const FUNCTION: u8 = 0;
const MEMORY: u8 = 2;
const EXPORT_SECTION: u8 = 7;

#[test]
fn the_module_exports_what_the_filter_answers_to_and_nothing_else() {
    let rows = [
        ("memory", MEMORY, "Envoy reads and writes it"),
        ("_initialize", FUNCTION, "registers the filter, once in each VM"),
        ("proxy_abi_version_0_2_1", FUNCTION, "without a version Envoy refuses the module"),
        ("proxy_on_memory_allocate", FUNCTION, "what Envoy hands over lies in it"),
        ("proxy_on_vm_start", FUNCTION, "the SDK's root answers it"),
        ("proxy_on_configure", FUNCTION, "a wrong configuration is refused here"),
        ("proxy_on_tick", FUNCTION, "keys are fetched ahead of time"),
        ("proxy_on_context_create", FUNCTION, "every request has a context"),
        ("proxy_on_request_headers", FUNCTION, "every request is decided here"),
        ("proxy_on_request_body", FUNCTION, "a body waits with its request"),
        ("proxy_on_request_trailers", FUNCTION, "trailers wait too, and forged ones are taken out"),
        ("proxy_on_http_call_response", FUNCTION, "an issuer's keys come by it"),
        ("proxy_on_delete", FUNCTION, "contexts are given back, and with them places of requests that waited"),
    ];
    let mut exported = exports(&fs::read(Module::Shipped.path()).expect("a module"));
    for (name, kind, why) in rows {
        assert_eq!(exported.remove(name), Some(kind), "{name}: {why}");
    }
    assert_eq!(exported, BTreeMap::new(), "Envoy would call these for nothing");
}

#[test]
fn the_module_holds_no_path_of_the_machine_that_built_it() {
    let module = fs::read(Module::Shipped.path()).expect("a module");
    let text = String::from_utf8_lossy(&module);
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1).map(|home| format!("{home}/"));
    for path in [Some(env!("CARGO_MANIFEST_DIR")), home.as_deref(), Some(".cargo")].into_iter().flatten() {
        assert!(!text.contains(path), "{path} is in the module");
    }
    assert!(text.contains("/crates/"), "paths were to be written so");
}

/// The exports of a module by name, with their kinds (WebAssembly core specification, 5.5.10).
fn exports(module: &[u8]) -> BTreeMap<String, u8> {
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0").expect("a WebAssembly module");
    while !rest.is_empty() {
        let id = byte(&mut rest);
        let size = number(&mut rest);
        let mut section = take(&mut rest, size);
        if id == EXPORT_SECTION {
            return (0..number(&mut section)).map(|_| export(&mut section)).collect();
        }
    }
    BTreeMap::new()
}

fn export(section: &mut &[u8]) -> (String, u8) {
    let length = number(section);
    let name = String::from_utf8(take(section, length).to_vec()).expect("a name in UTF-8");
    let kind = byte(section);
    number(section);
    (name, kind)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn byte(bytes: &mut &[u8]) -> u8 {
    take(bytes, 1)[0]
}

/// LEB128: seven bits of each byte, the lowest first.
fn number(bytes: &mut &[u8]) -> usize {
    let low = byte(bytes);
    let high = if low < 0x80 { 0 } else { number(bytes) };
    usize::from(low & 0x7f) | high << 7
}
