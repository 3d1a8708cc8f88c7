//! Postern.
#![forbid(unsafe_code)]
