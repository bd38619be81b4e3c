//! Attention (`docs/spec/numerics-2.md` §11): softmax of queries by keys, and with it the sum of values, all in binary32.
//!
//! Keys and values are binary16, one after the other by position. The lanes are positions while scores are computed, and
//! elements of a value afterwards, so that no sum but that of the softmax crosses lanes.

use super::dispatch::dispatched;
use super::functions::{exp, tanh};
use super::lanes::{tree, Lanes, LANES};
use super::map::{load_some, store_some};

/// What the heads of a layer have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heads {
    /// Elements of a key.
    pub key: usize,
    /// Elements of a value.
    pub value: usize,
    /// By what scores are multiplied.
    pub scale: f32,
    /// The soft cap of scores; 0 for none.
    pub cap: f32,
}

/// Keys or values of one head, by position.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    /// Position 0.
    pub start: *const u16,
    /// From one position to the next, in elements.
    pub stride: usize,
}

/// One head of one query.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// Its elements.
    pub start: *const f32,
    /// Where its result goes: as many elements as a value has.
    pub out: *mut f32,
    /// The first position that it sees.
    pub first: usize,
    /// The position after the last one.
    pub end: usize,
}

/// Memory that [`attend`] needs, kept from call to call.
#[derive(Debug, Default)]
pub struct Scratch {
    panels: Vec<f32>,
    scores: Vec<f32>,
    sums: Vec<f32>,
    results: Vec<f32>,
}

/// Positions whose values are used for all queries before the next ones are read.
const BLOCK: usize = 256;
/// Panels of 16 positions that are made at a time.
const PANELS: usize = 2;

dispatched! {
    /// The results of queries that share a head of keys and values.
    ///
    /// # Safety
    /// The elements of every query, and the cells of every position that one sees, may be read; its result may be written, and
    /// nobody else uses that meanwhile. A query sees at least one position.
    pub unsafe fn attend[]{}(heads: &Heads, queries: &[Query], keys: Cells, values: Cells, scratch: &mut Scratch) = all;
}

/// # Safety
/// As of [`attend`].
#[inline(always)]
unsafe fn all<L: Lanes>(heads: &Heads, queries: &[Query], keys: Cells, values: Cells, scratch: &mut Scratch) {
    let first = queries.iter().map(|query| query.first).min().unwrap_or_default() / LANES * LANES;
    let end = queries.iter().map(|query| query.end).max().unwrap_or_default();
    let span = (end - first).next_multiple_of(PANELS * LANES);
    scratch.panels.resize(PANELS * LANES * heads.key.next_multiple_of(LANES), 0.0);
    if scratch.scores.len() < queries.len() * span {
        scratch.scores.resize(queries.len() * span, 0.0);
    }
    scratch.results.clear();
    scratch.results.resize(queries.len() * heads.value, 0.0);
    scratch.sums.clear();
    // SAFETY: by the contract, and by the lengths above; scores are written before they are read.
    unsafe {
        let (panels, scores) = (scratch.panels.as_mut_ptr(), scratch.scores.as_mut_ptr());
        for from in (first..end).step_by(PANELS * LANES) {
            let mut made = false;
            let mut at = 0;
            while at < queries.len() {
                let tile = &queries[at..];
                let (rows, sees) = match (L::REGISTERS, tile.len()) {
                    (32.., 8..) => (8, sees(&tile[..8], from)),
                    (8.., 4..) => (4, sees(&tile[..4], from)),
                    (_, 2..) => (2, sees(&tile[..2], from)),
                    _ => (1, sees(&tile[..1], from)),
                };
                if sees {
                    if !made {
                        pack::<L>(heads.key, keys, from, end, panels);
                        made = true;
                    }
                    let out = scores.add(at * span + from - first);
                    match rows {
                        8 => score::<L, 8>(heads, tile, panels, out, span),
                        4 => score::<L, 4>(heads, tile, panels, out, span),
                        2 => score::<L, 2>(heads, tile, panels, out, span),
                        _ => score::<L, 1>(heads, tile, panels, out, span),
                    }
                }
                at += rows;
            }
        }
        for (at, query) in queries.iter().enumerate() {
            scratch.sums.push(soften::<L>(scores.add(at * span), query.first - first, query.end - first));
        }
        let results = scratch.results.as_mut_ptr();
        for from in (first..end).step_by(BLOCK) {
            let mut at = 0;
            while at < queries.len() {
                let (tile, result) = (&queries[at..], results.add(at * heads.value));
                let scores = Scores { start: scores.add(at * span), span, first };
                let block = (from, from + BLOCK);
                at += match (L::REGISTERS, tile.len()) {
                    (32.., 6..) => weigh::<L, 6>(heads, &tile[..6], values, scores, block, result),
                    (32.., 4..) => weigh::<L, 4>(heads, &tile[..4], values, scores, block, result),
                    (_, 2..) => weigh::<L, 2>(heads, &tile[..2], values, scores, block, result),
                    _ => weigh::<L, 1>(heads, &tile[..1], values, scores, block, result),
                };
            }
        }
        for (at, query) in queries.iter().enumerate() {
            let sum = L::splat(scratch.sums[at]);
            for element in (0..heads.value).step_by(LANES) {
                let count = (heads.value - element).min(LANES);
                let result: L = load_some(results.add(at * heads.value + element), count);
                store_some(result.div(sum), query.out.add(element), count);
            }
        }
    }
}

