//! A process with one worker, which has nobody to share with.

use postern::jwks::{NotWritten, SharedData};

pub struct Alone;

impl SharedData for Alone {
    fn get(&self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), NotWritten> {
        Err(NotWritten::Unavailable)
    }
}
