//! Steps 5 to 7 of the specification: top-k, top-p and min-p.

use std::cmp::Ordering;

use super::adjust::Adjusted;
use super::scan::for_each_above;
use super::sort::{sort, Entry};
use crate::policy::SamplingPolicy;
use crate::Token;

/// A token that is left, and its scaled logit `l / T`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) scaled: f64,
    pub(super) token: Token,
    /// Whether bias or penalties changed its logit, so that it is not the model's f32.
    pub(super) changed: bool,
}

impl Candidate {
    fn new(token: Token, scaled: f64, changed: bool) -> Self {
        Candidate { scaled, token, changed }
    }

    /// By falling scaled logit, then rising token.
    fn order(&self, other: &Self) -> Ordering {
        // Scaled logits are never NaN, and zeros of either sign are equal.
        other.scaled.partial_cmp(&self.scaled).unwrap_or(Ordering::Equal).then(self.token.cmp(&other.token))
    }
}

/// Weights `exp(d)` with `d` below this are smaller than 2^-54. The sum of weights starts with
/// the largest, 1, so adding such a weight leaves it as it is, bit for bit.
const NEGLIGIBLE: f64 = -38.0;

/// The filters of a policy, and the list they leave.
pub(super) struct Filters {
    temperature: f64,
    top_k: usize,
    top_p: f64,
    min_p: f64,
    list: Vec<Candidate>,
    /// For sorting a vocabulary; empty unless top-p works without top-k.
    entries: Vec<Entry>,
    spare: Vec<Entry>,
    changed: Vec<Candidate>,
    /// Weights of the list, for top-p.
    weights: Vec<f64>,
}

impl Filters {
    pub(super) fn new(policy: &SamplingPolicy, n_vocab: usize, most_changed: usize) -> Self {
        let mut filters = Filters {
            temperature: policy.temperature.to_f64(),
            top_k: policy.top_k as usize,
            top_p: policy.top_p.to_f64(),
            min_p: policy.min_p.to_f64(),
            list: Vec::new(),
            entries: Vec::new(),
            spare: Vec::new(),
            changed: Vec::new(),
            weights: Vec::new(),
        };
        if filters.top_k >= n_vocab {
            filters.top_k = 0;
        }
        if !filters.are_off() {
            let plain = if filters.top_k > 0 { gather_limit(filters.top_k).min(n_vocab) } else { n_vocab };
            filters.list.reserve_exact(plain + most_changed);
        }
        if filters.top_p < 1.0 {
            filters.weights.reserve_exact(filters.list.capacity());
            if filters.top_k == 0 {
                filters.entries.reserve_exact(n_vocab);
                filters.spare.reserve_exact(n_vocab);
                filters.changed.reserve_exact(most_changed);
            }
        }
        filters
    }

    /// Whether every token that is not excluded is left.
    pub(super) fn are_off(&self) -> bool {
        self.top_k == 0 && self.top_p == 1.0 && self.min_p == 0.0
    }

    /// The tokens left, or `None` if the filters are off; `max` is the largest scaled logit.
    pub(super) fn apply(&mut self, logits: &Adjusted<'_>, max: f64) -> Option<&[Candidate]> {
        if self.are_off() {
            return None;
        }
        self.list.clear();
        if self.top_k > 0 {
            self.keep_top_k(logits);
        } else if self.top_p < 1.0 {
            self.gather_sorted(logits, self.above(max, NEGLIGIBLE));
        } else {
            self.gather(logits, self.above(max, libm::log(self.min_p)));
        }
        if self.top_p < 1.0 {
            self.keep_top_p(max);
        }
        if self.min_p > 0.0 {
            let min_p = self.min_p;
            self.list.retain(|c| libm::exp(c.scaled - max) >= min_p);
        }
        Some(&self.list)
    }

    fn push_changed(&mut self, logits: &Adjusted<'_>) {
        let temperature = self.temperature;
        self.list.extend(logits.changed.iter().map(|c| Candidate::new(c.token, c.logit / temperature, true)));
    }

