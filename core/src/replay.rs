//! Replay: one teacher-forced prefill of prompt and output, which gives again every logit the
//! generation saw, and with them every digest and every draw.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::engine::crew::{Crew, WORTH_SHARING};
use crate::engine::float_env::FloatEnv;
use crate::engine::{Context, ContextOptions, DecodeItem};
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::Grammar;
use crate::model::{Adapter, Model};
use crate::operation::Operation;
use crate::output::{Drawn, Output};
use crate::policy::SamplingPolicy;
use crate::profile::Choice;
use crate::receipt::Finish;
use crate::sampler::{Judgement, Sampler, TokenMask};
use crate::session::Constraint;
use crate::trace;
use crate::Token;

/// The buffer of attention scores takes contextTokens x ubatch x heads x 4 bytes: kept below this
/// by a smaller ubatch, which changes no bit.
const SCORE_BYTES: u64 = 256 << 20;
/// Logits of one chunk, vocabulary x ubatch x 4 bytes, which the engine has twice: kept below this.
const LOGIT_BYTES: u64 = 256 << 20;
/// Tokens computed at once, at most: each batch reads all weights, and an answer of 256 tokens with its prompt is one.
const MAX_UBATCH: u64 = 512;

/// Positions judged at once, at most: each thread that judges has the buffers of a sampler.
const MAX_JUDGES: usize = 16;

/// What differs where another token would have been drawn.
pub(crate) const TOKEN: &str = "token";
/// What differs where an output ended otherwise than claimed.
const FINISH: &str = "finish";

/// What a receipt claims to have happened, with everything disclosed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub prompt: &'a [Token],
    pub output: &'a [Token],
    /// How the output was drawn; `None` for a scored output, of which only the logits are claimed.
    pub drawn: Option<DrawnClaim<'a>>,
}

/// How an output was drawn, as claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DrawnClaim<'a> {
    pub policy: &'a SamplingPolicy,
    pub seed: &'a [u8; 32],
    pub stream: u32,
    pub finish: Finish,
}

/// What a replay found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replayed {
    /// BLAKE3 of the logits at each output position.
    pub digests: Vec<[u8; 32]>,
    /// The first contradiction between the claim and the draws.
    pub divergence: Option<Divergence>,
    /// The first contradiction that is no matter of numerics: not another draw, but a rule that the
    /// claimed tokens break. A divergence may stand before it.
    pub broken_rule: Option<Divergence>,
    /// For each position how far the claimed token was from being drawn here (see
    /// [`Sampler::judge`]): `max(margin, cutoff gap)`, infinite if it could never have been.
    pub distances: Vec<f64>,
    /// The output's text, as the rule of ends gives it.
    pub text: Vec<u8>,
    /// Where the bytes of each output token end.
    pub ends: Vec<usize>,
}

impl Replayed {
    fn contradict(&mut self, divergence: Divergence) {
        if divergence.what != TOKEN {
            self.broken_rule.get_or_insert_with(|| divergence.clone());
        }
        self.divergence.get_or_insert(divergence);
    }
}

/// Where and in what a claim and its replay differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Divergence {
    pub position: usize,
    pub what: &'static str,
}

/// Replays claims, one after another in one context where the next one fits in.
pub(crate) struct Replayer<'a> {
    model: &'a Model,
    adapter: Option<&'a Adapter>,
    threads: u32,
    /// What the last replay used.
    kept: Option<(Choice, Context)>,
    /// What the last replay was of, and what it found.
    last: Option<(Choice, Claimed, Replayed)>,
}

/// A claim that is kept.
#[derive(PartialEq)]
struct Claimed {
    prompt: Vec<Token>,
    output: Vec<Token>,
    drawn: Option<(SamplingPolicy, [u8; 32], u32, Finish)>,
}

impl Claimed {
    fn of(claim: &Claim<'_>) -> Self {
        let drawn = claim.drawn.map(|drawn| (drawn.policy.clone(), *drawn.seed, drawn.stream, drawn.finish));
        Claimed { prompt: claim.prompt.to_vec(), output: claim.output.to_vec(), drawn }
    }
}

impl<'a> Replayer<'a> {
    /// Of claims about this model with this adapter, on so many threads.
    pub fn new(model: &'a Model, adapter: Option<&'a Adapter>, threads: u32) -> Self {
        Replayer { model, adapter, threads, kept: None, last: None }
    }

