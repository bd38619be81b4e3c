//! AVX-512 with VNNI: 16 rows in the lanes, 32 rows by 6 columns at a time.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::kernels::matmul::Weights;
use crate::kernels::x86::blocks::{Blocks, Iq4Nl, Iq4Xs, Q3K, Q4K, Q4_0, Q4_1, Q5K, Q5_0, Q5_1, Q6K, Q8_0};
use crate::kernels::x86::column;
use crate::kernels::x86::panel;
use crate::kernels::x86::wide::Wide16;
use crate::kernels::x86::{Columns, Rows};
use crate::kernels::{Activations, Format, Scratch, UNIT};

/// Rows of a panel.
const ROWS: usize = 16;
/// Columns of a tile: with two panels 24 sums, two weights and what they are multiplied with fill the 32 registers.
const COLUMNS: usize = 6;
/// Panels that are made before they are used for all columns: what the second cache holds beside the activations.
const PANELS: usize = 4;
/// Columns from which on making panels pays.
const MANY: usize = 5;

/// Makes the panel of 16 rows.
///
/// # Safety
/// As of [`panel::pack`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn pack<B: Blocks>(rows: Rows, units: usize, to: *mut u8) {
    // SAFETY: as ours.
    unsafe { panel::pack::<B, Wide16>(rows, units, to) }
}

/// What the sums of a unit's products begin with, where its integers are unsigned by an offset.
///
/// # Safety
/// Unit `at` is one of `columns`; the caller has AVX-512.
#[inline(always)]
unsafe fn start<B: Blocks>(columns: &Columns, at: usize, part: usize) -> __m512i {
    // SAFETY: by the contract.
    unsafe {
        let [first, second] = *columns.sums.add(at);
        let sum = match (B::FORMAT.has_halves(), part) {
            (false, _) => first + second,
            (true, 0) => first,
            (true, _) => second,
        };
        _mm512_set1_epi32(if B::OFFSET == 0 { 0 } else { -(sum << B::OFFSET) })
    }
}

/// Four integers of a column, in every lane.
///
/// # Safety
/// Group `group` of unit `at` is one of `columns`; the caller has AVX-512.
#[inline(always)]
unsafe fn four(columns: &Columns, at: usize, group: usize) -> __m512i {
    // SAFETY: by the contract.
    unsafe { _mm512_set1_epi32(columns.quants.add(at * UNIT + group * 4).cast::<i32>().read_unaligned()) }
}

/// The float rim of a unit's sum of products: `sum + products * (factor * scale)`, one rounding for each sign.
///
/// # Safety
/// Unit `at` is one of `columns`; the caller has AVX-512.
#[inline(always)]
unsafe fn rim(columns: &Columns, at: usize, products: __m512i, factor: __m512, sum: __m512) -> __m512 {
    // SAFETY: by the contract.
    unsafe {
        let scale = _mm512_mul_ps(factor, _mm512_set1_ps(*columns.scales.add(at)));
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), scale, sum)
    }
}

/// `sum + added * scaled sum`.
///
/// # Safety
/// As [`rim`].
#[inline(always)]
unsafe fn minimum(columns: &Columns, at: usize, added: __m512, sum: __m512) -> __m512 {
    // SAFETY: by the contract.
    unsafe { _mm512_fmadd_ps(added, _mm512_set1_ps(*columns.scaled_sums.add(at)), sum) }
}

/// Writes the sums of 16 rows, or of the first `rows`.
///
/// # Safety
/// `out` holds so many; the caller has AVX-512.
#[inline(always)]
unsafe fn write(out: *mut f32, rows: usize, sums: __m512) {
    let mask = if rows >= ROWS { !0 } else { (1u16 << rows) - 1 };
    // SAFETY: what the mask leaves out is not written.
    unsafe { _mm512_mask_storeu_ps(out, mask, sums) }
}

/// `P` panels by `N` columns.
///
/// # Safety
/// `P` panels of the columns' units lie at `panel`; there are `N` columns; `out` holds `rows` rows of each, `stride` apart;
/// the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn tile<B: Blocks, const P: usize, const N: usize>(
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
        let mut sums = [[_mm512_setzero_ps(); N]; P];
        for unit in 0..columns.units {
            let from = |p: usize| panel.add((p * columns.units + unit) * size);
            for part in 0..parts {
                let mut products = [[_mm512_setzero_si512(); N]; P];
                for n in 0..N {
                    let start = start::<B>(&columns, n * columns.units + unit, part);
                    products.iter_mut().for_each(|panel| panel[n] = start);
                }
                for group in part * groups..(part + 1) * groups {
                    let mut weights = [_mm512_setzero_si512(); P];
                    for (p, weights) in weights.iter_mut().enumerate() {
                        *weights = _mm512_load_si512(from(p).add(group * 64).cast());
                    }
                    for n in 0..N {
                        let four = four(&columns, n * columns.units + unit, group);
                        for p in 0..P {
                            products[p][n] = _mm512_dpbusd_epi32(products[p][n], weights[p], four);
                        }
                    }
                }
                for p in 0..P {
                    let factor = _mm512_load_ps(from(p).add(ROWS * UNIT + part * 64).cast());
                    for n in 0..N {
                        let at = n * columns.units + unit;
                        sums[p][n] = rim(&columns, at, products[p][n], factor, sums[p][n]);
                    }
                }
            }
            if B::FORMAT.has_min() {
                for p in 0..P {
                    let added = _mm512_load_ps(from(p).add(ROWS * UNIT + 64).cast());
                    for n in 0..N {
                        sums[p][n] = minimum(&columns, n * columns.units + unit, added, sums[p][n]);
                    }
                }
            }
        }
        for (p, sums) in sums.into_iter().enumerate() {
            let first = p * ROWS;
            if rows > first {
                for (n, sums) in sums.into_iter().enumerate() {
                    write(out.add(n * stride + first), rows - first, sums);
                }
            }
        }
    }
}

/// 16 rows of `N` columns, without a panel.
///
/// # Safety
/// As of [`column::columns`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn few<B: Blocks, const N: usize>(
    rows: Rows,
    columns: Columns,
    out: *mut f32,
    count: usize,
    stride: usize,
) {
    // SAFETY: as ours.
    unsafe { column::columns::<B, Wide16, N>(rows, columns, out, count, stride) }
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
        // SAFETY: the caller has seen that `out` holds every row of every column, and that this machine has AVX-512; each row
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
            for at in (0..left.div_ceil(ROWS)).step_by(2) {
                let (done, two) = (at * ROWS, left > (at + 1) * ROWS);
                // SAFETY: as above; the match takes as many columns as there are.
                unsafe {
                    let (panel, columns) = (panels.add(at * panel), columns.from(column));
                    let out = out.add(column * stride + first - rows.start + done);
                    let run = match (two, (count - column).min(COLUMNS)) {
                        (true, 1) => tile::<B, 2, 1>,
                        (true, 2) => tile::<B, 2, 2>,
                        (true, 3) => tile::<B, 2, 3>,
                        (true, 4) => tile::<B, 2, 4>,
                        (true, 5) => tile::<B, 2, 5>,
                        (true, _) => tile::<B, 2, 6>,
                        (false, 1) => tile::<B, 1, 1>,
                        (false, 2) => tile::<B, 1, 2>,
                        (false, 3) => tile::<B, 1, 3>,
                        (false, 4) => tile::<B, 1, 4>,
                        (false, 5) => tile::<B, 1, 5>,
                        (false, _) => tile::<B, 1, 6>,
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
/// As there; the machine has AVX-512.
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
