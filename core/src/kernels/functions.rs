//! Functions of each lane (`docs/spec/numerics-2.md` §6): sequences of operations that round as IEEE 754 says.

use super::lanes::Lanes;

/// `e^x`, within 1.1 units in the last place; 0 below -104, infinite from 88.73 on, NaN of NaN.
#[inline(always)]
pub fn exp<L: Lanes>(x: L) -> L {
    const LOG2_E: f32 = f32::from_bits(0x3fb8_aa3b);
    // ln 2 in two parts: n times the first is exact for |n| < 2^9.
    const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);
    const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);
    // By Chebyshev's points on |r| <= ln 2 / 2, of (e^r - 1 - r) / r^2.
    const P: [f32; 5] = [
        f32::from_bits(0x3f00_0000),
        f32::from_bits(0x3e2a_aa6e),
        f32::from_bits(0x3d2a_aa8c),
        f32::from_bits(0x3c09_05f1),
        f32::from_bits(0x3ab6_88be),
    ];
    // Beyond, the result is the same; a NaN passes.
    let (most, least) = (L::splat(89.0), L::splat(-105.0));
    let x = most.if_less(x, most, x);
    let x = x.if_less(least, least, x);
    let n = x.mul(L::splat(LOG2_E)).round();
    let r = n.neg().fma(L::splat(LN2_HIGH), x);
    let r = n.neg().fma(L::splat(LN2_LOW), r);
    let p = P[..4].iter().rev().fold(L::splat(P[4]), |p, next| p.fma(r, L::splat(*next)));
    let y = r.mul(r).fma(p, r).add(L::splat(1.0));
    // 2^n in two steps: the first is exact, the second rounds once where the result is subnormal.
    let half = n.mul(L::splat(0.5)).round();
    y.mul(half.two_to()).mul(n.sub(half).two_to())
}

/// `x / (1 + e^-x)`.
#[inline(always)]
pub fn silu<L: Lanes>(x: L) -> L {
    x.div(L::splat(1.0).add(exp(x.neg())))
}

/// `tanh x = 1 - 2 / (1 + e^2x)`; near 0 by an odd polynomial.
#[inline(always)]
pub fn tanh<L: Lanes>(x: L) -> L {
    // Taylor's, to x^9: what it leaves out is below 2^-24 of the result for |x| < 1/4.
    const Q: [f32; 4] = [-1.0 / 3.0, 2.0 / 15.0, -17.0 / 315.0, 62.0 / 2835.0];
    let square = x.mul(x);
    let q = Q[..3].iter().rev().fold(L::splat(Q[3]), |q, next| q.fma(square, L::splat(*next)));
    let small = x.mul(square).fma(q, x);
    let sum = L::splat(1.0).add(exp(L::splat(2.0).mul(x)));
    let large = L::splat(1.0).sub(L::splat(2.0).div(sum));
    x.abs().if_less(L::splat(0.25), small, large)
}

/// GELU by tanh: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
#[inline(always)]
pub fn gelu<L: Lanes>(x: L) -> L {
    const SQRT_2_BY_PI: f32 = f32::from_bits(0x3f4c_422a);
    let cubic = L::splat(0.044_715).mul(x).mul(x).fma(x, x);
    let tanh = tanh(L::splat(SQRT_2_BY_PI).mul(cubic));
    L::splat(0.5).mul(x).mul(L::splat(1.0).add(tanh))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::lanes::{Plain, LANES};

    fn of(function: fn(Plain) -> Plain, x: f32) -> f32 {
        let mut values = [0.0; LANES];
        function(Plain::splat(x)).store(&mut values);
        values[7]
    }

    fn exp(x: f32) -> f32 {
        of(super::exp, x)
    }

    fn tanh(x: f32) -> f32 {
        of(super::tanh, x)
    }

    fn silu(x: f32) -> f32 {
        of(super::silu, x)
    }

    fn gelu(x: f32) -> f32 {
        of(super::gelu, x)
    }

    /// Units in the last place between a result and the exact value.
    fn ulps(found: f32, exact: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation)] // to the nearest
        let near = exact as f32;
        let ulp = f64::from(f32::from_bits(near.abs().to_bits() + 1)) - f64::from(near.abs());
        ((f64::from(found) - exact) / ulp).abs()
    }

    #[test]
    fn exp_is_near_for_every_kind_of_argument() {
        let mut worst = 0.0f64;
        let mut x = -105.5f32;
        while x < 89.5 {
            let (found, exact) = (exp(x), f64::from(x).exp());
            if exact > f64::from(f32::MAX) {
                assert!(found == f32::INFINITY || ulps(found, f64::from(f32::MAX)) < 2.0, "{x}: {found}");
            } else {
                worst = worst.max(ulps(found, exact));
            }
            x += 0.000_37;
        }
        assert!(worst <= 1.1, "{worst}");
        for (x, y) in [
            (0.0, 1.0),
            (-0.0, 1.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, 0.0),
            (1e30, f32::INFINITY),
            (-1e30, 0.0),
        ] {
            assert_eq!(exp(x), y, "{x}");
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn tanh_silu_and_gelu_are_near() {
        let mut x = -30.0f32;
        while x < 30.0 {
            let wide = f64::from(x);
            assert!(ulps(tanh(x), wide.tanh()) <= 8.0, "tanh {x}: {} {}", tanh(x), wide.tanh());
            let exact = wide / (1.0 + (-wide).exp());
            assert!(ulps(silu(x), exact) <= 4.0, "silu {x}");
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            assert!(
                (f64::from(gelu(x)) - 0.5 * wide * (1.0 + inner.tanh())).abs() < 3e-7 * wide.abs().max(1.0),
                "gelu {x}"
            );
            x += 0.001_3;
        }
        for x in [0.0f32, -0.0] {
            assert_eq!(tanh(x), 0.0);
        }
        assert!(tanh(f32::NAN).is_nan() && silu(f32::NAN).is_nan() && gelu(f32::NAN).is_nan());
    }
}
