//! Kernels for x86-64: the lanes of a vector are rows of the weights, so that each has the reference's order.
//!
//! A panel holds some rows unit by unit, in groups of four weights: the four of row 0, those of row 1, and so on, which is
//! what the integer dot products of x86 take. A product of one column makes each unit of a panel where it needs it; one of
//! many columns makes the panels of some rows, and uses them for all columns.

// Registers have numbers: what belongs together has the same one in several arrays.
#![allow(clippy::needless_range_loop)]

pub mod avx2;
pub mod avx512;

use super::Activations;

/// Where kernels read activations: of some columns, from the first on.
#[derive(Clone, Copy)]
struct Columns {
    /// Units of a column.
    units: usize,
    quants: *const i8,
    scales: *const f32,
    sums: *const [i32; 2],
    scaled_sums: *const f32,
}

impl Columns {
    fn of(activations: &Activations) -> Self {
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
    unsafe fn from(self, column: usize) -> Self {
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

/// Memory for panels, on cache lines.
struct Panels {
    lines: Vec<Line>,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Panels {
    fn new(bytes: usize) -> Self {
        Panels { lines: vec![Line([0; 64]); bytes.div_ceil(64)] }
    }

    fn as_mut_ptr(&mut self) -> *mut u8 {
        self.lines.as_mut_ptr().cast()
    }
}
