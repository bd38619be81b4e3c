//! Rotary position embeddings (Su et al., 2021; YaRN: Peng et al., 2023; `docs/spec/numerics-2.md` §10).

use super::dispatch::dispatched;
use super::lanes::{Lanes, LANES};
use super::map::{load_some, store_some};

/// Which elements of a head are a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pairs {
    /// Neighbours: 0 and 1, 2 and 3.
    Neighbours,
    /// One of the first half, and that of the second.
    Halves,
}

/// How fast each pair of a head turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    pairs: Pairs,
    /// Radians a position.
    frequencies: Vec<f64>,
    /// By what sine and cosine are multiplied.
    magnitude: f64,
}

/// The parameters of a model's rotation, as GGUF and ggml have them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // the field's own names
pub struct Parameters {
    pub base: f32,
    pub scale: f32,
    pub original_context: u32,
    pub ext_factor: f32,
    pub attn_factor: f32,
    pub beta_fast: f32,
    pub beta_slow: f32,
}

impl Rope {
    /// Of `dims` elements, an even number; `factors`, if any, divide the frequencies, one for each pair.
    #[must_use]
    pub fn new(pairs: Pairs, dims: usize, parameters: &Parameters, factors: Option<&[f32]>) -> Self {
        let wide = |value: f32| f64::from(value);
        #[allow(clippy::cast_precision_loss)] // the size of a head
        let (count, p) = (dims as f64, parameters);
        let ln_base = libm::log(wide(p.base));
        let extrapolated: Vec<f64> = (0..dims / 2)
            .map(|i| {
                #[allow(clippy::cast_precision_loss)]
                let exponent = -2.0 * i as f64 / count;
                let factor = factors.and_then(|factors| factors.get(i)).map_or(1.0, |factor| wide(*factor));
                libm::exp(exponent * ln_base) / factor
            })
            .collect();
        // Turns that the original context has room for, as the index of a pair.
        let pair_of = |turns: f32| {
            let ratio = f64::from(p.original_context) / (wide(turns) * 2.0 * std::f64::consts::PI);
            count * libm::log(ratio) / (2.0 * ln_base)
        };
        let low = pair_of(p.beta_fast).floor().max(0.0);
        let high = pair_of(p.beta_slow).ceil().min(count - 1.0);
        let frequencies = extrapolated.iter().enumerate().map(|(i, extrapolated)| {
            let interpolated = wide(p.scale) * extrapolated;
            if p.ext_factor == 0.0 {
                return interpolated;
            }
            #[allow(clippy::cast_precision_loss)]
            let ramp = (i as f64 - low) / (high - low).max(0.001);
            let mix = (1.0 - ramp.clamp(0.0, 1.0)) * wide(p.ext_factor);
            interpolated * (1.0 - mix) + extrapolated * mix
        });
        let frequencies = frequencies.collect();
        let stretch = if p.ext_factor == 0.0 { 1.0 } else { 1.0 + 0.1 * libm::log(1.0 / wide(p.scale)) };
        Rope { pairs, frequencies, magnitude: wide(p.attn_factor) * stretch }
    }

    /// Numbers of a position's row of sines and cosines.
    #[must_use]
    pub fn row(&self) -> usize {
        4 * self.frequencies.len()
    }

    /// The row of a position: what each element is multiplied with, and then what its partner is.
    ///
    /// # Panics
    /// `row` has another length than [`Self::row`].
    pub fn fill(&self, position: i32, row: &mut [f32]) {
        let (own, partner) = row.split_at_mut(2 * self.frequencies.len());
        let half = self.frequencies.len();
        for (i, frequency) in self.frequencies.iter().enumerate() {
            let angle = f64::from(position) * frequency;
            #[allow(clippy::cast_possible_truncation)] // to the nearest
            let [cos, sin] =
                [libm::cos(angle), libm::sin(angle)].map(|value| (value * self.magnitude) as f32);
            let (first, second) = match self.pairs {
                Pairs::Neighbours => (2 * i, 2 * i + 1),
                Pairs::Halves => (i, half + i),
            };
            (own[first], own[second]) = (cos, cos);
            (partner[first], partner[second]) = (-sin, sin);
        }
    }

