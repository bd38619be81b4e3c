//! Panels, for products of many columns.

use super::blocks::{by_row, every_unit, Blocks, Head};
use super::wide::Wide;
use super::{prefetch, Rows};
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
    let (each, bytes) = (B::FORMAT.block_units(), W::ROWS * B::FORMAT.block_bytes());
    let mut ahead = rows.row(0).wrapping_add(units / each * bytes);
    let mut to = panel;
    for block in 0..units / each {
        let rows = rows.after(block * B::FORMAT.block_bytes());
        // SAFETY: by the contract.
        let head = unsafe { B::head::<W>(&rows) };
        every_unit!(B, |unit| {
            prefetch(ahead.wrapping_add(unit * bytes / each), bytes / each);
            // SAFETY: by the contract.
            unsafe { write::<B, W>(&rows, &head, unit, to) };
            to = to.wrapping_add(unit_bytes(B::FORMAT, W::ROWS));
        });
        ahead = ahead.wrapping_add(bytes);
    }
}

/// Writes unit `unit` of a block of each row.
///
/// # Safety
/// A whole block lies at each of `rows`; `to` holds [`unit_bytes`].
#[inline(always)]
unsafe fn write<B: Blocks, W: Wide>(rows: &Rows, head: &Head<W>, unit: usize, to: *mut u8) {
    // SAFETY: by the contract.
    let [a, b, c, d]: [[W; 2]; 4] = unsafe {
        [
            B::integers(rows, 0, unit),
            B::integers(rows, 1, unit),
            B::integers(rows, 2, unit),
            B::integers(rows, 3, unit),
        ]
    };
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
