//! AVX-512 with VNNI: 16 rows in the lanes, 32 rows by 6 columns at a time.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::kernels::matmul::Weights;
use crate::kernels::x86::blocks::{Blocks, Iq4Nl, Iq4Xs, Q3K, Q4K, Q4_0, Q4_1, Q5K, Q5_0, Q5_1, Q6K, Q8_0};
use crate::kernels::x86::column::{self, Column};
use crate::kernels::x86::wide::Wide16;
use crate::kernels::x86::{prefetch, Columns, Panels, Rows};
use crate::kernels::{Activations, Format, UNIT};

/// Rows of a panel.
const ROWS: usize = 16;
/// Columns of a tile: with two panels 24 sums, two weights and what they are multiplied with fill the 32 registers.
const COLUMNS: usize = 6;
/// Panels that are made before they are used for all columns: what the second cache holds beside the activations.
const PANELS: usize = 4;
/// Columns from which on making panels pays.
const MANY: usize = 2;

/// The binary16 at byte `at` of each row's block.
///
/// # Safety
/// The blocks reach there; the caller has AVX-512 and F16C.
#[inline(always)]
unsafe fn halves(blocks: &[*const u8; ROWS], at: usize) -> __m512 {
    // SAFETY: by the contract.
    let half = |row: usize| unsafe { blocks[row].add(at).cast::<i16>().read_unaligned() };
    // SAFETY: by the contract.
    unsafe {
        _mm512_cvtph_ps(_mm256_set_epi16(
            half(15),
            half(14),
            half(13),
            half(12),
            half(11),
            half(10),
            half(9),
            half(8),
            half(7),
            half(6),
            half(5),
            half(4),
            half(3),
            half(2),
            half(1),
            half(0),
        ))
    }
}

/// Eight words of each of 16 rows, in words of all rows.
///
/// # Safety
/// The caller has AVX-512.
#[inline(always)]
unsafe fn by_row(rows: &[__m256i; ROWS]) -> [__m512i; 8] {
    // SAFETY: no memory is touched.
    unsafe {
        let mut z = [_mm512_setzero_si512(); 8];
        for i in 0..8 {
            z[i] = _mm512_inserti64x4(_mm512_castsi256_si512(rows[i]), rows[i + 8], 1);
        }
        let mut a = [_mm512_setzero_si512(); 8];
        for i in 0..4 {
            a[2 * i] = _mm512_unpacklo_epi32(z[2 * i], z[2 * i + 1]);
            a[2 * i + 1] = _mm512_unpackhi_epi32(z[2 * i], z[2 * i + 1]);
        }
        let mut b = [_mm512_setzero_si512(); 8];
        for i in 0..2 {
            b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
            b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
            b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
            b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
        }
        let low = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
        let high = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
        let mut words = [_mm512_setzero_si512(); 8];
        for i in 0..4 {
            words[i] = _mm512_permutex2var_epi64(b[i], low, b[4 + i]);
            words[4 + i] = _mm512_permutex2var_epi64(b[i], high, b[4 + i]);
        }
        words
    }
}

/// The integers of unit `unit` of a block of each row, in groups of four of all rows.
///
/// # Safety
/// A whole block lies at each of `blocks`; the caller has AVX-512.
#[inline(always)]
unsafe fn words<B: Blocks>(blocks: &[*const u8; ROWS], unit: usize) -> [__m512i; 8] {
    // SAFETY: by the contract.
    unsafe {
        let mut rows = [_mm256_setzero_si256(); ROWS];
        for (row, block) in rows.iter_mut().zip(blocks) {
            let quants = B::quants(*block, unit);
            *row = if B::IS_SIGNED { _mm256_xor_si256(quants, _mm256_set1_epi8(-128)) } else { quants };
        }
        by_row(&rows)
    }
}

