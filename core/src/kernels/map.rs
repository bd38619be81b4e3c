//! Operations of each element by itself (`docs/spec/numerics-2.md` §8).

use super::dispatch::dispatched;
use super::functions::{gelu, silu, tanh};
use super::lanes::{Lanes, LANES};

/// An element of the result from one of each of `N` inputs.
pub trait Map<const N: usize> {
    /// The operation, in every lane.
    fn of<L: Lanes>(&self, inputs: [L; N]) -> L;
}

/// `a + b`.
#[derive(Debug, Clone, Copy)]
pub struct Add;
/// `a - b`.
#[derive(Debug, Clone, Copy)]
pub struct Sub;
/// `a * b`.
#[derive(Debug, Clone, Copy)]
pub struct Mul;
/// `a / b`.
#[derive(Debug, Clone, Copy)]
pub struct Div;
/// An operation with the same second operand for all.
#[derive(Debug, Clone, Copy)]
pub struct By<M>(pub M, pub f32);
/// `a * factor + offset`, rounded once; `a * factor` without an offset.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The factor.
    pub factor: f32,
    /// The offset.
    pub offset: f32,
}
/// `least` below it, `most` above it; a NaN stays one.
#[derive(Debug, Clone, Copy)]
pub struct Clamp {
    /// The least.
    pub least: f32,
    /// The most.
    pub most: f32,
}
/// [`silu`].
#[derive(Debug, Clone, Copy)]
pub struct Silu;
/// [`gelu`].
#[derive(Debug, Clone, Copy)]
pub struct Gelu;
/// [`tanh`].
#[derive(Debug, Clone, Copy)]
pub struct Tanh;
/// A gate: the operation of the first, by the second.
#[derive(Debug, Clone, Copy)]
pub struct Gate<M>(pub M);

impl Map<2> for Add {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a, b]: [L; 2]) -> L {
        a.add(b)
    }
}

impl Map<2> for Sub {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a, b]: [L; 2]) -> L {
        a.sub(b)
    }
}

impl Map<2> for Mul {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a, b]: [L; 2]) -> L {
        a.mul(b)
    }
}

impl Map<2> for Div {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a, b]: [L; 2]) -> L {
        a.div(b)
    }
}

impl<M: Map<2>> Map<1> for By<M> {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        self.0.of([a, L::splat(self.1)])
    }
}

impl Map<1> for Scale {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        let factor = L::splat(self.factor);
        if self.offset == 0.0 {
            a.mul(factor)
        } else {
            a.fma(factor, L::splat(self.offset))
        }
    }
}

impl Map<1> for Clamp {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        let (least, most) = (L::splat(self.least), L::splat(self.most));
        let a = a.if_less(least, least, a);
        most.if_less(a, most, a)
    }
}

impl Map<1> for Silu {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        silu(a)
    }
}

impl Map<1> for Gelu {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        gelu(a)
    }
}

impl Map<1> for Tanh {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a]: [L; 1]) -> L {
        tanh(a)
    }
}

impl<M: Map<1>> Map<2> for Gate<M> {
    #[inline(always)]
    fn of<L: Lanes>(&self, [a, b]: [L; 2]) -> L {
        self.0.of([a]).mul(b)
    }
}

dispatched! {
    /// The operation of `count` elements. The result may lie where an input does.
    ///
    /// # Safety
    /// So many lie at each of `inputs`, and may be written at `out`, which nobody else uses meanwhile.
    pub unsafe fn map[const N: usize, M: Map<N>]{N, M}(operation: &M, inputs: [*const f32; N], out: *mut f32, count: usize) = each;
}

/// As [`map`].
#[inline(always)]
unsafe fn each<L: Lanes, const N: usize, M: Map<N>>(
    operation: &M,
    inputs: [*const f32; N],
    out: *mut f32,
    count: usize,
) {
    let whole = count - count % LANES;
    // SAFETY: by the contract; what is loaded for a result lies where it is stored, or elsewhere.
    unsafe {
        for at in (0..whole).step_by(LANES) {
            let mut lanes = [L::splat(0.0); N];
            for n in 0..N {
                lanes[n] = L::load(&*inputs[n].add(at).cast());
            }
            operation.of(lanes).store(&mut *out.add(at).cast());
        }
        if whole < count {
            let mut lanes = [L::splat(0.0); N];
            for n in 0..N {
                lanes[n] = load_some(inputs[n].add(whole), count - whole);
            }
            store_some(operation.of(lanes), out.add(whole), count - whole);
        }
    }
}

/// As many numbers as there are lanes or fewer, and zeros.
///
/// # Safety
/// `count` numbers, at most 16, lie at `from`.
#[inline(always)]
pub(super) unsafe fn load_some<L: Lanes>(from: *const f32, count: usize) -> L {
    // SAFETY: by the contract.
    unsafe {
        if count == LANES {
            return L::load(&*from.cast());
        }
        let mut values = [0.0; LANES];
        std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), count);
        L::load(&values)
    }
}

