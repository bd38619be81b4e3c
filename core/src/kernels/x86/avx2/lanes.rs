//! Two vectors of 8 lanes.

use std::arch::x86_64::*;

use crate::kernels::lanes::{Lanes, LANES};

/// 16 lanes in two registers.
#[derive(Clone, Copy)]
pub struct Avx2(__m256, __m256);

// SAFETY of every method: a value of this type is made only by kernels that run with AVX2 and FMA; loads and stores are of
// 8 numbers and 8 more.
impl Lanes for Avx2 {
    const REGISTERS: usize = 8;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: as above.
        let all = unsafe { _mm256_set1_ps(value) };
        Avx2(all, all)
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        // SAFETY: as above.
        unsafe { Avx2(_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))) }
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_ps(values.as_mut_ptr(), self.0);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), self.1);
        }
    }

    #[inline(always)]
    fn load_half(values: &[u16; LANES]) -> Self {
        // SAFETY: as above.
        unsafe {
            let halves = values.as_ptr().cast::<__m128i>();
            Avx2(_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves.add(1))))
        }
    }

    #[inline(always)]
    fn store_half(self, values: &mut [u16; LANES]) {
        // SAFETY: as above.
        unsafe {
            let halves = values.as_mut_ptr().cast::<__m128i>();
            _mm_storeu_si128(halves, _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0));
            _mm_storeu_si128(halves.add(1), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.1));
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Avx2(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Avx2(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Avx2(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Avx2(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            Avx2(_mm256_fmadd_ps(self.0, factor.0, addend.0), _mm256_fmadd_ps(self.1, factor.1, addend.1))
        }
    }

    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Avx2(_mm256_xor_ps(self.0, sign), _mm256_xor_ps(self.1, sign))
        }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Avx2(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        }
    }

    #[inline(always)]
    fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        // SAFETY: as above.
        unsafe { Avx2(_mm256_round_ps::<NEAREST>(self.0), _mm256_round_ps::<NEAREST>(self.1)) }
    }

    #[inline(always)]
    fn if_less(self, other: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            Avx2(
                _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0)),
                _mm256_blendv_ps(no.1, yes.1, _mm256_cmp_ps::<_CMP_LT_OQ>(self.1, other.1)),
            )
        }
    }

    #[inline(always)]
    fn two_to(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let power = |n| {
                let bits = _mm256_castps_si256(_mm256_add_ps(n, _mm256_set1_ps(12_582_912.0)));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(bits, _mm256_set1_epi32(127))))
            };
            Avx2(power(self.0), power(self.1))
        }
    }
    #[inline(always)]
    fn swap_pairs(self) -> Self {
        // SAFETY: as above.
        unsafe {
            Avx2(_mm256_permute_ps::<0b10_11_00_01>(self.0), _mm256_permute_ps::<0b10_11_00_01>(self.1))
        }
    }

    #[inline(always)]
    fn transpose(rows: &mut [Self; LANES]) {
        // SAFETY: as above. Four squares of 8 by 8, of which two change places.
        unsafe {
            let mut squares = [[_mm256_setzero_ps(); 8]; 4];
            for i in 0..8 {
                (squares[0][i], squares[1][i]) = (rows[i].0, rows[i].1);
                (squares[2][i], squares[3][i]) = (rows[8 + i].0, rows[8 + i].1);
            }
            square(&mut squares[0]);
            square(&mut squares[1]);
            square(&mut squares[2]);
            square(&mut squares[3]);
            for i in 0..8 {
                rows[i] = Avx2(squares[0][i], squares[2][i]);
                rows[8 + i] = Avx2(squares[1][i], squares[3][i]);
            }
        }
    }
}

/// Transposes 8 by 8.
///
/// # Safety
/// The caller has AVX2.
#[inline(always)]
unsafe fn square(rows: &mut [__m256; 8]) {
    // SAFETY: no memory is touched.
    unsafe {
        let (mut a, mut b) = ([_mm256_setzero_ps(); 8], [_mm256_setzero_ps(); 8]);
        for i in 0..4 {
            a[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            a[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        for k in 0..2 {
            for i in 0..2 {
                let (first, second) = (_mm256_castps_pd(a[4 * k + i]), _mm256_castps_pd(a[4 * k + 2 + i]));
                b[4 * k + 2 * i] = _mm256_castpd_ps(_mm256_unpacklo_pd(first, second));
                b[4 * k + 2 * i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(first, second));
            }
        }
        for i in 0..4 {
            rows[i] = _mm256_permute2f128_ps::<0x20>(b[i], b[4 + i]);
            rows[4 + i] = _mm256_permute2f128_ps::<0x31>(b[i], b[4 + i]);
        }
    }
}
