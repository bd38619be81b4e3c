//! Products of weights that are not quantized (`docs/spec/numerics-2.md` §7), and what a row of any weights is worth.

use super::dispatch::dispatched;
use super::dot::dots;
use super::lanes::{Lanes, LANES};
use super::{Format, UNIT};

/// How numbers lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// binary32.
    F32,
    /// binary16.
    F16,
    /// The first 16 bits of a binary32.
    BF16,
}

impl Element {
    /// Bytes of an element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::F16 | Element::BF16 => 2,
        }
    }
}

/// A matrix of weights, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Floats {
    /// Of what.
    pub element: Element,
    /// The first row.
    pub start: *const u8,
    /// Weights of a row.
    pub length: usize,
}

/// Columns that weights are multiplied with, and where the results go.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The first.
    pub start: *const f32,
    /// From one to the next, in elements.
    pub stride: usize,
    /// How many there are.
    pub count: usize,
    /// The result of the first row and the first column.
    pub out: *mut f32,
    /// From the results of one column to those of the next, in elements.
    pub out_stride: usize,
}

dispatched! {
    /// Rows `rows` of a product, at `out[column * out_stride + row - rows.start]`.
    ///
    /// # Safety
    /// There are these rows and columns; the results may be written, and nobody else uses them meanwhile.
    pub unsafe fn products[]{}(weights: &Floats, rows: std::ops::Range<usize>, columns: &Columns, scratch: &mut Vec<f32>) = all;
}

dispatched! {
    /// Numbers as binary32.
    ///
    /// # Safety
    /// `count` elements lie at `from`; the results may be written.
    pub unsafe fn widen[]{}(element: Element, from: *const u8, to: *mut f32, count: usize) = wide;
}

dispatched! {
    /// Numbers as binary16.
    ///
    /// # Safety
    /// `count` numbers lie at `from`; the results may be written.
    pub unsafe fn narrow[]{}(from: *const f32, to: *mut u16, count: usize) = halves;
}

/// The weights of a quantized row, each `fma(scale, integer, -minimum)`.
///
/// # Panics
/// The row is shorter than `out`, which is no whole number of units.
pub fn dequantize(format: Format, row: &[u8], out: &mut [f32]) {
    let (units, rest) = out.as_chunks_mut::<UNIT>();
    assert!(rest.is_empty(), "rows are whole units");
    for (index, out) in units.iter_mut().enumerate() {
        let unit = format.unit(row, index);
        for (i, out) in out.iter_mut().enumerate() {
            *out = unit.scale[i / (UNIT / 2)].mul_add(f32::from(unit.quants[i]), -unit.min);
        }
    }
}

/// # Safety
/// As of [`widen`].
#[inline(always)]
unsafe fn wide<L: Lanes>(element: Element, from: *const u8, to: *mut f32, count: usize) {
    // SAFETY: by the contract.
    unsafe {
        match element {
            Element::F32 => std::ptr::copy(from.cast(), to, count),
            Element::F16 => {
                let from = from.cast::<u16>();
                let whole = count - count % LANES;
                for at in (0..whole).step_by(LANES) {
                    L::load_half(&*from.add(at).cast()).store(&mut *to.add(at).cast());
                }
                for at in whole..count {
                    *to.add(at) = super::half::f32_of(*from.add(at));
                }
            }
            Element::BF16 => {
                let from = from.cast::<u16>();
                for at in 0..count {
                    *to.add(at) = f32::from_bits(u32::from(*from.add(at)) << 16);
                }
            }
        }
    }
}

/// # Safety
/// As of [`narrow`].
#[inline(always)]
unsafe fn halves<L: Lanes>(from: *const f32, to: *mut u16, count: usize) {
    let whole = count - count % LANES;
    // SAFETY: by the contract.
    unsafe {
        for at in (0..whole).step_by(LANES) {
            L::load(&*from.add(at).cast()).store_half(&mut *to.add(at).cast());
        }
        for at in whole..count {
            *to.add(at) = super::half::f16_of(*from.add(at));
        }
    }
}

/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn all<L: Lanes>(
    weights: &Floats,
    rows: std::ops::Range<usize>,
    columns: &Columns,
    scratch: &mut Vec<f32>,
) {
    // SAFETY: by the contract.
    unsafe {
        match L::REGISTERS {
            32.. => tiles::<L, 4, 6>(weights, rows, columns, scratch),
            _ => tiles::<L, 2, 2>(weights, rows, columns, scratch),
        }
    }
}

