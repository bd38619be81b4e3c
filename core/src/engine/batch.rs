//! What one decode is given: tokens for streams, laid out for llama.cpp.

use llama_cpp_sys_2 as sys;

use crate::error::{Error, Result};
use crate::Token;

/// One token for one stream of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeItem {
    /// The stream, below [`ContextOptions::streams`](super::ContextOptions::streams).
    pub stream: u32,
    /// The token, appended to the stream.
    pub token: Token,
    /// Whether the logits after this token are wanted.
    pub logits: bool,
}

/// What a batch must fit in.
pub(super) struct Room<'a> {
    /// The most items.
    pub items: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Capacity of each stream in tokens.
    pub stream: u32,
    /// Tokens in each stream.
    pub used: &'a [u32],
}

/// A batch in the memory of the one before.
#[derive(Default)]
pub(super) struct Batch {
    tokens: Vec<i32>,
    positions: Vec<i32>,
    n_seq_ids: Vec<i32>,
    seq_ids: Vec<i32>,
    seq_id_pointers: Vec<*mut i32>,
    logits: Vec<i8>,
    /// The row of each item that asked for logits; empty until it is all laid out.
    rows: Vec<Option<i32>>,
}

impl Batch {
    /// Lays items out for llama.cpp. What comes back is valid until this is filled again or moved.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for an item that does not fit.
    pub fn fill(&mut self, items: &[DecodeItem], room: &Room<'_>) -> Result<sys::llama_batch> {
        if items.is_empty() || items.len() > room.items {
            return Err(Error::argument(
                "batch",
                format!("{} items, a batch takes 1 to {}", items.len(), room.items),
            ));
        }
        self.tokens.clear();
        self.positions.clear();
        self.n_seq_ids.clear();
        self.seq_ids.clear();
        self.seq_id_pointers.clear();
        self.logits.clear();
        self.rows.clear();
        let mut next = room.used.to_vec();
        for item in items {
            let Some(position) = next.get_mut(item.stream as usize) else {
                return Err(Error::argument(
                    "stream",
                    format!("{} does not exist, the context has {}", item.stream, room.used.len()),
                ));
            };
            if item.token as usize >= room.vocabulary {
                return Err(Error::argument(
                    "token",
                    format!("{} is outside the vocabulary of {} tokens", item.token, room.vocabulary),
                ));
            }
            if *position >= room.stream {
                return Err(Error::argument(
                    "contextTokens",
                    format!("the stream is full at {} tokens", room.stream),
                ));
            }
            let too_large = || Error::argument("batch", "value above 2^31");
            self.tokens.push(i32::try_from(item.token).map_err(|_| too_large())?);
            self.positions.push(i32::try_from(*position).map_err(|_| too_large())?);
            self.n_seq_ids.push(1);
            self.seq_ids.push(i32::try_from(item.stream).map_err(|_| too_large())?);
            self.logits.push(i8::from(item.logits));
            *position += 1;
        }
        self.rows.extend((0..).zip(items).map(|(row, item)| item.logits.then_some(row)));
        let base = self.seq_ids.as_mut_ptr();
        // SAFETY: each pointer stays inside `seq_ids`, which is not resized before the next batch.
        self.seq_id_pointers.extend((0..items.len()).map(|i| unsafe { base.add(i) }));
        Ok(sys::llama_batch {
            n_tokens: i32::try_from(items.len()).map_err(|_| Error::argument("batch", "too many items"))?,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.n_seq_ids.as_mut_ptr(),
            seq_id: self.seq_id_pointers.as_mut_ptr(),
            logits: self.logits.as_mut_ptr(),
        })
    }

    /// None of its logits are there.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// Where the logits of an item are, if it asked for them.
    pub fn row(&self, item: usize) -> Option<i32> {
        self.rows.get(item).copied().flatten()
    }
}
