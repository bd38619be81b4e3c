//! Kernels for x86-64.

pub mod avx2;
pub mod avx512;

use std::arch::x86_64::*;

use super::vectors::Rows;

/// # Safety
/// The block of row `row` reaches from byte `at` 16 bytes on.
#[inline(always)]
unsafe fn sixteen(rows: &Rows, row: usize, at: usize) -> __m128i {
    // SAFETY: by the contract.
    unsafe { _mm_loadu_si128(rows.row(row).wrapping_add(at).cast()) }
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
use instructions;
