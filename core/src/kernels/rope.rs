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