    /// The `top_k` first in order, sorted.
    fn keep_top_k(&mut self, logits: &Adjusted<'_>) {
        let (k, limit) = (self.top_k, gather_limit(self.top_k));
        // The f32 order of two unchanged logits is the order of their scaled logits: f32 values
        // differ by 2^-24 of their magnitude at least, and one f64 division keeps that apart.
        // The scaled logit waits for the end, when few are left.
        let list = &mut self.list;
        let mut threshold = f32::NEG_INFINITY;
        for_each_above(logits.plain, threshold, |token, logit| {
            list.push(Candidate::new(token, f64::from(logit), false));
            if list.len() >= limit {
                let (_, last, _) = list.select_nth_unstable_by(k - 1, Candidate::order);
                // What comes later has a larger token, so that it loses a tie with the k-th.
                threshold = narrow(last.scaled);
                list.truncate(k);
            }
            threshold
        });
        for candidate in list.iter_mut() {
            candidate.scaled /= self.temperature;
        }
        self.push_changed(logits);
        self.list.sort_unstable_by(Candidate::order);
        self.list.truncate(k);
    }

    /// A threshold that every logit exceeds whose scaled logit is within `distance` (negative) of
    /// the largest.
    fn above(&self, max: f64, distance: f64) -> f32 {
        // The slack covers the roundings of both sides many times over.
        let lowest = max + distance - 1e-6 - 1e-9 * max.abs();
        narrow(lowest * self.temperature).next_down()
    }

    /// Every token above `threshold`, and all changed ones.
    fn gather(&mut self, logits: &Adjusted<'_>, threshold: f32) {
        let (list, temperature) = (&mut self.list, self.temperature);
        for_each_above(logits.plain, threshold, |token, logit| {
            list.push(Candidate::new(token, f64::from(logit) / temperature, false));
            threshold
        });
        self.push_changed(logits);
    }

    /// As [`Self::gather`], in order.
    fn gather_sorted(&mut self, logits: &Adjusted<'_>, threshold: f32) {
        let Filters { entries, spare, changed, list, temperature, .. } = self;
        entries.clear();
        for_each_above(logits.plain, threshold, |token, logit| {
            entries.push(Entry::new(token, logit));
            threshold
        });
        spare.clear();
        spare.resize(entries.len(), Entry::default());
        sort(entries, spare);
        // The few changed tokens are sorted by comparison and merged in.
        changed.clear();
        changed.extend(logits.changed.iter().map(|c| Candidate::new(c.token, c.logit / *temperature, true)));
        changed.sort_unstable_by(Candidate::order);
        let mut changed = changed.iter().peekable();
        for entry in entries.iter() {
            let candidate = Candidate::new(entry.token, f64::from(entry.logit()) / *temperature, false);
            while let Some(first) = changed.next_if(|c| c.order(&candidate).is_lt()) {
                list.push(*first);
            }
            list.push(candidate);
        }
        list.extend(changed);
    }

    /// From a sorted list, the shortest beginning with at least `top_p` of all the weight.
    fn keep_top_p(&mut self, max: f64) {
        self.weights.clear();
        self.weights.extend(self.list.iter().map(|c| libm::exp(c.scaled - max)));
        let total = self.weights.iter().fold(0.0, |sum, weight| sum + weight);
        let target = self.top_p * total;
        let mut sum = 0.0;
        let last = self.weights.iter().position(|weight| {
            sum += weight;
            sum >= target
        });
        if let Some(last) = last {
            self.list.truncate(last + 1);
        }
    }
}

/// How many candidates to gather before cutting back to the best `k`.
fn gather_limit(k: usize) -> usize {
    k.saturating_mul(2).max(512)
}

/// The nearest f32; infinite beyond its range.
#[allow(clippy::cast_possible_truncation)] // Rounding is what is wanted.
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}
