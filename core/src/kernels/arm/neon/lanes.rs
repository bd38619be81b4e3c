//! Four vectors of 4 lanes.

use std::arch::aarch64::*;
use std::arch::asm;

use crate::kernels::lanes::{Lanes, LANES};

/// 16 lanes in four registers.
#[derive(Clone, Copy)]
pub struct Neon([float32x4_t; 4]);

impl Neon {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Neon([operation(a, e), operation(b, f), operation(c, g), operation(d, h)])
    }

    #[inline(always)]
    fn map(self, operation: impl Fn(float32x4_t) -> float32x4_t) -> Self {
        let [a, b, c, d] = self.0;
        Neon([operation(a), operation(b), operation(c), operation(d)])
    }
}

// SAFETY of every method: 64-bit ARM has NEON; loads and stores are of four times 4 numbers.
impl Lanes for Neon {
    const REGISTERS: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: as above.
        Neon([unsafe { vdupq_n_f32(value) }; 4])
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        let from = values.as_ptr();
        // SAFETY: as above.
        Neon(unsafe {
            [vld1q_f32(from), vld1q_f32(from.add(4)), vld1q_f32(from.add(8)), vld1q_f32(from.add(12))]
        })
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        for (four, values) in self.0.into_iter().zip(values.chunks_exact_mut(4)) {
            // SAFETY: as above.
            unsafe { vst1q_f32(values.as_mut_ptr(), four) };
        }
    }

    #[inline(always)]
    fn load_half(values: &[u16; LANES]) -> Self {
        let from = values.as_ptr();
        // SAFETY: as above.
        Neon(unsafe {
            [
                widen(vld1_u16(from)),
                widen(vld1_u16(from.add(4))),
                widen(vld1_u16(from.add(8))),
                widen(vld1_u16(from.add(12))),
            ]
        })
    }

    #[inline(always)]
    fn store_half(self, values: &mut [u16; LANES]) {
        for (four, values) in self.0.into_iter().zip(values.chunks_exact_mut(4)) {
            // SAFETY: as above.
            unsafe { vst1_u16(values.as_mut_ptr(), narrow(four)) };
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vaddq_f32(a, b) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vsubq_f32(a, b) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vmulq_f32(a, b) })
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vdivq_f32(a, b) })
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (self.0, factor.0, addend.0);
        // SAFETY: as above.
        Neon(unsafe { [vfmaq_f32(i, a, e), vfmaq_f32(j, b, f), vfmaq_f32(k, c, g), vfmaq_f32(l, d, h)] })
    }

    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: as above.
        self.map(|a| unsafe { vnegq_f32(a) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        self.map(|a| unsafe { vabsq_f32(a) })
    }

    #[inline(always)]
    fn round(self) -> Self {
        // SAFETY: as above.
        self.map(|a| unsafe { vrndnq_f32(a) })
    }

    #[inline(always)]
    fn swap_pairs(self) -> Self {
        // SAFETY: as above.
        self.map(|a| unsafe { vrev64q_f32(a) })
    }

    #[inline(always)]
    fn if_less(self, other: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Neon(std::array::from_fn(|i| unsafe {
            vbslq_f32(vcltq_f32(self.0[i], other.0[i]), yes.0[i], no.0[i])
        }))
    }

    #[inline(always)]
    fn two_to(self) -> Self {
        // SAFETY: as above.
        self.map(|n| unsafe {
            let bits = vreinterpretq_s32_f32(vaddq_f32(n, vdupq_n_f32(12_582_912.0)));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(bits, vdupq_n_s32(127))))
        })
    }

    #[inline(always)]
    fn transpose(rows: &mut [Self; LANES]) {
        let from = *rows;
        // Sixteen squares of 4 by 4, each in the place of its mirror image.
        for i in 0..4 {
            for k in 0..4 {
                let square = square([
                    from[4 * k].0[i],
                    from[4 * k + 1].0[i],
                    from[4 * k + 2].0[i],
                    from[4 * k + 3].0[i],
                ]);
                for (at, four) in square.into_iter().enumerate() {
                    rows[4 * i + at].0[k] = four;
                }
            }
        }
    }
}

/// Transposes 4 by 4.
#[inline(always)]
fn square([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    // SAFETY: as above.
    unsafe {
        let pair = |a, b| vreinterpretq_f64_f32(vzip1q_f32(a, b));
        let other = |a, b| vreinterpretq_f64_f32(vzip2q_f32(a, b));
        let (low, high) = ([pair(a, c), pair(b, d)], [other(a, c), other(b, d)]);
        let four = |[a, b]: [float64x2_t; 2]| {
            let (a, b) = (vreinterpretq_f32_f64(a), vreinterpretq_f32_f64(b));
            [vzip1q_f32(a, b), vzip2q_f32(a, b)]
        };
        let ([a, b], [c, d]) = (four(low), four(high));
        [a, b, c, d]
    }
}

/// Binary16 as binary32, exactly.
#[inline(always)]
pub(super) fn widen(halves: uint16x4_t) -> float32x4_t {
    let wide;
    // SAFETY: no memory is touched.
    unsafe {
        asm!("fcvtl {0:v}.4s, {1:v}.4h", out(vreg) wide, in(vreg) halves, options(pure, nomem, nostack, preserves_flags));
    }
    wide
}

/// As binary16, rounded once, ties to even.
#[inline(always)]
fn narrow(wide: float32x4_t) -> uint16x4_t {
    let halves;
    // SAFETY: no memory is touched.
    unsafe {
        asm!("fcvtn {0:v}.4h, {1:v}.4s", out(vreg) halves, in(vreg) wide, options(pure, nomem, nostack, preserves_flags));
    }
    halves
}
