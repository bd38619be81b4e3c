//! 4 rows in a vector.

use std::arch::aarch64::*;
use std::arch::asm;

use super::lanes::widen;
use crate::kernels::vectors::wide::{instructions, Wide};
use crate::kernels::vectors::Rows;

/// 4 rows in one register.
#[derive(Clone, Copy)]
pub struct Wide4(int32x4_t);

impl Wide4 {
    #[inline(always)]
    fn bytes(self) -> uint8x16_t {
        // SAFETY: as below.
        unsafe { vreinterpretq_u8_s32(self.0) }
    }

    #[inline(always)]
    fn of(bytes: uint8x16_t) -> Self {
        // SAFETY: as below.
        Wide4(unsafe { vreinterpretq_s32_u8(bytes) })
    }
}

// SAFETY of every method: 64-bit ARM has NEON; dot products are made only by kernels that run with them.
impl Wide for Wide4 {
    type Floats = float32x4_t;
    const ROWS: usize = 4;
    const LIFTS: bool = false;

    #[inline(always)]
    unsafe fn load(rows: &Rows, i: usize, at: usize) -> Self {
        // SAFETY: by the contract.
        Self::of(unsafe { vld1q_u8(rows.row(i).wrapping_add(at)) })
    }

    #[inline(always)]
    unsafe fn load_halves<const BOTH: bool>(rows: &Rows) -> [float32x4_t; 2] {
        // SAFETY: by the contract.
        unsafe {
            if BOTH {
                let words = [rows.word(0), rows.word(1), rows.word(2), rows.word(3)];
                let words = Wide4(vld1q_s32(words.as_ptr()));
                return [words.halves(), words.shift(-16).halves()];
            }
            let scales = [rows.half(0), rows.half(1), rows.half(2), rows.half(3)];
            [widen(vld1_u16(scales.as_ptr().cast())); 2]
        }
    }

    #[inline(always)]
    fn parts(bytes: [u8; 16]) -> Self {
        // SAFETY: as above.
        Self::of(unsafe { vld1q_u8(bytes.as_ptr()) })
    }

    #[inline(always)]
    fn splat(word: i32) -> Self {
        // SAFETY: as above.
        Wide4(unsafe { vdupq_n_s32(word) })
    }

    #[inline(always)]
    fn splat_float(value: f32) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vdupq_n_f32(value) }
    }

    instructions! {
        and = vandq_s32;
        or = vorrq_s32;
        add = vaddq_s32;
        sub = vsubq_s32;
        low_words = vzip1q_s32;
        high_words = vzip2q_s32;
    }

    #[inline(always)]
    fn sub_bytes(self, other: Self) -> Self {
        // SAFETY: as above.
        Self::of(unsafe { vsubq_u8(self.bytes(), other.bytes()) })
    }

    #[inline(always)]
    fn low_pairs(self, other: Self) -> Self {
        // SAFETY: as above.
        Wide4(unsafe {
            vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(self.0), vreinterpretq_s64_s32(other.0)))
        })
    }

    #[inline(always)]
    fn high_pairs(self, other: Self) -> Self {
        // SAFETY: as above.
        Wide4(unsafe {
            vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(self.0), vreinterpretq_s64_s32(other.0)))
        })
    }

    #[inline(always)]
    fn pick(self, order: Self) -> Self {
        // SAFETY: as above. What is beyond the table is 0.
        Self::of(unsafe { vqtbl1q_u8(self.bytes(), order.bytes()) })
    }

    #[inline(always)]
    fn shift(self, bits: i32) -> Self {
        // SAFETY: as above. A negative shift is one to the right.
        Wide4(unsafe { vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(self.0), vdupq_n_s32(bits))) })
    }

    #[inline(always)]
    fn shift_signed(self, right: i32) -> Self {
        // SAFETY: as above.
        Wide4(unsafe { vshlq_s32(self.0, vdupq_n_s32(-right)) })
    }

    #[inline(always)]
    fn sixteen_where(self, bits: Self) -> Self {
        // SAFETY: as above.
        Self::of(unsafe { vandq_u8(vtstq_u8(self.bytes(), bits.bytes()), vdupq_n_u8(16)) })
    }

    #[inline(always)]
    fn lift(self) -> Self {
        self
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: by the contract.
        unsafe { vst1q_u8(to, self.bytes()) }
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> Self {
        // SAFETY: by the contract.
        Self::of(unsafe { vld1q_u8(from) })
    }

    #[inline(always)]
    unsafe fn read_floats(from: *const u8) -> float32x4_t {
        // SAFETY: by the contract.
        unsafe { vld1q_f32(from.cast()) }
    }

    #[inline(always)]
    fn add_dot(self, weights: Self, column: Self) -> Self {
        // No unsigned weight is above 63: signed ones of the same value.
        self.add_signed_dot(weights, column)
    }

    #[inline(always)]
    fn add_signed_dot(self, weights: Self, column: Self) -> Self {
        let mut sums = self.0;
        // SAFETY: no memory is touched; as above. (There is an intrinsic, which is not stable.)
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {0:v}.4s, {1:v}.16b, {2:v}.16b",
                inout(vreg) sums, in(vreg) weights.0, in(vreg) column.0,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        Wide4(sums)
    }

    #[inline(always)]
    fn sum([a, b, c, d]: [Self; 4]) -> Self {
        // SAFETY: as above.
        Wide4(unsafe { vpaddq_s32(vpaddq_s32(a.0, b.0), vpaddq_s32(c.0, d.0)) })
    }

    #[inline(always)]
    fn floats(self) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vcvtq_f32_s32(self.0) }
    }

    #[inline(always)]
    fn halves(self) -> float32x4_t {
        // SAFETY: as above.
        widen(unsafe { vmovn_u32(vreinterpretq_u32_s32(self.0)) })
    }

    #[inline(always)]
    fn neg(a: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vnegq_f32(a) }
    }

    #[inline(always)]
    fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: as above.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: float32x4_t, out: *mut f32, rows: usize) {
        // SAFETY: no more are written.
        unsafe {
            if rows >= Self::ROWS {
                vst1q_f32(out, floats);
            } else {
                let mut all = [0.0; Self::ROWS];
                vst1q_f32(all.as_mut_ptr(), floats);
                std::ptr::copy_nonoverlapping(all.as_ptr(), out, rows);
            }
        }
    }
}