    /// Replays a claim by the numerics of the profile chosen. `operation` is told the tokens done, and stops it.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if a token is outside the vocabulary or the sequence longer than the
    /// model takes, [`ErrorKind::Engine`], [`ErrorKind::Unsupported`], [`ErrorKind::Cancelled`].
    pub fn replay(&mut self, claim: &Claim<'_>, choice: Choice, operation: &Operation) -> Result<Replayed> {
        operation.check("replay")?;
        let claimed = Claimed::of(claim);
        if let Some((_, _, found)) = self.last.as_ref().filter(|(by, of, _)| *by == choice && *of == claimed)
        {
            let tokens = (claim.prompt.len() + claim.output.len()).saturating_sub(1) as u64;
            operation.advance(tokens, tokens);
            return Ok(found.clone());
        }
        let _env = FloatEnv::enter();
        let mut replayed = Replayed::default();
        let vocab = self.model.vocab();
        // The last token of a scored output is neither fed nor judged.
        for (field, tokens) in [("promptTokens", claim.prompt), ("outputTokens", claim.output)] {
            if let Some(token) = tokens.iter().find(|token| **token as usize >= vocab.len()) {
                return Err(Error::argument(
                    field,
                    format!("{token} is outside the vocabulary of {} tokens", vocab.len()),
                ));
            }
        }
        let mut checker = match &claim.drawn {
            Some(drawn) => Some(DrawChecker::new(claim, drawn, self.model, self.threads)?),
            None => None,
        };
        if claim.output.is_empty() {
            if claim.drawn.is_some_and(|drawn| drawn.finish != Finish::Cancelled) {
                replayed.contradict(Divergence { position: 0, what: FINISH });
            }
            return Ok(replayed);
        }
        // The last output token chose nothing: it is not fed.
        let fed: Vec<Token> =
            claim.prompt.iter().chain(claim.output.iter().take(claim.output.len() - 1)).copied().collect();
        let first_row =
            claim.prompt.len().checked_sub(1).ok_or_else(|| {
                Error::argument("promptTokens", "an empty prompt has no logits to draw from")
            })?;
        let mut context = self.context_for(fed.len(), choice)?;
        let abort = Arc::clone(context.abort_flag());
        let _aborts = operation.aborts_with(&abort);
        let mut position = 0;
        let mut start = 0;
        while start < fed.len() {
            operation.advance(start as u64, fed.len() as u64);
            operation.check("replay")?;
            let end = fed.len().min(start + context.batch_tokens());
            let items: Vec<DecodeItem> = fed
                .iter()
                .enumerate()
                .take(end)
                .skip(start)
                .map(|(at, token)| DecodeItem { stream: 0, token: *token, logits: at >= first_row })
                .collect();
            context.decode(&items)?;
            let rows: Vec<&[f32]> =
                (first_row.max(start)..end).map(|row| context.logits(row - start)).collect::<Result<_>>()?;
            let first = position;
            position += rows.len();
            match &mut checker {
                Some(checker) => checker.check(context.crew(), first, &rows, &mut replayed)?,
                None => replayed.digests.extend(digests(context.crew(), &rows)?),
            }
            start = end;
        }
        operation.advance(start as u64, fed.len() as u64);
        if let Some(checker) = checker {
            replayed.text = checker.output.text().to_vec();
            replayed.ends = checker.output.ends().to_vec();
        }
        // One that failed is not used again.
        self.kept = Some((choice, context));
        self.last = Some((choice, claimed, replayed.clone()));
        Ok(replayed)
    }

    /// An empty context for so many tokens: the one that was kept, or a new one.
    fn context_for(&mut self, tokens: usize, choice: Choice) -> Result<Context> {
        let too_long = || Error::argument("outputTokens", "prompt and output are longer than any context");
        let tokens = u32::try_from(tokens).map_err(|_| too_long())?;
        let n_vocab = self.model.vocab().len();
        // In whole steps of the cache, so that a slightly longer claim fits too.
        let stream_tokens = tokens.next_multiple_of(256).min(self.model.max_context()).max(tokens);
        let heads = u64::from(self.model.weights().n_head());
        let by_scores = SCORE_BYTES / (u64::from(stream_tokens.next_multiple_of(256)) * heads * 4).max(1);
        let by_logits = LOGIT_BYTES / (n_vocab as u64 * 4).max(1);
        let ubatch = u32::try_from(by_scores.min(by_logits).clamp(16, MAX_UBATCH)).unwrap_or(16);
        // As even as can be: each batch reads all weights, however few tokens are left for the last.
        let batches = tokens.div_ceil(ubatch);
        let ubatch = tokens.div_ceil(batches);
        // Room enough, and no more batches than a new one needs.
        let fits = |(of, context): &(Choice, Context)| {
            *of == choice
                && context.stream_tokens() >= tokens
                && (tokens as usize).div_ceil(context.batch_tokens()) <= batches as usize
        };
        // Where it does not fit, its memory is free before a new one takes any.
        if let Some((_, mut context)) = self.kept.take().filter(fits) {
            context.clear();
            return Ok(context);
        }
        let context = self.model.context(
            self.adapter,
            choice,
            |profile| ContextOptions { profile, threads: self.threads, stream_tokens, streams: 1, ubatch },
            &Arc::default(),
        )?;
        context.adapt_threads();
        Ok(context)
    }
}