/// Whether any of `queries` sees any of the positions of the panels from `from` on.
#[inline(always)]
fn sees(queries: &[Query], from: usize) -> bool {
    queries.iter().any(|query| query.first < from + PANELS * LANES && from < query.end)
}

/// As many binary16 as there are lanes or fewer, and zeros.
///
/// # Safety
/// `count` of them, at most 16, lie at `from`.
#[inline(always)]
unsafe fn load_halves<L: Lanes>(from: *const u16, count: usize) -> L {
    // SAFETY: by the contract.
    unsafe {
        if count == LANES {
            return L::load_half(&*from.cast());
        }
        let mut values = [0; LANES];
        std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), count);
        L::load_half(&values)
    }
}

/// Panels of the keys from `from` on: element by element of 16 positions each. Beyond `end` the last position again, which
/// nobody sees there.
///
/// # Safety
/// The positions from `from` to `end` are cells of so many elements; `panels` holds them.
#[inline(always)]
unsafe fn pack<L: Lanes>(elements: usize, keys: Cells, from: usize, end: usize, panels: *mut f32) {
    // SAFETY: by the contract.
    unsafe {
        for panel in 0..PANELS {
            for element in (0..elements).step_by(LANES) {
                let count = (elements - element).min(LANES);
                let mut square = [L::splat(0.0); LANES];
                for lane in 0..LANES {
                    let position = (from + panel * LANES + lane).min(end - 1);
                    square[lane] = load_halves(keys.start.add(position * keys.stride + element), count);
                }
                L::transpose(&mut square);
                for i in 0..LANES {
                    let at = (element + i) * PANELS + panel;
                    square[i].store(&mut *panels.add(at * LANES).cast());
                }
            }
        }
    }
}

/// Scores of `R` queries for the positions of the panels.
///
/// # Safety
/// There are so many queries; `out` has rows `span` apart.
#[inline(always)]
unsafe fn score<L: Lanes, const R: usize>(
    heads: &Heads,
    queries: &[Query],
    panels: *const f32,
    out: *mut f32,
    span: usize,
) {
    // SAFETY: by the contract.
    unsafe {
        let mut starts = [std::ptr::null(); R];
        for r in 0..R {
            starts[r] = queries[r].start;
        }
        let mut sums = [[L::splat(0.0); PANELS]; R];
        for element in 0..heads.key {
            let mut keys = [L::splat(0.0); PANELS];
            for p in 0..PANELS {
                keys[p] = L::load(&*panels.add((element * PANELS + p) * LANES).cast());
            }
            for r in 0..R {
                let query = L::splat(*starts[r].add(element));
                for p in 0..PANELS {
                    sums[r][p] = query.fma(keys[p], sums[r][p]);
                }
            }
        }
        let (scale, cap) = (L::splat(heads.scale), L::splat(heads.cap));
        for r in 0..R {
            for p in 0..PANELS {
                let mut score = sums[r][p].mul(scale);
                if heads.cap != 0.0 {
                    score = cap.mul(tanh(sums[r][p].mul(scale.div(cap))));
                }
                score.store(&mut *out.add(r * span + p * LANES).cast());
            }
        }
    }
}

