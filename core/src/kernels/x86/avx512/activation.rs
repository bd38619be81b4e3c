//! Quantizing, a unit in two vectors.

use std::arch::x86_64::*;

use crate::kernels::activation::{Quantized, Scaling, Writer};
use crate::kernels::UNIT;

/// Quantizes a column, each unit as [`crate::kernels::reference::quantize`].
///
/// # Safety
/// As of [`Writer::write`]; the machine has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
pub unsafe fn quantize(values: *const [f32; UNIT], to: &Writer) {
    // SAFETY: by the contract.
    unsafe { to.each(values, |unit, quants| quantize_unit(unit, quants)) }
}

/// # Safety
/// The machine has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2")]
#[inline]
unsafe fn quantize_unit(unit: &[f32; UNIT], quants: &mut [i8; UNIT]) -> Quantized {
    // SAFETY: 16 values and 16 more; 16 integers and 16 more.
    unsafe {
        let (first, second) = (_mm512_loadu_ps(unit.as_ptr()), _mm512_loadu_ps(unit.as_ptr().add(16)));
        let magnitude =
            |values| _mm512_and_si512(_mm512_castps_si512(values), _mm512_set1_epi32(0x7fff_ffff));
        let largest = _mm512_reduce_max_epu32(_mm512_max_epu32(magnitude(first), magnitude(second)));
        let scaling = Scaling::of(f32::from_bits(largest));
        if scaling.inverse == 0.0 {
            quants.fill(0);
            return scaling.with([0, 0]);
        }
        let inverse = _mm512_set1_ps(scaling.inverse);
        let mut sums = [0; 2];
        for (half, values) in [first, second].into_iter().enumerate() {
            let integers = _mm512_cvtps_epi32(_mm512_mul_ps(values, inverse));
            sums[half] = _mm512_reduce_add_epi32(integers);
            _mm_storeu_si128(quants.as_mut_ptr().add(16 * half).cast(), _mm512_cvtepi32_epi8(integers));
        }
        scaling.with(sums)
    }
}
