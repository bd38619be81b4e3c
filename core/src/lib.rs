//! AttestLM: deterministic language-model inference whose answer others can check.

pub mod abi;
pub mod anchor;
pub mod atomic_file;
pub mod commitment;
#[cfg(feature = "engine")]
pub mod engine;
mod error;
pub mod gguf;
#[cfg(feature = "grammar")]
pub mod grammar;
pub mod hex;
pub mod json;
pub mod kernels;
pub mod merkle;
pub mod micros;
#[cfg(feature = "engine")]
pub mod model;
pub mod operation;
#[cfg(feature = "engine")]
pub mod output;
pub mod policy;
pub mod profile;
pub mod receipt;
#[cfg(feature = "engine")]
mod replay;
pub mod request;
pub mod sampler;
pub mod seed;
#[cfg(feature = "engine")]
pub mod session;
pub mod signer;
pub mod steps;
pub mod template;
pub mod trace;
pub mod verdict;
pub mod verify;

pub use error::{Error, ErrorKind, Result};

/// A token id of the model's vocabulary.
pub type Token = u32;

/// The example on the project's first page must compile.
#[cfg(all(doctest, feature = "engine", feature = "bundled"))]
#[doc = include_str!("../../README.md")]
struct Readme;
