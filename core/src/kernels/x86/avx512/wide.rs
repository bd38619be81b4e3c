//! 16 rows in a vector.

use std::arch::x86_64::*;

use crate::kernels::vectors::wide::{instructions, Wide};
use crate::kernels::vectors::Rows;
use crate::kernels::x86::sixteen;

/// 16 rows in one register.
#[derive(Clone, Copy)]
pub struct Wide16(__m512i);

// SAFETY of every method: a value of this type is made only by kernels that run with AVX-512 F, BW, DQ, VL and VNNI.
impl Wide for Wide16 {
    type Floats = __m512;
    const ROWS: usize = 16;
    const LIFTS: bool = true;

    #[inline(always)]
    unsafe fn load(rows: &Rows, i: usize, at: usize) -> Self {
        // SAFETY: by the contract.
        unsafe {
            let all = _mm512_castsi128_si512(sixteen(rows, i, at));
            let all = _mm512_mask_broadcast_i32x4(all, 0x00f0, sixteen(rows, i + 4, at));
            let all = _mm512_mask_broadcast_i32x4(all, 0x0f00, sixteen(rows, i + 8, at));
            Wide16(_mm512_mask_broadcast_i32x4(all, 0xf000, sixteen(rows, i + 12, at)))
        }
    }

    #[inline(always)]
    unsafe fn load_halves<const BOTH: bool>(rows: &Rows) -> [__m512; 2] {
        if !BOTH {
            // SAFETY: by the contract.
            let scales = unsafe {
                _mm512_cvtph_ps(_mm256_set_epi16(
                    rows.half(15),
                    rows.half(14),
                    rows.half(13),
                    rows.half(12),
                    rows.half(11),
                    rows.half(10),
                    rows.half(9),
                    rows.half(8),
                    rows.half(7),
                    rows.half(6),
                    rows.half(5),
                    rows.half(4),
                    rows.half(3),
                    rows.half(2),
                    rows.half(1),
                    rows.half(0),
                ))
            };
            return [scales; 2];
        }
        // SAFETY: by the contract.
        let words = unsafe {
            let (a, b) = (Self::load(rows, 0, 0), Self::load(rows, 1, 0));
            let (c, d) = (Self::load(rows, 2, 0), Self::load(rows, 3, 0));
            a.low_words(b).low_pairs(c.low_words(d))
        };
        [words.halves(), words.shift(-16).halves()]
    }

    #[inline(always)]
    fn parts(bytes: [u8; 16]) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(bytes.as_ptr().cast())) })
    }

    #[inline(always)]
    fn splat(word: i32) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_set1_epi32(word) })
    }

    #[inline(always)]
    fn splat_float(value: f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_set1_ps(value) }
    }

    instructions! {
        and = _mm512_and_si512;
        or = _mm512_or_si512;
        add = _mm512_add_epi32;
        sub = _mm512_sub_epi32;
        sub_bytes = _mm512_sub_epi8;
        low_words = _mm512_unpacklo_epi32;
        high_words = _mm512_unpackhi_epi32;
        low_pairs = _mm512_unpacklo_epi64;
        high_pairs = _mm512_unpackhi_epi64;
        pick = _mm512_shuffle_epi8;
    }

    #[inline(always)]
    fn shift(self, bits: i32) -> Self {
        // SAFETY: as above.
        Wide16(unsafe {
            if bits < 0 {
                _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(-bits))
            } else {
                _mm512_sll_epi32(self.0, _mm_cvtsi32_si128(bits))
            }
        })
    }

    #[inline(always)]
    fn shift_signed(self, right: i32) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_sra_epi32(self.0, _mm_cvtsi32_si128(right)) })
    }

    #[inline(always)]
    fn sixteen_where(self, bits: Self) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_maskz_set1_epi8(_mm512_test_epi8_mask(self.0, bits.0), 16) })
    }

    #[inline(always)]
    fn lift(self) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_xor_si512(self.0, _mm512_set1_epi8(-128)) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: by the contract.
        unsafe { _mm512_storeu_si512(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> Self {
        // SAFETY: by the contract.
        Wide16(unsafe { _mm512_load_si512(from.cast()) })
    }

    #[inline(always)]
    unsafe fn read_floats(from: *const u8) -> __m512 {
        // SAFETY: by the contract.
        unsafe { _mm512_load_ps(from.cast()) }
    }

    #[inline(always)]
    fn add_dot(self, weights: Self, column: Self) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_dpbusd_epi32(self.0, weights.0, column.0) })
    }

    #[inline(always)]
    fn add_signed_dot(self, weights: Self, column: Self) -> Self {
        self.add_dot(weights, column)
    }

    #[inline(always)]
    fn floats(self) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi32_ps(self.0) }
    }

    #[inline(always)]
    fn halves(self) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_cvtph_ps(_mm512_cvtepi32_epi16(self.0)) }
    }

    #[inline(always)]
    fn neg(a: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_xor_ps(a, _mm512_set1_ps(-0.0)) }
    }

    #[inline(always)]
    fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: __m512, out: *mut f32, rows: usize) {
        let mask = if rows >= Self::ROWS { !0 } else { (1u16 << rows) - 1 };
        // SAFETY: what the mask leaves out is not written.
        unsafe { _mm512_mask_storeu_ps(out, mask, floats) }
    }
}
