//! Hashing a file and looking for non-finite weights, in one pass.

use super::model_error;
use super::reader::{changed, GgufFile};
use super::tensor::{GgmlType, TensorInfo};
use crate::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// SHA-256 of the whole file.
    pub sha256: [u8; 32],
}

const CHUNK: u64 = 1 << 20;

/// Reads the file once: hashes it, and refuses NaN or infinity in weights and block scales,
/// which would spread to every logit and, through masked cache cells, to other sequences.
///
/// `progress` is told the bytes done and in all; it returns `false` to cancel.
///
/// # Errors
/// [`ErrorKind::Model`] naming the tensor with a non-finite weight, or if the file was changed
/// since it was opened; [`ErrorKind::Cancelled`]; [`ErrorKind::Io`].
pub fn scan(file: &GgufFile, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<Scan> {
    let total = file.len();
    let begun = file.stamp()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; usize::try_from(CHUNK).unwrap_or(0)];
    let mut pos = 0;
    let mut read_to = |end: u64, tensor: Option<&TensorInfo>| -> Result<()> {
        // Whole blocks per chunk, so that none straddles two.
        let block = tensor.map_or(1, |t| t.ggml_type.block_bytes());
        while pos < end {
            let n = (end - pos).min(CHUNK / block * block);
            // A chunk is never longer than the buffer.
            let chunk = buffer.get_mut(..usize::try_from(n).unwrap_or(0)).unwrap_or_default();
            file.read_exact_at(chunk, pos)?;
            hasher.update(&*chunk);
            if let Some(tensor) = tensor {
                if has_non_finite(tensor.ggml_type, chunk) {
                    let message = "a weight or block scale is NaN or infinite";
                    return Err(model_error(tensor.name.clone(), message));
                }
            }
            pos += n;
            if !progress(pos, total) {
                return Err(Error::new(ErrorKind::Cancelled, "model file", "loading was cancelled"));
            }
        }
        Ok(())
    };
    for tensor in file.tensors() {
        read_to(tensor.offset, None)?;
        read_to(tensor.offset + tensor.bytes, Some(tensor))?;
    }
    read_to(total, None)?;
    if file.stamp()? != begun {
        return Err(changed());
    }
    Ok(Scan { sha256: hasher.finalize().into() })
}

/// Whether a run of whole blocks holds a NaN or an infinity. Branch-free folds over fixed
/// strides, which the compiler vectorizes: far cheaper than the hash beside it.
fn has_non_finite(ty: GgmlType, bytes: &[u8]) -> bool {
    match ty {
        GgmlType::F32 => bytes.chunks_exact(4).fold(false, |bad, b| {
            bad | (u32::from_le_bytes([b[0], b[1], b[2], b[3]]) & 0x7f80_0000 == 0x7f80_0000)
        }),
        GgmlType::F16 => halves::<2, 0x7c00>(bytes, &[0]),
        GgmlType::BF16 => halves::<2, 0x7f80>(bytes, &[0]),
        GgmlType::Q4_0 | GgmlType::IQ4_NL => halves::<18, 0x7c00>(bytes, &[0]),
        GgmlType::Q4_1 => halves::<20, 0x7c00>(bytes, &[0, 2]),
        GgmlType::Q5_0 => halves::<22, 0x7c00>(bytes, &[0]),
        GgmlType::Q5_1 => halves::<24, 0x7c00>(bytes, &[0, 2]),
        GgmlType::Q8_0 => halves::<34, 0x7c00>(bytes, &[0]),
        GgmlType::Q2_K => halves::<84, 0x7c00>(bytes, &[80, 82]),
        GgmlType::Q3_K => halves::<110, 0x7c00>(bytes, &[108]),
        GgmlType::Q4_K => halves::<144, 0x7c00>(bytes, &[0, 2]),
        GgmlType::Q5_K => halves::<176, 0x7c00>(bytes, &[0, 2]),
        GgmlType::Q6_K => halves::<210, 0x7c00>(bytes, &[208]),
        GgmlType::IQ1_S => halves::<50, 0x7c00>(bytes, &[0]),
        GgmlType::IQ2_XXS => halves::<66, 0x7c00>(bytes, &[0]),
        GgmlType::IQ2_XS => halves::<74, 0x7c00>(bytes, &[0]),
        GgmlType::IQ2_S => halves::<82, 0x7c00>(bytes, &[0]),
        GgmlType::IQ3_XXS => halves::<98, 0x7c00>(bytes, &[0]),
        GgmlType::IQ3_S => halves::<110, 0x7c00>(bytes, &[0]),
        GgmlType::IQ4_XS => halves::<136, 0x7c00>(bytes, &[0]),
        GgmlType::TQ1_0 => halves::<54, 0x7c00>(bytes, &[52]),
        GgmlType::TQ2_0 => halves::<66, 0x7c00>(bytes, &[64]),
        // E8M0: 255 is NaN.
        GgmlType::MXFP4 => bytes.chunks_exact(17).fold(false, |bad, b| bad | (b[0] == 0xff)),
        // The half is spread over the top nibbles of the four scale words that end the block:
        // its exponent is in the last (bits 12..16) and the one before (bits 8..12).
        GgmlType::IQ1_M => {
            bytes.chunks_exact(56).fold(false, |bad, b| bad | (b[55] & 0x70 == 0x70 && b[53] & 0xc0 == 0xc0))
        }
    }
}