/// As [`by_row`], of floats.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn floats_by_row(rows: &[__m256; ROWS]) -> [__m512; 8] {
    // SAFETY: as ours.
    unsafe {
        let mut bits = [_mm256_setzero_si256(); ROWS];
        for (bits, row) in bits.iter_mut().zip(rows) {
            *bits = _mm256_castps_si256(*row);
        }
        let words = by_row(&bits);
        let mut floats = [_mm512_setzero_ps(); 8];
        for (float, words) in floats.iter_mut().zip(words) {
            *float = _mm512_castsi512_ps(words);
        }
        floats
    }
}

/// The factors of a block of each row: as [`Blocks::factors`], of all rows; of one unit a block, the first of each.
///
/// # Safety
/// A whole block lies at each of `blocks`; the caller has AVX-512 and F16C.
#[inline(always)]
unsafe fn scales<B: Blocks>(blocks: &[*const u8; ROWS], out: &mut [__m512; 16]) {
    // SAFETY: by the contract; a block of one unit begins with its scale and its minimum.
    unsafe {
        if B::FORMAT.block_units() == 1 {
            out[0] = halves(blocks, 0);
            if B::FORMAT.has_min() {
                // What is added is the minimum's opposite.
                out[8] = _mm512_sub_ps(_mm512_set1_ps(-0.0), halves(blocks, 2));
            }
            return;
        }
        let (mut first, mut second) = ([_mm256_setzero_ps(); ROWS], [_mm256_setzero_ps(); ROWS]);
        for (row, block) in blocks.iter().enumerate() {
            [first[row], second[row]] = B::factors(*block);
        }
        out[..8].copy_from_slice(&floats_by_row(&first));
        if factors(B::FORMAT) == 2 {
            out[8..].copy_from_slice(&floats_by_row(&second));
        }
    }
}

/// Scales and minima of a unit: one scale, one and a minimum, or two scales.
const fn factors(format: Format) -> usize {
    if format.has_halves() || format.has_min() {
        2
    } else {
        1
    }
}

/// Bytes of a unit in a panel: 512 of integers, then 64 for each factor.
const fn panel_unit(format: Format) -> usize {
    ROWS * UNIT + ROWS * 4 * factors(format)
}

/// The factors of unit `unit` of a block.
#[inline(always)]
fn factors_of<B: Blocks>(scales: &[__m512; 16], unit: usize) -> [__m512; 2] {
    if B::FORMAT.has_halves() {
        [scales[2 * unit], scales[2 * unit + 1]]
    } else {
        [scales[unit], scales[8 + unit]]
    }
}

/// Makes the panel of 16 rows.
///
/// # Safety
/// Rows of `units` units lie at `rows`; `panel` is on a cache line and holds `units` times [`panel_unit`] bytes; the caller
/// has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn pack<B: Blocks>(rows: &[*const u8; ROWS], units: usize, panel: *mut u8) {
    let (each, size) = (B::FORMAT.block_units(), panel_unit(B::FORMAT));
    let bytes = ROWS * B::FORMAT.block_bytes();
    // SAFETY: by the contract: block by block, and unit by unit of the panel.
    unsafe {
        let mut scales = [_mm512_setzero_ps(); 16];
        for block in 0..units / each {
            let mut blocks = *rows;
            for row in &mut blocks {
                *row = row.add(block * B::FORMAT.block_bytes());
            }
            self::scales::<B>(&blocks, &mut scales);
            let ahead = rows[0].wrapping_add((units / each + block) * bytes);
            for unit in 0..each {
                prefetch(ahead.wrapping_add(unit * bytes / each), bytes / each);
                let to = panel.add((block * each + unit) * size);
                let words = words::<B>(&blocks, unit);
                for (group, words) in words.into_iter().enumerate() {
                    _mm512_store_si512(to.add(group * 64).cast(), words);
                }
                let of_unit = factors_of::<B>(&scales, unit);
                for (at, factor) in of_unit.into_iter().enumerate().take(factors(B::FORMAT)) {
                    _mm512_store_ps(to.add(ROWS * UNIT + at * 64).cast(), factor);
                }
            }
        }
    }
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

