//! Integer products, once for all instruction sets: the lanes of a vector are rows of the weights, so that each has the
//! reference's order.
//!
//! A panel holds some rows unit by unit, in groups of four weights: the four of row 0, those of row 1, and so on, which is
//! what integer dot products of processors take. A product of many columns makes the panels of some rows, and uses them for all
//! columns. One of few columns multiplies the rows as they lie, and only makes lanes of them when their integers are summed.

pub mod blocks;
pub mod column;
pub mod panel;
pub mod product;
pub mod wide;

use std::arch::asm;

use super::matmul::Weights;
use super::Activations;

/// Where kernels read activations: of some columns, from the first on.
#[derive(Clone, Copy)]
pub struct Columns {
    /// Units of a column.
    units: usize,
    quants: *const i8,
    scales: *const f32,
    sums: *const [i32; 2],
    scaled_sums: *const f32,
}

impl Columns {
    pub fn of(activations: &Activations) -> Self {
        Columns {
            units: activations.units(),
            quants: activations.quants().as_ptr(),
            scales: activations.scales().as_ptr(),
            sums: activations.sums().as_ptr(),
            scaled_sums: activations.scaled_sums().as_ptr(),
        }
    }

    /// From column `column` on.
    ///
    /// # Safety
    /// There is such a column, or it is the one after the last.
    pub unsafe fn from(self, column: usize) -> Self {
        let at = column * self.units;
        // SAFETY: every array has `units` entries for each column, `quants` 32 times as many.
        unsafe {
            Columns {
                units: self.units,
                quants: self.quants.add(at * super::UNIT),
                scales: self.scales.add(at),
                sums: self.sums.add(at),
                scaled_sums: self.scaled_sums.add(at),
            }
        }
    }
}

/// Blocks of some rows, at one place of each: where rows 0, 4, 8 and 12 are, and how far it is from one row to the next.
#[derive(Clone, Copy)]
pub struct Rows {
    fourths: [*const u8; 4],
    stride: usize,
}

impl Rows {
    /// `height` rows from row `first` on. Those that the matrix does not have are zeros: the others are copied to before
    /// them, in `spare`.
    pub fn of(weights: &Weights<'_>, first: usize, height: usize, spare: &mut Vec<u8>) -> Self {
        let stride = weights.row(first).len();
        let mut start = weights.row(first).as_ptr();
        if first + height > weights.rows() {
            spare.clear();
            (first..weights.rows()).for_each(|row| spare.extend_from_slice(weights.row(row)));
            spare.resize(height * stride, 0);
            start = spare.as_ptr();
        }
        Rows { fourths: [0, 4, 8, 12].map(|row| start.wrapping_add(row * stride)), stride }
    }

    /// So many bytes on.
    #[inline(always)]
    pub fn after(&self, bytes: usize) -> Self {
        let [a, b, c, d] = self.fourths;
        let on = |row: *const u8| row.wrapping_add(bytes);
        Rows { fourths: [on(a), on(b), on(c), on(d)], stride: self.stride }
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> *const u8 {
        self.fourths[row / 4].wrapping_add(row % 4 * self.stride)
    }

    /// What a row's block begins with.
    ///
    /// # Safety
    /// It has two bytes.
    #[inline(always)]
    pub unsafe fn half(&self, row: usize) -> i16 {
        // SAFETY: by the contract.
        unsafe { self.row(row).cast::<i16>().read_unaligned() }
    }

    /// What a row's block begins with.
    ///
    /// # Safety
    /// It has four bytes.
    #[inline(always)]
    pub unsafe fn word(&self, row: usize) -> i32 {
        // SAFETY: by the contract.
        unsafe { self.row(row).cast::<i32>().read_unaligned() }
    }
}

/// Asks for `bytes` bytes from `from` on, whether they are there or not. Kernels ask for what lies as far ahead as the rows
/// they compute are long: with so many rows at once, the hardware does not see the order they are read in. The compiler would
/// gather what is asked for, where it has to queue; assembly stays where it is written.
#[inline(always)]
fn prefetch(from: *const u8, bytes: usize) {
    for line in (0..bytes).step_by(64) {
        // SAFETY: it reads nothing that a program could see, and fails at no address.
        unsafe {
            let at = from.wrapping_add(line);
            #[cfg(target_arch = "x86_64")]
            asm!("prefetcht0 [{}]", in(reg) at, options(readonly, nostack, preserves_flags));
            #[cfg(target_arch = "aarch64")]
            asm!("prfm pldl1keep, [{}]", in(reg) at, options(readonly, nostack, preserves_flags));
        }
    }
}
