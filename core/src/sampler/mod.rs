//! The deterministic sampler, `sampler-1` (`docs/spec/sampler-1.md`): from logits to a token, the
//! same on every machine.
//!
//! All of it is IEEE arithmetic, rounded to nearest even: [`Sampler::sample`], [`Sampler::judge`]
//! and the scoring functions must run with the processor's rounding and denormal modes at their
//! defaults. The engine's guard sees to that; a caller who uses the sampler alone must.

mod adjust;
mod draw;
mod filter;
mod mask;
#[cfg(test)]
mod naive;
mod scan;
mod score;
mod sort;
#[cfg(test)]
mod tests;

use adjust::{Adjusted, Adjuster};
use draw::{Best, Noise};
use filter::Filters;
pub use mask::TokenMask;
pub use score::{greedy_token, likeliest, log_probability};

use crate::error::{Error, ErrorKind, Result};
use crate::policy::SamplingPolicy;
use crate::Token;

/// The id of the specification this module implements.
pub const SPEC: &str = "sampler-1";

/// The largest vocabulary, in tokens.
pub const VOCAB_MAX: usize = 1 << 24;

/// Calls the function it is given once for each part, `0..count`, in any order and on any threads, and waits.
pub(crate) type Share<'a> = dyn Fn(usize, &(dyn Fn(usize) + Sync)) + 'a;

/// Draws the tokens of one stream. It holds its buffers: drawing does not allocate.
pub struct Sampler {
    n_vocab: usize,
    /// 0: greedy.
    temperature: f64,
    seed: [u8; 32],
    stream: u32,
    adjuster: Adjuster,
    filters: Filters,
    /// For draws from long lists; empty if the filters are off.
    dense: Vec<f32>,
}

/// How a token compares with what the sampler would have drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The token the sampler draws.
    pub expected: Token,
    /// Perturbed score `l / T + g` of `expected` minus that of the judged token; greedy: the
    /// difference of the logits. 0 for `expected` itself; infinite if the token is excluded.
    /// Negative only if the token was filtered out and would have won otherwise.
    pub margin: f64,
    /// Whether the token could be drawn: neither excluded nor filtered out.
    pub survived: bool,
    /// How far below the last survivor of top-k, top-p and min-p the scaled logit `l / T` lies:
    /// 0 if the token survived, infinite if it is excluded.
    pub cutoff_gap: f64,
    /// Whether a ban, `ignoreEog` or the grammar forbids the token.
    pub excluded: bool,
}

impl Sampler {
    /// A sampler for stream `stream` of a request. `n_vocab` is the number of logits a position
    /// has; `eog` are the model's end-of-generation tokens. The grammar of the policy is not read:
    /// it reaches the sampler as a mask.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`]: an invalid policy (see [`SamplingPolicy::validate`]), a stream that
    /// is not below `choices`, a vocabulary that is empty or beyond [`VOCAB_MAX`], or an
    /// end-of-generation token outside it.
    pub fn new(
        policy: &SamplingPolicy,
        seed: &[u8; 32],
        stream: u32,
        n_vocab: usize,
        eog: &[Token],
    ) -> Result<Self> {
        let size = u32::try_from(n_vocab).ok().filter(|_| (1..=VOCAB_MAX).contains(&n_vocab));
        let Some(size) = size else {
            return Err(Error::argument("nVocab", format!("{n_vocab} is not within 1 and {VOCAB_MAX}")));
        };
        policy.validate(Some(size))?;
        if stream >= policy.choices {
            return Err(Error::argument(
                "stream",
                format!("{stream} is not below choices, which is {}", policy.choices),
            ));
        }
        if let Some(token) = eog.iter().find(|token| **token >= size) {
            return Err(Error::argument(
                "eog",
                format!("token {token} is not in the vocabulary, which has {n_vocab} tokens"),
            ));
        }
        let adjuster = Adjuster::new(policy, n_vocab, eog);
        let filters = Filters::new(policy, n_vocab, adjuster.most_changed());
        let needs_dense = !policy.is_greedy() && !filters.are_off();
        Ok(Sampler {
            n_vocab,
            temperature: policy.temperature.to_f64(),
            seed: *seed,
            stream,
            dense: vec![0.0; if needs_dense { n_vocab } else { 0 }],
            filters,
            adjuster,
        })
    }

    /// Size of the vocabulary, in tokens.
    #[must_use]
    pub fn n_vocab(&self) -> usize {
        self.n_vocab
    }

    /// Draws output token number `index` (from 0).
    ///
    /// `logits` are the model's, one per token; `history` is prompt and output so far, of which the
    /// last `penaltyWindow` tokens count; `mask` is what the grammar allows.
    ///
    /// # Errors
    /// [`ErrorKind::Logits`]: a NaN or infinite logit, or no token left to draw.
    /// [`ErrorKind::Argument`]: lengths that do not fit the vocabulary, or, with penalties on, a
    /// token in the window that is not in it. The sampler can be used again after an error.
    pub fn sample(
        &mut self,
        index: u64,
        logits: &[f32],
        history: &[Token],
        mask: Option<&TokenMask>,
    ) -> Result<Token> {
        self.run(index, logits, history, mask, None, None).map(|judgement| judgement.expected)
    }

