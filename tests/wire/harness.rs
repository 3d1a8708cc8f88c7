//! What the tests on a real Envoy are made of.

pub mod answer;
pub mod arguments;
pub mod config;
pub mod door;
pub mod dynamic;
pub mod envoy;
pub mod foreign;
pub mod http1;
pub mod http2;
pub mod issuer;
pub mod journal;
pub mod kept;
pub mod message;
pub mod module;
pub mod program;
pub mod refusal;
pub mod request;
pub mod server;
pub mod setup;
pub mod stage;
pub mod tools;
pub mod upstream;
pub mod wait;
