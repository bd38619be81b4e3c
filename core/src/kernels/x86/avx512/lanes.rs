//! A vector of 16 lanes.

use std::arch::x86_64::*;

use crate::kernels::lanes::{Lanes, LANES};

/// 16 lanes in one register.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY of every method: a value of this type is made only by kernels that run with AVX-512; loads and stores are of 16
// numbers.
impl Lanes for Avx512 {
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_loadu_ps(values.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(values.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn load_half(values: &[u16; LANES]) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(values.as_ptr().cast())) })
    }

    #[inline(always)]
    fn store_half(self, values: &mut [u16; LANES]) {
        // SAFETY: as above.
        unsafe {
            let halves = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0);
            _mm256_storeu_si256(values.as_mut_ptr().cast(), halves);
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_div_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_xor_ps(self.0, _mm512_set1_ps(-0.0)) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_andnot_ps(_mm512_set1_ps(-0.0), self.0) })
    }

    #[inline(always)]
    fn round(self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }

    #[inline(always)]
    fn if_less(self, other: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe {
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0), no.0, yes.0)
        })
    }

    #[inline(always)]
    fn two_to(self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe {
            let bits = _mm512_castps_si512(_mm512_add_ps(self.0, _mm512_set1_ps(12_582_912.0)));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(bits, _mm512_set1_epi32(127))))
        })
    }
    #[inline(always)]
    fn swap_pairs(self) -> Self {
        // SAFETY: as above.
        Avx512(unsafe { _mm512_permute_ps::<0b10_11_00_01>(self.0) })
    }

    #[inline(always)]
    fn transpose(rows: &mut [Self; LANES]) {
        // SAFETY: as above. Pairs, fours, then quarters of the registers.
        unsafe {
            let mut a = [_mm512_setzero_ps(); LANES];
            for i in 0..8 {
                a[2 * i] = _mm512_unpacklo_ps(rows[2 * i].0, rows[2 * i + 1].0);
                a[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i].0, rows[2 * i + 1].0);
            }
            // Lane i of every quarter q of b[4 k + i] is column 4 q + i of row 4 k + lane.
            let mut b = [_mm512_setzero_ps(); LANES];
            for k in 0..4 {
                for i in 0..2 {
                    let (first, second) =
                        (_mm512_castps_pd(a[4 * k + i]), _mm512_castps_pd(a[4 * k + 2 + i]));
                    b[4 * k + 2 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(first, second));
                    b[4 * k + 2 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(first, second));
                }
            }
            for i in 0..4 {
                // Quarters 0 and 2 of four registers, and quarters 1 and 3.
                let even = [
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(b[i], b[4 + i]),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(b[8 + i], b[12 + i]),
                ];
                let odd = [
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(b[i], b[4 + i]),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(b[8 + i], b[12 + i]),
                ];
                rows[i] = Avx512(_mm512_shuffle_f32x4::<0b10_00_10_00>(even[0], even[1]));
                rows[8 + i] = Avx512(_mm512_shuffle_f32x4::<0b11_01_11_01>(even[0], even[1]));
                rows[4 + i] = Avx512(_mm512_shuffle_f32x4::<0b10_00_10_00>(odd[0], odd[1]));
                rows[12 + i] = Avx512(_mm512_shuffle_f32x4::<0b11_01_11_01>(odd[0], odd[1]));
            }
        }
    }
}
