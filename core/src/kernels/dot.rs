//! Products of numbers that are not quantized (`docs/spec/numerics-2.md` §7): 16 partial sums, product `i` going to partial
//! sum `i mod 16`, and a tree over those.

use super::lanes::{tree, Lanes, LANES};

/// `R` rows by `C` columns of products: each the sum of `fma(row[i], column[i], …)`, of `length` numbers.
///
/// # Panics
/// A row or column is shorter.
#[inline(always)]
#[must_use]
pub fn dots<L: Lanes, const R: usize, const C: usize>(
    rows: [&[f32]; R],
    columns: [&[f32]; C],
    length: usize,
) -> [[f32; C]; R] {
    let mut lanes = [[L::splat(0.0); C]; R];
    let (rows, row_rests) = split(rows, length);
    let (columns, column_rests) = split(columns, length);
    for at in 0..length / LANES {
        for r in 0..R {
            let row = L::load(&rows[r][at]);
            for c in 0..C {
                lanes[r][c] = row.fma(L::load(&columns[c][at]), lanes[r][c]);
            }
        }
    }
    let mut sums = [[0.0; C]; R];
    for r in 0..R {
        for c in 0..C {
            if !length.is_multiple_of(LANES) {
                let (row, column) = (rest::<L>(row_rests[r]), rest::<L>(column_rests[c]));
                lanes[r][c] = row.fma(column, lanes[r][c]);
            }
            sums[r][c] = tree(lanes[r][c]);
        }
    }
    sums
}

/// What fills no vector, and zeros, whose products change no sum.
#[inline(always)]
fn rest<L: Lanes>(values: &[f32]) -> L {
    let mut all = [0.0; LANES];
    all[..values.len()].copy_from_slice(values);
    L::load(&all)
}

/// Whole groups of lanes, and the rest.
#[inline(always)]
fn split<const N: usize>(all: [&[f32]; N], length: usize) -> ([&[[f32; LANES]]; N], [&[f32]; N]) {
    let (mut groups, mut rests): ([&[[f32; LANES]]; N], [&[f32]; N]) = ([&[]; N], [&[]; N]);
    for n in 0..N {
        let (whole, rest) = all[n][..length].as_chunks();
        (groups[n], rests[n]) = (whole, rest);
    }
    (groups, rests)
}
