//! AttestLM: deterministic language-model inference whose answer others can check.

pub mod abi;
mod error;
pub mod hex;
pub mod json;
pub mod micros;
pub mod policy;

pub use error::{Error, ErrorKind, Result};

/// A token id of the model's vocabulary.
pub type Token = u32;
