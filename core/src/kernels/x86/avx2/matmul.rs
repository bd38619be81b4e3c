//! AVX2 with FMA: 8 rows in the lanes, 4 columns at a time.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::kernels::matmul::Weights;
use crate::kernels::x86::blocks::{Blocks, Iq4Nl, Iq4Xs, Q3K, Q4K, Q4_0, Q4_1, Q5K, Q5_0, Q5_1, Q6K, Q8_0};
use crate::kernels::x86::column;
use crate::kernels::x86::panel;
use crate::kernels::x86::wide::Wide8;
use crate::kernels::x86::{Columns, Rows};
use crate::kernels::{Activations, Format, Scratch, UNIT};

/// Rows of a panel.
const ROWS: usize = 8;
/// Columns of a tile: 4 sums of products, 4 of floats and what they are made of fill the 16 registers.
const COLUMNS: usize = 4;
/// Panels that are made before they are used for all columns: what the second cache holds beside the activations.
const PANELS: usize = 8;
/// Columns from which on making panels pays.
const MANY: usize = 5;

/// Makes the panel of 8 rows.
///
/// # Safety
/// As of [`panel::pack`]; the caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn pack<B: Blocks>(rows: Rows, units: usize, to: *mut u8) {
    // SAFETY: as ours.
    unsafe { panel::pack::<B, Wide8>(rows, units, to) }
}

/// What the sums of a unit's products begin with, where its integers are unsigned by an offset.
///
/// # Safety
/// Unit `at` is one of `columns`; the caller has AVX2.
#[inline(always)]
unsafe fn start<B: Blocks>(columns: &Columns, at: usize, part: usize) -> __m256i {
    // SAFETY: by the contract.
    unsafe {
        let [first, second] = *columns.sums.add(at);
        let sum = match (B::FORMAT.has_halves(), part) {
            (false, _) => first + second,
            (true, 0) => first,
            (true, _) => second,
        };
        _mm256_set1_epi32(if B::OFFSET == 0 || B::IS_SIGNED { 0 } else { -(sum << B::OFFSET) })
    }
}

/// Four integers of a column, in every lane.
///
/// # Safety
/// Group `group` of unit `at` is one of `columns`; the caller has AVX2.
#[inline(always)]
unsafe fn four(columns: &Columns, at: usize, group: usize) -> __m256i {
    // SAFETY: by the contract.
    unsafe { _mm256_set1_epi32(columns.quants.add(at * UNIT + group * 4).cast::<i32>().read_unaligned()) }
}

/// The float rim of a unit's sum of products: `sum + products * (factor * scale)`, one rounding for each sign.
///
/// # Safety
/// Unit `at` is one of `columns`; the caller has AVX2.
#[inline(always)]
unsafe fn rim(columns: &Columns, at: usize, products: __m256i, factor: __m256, sum: __m256) -> __m256 {
    // SAFETY: by the contract.
    unsafe {
        let scale = _mm256_mul_ps(factor, _mm256_set1_ps(*columns.scales.add(at)));
        _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), scale, sum)
    }
}

/// `sum + added * scaled sum`.
///
/// # Safety
/// As [`rim`].
#[inline(always)]
unsafe fn minimum(columns: &Columns, at: usize, added: __m256, sum: __m256) -> __m256 {
    // SAFETY: by the contract.
    unsafe { _mm256_fmadd_ps(added, _mm256_set1_ps(*columns.scaled_sums.add(at)), sum) }
}

/// Writes the sums of 8 rows, or of the first `rows`.
///
/// # Safety
/// `out` holds so many; the caller has AVX2.
#[inline(always)]
unsafe fn write(out: *mut f32, rows: usize, sums: __m256) {
    // SAFETY: no more are written.
    unsafe {
        if rows >= ROWS {
            _mm256_storeu_ps(out, sums);
        } else {
            let mut all = [0.0; ROWS];
            _mm256_storeu_ps(all.as_mut_ptr(), sums);
            std::ptr::copy_nonoverlapping(all.as_ptr(), out, rows);
        }
    }
}

