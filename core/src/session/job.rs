//! One output on its way: its stream, its sampler, what it has said so far.

use std::sync::Arc;

use super::answer::TokenLogprob;
use super::prepare::Prepared;
use super::JobId;
use crate::engine::Vocab;
use crate::error::{Error, Result};
use crate::grammar::{Grammar, Matcher};
use crate::model::Model;
use crate::output::{Drawn, Output};
use crate::sampler::{likeliest, Sampler, Share, TokenMask};
use crate::signer::Signer;
use crate::Token;

pub(super) enum State {
    /// For a free stream.
    Waiting,
    /// Reading the prompt: `done` tokens are in the cache.
    Prefill { stream: u32, done: usize },
    /// Drawing tokens.
    Decode { stream: u32 },
    /// Its stream is already released.
    Failed(Error),
}

pub(super) struct Job {
    pub id: JobId,
    pub prepared: Arc<Prepared>,
    pub choice: u32,
    pub state: State,
    pub cancelled: bool,
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) output: Output,
    /// BLAKE3 of the logits that chose each output token.
    pub(super) digests: Vec<[u8; 32]>,
    /// Of each output token, if the request wants them.
    pub(super) logprobs: Vec<TokenLogprob>,
    sampler: Sampler,
    grammar: Option<Constraint>,
    /// Prompt and output.
    history: Vec<Token>,
    /// Bytes of the text already sent as events.
    sent: usize,
}

/// A grammar on its way through one output; generation and replay use it alike.
pub(crate) struct Constraint {
    matcher: Matcher,
    words: Vec<u32>,
    mask: TokenMask,
}

impl Constraint {
    pub(crate) fn new(grammar: &Grammar, n_vocab: usize) -> Self {
        Constraint {
            matcher: grammar.matcher(),
            words: vec![0; grammar.vocab().mask_words()],
            mask: TokenMask::deny_all(n_vocab),
        }
    }

    /// What may come next.
    pub(crate) fn mask(&mut self) -> Result<&TokenMask> {
        self.matcher.mask(&mut self.words)?;
        self.mask.copy_from_words(&self.words)?;
        Ok(&self.mask)
    }

    /// Takes a token; answers whether nothing can follow.
    pub(crate) fn accept(&mut self, token: Token) -> Result<bool> {
        self.matcher.accept(token)?;
        Ok(self.matcher.is_complete())
    }
}

impl Job {
    pub(super) fn new(
        id: JobId,
        prepared: &Arc<Prepared>,
        choice: u32,
        model: &Model,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Self> {
        let vocab = model.vocab();
        let sampler = Sampler::new(&prepared.policy, &prepared.seed, choice, vocab.len(), vocab.eog())?;
        Ok(Job {
            id,
            choice,
            state: State::Waiting,
            cancelled: false,
            signer,
            output: Output::default(),
            digests: Vec::new(),
            logprobs: Vec::new(),
            sampler,
            grammar: prepared.grammar.as_ref().map(|g| Constraint::new(g, vocab.len())),
            history: prepared.prompt_tokens.clone(),
            sent: 0,
            prepared: Arc::clone(prepared),
        })
    }

    pub(super) fn stream(&self) -> Option<u32> {
        match self.state {
            State::Prefill { stream, .. } | State::Decode { stream } => Some(stream),
            State::Waiting | State::Failed(_) => None,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.cancelled || self.output.finish().is_some() || matches!(self.state, State::Failed(_))
    }

    /// The token to decode next: the last one drawn.
    pub(super) fn last_token(&self) -> Option<Token> {
        self.history.last().copied()
    }

    /// Draws one token from `logits`, to be taken with [`Self::take`].
    pub(super) fn choose(&mut self, logits: &[f32]) -> Result<Token> {
        let index = self.output.tokens().len() as u64;
        let mask = match &mut self.grammar {
            Some(grammar) => Some(grammar.mask()?),
            None => None,
        };
        let token = self.sampler.sample(index, logits, &self.history, mask)?;
        self.note(logits, token)
    }

    /// Keeps how likely a token was that was drawn.
    fn note(&mut self, logits: &[f32], token: Token) -> Result<Token> {
        if let Some(alternatives) = self.prepared.logprobs {
            let (log_probability, likeliest) = likeliest(logits, token, alternatives as usize)?;
            self.logprobs.push(TokenLogprob { token, log_probability, likeliest });
        }
        Ok(token)
    }

    /// Whether the draw itself is worth sharing: [`Self::choose_shared`].
    pub(super) fn draws_from_all(&self) -> bool {
        self.sampler.draws_from_all()
    }

    /// As [`Self::choose`], with the threads of `share`.
    pub(super) fn choose_shared(&mut self, logits: &[f32], share: &Share<'_>) -> Result<Token> {
        let index = self.output.tokens().len() as u64;
        let mask = match &mut self.grammar {
            Some(grammar) => Some(grammar.mask()?),
            None => None,
        };
        let token = self.sampler.sample_shared(index, logits, &self.history, mask, share)?;
        self.note(logits, token)
    }

    /// Appends the token drawn and the digest of the logits it was drawn from; answers the text that can
    /// now be shown.
    pub(super) fn take(&mut self, token: Token, digest: [u8; 32], vocab: &Vocab) -> Result<Option<String>> {
        let is_eog = vocab.is_eog(token);
        let grammar_ended = match &mut self.grammar {
            Some(grammar) if !is_eog => grammar.accept(token)?,
            _ => false,
        };
        self.digests.push(digest);
        self.history.push(token);
        let drawn = Drawn { token, piece: vocab.piece(token), is_eog, grammar_ended };
        self.output.push(drawn, &self.prepared.policy, self.prepared.prompt_tokens.len());
        Ok(self.new_text())
    }

    fn new_text(&mut self) -> Option<String> {
        let settled = self.output.settled_len(&self.prepared.policy.stop);
        let text = self.output.text().get(self.sent..settled).filter(|t| !t.is_empty())?;
        let text = String::from_utf8_lossy(text).into_owned();
        self.sent = settled;
        Some(text)
    }

    /// What a job that ended early still held back.
    pub(super) fn unsent_text(&self) -> Option<String> {
        let text = self.output.text().get(self.sent..).filter(|t| !t.is_empty())?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
