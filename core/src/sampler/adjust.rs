//! Steps 1 to 3 of the specification: logit bias, penalties, and what may not be drawn at all.
//!
//! Few tokens are changed by them, so the vocabulary stays in f32, and the few changed logits
//! (f64) stand in a list beside it. A token that is excluded or stands in that list is negative
//! infinity in the plain logits.

use super::scan::first_max;
use super::TokenMask;
use crate::policy::SamplingPolicy;
use crate::Token;

/// A changed logit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed {
    pub(super) token: Token,
    pub(super) logit: f64,
}

/// The logits after bias, penalties and exclusion.
#[derive(Clone, Copy)]
pub(super) struct Adjusted<'a> {
    /// One per token of the vocabulary; negative infinity if excluded, or listed in `changed`.
    pub(super) plain: &'a [f32],
    /// In no particular order, no token twice.
    pub(super) changed: &'a [Changed],
}

impl Adjusted<'_> {
    /// The largest logit and the smallest token that has it; `None` if every token is excluded.
    pub(super) fn max(&self) -> Option<(f64, Token)> {
        let plain = first_max(self.plain).map(|(logit, token)| (f64::from(logit), token));
        let changed = self.changed.iter().map(|c| (c.logit, c.token));
        changed.chain(plain).reduce(|best, next| {
            if next.0 > best.0 || (next.0 == best.0 && next.1 < best.1) {
                next
            } else {
                best
            }
        })
    }

    /// The logit of `token`; `None` if it is excluded.
    pub(super) fn logit(&self, token: Token) -> Option<f64> {
        if let Some(changed) = self.changed.iter().find(|c| c.token == token) {
            return Some(changed.logit);
        }
        let plain = self.plain.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        (plain != f32::NEG_INFINITY).then_some(f64::from(plain))
    }
}

struct Penalties {
    repeat: f64,
    presence: f64,
    frequency: f64,
    window: usize,
}

impl Penalties {
    fn apply(&self, logit: f64, count: u32) -> f64 {
        let logit = if logit > 0.0 { logit / self.repeat } else { logit * self.repeat };
        logit - (f64::from(count) * self.frequency + self.presence)
    }
}

/// Changes logits as the policy says; holds the buffers.
pub(super) struct Adjuster {
    bias: Vec<(Token, f64)>,
    /// Sorted bans, and the end-of-generation tokens if they are ignored.
    excluded: Vec<Token>,
    penalties: Option<Penalties>,
    /// Occurrences in the penalty window, by token; all zero between calls. Empty without penalties.
    counts: Vec<u32>,
    /// The tokens whose count was raised.
    touched: Vec<Token>,
    plain: Vec<f32>,
    changed: Vec<Changed>,
}

impl Adjuster {
    /// For a policy that was validated against `n_vocab`.
    pub(super) fn new(policy: &SamplingPolicy, n_vocab: usize, eog: &[Token]) -> Self {
        let mut excluded = policy.bans.clone();
        if policy.ignore_eog {
            excluded.extend_from_slice(eog);
        }
        excluded.sort_unstable();
        excluded.dedup();

        let penalties = Penalties {
            repeat: policy.repeat_penalty.to_f64(),
            presence: policy.presence_penalty.to_f64(),
            frequency: policy.frequency_penalty.to_f64(),
            window: policy.penalty_window as usize,
        };
        let off = penalties.repeat == 1.0 && penalties.presence == 0.0 && penalties.frequency == 0.0;
        let penalties = (!off && penalties.window > 0).then_some(penalties);
        let most_touched = penalties.as_ref().map_or(0, |p| p.window.min(n_vocab));
        let bias: Vec<_> = policy.logit_bias.iter().map(|&(token, bias)| (token, bias.to_f64())).collect();
        Adjuster {
            changed: Vec::with_capacity(bias.len() + most_touched),
            bias,
            excluded,
            counts: vec![0; if penalties.is_some() { n_vocab } else { 0 }],
            penalties,
            touched: Vec::with_capacity(most_touched),
            plain: Vec::with_capacity(n_vocab),
        }
    }

