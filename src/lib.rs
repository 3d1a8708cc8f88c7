//! Postern: a filter for Envoy that decides, in the proxy, who may go on to the service behind it.
//!
//! A request's way through these files:
//!
//! 1. [`filter`] reads the request's head once, as bytes: [`request`].
//! 2. [`flow`] takes over; it and all it calls are pure: facts in, a step out.
//! 3. [`identity`] removes every header by which the service is told who is calling.
//! 4. [`policy`] finds the rule: by the route's metadata, or by host, path, method and route name; and for COPY and
//!    MOVE that of what they write.
//! 5. [`credential`] finds the one token the request carries, and takes it out. One that was verified before is found
//!    again in [`flow::Memory`], with the headers for the service, and goes on at 9: most requests do.
//! 6. [`token`] reads it; [`issuer`] knows whose tokens are accepted and what is in them.
//! 7. [`jwks`] has the issuer's keys, or the request waits until the filter has fetched them.
//! 8. [`crypto`] checks the signature, or has Envoy do it; what comes out is a token that can be believed. [`identity`]
//!    writes the headers for the service, and [`flow::Memory`] keeps them with who is calling.
//! 9. [`policy`] checks what the rule asks, on every request.
//! 10. A refusal is a [`denial`], told in the words of [`challenge`] and [`reply`].
//! 11. [`filter`] performs the step. [`record`] says what is counted and logged of it.
//!
//! [`config`] is read before all this, and refused whole if anything in it is wrong. Only [`filter`] knows that there
//! is an Envoy.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::string_slice,
        clippy::unreachable,
        clippy::wildcard_enum_match_arm,
        reason = "a test may fail by panicking; the same code is linted without tests too"
    )
)]

pub mod abi;
pub mod authority;
pub mod challenge;
pub mod config;
pub mod credential;
pub mod crypto;
pub mod denial;
pub mod filter;
pub mod flow;
pub mod identity;
pub mod issuer;
pub mod json;
pub mod jwks;
pub mod percent;
pub mod policy;
pub mod record;
pub mod reply;
pub mod request;
pub mod scope;
pub mod secret;
pub mod time;
pub mod token;
