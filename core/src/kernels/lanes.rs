//! 16 numbers at a time: what the kernels that are not integer products are written in, once for every instruction set.
//!
//! Each operation is one of IEEE 754 in each lane, rounded once; the lanes never meet but in [`tree`]. [`Plain`] is that in
//! plain Rust, and so the reference.

use super::half::{f16_of, f32_of};

/// Lanes of a vector.
pub const LANES: usize = 16;

/// 16 lanes of binary32.
///
/// The methods of an instruction set's type may be called only where the machine has it and the caller is compiled for it:
/// whoever names such a type has seen to that.
pub trait Lanes: Copy {
    /// How many of them fit in the registers; a few more are needed besides those of a tile.
    const REGISTERS: usize;
    /// The same in all lanes.
    fn splat(value: f32) -> Self;
    /// From memory.
    fn load(values: &[f32; LANES]) -> Self;
    /// To memory.
    fn store(self, values: &mut [f32; LANES]);
    /// Of binary16.
    fn load_half(values: &[u16; LANES]) -> Self;
    /// As binary16, rounded once.
    fn store_half(self, values: &mut [u16; LANES]);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self * other`.
    fn mul(self, other: Self) -> Self;
    /// `self / other`.
    fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// The sign turned around, of a zero and a NaN too.
    fn neg(self) -> Self;
    /// Without its sign.
    fn abs(self) -> Self;
    /// The nearest integer, ties to even.
    fn round(self) -> Self;
    /// `yes` where `self < other`, elsewhere, and where either is NaN, `no`.
    fn if_less(self, other: Self, yes: Self, no: Self) -> Self;
    /// 2 to the power of an integer of -126 to 127; anything of other numbers.
    fn two_to(self) -> Self;
    /// The lanes of each pair exchanged.
    fn swap_pairs(self) -> Self;
    /// Lane `i` of vector `k` becomes lane `k` of vector `i`.
    fn transpose(rows: &mut [Self; LANES]);
    /// The larger; either if one is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.if_less(other, other, self)
    }
}

/// Adding it leaves an integer below 2^22 in the low bits of the sum.
const MAGIC: f32 = 12_582_912.0;

/// In plain Rust.
#[derive(Debug, Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn map(self, operation: impl Fn(f32) -> f32) -> Self {
        Plain(self.0.map(operation))
    }
}

// What a processor without a vector for it does lane by lane is no part of its callers: 16 times a call each, it would be most of
// the library's code.
impl Lanes for Plain {
    // A compiler may have vectors of its own: enough for small tiles.
    const REGISTERS: usize = 4;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Plain([value; LANES])
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        Plain(*values)
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        *values = self.0;
    }

    #[inline(never)]
    fn load_half(values: &[u16; LANES]) -> Self {
        Plain(values.map(f32_of))
    }

    #[inline(never)]
    fn store_half(self, values: &mut [u16; LANES]) {
        *values = self.0.map(f16_of);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(never)]
    fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(never)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Plain(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], addend.0[lane])))
    }

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|value| -value)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }

    #[inline(never)]
    fn round(self) -> Self {
        self.map(f32::round_ties_even)
    }

    #[inline(never)]
    fn if_less(self, other: Self, yes: Self, no: Self) -> Self {
        let pick = |lane: usize| if self.0[lane] < other.0[lane] { yes.0[lane] } else { no.0[lane] };
        Plain(std::array::from_fn(pick))
    }

    #[inline(always)]
    fn two_to(self) -> Self {
        self.map(|value| f32::from_bits((value + MAGIC).to_bits().wrapping_add(127) << 23))
    }

    #[inline(always)]
    fn swap_pairs(self) -> Self {
        Plain(std::array::from_fn(|lane| self.0[lane ^ 1]))
    }

    #[inline(always)]
    fn transpose(rows: &mut [Self; LANES]) {
        *rows = std::array::from_fn(|i| Plain(std::array::from_fn(|k| rows[k].0[i])));
    }
}

/// The sum of all lanes: each of the first half and what lies a half away, until one is left.
#[inline(always)]
#[must_use]
pub fn tree<L: Lanes>(lanes: L) -> f32 {
    let mut values = [0.0; LANES];
    lanes.store(&mut values);
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            values[lane] += values[lane + half];
        }
        half /= 2;
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::dispatch::dispatched;
    use crate::kernels::dot::dots;
    use crate::kernels::functions::{exp, gelu, silu, tanh};
    use crate::kernels::testing::sets;
    use crate::kernels::Isa;

    /// Every function of lanes, and every operation of theirs.
    ///
    /// # Safety
    /// The caller has what `L` needs.
    #[inline(always)]
    unsafe fn functions<L: Lanes>(
        values: &[f32; LANES],
        others: &[f32; LANES],
        found: &mut Vec<[u32; LANES]>,
    ) {
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
        found.extend(operations.into_iter().chain(all).map(bits));
    }

    /// # Safety
    /// The caller has what `L` needs.
    #[inline(always)]
    unsafe fn products<L: Lanes>(values: &[f32], others: &[f32], length: usize, found: &mut Vec<u32>) {
        let (row, column) = (|at| &values[at..], |at| &others[at..]);
        let tile = dots::<L, 3, 2>([row(0), row(1), row(2)], [column(0), column(1)], length);
        found.extend(tile.as_flattened().iter().map(|sum| sum.to_bits()));
    }

    dispatched! {
        unsafe fn functions_by [] {} (
            values: &[f32; LANES], others: &[f32; LANES], found: &mut Vec<[u32; LANES]>,
        ) = functions;
    }

    dispatched! {
        unsafe fn products_by [] {} (
            values: &[f32], others: &[f32], length: usize, found: &mut Vec<u32>,
        ) = products;
    }

    proptest! {
        #[test]
        fn lanes_compute_what_plain_rust_does(bits in any::<[u32; 16]>(), others in any::<[u32; 16]>(), near in any::<[i16; 16]>()) {
            let any = [bits, others].map(|bits| bits.map(f32::from_bits));
            let near = [near.map(|value| f32::from(value) / 256.0), any[1]];
            for [a, b] in [any, near] {
                let found = |isa| {
                    let mut found = Vec::new();
                    // SAFETY: nothing is asked for but the set.
                    unsafe { functions_by(isa, &a, &b, &mut found) };
                    found
                };
                for isa in sets() {
                    prop_assert_eq!(found(isa), found(Isa::Scalar), "{:?}", isa);
                }
            }
        }

        #[test]
        fn products_are_what_plain_rust_makes(values in prop::collection::vec(-9.0f32..9.0, 102), others in prop::collection::vec(-9.0f32..9.0, 101), length in 0usize..100) {
            let found = |isa| {
                let mut found = Vec::new();
                // SAFETY: as above.
                unsafe { products_by(isa, &values, &others, length, &mut found) };
                found
            };
            for isa in sets() {
                prop_assert_eq!(found(isa), found(Isa::Scalar), "{:?}", isa);
            }
        }
    }
}