/// `products` and what four weights of each row make with four integers of a column.
///
/// # Safety
/// The caller has AVX2.
#[inline(always)]
unsafe fn multiply<B: Blocks>(products: __m256i, weights: __m256i, four: __m256i) -> __m256i {
    // SAFETY: no memory is touched.
    unsafe {
        let pairs = if B::IS_SIGNED {
            _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(four, weights))
        } else {
            _mm256_maddubs_epi16(weights, four)
        };
        _mm256_add_epi32(products, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
}

/// A panel by `N` columns.
///
/// # Safety
/// A panel of the columns' units lies at `panel`; there are `N` columns; `out` holds `rows` rows of each, `stride` apart; the
/// caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile<B: Blocks, const N: usize>(
    panel: *const u8,
    columns: Columns,
    out: *mut f32,
    rows: usize,
    stride: usize,
) {
    let size = panel::unit_bytes(B::FORMAT, ROWS);
    let parts = if B::FORMAT.has_halves() { 2 } else { 1 };
    let groups = UNIT / 4 / parts;
    // SAFETY: by the contract.
    unsafe {
        let mut sums = [_mm256_setzero_ps(); N];
        for unit in 0..columns.units {
            let from = panel.add(unit * size);
            let at = |n: usize| n * columns.units + unit;
            for part in 0..parts {
                let mut products = [_mm256_setzero_si256(); N];
                for n in 0..N {
                    products[n] = start::<B>(&columns, at(n), part);
                }
                for group in part * groups..(part + 1) * groups {
                    let weights = _mm256_load_si256(from.add(group * 32).cast());
                    for n in 0..N {
                        products[n] = multiply::<B>(products[n], weights, four(&columns, at(n), group));
                    }
                }
                let factor = _mm256_load_ps(from.add(ROWS * UNIT + part * 32).cast());
                for n in 0..N {
                    sums[n] = rim(&columns, at(n), products[n], factor, sums[n]);
                }
            }
            if B::FORMAT.has_min() {
                let added = _mm256_load_ps(from.add(ROWS * UNIT + 32).cast());
                for n in 0..N {
                    sums[n] = minimum(&columns, at(n), added, sums[n]);
                }
            }
        }
        for (n, sums) in sums.into_iter().enumerate() {
            write(out.add(n * stride), rows, sums);
        }
    }
}

/// 8 rows of `N` columns, without a panel.
///
/// # Safety
/// As of [`column::columns`]; the caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn few<B: Blocks, const N: usize>(
    rows: Rows,
    columns: Columns,
    out: *mut f32,
    count: usize,
    stride: usize,
) {
    // SAFETY: as ours.
    unsafe { column::columns::<B, Wide8, N>(rows, columns, out, count, stride) }
}

/// As [`matmul`].
///
/// # Safety
/// As there.
unsafe fn with<B: Blocks>(
    weights: &Weights<'_>,
    rows: Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
    scratch: &mut Scratch,
) {
    let (columns, count) = (Columns::of(activations), activations.columns());
    if count < MANY {
        let runs: [column::Run; 2] = [few::<B, 1>, few::<B, 2>];
        // SAFETY: the caller has seen that `out` holds every row of every column, and that this machine has AVX2; each row
        // is as long as a column.
        unsafe { column::all_rows(runs, ROWS, weights, rows, columns, count, out, stride) };
        return;
    }
    let panel = columns.units * panel::unit_bytes(B::FORMAT, ROWS);
    let mut spare = Vec::new();
    let panels = scratch.bytes(PANELS * panel);
    for first in rows.clone().step_by(PANELS * ROWS) {
        let left = (rows.end - first).min(PANELS * ROWS);
        for (at, first) in (first..first + left).step_by(ROWS).enumerate() {
            // SAFETY: as above; a panel begins after a whole number of cache lines.
            unsafe {
                let rows = Rows::of(weights, first, ROWS, &mut spare);
                pack::<B>(rows, columns.units, panels.add(at * panel));
            }
        }
        for column in (0..count).step_by(COLUMNS) {
            for at in 0..left.div_ceil(ROWS) {
                let done = at * ROWS;
                // SAFETY: as above; the match takes as many columns as there are.
                unsafe {
                    let (panel, columns) = (panels.add(at * panel), columns.from(column));
                    let out = out.add(column * stride + first - rows.start + done);
                    let run = match (count - column).min(COLUMNS) {
                        1 => tile::<B, 1>,
                        2 => tile::<B, 2>,
                        3 => tile::<B, 3>,
                        _ => tile::<B, 4>,
                    };
                    run(panel, columns, out, left - done, stride);
                }
            }
        }
    }
}

/// As [`crate::kernels::matmul_into`].
///
/// # Safety
/// As there; the machine has AVX2.
pub unsafe fn matmul(
    weights: &Weights<'_>,
    rows: Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
    scratch: &mut Scratch,
) {
    // SAFETY: as ours.
    unsafe {
        match weights.format() {
            Format::Q8_0 => with::<Q8_0>(weights, rows, activations, out, stride, scratch),
            Format::Q4_0 => with::<Q4_0>(weights, rows, activations, out, stride, scratch),
            Format::Q4_1 => with::<Q4_1>(weights, rows, activations, out, stride, scratch),
            Format::Q5_0 => with::<Q5_0>(weights, rows, activations, out, stride, scratch),
            Format::Q5_1 => with::<Q5_1>(weights, rows, activations, out, stride, scratch),
            Format::IQ4_NL => with::<Iq4Nl>(weights, rows, activations, out, stride, scratch),
            Format::IQ4_XS => with::<Iq4Xs>(weights, rows, activations, out, stride, scratch),
            Format::Q3_K => with::<Q3K>(weights, rows, activations, out, stride, scratch),
            Format::Q4_K => with::<Q4K>(weights, rows, activations, out, stride, scratch),
            Format::Q5_K => with::<Q5K>(weights, rows, activations, out, stride, scratch),
            Format::Q6_K => with::<Q6K>(weights, rows, activations, out, stride, scratch),
        }
    }
}
