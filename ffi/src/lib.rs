//! The C ABI of AttestLM, and nothing else: pointers in, handles out. What it does is the library's
//! (`core/`); the contract of the boundary is `docs/c-abi.md`, and the header `include/attestlm.h` is
//! generated from the comments here.
#![allow(non_camel_case_types)] // the names are C's

mod adapter;
mod address;
mod bytes;
mod error;
mod exit;
mod generation;
mod guard;
mod handle;
mod input;
mod log;
mod model;
mod operation;
mod profile;
mod receipt;
mod session;
mod signer;
mod status;
#[cfg(feature = "testing")]
mod testing;
mod version;

// For the fuzz target and the bench, which call the functions as C does.
pub use adapter::*;
pub use address::*;
pub use bytes::*;
pub use error::*;
pub use generation::*;
pub use log::*;
pub use model::*;
pub use operation::*;
pub use profile::*;
pub use receipt::*;
pub use session::*;
pub use signer::*;
pub use status::*;
pub use version::*;