/// As many numbers as there are lanes or fewer.
///
/// # Safety
/// `count` numbers, at most 16, may be written at `to`.
#[inline(always)]
pub(super) unsafe fn store_some<L: Lanes>(lanes: L, to: *mut f32, count: usize) {
    // SAFETY: by the contract.
    unsafe {
        if count == LANES {
            return lanes.store(&mut *to.cast());
        }
        let mut values = [0.0; LANES];
        lanes.store(&mut values);
        std::ptr::copy_nonoverlapping(values.as_ptr(), to, count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{bits, kind, of, sets, Kind, Random};
    use crate::kernels::Isa;

    /// The results of `count` elements, of which the first input lies at `offset`; `place` says over which input they go, if
    /// over one. What lies beyond stays.
    fn results<const N: usize>(
        isa: Isa,
        operation: &impl Map<N>,
        inputs: &[Vec<f32>; N],
        (offset, count): (usize, usize),
        place: Option<usize>,
    ) -> Vec<u32> {
        let mut inputs = inputs.clone();
        let mut out = vec![7.0; inputs[0].len()];
        let mut to = out[offset..].as_mut_ptr();
        let mut starts = [std::ptr::null(); N];
        for n in 0..N {
            let start = inputs[n][offset..].as_mut_ptr();
            starts[n] = start.cast_const();
            if place == Some(n) {
                to = start;
            }
        }
        // SAFETY: so many lie from the offset on.
        unsafe { map(isa, operation, starts, to, count) };
        let (after, before) = match place {
            Some(n) => (&inputs[n], inputs[n].clone()),
            None => (&out, vec![7.0; out.len()]),
        };
        assert_eq!(bits(&after[..offset]), bits(&before[..offset]));
        assert_eq!(bits(&after[offset + count..]), bits(&before[offset + count..]));
        bits(&after[offset..offset + count])
    }

    /// Every set computes what `plain` does of each element, in place or not.
    fn check<const N: usize>(
        operation: &impl Map<N>,
        plain: impl Fn([f32; N]) -> f32,
        random: &mut Random,
        kind: Kind,
        (offset, count): (usize, usize),
    ) {
        let inputs: [Vec<f32>; N] = std::array::from_fn(|_| random.numbers(kind, offset + count + 3));
        let each = (offset..offset + count).map(|at| plain(std::array::from_fn(|n| inputs[n][at])));
        let expected = bits(&each.collect::<Vec<_>>());
        for isa in sets().chain([Isa::Scalar]) {
            for place in (0..N).map(Some).chain([None]) {
                let found = results(isa, operation, &inputs, (offset, count), place);
                assert_eq!(found, expected, "{isa:?} {count} over {place:?} of {inputs:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_set_computes_each_element_by_itself(
            seed in any::<u64>(), kind in kind(), offset in 0usize..4, count in 1usize..=100, zero in any::<bool>(),
        ) {
            let (random, at) = (&mut Random::new(seed), (offset, count));
            check(&Add, |[a, b]| a + b, random, kind, at);
            check(&Sub, |[a, b]| a - b, random, kind, at);
            check(&Mul, |[a, b]| a * b, random, kind, at);
            check(&Div, |[a, b]| a / b, random, kind, at);
            let by = random.number(kind);
            check(&By(Add, by), |[a]| a + by, random, kind, at);
            check(&By(Sub, by), |[a]| a - by, random, kind, at);
            check(&By(Mul, by), |[a]| a * by, random, kind, at);
            check(&By(Div, by), |[a]| a / by, random, kind, at);
            let (factor, offset) = (random.number(kind), if zero { -0.0 } else { random.number(kind) });
            let scaled = |[a]: [f32; 1]| if offset == 0.0 { a * factor } else { a.mul_add(factor, offset) };
            check(&Scale { factor, offset }, scaled, random, kind, at);
            let (least, most) = (random.number(kind), random.number(kind));
            let clamped = |[a]: [f32; 1]| {
                let a = if a < least { least } else { a };
                if most < a { most } else { a }
            };
            check(&Clamp { least, most }, clamped, random, kind, at);
            check(&Silu, |[a]| of(silu, a), random, kind, at);
            check(&Gelu, |[a]| of(gelu, a), random, kind, at);
            check(&Tanh, |[a]| of(tanh, a), random, kind, at);
            check(&Gate(Silu), |[a, b]| of(silu, a) * b, random, kind, at);
            check(&Gate(Gelu), |[a, b]| of(gelu, a) * b, random, kind, at);
        }
    }

    #[test]
    fn what_is_not_finite_follows_from_the_operations() {
        let one = |operation: &dyn Fn(*const f32, *mut f32), x: f32| {
            let mut y = 0.0;
            operation(&raw const x, &raw mut y);
            y
        };
        // SAFETY: one number each, here and below.
        let silu = |x| one(&|x, y| unsafe { map(Isa::best(), &Silu, [x], y, 1) }, x);
        // SAFETY: as above.
        let gelu = |x| one(&|x, y| unsafe { map(Isa::best(), &Gelu, [x], y, 1) }, x);
        // SAFETY: as above.
        let tanh = |x| one(&|x, y| unsafe { map(Isa::best(), &Tanh, [x], y, 1) }, x);
        let clamp = |x| {
            let clamp = Clamp { least: -1.0, most: 1.0 };
            // SAFETY: as above.
            one(&|x, y| unsafe { map(Isa::best(), &clamp, [x], y, 1) }, x)
        };
        assert!(silu(f32::NEG_INFINITY).is_nan() && gelu(f32::NEG_INFINITY).is_nan());
        assert_eq!([silu(f32::INFINITY), gelu(f32::INFINITY)], [f32::INFINITY; 2]);
        assert_eq!([silu(-1e30), gelu(-1e30)].map(f32::to_bits), [(-0.0f32).to_bits(); 2]);
        assert_eq!([tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)], [1.0, -1.0]);
        assert_eq!(tanh(-0.0).to_bits(), tanh(0.0).to_bits());
        assert_eq!([clamp(f32::INFINITY), clamp(f32::NEG_INFINITY)], [1.0, -1.0]);
        assert!(clamp(f32::NAN).is_nan());
    }
}
