//! Vectors whose quarters are rows: what products of one column are written in, once for AVX2 and AVX-512.

use std::arch::x86_64::*;

use super::Rows;

/// A vector of 16-byte parts. Part `p` belongs to row `i + 4 p`, where four vectors, `i` from 0 to 3, hold all rows; once the
/// four are one, word `w` of all belongs to row `w`.
///
/// As of [`crate::kernels::lanes::Lanes`], methods may be called only where the machine has the instructions and the caller is
/// compiled for them: whoever names such a type has seen to that.
pub trait Wide: Copy {
    /// As many floats as there are words.
    type Floats: Copy;
    /// Rows: words of a vector.
    const ROWS: usize;
    /// Whether signed weights are multiplied as unsigned ones, 128 more than they are.
    const LIFTS: bool;

    /// 16 bytes of rows `i`, `i + 4` and so on, from byte `at` of their blocks on.
    ///
    /// # Safety
    /// The blocks reach there.
    unsafe fn load(rows: &Rows, i: usize, at: usize) -> Self;
    /// The two binary16 that each row's block begins with; without `BOTH`, the second may be anything.
    ///
    /// # Safety
    /// The blocks have 16 bytes.
    unsafe fn load_halves<const BOTH: bool>(rows: &Rows) -> [Self::Floats; 2];
    /// The same bytes in every part.
    fn parts(bytes: [u8; 16]) -> Self;
    /// The same in every word.
    fn splat(word: i32) -> Self;
    /// The same in every float.
    fn splat_float(value: f32) -> Self::Floats;

    /// Of bits.
    fn and(self, other: Self) -> Self;
    /// Of bits.
    fn or(self, other: Self) -> Self;
    /// Of words.
    fn add(self, other: Self) -> Self;
    /// Of words.
    fn sub(self, other: Self) -> Self;
    /// Of bytes.
    fn sub_bytes(self, other: Self) -> Self;
    /// Words 0 and 1 of each part of both, in turn.
    fn low_words(self, other: Self) -> Self;
    /// Words 2 and 3 of each part of both, in turn.
    fn high_words(self, other: Self) -> Self;
    /// The low half of each part of both, in turn.
    fn low_pairs(self, other: Self) -> Self;
    /// The high half of each part of both, in turn.
    fn high_pairs(self, other: Self) -> Self;
    /// For each byte of `order`, that byte of the same part of `self`; 0 where its highest bit is set.
    fn pick(self, order: Self) -> Self;
    /// Words, by so many bits to the left, or to the right if it is negative.
    fn shift(self, bits: i32) -> Self;
    /// As [`Wide::shift`] to the right, with the sign.
    fn shift_signed(self, right: i32) -> Self;
    /// 16 where a byte and that of `bits` have a bit in common, elsewhere 0.
    fn sixteen_where(self, bits: Self) -> Self;

    /// Signed weights as they are multiplied: see [`Wide::LIFTS`].
    fn lift(self) -> Self;
    /// To memory.
    ///
    /// # Safety
    /// `to` has room.
    unsafe fn store(self, to: *mut u8);

    /// What groups of four unsigned weights and four integers of a column make, of two vectors each.
    fn dots(weights: [Self; 2], column: [Self; 2]) -> Self;
    /// Of one vector each.
    fn dot(self, column: Self) -> Self;
    /// As [`Wide::dots`], of signed weights; see [`Wide::LIFTS`].
    fn signed_dots(weights: [Self; 2], column: [Self; 2]) -> Self;

    /// Of words.
    fn floats(self) -> Self::Floats;
    /// The binary16 in the low half of each word.
    fn halves(self) -> Self::Floats;
    /// The sign turned around.
    fn neg(a: Self::Floats) -> Self::Floats;
    /// `a * b`.
    fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The first `rows`, or as many as there are.
    ///
    /// # Safety
    /// `out` holds them.
    unsafe fn store_floats(floats: Self::Floats, out: *mut f32, rows: usize);
}

/// # Safety
/// The block of row `row` reaches from byte `at` 16 bytes on.
#[inline(always)]
unsafe fn sixteen(rows: &Rows, row: usize, at: usize) -> __m128i {
    // SAFETY: by the contract.
    unsafe { _mm_loadu_si128(rows.row(row).wrapping_add(at).cast()) }
}

/// # Safety
/// The block of row `row` has two bytes.
#[inline(always)]
unsafe fn half(rows: &Rows, row: usize) -> i16 {
    // SAFETY: by the contract.
    unsafe { rows.row(row).cast::<i16>().read_unaligned() }
}

/// # Safety
/// The block of row `row` has four bytes.
#[inline(always)]
unsafe fn word(rows: &Rows, row: usize) -> i32 {
    // SAFETY: by the contract.
    unsafe { rows.row(row).cast::<i32>().read_unaligned() }
}

/// Methods of two vectors that are one instruction.
macro_rules! instructions {
    ($($method:ident = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { $intrinsic(self.0, other.0) })
        }
    )*};
}

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
                let first = _mm_set_epi32(word(rows, 3), word(rows, 2), word(rows, 1), word(rows, 0));
                let second = _mm_set_epi32(word(rows, 7), word(rows, 6), word(rows, 5), word(rows, 4));
                let low = _mm_set1_epi32(0xffff);
                let scales = _mm_packus_epi32(_mm_and_si128(first, low), _mm_and_si128(second, low));
                let others = _mm_packus_epi32(_mm_srli_epi32(first, 16), _mm_srli_epi32(second, 16));
                return [_mm256_cvtph_ps(scales), _mm256_cvtph_ps(others)];
            }
            let scales = _mm_set_epi16(
                half(rows, 7),
                half(rows, 6),
                half(rows, 5),
                half(rows, 4),
                half(rows, 3),
                half(rows, 2),
                half(rows, 1),
                half(rows, 0),
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
    fn signed_dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        // SAFETY: as above.
        Wide8(unsafe {
            let signed =
                [_mm256_sign_epi8(column[0].0, weights[0].0), _mm256_sign_epi8(column[1].0, weights[1].0)];
            let first = Wide8(_mm256_abs_epi8(weights[0].0)).dot(Wide8(signed[0]));
            let second = Wide8(_mm256_abs_epi8(weights[1].0)).dot(Wide8(signed[1]));
            _mm256_add_epi32(first.0, second.0)
        })
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
                    half(rows, 15),
                    half(rows, 14),
                    half(rows, 13),
                    half(rows, 12),
                    half(rows, 11),
                    half(rows, 10),
                    half(rows, 9),
                    half(rows, 8),
                    half(rows, 7),
                    half(rows, 6),
                    half(rows, 5),
                    half(rows, 4),
                    half(rows, 3),
                    half(rows, 2),
                    half(rows, 1),
                    half(rows, 0),
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
    fn dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_dpbusd_epi32(weights[0].dot(column[0]).0, weights[1].0, column[1].0) })
    }

    #[inline(always)]
    fn dot(self, column: Self) -> Self {
        // SAFETY: as above.
        Wide16(unsafe { _mm512_dpbusd_epi32(_mm512_setzero_si512(), self.0, column.0) })
    }

    #[inline(always)]
    fn signed_dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        Self::dots([weights[0].lift(), weights[1].lift()], column)
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
