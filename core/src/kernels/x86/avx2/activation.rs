//! Quantizing, a unit in four vectors.

use std::arch::x86_64::*;

use crate::kernels::activation::{Quantized, Scaling, Writer};
use crate::kernels::UNIT;

/// Quantizes a column, each unit as [`crate::kernels::reference::quantize`].
///
/// # Safety
/// As of [`Writer::write`]; the machine has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn quantize(values: *const [f32; UNIT], to: &Writer) {
    // SAFETY: by the contract.
    unsafe { to.each(values, |unit, quants| quantize_unit(unit, quants)) }
}

/// # Safety
/// The machine has AVX2.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn quantize_unit(unit: &[f32; UNIT], quants: &mut [i8; UNIT]) -> Quantized {
    // SAFETY: four times eight values; twice sixteen integers.
    unsafe {
        let mut values = [_mm256_setzero_ps(); 4];
        let mut largest = _mm256_setzero_si256();
        for (at, values) in values.iter_mut().enumerate() {
            *values = _mm256_loadu_ps(unit.as_ptr().add(8 * at));
            let magnitude = _mm256_and_si256(_mm256_castps_si256(*values), _mm256_set1_epi32(0x7fff_ffff));
            largest = _mm256_max_epu32(largest, magnitude);
        }
        let four = _mm_max_epu32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
        let two = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
        let one = _mm_max_epu32(two, _mm_shuffle_epi32(two, 0xb1));
        let scaling = Scaling::of(f32::from_bits(_mm_cvtsi128_si32(one).cast_unsigned()));
        if scaling.inverse == 0.0 {
            quants.fill(0);
            return scaling.with([0, 0]);
        }
        let inverse = _mm256_set1_ps(scaling.inverse);
        let mut sums = [0; 2];
        for half in 0..2 {
            let round = |values| _mm256_cvtps_epi32(_mm256_mul_ps(values, inverse));
            let (low, high) = (round(values[2 * half]), round(values[2 * half + 1]));
            let eight = _mm256_add_epi32(low, high);
            let four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
            let two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
            sums[half] = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
            // Packing takes the quarters of both by turns.
            let words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
            let bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
            _mm_storeu_si128(quants.as_mut_ptr().add(16 * half).cast(), bytes);
        }
        scaling.with(sums)
    }
}
