//! Scoring: how likely a given continuation is, from one prefill.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::prepare::Prepared;
use super::Session;
use crate::engine::float_env::FloatEnv;
use crate::engine::DecodeItem;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;
use crate::receipt::Document;
use crate::request::Request;
use crate::sampler::{greedy_token, log_probability};
use crate::signer::Signer;
use crate::trace;
use crate::Token;

/// A continuation to score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continuation {
    /// Text, tokenized alone, with nothing put in front.
    Text(String),
    /// Tokens.
    Tokens(Vec<Token>),
}

/// One token of a scored continuation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenScore {
    /// The token.
    pub token: Token,
    /// Natural logarithm of its probability.
    pub log_probability: f64,
    /// Whether it is the most likely token (the smallest id of several).
    pub is_greedy: bool,
}

/// A scored continuation.
#[derive(Debug, Clone)]
pub struct Score {
    /// One entry for each token.
    pub tokens: Vec<TokenScore>,
    /// Number of tokens of the prompt.
    pub prompt_count: usize,
    /// A receipt of kind 1, or why there is none; `None` without a signer.
    pub receipt: Option<Result<Document>>,
}

impl Score {
    /// The sum of the log-probabilities.
    #[must_use]
    pub fn log_probability(&self) -> f64 {
        self.tokens.iter().map(|t| t.log_probability).sum()
    }

    /// Whether greedy decoding would have written the continuation.
    #[must_use]
    pub fn is_greedy(&self) -> bool {
        self.tokens.iter().all(|t| t.is_greedy)
    }
}

impl Session {
    /// As [`Self::score_with`], start to end.
    ///
    /// # Errors
    /// As [`Self::score_with`].
    pub fn score(
        &mut self,
        request: &Request,
        continuation: &Continuation,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Score> {
        self.score_with(request, continuation, signer, &Operation::new())
    }

    /// Scores `continuation` after the request's prompt. Sampling parameters play no part. The operation counts tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for an empty continuation, one that does not fit the context, or a token
    /// outside the vocabulary; [`ErrorKind::Engine`] while jobs occupy every stream; [`ErrorKind::Cancelled`]; as
    /// [`Session::submit`].
    pub fn score_with(
        &mut self,
        request: &Request,
        continuation: &Continuation,
        signer: Option<Arc<dyn Signer>>,
        operation: &Operation,
    ) -> Result<Score> {
        let _env = FloatEnv::enter();
        let prepared = Prepared::for_scoring(request, &self.model)?;
        let tokens = match continuation {
            Continuation::Text(text) => self.model.vocab().tokenize_plain(text)?,
            Continuation::Tokens(tokens) => tokens.clone(),
        };
        let n_vocab = self.model.vocab().len();
        if tokens.is_empty() {
            return Err(Error::argument("continuation", "it has no tokens"));
        }
        if let Some(token) = tokens.iter().find(|t| **t as usize >= n_vocab) {
            return Err(Error::argument(
                "continuation",
                format!("token {token} is outside the vocabulary of {n_vocab} tokens"),
            ));
        }
        let length = prepared.prompt_tokens.len() + tokens.len();
        if length > self.settings.context_tokens as usize {
            return Err(Error::argument(
                "continuation",
                format!(
                    "prompt and continuation have {length} tokens, the context {}",
                    self.settings.context_tokens
                ),
            ));
        }
        let acquired = self
            .streams
            .acquire(&prepared.prompt_tokens)?
            .ok_or_else(|| Error::new(ErrorKind::Engine, "session", "every stream is busy"))?;
        let scored =
            self.score_tokens(&prepared.prompt_tokens, &tokens, acquired.stream, acquired.cached, operation);
        self.streams.release(acquired.stream, scored.is_ok());
        if self.jobs.is_empty() {
            // No step will come to lower the flag: what it was raised for is over.
            self.cancel.store(false, Ordering::Relaxed);
        }
        let (scores, digests) = scored?;
        let receipt = signer.map(|signer| match &self.unattested {
            Some(why) => Err(why.clone()),
            None => prepared.attest_score(&self.model, &self.settings, &tokens, &digests, signer.as_ref()),
        });
        Ok(Score { tokens: scores, prompt_count: prepared.prompt_tokens.len(), receipt })
    }

    fn score_tokens(
        &mut self,
        prompt: &[Token],
        continuation: &[Token],
        stream: u32,
        cached: usize,
        operation: &Operation,
    ) -> Result<(Vec<TokenScore>, Vec<[u8; 32]>)> {
        let first_row = prompt.len() - 1;
        // The last token chooses nothing: it is not fed.
        let fed: Vec<Token> =
            prompt.iter().chain(continuation.iter().take(continuation.len() - 1)).copied().collect();
        let (mut scores, mut digests) = (Vec::new(), Vec::new());
        let abort = Arc::clone(self.streams.context().abort_flag());
        let _aborts = operation.aborts_with(&abort);
        let mut start = cached;
        while start < fed.len() {
            operation.advance(start as u64, fed.len() as u64);
            operation.check("score")?;
            let end = fed.len().min(start + self.settings.ubatch as usize);
            let items: Vec<DecodeItem> = fed
                .iter()
                .enumerate()
                .take(end)
                .skip(start)
                .map(|(at, token)| DecodeItem { stream, token: *token, logits: at >= first_row })
                .collect();
            self.streams.decode(&items)?;
            for row in first_row.max(start)..end {
                let logits = self.streams.context().logits(row - start)?;
                let Some(token) = continuation.get(row - first_row).copied() else { continue };
                digests.push(trace::logits_digest(logits));
                scores.push(TokenScore {
                    token,
                    log_probability: log_probability(logits, token)?,
                    is_greedy: greedy_token(logits)? == token,
                });
            }
            start = end;
        }
        operation.advance(start as u64, fed.len() as u64);
        Ok((scores, digests))
    }
}
