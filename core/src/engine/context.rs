//! One llama.cpp context under one profile: streams of tokens, decoded together.
//!
//! About 120 assertions inside llama.cpp would abort the process. Everything they check is checked
//! here first: sequence ids, consecutive positions, tokens below the vocabulary, sizes.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use llama_cpp_sys_2 as sys;

use super::batch::{Batch, DecodeItem, Room};
use super::crew::Crew;
use super::device::{self, Instance, Kernels};
use super::executor::Lanes;
use super::float_env::FloatEnv;
use super::op_kinds::OpKind;
use super::op_times::{OpTime, OpTimes};
use super::pool::ThreadPool;
use super::sharing::Sharing;
use super::weights::{AdapterWeights, Weights};
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::Isa;
use crate::model::{Adapter, Model};
use crate::profile::Profile;

/// The most streams one context may hold (`LLAMA_MAX_SEQ` of the engine is 256).
pub const MAX_STREAMS: u32 = 64;
/// The most threads a session may ask for.
pub const MAX_THREADS: u32 = 512;
/// The largest physical batch.
pub const MAX_UBATCH: u32 = 4096;
/// The longest stream, in tokens.
pub const MAX_STREAM_TOKENS: u32 = 1 << 20;

/// How a context is made.
#[derive(Debug, Clone)]
pub struct ContextOptions {
    /// Whose kernels compute, and whether graphs are checked. Under an exact profile the numerics depend on nothing else
    /// here.
    pub profile: Profile,
    /// Worker threads.
    pub threads: u32,
    /// Capacity of each stream in tokens.
    pub stream_tokens: u32,
    /// Number of streams.
    pub streams: u32,
    /// Physical batch size.
    pub ubatch: u32,
}

/// `value` within 1 to `max`.
pub(crate) fn range(field: &'static str, value: u32, max: u32) -> Result<()> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Error::argument(field, format!("{value} is outside 1 to {max}")))
    }
}

/// What a [`Context::for_trial`] keeps its keys and values in.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheType {
    /// F16, as every profile does.
    #[default]
    F16,
    /// Keys in Q8_0, values in F16.
    Q8Keys,
    /// Keys and values in Q8_0, which needs the flash attention kernels.
    Q8,
}

/// What is otherwise than the profile has it.
#[derive(Debug, Clone, Copy, Default)]
struct Trial {
    cache: CacheType,
    /// Attention is one operation, as it is under `exact-2`.
    fused_attention: bool,
}

/// A context: streams that are only appended to, truncated at the tail, or copied whole.
pub struct Context {
    // Freed first (see Drop), then the pools, then the weights.
    context: *mut sys::llama_context,
    instance: Arc<Instance>,
    // Borrows the first pool: dropped before it.
    crew: Arc<Crew>,
    _pools: [ThreadPool; 2],
    _adapter: Option<Arc<AdapterWeights>>,
    _weights: Arc<Weights>,
    abort: Arc<Abort>,
    options: ContextOptions,
    n_vocab: usize,
    /// Tokens in each stream.
    lengths: Vec<u32>,
    /// The last one.
    batch: Batch,
}

// SAFETY: a llama.cpp context may move between threads as long as one uses it at a time, which
// `&mut self` guarantees.
unsafe impl Send for Context {}

/// The flags that stop a decode.
struct Abort {
    /// The session's, which ends everything.
    session: Arc<AtomicBool>,
    /// That of the one call which has the context for itself.
    call: Arc<AtomicBool>,
}

unsafe extern "C" fn should_abort(data: *mut c_void) -> bool {
    // SAFETY: `data` is the context's own `Abort`, which lives as long as llama.cpp's context.
    let abort = unsafe { &*data.cast::<Abort>() };
    abort.session.load(Ordering::Relaxed) || abort.call.load(Ordering::Relaxed)
}

impl Context {
    /// A context of its own for `model`, without a session around it: tokens in, logits out. Nothing
    /// made with it can be attested; benches measure with it what a session adds.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for sizes out of range, [`ErrorKind::Unsupported`] if the model's
    /// graph leaves the profile, [`ErrorKind::Engine`] if llama.cpp fails.
    pub fn for_model(model: &Model, options: &ContextOptions) -> Result<Self> {
        Self::new(model.weights(), None, model.vocab().len(), options, &Arc::default())
    }

