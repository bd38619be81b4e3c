//! Kernels that are written in lanes: every instruction set against plain Rust, and plain Rust against binary64.

use proptest::prelude::*;

use super::attention::{attend, Cells, Heads, Query, Scratch};
use super::floats::{narrow, products, widen, Columns, Element, Floats};
use super::half::{f16_of, f32_of};
use super::map::{map, Add, By, Clamp, Div, Gate, Gelu, Mul, Scale, Silu, Sub, Tanh};
use super::rope::{Pairs, Parameters, Rope};
use super::{rows, Isa};

/// Ordinary numbers, zeros of both signs, subnormals and extremes.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        12 => -4.0f32..4.0,
        1 => Just(0.0f32),
        1 => Just(-0.0f32),
        1 => (0u32..0x80_0000).prop_map(f32::from_bits),
        1 => any::<f32>(),
    ]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }).collect()
}

fn here() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_here())
}

/// Results of `count` numbers by every set: apart from the inputs, and where the first of them was.
fn same(a: &[f32], run: impl Fn(Isa, *const f32, *mut f32)) -> Result<Vec<f32>, TestCaseError> {
    let mut expected: Option<Vec<u32>> = None;
    let mut out = vec![7.0; a.len()];
    for isa in here() {
        run(isa, a.as_ptr(), out.as_mut_ptr());
        let mut place = a.to_vec();
        let at = place.as_mut_ptr();
        run(isa, at.cast_const(), at);
        prop_assert_eq!(bits(&place), bits(&out), "in place, {:?}", isa);
        prop_assert_eq!(&bits(&out), expected.get_or_insert_with(|| bits(&out)), "{:?}", isa);
    }
    Ok(out)
}

fn near(found: f32, exact: f64, within: f64) -> bool {
    (f64::from(found) - exact).abs() <= within * exact.abs().max(1.0)
}