    /// How many tokens can be changed at most.
    pub(super) fn most_changed(&self) -> usize {
        self.changed.capacity()
    }

    /// The part of `history` that penalties look at.
    pub(super) fn window<'h>(&self, history: &'h [Token]) -> &'h [Token] {
        let window = self.penalties.as_ref().map_or(0, |p| p.window);
        &history[history.len().saturating_sub(window)..]
    }

    /// `logits` and `mask` have the length of the vocabulary, and so have tokens in the window.
    pub(super) fn apply<'a>(
        &'a mut self,
        logits: &'a [f32],
        history: &[Token],
        mask: Option<&TokenMask>,
    ) -> Adjusted<'a> {
        self.change(logits, history, mask);
        if self.changed.is_empty() && self.excluded.is_empty() && mask.is_none() {
            return Adjusted { plain: logits, changed: &[] };
        }
        self.plain.clear();
        self.plain.extend_from_slice(logits);
        if let Some(mask) = mask {
            exclude_masked(&mut self.plain, mask);
        }
        for &token in &self.excluded {
            exclude(&mut self.plain, token);
        }
        for changed in &self.changed {
            exclude(&mut self.plain, changed.token);
        }
        Adjusted { plain: &self.plain, changed: &self.changed }
    }

    /// Fills `changed`: the biased tokens, then those in the window that have no bias.
    fn change(&mut self, logits: &[f32], history: &[Token], mask: Option<&TokenMask>) {
        self.changed.clear();
        for &token in self.window(history) {
            if let Some(count) = self.counts.get_mut(token as usize) {
                if *count == 0 {
                    self.touched.push(token);
                }
                *count = count.saturating_add(1);
            }
        }
        let unbiased = self.touched.iter().map(|&token| (token, None));
        for (token, bias) in self.bias.iter().map(|&(token, bias)| (token, Some(bias))).chain(unbiased) {
            let count = self.counts.get_mut(token as usize).map_or(0, std::mem::take);
            if bias.is_none() && count == 0 {
                continue; // Done as a biased token.
            }
            let excluded =
                self.excluded.binary_search(&token).is_ok() || mask.is_some_and(|m| !m.is_allowed(token));
            let Some(&logit) = logits.get(token as usize).filter(|_| !excluded) else { continue };
            let mut logit = f64::from(logit) + bias.unwrap_or(0.0);
            if let Some(penalties) = self.penalties.as_ref().filter(|_| count > 0) {
                logit = penalties.apply(logit, count);
            }
            self.changed.push(Changed { token, logit });
        }
        self.touched.clear();
    }
}

fn exclude(plain: &mut [f32], token: Token) {
    if let Some(logit) = plain.get_mut(token as usize) {
        *logit = f32::NEG_INFINITY;
    }
}

fn exclude_masked(plain: &mut [f32], mask: &TokenMask) {
    // Without a branch per token: a grammar's mask is as good as random to the processor.
    const BITS: [u32; 32] = {
        let mut bits = [0; 32];
        let mut i = 0;
        while i < 32 {
            bits[i] = 1 << i;
            i += 1;
        }
        bits
    };
    let (blocks, rest) = plain.as_chunks_mut::<32>();
    let mut words = mask.words().iter();
    for (logits, &word) in blocks.iter_mut().zip(&mut words) {
        if word != u32::MAX {
            for (logit, bit) in logits.iter_mut().zip(BITS) {
                *logit = if word & bit == 0 { f32::NEG_INFINITY } else { *logit };
            }
        }
    }
    let word = words.next().copied().unwrap_or(0);
    for (logit, bit) in rest.iter_mut().zip(BITS) {
        *logit = if word & bit == 0 { f32::NEG_INFINITY } else { *logit };
    }
}
