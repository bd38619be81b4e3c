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
