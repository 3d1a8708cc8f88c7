//! The shell: the only place that knows there is an Envoy.
//!
//! It reads facts and performs steps; what is decided is decided in [`crate::flow`]. The rules that hold here are those
//! of the proxy-wasm ABI as Envoy implements it: a callback may not panic, for a trap takes the worker's VM with all its
//! waiting requests, and a request goes on only where [`perform`] says so.

#[forbid(unsafe_code)]
mod forms;
#[forbid(unsafe_code)]
mod host;
mod imports;
#[forbid(unsafe_code)]
mod perform;
#[forbid(unsafe_code)]
mod root;
#[forbid(unsafe_code)]
mod stream;
#[cfg(feature = "trap-for-tests")]
#[forbid(unsafe_code)]
mod trap;
#[forbid(unsafe_code)]
mod worker;

use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    // The SDK's own hook prints the panic's message, and a message may hold what a client sent.
    std::panic::set_hook(Box::new(|panic| {
        let (file, line) = panic.location().map_or(("unknown", 0), |at| (at.file(), at.line()));
        log::error!("postern stopped at {file}:{line}; this is a defect");
    }));
    proxy_wasm::set_root_context(|context_id| Box::new(root::Root::new(context_id)));
}}
