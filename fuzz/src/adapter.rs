//! Adapter files, against the model they are for.

use std::sync::LazyLock;

use attestlm::gguf::{validate_adapter, GgufFile};
use attestlm_testkit::{LoraSpec, ModelSpec};

use crate::gguf::with_file;

static BASE: LazyLock<GgufFile> =
    LazyLock::new(|| GgufFile::from_bytes(ModelSpec::nano().to_bytes().leak()).expect("a model"));

/// Validates the bytes as an adapter.
pub fn run(data: &[u8]) {
    with_file(data, |file| drop(file.and_then(|file| validate_adapter(&file, &BASE))));
}

/// A valid one.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![LoraSpec::default().to_gguf(&ModelSpec::nano()).to_bytes()]
}
