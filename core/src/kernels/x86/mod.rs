//! Kernels for x86-64: the lanes of a vector are rows of the weights, so that each has the reference's order.
//!
//! A panel holds some rows unit by unit, in groups of four weights: the four of row 0, those of row 1, and so on, which is
//! what the integer dot products of x86 take. A product of many columns makes the panels of some rows, and uses them for all
//! columns. One of few columns multiplies the rows as they lie, and only makes lanes of them when their integers are summed.

// Registers have numbers: what belongs together has the same one in several arrays.
#![allow(clippy::needless_range_loop)]

pub mod avx2;
pub mod avx512;
mod blocks;
mod column;
mod panel;
mod wide;

use std::arch::asm;

use super::matmul::Weights;
use super::Activations;

/// Where kernels read activations: of some columns, from the first on.
#[derive(Clone, Copy)]
struct Columns {
    /// Units of a column.
    units: usize,
    quants: *const i8,
    scales: *const f32,
    sums: *const [i32; 2],
    scaled_sums: *const f32,
}

impl Columns {
    fn of(activations: &Activations) -> Self {
        Columns {
            units: activations.units(),
            quants: activations.quants().as_ptr(),
            scales: activations.scales().as_ptr(),
            sums: activations.sums().as_ptr(),
            scaled_sums: activations.scaled_sums().as_ptr(),
        }
    }

    /// From column `column` on.
    ///
    /// # Safety
    /// There is such a column, or it is the one after the last.
    unsafe fn from(self, column: usize) -> Self {
        let at = column * self.units;
        // SAFETY: every array has `units` entries for each column, `quants` 32 times as many.
        unsafe {
            Columns {
                units: self.units,
                quants: self.quants.add(at * super::UNIT),
                scales: self.scales.add(at),
                sums: self.sums.add(at),
                scaled_sums: self.scaled_sums.add(at),
            }
        }
    }
}

/// Blocks of some rows, at one place of each: where rows 0, 4, 8 and 12 are, and how far it is from one row to the next.
#[derive(Clone, Copy)]
struct Rows {
    fourths: [*const u8; 4],
    stride: usize,
}

impl Rows {
    /// `height` rows from row `first` on. Those that the matrix does not have are zeros: the others are copied to before
    /// them, in `spare`.
    fn of(weights: &Weights<'_>, first: usize, height: usize, spare: &mut Vec<u8>) -> Self {
        let stride = weights.row(first).len();
        let mut start = weights.row(first).as_ptr();
        if first + height > weights.rows() {
            spare.clear();
            (first..weights.rows()).for_each(|row| spare.extend_from_slice(weights.row(row)));
            spare.resize(height * stride, 0);
            start = spare.as_ptr();
        }
        Rows { fourths: [0, 4, 8, 12].map(|row| start.wrapping_add(row * stride)), stride }
    }

