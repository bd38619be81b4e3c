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
    /// The elements of every query, and the cells of all positions before the last `end`, seen or not, may be read; its result may
    /// be written, and nobody else uses that meanwhile. A query sees at least one position.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::half::{f16_of, f32_of};
    use crate::kernels::testing::{bits, kind, of, sets, tree as tree_of, Kind, Random};
    use crate::kernels::Isa;

    /// Elements between the rows of cells, and between those of results, that nobody may write and whose worth nobody sees.
    const GAP: usize = 3;
    const NAN: u16 = 0xfe01;

    #[derive(Debug, Clone)]
    struct Case {
        heads: Heads,
        keys: Vec<u16>,
        values: Vec<u16>,
        queries: Vec<Vec<f32>>,
        seen: Vec<(usize, usize)>,
    }

    impl Case {
        fn new(
            heads: Heads,
            cells: usize,
            kind: Kind,
            seen: Vec<(usize, usize)>,
            random: &mut Random,
        ) -> Self {
            let mut halves = |elements: usize| {
                let numbers = random.numbers(kind, cells * (elements + GAP));
                numbers.into_iter().map(f16_of).collect::<Vec<_>>()
            };
            let (keys, values) = (halves(heads.key), halves(heads.value));
            let queries = seen.iter().map(|_| random.numbers(kind, heads.key)).collect();
            Case { heads, keys, values, queries, seen }
        }

        /// The results of some queries in one call.
        fn results(&self, isa: Isa, which: &[usize], scratch: &mut Scratch) -> Vec<Vec<u32>> {
            let stride = self.heads.value + GAP;
            let mut out = vec![7.0; which.len() * stride];
            let to = out.as_mut_ptr();
            let queries = which.iter().enumerate().map(|(at, query)| Query {
                start: self.queries[*query].as_ptr(),
                out: to.wrapping_add(at * stride),
                first: self.seen[*query].0,
                end: self.seen[*query].1,
            });
            let queries = queries.collect::<Vec<_>>();
            let cells = |cells: &[u16], elements| Cells { start: cells.as_ptr(), stride: elements + GAP };
            let (keys, values) = (cells(&self.keys, self.heads.key), cells(&self.values, self.heads.value));
            // SAFETY: as laid out above.
            unsafe { attend(isa, &self.heads, &queries, keys, values, scratch) };
            let rows = out.chunks(stride).map(|row| {
                assert_eq!(row[self.heads.value..], [7.0; GAP]);
                bits(&row[..self.heads.value])
            });
            rows.collect()
        }

        /// §11.
        fn by_the_document(&self, query: usize) -> Vec<u32> {
            let Heads { key, value, scale, cap } = self.heads;
            let (first, end) = self.seen[query];
            let scores = (first..end).map(|cell| {
                let elements = self.queries[query].iter().zip(&self.keys[cell * (key + GAP)..]);
                let s = elements.fold(0.0f32, |s, (q, k)| q.mul_add(f32_of(*k), s));
                if cap == 0.0 {
                    s * scale
                } else {
                    cap * of(tanh, s * (scale / cap))
                }
            });
            let scores = scores.collect::<Vec<_>>();
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights = scores.iter().map(|score| of(exp, score - most)).collect::<Vec<_>>();
            let mut sums = [0.0f32; 16];
            for (cell, e) in (first..end).zip(&weights) {
                sums[cell % 16] += e;
            }
            let sum = tree_of(sums);
            let mut results = vec![0.0f32; value];
            for (cell, e) in (first..end).zip(&weights) {
                for (r, v) in results.iter_mut().zip(&self.values[cell * (value + GAP)..]) {
                    *r = e.mul_add(f32_of(*v), *r);
                }
            }
            bits(&results.iter().map(|r| r / sum).collect::<Vec<_>>())
        }

        /// Softmax as it is written in books, and by what results may differ: the rounding of scores makes the most of it.
        fn in_binary64(&self, query: usize) -> Vec<(f64, f64)> {
            let Heads { key, value, scale, cap } = self.heads;
            let (first, end) = self.seen[query];
            let (wide, mut largest) = (|half: u16| f64::from(f32_of(half)), 0.0f64);
            let scores = (first..end).map(|cell| {
                let elements = self.queries[query].iter().zip(&self.keys[cell * (key + GAP)..]);
                let (s, all) = elements.fold((0.0, 0.0), |(s, all), (q, k)| {
                    let product = f64::from(*q) * wide(*k);
                    (s + product, all + product.abs())
                });
                let (scale, cap) = (f64::from(scale), f64::from(cap));
                largest = largest.max(all * scale.abs());
                if cap == 0.0 {
                    s * scale
                } else {
                    cap * (s * scale / cap).tanh()
                }
            });
            let scores = scores.collect::<Vec<_>>();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum = scores.iter().map(|score| (score - most).exp()).sum::<f64>();
            let results = (0..value).map(|i| {
                let (mut result, mut magnitude) = (0.0, 0.0);
                for (cell, score) in (first..end).zip(&scores) {
                    let product = (score - most).exp() / sum * wide(self.values[cell * (value + GAP) + i]);
                    (result, magnitude) = (result + product, magnitude + product.abs());
                }
                (result, magnitude * (1e-5 + 2e-6 * largest))
            });
            results.collect()
        }

        /// With NaN in all cells that a query does not see.
        fn poisoned(&self, query: usize) -> Self {
            let (mut poisoned, (first, end)) = (self.clone(), self.seen[query]);
            for (cells, elements) in
                [(&mut poisoned.keys, self.heads.key), (&mut poisoned.values, self.heads.value)]
            {
                for (cell, halves) in cells.chunks_mut(elements + GAP).enumerate() {
                    let from = if (first..end).contains(&cell) { elements } else { 0 };
                    halves[from..].fill(NAN);
                }
            }
            poisoned
        }
    }

    /// Scratch memory in which something lies.
    fn used() -> Scratch {
        let nan = || vec![f32::NAN; 5000];
        Scratch { panels: nan(), scores: nan(), sums: nan(), results: nan() }
    }

    /// What some queries see of some cells: as masks have it, and as they do not.
    fn seen(
        kind: usize,
        queries: usize,
        cells: usize,
        shared_by: usize,
        random: &mut Random,
    ) -> Vec<(usize, usize)> {
        let window = 1 + random.below(cells);
        let begin = random.below(cells);
        let of = |query: usize, random: &mut Random| {
            // Heads of one query see the same.
            let end = (begin + query / shared_by + 1).min(cells);
            match kind {
                // A causal mask, a sliding window, everything, any range.
                0 => (0, end),
                1 => (end.saturating_sub(window), end),
                2 => (0, cells),
                _ => {
                    let first = random.below(cells);
                    (first, first + 1 + random.below(cells - first))
                }
            }
        };
        (0..queries).map(|query| of(query, random)).collect()
    }

    fn size() -> impl Strategy<Value = usize> {
        prop_oneof![3 => prop::sample::select(vec![16usize, 48, 64, 80, 128, 256]), 1 => 1usize..100]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
        #[test]
        fn every_set_computes_the_document_whichever_queries_are_together(
            key in size(), value in size(), is_same in any::<bool>(), cells in prop_oneof![1usize..=40, 1usize..=700],
            (kind, mask, shared_by, cap) in (kind(), 0usize..4, 1usize..=8, prop_oneof![Just(0.0f32), 1f32..60.0]),
            scale in prop_oneof![Just(None), (-3f32..3.0).prop_map(Some)], seed in any::<u64>(),
        ) {
            let mut random = Random::new(seed);
            let value = if is_same { key } else { value };
            #[allow(clippy::cast_precision_loss)]
            let heads = Heads { key, value, scale: scale.unwrap_or(1.0 / (key as f32).sqrt()), cap };
            let most = (1_500_000 / (cells * (key + value))).clamp(1, 64);
            let queries = 1 + random.below(most);
            let seen = seen(mask, queries, cells, shared_by, &mut random);
            let case = Case::new(heads, cells, kind, seen, &mut random);
            let expected = (0..queries).map(|query| case.by_the_document(query)).collect::<Vec<_>>();
            let all = (0..queries).collect::<Vec<_>>();
            let mut some = all.iter().copied().filter(|_| random.below(3) > 0).collect::<Vec<_>>();
            some.extend(all.iter().filter(|_| random.below(4) == 0));
            some.reverse();
            let scratch = &mut used();
            let victim = random.below(queries);
            let poisoned = case.poisoned(victim);
            for isa in sets().chain([Isa::Scalar]) {
                prop_assert_eq!(&case.results(isa, &all, scratch), &expected, "{:?}", isa);
                for query in 0..queries {
                    prop_assert_eq!(&case.results(isa, &[query], scratch)[0], &expected[query], "{:?}", isa);
                }
                let several = some.iter().map(|query| expected[*query].clone()).collect::<Vec<_>>();
                prop_assert_eq!(&case.results(isa, &some, scratch), &several, "{:?}", isa);
                // What it does not see is of no account, be it alone or with those who see it.
                prop_assert_eq!(&poisoned.results(isa, &[victim], scratch)[0], &expected[victim], "{:?}", isa);
                prop_assert_eq!(&poisoned.results(isa, &all, scratch)[victim], &expected[victim], "{:?}", isa);
            }
            if kind == Kind::Near {
                for query in 0..queries {
                    for (found, (exact, error)) in expected[query].iter().zip(case.in_binary64(query)) {
                        let found = f64::from(f32::from_bits(*found));
                        prop_assert!((found - exact).abs() <= error, "{} {} {}", found, exact, error);
                    }
                }
            }
        }
    }

    #[test]
    fn ranges_begin_and_end_around_every_boundary() {
        const EDGES: [usize; 14] = [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 271, 272, 289];
        let pairs = EDGES.iter().flat_map(|first| EDGES.iter().map(move |end| (*first, *end)));
        let seen = pairs.filter(|(first, end)| first < end).collect::<Vec<_>>();
        let heads = Heads { key: 17, value: 9, scale: 0.7, cap: 0.0 };
        let case = Case::new(heads, 289, Kind::Near, seen, &mut Random::new(1));
        let all = (0..case.seen.len()).collect::<Vec<_>>();
        let expected = all.iter().map(|query| case.by_the_document(*query)).collect::<Vec<_>>();
        let scratch = &mut used();
        for isa in sets().chain([Isa::Scalar]) {
            assert_eq!(case.results(isa, &all, scratch), expected, "{isa:?}");
            for query in &all {
                let alone = case.poisoned(*query).results(isa, &[*query], scratch);
                assert_eq!(alone[0], expected[*query], "{isa:?} {:?}", case.seen[*query]);
            }
        }
    }

    #[test]
    fn what_is_not_finite_follows_from_the_operations() {
        let one = 0x3c00;
        let heads = Heads { key: 1, value: 1, scale: 1.0, cap: 0.0 };
        let result = |heads: Heads, query: f32, keys: &[u16], values: &[u16]| {
            let spread = |halves: &[u16]| halves.iter().flat_map(|half| [*half, NAN, NAN, NAN]).collect();
            let case = Case {
                heads,
                keys: spread(keys),
                values: spread(values),
                queries: vec![vec![query]],
                seen: vec![(0, keys.len())],
            };
            let found = case.results(Isa::best(), &[0], &mut used()).remove(0);
            assert_eq!(found, case.by_the_document(0));
            f32::from_bits(found[0])
        };
        let (infinite, minus) = (0x7c00, 0xbc00);
        // One score is `-infinity`, or both are, or one is `+infinity`.
        assert_eq!(result(heads, f32::INFINITY.min(3e38), &[minus, one], &[infinite - 1, one]), 1.0);
        assert!(result(heads, f32::INFINITY, &[minus, minus], &[one, one]).is_nan());
        assert!(result(heads, f32::INFINITY, &[one, minus], &[one, one]).is_nan());
        assert!(result(heads, f32::NAN, &[one], &[one]).is_nan());
        // A NaN among the scores, wherever it is.
        assert!(result(heads, 1.0, &[one, NAN, one], &[one; 3]).is_nan());
        // A cap lets nothing overflow.
        assert_eq!(result(Heads { cap: 30.0, ..heads }, f32::INFINITY, &[one, one], &[one, one]), 1.0);
        // No weight is skipped for being zero.
        assert!(result(heads, 1000.0, &[one, minus], &[one, infinite]).is_nan());
        assert_eq!(result(heads, 1000.0, &[one, minus], &[one, infinite - 1]), 1.0);
    }
}