/// `R` rows by `C` columns at a time.
///
/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn tiles<L: Lanes, const R: usize, const C: usize>(
    weights: &Floats,
    rows: std::ops::Range<usize>,
    columns: &Columns,
    scratch: &mut Vec<f32>,
) {
    let (length, count) = (weights.length, rows.len());
    scratch.resize(R * length, 0.0);
    // SAFETY: by the contract.
    unsafe {
        let mut row = 0;
        while row < count {
            let made = R.min(count - row);
            for r in 0..made {
                let from = weights.start.add((rows.start + row + r) * length * weights.element.bytes());
                wide::<L>(weights.element, from, scratch.as_mut_ptr().add(r * length), length);
            }
            let mut tile: [&[f32]; R] = [&[]; R];
            for r in 0..R {
                // Beyond the last row it is computed again, and not written.
                tile[r] = &scratch[r.min(made - 1) * length..][..length];
            }
            let mut column = 0;
            while column < columns.count {
                let out = columns.out.add(column * columns.out_stride + row);
                column += if columns.count - column >= C {
                    tile_of::<L, R, C>(tile, columns, column, out, made)
                } else {
                    tile_of::<L, R, 1>(tile, columns, column, out, made)
                };
            }
            row += made;
        }
    }
}

/// One tile, of whose rows `made` are written; answers `C`.
///
/// # Safety
/// As of [`products`].
#[inline(always)]
unsafe fn tile_of<L: Lanes, const R: usize, const C: usize>(
    rows: [&[f32]; R],
    columns: &Columns,
    column: usize,
    out: *mut f32,
    made: usize,
) -> usize {
    let length = rows[0].len();
    // SAFETY: by the contract.
    unsafe {
        let mut starts: [&[f32]; C] = [&[]; C];
        for c in 0..C {
            let start = columns.start.add((column + c) * columns.stride);
            starts[c] = std::slice::from_raw_parts(start, length);
        }
        let sums = dots::<L, R, C>(rows, starts, length);
        for r in 0..made {
            for c in 0..C {
                *out.add(c * columns.out_stride + r) = sums[r][c];
            }
        }
    }
    C
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::half::{f16_of, f32_of};
    use crate::kernels::testing::{bits, kind, product, sets, Kind, Random};
    use crate::kernels::Isa;

    const ELEMENTS: [Element; 3] = [Element::F32, Element::F16, Element::BF16];

    /// Numbers as they are stored, on an address for any of them; and what they are worth.
    fn stored(element: Element, numbers: &[f32]) -> (Vec<u32>, Vec<f32>) {
        let halves = |halves: Vec<u16>| {
            halves
                .chunks(2)
                .map(|pair| u32::from(pair[0]) | pair.get(1).map_or(0, |half| u32::from(*half) << 16))
                .collect()
        };
        match element {
            Element::F32 => (numbers.iter().map(|x| x.to_bits()).collect(), numbers.to_vec()),
            Element::F16 => {
                let all = numbers.iter().map(|x| f16_of(*x)).collect::<Vec<_>>();
                let worth = all.iter().map(|half| f32_of(*half)).collect();
                (halves(all), worth)
            }
            Element::BF16 => {
                #[allow(clippy::cast_possible_truncation)] // the upper half
                let all = numbers.iter().map(|x| (x.to_bits() >> 16) as u16).collect::<Vec<_>>();
                let worth = all.iter().map(|half| f32::from_bits(u32::from(*half) << 16)).collect();
                (halves(all), worth)
            }
        }
    }

    fn widened(isa: Isa, element: Element, stored: &[u32], count: usize) -> Vec<f32> {
        let mut out = vec![7.0; count + 1];
        // SAFETY: so many are stored.
        unsafe { widen(isa, element, stored.as_ptr().cast(), out.as_mut_ptr(), count) };
        assert_eq!(out.pop(), Some(7.0));
        out
    }

    fn narrowed(isa: Isa, numbers: &[f32]) -> Vec<u16> {
        let mut out = vec![7; numbers.len() + 1];
        // SAFETY: the slice's own length.
        unsafe { narrow(isa, numbers.as_ptr(), out.as_mut_ptr(), numbers.len()) };
        assert_eq!(out.pop(), Some(7));
        // Which NaN it is, is not told.
        out.iter().map(|half| if half & 0x7fff > 0x7c00 { u16::MAX } else { *half }).collect()
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_document(
            (element, length, rows, columns) in (0usize..3, 1usize..=100, 1usize..40, 1usize..20),
            seed in any::<u64>(), kind in kind(), split in any::<usize>(), gap in 0usize..3,
        ) {
            let mut random = Random::new(seed);
            let element = ELEMENTS[element];
            // Weights are finite.
            let weights = random.numbers(if kind == Kind::Near { kind } else { Kind::Finite }, rows * length);
            let weights: Vec<f32> = weights.into_iter().map(|x| x.clamp(-6e4, 6e4)).collect();
            let (bytes, worth) = stored(element, &weights);
            let matrix = Floats { element, start: bytes.as_ptr().cast(), length };
            let stride = length + gap;
            let values = random.numbers(kind, columns * stride);
            let out_stride = rows + gap;
            let made = |isa, ranges: &[(usize, usize)], scratch: &mut Vec<f32>| {
                let mut out = vec![7.0; columns * out_stride];
                for (first, end) in ranges {
                    let to = out[*first..].as_mut_ptr();
                    let columns = Columns { start: values.as_ptr(), stride, count: columns, out: to, out_stride };
                    // SAFETY: as laid out above.
                    unsafe { products(isa, &matrix, *first..*end, &columns, scratch) };
                }
                bits(&out)
            };
            let mut expected = vec![7.0; columns * out_stride];
            for column in 0..columns {
                for row in 0..rows {
                    let (row_of, column_of) = (&worth[row * length..][..length], &values[column * stride..][..length]);
                    let found = product(row_of, column_of);
                    expected[column * out_stride + row] = found;
                    if kind == Kind::Near {
                        let pairs = row_of.iter().zip(column_of).map(|(a, b)| f64::from(*a) * f64::from(*b));
                        let (exact, magnitude) = pairs.fold((0.0, 0.0), |(sum, all), x| (sum + x, all + x.abs()));
                        prop_assert!((f64::from(found) - exact).abs() <= 1e-6 * magnitude);
                    }
                }
            }
            let (expected, split) = (bits(&expected), split % rows);
            // What another call left there does not count.
            let mut scratch = vec![f32::NAN; 1000];
            for isa in sets().chain([Isa::Scalar]) {
                prop_assert_eq!(&made(isa, &[(0, rows)], &mut scratch), &expected, "{:?}", isa);
                let parts: &[_] = if split == 0 { &[(0, rows)] } else { &[(split, rows), (0, split)] };
                prop_assert_eq!(&made(isa, parts, &mut scratch), &expected, "{:?}", isa);
            }
        }

        #[test]
        fn numbers_are_converted_as_the_reference_does(seed in any::<u64>(), kind in kind(), count in 1usize..=100) {
            let numbers = Random::new(seed).numbers(kind, count);
            let narrow = numbers.iter().map(|x| if x.is_nan() { u16::MAX } else { f16_of(*x) }).collect::<Vec<_>>();
            for isa in sets().chain([Isa::Scalar]) {
                prop_assert_eq!(&narrowed(isa, &numbers), &narrow);
                for element in ELEMENTS {
                    let (stored, worth) = stored(element, &numbers);
                    prop_assert_eq!(bits(&widened(isa, element, &stored, count)), bits(&worth));
                }
            }
        }

        #[test]
        fn dequantized_weights_are_rounded_once(format in 0..Format::ALL.len(), blocks in 1usize..4, seed in any::<u64>()) {
            let (format, mut random) = (Format::ALL[format], Random::new(seed));
            let mut row: Vec<u8> = (0..blocks * format.block_bytes()).map(|_| random.bits().to_le_bytes()[0]).collect();
            for block in row.chunks_mut(format.block_bytes()) {
                // An exponent of all ones is no number.
                for at in [1, 3, 109, 209] {
                    block.get_mut(at).into_iter().for_each(|byte| *byte &= 0xbf);
                }
            }
            let units = blocks * format.block_units();
            let mut made = vec![f32::NAN; units * UNIT];
            dequantize(format, &row, &mut made);
            for (i, made) in made.into_iter().enumerate() {
                let unit = format.unit(&row, i / UNIT);
                // Exact: multiples of 2^-24 below 2^28.
                let exact = f64::from(unit.scale[i % UNIT / 16]) * f64::from(unit.quants[i % UNIT]) - f64::from(unit.min);
                #[allow(clippy::cast_possible_truncation)] // to the nearest
                let nearest = exact as f32;
                prop_assert_eq!(made, nearest, "{:?}", unit);
            }
        }
    }

    #[test]
    fn every_half_and_what_lies_around_it_is_converted_alike() {
        let all = (0..=u16::MAX).collect::<Vec<_>>();
        let stored =
            all.chunks(2).map(|pair| u32::from(pair[0]) | u32::from(pair[1]) << 16).collect::<Vec<_>>();
        let worth = all.iter().map(|half| f32_of(*half)).collect::<Vec<_>>();
        // Each, the middle to the next one, and the neighbours of both.
        let around = worth.iter().flat_map(|x| {
            let near = [0x0000, 0x0001, 0x0fff, 0x1000, 0x1001, 0x1fff]
                .map(|more| f32::from_bits(x.to_bits() + more));
            let middle = if x.abs() < 6.2e-5 { x + 2f32.powi(-25).copysign(*x) } else { *x };
            near.into_iter().chain([
                middle,
                f32::from_bits(middle.to_bits() + 1),
                f32::from_bits(middle.to_bits().saturating_sub(1)),
            ])
        });
        let around = around.collect::<Vec<_>>();
        let narrow =
            around.iter().map(|x| if x.is_nan() { u16::MAX } else { f16_of(*x) }).collect::<Vec<_>>();
        for isa in sets().chain([Isa::Scalar]) {
            assert!(bits(&widened(isa, Element::F16, &stored, all.len())) == bits(&worth), "{isa:?}");
            assert!(narrowed(isa, &around) == narrow, "{isa:?}");
        }
    }
}
