//! Operations of whole rows: normalization, softmax, sums (`docs/spec/numerics-2.md` §9).

use super::dispatch::dispatched;
use super::functions::exp;
use super::lanes::{tree, Lanes, LANES};
use super::map::{load_some, store_some};

dispatched! {
    /// RMS norm of a row: `x / sqrt(mean(x^2) + epsilon)`. The result may lie where the row does.
    ///
    /// # Safety
    /// `count` numbers lie at `row`, and may be written at `out`, which nobody else uses meanwhile.
    pub unsafe fn rms_norm[]{}(row: *const f32, out: *mut f32, count: usize, epsilon: f32) = norm;
}

dispatched! {
    /// Softmax of a row, first multiplied by `scale`. The result may lie where the row does.
    ///
    /// # Safety
    /// As of [`rms_norm`].
    pub unsafe fn softmax[]{}(row: *const f32, out: *mut f32, count: usize, scale: f32) = soft;
}

dispatched! {
    /// The sum of a row.
    ///
    /// # Safety
    /// `count` numbers lie at `row`; `out` may be written.
    pub unsafe fn sum[]{}(row: *const f32, out: *mut f32, count: usize) = add_up;
}

/// # Safety
/// As of [`rms_norm`].
#[inline(always)]
unsafe fn norm<L: Lanes>(row: *const f32, out: *mut f32, count: usize, epsilon: f32) {
    let whole = count - count % LANES;
    // SAFETY: by the contract.
    unsafe {
        let mut squares = L::splat(0.0);
        for at in (0..whole).step_by(LANES) {
            let x = L::load(&*row.add(at).cast());
            squares = x.fma(x, squares);
        }
        if whole < count {
            let x: L = load_some(row.add(whole), count - whole);
            squares = x.fma(x, squares);
        }
        #[allow(clippy::cast_precision_loss)] // the width of a model
        let mean = tree(squares) / count as f32;
        let scale = L::splat(1.0 / (mean + epsilon).sqrt());
        for at in (0..whole).step_by(LANES) {
            L::load(&*row.add(at).cast()).mul(scale).store(&mut *out.add(at).cast());
        }
        if whole < count {
            let x: L = load_some(row.add(whole), count - whole);
            store_some(x.mul(scale), out.add(whole), count - whole);
        }
    }
}

/// # Safety
/// As of [`softmax`].
#[inline(always)]
unsafe fn soft<L: Lanes>(row: *const f32, out: *mut f32, count: usize, scale: f32) {
    let whole = count - count % LANES;
    // SAFETY: by the contract; the exponentials are written before they are read.
    unsafe {
        let mut most = f32::NEG_INFINITY;
        for at in 0..count {
            let x = *row.add(at) * scale;
            most = if most < x { x } else { most };
        }
        let (most, scale) = (L::splat(most), L::splat(scale));
        let mut sums = L::splat(0.0);
        for at in (0..whole).step_by(LANES) {
            let e = exp(L::load(&*row.add(at).cast()).mul(scale).sub(most));
            sums = sums.add(e);
            e.store(&mut *out.add(at).cast());
        }
        if whole < count {
            let x: L = load_some(row.add(whole), count - whole);
            store_some(exp(x.mul(scale).sub(most)), out.add(whole), count - whole);
            // The lanes beyond are zeros again.
            sums = sums.add(load_some(out.add(whole), count - whole));
        }
        let sum = L::splat(tree(sums));
        for at in (0..whole).step_by(LANES) {
            L::load(&*out.add(at).cast()).div(sum).store(&mut *out.add(at).cast());
        }
        if whole < count {
            let e: L = load_some(out.add(whole), count - whole);
            store_some(e.div(sum), out.add(whole), count - whole);
        }
    }
}

/// # Safety
/// As of [`sum`].
#[inline(always)]
unsafe fn add_up<L: Lanes>(row: *const f32, out: *mut f32, count: usize) {
    let whole = count - count % LANES;
    // SAFETY: by the contract.
    unsafe {
        let mut sums = L::splat(0.0);
        for at in (0..whole).step_by(LANES) {
            sums = sums.add(L::load(&*row.add(at).cast()));
        }
        if whole < count {
            sums = sums.add(load_some(row.add(whole), count - whole));
        }
        *out = tree(sums);
    }
}
