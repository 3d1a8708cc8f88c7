//! Postern: a filter for Envoy that decides, in the proxy, who may go on to the service behind it.
//!
//! A request's way through these files:
//!
//! 1. [`filter`] reads the request's head once, as bytes: [`request`].
//! 2. [`flow`] takes over; it and all it calls are pure: facts in, a step out.
//!    A request for the filter's own keys, or for a weaker token, is not for a service: [`reissue`] answers it.
//! 3. [`identity`] removes every header by which the service is told who is calling.
//! 4. [`policy`] finds the rule: by the route's metadata, or by host, path, method and route name; and for COPY and
//!    MOVE that of what they write.
//! 5. [`credential`] finds the one token the request carries, and takes it out. One that was verified before is found
//!    again in [`flow::Memory`], with the headers for the service, and goes on at 9: most requests do.
//! 6. [`token`] reads it; [`issuer`] knows whose tokens are accepted and what is in them.
//! 7. [`jwks`] has the issuer's keys, or the request waits until the filter has fetched them.
//! 8. [`crypto`] checks the signature, or has Envoy do it; what comes out is a token that can be believed. [`identity`]
//!    writes the headers for the service, and [`flow::Memory`] keeps them with who is calling.
//! 9. [`policy`] checks what the rule asks, on every request. Where the rule says so, [`reissue`] makes a token for the
//!    service, or the one that was made before goes on.
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

#[forbid(unsafe_code)]
pub mod abi;
#[forbid(unsafe_code)]
pub mod authority;
#[forbid(unsafe_code)]
pub mod challenge;
#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod credential;
#[forbid(unsafe_code)]
pub mod crypto;
#[forbid(unsafe_code)]
pub mod denial;
pub mod filter;
#[forbid(unsafe_code)]
pub mod flow;
#[forbid(unsafe_code)]
pub mod identity;
#[forbid(unsafe_code)]
pub mod issuer;
#[forbid(unsafe_code)]
pub mod json;
#[forbid(unsafe_code)]
pub mod jwks;
#[forbid(unsafe_code)]
pub mod percent;
#[forbid(unsafe_code)]
pub mod policy;
#[forbid(unsafe_code)]
pub mod record;
#[forbid(unsafe_code)]
pub mod reissue;
#[forbid(unsafe_code)]
pub mod reply;
#[forbid(unsafe_code)]
pub mod request;
#[forbid(unsafe_code)]
pub mod scope;
#[forbid(unsafe_code)]
pub mod secret;
#[forbid(unsafe_code)]
pub mod time;
#[forbid(unsafe_code)]
pub mod token;