/// `sum - min * scaled sum`.
///
/// # Safety
/// As [`rim`].
#[inline(always)]
unsafe fn minimum(columns: &Columns, at: usize, min: __m512, sum: __m512) -> __m512 {
    // SAFETY: by the contract.
    unsafe { _mm512_fnmadd_ps(min, _mm512_set1_ps(*columns.scaled_sums.add(at)), sum) }
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
    let size = panel_unit(B::FORMAT);
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
                    let min = _mm512_load_ps(from(p).add(ROWS * UNIT + 64).cast());
                    for n in 0..N {
                        sums[p][n] = minimum(&columns, n * columns.units + unit, min, sums[p][n]);
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

/// 16 rows of one column, without a panel.
///
/// # Safety
/// As of [`column::column`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn column<B: Column>(rows: Rows, columns: Columns, out: *mut f32, count: usize) {
    // SAFETY: as ours.
    unsafe { column::column::<B, Wide16>(rows, columns, out, count) }
}

/// Where 16 rows begin; beyond `rows` the last one again, whose results nobody reads.
fn starts(weights: &Weights<'_>, first: usize, rows: &Range<usize>) -> [*const u8; ROWS] {
    std::array::from_fn(|i| weights.row((first + i).min(rows.end - 1)).as_ptr())
}

/// As [`matmul`].
///
/// # Safety
/// As there.
unsafe fn with<B: Column>(
    weights: &Weights<'_>,
    rows: Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
) {
    let (columns, count) = (Columns::of(activations), activations.columns());
    if count < MANY {
        for first in rows.clone().step_by(ROWS) {
            let left = (rows.end - first).min(ROWS);
            let (row, out) = (weights.row(first), out.wrapping_add(first - rows.start));
            // SAFETY: the caller has seen that `out` holds every row of every column, and that this machine has AVX-512; each
            // row is as long as a column.
            unsafe {
                if first + ROWS <= weights.rows() {
                    column::<B>(Rows::new(row.as_ptr(), row.len()), columns, out, left);
                } else {
                    // The matrix has no more rows: each of these stands in for the others.
                    for at in 0..left {
                        column::<B>(Rows::new(weights.row(first + at).as_ptr(), 0), columns, out.add(at), 1);
                    }
                }
            }
        }
        return;
    }
    let panel = columns.units * panel_unit(B::FORMAT);
    let mut panels = Panels::new(PANELS * panel);
    for first in rows.clone().step_by(PANELS * ROWS) {
        let left = (rows.end - first).min(PANELS * ROWS);
        for (at, first) in (first..first + left).step_by(ROWS).enumerate() {
            // SAFETY: as above; a panel begins after a whole number of cache lines.
            unsafe {
                pack::<B>(&starts(weights, first, &rows), columns.units, panels.as_mut_ptr().add(at * panel))
            };
        }
        for column in (0..count).step_by(COLUMNS) {
            for at in (0..left.div_ceil(ROWS)).step_by(2) {
                let (done, two) = (at * ROWS, left > (at + 1) * ROWS);
                // SAFETY: as above; the match takes as many columns as there are.
                unsafe {
                    let (panel, columns) = (panels.as_mut_ptr().add(at * panel), columns.from(column));
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
) {
    // SAFETY: as ours.
    unsafe {
        match weights.format() {
            Format::Q8_0 => with::<Q8_0>(weights, rows, activations, out, stride),
            Format::Q4_0 => with::<Q4_0>(weights, rows, activations, out, stride),
            Format::Q4_1 => with::<Q4_1>(weights, rows, activations, out, stride),
            Format::Q5_0 => with::<Q5_0>(weights, rows, activations, out, stride),
            Format::Q5_1 => with::<Q5_1>(weights, rows, activations, out, stride),
            Format::IQ4_NL => with::<Iq4Nl>(weights, rows, activations, out, stride),
            Format::IQ4_XS => with::<Iq4Xs>(weights, rows, activations, out, stride),
            Format::Q3_K => with::<Q3K>(weights, rows, activations, out, stride),
            Format::Q4_K => with::<Q4K>(weights, rows, activations, out, stride),
            Format::Q5_K => with::<Q5K>(weights, rows, activations, out, stride),
            Format::Q6_K => with::<Q6K>(weights, rows, activations, out, stride),
        }
    }
}