/// Whether a half-precision word at one of `offsets` of any block has all bits of its exponent.
#[inline(always)]
fn halves<const BLOCK: usize, const EXPONENT: u16>(bytes: &[u8], offsets: &[usize]) -> bool {
    bytes.chunks_exact(BLOCK).fold(false, |bad, block| {
        offsets.iter().fold(bad, |bad, &at| {
            bad | (u16::from_le_bytes([block[at], block[at + 1]]) & EXPONENT == EXPONENT)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each type keeps its scales, from ggml's block structs.
    const SCALES: [(GgmlType, &[usize]); 21] = [
        (GgmlType::F16, &[0]),
        (GgmlType::Q4_0, &[0]),
        (GgmlType::Q4_1, &[0, 2]),
        (GgmlType::Q5_0, &[0]),
        (GgmlType::Q5_1, &[0, 2]),
        (GgmlType::Q8_0, &[0]),
        (GgmlType::Q2_K, &[16 + 64, 16 + 64 + 2]),
        (GgmlType::Q3_K, &[32 + 64 + 12]),
        (GgmlType::Q4_K, &[0, 2]),
        (GgmlType::Q5_K, &[0, 2]),
        (GgmlType::Q6_K, &[128 + 64 + 16]),
        (GgmlType::IQ1_S, &[0]),
        (GgmlType::IQ2_XXS, &[0]),
        (GgmlType::IQ2_XS, &[0]),
        (GgmlType::IQ2_S, &[0]),
        (GgmlType::IQ3_XXS, &[0]),
        (GgmlType::IQ3_S, &[0]),
        (GgmlType::IQ4_NL, &[0]),
        (GgmlType::IQ4_XS, &[0]),
        (GgmlType::TQ1_0, &[48 + 4]),
        (GgmlType::TQ2_0, &[64]),
    ];

    fn check_words(ty: GgmlType, offsets: &[usize], exponent: u16) {
        let size = usize::try_from(ty.block_bytes()).unwrap();
        for block in 0..3 {
            for &at in offsets {
                for (bits, bad) in [
                    (exponent, true),
                    (exponent | 0x8001, true),
                    (exponent ^ (exponent & exponent.wrapping_neg()), false),
                ] {
                    let mut bytes = vec![0; size * 3];
                    let at = block * size + at;
                    bytes[at..at + 2].copy_from_slice(&bits.to_le_bytes());
                    assert_eq!(has_non_finite(ty, &bytes), bad, "{ty} {at} {bits:#x}");
                }
            }
        }
        // Quants may be anything.
        let mut bytes = vec![0xff; size * 3];
        for block in bytes.chunks_exact_mut(size) {
            for &at in offsets {
                block[at..at + 2].fill(0);
            }
        }
        assert!(!has_non_finite(ty, &bytes), "{ty}");
    }

    #[test]
    fn non_finite_scales_are_found_where_they_are() {
        for (ty, offsets) in SCALES {
            check_words(ty, offsets, 0x7c00);
        }
        check_words(GgmlType::BF16, &[0], 0x7f80);
    }

    #[test]
    fn floats() {
        let run = |x: f32| {
            let mut v = [1.0f32; 9];
            v[7] = x;
            let bytes: Vec<u8> = v.iter().flat_map(|x| x.to_le_bytes()).collect();
            has_non_finite(GgmlType::F32, &bytes)
        };
        for x in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7f80_0001)] {
            assert!(run(x));
        }
        for x in [f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0] {
            assert!(!run(x));
        }
    }

    #[test]
    fn mxfp4_scale_bytes() {
        let mut bytes = [0xffu8; 34];
        bytes[0] = 254;
        bytes[17] = 0;
        assert!(!has_non_finite(GgmlType::MXFP4, &bytes));
        bytes[17] = 255;
        assert!(has_non_finite(GgmlType::MXFP4, &bytes));
    }

    #[test]
    fn iq1_m_scale_is_spread_over_four_words() {
        // As ggml assembles it: the top nibble of word i is nibble i of the half.
        let block = |half: u16| {
            let mut bytes = [0x0fu8; 56];
            for i in 0..4 {
                let nibble = u8::try_from((half >> (4 * i)) & 0xf).unwrap();
                bytes[48 + 2 * i + 1] = nibble << 4 | 0x0f;
            }
            bytes
        };
        for bits in [0x7c00, 0xfc00, 0x7c01, 0x7fff] {
            assert!(has_non_finite(GgmlType::IQ1_M, &block(bits)), "{bits:#x}");
        }
        for bits in [0, 0x7bff, 0xfbff, 0x3c00, 0x0fff] {
            assert!(!has_non_finite(GgmlType::IQ1_M, &block(bits)), "{bits:#x}");
        }
    }
}