    /// As [`Self::sample`]; a draw from the whole vocabulary is computed in parts, on threads that `share`
    /// has.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn sample_shared(
        &mut self,
        index: u64,
        logits: &[f32],
        history: &[Token],
        mask: Option<&TokenMask>,
        share: &Share<'_>,
    ) -> Result<Token> {
        self.run(index, logits, history, mask, None, Some(share)).map(|judgement| judgement.expected)
    }

    /// Whether a draw needs a random number for each token of the vocabulary, which takes long enough to
    /// be shared.
    #[cfg(feature = "engine")]
    pub(crate) fn draws_from_all(&self) -> bool {
        self.temperature != 0.0 && self.filters.are_off()
    }

    /// How far `token` was from being drawn: what a verifier on other numerics measures, since its
    /// logits differ a little from those that chose the token.
    ///
    /// # Errors
    /// As [`Self::sample`], and [`ErrorKind::Argument`] for a `token` outside the vocabulary.
    pub fn judge(
        &mut self,
        index: u64,
        logits: &[f32],
        history: &[Token],
        mask: Option<&TokenMask>,
        token: Token,
    ) -> Result<Judgement> {
        self.run(index, logits, history, mask, Some(token), None)
    }

    fn run(
        &mut self,
        index: u64,
        logits: &[f32],
        history: &[Token],
        mask: Option<&TokenMask>,
        judged: Option<Token>,
        share: Option<&Share<'_>>,
    ) -> Result<Judgement> {
        self.check(logits, history, mask, judged)?;
        let Sampler { temperature, seed, stream, adjuster, filters, dense, .. } = self;
        let temperature = *temperature;
        let adjusted = adjuster.apply(logits, history, mask);
        let Some((max, likeliest)) = adjusted.max() else {
            return Err(Error::new(
                ErrorKind::Logits,
                "logits",
                "every token is banned or masked: none is left to draw",
            ));
        };

        if temperature == 0.0 {
            let judgement = Judgement::of(likeliest);
            let Some(token) = judged else { return Ok(judgement) };
            return Ok(judgement.with(&adjusted, token, |logit| (max - logit, 0.0)));
        }

        let fresh = || Noise::new(seed, *stream, index);
        let mut noise = fresh();
        let list = filters.apply(&adjusted, max / temperature);
        let best = match (list, share) {
            (None, Some(share)) => draw::draw_all_shared(&fresh, &adjusted, temperature, share),
            (None, None) => draw::draw_all(&mut noise, &adjusted, temperature),
            (Some(list), _) => draw::draw_listed(&mut noise, list, logits, temperature, dense),
        };
        let judgement = Judgement::of(best.token);
        let Some(token) = judged else { return Ok(judgement) };
        Ok(judgement.with(&adjusted, token, |logit| {
            let scaled = logit / temperature;
            let gap = match list {
                Some(list) if !list.iter().any(|c| c.token == token) => {
                    // At least the smallest positive number: 0 means that the token survived.
                    let last = list.iter().map(|c| c.scaled).fold(f64::INFINITY, f64::min);
                    (last - scaled).max(f64::MIN_POSITIVE)
                }
                _ => 0.0,
            };
            (margin(best, scaled + noise.gumbel(token)), gap)
        }))
    }

    fn check(
        &self,
        logits: &[f32],
        history: &[Token],
        mask: Option<&TokenMask>,
        judged: Option<Token>,
    ) -> Result<()> {
        let n_vocab = self.n_vocab;
        let size_of = |field: &'static str, len: usize| {
            if len == n_vocab {
                return Ok(());
            }
            Err(Error::argument(field, format!("{len} entries for a vocabulary of {n_vocab} tokens")))
        };
        size_of("logits", logits.len())?;
        mask.map_or(Ok(()), |mask| size_of("mask", mask.n_vocab()))?;
        let outside = |token: &&Token| **token as usize >= n_vocab;
        let unknown = |field: &'static str| {
            Error::argument(field, format!("a token is not in the vocabulary, which has {n_vocab} tokens"))
        };
        if self.adjuster.window(history).iter().find(outside).is_some() {
            return Err(unknown("history"));
        }
        if judged.as_ref().filter(outside).is_some() {
            return Err(unknown("token"));
        }
        scan::finite_magnitude(logits).map(|_| ())
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("n_vocab", &self.n_vocab)
            .field("temperature", &self.temperature)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl Judgement {
    /// The token that is drawn.
    fn of(expected: Token) -> Self {
        Judgement { expected, margin: 0.0, survived: true, cutoff_gap: 0.0, excluded: false }
    }

    /// The judgement of `token`, whose margin and cutoff gap `measure` finds from its logit.
    fn with(self, adjusted: &Adjusted<'_>, token: Token, measure: impl FnOnce(f64) -> (f64, f64)) -> Self {
        match adjusted.logit(token) {
            Some(logit) => {
                let (margin, cutoff_gap) = measure(logit);
                Judgement { margin, cutoff_gap, survived: cutoff_gap == 0.0, ..self }
            }
            None => Judgement {
                margin: f64::INFINITY,
                cutoff_gap: f64::INFINITY,
                survived: false,
                excluded: true,
                ..self
            },
        }
    }
}

fn margin(best: Best, score: f64) -> f64 {
    best.score - score
}

/// The token of a position in the vocabulary.
#[allow(clippy::cast_possible_truncation)] // at most VOCAB_MAX
fn token_at(position: usize) -> Token {
    position as Token
}
