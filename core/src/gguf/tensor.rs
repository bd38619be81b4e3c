//! Tensor types and tensor infos.

use std::fmt;

/// A ggml tensor type that model files may hold.
///
/// Types removed from the format, activation-only types (`Q8_1`, `Q8_K`) and types without a
/// matrix kernel here are unknown on purpose: a file holding one is refused.
#[allow(missing_docs, non_camel_case_types)] // the field's own names
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GgmlType {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ1_S,
    IQ1_M,
    IQ2_XXS,
    IQ2_XS,
    IQ2_S,
    IQ3_XXS,
    IQ3_S,
    IQ4_NL,
    IQ4_XS,
    TQ1_0,
    TQ2_0,
    MXFP4,
}

/// (type, id in the file, name, elements per block, bytes per block)
const TABLE: [(GgmlType, u32, &str, u64, u64); 25] = [
    (GgmlType::F32, 0, "F32", 1, 4),
    (GgmlType::F16, 1, "F16", 1, 2),
    (GgmlType::Q4_0, 2, "Q4_0", 32, 18),
    (GgmlType::Q4_1, 3, "Q4_1", 32, 20),
    (GgmlType::Q5_0, 6, "Q5_0", 32, 22),
    (GgmlType::Q5_1, 7, "Q5_1", 32, 24),
    (GgmlType::Q8_0, 8, "Q8_0", 32, 34),
    (GgmlType::Q2_K, 10, "Q2_K", 256, 84),
    (GgmlType::Q3_K, 11, "Q3_K", 256, 110),
    (GgmlType::Q4_K, 12, "Q4_K", 256, 144),
    (GgmlType::Q5_K, 13, "Q5_K", 256, 176),
    (GgmlType::Q6_K, 14, "Q6_K", 256, 210),
    (GgmlType::IQ2_XXS, 16, "IQ2_XXS", 256, 66),
    (GgmlType::IQ2_XS, 17, "IQ2_XS", 256, 74),
    (GgmlType::IQ3_XXS, 18, "IQ3_XXS", 256, 98),
    (GgmlType::IQ1_S, 19, "IQ1_S", 256, 50),
    (GgmlType::IQ4_NL, 20, "IQ4_NL", 32, 18),
    (GgmlType::IQ3_S, 21, "IQ3_S", 256, 110),
    (GgmlType::IQ2_S, 22, "IQ2_S", 256, 82),
    (GgmlType::IQ4_XS, 23, "IQ4_XS", 256, 136),
    (GgmlType::IQ1_M, 29, "IQ1_M", 256, 56),
    (GgmlType::BF16, 30, "BF16", 1, 2),
    (GgmlType::TQ1_0, 34, "TQ1_0", 256, 54),
    (GgmlType::TQ2_0, 35, "TQ2_0", 256, 66),
    (GgmlType::MXFP4, 39, "MXFP4", 32, 17),
];

impl GgmlType {
    pub(super) fn from_id(id: u32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == id).map(|row| row.0)
    }

    fn row(self) -> &'static (GgmlType, u32, &'static str, u64, u64) {
        // The table lists every variant (tested); the fallback is never taken.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// ggml's name of the type, upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Elements per block.
    #[must_use]
    pub fn block_elements(self) -> u64 {
        self.row().3
    }

    /// Bytes per block.
    #[must_use]
    pub fn block_bytes(self) -> u64 {
        self.row().4
    }
}

impl fmt::Display for GgmlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One tensor of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name, 1 to 63 bytes of printable ASCII.
    pub name: String,
    /// Type.
    pub ggml_type: GgmlType,
    /// Elements per dimension, fastest first, padded with 1 to four.
    pub dims: [u64; 4],
    /// Position of the first byte in the file.
    pub offset: u64,
    /// Length in the file, in bytes.
    pub bytes: u64,
}

impl TensorInfo {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> u64 {
        // Checked against overflow when read.
        self.dims.iter().product()
    }
}

/// `[4096, 512]`: the dimensions without trailing ones.
pub(super) fn format_dims(dims: &[u64; 4]) -> String {
    let used = dims.iter().rposition(|&d| d != 1).map_or(1, |last| last + 1);
    let parts: Vec<String> = dims.iter().take(used).map(u64::to_string).collect();
    format!("[{}]", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_row() {
        for (ty, id, name, elements, bytes) in TABLE {
            assert_eq!(GgmlType::from_id(id), Some(ty));
            assert_eq!(format!("{ty:?}"), name);
            assert_eq!((ty.name(), ty.block_elements(), ty.block_bytes()), (name, elements, bytes));
        }
        for removed in [4, 5, 9, 15, 24, 28, 31, 36, 40, 43, u32::MAX] {
            assert_eq!(GgmlType::from_id(removed), None);
        }
    }

    #[test]
    fn dims_are_printed_without_padding() {
        assert_eq!(format_dims(&[4, 2, 1, 1]), "[4, 2]");
        assert_eq!(format_dims(&[1, 1, 1, 1]), "[1]");
        assert_eq!(format_dims(&[1, 1, 3, 1]), "[1, 1, 3]");
    }
}