/// Makes scores the exponentials of their distance to the largest, and answers their sum. Only those from `first` to `end` count;
/// the others of the first and the last 16 become 0.
///
/// # Safety
/// Scores lie at `scores`, up to a multiple of 16.
#[inline(always)]
unsafe fn soften<L: Lanes>(scores: *mut f32, first: usize, end: usize) -> f32 {
    let (begin, stop) = (first / LANES * LANES, end.next_multiple_of(LANES));
    // SAFETY: by the contract.
    unsafe {
        for at in (begin..first).chain(end..stop) {
            *scores.add(at) = f32::NEG_INFINITY;
        }
        let mut most = L::splat(f32::NEG_INFINITY);
        for at in (begin..stop).step_by(LANES) {
            most = most.max(L::load(&*scores.add(at).cast()));
        }
        let mut lanes = [0.0; LANES];
        most.store(&mut lanes);
        let most = lanes.iter().fold(f32::NEG_INFINITY, |most, lane| if most < *lane { *lane } else { most });
        let (most, mut sums) = (L::splat(most), L::splat(0.0));
        for at in (begin..stop).step_by(LANES) {
            let e = exp(L::load(&*scores.add(at).cast()).sub(most));
            sums = sums.add(e);
            e.store(&mut *scores.add(at).cast());
        }
        tree(sums)
    }
}

/// Rows of scores.
#[derive(Clone, Copy)]
struct Scores {
    start: *const f32,
    span: usize,
    /// The position of the first in a row.
    first: usize,
}

/// Adds the values of a block of positions, by their scores, to the results of `R` queries; answers `R`.
///
/// # Safety
/// There are so many queries, scores of their positions, and results.
#[inline(always)]
unsafe fn weigh<L: Lanes, const R: usize>(
    heads: &Heads,
    queries: &[Query],
    values: Cells,
    scores: Scores,
    (from, to): (usize, usize),
    results: *mut f32,
) -> usize {
    // SAFETY: by the contract.
    unsafe {
        // What all see is added together; what comes before and after it, one by one: the order is each query's own.
        let first = queries.iter().map(|query| query.first).max().unwrap_or_default().clamp(from, to);
        let end = queries.iter().map(|query| query.end).min().unwrap_or_default().clamp(first, to);
        for at in 0..R {
            let row = Scores { start: scores.start.add(at * scores.span), ..scores };
            let range = (queries[at].first.max(from), queries[at].end.min(first));
            add::<L, 1>(heads, values, row, range, results.add(at * heads.value));
        }
        add::<L, R>(heads, values, scores, (first, end), results);
        for at in 0..R {
            let row = Scores { start: scores.start.add(at * scores.span), ..scores };
            let range = (queries[at].first.max(end), queries[at].end.min(to));
            add::<L, 1>(heads, values, row, range, results.add(at * heads.value));
        }
    }
    R
}

/// Adds the values of a range of positions to `R` results.
///
/// # Safety
/// As of [`weigh`].
#[inline(always)]
unsafe fn add<L: Lanes, const R: usize>(
    heads: &Heads,
    values: Cells,
    scores: Scores,
    range: (usize, usize),
    results: *mut f32,
) {
    if range.0 >= range.1 {
        return;
    }
    let mut element = 0;
    // SAFETY: by the contract: four vectors, or two, or one of each value at a time, as the registers allow.
    unsafe {
        while element < heads.value {
            let left = heads.value - element;
            let to = results.add(element);
            let values = Cells { start: values.start.add(element), ..values };
            element += match (L::REGISTERS, left) {
                (32.., 64..) => columns::<L, R, 4>(values, scores, range, to, heads.value, LANES),
                (8.., 32..) => columns::<L, R, 2>(values, scores, range, to, heads.value, LANES),
                _ => columns::<L, R, 1>(values, scores, range, to, heads.value, left.min(LANES)),
            };
        }
    }
}

/// `C` vectors of the values, of which the last has `count` elements; answers how many elements that are, at least.
///
/// # Safety
/// As of [`weigh`].
#[inline(always)]
unsafe fn columns<L: Lanes, const R: usize, const C: usize>(
    values: Cells,
    scores: Scores,
    (first, end): (usize, usize),
    results: *mut f32,
    stride: usize,
    count: usize,
) -> usize {
    // SAFETY: by the contract.
    unsafe {
        let mut sums = [[L::splat(0.0); C]; R];
        for r in 0..R {
            for c in 0..C {
                sums[r][c] = load_some(results.add(r * stride + c * LANES), count);
            }
        }
        for position in first..end {
            let mut value = [L::splat(0.0); C];
            for c in 0..C {
                value[c] = load_halves(values.start.add(position * values.stride + c * LANES), count);
            }
            for r in 0..R {
                let score = L::splat(*scores.start.add(r * scores.span + position - scores.first));
                for c in 0..C {
                    sums[r][c] = score.fma(value[c], sums[r][c]);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                store_some(sums[r][c], results.add(r * stride + c * LANES), count);
            }
        }
    }
    C * LANES
}
