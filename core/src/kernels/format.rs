//! The quantized weights of a GGUF file, as units of 32 (`docs/spec/numerics-2.md` §3).

use super::half::f32_of;
use super::UNIT;

/// A quantized weight format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types)] // the names that GGUF has
pub enum Format {
    /// 32 weights of 8 bits, one scale.
    Q8_0,
    /// 32 weights of 4 bits, one scale.
    Q4_0,
    /// 32 weights of 4 bits, one scale and one minimum.
    Q4_1,
    /// 32 weights of 5 bits, one scale.
    Q5_0,
    /// 32 weights of 5 bits, one scale and one minimum.
    Q5_1,
    /// 32 weights of 4 bits that stand for 16 uneven integers, one scale.
    IQ4_NL,
    /// 256 weights of 4 bits that stand for the same integers, a scale for each 32.
    IQ4_XS,
    /// 256 weights of 3 bits, a scale for each 16.
    Q3_K,
    /// 256 weights of 4 bits, a scale and a minimum for each 32.
    Q4_K,
    /// 256 weights of 5 bits, a scale and a minimum for each 32.
    Q5_K,
    /// 256 weights of 6 bits, a scale for each 16.
    Q6_K,
}

/// The integers that the four bits of [`Format::IQ4_NL`] and [`Format::IQ4_XS`] stand for.
pub(super) const UNEVEN: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// 32 weights: weight `i` is `scale[i / 16] * quants[i] - min`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// The integers.
    pub quants: [i8; UNIT],
    /// The scale of either half.
    pub scale: [f32; 2],
    /// What is taken from each weight. Of the K-formats it is not negative but for a file that has it so.
    pub min: f32,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 11] = [
        Format::Q8_0,
        Format::Q4_0,
        Format::Q4_1,
        Format::Q5_0,
        Format::Q5_1,
        Format::IQ4_NL,
        Format::IQ4_XS,
        Format::Q3_K,
        Format::Q4_K,
        Format::Q5_K,
        Format::Q6_K,
    ];

    /// Units in a block.
    #[must_use]
    pub const fn block_units(self) -> usize {
        match self {
            Format::Q8_0 | Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q5_1 | Format::IQ4_NL => 1,
            Format::IQ4_XS | Format::Q3_K | Format::Q4_K | Format::Q5_K | Format::Q6_K => 8,
        }
    }

    /// Bytes of a block.
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        match self {
            Format::Q8_0 => 34,
            Format::Q4_0 | Format::IQ4_NL => 18,
            Format::Q4_1 => 20,
            Format::Q5_0 => 22,
            Format::Q5_1 => 24,
            Format::IQ4_XS => 136,
            Format::Q3_K => 110,
            Format::Q4_K => 144,
            Format::Q5_K => 176,
            Format::Q6_K => 210,
        }
    }

    /// Whether the halves of a unit have scales of their own: they are summed apart.
    #[must_use]
    pub const fn has_halves(self) -> bool {
        matches!(self, Format::Q3_K | Format::Q6_K)
    }

    /// Whether units have a minimum.
    #[must_use]
    pub const fn has_min(self) -> bool {
        matches!(self, Format::Q4_1 | Format::Q5_1 | Format::Q4_K | Format::Q5_K)
    }

    /// Bytes of a row of `units` units, if they fill blocks.
    #[must_use]
    pub fn row_bytes(self, units: usize) -> Option<usize> {
        let blocks = units / self.block_units();
        (blocks * self.block_units() == units).then(|| blocks.checked_mul(self.block_bytes())).flatten()
    }

    /// Unit `index` of a row.
    ///
    /// # Panics
    /// The row does not reach there.
    #[must_use]
    pub fn unit(self, row: &[u8], index: usize) -> Unit {
        let (block, at) = (index / self.block_units(), index % self.block_units());
        let block = &row[block * self.block_bytes()..][..self.block_bytes()];
        let half = |at: usize| f32_of(u16::from_le_bytes([block[at], block[at + 1]]));
        // Where the halves of a unit lie in those of 16 bytes.
        let nibble = |from: usize, i: usize| block[from + i % 16] >> (i / 16 * 4) & 15;
        // A bit for each weight.
        let bit = |from: usize, i: usize| block[from + i / 8] >> (i % 8) & 1;
        match self {
            Format::Q8_0 => Unit {
                quants: std::array::from_fn(|i| block[2 + i].cast_signed()),
                scale: [half(0); 2],
                min: 0.0,
            },
            Format::Q4_0 => {
                let quants = std::array::from_fn(|i| nibble(2, i).cast_signed() - 8);
                Unit { quants, scale: [half(0); 2], min: 0.0 }
            }
            Format::Q4_1 => {
                let quants = std::array::from_fn(|i| nibble(4, i).cast_signed());
                Unit { quants, scale: [half(0); 2], min: -half(2) }
            }
            Format::Q5_0 => {
                let quants = std::array::from_fn(|i| (nibble(6, i) | bit(2, i) << 4).cast_signed() - 16);
                Unit { quants, scale: [half(0); 2], min: 0.0 }
            }
            Format::Q5_1 => {
                let quants = std::array::from_fn(|i| (nibble(8, i) | bit(4, i) << 4).cast_signed());
                Unit { quants, scale: [half(0); 2], min: -half(2) }
            }
            Format::IQ4_NL => {
                let quants = std::array::from_fn(|i| UNEVEN[usize::from(nibble(2, i))]);
                Unit { quants, scale: [half(0); 2], min: 0.0 }
            }
            Format::IQ4_XS => {
                let quants = std::array::from_fn(|i| UNEVEN[usize::from(nibble(8 + at * 16, i))]);
                let high = block[2 + at / 4] >> (at % 4 * 2) & 3;
                let scale = (block[4 + at / 2] >> (at % 2 * 4) & 15 | high << 4).cast_signed() - 32;
                // Exact: 11 bits by 6.
                Unit { quants, scale: [half(0) * f32::from(scale); 2], min: 0.0 }
            }
            Format::Q3_K => {
                let low = &block[32 + at / 4 * 32..];
                let quants = std::array::from_fn(|i| {
                    let bits = low[i] >> (at % 4 * 2) & 3 | (block[i] >> at & 1) << 2;
                    bits.cast_signed() - 4
                });
                let scale = [0, 1].map(|i| {
                    let index = 2 * at + i;
                    let low = block[96 + index % 8] >> (index / 8 * 4) & 15;
                    let high = block[104 + index % 4] >> (index / 4 * 2) & 3;
                    // Exact: 11 bits by 6.
                    half(108) * f32::from((low | high << 4).cast_signed() - 32)
                });
                Unit { quants, scale, min: 0.0 }
            }
            Format::Q4_K | Format::Q5_K => {
                let (scale, min) = scale_and_min(&block[4..16], at);
                let is_q5 = self == Format::Q5_K;
                let low = &block[if is_q5 { 48 } else { 16 } + at / 2 * 32..];
                let quants = std::array::from_fn(|i| {
                    let high = if is_q5 { (block[16 + i] >> at & 1) << 4 } else { 0 };
                    (low[i] >> (at % 2 * 4) & 15 | high).cast_signed()
                });
                // Exact: 11 bits by 6.
                Unit { quants, scale: [half(0) * f32::from(scale); 2], min: half(2) * f32::from(min) }
            }
            Format::Q6_K => {
                let (part, quarter) = (at / 4, at % 4);
                let low = &block[part * 64 + quarter % 2 * 32..];
                let high = &block[128 + part * 32..];
                let quants = std::array::from_fn(|i| {
                    let bits = low[i] >> (quarter / 2 * 4) & 15 | (high[i] >> (quarter * 2) & 3) << 4;
                    bits.cast_signed() - 32
                });
                // Exact: 11 bits by 8.
                let scale = [0, 1].map(|i| half(208) * f32::from(block[192 + 2 * at + i].cast_signed()));
                Unit { quants, scale, min: 0.0 }
            }
        }
    }
}

/// Six bits of each, packed as the K-formats pack those of eight units.
fn scale_and_min(packed: &[u8], at: usize) -> (u8, u8) {
    match at {
        0..4 => (packed[at] & 63, packed[at + 4] & 63),
        _ => {
            let (low, scale, min) = (packed[at + 4], packed[at - 4] >> 6, packed[at] >> 6);
            (low & 15 | scale << 4, low >> 4 | min << 4)
        }
    }
}
