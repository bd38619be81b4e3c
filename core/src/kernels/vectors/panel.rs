//! Panels, for products of many columns.

use super::blocks::{by_row, every_unit, Blocks, Head};
use super::wide::Wide;
use super::{prefetch, Columns, Rows};
use crate::kernels::{Format, UNIT};

/// Factors of a unit: one scale, one and what is added, or two scales.
const fn factors(format: Format) -> usize {
    if format.has_halves() || format.has_min() {
        2
    } else {
        1
    }
}

/// Bytes of a unit in a panel of `rows` rows: its integers, in groups of four of all rows, then its factors.
pub const fn unit_bytes(format: Format, rows: usize) -> usize {
    rows * UNIT + rows * 4 * factors(format)
}

/// Makes the panel of as many rows as `W` has.
///
/// # Safety
/// Rows of `units` units lie at `rows`; `panel` is on a cache line and holds `units` times [`unit_bytes`]; the caller has what
/// `W` needs.
#[inline(always)]
pub unsafe fn pack<B: Blocks, W: Wide>(rows: Rows, units: usize, panel: *mut u8) {
    let mut to = panel;
    for block in 0..units / B::FORMAT.block_units() {
        let rows = rows.after(block * B::FORMAT.block_bytes());
        // SAFETY: by the contract.
        let head = unsafe { B::head::<W>(&rows) };
        every_unit!(B, |unit| {
            // SAFETY: by the contract.
            unsafe { write::<B, W>(&rows, &head, unit, to) };
            to = to.wrapping_add(unit_bytes(B::FORMAT, W::ROWS));
        });
    }
}

/// Writes unit `unit` of a block of each row.
///
/// # Safety
/// A whole block lies at each of `rows`; `to` holds [`unit_bytes`].
#[inline(always)]
unsafe fn write<B: Blocks, W: Wide>(rows: &Rows, head: &Head<W>, unit: usize, to: *mut u8) {
    // SAFETY: by the contract.
    let [a, b, c, d]: [[W; 2]; 4] = unsafe { B::all_integers(rows, unit) };
    let factors = B::factors(head, unit);
    for half in 0..2 {
        let words = by_row([a[half], b[half], c[half], d[half]]);
        for (group, words) in words.into_iter().enumerate() {
            let words = if B::IS_SIGNED { words.lift() } else { words };
            // SAFETY: a unit holds eight groups, each of four bytes of every row.
            unsafe { words.store(to.add((half * 4 + group) * W::ROWS * 4)) };
        }
    }
    for at in 0..self::factors(B::FORMAT) {
        // SAFETY: the factors follow.
        unsafe { W::store_floats(factors[at], to.add(W::ROWS * (UNIT + at * 4)).cast(), W::ROWS) };
    }
}

/// What the sums of a unit's products begin with, where its integers are unsigned by an offset.
///
/// # Safety
/// Unit `at` is one of `columns`.
#[inline(always)]
unsafe fn start<B: Blocks, W: Wide>(columns: &Columns, at: usize, part: usize) -> W {
    // SAFETY: by the contract.
    let [first, second] = unsafe { *columns.sums.add(at) };
    let sum = match (B::FORMAT.has_halves(), part) {
        (false, _) => first + second,
        (true, 0) => first,
        (true, _) => second,
    };
    W::splat(if B::is_lifted::<W>() { -(sum << B::OFFSET) } else { 0 })
}

/// What is asked for while a tile is computed, when the memory would rest: so many bytes with each unit.
#[derive(Clone, Copy)]
pub struct Ahead {
    pub from: *const u8,
    pub each: usize,
}

/// `P` panels by `N` columns.
///
/// # Safety
/// `P` panels of the columns' units lie at `panel`; there are `N` columns; `out` holds `rows` rows of each, `stride` apart;
/// the caller has what `W` needs.
#[inline(always)]
pub unsafe fn tile<B: Blocks, W: Wide, const P: usize, const N: usize>(
    panel: *const u8,
    columns: Columns,
    out: *mut f32,
    rows: usize,
    stride: usize,
    ahead: Ahead,
) {
    let size = unit_bytes(B::FORMAT, W::ROWS);
    let parts = if B::FORMAT.has_halves() { 2 } else { 1 };
    let groups = UNIT / 4 / parts;
    let (group_bytes, all_groups) = (W::ROWS * 4, W::ROWS * UNIT);
    let mut sums = [[W::splat_float(0.0); N]; P];
    for unit in 0..columns.units {
        prefetch(ahead.from.wrapping_add(unit * ahead.each), ahead.each);
        let from = |p: usize| panel.wrapping_add((p * columns.units + unit) * size);
        for part in 0..parts {
            let mut products = [[W::splat(0); N]; P];
            for n in 0..N {
                // SAFETY: by the contract.
                let start = unsafe { start::<B, W>(&columns, n * columns.units + unit, part) };
                products.iter_mut().for_each(|panel| panel[n] = start);
            }
            for group in part * groups..(part + 1) * groups {
                let mut weights = [W::splat(0); P];
                for p in 0..P {
                    // SAFETY: by the contract.
                    weights[p] = unsafe { W::read(from(p).add(group * group_bytes)) };
                }
                for n in 0..N {
                    let at = n * columns.units + unit;
                    // SAFETY: by the contract.
                    let four =
                        unsafe { columns.quants.add(at * UNIT + group * 4).cast::<i32>().read_unaligned() };
                    let four = W::splat(four);
                    for p in 0..P {
                        products[p][n] = if B::IS_SIGNED {
                            products[p][n].add_signed_dot(weights[p], four)
                        } else {
                            products[p][n].add_dot(weights[p], four)
                        };
                    }
                }
            }
            for p in 0..P {
                // SAFETY: by the contract.
                let factor = unsafe { W::read_floats(from(p).add(all_groups + part * group_bytes)) };
                for n in 0..N {
                    // SAFETY: by the contract.
                    let scale = W::splat_float(unsafe { *columns.scales.add(n * columns.units + unit) });
                    sums[p][n] = W::fma(products[p][n].floats(), W::mul(factor, scale), sums[p][n]);
                }
            }
        }
        if B::FORMAT.has_min() {
            for p in 0..P {
                // SAFETY: by the contract.
                let added = unsafe { W::read_floats(from(p).add(all_groups + group_bytes)) };
                for n in 0..N {
                    // SAFETY: by the contract.
                    let sum = W::splat_float(unsafe { *columns.scaled_sums.add(n * columns.units + unit) });
                    sums[p][n] = W::fma(added, sum, sums[p][n]);
                }
            }
        }
    }
    for p in 0..P {
        let first = p * W::ROWS;
        if rows > first {
            for n in 0..N {
                // SAFETY: by the contract.
                unsafe { W::store_floats(sums[p][n], out.add(n * stride + first), rows - first) };
            }
        }
    }
}
