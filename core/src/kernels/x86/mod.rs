//! Kernels for x86-64.

pub mod avx2;
pub mod avx512;

use std::arch::x86_64::*;

use super::vectors::Rows;

/// # Safety
/// The block of row `row` reaches from byte `at` 16 bytes on.
#[inline(always)]
unsafe fn sixteen(rows: &Rows, row: usize, at: usize) -> __m128i {
    // SAFETY: by the contract.
    unsafe { _mm_loadu_si128(rows.row(row).wrapping_add(at).cast()) }
}

/// Methods of two vectors that are one instruction.
macro_rules! instructions {
    ($($method:ident = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { $intrinsic(self.0, other.0) })
        }
    )*};
}
use instructions;

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