    /// Rotates a head of `count` elements by the row of its position. The result may lie where the head does.
    ///
    /// # Safety
    /// `row` is one of this rotation; `count` numbers, at least as many as turn, lie at `head` and may be written at `out`, which
    /// nobody else uses meanwhile.
    pub unsafe fn rotate(
        &self,
        isa: super::Isa,
        row: *const f32,
        head: *const f32,
        out: *mut f32,
        count: usize,
    ) {
        let dims = 2 * self.frequencies.len();
        // SAFETY: by the contract.
        unsafe {
            match self.pairs {
                Pairs::Neighbours => neighbours(isa, row, head, out, dims),
                Pairs::Halves => halves(isa, row, head, out, dims),
            }
            if !std::ptr::eq(head, out) {
                std::ptr::copy(head.add(dims), out.add(dims), count - dims);
            }
        }
    }
}

dispatched! {
    /// # Safety
    /// As of [`Rope::rotate`], of the elements that turn alone.
    unsafe fn neighbours[]{}(row: *const f32, head: *const f32, out: *mut f32, dims: usize) = turn_neighbours;
}

dispatched! {
    /// # Safety
    /// As of [`Rope::rotate`], of the elements that turn alone.
    unsafe fn halves[]{}(row: *const f32, head: *const f32, out: *mut f32, dims: usize) = turn_halves;
}

/// # Safety
/// As of [`neighbours`].
#[inline(always)]
unsafe fn turn_neighbours<L: Lanes>(row: *const f32, head: *const f32, out: *mut f32, dims: usize) {
    // SAFETY: by the contract.
    unsafe {
        for at in (0..dims).step_by(LANES) {
            let count = (dims - at).min(LANES);
            let [x, own, partner]: [L; 3] = [
                load_some(head.add(at), count),
                load_some(row.add(at), count),
                load_some(row.add(dims + at), count),
            ];
            store_some(x.fma(own, x.swap_pairs().mul(partner)), out.add(at), count);
        }
    }
}