/// One query in binary64, by the definition.
fn naive(
    heads: &Heads,
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    seen: std::ops::Range<usize>,
) -> Vec<f64> {
    let scores: Vec<f64> = seen
        .clone()
        .map(|at| {
            let key = &keys[at * heads.key..][..heads.key];
            let dot: f64 = query.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let score = dot * f64::from(heads.scale);
            let cap = f64::from(heads.cap);
            if cap == 0.0 {
                score
            } else {
                cap * (score / cap).tanh()
            }
        })
        .collect();
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    (0..heads.value)
        .map(|e| {
            let parts = seen.clone().zip(&weights).map(|(at, w)| w * f64::from(values[at * heads.value + e]));
            parts.sum::<f64>() / total
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn elements(a in prop::collection::vec(number(), 1..100), seed in number(), factor in number(), offset in prop_oneof![Just(0.0f32), number()]) {
        let n = a.len();
        let b: Vec<f32> = a.iter().rev().map(|x| x * 0.5 + seed).collect();
        let b = b.as_ptr();
        // SAFETY: so many numbers lie there.
        unsafe {
            let sums = same(&a, |isa, a, out| map(isa, &Add, [a, b], out, n))?;
            prop_assert_eq!(bits(&sums), bits(&(0..n).map(|i| a[i] + *b.add(i)).collect::<Vec<_>>()));
            same(&a, |isa, a, out| map(isa, &Sub, [a, b], out, n))?;
            same(&a, |isa, a, out| map(isa, &Mul, [a, b], out, n))?;
            same(&a, |isa, a, out| map(isa, &Div, [a, b], out, n))?;
            let by = same(&a, |isa, a, out| map(isa, &By(Div, factor), [a], out, n))?;
            prop_assert_eq!(bits(&by), bits(&a.iter().map(|a| a / factor).collect::<Vec<_>>()));
            let scaled = same(&a, |isa, a, out| map(isa, &Scale { factor, offset }, [a], out, n))?;
            let expected = a.iter().map(|a| if offset == 0.0 { a * factor } else { a.mul_add(factor, offset) });
            prop_assert_eq!(bits(&scaled), bits(&expected.collect::<Vec<_>>()));
            same(&a, |isa, a, out| map(isa, &Clamp { least: -1.0, most: 1.5 }, [a], out, n))?;
            same(&a, |isa, a, out| map(isa, &Silu, [a], out, n))?;
            same(&a, |isa, a, out| map(isa, &Gelu, [a], out, n))?;
            same(&a, |isa, a, out| map(isa, &Tanh, [a], out, n))?;
            same(&a, |isa, a, out| map(isa, &Gate(Silu), [a, b], out, n))?;
        }
    }

    #[test]
    fn whole_rows(a in prop::collection::vec(number(), 1..100), tame in prop::collection::vec(-4.0f32..4.0, 1..100), scale in -3.0f32..3.0) {
        // SAFETY: so many numbers lie there.
        unsafe {
            same(&a, |isa, row, out| rows::rms_norm(isa, row, out, a.len(), 1e-5))?;
            same(&a, |isa, row, out| rows::softmax(isa, row, out, a.len(), scale))?;
            let n = tame.len();
            let normed = same(&tame, |isa, row, out| rows::rms_norm(isa, row, out, n, 1e-5))?;
            let squares: f64 = tame.iter().map(|x| f64::from(*x).powi(2)).sum();
            let by = 1.0 / (squares / n as f64 + 1e-5).sqrt();
            prop_assert!(tame.iter().zip(&normed).all(|(x, y)| near(*y, f64::from(*x) * by, 1e-5)));
            let soft = same(&tame, |isa, row, out| rows::softmax(isa, row, out, n, scale))?;
            let total: f64 = tame.iter().map(|x| (f64::from(*x) * f64::from(scale)).exp()).sum();
            let share = |x: f32| (f64::from(x) * f64::from(scale)).exp() / total;
            prop_assert!(tame.iter().zip(&soft).all(|(x, y)| near(*y, share(*x), 1e-5)));
            for isa in here() {
                let (mut sum, mut expected) = (0.0, 0.0);
                rows::sum(isa, a.as_ptr(), &raw mut sum, a.len());
                rows::sum(Isa::Scalar, a.as_ptr(), &raw mut expected, a.len());
                prop_assert_eq!(bits(&[sum]), bits(&[expected]));
            }
        }
    }

    #[test]
    fn rotations(
        halves in any::<bool>(), pairs in 1usize..70, rest in 0usize..20, position in 0i32..131_072,
        head in prop::collection::vec(-4.0f32..4.0, 160), ext_factor in prop_oneof![Just(0.0f32), Just(1.0f32)],
    ) {
        let parameters = Parameters {
            base: 10_000.0, scale: if ext_factor == 0.0 { 1.0 } else { 0.25 }, original_context: 8_192,
            ext_factor, attn_factor: 1.0, beta_fast: 32.0, beta_slow: 1.0,
        };
        let kind = if halves { Pairs::Halves } else { Pairs::Neighbours };
        let rope = Rope::new(kind, 2 * pairs, &parameters, None);
        let mut row = vec![0.0; rope.row()];
        rope.fill(position, &mut row);
        let count = 2 * pairs + rest;
        // SAFETY: a head of so many numbers, a row of this rotation.
        let turned = same(&head[..count], |isa, head, out| unsafe { rope.rotate(isa, row.as_ptr(), head, out, count) })?;
        prop_assert_eq!(&turned[2 * pairs..], &head[2 * pairs..count]);
        if ext_factor == 0.0 {
            for i in 0..pairs {
                let angle = f64::from(position) * 10_000f64.powf(-(i as f64) / pairs as f64);
                let (a, b) = if halves { (i, pairs + i) } else { (2 * i, 2 * i + 1) };
                let (x, y) = (f64::from(head[a]), f64::from(head[b]));
                // A position of 2^17 leaves 2^-35 of an angle's bits; the results have 2^-24.
                prop_assert!(near(turned[a], x * angle.cos() - y * angle.sin(), 1e-6));
                prop_assert!(near(turned[b], x * angle.sin() + y * angle.cos(), 1e-6));
            }
        }
    }

    #[test]
    fn floats(
        element in 0usize..3, length in 1usize..70, count in 1usize..14, columns in 1usize..15,
        weights in prop::collection::vec(number(), 64), values in prop::collection::vec(-4.0f32..4.0, 128),
    ) {
        let element = [Element::F32, Element::F16, Element::BF16][element];
        let of = |at: usize| weights[at % 61].clamp(-1e4, 1e4);
        let mut bytes = Vec::new();
        for at in 0..count * length {
            match element {
                Element::F32 => bytes.extend(of(at).to_le_bytes()),
                Element::F16 => bytes.extend(f16_of(of(at)).to_le_bytes()),
                Element::BF16 => bytes.extend(((of(at).to_bits() >> 16) as u16).to_le_bytes()),
            }
        }
        // On a place where words may begin.
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks(4)) {
            let mut four = [0; 4];
            four[..bytes.len()].copy_from_slice(bytes);
            *word = u32::from_ne_bytes(four);
        }
        let x: Vec<f32> = (0..columns * length).map(|at| values[at % 127]).collect();
        let matrix = Floats { element, start: words.as_ptr().cast(), length };
        let product = |isa, from: usize, to: usize, out: &mut [f32]| {
            let columns = Columns {
                start: x.as_ptr(), stride: length, count: columns, out: out[from..].as_mut_ptr(), out_stride: count,
            };
            // SAFETY: a matrix of so many rows; `out` holds every row of every column.
            unsafe { products(isa, &matrix, from..to, &columns, &mut Vec::new()) };
        };
        let mut expected = vec![7.0; count * columns];
        product(Isa::Scalar, 0, count, &mut expected);
        for isa in here() {
            let mut out = vec![7.0; count * columns];
            product(isa, count / 2, count, &mut out);
            product(isa, 0, count / 2, &mut out);
            prop_assert_eq!(bits(&out), bits(&expected), "{:?}", isa);
            let mut wide = vec![0.0; count * length];
            // SAFETY: so many elements.
            unsafe { widen(isa, element, words.as_ptr().cast(), wide.as_mut_ptr(), count * length) };
            for column in 0..columns {
                for row in 0..count {
                    let pairs = wide[row * length..][..length].iter().zip(&x[column * length..][..length]);
                    let terms = pairs.map(|(a, b)| f64::from(*a) * f64::from(*b));
                    let (exact, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                    let found = f64::from(out[column * count + row]);
                    prop_assert!((found - exact).abs() <= 1e-5 * size + 1e-30);
                }
            }
        }
    }

    #[test]
    fn halves_are_the_nearest(values in prop::collection::vec(number(), 1..50)) {
        let expected: Vec<u16> = values.iter().map(|value| f16_of(*value)).collect();
        for isa in here() {
            let mut out = vec![0u16; values.len()];
            // SAFETY: so many.
            unsafe { narrow(isa, values.as_ptr(), out.as_mut_ptr(), values.len()) };
            for (found, expected) in out.iter().zip(&expected) {
                prop_assert!(found == expected || f32_of(*found).is_nan() && f32_of(*expected).is_nan());
            }
        }
    }

    #[test]
    fn attention_is_each_query_by_itself(
        (key, value) in prop::sample::select(vec![(16usize, 16usize), (48, 80), (64, 64), (128, 128), (72, 40), (256, 256)]),
        cells in 1usize..300, count in 1usize..12, group in 1usize..4, window in prop_oneof![Just(usize::MAX), 1usize..60],
        cap in prop_oneof![Just(0.0f32), Just(20.0f32)], numbers in prop::collection::vec(-2.0f32..2.0, 997),
    ) {
        let heads = Heads { key, value, scale: 0.125, cap };
        let count = count.min(cells);
        let make = |n: usize, from: usize| -> Vec<f32> { (0..n).map(|at| numbers[(at * 7 + from) % 997]).collect() };
        let halved = |wide: &[f32]| -> Vec<u16> { wide.iter().map(|value| f16_of(*value)).collect() };
        let (keys, values) = (halved(&make(cells * key, 3)), halved(&make(cells * value, 500)));
        let (wide_keys, wide_values) = (
            keys.iter().map(|half| f32_of(*half)).collect::<Vec<_>>(),
            values.iter().map(|half| f32_of(*half)).collect::<Vec<_>>(),
        );
        let queries = make(count * group * key, 11);
        let seen = |at: usize| {
            let end = cells - count + at / group + 1;
            end.saturating_sub(window)..end
        };
        let run = |isa, each: bool, keys: &[u16], values: &[u16]| {
            let mut out = vec![0.0; count * group * value];
            let place = out.as_mut_ptr();
            let all: Vec<Query> = (0..count * group)
                .map(|at| Query {
                    start: queries[at * key..].as_ptr(),
                    out: place.wrapping_add(at * value),
                    first: seen(at).start,
                    end: seen(at).end,
                })
                .collect();
            let (keys, values) = (Cells { start: keys.as_ptr(), stride: key }, Cells { start: values.as_ptr(), stride: value });
            let mut scratch = Scratch::default();
            // SAFETY: the cells and queries that were made above.
            unsafe {
                if each {
                    for query in all.chunks(1) {
                        attend(isa, &heads, query, keys, values, &mut scratch);
                    }
                } else {
                    attend(isa, &heads, &all, keys, values, &mut scratch);
                }
            }
            out
        };
        let expected = run(Isa::Scalar, true, &keys, &values);
        for at in 0..count * group {
            let exact = naive(&heads, &queries[at * key..][..key], &wide_keys, &wide_values, seen(at));
            for (found, exact) in expected[at * value..][..value].iter().zip(exact) {
                prop_assert!(near(*found, exact, 2e-5), "{} {}", found, exact);
            }
        }
        // What nobody sees is whatever was there before.
        let (mut other_keys, mut other_values) = (keys.clone(), values.clone());
        for cell in (0..cells).filter(|cell| (0..count * group).all(|at| !seen(at).contains(cell))) {
            other_keys[cell * key..][..key].fill(0x7e00);
            other_values[cell * value..][..value].fill(0x7c00);
        }
        for isa in here() {
            prop_assert_eq!(bits(&run(isa, false, &keys, &values)), bits(&expected), "{:?}", isa);
            prop_assert_eq!(bits(&run(isa, true, &other_keys, &other_values)), bits(&expected), "{:?}", isa);
            prop_assert_eq!(bits(&run(isa, false, &other_keys, &other_values)), bits(&expected), "{:?}", isa);
        }
    }
}
