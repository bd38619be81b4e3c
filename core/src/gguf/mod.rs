//! GGUF files: read, validated and hashed in Rust before the engine sees them.
//!
//! llama.cpp trusts much of what a GGUF says: a `block_count` of 600, a duplicate token or a
//! rope factor of the wrong type aborts the process. [`GgufFile::open`] therefore parses the
//! header with bounded reads, [`validate_model`] and [`validate_adapter`] check everything the
//! engine would assert on, and [`scan`] hashes the file and finds non-finite weights in the
//! same pass. Whatever passes either loads or fails with an ordinary error.
//!
//! The format is described at <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; the
//! checks follow llama.cpp as pinned by `llama-cpp-sys-2` 0.1.161.

mod adapter;
mod check;
mod describe;
mod meta;
mod model;
mod reader;
mod scan;
mod shape;
mod tensor;
mod value;
mod vocab;

pub use adapter::{validate_adapter, AdapterHeader};
pub use check::ModelFile;
pub use model::{validate_model, Architecture, ModelHeader, RopeScaling};
pub use reader::{Fingerprint, GgufFile};
pub use scan::{scan, Scan};
pub use tensor::{GgmlType, TensorInfo};
pub use value::{Array, Value};
pub use vocab::{TokenizerHeader, TokenizerKind};

use crate::{Error, ErrorKind};
use std::borrow::Cow;

/// Longest header (metadata and tensor infos together) that is read, in bytes.
pub const MAX_HEADER_BYTES: u64 = 256 << 20;
/// Longest metadata string, in bytes.
pub const MAX_STRING_BYTES: u64 = 16 << 20;
/// Most metadata keys.
pub const MAX_KEYS: u64 = 65_536;
/// Most tensors.
pub const MAX_TENSORS: u64 = 65_536;
/// Most strings in one metadata array: each costs more memory than its eight bytes in the file.
pub const MAX_ARRAY_STRINGS: u64 = 4 << 20;

/// A malformed or unsupported model file; `field` names the key, tensor or part at fault.
fn model_error(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Model, field, message)
}
