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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{bits, kind, of, product, sets, tree, Kind, Random};
    use crate::kernels::Isa;

    /// What an operation makes of a row, beside it and in its place, which is the same.
    fn made(row: &[f32], operation: impl Fn(*const f32, *mut f32)) -> Vec<f32> {
        let (mut out, mut over) = (vec![7.0; row.len() + 1], row.to_vec());
        operation(row.as_ptr(), out.as_mut_ptr());
        let start = over.as_mut_ptr();
        operation(start.cast_const(), start);
        assert_eq!(out.pop(), Some(7.0));
        assert_eq!(bits(&out), bits(&over));
        out
    }

    fn norm_of(isa: Isa, row: &[f32], epsilon: f32) -> Vec<f32> {
        // SAFETY: the row's own length.
        made(row, |from, to| unsafe { rms_norm(isa, from, to, row.len(), epsilon) })
    }

    fn softmax_of(isa: Isa, row: &[f32], scale: f32) -> Vec<f32> {
        // SAFETY: the row's own length.
        made(row, |from, to| unsafe { softmax(isa, from, to, row.len(), scale) })
    }

    fn sum_of(isa: Isa, row: &[f32]) -> f32 {
        let mut total = 7.0;
        // SAFETY: the row's own length, and one result.
        unsafe { sum(isa, row.as_ptr(), &raw mut total, row.len()) };
        total
    }

    fn added(numbers: &[f32]) -> f32 {
        let mut sums = [0.0f32; 16];
        for (i, x) in numbers.iter().enumerate() {
            sums[i % 16] += x;
        }
        tree(sums)
    }

    #[allow(clippy::cast_precision_loss)]
    fn norm_by_the_document(row: &[f32], epsilon: f32) -> Vec<f32> {
        let scale = 1.0 / (product(row, row) / row.len() as f32 + epsilon).sqrt();
        row.iter().map(|x| x * scale).collect()
    }

    fn softmax_by_the_document(row: &[f32], scale: f32) -> Vec<f32> {
        let scaled = row.iter().map(|x| x * scale).collect::<Vec<_>>();
        let most = scaled.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let e = scaled.iter().map(|x| of(exp, x - most)).collect::<Vec<_>>();
        let sum = added(&e);
        e.iter().map(|e| e / sum).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
        #[test]
        fn every_set_computes_the_document(
            seed in any::<u64>(), kind in kind(), width in prop_oneof![8 => 1usize..=100, 1 => 1000usize..1100],
            epsilon in prop_oneof![Just(0.0f32), Just(1e-6), Just(1.0)], scale in prop_oneof![Just(1.0f32), -9.0f32..9.0],
        ) {
            let row = Random::new(seed).numbers(kind, width);
            let (norm, soft) = (norm_by_the_document(&row, epsilon), softmax_by_the_document(&row, scale));
            for isa in sets().chain([Isa::Scalar]) {
                prop_assert_eq!(bits(&norm_of(isa, &row, epsilon)), bits(&norm), "{:?}", isa);
                prop_assert_eq!(bits(&softmax_of(isa, &row, scale)), bits(&soft), "{:?}", isa);
                prop_assert_eq!(bits(&[sum_of(isa, &row)]), bits(&[added(&row)]), "{:?}", isa);
            }
        }

        #[test]
        #[allow(clippy::cast_precision_loss)]
        fn results_are_near_those_of_binary64(
            seed in any::<u64>(), width in 1usize..3000, exponent in -10i32..10, scale in -9.0f64..9.0,
        ) {
            let mut row = Random::new(seed).numbers(Kind::Near, width);
            row.iter_mut().for_each(|x| *x *= 2f32.powi(exponent));
            let wide = row.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            let near = |found: f64, exact: f64, error: f64| (found - exact).abs() <= error;
            let by = 1.0 / (wide.iter().map(|x| x * x).sum::<f64>() / width as f64 + f64::from(1e-6f32)).sqrt();
            for (found, x) in norm_of(Isa::best(), &row, 1e-6).into_iter().zip(&wide) {
                prop_assert!(near(f64::from(found), x * by, 2e-6 * (x * by).abs()), "norm {} {}", found, x * by);
            }
            let magnitude = wide.iter().map(|x| x.abs()).sum::<f64>();
            prop_assert!(near(f64::from(sum_of(Isa::best(), &row)), wide.iter().sum(), 1e-5 * magnitude));
            // The distance to the largest has the rounding of a number of its size.
            let scale = scale / 2f64.powi(exponent);
            #[allow(clippy::cast_possible_truncation)]
            let narrow = scale as f32;
            let y = wide.iter().map(|x| x * f64::from(narrow)).collect::<Vec<_>>();
            let most = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum = y.iter().map(|y| (y - most).exp()).sum::<f64>();
            for (found, y) in softmax_of(Isa::best(), &row, narrow).into_iter().zip(&y) {
                let exact = (y - most).exp() / sum;
                prop_assert!(near(f64::from(found), exact, 4e-6 * exact + 1e-37), "softmax {} {}", found, exact);
            }
        }
    }

    #[test]
    fn what_is_not_finite_follows_from_the_operations() {
        let soft = |row: &[f32]| softmax_of(Isa::best(), row, 1.0);
        assert_eq!(soft(&[f32::NEG_INFINITY, 0.0, -200.0]), [0.0, 1.0, 0.0]);
        assert_eq!(soft(&[f32::MAX, -f32::MAX]), [1.0, 0.0]);
        for row in [[f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2], [f32::NAN, 1.0]] {
            assert!(soft(&row)[0].is_nan(), "{row:?}");
        }
        // The squares are infinite, the row is not.
        assert_eq!(norm_of(Isa::best(), &[1e30, -1e30], 1e-6), [0.0, 0.0]);
        assert!(norm_of(Isa::best(), &[f32::INFINITY, 1.0], 1e-6)[0].is_nan());
        assert!(norm_of(Isa::best(), &[0.0, 0.0], 0.0)[0].is_nan());
    }
}