    /// So many bytes on.
    #[inline(always)]
    fn after(&self, bytes: usize) -> Self {
        let [a, b, c, d] = self.fourths;
        let on = |row: *const u8| row.wrapping_add(bytes);
        Rows { fourths: [on(a), on(b), on(c), on(d)], stride: self.stride }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> *const u8 {
        self.fourths[row / 4].wrapping_add(row % 4 * self.stride)
    }
}

/// Asks for `bytes` bytes from `from` on, whether they are there or not. Kernels ask for what lies as far ahead as the rows
/// they compute are long: with so many rows at once, the hardware does not see the order they are read in. The compiler would
/// gather what is asked for, where it has to queue; assembly stays where it is written.
#[inline(always)]
fn prefetch(from: *const u8, bytes: usize) {
    for line in (0..bytes).step_by(64) {
        // SAFETY: it reads nothing that a program could see, and fails at no address.
        unsafe {
            asm!("prefetcht0 [{}]", in(reg) from.wrapping_add(line), options(readonly, nostack, preserves_flags));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::avx2::Avx2;
    use super::avx512::Avx512;
    use crate::kernels::dot::dots;
    use crate::kernels::functions::{exp, gelu, silu, tanh};
    use crate::kernels::lanes::{Lanes, Plain, LANES};
    use crate::kernels::Isa;

    /// Every function of lanes, and every operation of theirs.
    fn functions<L: Lanes>(values: &[f32; LANES], others: &[f32; LANES]) -> Vec<[u32; LANES]> {
        let (a, b) = (L::load(values), L::load(others));
        let operations = [
            a.add(b),
            a.sub(b),
            a.mul(b),
            a.div(b),
            a.fma(b, a),
            a.neg(),
            a.abs(),
            a.round(),
            a.if_less(b, a, b),
        ];
        let all = [exp(a), silu(a), tanh(a), gelu(a)];
        let mut square: [L; LANES] = std::array::from_fn(|i| {
            if i % 2 == 0 {
                a.mul(L::splat(i as f32))
            } else {
                b.add(L::splat(i as f32))
            }
        });
        L::transpose(&mut square);
        let mut halves = [0; LANES];
        a.store_half(&mut halves);
        let all: Vec<L> = all
            .into_iter()
            .chain(square)
            .chain([
                a.swap_pairs(),
                a.max(b),
                L::load_half(&halves),
                L::load_half(
                    &values.map(|value| u16::from_le_bytes([value.to_le_bytes()[0], value.to_le_bytes()[1]])),
                ),
            ])
            .collect();
        let bits = |lanes: L| {
            let mut values = [0.0; LANES];
            lanes.store(&mut values);
            values.map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() })
        };
        operations.into_iter().chain(all).map(bits).collect()
    }

    fn products<L: Lanes>(values: &[f32], others: &[f32], length: usize) -> Vec<u32> {
        let (row, column) = (|at| &values[at..], |at| &others[at..]);
        let tile = dots::<L, 3, 2>([row(0), row(1), row(2)], [column(0), column(1)], length);
        tile.as_flattened().iter().map(|sum| sum.to_bits()).collect()
    }

    macro_rules! on {
        ($features:literal, $function:ident::<$lanes:ty>($($argument:expr),*)) => {{
            #[target_feature(enable = $features)]
            unsafe fn run<A, R>(call: impl Fn(A) -> R, argument: A) -> R {
                call(argument)
            }
            // SAFETY: the caller has looked whether this machine has the features.
            unsafe { run(|()| $function::<$lanes>($($argument),*), ()) }
        }};
    }

    proptest! {
        #[test]
        fn lanes_compute_what_plain_rust_does(bits in any::<[u32; 16]>(), others in any::<[u32; 16]>(), near in any::<[i16; 16]>()) {
            let any = [bits, others].map(|bits| bits.map(f32::from_bits));
            let near = [near.map(|value| f32::from(value) / 256.0), any[1]];
            for [a, b] in [any, near] {
                let expected = functions::<Plain>(&a, &b);
                if Isa::Avx2.is_here() {
                    prop_assert_eq!(&on!("avx2,fma", functions::<Avx2>(&a, &b)), &expected);
                }
                if Isa::Avx512.is_here() {
                    prop_assert_eq!(&on!("avx512f,avx512dq", functions::<Avx512>(&a, &b)), &expected);
                }
            }
        }

        #[test]
        fn products_are_what_plain_rust_makes(values in prop::collection::vec(-9.0f32..9.0, 102), others in prop::collection::vec(-9.0f32..9.0, 101), length in 0usize..100) {
            let expected = products::<Plain>(&values, &others, length);
            if Isa::Avx2.is_here() {
                prop_assert_eq!(&on!("avx2,fma", products::<Avx2>(&values, &others, length)), &expected);
            }
            if Isa::Avx512.is_here() {
                prop_assert_eq!(&on!("avx512f,avx512dq", products::<Avx512>(&values, &others, length)), &expected);
            }
        }
    }
}
