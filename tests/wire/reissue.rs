//! The token that the service gets, verified by a service that is not ours: PyJWT, with the keys that the filter publishes.

mod chain;
mod documents;
mod exchange;
pub mod keys;
pub mod payload;
mod refused;
mod requests;
mod rotation;
pub mod scene;
mod service_itself;
mod signs;
mod tokens;