/// The next row that no thread has taken.
fn next_row<'a>(next: &AtomicUsize, rows: &[&'a [f32]]) -> Option<(usize, &'a [f32])> {
    let row = next.fetch_add(1, Ordering::Relaxed);
    Some((row, *rows.get(row)?))
}

/// On how many threads the rows are worth being looked at: a few logits take less time than waking a
/// thread does.
fn lanes(rows: &[&[f32]], most: usize) -> usize {
    if rows.iter().map(|row| row.len()).sum::<usize>() < WORTH_SHARING {
        1
    } else {
        most
    }
}

fn unfinished() -> Error {
    Error::new(ErrorKind::Internal, "engine", "a position was not judged")
}

/// The digests of rows that were not drawn from.
fn digests(crew: &Crew, rows: &[&[f32]]) -> Result<Vec<[u8; 32]>> {
    let digests: Vec<OnceLock<[u8; 32]>> = rows.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    crew.run(lanes(rows, crew.threads()), &|_lane| {
        while let Some((row, logits)) = next_row(&next, rows) {
            if let Some(slot) = digests.get(row) {
                let _ = slot.set(trace::logits_digest(logits));
            }
        }
    })?;
    digests.into_iter().map(|slot| slot.into_inner().ok_or_else(unfinished)).collect()
}

/// How the claimed token of a position compares with what is drawn there; `history` is prompt and
/// output as claimed.
fn judge(
    sampler: &mut Sampler,
    claim: &Claim<'_>,
    history: &[Token],
    position: usize,
    logits: &[f32],
    mask: Option<&TokenMask>,
) -> Result<Judgement> {
    let token = claim.output.get(position).copied().ok_or_else(unfinished)?;
    let before = history.get(..claim.prompt.len() + position).ok_or_else(unfinished)?;
    sampler.judge(position as u64, logits, before, mask, token)
}

/// Redraws each token and follows the rule of where the output ends.
struct DrawChecker<'a> {
    claim: &'a Claim<'a>,
    drawn: &'a DrawnClaim<'a>,
    model: &'a Model,
    /// One for each thread that may judge.
    samplers: Vec<Mutex<Sampler>>,
    grammar: Option<Constraint>,
    /// Prompt and output as claimed.
    history: Vec<Token>,
    output: Output,
}

impl<'a> DrawChecker<'a> {
    fn new(claim: &'a Claim<'a>, drawn: &'a DrawnClaim<'a>, model: &'a Model, threads: u32) -> Result<Self> {
        let vocab = model.vocab();
        if claim.prompt.len() >= drawn.policy.context_tokens as usize {
            return Err(Error::argument("promptTokens", "they leave no room in the policy's contextTokens"));
        }
        let grammar = match &drawn.policy.grammar {
            Some(spec) => {
                let grammar = Grammar::compile(spec, model.grammar_vocab()?)?;
                Some(Constraint::new(&grammar, vocab.len()))
            }
            None => None,
        };
        let sampler = || Sampler::new(drawn.policy, drawn.seed, drawn.stream, vocab.len(), vocab.eog());
        // A grammar allows what the tokens before it left: its positions are judged one after another.
        let judges = if grammar.is_some() { 1 } else { (threads as usize).clamp(1, MAX_JUDGES) };
        Ok(DrawChecker {
            samplers: (0..judges).map(|_| sampler().map(Mutex::new)).collect::<Result<_>>()?,
            grammar,
            history: claim.prompt.iter().chain(claim.output).copied().collect(),
            output: Output::default(),
            claim,
            drawn,
            model,
        })
    }

