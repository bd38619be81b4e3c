//! Products of weights that are not quantized (`docs/spec/numerics-2.md` §7), and what a row of any weights is worth.

use super::dispatch::dispatched;
use super::dot::dots;
use super::lanes::{Lanes, LANES};
use super::{Format, UNIT};

/// How numbers lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// binary32.
    F32,
    /// binary16.
    F16,
    /// The first 16 bits of a binary32.
    BF16,
}

impl Element {
    /// Bytes of an element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::F16 | Element::BF16 => 2,
        }
    }
}

/// A matrix of weights, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Floats {
    /// Of what.
    pub element: Element,
    /// The first row.
    pub start: *const u8,
    /// Weights of a row.
    pub length: usize,
}

/// Columns that weights are multiplied with, and where the results go.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The first.
    pub start: *const f32,
    /// From one to the next, in elements.
    pub stride: usize,
    /// How many there are.
    pub count: usize,
    /// The result of the first row and the first column.
    pub out: *mut f32,
    /// From the results of one column to those of the next, in elements.
    pub out_stride: usize,
}

dispatched! {
    /// Rows `rows` of a product, at `out[column * out_stride + row - rows.start]`.
    ///
    /// # Safety
    /// There are these rows and columns; the results may be written, and nobody else uses them meanwhile.
    pub unsafe fn products[]{}(weights: &Floats, rows: std::ops::Range<usize>, columns: &Columns, scratch: &mut Vec<f32>) = all;
}

dispatched! {
    /// Numbers as binary32.
    ///
    /// # Safety
    /// `count` elements lie at `from`; the results may be written.
    pub unsafe fn widen[]{}(element: Element, from: *const u8, to: *mut f32, count: usize) = wide;
}

dispatched! {
    /// Numbers as binary16.
    ///
    /// # Safety
    /// `count` numbers lie at `from`; the results may be written.
    pub unsafe fn narrow[]{}(from: *const f32, to: *mut u16, count: usize) = halves;
}

/// The weights of a quantized row, each `fma(scale, integer, -minimum)`.
///
/// # Panics
/// The row is shorter than `out`, which is no whole number of units.
pub fn dequantize(format: Format, row: &[u8], out: &mut [f32]) {
    let (units, rest) = out.as_chunks_mut::<UNIT>();
    assert!(rest.is_empty(), "rows are whole units");
    for (index, out) in units.iter_mut().enumerate() {
        let unit = format.unit(row, index);
        for (i, out) in out.iter_mut().enumerate() {
            *out = unit.scale[i / (UNIT / 2)].mul_add(f32::from(unit.quants[i]), -unit.min);
        }
    }
}

/// # Safety
/// As of [`widen`].
#[inline(always)]
unsafe fn wide<L: Lanes>(element: Element, from: *const u8, to: *mut f32, count: usize) {
    // SAFETY: by the contract.
    unsafe {
        match element {
            Element::F32 => std::ptr::copy(from.cast(), to, count),
            Element::F16 => {
                let from = from.cast::<u16>();
                let whole = count - count % LANES;
                for at in (0..whole).step_by(LANES) {
                    L::load_half(&*from.add(at).cast()).store(&mut *to.add(at).cast());
                }
                for at in whole..count {
                    *to.add(at) = super::half::f32_of(*from.add(at));
                }
            }
            Element::BF16 => {
                let from = from.cast::<u16>();
                for at in 0..count {
                    *to.add(at) = f32::from_bits(u32::from(*from.add(at)) << 16);
                }
            }
        }
    }
}

/// # Safety
/// As of [`narrow`].
#[inline(always)]
unsafe fn halves<L: Lanes>(from: *const f32, to: *mut u16, count: usize) {
    let whole = count - count % LANES;
    // SAFETY: by the contract.
    unsafe {
        for at in (0..whole).step_by(LANES) {
            L::load(&*from.add(at).cast()).store_half(&mut *to.add(at).cast());
        }
        for at in whole..count {
            *to.add(at) = super::half::f16_of(*from.add(at));
        }
    }
}

/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn all<L: Lanes>(
    weights: &Floats,
    rows: std::ops::Range<usize>,
    columns: &Columns,
    scratch: &mut Vec<f32>,
) {
    // SAFETY: by the contract.
    unsafe {
        match L::REGISTERS {
            32.. => tiles::<L, 4, 6>(weights, rows, columns, scratch),
            _ => tiles::<L, 2, 2>(weights, rows, columns, scratch),
        }
    }
}

/// `R` rows by `C` columns at a time.
///
/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn tiles<L: Lanes, const R: usize, const C: usize>(
    weights: &Floats,
    rows: std::ops::Range<usize>,
    columns: &Columns,
    scratch: &mut Vec<f32>,
) {
    let (length, count) = (weights.length, rows.len());
    scratch.resize(R * length, 0.0);
    // SAFETY: by the contract.
    unsafe {
        let mut row = 0;
        while row < count {
            let made = R.min(count - row);
            for r in 0..made {
                let from = weights.start.add((rows.start + row + r) * length * weights.element.bytes());
                wide::<L>(weights.element, from, scratch.as_mut_ptr().add(r * length), length);
            }
            let mut tile: [&[f32]; R] = [&[]; R];
            for r in 0..R {
                // Beyond the last row it is computed again, and not written.
                tile[r] = &scratch[r.min(made - 1) * length..][..length];
            }
            let mut column = 0;
            while column < columns.count {
                let out = columns.out.add(column * columns.out_stride + row);
                column += if columns.count - column >= C {
                    tile_of::<L, R, C>(tile, columns, column, out, made)
                } else {
                    tile_of::<L, R, 1>(tile, columns, column, out, made)
                };
            }
            row += made;
        }
    }
}

/// One tile, of whose rows `made` are written; answers `C`.
///
/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn tile_of<L: Lanes, const R: usize, const C: usize>(
    rows: [&[f32]; R],
    columns: &Columns,
    column: usize,
    out: *mut f32,
    made: usize,
) -> usize {
    let length = rows[0].len();
    // SAFETY: by the contract.
    unsafe {
        let mut starts: [&[f32]; C] = [&[]; C];
        for c in 0..C {
            let start = columns.start.add((column + c) * columns.stride);
            starts[c] = std::slice::from_raw_parts(start, length);
        }
        let sums = dots::<L, R, C>(rows, starts, length);
        for r in 0..made {
            for c in 0..C {
                *out.add(c * columns.out_stride + r) = sums[r][c];
            }
        }
    }
    C
}
