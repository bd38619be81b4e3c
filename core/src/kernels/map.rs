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