    /// What somebody may run who says otherwise: with an adapter, and with a cache of another type, for
    /// which the graph check is off. For trials of what a verification catches.
    ///
    /// # Errors
    /// As [`Self::for_model`].
    #[doc(hidden)]
    pub fn for_trial(
        model: &Model,
        adapter: Option<&Adapter>,
        options: &ContextOptions,
        cache: CacheType,
    ) -> Result<Self> {
        let adapter = adapter.map(Adapter::weights);
        let trial = Trial { cache, ..Trial::default() };
        Self::with(model.weights(), adapter, model.vocab().len(), options, &Arc::default(), trial)
    }

    /// The operations of the model's graph under `exact-2`, and which of them it has kernels for.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] if llama.cpp fails.
    pub fn operations(model: &Model) -> Result<Vec<OpKind>> {
        let options =
            ContextOptions { profile: Profile::Fast1, threads: 1, stream_tokens: 256, streams: 1, ubatch: 1 };
        // Stock kernels compute any graph.
        let mut trial = Self::with(
            model.weights(),
            None,
            model.vocab().len(),
            &options,
            &Arc::default(),
            Trial { fused_attention: true, ..Trial::default() },
        )?;
        *trial.instance.listing.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Vec::new());
        trial.probe()?;
        let mut listing = trial.instance.listing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(listing.take().unwrap_or_default())
    }

    /// Makes a context and decodes one token with it, so that a model outside the profile is
    /// refused now and not in the middle of an answer.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for sizes out of range, [`ErrorKind::Unsupported`] if the model's
    /// graph leaves the profile, [`ErrorKind::Engine`] if llama.cpp fails.
    pub(crate) fn new(
        weights: &Arc<Weights>,
        adapter: Option<&Arc<AdapterWeights>>,
        n_vocab: usize,
        options: &ContextOptions,
        abort: &Arc<AtomicBool>,
    ) -> Result<Self> {
        Self::with(weights, adapter, n_vocab, options, abort, Trial::default())
    }

    fn with(
        weights: &Arc<Weights>,
        adapter: Option<&Arc<AdapterWeights>>,
        n_vocab: usize,
        options: &ContextOptions,
        abort: &Arc<AtomicBool>,
        trial: Trial,
    ) -> Result<Self> {
        let cache = trial.cache;
        range("threads", options.threads, MAX_THREADS)?;
        range("streams", options.streams, MAX_STREAMS)?;
        range("ubatch", options.ubatch, MAX_UBATCH)?;
        range("contextTokens", options.stream_tokens, MAX_STREAM_TOKENS)?;
        if adapter.is_some_and(|a| !a.belongs_to(weights)) {
            return Err(Error::argument("adapter", "it was loaded for another model"));
        }
        let threads = c_int::try_from(options.threads).map_err(|_| Error::argument("threads", "too many"))?;
        let (pool, solo) = (ThreadPool::new(threads)?, ThreadPool::new(1)?);
        let sharing = Arc::new(Sharing::new(options.threads));
        let crew = Arc::new(Crew::new(pool.as_ptr(), threads, &sharing)?);
        let instance = Arc::new(Instance {
            kernels: match options.profile {
                Profile::Exact2 => Kernels::Own(Isa::chosen()),
                Profile::Exact1 => Kernels::Reference,
                Profile::Fast1 => Kernels::Stock,
            },
            checked: options.profile.is_exact() && cache == CacheType::F16,
            threadpool: pool.as_ptr(),
            n_threads: threads,
            solo: solo.as_ptr(),
            sharing,
            crew: Arc::clone(&crew),
            lanes: Lanes::new(options.threads as usize),
            graphs: AtomicU64::new(0),
            times: Mutex::new(None),
            listing: Mutex::new(None),
            refusal: Mutex::new(None),
        });

        let stream_tokens = options.stream_tokens.next_multiple_of(256);
        let n_ctx = stream_tokens
            .checked_mul(options.streams)
            .ok_or_else(|| Error::argument("contextTokens", "contextTokens x streams is above 2^32"))?;
        // SAFETY: a plain constructor of defaults.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = n_ctx;
        params.n_batch = options.ubatch.max(options.streams);
        params.n_ubatch = options.ubatch;
        params.n_seq_max = options.streams;
        params.n_threads = threads;
        params.n_threads_batch = threads;
        params.flash_attn_type = match options.profile {
            Profile::Exact2 => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
            // The reference flash path accumulates V in f16 and stagnates on long contexts.
            Profile::Exact1 => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
            Profile::Fast1 => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
        };
        params.type_k = if cache == CacheType::F16 { sys::GGML_TYPE_F16 } else { sys::GGML_TYPE_Q8_0 };
        params.type_v = sys::GGML_TYPE_F16;
        if trial.fused_attention {
            params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_ENABLED;
        }
        if cache == CacheType::Q8 {
            params.type_v = sys::GGML_TYPE_Q8_0;
            params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_ENABLED;
        }
        // A unified cache fills holes out of position order; a short sliding-window cache has a ring
        // whose size depends on the ubatch. Both change logits.
        params.kv_unified = false;
        params.swa_full = true;
        params.offload_kqv = true;
        params.op_offload = false;
        params.embeddings = false;
        params.no_perf = true;
        params.abort_callback = Some(should_abort);
        let abort = Arc::new(Abort { session: Arc::clone(abort), call: Arc::default() });
        params.abort_callback_data = Arc::as_ptr(&abort).cast_mut().cast();

        let _env = FloatEnv::enter();
        // SAFETY: valid model and parameters; the abort flags are kept alive by `Self`.
        let context = device::with_handover(&instance, || unsafe {
            sys::llama_init_from_model(weights.as_ptr(), params)
        });
        if context.is_null() {
            return Err(Error::new(
                ErrorKind::Engine,
                "context",
                format!("llama.cpp could not create a context of {n_ctx} tokens (its reason is in the log)"),
            ));
        }
        let mut this = Context {
            context,
            instance,
            crew,
            _pools: [pool, solo],
            _adapter: adapter.cloned(),
            _weights: Arc::clone(weights),
            abort,
            options: ContextOptions { stream_tokens, ..options.clone() },
            n_vocab,
            lengths: vec![0; options.streams as usize],
            batch: Batch::default(),
        };
        if let Some(adapter) = adapter {
            let (mut pointer, mut scale) = (adapter.as_ptr(), 1.0f32);
            // SAFETY: one valid adapter and one scale.
            let status =
                unsafe { sys::llama_set_adapters_lora(this.context, &raw mut pointer, 1, &raw mut scale) };
            if status != 0 {
                return Err(Error::new(
                    ErrorKind::Engine,
                    "adapter",
                    "llama.cpp could not apply the adapter",
                ));
            }
        }
        this.probe()?;
        Ok(this)
    }

    /// From now on a graph is shared among the threads only while that is faster than one alone. Until
    /// then every graph has all threads of its options.
    pub(crate) fn adapt_threads(&self) {
        self.instance.sharing.adapt();
    }

    /// Decodes one token and removes it: the graph check speaks before the first answer.
    fn probe(&mut self) -> Result<()> {
        self.decode(&[DecodeItem { stream: 0, token: 0, logits: true }])?;
        self.truncate(0, 0)
    }

    /// The profile it was made under.
    pub(crate) fn profile(&self) -> Profile {
        self.options.profile
    }

    /// How many tokens one call of [`Self::decode`] takes.
    #[must_use]
    pub fn batch_tokens(&self) -> usize {
        self.options.ubatch.max(self.options.streams) as usize
    }

    /// The context's threads, for work on the logits of the last batch.
    pub(crate) fn crew(&self) -> &Crew {
        &self.crew
    }

    /// Capacity of a stream in tokens.
    #[must_use]
    pub fn stream_tokens(&self) -> u32 {
        self.options.stream_tokens
    }

    /// Number of streams.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.options.streams
    }

    /// Number of tokens in a stream; 0 for a stream that does not exist.
    #[must_use]
    pub fn stream_len(&self, stream: u32) -> u32 {
        self.lengths.get(stream as usize).copied().unwrap_or(0)
    }

    /// Appends the items' tokens to their streams and computes the logits asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for an item that does not fit, and nothing was decoded;
    /// [`ErrorKind::Cancelled`] if the abort flag was raised and [`ErrorKind::Engine`] or
    /// [`ErrorKind::Unsupported`] if the computation failed: streams then hold what was completed,
    /// see [`Self::stream_len`].
    pub fn decode(&mut self, items: &[DecodeItem]) -> Result<()> {
        let room = Room {
            items: self.batch_tokens(),
            vocabulary: self.n_vocab,
            stream: self.options.stream_tokens,
            used: &self.lengths,
        };
        let batch = self.batch.fill(items, &room)?;
        let graphs_before = self.instance.graphs.load(Ordering::Relaxed);
        let status = {
            let _env = FloatEnv::enter();
            // SAFETY: every array has n_tokens entries; ids, positions and sizes were checked.
            unsafe { sys::llama_decode(self.context, batch) }
        };
        if status != 0 {
            self.batch.forget();
            self.resync();
            return Err(self.failure(status));
        }
        if self.instance.graphs.load(Ordering::Relaxed) == graphs_before {
            // Never seen: the scheduler would have to prefer the plain CPU for the whole graph.
            self.batch.forget();
            self.resync();
            return Err(Error::new(ErrorKind::Engine, "profile", "the graph did not reach the device"));
        }
        for item in items {
            if let Some(length) = self.lengths.get_mut(item.stream as usize) {
                *length += 1;
            }
        }
        Ok(())
    }

    fn failure(&self, status: i32) -> Error {
        if let Some(why) = self.instance.take_refusal() {
            return Error::new(
                ErrorKind::Unsupported,
                "profile",
                format!("outside the exact profile: {why}"),
            );
        }
        match status {
            2 => Error::new(ErrorKind::Cancelled, "decode", "cancelled"),
            1 => Error::new(ErrorKind::Engine, "contextTokens", "no room left in the cache"),
            -2 => Error::new(ErrorKind::Engine, "decode", "out of memory"),
            _ => Error::new(ErrorKind::Engine, "decode", format!("llama.cpp failed with status {status}")),
        }
    }

    /// The logits after item `index` of the last batch, one per token of the vocabulary.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if that item did not ask for logits.
    pub fn logits(&self, index: usize) -> Result<&[f32]> {
        let row = self.batch.row(index).ok_or_else(|| {
            Error::argument("batch", format!("item {index} of the last batch has no logits"))
        })?;
        // SAFETY: a valid context; the row asked for logits in the last successful decode.
        let pointer = unsafe { sys::llama_get_logits_ith(self.context, row) };
        if pointer.is_null() {
            return Err(Error::new(ErrorKind::Engine, "decode", "llama.cpp kept no logits"));
        }
        // SAFETY: the row holds n_vocab floats until the next decode, which needs `&mut self`.
        Ok(unsafe { std::slice::from_raw_parts(pointer, self.n_vocab) })
    }

    /// Drops everything of a stream from position `len` on.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for a stream that does not exist or is shorter.
    pub fn truncate(&mut self, stream: u32, len: u32) -> Result<()> {
        let current = self.checked_len(stream)?;
        if len > current {
            return Err(Error::argument("stream", format!("{len} is beyond its {current} tokens")));
        }
        if len < current {
            let to_i32 = |v: u32| i32::try_from(v).map_err(|_| Error::argument("stream", "above 2^31"));
            // SAFETY: a valid context and an existing stream; removing a tail is always possible
            // for an attention cache.
            let removed = unsafe {
                sys::llama_memory_seq_rm(
                    sys::llama_get_memory(self.context),
                    to_i32(stream)?,
                    to_i32(len)?,
                    -1,
                )
            };
            if !removed {
                return Err(Error::new(ErrorKind::Engine, "stream", "the cache cannot be truncated"));
            }
            if let Some(length) = self.lengths.get_mut(stream as usize) {
                *length = len;
            }
        }
        Ok(())
    }

    /// Replaces stream `to` by a whole copy of stream `from`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for a stream that does not exist.
    pub fn copy_stream(&mut self, from: u32, to: u32) -> Result<()> {
        let length = self.checked_len(from)?;
        self.checked_len(to)?;
        if from == to {
            return Ok(());
        }
        let to_i32 = |v: u32| i32::try_from(v).map_err(|_| Error::argument("stream", "above 2^31"));
        let (source, target) = (to_i32(from)?, to_i32(to)?);
        // SAFETY: existing, different streams; the range is the whole stream (a partial copy across
        // streams would abort).
        unsafe {
            let memory = sys::llama_get_memory(self.context);
            sys::llama_memory_seq_rm(memory, target, -1, -1);
            sys::llama_memory_seq_cp(memory, source, target, -1, -1);
        }
        if let Some(slot) = self.lengths.get_mut(to as usize) {
            *slot = length;
        }
        Ok(())
    }

    /// Empties every stream and zeroes the cache: what a slot saw before (a NaN, half of a failed
    /// batch) cannot reach later logits, where masked cells are still multiplied.
    pub fn clear(&mut self) {
        // SAFETY: a valid context.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.context), true) };
        self.lengths.fill(0);
        self.batch.forget();
    }

    fn checked_len(&self, stream: u32) -> Result<u32> {
        self.lengths.get(stream as usize).copied().ok_or_else(|| {
            Error::argument(
                "stream",
                format!("{stream} does not exist, the context has {}", self.options.streams),
            )
        })
    }

    /// After a failed decode llama.cpp knows best what each stream still holds.
    fn resync(&mut self) {
        for (stream, length) in self.lengths.iter_mut().enumerate() {
            let Ok(stream) = i32::try_from(stream) else { continue };
            // SAFETY: a valid context and an existing stream; -1 for an empty one.
            let last = unsafe { sys::llama_memory_seq_pos_max(sys::llama_get_memory(self.context), stream) };
            *length = u32::try_from(last + 1).unwrap_or(0);
        }
    }

    /// Number of graphs computed so far.
    #[must_use]
    pub fn graphs(&self) -> u64 {
        self.instance.graphs.load(Ordering::Relaxed)
    }

    /// Computes the nodes of the decodes in `run` one by one and answers what each kind of operation took,
    /// slowest first. The logits are the same; the whole takes a little longer.
    ///
    /// # Errors
    /// What `run` answers.
    pub fn time_operations(&mut self, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<Vec<OpTime>> {
        let times = |this: &Self, set: Option<OpTimes>| {
            std::mem::replace(
                &mut *this.instance.times.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
                set,
            )
        };
        times(self, Some(OpTimes::default()));
        let outcome = run(self);
        let found = times(self, None).unwrap_or_default();
        outcome.map(|()| found.list())
    }

    /// The flag by which whoever has the context for itself lets its decodes be stopped.
    pub(crate) fn abort_flag(&self) -> &Arc<AtomicBool> {
        &self.abort.call
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: created by `new`, freed once, before the pool and the weights it uses.
        unsafe { sys::llama_free(self.context) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Vocab;
    use crate::Token;

    fn context(
        weights: &Arc<Weights>,
        vocab: &Vocab,
        profile: Profile,
        threads: u32,
        ubatch: u32,
        streams: u32,
    ) -> Context {
        let options = ContextOptions { profile, threads, stream_tokens: 512, streams, ubatch };
        Context::new(weights, None, vocab.len(), &options, &Arc::new(AtomicBool::new(false))).unwrap()
    }

    fn run(ctx: &mut Context, tokens: &[Token], chunk: usize) -> Vec<Vec<u32>> {
        let mut rows = Vec::new();
        for part in tokens.chunks(chunk) {
            let items: Vec<_> =
                part.iter().map(|t| DecodeItem { stream: 0, token: *t, logits: true }).collect();
            ctx.decode(&items).unwrap();
            for i in 0..items.len() {
                rows.push(ctx.logits(i).unwrap().iter().map(|l| l.to_bits()).collect());
            }
        }
        rows
    }

    #[test]
    fn exact_logits_do_not_depend_on_batch_or_threads() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/abacus/abacus-q8_0.gguf");
        let file = std::fs::File::open(path).unwrap();
        let weights = Arc::new(Weights::load(&file, &mut |_| (), &AtomicBool::new(false)).unwrap());
        let vocab = Vocab::read(&weights, crate::engine::Split::default()).unwrap();
        let text = "<|bos|><|user|>Tom has 12 apples and buys 7 more. He gives 5 to Ann. How many are left?"
            .repeat(24);
        let tokens: Vec<Token> = vocab.tokenize(&text).unwrap().into_iter().take(300).collect();
        assert!(tokens.len() > 250);
        let references = [Profile::Exact2, Profile::Exact1].map(|profile| {
            let reference = run(&mut context(&weights, &vocab, profile, 1, 1, 1), &tokens, 1);
            for (threads, ubatch) in [(1, 512), (2, 64), (4, 7), (2, 512)] {
                let at = format!("{profile:?}, threads {threads}, ubatch {ubatch}");
                let rows = run(
                    &mut context(&weights, &vocab, profile, threads, ubatch, 1),
                    &tokens,
                    ubatch as usize,
                );
                assert!(rows == reference, "{at}");
                let mut timed = context(&weights, &vocab, profile, threads, ubatch, 1);
                let mut rows = Vec::new();
                let times = timed.time_operations(|ctx| {
                    rows = run(ctx, &tokens, ubatch as usize);
                    Ok(())
                });
                assert!(rows == reference, "node by node, {at}");
                assert!(times.unwrap().iter().any(|time| time.name == "MUL_MAT q8_0 ffn_down"));
            }
            reference
        });
        let mut fast_differs = [false; 2];
        for (threads, ubatch) in [(1, 512), (2, 64), (4, 7), (2, 512)] {
            let mut fast = context(&weights, &vocab, Profile::Fast1, threads, ubatch, 1);
            let rows = run(&mut fast, &tokens, ubatch as usize);
            for (differs, reference) in fast_differs.iter_mut().zip(&references) {
                *differs |= rows != *reference;
            }
        }
        assert_eq!(
            fast_differs, [true; 2],
            "the fast profile should not be exact: is reference mode really switched?"
        );
    }
}