/// # Safety
/// As of [`halves`].
#[inline(always)]
unsafe fn turn_halves<L: Lanes>(row: *const f32, head: *const f32, out: *mut f32, dims: usize) {
    let half = dims / 2;
    // SAFETY: by the contract; both of a pair are loaded before either is stored.
    unsafe {
        for at in (0..half).step_by(LANES) {
            let count = (half - at).min(LANES);
            let (a, b): (L, L) = (load_some(head.add(at), count), load_some(head.add(half + at), count));
            let cos: L = load_some(row.add(at), count);
            let sin: L = load_some(row.add(dims + half + at), count);
            store_some(a.fma(cos, b.mul(sin.neg())), out.add(at), count);
            store_some(b.fma(cos, a.mul(sin)), out.add(half + at), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{bits, kind, sets, Kind, Random};
    use crate::kernels::Isa;

    const PLAIN: Parameters = Parameters {
        base: 10_000.0,
        scale: 1.0,
        original_context: 0,
        ext_factor: 0.0,
        attn_factor: 1.0,
        beta_fast: 0.0,
        beta_slow: 0.0,
    };
    const YARN: Parameters = Parameters {
        scale: 0.25,
        original_context: 4096,
        ext_factor: 1.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        ..PLAIN
    };

    fn row_of(rope: &Rope, position: i32) -> Vec<f32> {
        let mut row = vec![f32::NAN; rope.row()];
        rope.fill(position, &mut row);
        row
    }

    /// A head rotated beside itself and in its place, which is the same.
    fn rotated(isa: Isa, rope: &Rope, row: &[f32], head: &[f32]) -> Vec<f32> {
        let (mut out, mut over) = (vec![7.0; head.len() + 1], head.to_vec());
        // SAFETY: a row of the rotation, and the head's own length.
        unsafe {
            rope.rotate(isa, row.as_ptr(), head.as_ptr(), out.as_mut_ptr(), head.len());
            let start = over.as_mut_ptr();
            rope.rotate(isa, row.as_ptr(), start.cast_const(), start, head.len());
        }
        assert_eq!(out.pop(), Some(7.0));
        assert_eq!(bits(&out), bits(&over));
        out
    }

    /// Where pair `i` lies.
    fn pair(pairs: Pairs, dims: usize, i: usize) -> (usize, usize) {
        match pairs {
            Pairs::Neighbours => (2 * i, 2 * i + 1),
            Pairs::Halves => (i, i + dims / 2),
        }
    }

    proptest! {
        #[test]
        fn every_set_computes_the_document(
            half in 1usize..70, more in 0usize..20, seed in any::<u64>(), kind in kind(), position in 0i32..1 << 20,
            halves in any::<bool>(), yarn in any::<bool>(), base in prop_oneof![Just(1e4f32), Just(1e6), 2f32..1e7],
        ) {
            let (dims, pairs) = (2 * half, if halves { Pairs::Halves } else { Pairs::Neighbours });
            let parameters = Parameters { base, ..if yarn { YARN } else { PLAIN } };
            let mut random = Random::new(seed);
            let rope = Rope::new(pairs, dims, &parameters, None);
            let (row, head) = (row_of(&rope, position), random.numbers(kind, dims + more));
            let mut expected = head.clone();
            for i in 0..half {
                let (first, second) = pair(pairs, dims, i);
                let (cos, sin, a, b) = (row[first], row[dims + second], head[first], head[second]);
                expected[first] = a.mul_add(cos, b * -sin);
                expected[second] = b.mul_add(cos, a * sin);
            }
            for isa in sets().chain([Isa::Scalar]) {
                prop_assert_eq!(bits(&rotated(isa, &rope, &row, &head)), bits(&expected), "{:?}", isa);
            }
        }

        #[test]
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        fn rotations_are_near_those_of_binary64(
            half in 1usize..130, seed in any::<u64>(), position in 0i32..1 << 20, halves in any::<bool>(),
            base in 2f32..1e7, scale in prop_oneof![Just(1.0f32), 0.01f32..1.0], attn in 0.5f32..2.0, has_factors in any::<bool>(),
        ) {
            let (dims, pairs) = (2 * half, if halves { Pairs::Halves } else { Pairs::Neighbours });
            let mut random = Random::new(seed);
            let factors = (0..half).map(|_| random.number(Kind::Near).abs() * 60.0 + 1.0).collect::<Vec<_>>();
            let parameters = Parameters { base, scale, attn_factor: attn, ..PLAIN };
            let rope = Rope::new(pairs, dims, &parameters, has_factors.then_some(&factors));
            let head = random.numbers(Kind::Near, dims);
            let made = rotated(Isa::best(), &rope, &row_of(&rope, position), &head);
            for i in 0..half {
                let (first, second) = pair(pairs, dims, i);
                let factor = if has_factors { f64::from(factors[i]) } else { 1.0 };
                let frequency = f64::from(scale) * f64::from(base).powf(-2.0 * i as f64 / dims as f64) / factor;
                let (sin, cos) = (f64::from(position) * frequency).sin_cos();
                let (a, b) = (f64::from(head[first]), f64::from(head[second]));
                for (found, exact) in [(made[first], a * cos - b * sin), (made[second], a * sin + b * cos)] {
                    let exact = exact * f64::from(attn);
                    // The angle's own rounding: a million by 2^-52.
                    prop_assert!((f64::from(found) - exact).abs() < 5e-7, "{} {}", found, exact);
                }
            }
        }

        #[test]
        fn sines_are_those_of_the_document(high in prop_oneof![0u32..0x4139_21fb, 0x3fe0_0000u32..0x4030_0000, 0x4000_0000u32..0x4139_21fb], low in any::<u32>(), minus in any::<bool>()) {
            let x = f64::from_bits(u64::from(high) << 32 | u64::from(low)) * if minus { -1.0 } else { 1.0 };
            let (sin, cos) = by_the_document(x);
            prop_assert_eq!((sin.to_bits(), cos.to_bits()), (libm::sin(x).to_bits(), libm::cos(x).to_bits()), "{}", x);
        }

        #[test]
        fn sines_near_multiples_are_those_of_the_document(position in 0i32..1 << 20, quarters in 0u32..1 << 20, away in -40i64..40) {
            let near = (f64::from(quarters) * std::f64::consts::FRAC_PI_2).to_bits().saturating_add_signed(away);
            for x in [f64::from(position), f64::from_bits(near)] {
                let (sin, cos) = by_the_document(x);
                prop_assert_eq!((sin.to_bits(), cos.to_bits()), (libm::sin(x).to_bits(), libm::cos(x).to_bits()), "{}", x);
            }
        }
    }

    /// §10, below 2^20 · pi / 2.
    #[allow(clippy::cast_possible_truncation)]
    fn by_the_document(x: f64) -> (f64, f64) {
        let of = f64::from_bits;
        let [s1, s2, s3] = [0xbfc5_5555_5555_5549, 0x3f81_1111_1110_f8a6, 0xbf2a_01a0_19c1_61d5].map(of);
        let [s4, s5, s6] = [0x3ec7_1de3_57b1_fe7d, 0xbe5a_e5e6_8a2b_9ceb, 0x3de5_d93a_5acf_d57c].map(of);
        let [c1, c2, c3] = [0x3fa5_5555_5555_554c, 0xbf56_c16c_16c1_5177, 0x3efa_01a0_19cb_1590].map(of);
        let [c4, c5, c6] = [0xbe92_7e4f_809c_52ad, 0x3e21_ee9e_bdb4_b1c4, 0xbda8_fae9_be88_38d4].map(of);
        let a = [0x3ff9_21fb_5440_0000, 0x3dd0_b461_1a60_0000, 0x3ba3_198a_2e00_0000].map(of);
        let b = [0x3dd0_b461_1a62_6331, 0x3ba3_198a_2e03_7073, 0x397b_839a_2520_49c1].map(of);
        let ks = |x: f64, y: Option<f64>| {
            let z = x * x;
            let (w, v) = (z * z, z * x);
            let r = s2 + z * (s3 + z * s4) + z * w * (s5 + z * s6);
            match y {
                None => x + v * (s1 + z * r),
                Some(y) => x - ((z * (0.5 * y - v * r) - y) - v * s1),
            }
        };
        let kc = |x: f64, y: f64| {
            let z = x * x;
            let w = z * z;
            let r = z * (c1 + z * (c2 + z * c3)) + w * w * (c4 + z * (c5 + z * c6));
            let q = 0.5 * z;
            let h = 1.0 - q;
            h + (((1.0 - h) - q) + (z * r - x * y))
        };
        let high = (x.to_bits() >> 32) as u32 & 0x7fff_ffff;
        if high <= 0x3fe9_21fb {
            let sin = if high < 0x3e50_0000 { x } else { ks(x, None) };
            return (sin, if high < 0x3e46_a09e { 1.0 } else { kc(x, 0.0) });
        }
        let by_rounds =
            [0x3ff9_21fb, 0x4009_21fb, 0x4012_d97c, 0x4019_21fb].contains(&high) || high > 0x401c_463b;
        let n = if by_rounds {
            (x * of(0x3fe4_5f30_6dc9_c883)).round_ties_even()
        } else {
            let beyond = [0x4002_d97c, 0x400f_6a7a, 0x4015_fdbc].iter().filter(|most| high > **most);
            (1.0 + beyond.map(|_| 1.0).sum::<f64>()).copysign(x)
        };
        let exponent = |x: f64| (x.to_bits() >> 52) as i32 & 0x7ff;
        let (mut r, mut t) = (x - n * a[0], n * b[0]);
        let mut y0 = r - t;
        for (round, least) in [(1, 16), (2, 49)] {
            if !by_rounds || exponent(x) - exponent(y0) <= least {
                break;
            }
            let o = r;
            t = n * a[round];
            r = o - t;
            t = n * b[round] - ((o - r) - t);
            y0 = r - t;
        }
        let y1 = (r - y0) - t;
        let (sin, cos) = (ks(y0, Some(y1)), kc(y0, y1));
        match n as i32 & 3 {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }

    #[test]
    fn yarn_leaves_fast_pairs_and_slows_down_the_others() {
        let (yarn, plain) =
            (Rope::new(Pairs::Halves, 128, &YARN, None), Rope::new(Pairs::Halves, 128, &PLAIN, None));
        let ratio = |i: usize| yarn.frequencies[i] / plain.frequencies[i];
        assert_eq!([ratio(0), ratio(20), ratio(46), ratio(63)], [1.0, 1.0, 0.25, 0.25]);
        // Pairs 20 and 46 turn 32 times and once: what lies between is mixed.
        for i in 20..46 {
            assert!(
                (ratio(i) - (1.0 - 0.75 * f64::from(u8::try_from(i).unwrap() - 20) / 26.0)).abs() < 1e-12,
                "{i}"
            );
        }
        assert!((yarn.magnitude - (1.0 + 0.1 * 4f64.ln())).abs() < 1e-12);
    }

    #[test]
    fn angles_are_pinned() {
        let parameters = Parameters { base: 500_000.0, attn_factor: 1.25, ..YARN };
        let factors: Vec<f32> = (0..32u8).map(|i| 1.0 + f32::from(i)).collect();
        let rope = Rope::new(Pairs::Neighbours, 64, &parameters, Some(&factors));
        let digest =
            [0, 1, 4095, 131_071, (1 << 20) - 1].iter().flat_map(|position| row_of(&rope, *position));
        let digest = digest.fold(0xcbf2_9ce4_8422_2325u64, |hash, x| {
            (hash ^ u64::from(x.to_bits())).wrapping_mul(0x100_0000_01b3)
        });
        // Computed from the document by another program, with the C library's functions.
        assert_eq!(digest, 0x406e_48aa_6ada_f887);
    }
}
