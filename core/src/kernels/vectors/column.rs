//! Products of few columns, without panels. Lanes are neighbours in a row as long as integers are added, which is exact in any
//! order, and rows from there on: sums are fewer than weights, so less is moved between lanes than a panel takes.

use std::ops::Range;
use std::sync::atomic::{compiler_fence, Ordering};

use super::blocks::{every_unit, Blocks, Head};
use super::wide::Wide;
use super::{prefetch, Columns, Rows};
use crate::kernels::matmul::Weights;
use crate::kernels::UNIT;

/// The product of a unit's integers with those of a column: of the first half, of the other, or of both in the first.
#[inline(always)]
fn products<B: Blocks, W: Wide>(integers: [W; 2], column: [W; 2]) -> [W; 2] {
    if B::FORMAT.has_halves() {
        [integers[0].dot(column[0]), integers[1].dot(column[1])]
    } else if B::IS_SIGNED {
        [W::signed_dots(integers, column); 2]
    } else {
        [W::dots(integers, column); 2]
    }
}

/// The float rim of a sum of products, of integers whose sum is `quants` on the column's side.
#[inline(always)]
fn rim<B: Blocks, W: Wide>(sums: W::Floats, products: [W; 4], quants: i32, scale: W::Floats) -> W::Floats {
    let products = W::sum(products);
    let products = if B::is_lifted::<W>() { products.sub(W::splat(quants << B::OFFSET)) } else { products };
    W::fma(products.floats(), scale, sums)
}

/// Adds the products of unit `unit` of a block, which is unit `at` of the columns, to the sums.
///
/// # Safety
/// A whole block lies at each of `rows`; there are `N` columns with such a unit.
#[inline(always)]
unsafe fn add<B: Blocks, W: Wide, const N: usize>(
    sums: &mut [W::Floats; N],
    rows: &Rows,
    head: &Head<W>,
    unit: usize,
    columns: &Columns,
    at: usize,
) {
    // SAFETY: by the contract.
    let [a, b, c, d]: [[W; 2]; 4] = unsafe { B::all_integers(rows, unit) };
    let factors = B::factors(head, unit);
    for n in 0..N {
        let at = at + n * columns.units;
        // SAFETY: by the contract.
        let (column, scale, [first, second], scaled_sum) = unsafe {
            let quants = columns.quants.add(at * UNIT).cast::<[u8; 16]>();
            let column = [W::parts(quants.read()), W::parts(quants.add(1).read())];
            let scale = W::splat_float(*columns.scales.add(at));
            (column, scale, *columns.sums.add(at), *columns.scaled_sums.add(at))
        };
        let (a, b) = (products::<B, W>(a, column), products::<B, W>(b, column));
        let (c, d) = (products::<B, W>(c, column), products::<B, W>(d, column));
        let halves = [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]]];
        if B::FORMAT.has_halves() {
            sums[n] = rim::<B, W>(sums[n], halves[0], first, W::mul(factors[0], scale));
            sums[n] = rim::<B, W>(sums[n], halves[1], second, W::mul(factors[1], scale));
            continue;
        }
        sums[n] = rim::<B, W>(sums[n], halves[0], first + second, W::mul(factors[0], scale));
        if B::FORMAT.has_min() {
            sums[n] = W::fma(factors[1], W::splat_float(scaled_sum), sums[n]);
        }
    }
}

/// The sums of as many rows as `W` has, of `N` columns; `out` gets the first `count`, those of the columns `stride` apart.
///
/// # Safety
/// Rows of the columns' units lie at `rows`; `out` holds `count` rows of each; the caller has what `W` needs.
#[inline(always)]
pub unsafe fn columns<B: Blocks, W: Wide, const N: usize>(
    rows: Rows,
    columns: Columns,
    out: *mut f32,
    count: usize,
    stride: usize,
) {
    let (units, bytes) = (B::FORMAT.block_units(), W::ROWS * B::FORMAT.block_bytes());
    let blocks = columns.units / units;
    let mut ahead = rows.row(0).wrapping_add(blocks * bytes);
    let mut sums = [W::splat_float(0.0); N];
    for block in 0..blocks {
        let rows = rows.after(block * B::FORMAT.block_bytes());
        // SAFETY: by the contract.
        let head = unsafe { B::head::<W>(&rows) };
        every_unit!(B, |unit| {
            if N > 1 && unit % 4 == 0 {
                // Or else more is kept for later units than there are registers for.
                compiler_fence(Ordering::SeqCst);
            }
            prefetch(ahead.wrapping_add(unit * bytes / units), bytes / units);
            // SAFETY: by the contract.
            unsafe { add::<B, W, N>(&mut sums, &rows, &head, unit, &columns, block * units + unit) };
        });
        ahead = ahead.wrapping_add(bytes);
    }
    for (n, sums) in sums.into_iter().enumerate() {
        // SAFETY: by the contract.
        unsafe { W::store_floats(sums, out.add(n * stride), count) }
    }
}

/// One of [`columns`], compiled for an instruction set.
pub type Run = unsafe fn(Rows, Columns, *mut f32, usize, usize);

/// Rows `range` of a product of `count` columns, `height` at a time; of those first two columns at a time, for as long as there
/// are two: more at once would be as much code again for a little time.
///
/// # Safety
/// As of `one` and `two`, which compute `height` rows of one column and of two; there are `count` columns; `out` holds the range.
#[allow(clippy::too_many_arguments)] // one place calls it for each set
pub unsafe fn all_rows(
    [one, two]: [Run; 2],
    height: usize,
    weights: &Weights<'_>,
    range: Range<usize>,
    columns: Columns,
    count: usize,
    out: *mut f32,
    stride: usize,
) {
    let mut spare = Vec::new();
    for first in range.clone().step_by(height) {
        let left = (range.end - first).min(height);
        let rows = Rows::of(weights, first, height, &mut spare);
        for column in (0..count).step_by(2) {
            let run = if column + 1 < count { two } else { one };
            // SAFETY: by the contract.
            unsafe {
                let out = out.add(column * stride + first - range.start);
                run(rows, columns.from(column), out, left, stride);
            }
        }
    }
}