    /// Digests and judges the logits of consecutive positions, `first` and on, on the crew's threads.
    fn check(&mut self, crew: &Crew, first: usize, rows: &[&[f32]], replayed: &mut Replayed) -> Result<()> {
        if self.grammar.is_some() {
            return self.check_in_order(crew, first, rows, replayed);
        }
        let judged: Vec<OnceLock<([u8; 32], Result<Judgement>)>> =
            rows.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let (samplers, history, claim) = (&self.samplers, &self.history, self.claim);
        crew.run(lanes(rows, samplers.len()), &|lane| {
            let Some(sampler) = samplers.get(lane) else { return };
            let mut sampler = sampler.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some((row, logits)) = next_row(&next, rows) {
                let judgement = judge(&mut sampler, claim, history, first + row, logits, None);
                if let Some(slot) = judged.get(row) {
                    let _ = slot.set((trace::logits_digest(logits), judgement));
                }
            }
        })?;
        for (position, slot) in (first..).zip(judged) {
            let (digest, judgement) = slot.into_inner().ok_or_else(unfinished)?;
            replayed.digests.push(digest);
            self.settle(position, judgement, replayed)?;
        }
        Ok(())
    }

    /// As [`Self::check`] with a grammar: one thread judges all positions, the others digest.
    fn check_in_order(
        &mut self,
        crew: &Crew,
        first: usize,
        rows: &[&[f32]],
        replayed: &mut Replayed,
    ) -> Result<()> {
        let mut outcome = Ok(());
        let digests: Vec<OnceLock<[u8; 32]>> = rows.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        {
            let judge = Mutex::new(Some((&mut *self, &mut *replayed, &mut outcome)));
            crew.run(lanes(rows, crew.threads()), &|_lane| {
                let mine = judge.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((this, replayed, outcome)) = mine {
                    *outcome =
                        (first..).zip(rows).try_for_each(|(at, row)| this.check_next(at, row, replayed));
                }
                while let Some((row, logits)) = next_row(&next, rows) {
                    if let Some(slot) = digests.get(row) {
                        let _ = slot.set(trace::logits_digest(logits));
                    }
                }
            })?;
        }
        outcome?;
        for slot in digests {
            replayed.digests.push(slot.into_inner().ok_or_else(unfinished)?);
        }
        Ok(())
    }

    /// Judges the next position under the grammar.
    fn check_next(&mut self, position: usize, logits: &[f32], replayed: &mut Replayed) -> Result<()> {
        let mask = match self.grammar.as_mut().map(Constraint::mask) {
            Some(Err(_)) => {
                // The claimed tokens left the grammar earlier; that position was already named.
                replayed.contradict(Divergence { position, what: "grammar" });
                replayed.distances.push(f64::INFINITY);
                return Ok(());
            }
            Some(Ok(mask)) => Some(mask),
            None => None,
        };
        let Some(sampler) = self.samplers.first_mut() else { return Err(unfinished()) };
        let sampler = sampler.get_mut().unwrap_or_else(PoisonError::into_inner);
        let judgement = judge(sampler, self.claim, &self.history, position, logits, mask);
        self.settle(position, judgement, replayed)
    }

    /// Takes what a judge found.
    fn settle(
        &mut self,
        position: usize,
        judgement: Result<Judgement>,
        replayed: &mut Replayed,
    ) -> Result<()> {
        let Some(token) = self.claim.output.get(position).copied() else { return Ok(()) };
        let judgement = match judgement {
            Ok(judgement) => judgement,
            Err(error) if error.kind() == ErrorKind::Logits => {
                replayed.contradict(Divergence { position, what: "logits cannot be sampled" });
                replayed.distances.push(f64::INFINITY);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if judgement.expected != token {
            replayed.contradict(Divergence { position, what: TOKEN });
        }
        replayed.distances.push(if judgement.excluded {
            f64::INFINITY
        } else {
            judgement.margin.max(judgement.cutoff_gap).max(0.0)
        });
        self.follow(position, token, replayed);
        Ok(())
    }

    /// Takes the claimed token as drawn and checks that the output ends where the rule says.
    fn follow(&mut self, position: usize, token: Token, replayed: &mut Replayed) {
        let vocab = self.model.vocab();
        let is_eog = vocab.is_eog(token);
        let grammar_ended = match &mut self.grammar {
            Some(grammar) if !is_eog => grammar.accept(token).unwrap_or(false),
            _ => false,
        };
        let drawn = Drawn { token, piece: vocab.piece(token), is_eog, grammar_ended };
        let finish = self.output.push(drawn, self.drawn.policy, self.claim.prompt.len());
        let is_last = position + 1 == self.claim.output.len();
        // Cancelled: the claim is a prefix, wherever it stops short of an end.
        let claimed = Some(self.drawn.finish).filter(|finish| *finish != Finish::Cancelled);
        let what = match (finish, is_last) {
            (Some(_), false) => "the output goes on after its end",
            (finish, true) if finish != claimed => FINISH,
            _ => return,
        };
        replayed.contradict(Divergence { position, what });
    }
}
