//! How a session is made: what a caller may leave open, and what came of it.

use crate::engine::cpu;
use crate::model::{Adapter, Model};
use crate::profile::Profile;

/// The capacity of a session's streams where neither caller nor model sets a smaller one.
pub const DEFAULT_CONTEXT_TOKENS: u32 = 2048;

/// How a session is made.
#[derive(Clone)]
pub struct SessionOptions {
    /// The execution profile; `None`: the exact one that the model has, `exact-2` where there are kernels for its graph, else
    /// `exact-1`. It depends on nothing but the model.
    pub profile: Option<Profile>,
    /// Worker threads; `None`: as many as affinity and cgroup quota allow. Never above that unless
    /// `oversubscribe` is set: a barrier between more threads than cores is slow for all.
    pub threads: Option<u32>,
    /// Take `threads` literally, also above what the process may keep busy, and beside a busy neighbour
    /// who makes one thread faster than all.
    pub oversubscribe: bool,
    /// The longest prompt + output of any request, in tokens; 0: what the model was trained for, at
    /// most [`DEFAULT_CONTEXT_TOKENS`].
    pub context_tokens: u32,
    /// How many sequences may be live at once.
    pub streams: u32,
    /// Physical batch size: tokens computed at once in a prefill.
    pub ubatch: u32,
    /// A LoRA adapter, opened for the same model.
    pub adapter: Option<Adapter>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions {
            profile: None,
            threads: None,
            oversubscribe: false,
            context_tokens: 0,
            streams: 1,
            ubatch: 512,
            adapter: None,
        }
    }
}

/// What a session was made with: its options, none left open.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What computes, and what receipts name: stock kernels where answers cannot be attested.
    pub profile: Profile,
    /// Worker threads.
    pub threads: u32,
    /// The longest prompt + output of any request, in tokens.
    pub context_tokens: u32,
    /// How many sequences may be live at once.
    pub streams: u32,
    /// Physical batch size.
    pub ubatch: u32,
    /// The adapter.
    pub adapter: Option<Adapter>,
}

impl Settings {
    pub(super) fn new(options: &SessionOptions, model: &Model, profile: Profile) -> Self {
        let available = cpu::available_threads();
        Settings {
            profile,
            threads: match options.threads {
                Some(threads) if options.oversubscribe => threads,
                Some(threads) => threads.min(available),
                None => available,
            },
            context_tokens: match options.context_tokens {
                0 => DEFAULT_CONTEXT_TOKENS.min(model.max_context()),
                tokens => tokens,
            },
            streams: options.streams,
            ubatch: options.ubatch,
            adapter: options.adapter.clone(),
        }
    }
}
