//! What the tests of kernels have in common.

use super::Isa;

/// The sets that this machine has, and that are not the reference.
pub fn sets() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| *isa != Isa::Scalar && isa.is_here())
}

/// As bits; which NaN it is, is not told.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }).collect()
}

/// Of what kind numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// -1 to 1.
    Near,
    /// Of every magnitude, zeros of both signs, subnormals; all finite.
    Finite,
    /// Any bits among those.
    Any,
}

/// Numbers by a seed (xorshift64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[allow(clippy::cast_possible_truncation)] // the upper half
        let upper = (self.0 >> 32) as u32;
        upper
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.bits() as usize % end
    }

    pub fn number(&mut self, kind: Kind) -> f32 {
        let near = f32::from_bits(0x3f80_0000 | self.bits() >> 9) * 2.0 - 3.0;
        match (kind, self.below(16)) {
            (Kind::Near, _) | (_, 6..) => near,
            (_, 0) => 0.0f32.copysign(near),
            // Subnormals, and what makes some.
            (_, 1) => f32::from_bits(self.bits() & 0x80ff_ffff),
            (_, 2) => near * 1e20,
            (_, 3) => near * 1e-20,
            (Kind::Finite, _) => near * 100.0,
            (Kind::Any, _) => f32::from_bits(self.bits() | if near > 0.0 { 0x7f80_0000 } else { 0 }),
        }
    }

    pub fn numbers(&mut self, kind: Kind, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number(kind)).collect()
    }
}

/// Numbers of every kind, but mostly near ones.
pub fn kind() -> impl proptest::strategy::Strategy<Value = Kind> {
    use proptest::prelude::*;
    prop_oneof![3 => Just(Kind::Near), 2 => Just(Kind::Finite), 1 => Just(Kind::Any)]
}

/// 16 partial sums as §7 adds them up.
pub fn tree(mut sums: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// A product as §7 has it.
pub fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    for i in 0..a.len().next_multiple_of(16) {
        let at = |of: &[f32]| of.get(i).copied().unwrap_or(0.0);
        sums[i % 16] = at(a).mul_add(at(b), sums[i % 16]);
    }
    tree(sums)
}

/// A function of lanes, of one number.
pub fn of(function: impl Fn(super::lanes::Plain) -> super::lanes::Plain, x: f32) -> f32 {
    use super::lanes::{Lanes, Plain, LANES};
    let mut values = [0.0; LANES];
    function(Plain::splat(x)).store(&mut values);
    values[0]
}
