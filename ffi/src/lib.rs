//! The C ABI of AttestLM, and nothing else: pointers in, handles out. What it does is the library's
//! (`core/`); the contract of the boundary is `docs/c-abi.md`, and the header `include/attestlm.h` is
//! generated from the comments here.
#![allow(non_camel_case_types)] // the names are C's

mod adapter;
mod bytes;
mod error;
mod generation;
mod guard;
mod handle;
mod input;
mod log;
mod model;
mod profile;
mod receipt;
mod session;
mod signer;
mod status;
#[cfg(feature = "testing")]
mod testing;
mod version;
