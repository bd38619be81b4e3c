//! The streams of a session's context: which are in use, what each still holds, and the reuse of a
//! common prefix.
//!
//! The key of the prefix cache is implicit: a context belongs to one model, one adapter and one
//! profile, and prefixes are compared token by token.

use super::batch::DecodeItem;
use super::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::Token;

#[derive(Default)]
struct Slot {
    /// The tokens whose keys and values the stream holds.
    tokens: Vec<Token>,
    busy: bool,
    /// Saw an error or non-finite values: not reused before the cache is zeroed.
    dirty: bool,
    /// When it was last used, for choosing which prefix to forget.
    used: u64,
}

/// A context and the book-keeping of its streams.
pub(crate) struct Streams {
    context: Context,
    slots: Vec<Slot>,
    clock: u64,
}

impl Streams {
    pub(crate) fn new(context: Context) -> Self {
        let slots = (0..context.streams()).map(|_| Slot::default()).collect();
        Streams { context, slots, clock: 0 }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether [`Self::acquire`] finds a stream.
    pub(crate) fn has_free(&self) -> bool {
        self.slots.iter().any(|s| !s.busy && !s.dirty) || self.slots.iter().all(|s| !s.busy)
    }

    /// Takes a free stream for `tokens` and puts the longest cached prefix into it, at most
    /// `tokens.len() - 1` tokens: the last one must be decoded to give logits.
    ///
    /// `None` when every stream is busy.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] if the cache cannot be truncated.
    pub(crate) fn acquire(&mut self, tokens: &[Token]) -> Result<Option<Acquired>> {
        if self.slots.iter().all(|s| !s.busy) && self.slots.iter().any(|s| s.dirty) {
            self.context.clear();
            self.slots.iter_mut().for_each(|s| *s = Slot::default());
        }
        let limit = tokens.len().saturating_sub(1);
        let common = |slot: &Slot| {
            slot.tokens.iter().zip(tokens).take(limit).take_while(|(have, want)| have == want).count()
        };
        // Where the longest prefix lies, and the free stream to put it in: that same stream if it is
        // free, else the free one with the least to lose; the lowest id on ties keeps streams dense.
        let source = (0..self.slots.len())
            .filter(|i| self.slots.get(*i).is_some_and(|s| !s.dirty))
            .max_by_key(|i| (self.slots.get(*i).map_or(0, common), std::cmp::Reverse(*i)));
        let is_free = |i: usize| self.slots.get(i).is_some_and(|s| !s.busy && !s.dirty);
        let prefix = source.and_then(|i| self.slots.get(i)).map_or(0, common);
        let target = match source {
            Some(i) if prefix > 0 && is_free(i) => Some(i),
            _ => (0..self.slots.len()).filter(|i| is_free(*i)).min_by_key(|i| {
                (self.slots.get(*i).map_or(0, |s| if s.tokens.is_empty() { 0 } else { s.used + 1 }), *i)
            }),
        };
        let Some(target) = target else { return Ok(None) };
        let stream = to_stream(target)?;
        if let (Some(source), true) = (source, prefix > 0) {
            if source != target {
                self.context.copy_stream(to_stream(source)?, stream)?;
                let copied = self.slots.get(source).map(|s| s.tokens.clone()).unwrap_or_default();
                if let Some(slot) = self.slots.get_mut(target) {
                    slot.tokens = copied;
                }
            }
        }
        let kept = to_stream(prefix)?;
        self.context.truncate(stream, kept)?;
        self.clock += 1;
        if let Some(slot) = self.slots.get_mut(target) {
            slot.tokens.truncate(prefix);
            slot.busy = true;
            slot.used = self.clock;
        }
        Ok(Some(Acquired { stream, cached: prefix }))
    }

    /// Gives a stream back. What it holds stays for later prompts unless `clean` is false.
    pub(crate) fn release(&mut self, stream: u32, clean: bool) {
        self.clock += 1;
        if let Some(slot) = self.slots.get_mut(stream as usize) {
            slot.busy = false;
            slot.used = self.clock;
            slot.dirty |= !clean;
            if slot.dirty {
                slot.tokens.clear();
            }
        }
    }

    /// Closes the holes between busy streams, from above, and answers the moves (from, to): with
    /// holes llama.cpp would split every batch.
    pub(crate) fn compact(&mut self) -> Result<Vec<(u32, u32)>> {
        let mut moves = Vec::new();
        loop {
            let busy = |s: &Slot| s.busy;
            let (Some(first), Some(last)) =
                (self.slots.iter().position(busy), self.slots.iter().rposition(busy))
            else {
                return Ok(moves);
            };
            let hole = (first..last).find(|i| self.slots.get(*i).is_some_and(|s| !s.busy && !s.dirty));
            let Some(hole) = hole else { return Ok(moves) };
            let (from, to) = (to_stream(last)?, to_stream(hole)?);
            self.context.copy_stream(from, to)?;
            self.context.truncate(from, 0)?;
            let moved = self.slots.get_mut(last).map(std::mem::take).unwrap_or_default();
            if let Some(slot) = self.slots.get_mut(hole) {
                *slot = moved;
            }
            moves.push((from, to));
        }
    }

    /// Forgets every cached prefix (a cold cache, for tests and benches); busy streams stay.
    pub(crate) fn forget(&mut self) -> Result<()> {
        for i in 0..self.slots.len() {
            if self.slots.get(i).is_some_and(|s| !s.busy) {
                self.context.truncate(to_stream(i)?, 0)?;
                if let Some(slot) = self.slots.get_mut(i) {
                    slot.tokens.clear();
                }
            }
        }
        Ok(())
    }

    /// Decodes; every stream's book is then what the context really holds, also after a failure.
    pub(crate) fn decode(&mut self, items: &[DecodeItem]) -> Result<()> {
        for item in items {
            if let Some(slot) = self.slots.get_mut(item.stream as usize) {
                slot.tokens.push(item.token);
            }
        }
        let outcome = self.context.decode(items);
        if outcome.is_err() {
            for (i, slot) in self.slots.iter_mut().enumerate() {
                let held = u32::try_from(i).map_or(0, |s| self.context.stream_len(s));
                slot.tokens.truncate(held as usize);
            }
        }
        outcome
    }
}

/// What [`Streams::acquire`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acquired {
    /// The stream, busy until released.
    pub stream: u32,
    /// How many of the tokens it already holds.
    pub cached: usize,
}

fn to_stream(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::new(ErrorKind::Internal, "stream", "index above 2^32"))
}
