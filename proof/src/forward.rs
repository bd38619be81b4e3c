//! Forward passes outside a session: what a forger computes with.

use attestlm::abi::Word;
use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::{CacheType, Context, ContextOptions, DecodeItem};
use attestlm::model::{Adapter, Model};
use attestlm::policy::SamplingPolicy;
use attestlm::profile::Profile;
use attestlm::sampler::Sampler;
use attestlm::trace::logits_digest;
use attestlm::Token;

use crate::Failure;

/// How a forger computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// Those of this profile.
    pub profile: Profile,
    /// What keys and values are cached in.
    pub cache: CacheType,
}

/// A context that reads one sequence after another.
pub struct Forward {
    model: Model,
    context: Context,
}

/// An output, and the digests of the logits it was drawn from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// One digest a token.
    pub digests: Vec<Word>,
}

impl Forward {
    /// A context for sequences of at most `tokens` tokens, on one thread.
    ///
    /// # Errors
    /// What the engine says.
    pub fn new(
        model: &Model,
        adapter: Option<&Adapter>,
        kernels: Kernels,
        tokens: u32,
    ) -> Result<Self, Failure> {
        let options = ContextOptions {
            // Only ggml's kernels read another cache.
            profile: match (kernels.profile, kernels.cache) {
                (Profile::Exact2, CacheType::Q8Keys | CacheType::Q8) => Profile::Exact1,
                (profile, _) => profile,
            },
            threads: 1,
            stream_tokens: tokens,
            streams: 1,
            ubatch: 128,
        };
        let context = Context::for_trial(model, adapter, &options, kernels.cache)?;
        Ok(Forward { model: model.clone(), context })
    }

    /// One pass over prompt and output; `see` gets the logits that each output token was, or would have
    /// been, drawn from.
    ///
    /// # Errors
    /// An empty prompt, and what the engine says.
    pub fn pass(
        &mut self,
        prompt: &[Token],
        output: &[Token],
        mut see: impl FnMut(usize, &[f32]),
    ) -> Result<(), Failure> {
        let first = prompt.len().checked_sub(1).ok_or("an empty prompt")?;
        self.context.clear();
        // The last token chooses nothing.
        let fed: Vec<Token> =
            prompt.iter().chain(&output[..output.len().saturating_sub(1)]).copied().collect();
        let mut start = 0;
        for part in fed.chunks(self.context.batch_tokens()) {
            let items: Vec<DecodeItem> = (start..)
                .zip(part)
                .map(|(at, token)| DecodeItem { stream: 0, token: *token, logits: at >= first })
                .collect();
            self.context.decode(&items)?;
            for (row, item) in items.iter().enumerate() {
                if item.logits {
                    see(start + row - first, self.context.logits(row)?);
                }
            }
            start += part.len();
        }
        Ok(())
    }

    /// The digests of the logits of a given output.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn digests(&mut self, prompt: &[Token], output: &[Token]) -> Result<Vec<Word>, Failure> {
        let mut digests = Vec::with_capacity(output.len());
        self.pass(prompt, output, |_, logits| digests.push(logits_digest(logits)))?;
        Ok(digests)
    }

    /// Draws an output of `count` tokens that begins with `given`.
    ///
    /// # Errors
    /// As [`Self::pass`], and what the sampler says.
    pub fn draw(
        &mut self,
        prompt: &[Token],
        given: &[Token],
        count: usize,
        policy: &SamplingPolicy,
        seed: &[u8; 32],
    ) -> Result<Ran, Failure> {
        let _env = FloatEnv::enter();
        let vocab = self.model.vocab();
        let mut sampler = Sampler::new(policy, seed, 0, vocab.len(), vocab.eog())?;
        let mut ran = Ran { tokens: given.to_vec(), digests: Vec::with_capacity(count) };
        let mut last = Vec::new();
        // One more position than is given: its logits draw the first token that is not.
        let placed: Vec<Token> = given.iter().copied().chain([0]).collect();
        self.pass(prompt, &placed, |at, logits| {
            ran.digests.push(logits_digest(logits));
            if at == given.len() {
                last = logits.to_vec();
            }
        })?;
        let mut history: Vec<Token> = prompt.iter().chain(given).copied().collect();
        loop {
            let token = sampler.sample(ran.tokens.len() as u64, &last, &history, None)?;
            ran.tokens.push(token);
            history.push(token);
            if ran.tokens.len() >= count {
                return Ok(ran);
            }
            self.context.decode(&[DecodeItem { stream: 0, token, logits: true }])?;
            let logits = self.context.logits(0)?;
            ran.digests.push(logits_digest(logits));
            last.clear();
            last.extend_from_slice(logits);
        }
    }
}
