//! A model file checked as it is when it is opened, without loading it.

use std::path::Path;

use super::{scan, validate_model, GgufFile, ModelHeader};
use crate::{hex, Result};

/// A file that is a model this library can load.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelFile {
    /// What its header says.
    pub header: ModelHeader,
    /// SHA-256 of the whole file.
    pub sha256: [u8; 32],
}

impl ModelFile {
    /// Validates the header and reads the file once: its hash, and that no weight is NaN or infinite.
    ///
    /// `progress` is told the bytes done and in all; it returns `false` to cancel.
    ///
    /// # Errors
    /// As [`GgufFile::open`], [`validate_model`] and [`scan`](super::scan()).
    pub fn check(path: &Path, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Self> {
        let file = GgufFile::open(path)?;
        let header = validate_model(&file)?;
        let sha256 = scan(&file, progress)?.sha256;
        Ok(ModelFile { header, sha256 })
    }

    /// `sha256`, and what [`ModelHeader::describe`] says, in this order.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, serde_json::Value)> {
        let mut rows = vec![("sha256", hex::encode(&self.sha256).into())];
        rows.extend(self.header.describe());
        rows
    }
}
