//! Quantizing, a unit in eight vectors.

use std::arch::aarch64::*;

use crate::kernels::activation::{Quantized, Scaling, Writer};
use crate::kernels::UNIT;

/// Quantizes a column, each unit as [`crate::kernels::reference::quantize`].
///
/// # Safety
/// As of [`Writer::write`].
pub unsafe fn quantize(values: *const [f32; UNIT], to: &Writer) {
    // SAFETY: by the contract.
    unsafe { to.each(values, |unit, quants| quantize_unit(unit, quants)) }
}

#[inline(always)]
fn quantize_unit(unit: &[f32; UNIT], quants: &mut [i8; UNIT]) -> Quantized {
    // SAFETY: eight times four values; twice sixteen integers.
    unsafe {
        let mut values = [vdupq_n_f32(0.0); 8];
        let mut largest = vdupq_n_u32(0);
        for (at, values) in values.iter_mut().enumerate() {
            *values = vld1q_f32(unit.as_ptr().add(4 * at));
            largest = vmaxq_u32(largest, vreinterpretq_u32_f32(vabsq_f32(*values)));
        }
        let scaling = Scaling::of(f32::from_bits(vmaxvq_u32(largest)));
        let inverse = vdupq_n_f32(scaling.inverse);
        let mut sums = [0; 2];
        for (half, four) in values.chunks_exact(4).enumerate() {
            // A NaN becomes 0.
            let round = |values| vcvtnq_s32_f32(vmulq_f32(values, inverse));
            let [a, b, c, d] = [round(four[0]), round(four[1]), round(four[2]), round(four[3])];
            sums[half] = vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)));
            let low = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
            let high = vcombine_s16(vqmovn_s32(c), vqmovn_s32(d));
            let bytes = vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
            vst1q_s8(quants.as_mut_ptr().add(16 * half), bytes);
        }
        scaling.with(sums)
    }
}
