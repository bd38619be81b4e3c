//! 8 rows in a vector.

use std::arch::x86_64::*;

use crate::kernels::vectors::wide::{instructions, Wide};
use crate::kernels::vectors::Rows;
use crate::kernels::x86::sixteen;

/// 8 rows in one register.
#[derive(Clone, Copy)]
pub struct Wide8(__m256i);

// SAFETY of every method: a value of this type is made only by kernels that run with AVX2, FMA and F16C.
impl Wide for Wide8 {
    type Floats = __m256;
    const ROWS: usize = 8;
    const LIFTS: bool = false;

    #[inline(always)]
    unsafe fn load(rows: &Rows, i: usize, at: usize) -> Self {
        // SAFETY: by the contract.
        unsafe {
            let (low, high) = (sixteen(rows, i, at), sixteen(rows, i + 4, at));
            Wide8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1))
        }
    }

    #[inline(always)]
    unsafe fn load_halves<const BOTH: bool>(rows: &Rows) -> [__m256; 2] {
        // SAFETY: by the contract.
        unsafe {
            if BOTH {
                let first = _mm_set_epi32(rows.word(3), rows.word(2), rows.word(1), rows.word(0));
                let second = _mm_set_epi32(rows.word(7), rows.word(6), rows.word(5), rows.word(4));
                let low = _mm_set1_epi32(0xffff);
                let scales = _mm_packus_epi32(_mm_and_si128(first, low), _mm_and_si128(second, low));
                let others = _mm_packus_epi32(_mm_srli_epi32(first, 16), _mm_srli_epi32(second, 16));
                return [_mm256_cvtph_ps(scales), _mm256_cvtph_ps(others)];
            }
            let scales = _mm_set_epi16(
                rows.half(7),
                rows.half(6),
                rows.half(5),
                rows.half(4),
                rows.half(3),
                rows.half(2),
                rows.half(1),
                rows.half(0),
            );
            [_mm256_cvtph_ps(scales); 2]
        }
    }

    #[inline(always)]
    fn parts(bytes: [u8; 16]) -> Self {
        // SAFETY: as above.
        Wide8(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) })
    }

    #[inline(always)]
    fn splat(word: i32) -> Self {
        // SAFETY: as above.
        Wide8(unsafe { _mm256_set1_epi32(word) })
    }

    #[inline(always)]
    fn splat_float(value: f32) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_set1_ps(value) }
    }

    instructions! {
        and = _mm256_and_si256;
        or = _mm256_or_si256;
        add = _mm256_add_epi32;
        sub = _mm256_sub_epi32;
        sub_bytes = _mm256_sub_epi8;
        low_words = _mm256_unpacklo_epi32;
        high_words = _mm256_unpackhi_epi32;
        low_pairs = _mm256_unpacklo_epi64;
        high_pairs = _mm256_unpackhi_epi64;
        pick = _mm256_shuffle_epi8;
    }

    #[inline(always)]
    fn shift(self, bits: i32) -> Self {
        // SAFETY: as above.
        Wide8(unsafe {
            if bits < 0 {
                _mm256_srl_epi32(self.0, _mm_cvtsi32_si128(-bits))
            } else {
                _mm256_sll_epi32(self.0, _mm_cvtsi32_si128(bits))
            }
        })
    }

    #[inline(always)]
    fn shift_signed(self, right: i32) -> Self {
        // SAFETY: as above.
        Wide8(unsafe { _mm256_sra_epi32(self.0, _mm_cvtsi32_si128(right)) })
    }

    #[inline(always)]
    fn sixteen_where(self, bits: Self) -> Self {
        // SAFETY: as above.
        Wide8(unsafe {
            let none = _mm256_cmpeq_epi8(_mm256_and_si256(self.0, bits.0), _mm256_setzero_si256());
            _mm256_andnot_si256(none, _mm256_set1_epi8(16))
        })
    }

    #[inline(always)]
    fn lift(self) -> Self {
        self
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: by the contract.
        unsafe { _mm256_storeu_si256(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> Self {
        // SAFETY: by the contract.
        Wide8(unsafe { _mm256_load_si256(from.cast()) })
    }

    #[inline(always)]
    unsafe fn read_floats(from: *const u8) -> __m256 {
        // SAFETY: by the contract.
        unsafe { _mm256_load_ps(from.cast()) }
    }

    #[inline(always)]
    fn add_dot(self, weights: Self, column: Self) -> Self {
        self.add(weights.dot(column))
    }

    #[inline(always)]
    fn add_signed_dot(self, weights: Self, column: Self) -> Self {
        // SAFETY: as above.
        let (weights, column) =
            unsafe { (_mm256_abs_epi8(weights.0), _mm256_sign_epi8(column.0, weights.0)) };
        self.add(Wide8(weights).dot(Wide8(column)))
    }

    #[inline(always)]
    fn dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        // SAFETY: as above. Four products of at most 31 by 127 do not fill 16 bits.
        Wide8(unsafe {
            let first = _mm256_maddubs_epi16(weights[0].0, column[0].0);
            let second = _mm256_maddubs_epi16(weights[1].0, column[1].0);
            _mm256_madd_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(1))
        })
    }

    #[inline(always)]
    fn dot(self, column: Self) -> Self {
        // SAFETY: as above. Two products of at most 128 by 127 do not fill 16 bits.
        Wide8(unsafe { _mm256_madd_epi16(_mm256_maddubs_epi16(self.0, column.0), _mm256_set1_epi16(1)) })
    }

    #[inline(always)]
    fn floats(self) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_cvtepi32_ps(self.0) }
    }

    #[inline(always)]
    fn halves(self) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let low = _mm256_and_si256(self.0, _mm256_set1_epi32(0xffff));
            let halves = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
            _mm256_cvtph_ps(halves)
        }
    }

    #[inline(always)]
    fn neg(a: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_xor_ps(a, _mm256_set1_ps(-0.0)) }
    }

    #[inline(always)]
    fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: as above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn store_floats(floats: __m256, out: *mut f32, rows: usize) {
        // SAFETY: no more are written.
        unsafe {
            if rows >= Self::ROWS {
                _mm256_storeu_ps(out, floats);
            } else {
                let mut all = [0.0; Self::ROWS];
                _mm256_storeu_ps(all.as_mut_ptr(), floats);
                std::ptr::copy_nonoverlapping(all.as_ptr(), out, rows);
            }
        }
    }
}
