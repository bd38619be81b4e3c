//! The known-answer test: does this build, on this processor, compute what the profile pins?
//!
//! Every operation of the graph check runs on synthetic tensors (each weight type, odd sizes, RoPE
//! up to position 131,071, activations over a table), the frozen libm is sampled, and the bundled
//! model reads 300 tokens; with one thread and with two. The digest of all results must equal the
//! constant in [`crate::profile`], or the library refuses to attest. Each exact profile has its own.

use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;
use once_cell::sync::OnceCell;

use super::context::ThreadPool;
use super::crew::Crew;
use super::device::Kernels;
use super::executor::{has_kernels, Computation, Lanes, Outcome};
use super::float_env::FloatEnv;
use super::graph::WEIGHT_TYPES;
use super::sharing::Sharing;
use super::{Context, ContextOptions, DecodeItem};
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::Isa;
use crate::profile::{self, Profile};

type Digest = [u8; 32];

/// Runs the test once for the process and answers from memory afterwards.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: this build or machine computes something else; [`ErrorKind::Io`] or
/// [`ErrorKind::Engine`]: the test could not be run, and the next call tries again.
pub fn check(profile: Profile) -> Result<()> {
    static REFERENCE: OnceCell<Result<()>> = OnceCell::new();
    static OWN: [OnceCell<Result<()>>; Isa::ALL.len()] = [const { OnceCell::new() }; Isa::ALL.len()];
    let isa = Isa::chosen();
    let outcome = match profile {
        Profile::Fast1 => return Ok(()),
        Profile::Exact1 => &REFERENCE,
        Profile::Exact2 => &OWN[isa as usize],
    };
    outcome
        .get_or_try_init(|| match run(profile, isa) {
            // What this machine computes stays so; that it lacked memory or descriptors need not.
            Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
            outcome => Ok(outcome),
        })?
        .clone()
}

fn run(profile: Profile, isa: Isa) -> Result<()> {
    super::start()?;
    let (kernels, known) = match profile {
        Profile::Exact2 => (Kernels::Own(isa), profile::KNOWN_OPERATIONS_2),
        Profile::Exact1 | Profile::Fast1 => (Kernels::Reference, profile::KNOWN_OPERATIONS),
    };
    compare("operations", operations(kernels, 1)?, known)?;
    compare("operations on two threads", operations(kernels, 2)?, known)?;
    #[cfg(feature = "bundled")]
    {
        let known = if profile == Profile::Exact2 { profile::KNOWN_MODEL_2 } else { profile::KNOWN_MODEL };
        compare("model", bundled_model(profile, 1, 64)?, known)?;
        compare("model on two threads", bundled_model(profile, 2, 7)?, known)?;
    }
    super::return_free_memory();
    Ok(())
}

fn compare(what: &str, found: Digest, wanted: Digest) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let hex = |d: Digest| d.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Err(Error::new(
        ErrorKind::Unsupported,
        "profile",
        format!(
            "the known-answer test of the exact profile failed ({what}: {}, pinned {}): this build or \
             machine cannot attest under it",
            hex(found),
            hex(wanted)
        ),
    ))
}

/// Deterministic numbers for synthetic tensors (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [-1, 1), 24 bits.
    #[allow(clippy::cast_precision_loss)] // 24 bits fit an f32
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

/// A ggml context whose tensors live in one CPU buffer, and the graph over them.
struct Bench {
    context: *mut sys::ggml_context,
    numbers: Numbers,
    inputs: Vec<(*mut sys::ggml_tensor, Vec<u8>)>,
    results: Vec<*mut sys::ggml_tensor>,
}

// Every `unsafe` below calls a ggml constructor with tensors of this context and shapes that ggml
// accepts; `compute` allocates them all before any data is touched.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Bench {
    fn new() -> Result<Self> {
        let params =
            sys::ggml_init_params { mem_size: 4 << 20, mem_buffer: std::ptr::null_mut(), no_alloc: true };
        let context = unsafe { sys::ggml_init(params) };
        if context.is_null() {
            return Err(Error::new(ErrorKind::Engine, "profile", "out of memory"));
        }
        Ok(Bench {
            context,
            numbers: Numbers(0x0061_7474_6573_746C),
            inputs: Vec::new(),
            results: Vec::new(),
        })
    }

    fn input_bytes(
        &mut self,
        kind: sys::ggml_type,
        shape: [i64; 3],
        bytes: Vec<u8>,
    ) -> *mut sys::ggml_tensor {
        let tensor = unsafe { sys::ggml_new_tensor_3d(self.context, kind, shape[0], shape[1], shape[2]) };
        self.inputs.push((tensor, bytes));
        tensor
    }

    fn floats(&mut self, count: i64, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.numbers.float() * scale).collect()
    }

    fn f32_of(&mut self, shape: [i64; 3], values: &[f32]) -> *mut sys::ggml_tensor {
        self.input_bytes(sys::GGML_TYPE_F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn f32(&mut self, shape: [i64; 3], scale: f32) -> *mut sys::ggml_tensor {
        let values = self.floats(shape.iter().product(), scale);
        self.f32_of(shape, &values)
    }

    fn i32(&mut self, values: &[i32]) -> *mut sys::ggml_tensor {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.input_bytes(sys::GGML_TYPE_I32, [values.len() as i64, 1, 1], bytes)
    }

    fn weights(&mut self, kind: sys::ggml_type, shape: [i64; 3]) -> *mut sys::ggml_tensor {
        let values = self.floats(shape.iter().product(), 1.0);
        let rows = shape[1] * shape[2];
        let size = unsafe { sys::ggml_row_size(kind, shape[0]) } * usize::try_from(rows).unwrap_or(0);
        let mut bytes = vec![0u8; size];
        unsafe {
            sys::ggml_quantize_chunk(
                kind,
                values.as_ptr(),
                bytes.as_mut_ptr().cast(),
                0,
                rows,
                shape[0],
                std::ptr::null(),
            )
        };
        self.input_bytes(kind, shape, bytes)
    }

    fn result(&mut self, tensor: *mut sys::ggml_tensor) {
        unsafe { sys::ggml_set_output(tensor) };
        self.results.push(tensor);
    }

    fn matrices(&mut self, kinds: &[sys::ggml_type]) {
        let c = self.context;
        for kind in kinds.iter().copied() {
            let block = unsafe { sys::ggml_blck_size(kind) };
            for (columns, rows, batch) in [(block.max(32), 33, 1), (3 * block.max(32), 17, 5), (768, 5, 37)] {
                let w = self.weights(kind, [columns, rows, 1]);
                let x = self.f32([columns, batch, 1], 2.0);
                let ids = self.i32(&[0, i32::try_from(rows - 1).unwrap_or(0), 3]);
                unsafe {
                    self.result(sys::ggml_mul_mat(c, w, x));
                    self.result(sys::ggml_get_rows(c, w, ids));
                }
            }
            // A mixture of 4 experts, 2 used by each of 3 tokens.
            let experts = self.weights(kind, [256, 7, 4]);
            let x = self.f32([256, 1, 3], 1.0);
            let chosen = self.input_bytes(
                sys::GGML_TYPE_I32,
                [2, 3, 1],
                [3i32, 0, 1, 2, 2, 3].iter().flat_map(|v| v.to_le_bytes()).collect(),
            );
            unsafe { self.result(sys::ggml_mul_mat_id(c, experts, x, chosen)) };
        }
    }

    /// Attention in one operation: five queries by four heads that share two of keys, with what each sees.
    fn flash_attention(&mut self) {
        let c = self.context;
        // Keys and values of 64; of 80 and 48 with a soft cap, of a stream whose first positions are out of sight.
        for (key, value, cells, cap) in [(64, 64, 37, 0.0f32), (80, 48, 700, 30.0)] {
            let queries = 5;
            let (k, v) = (self.f32([key, cells, 2], 1.0), self.f32([value, cells, 2], 1.0));
            let q = self.f32([key, queries, 4], 1.0);
            let mut mask_values = vec![f32::NEG_INFINITY; usize::try_from(cells * queries).unwrap_or(0)];
            for (at, value) in (0i64..).zip(&mut mask_values) {
                let (query, position) = (at / cells, at % cells);
                let last = cells - queries + query;
                if position <= last && position + 500 > last {
                    *value = 0.0;
                }
            }
            let mask = self.f32_of([cells, queries, 1], &mask_values);
            unsafe {
                let half = |of: *mut sys::ggml_tensor, width| {
                    let to = sys::ggml_new_tensor_3d(c, sys::GGML_TYPE_F16, width, cells, 2);
                    sys::ggml_cpy(c, of, to)
                };
                let mask =
                    sys::ggml_cpy(c, mask, sys::ggml_new_tensor_2d(c, sys::GGML_TYPE_F16, cells, queries));
                let (k, v) = (half(k, key), half(v, value));
                self.result(sys::ggml_flash_attn_ext(c, q, k, v, mask, 0.125, 0.0, cap));
                self.result(sys::ggml_cont(c, sys::ggml_permute(c, q, 0, 2, 1, 3)));
            }
        }
        let half = self.weights(sys::GGML_TYPE_F16, [64, 41, 1]);
        let row_ids: Vec<u8> = [40i64, 0, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        let row_ids = self.input_bytes(sys::GGML_TYPE_I64, [3, 1, 1], row_ids);
        let new_rows = self.f32([64, 3, 1], 1.0);
        unsafe { self.result(sys::ggml_set_rows(c, half, new_rows, row_ids)) };
    }

    fn attention(&mut self) {
        let c = self.context;
        // Head size 64, 37 cached positions, 2 KV heads shared by 4 heads, 5 queries.
        let cache = self.f32([64, 37, 2], 1.0);
        let q = self.f32([64, 5, 4], 1.0);
        let half = self.weights(sys::GGML_TYPE_F16, [64, 41, 1]);
        let row_ids: Vec<u8> = [40i64, 0, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        let row_ids = self.input_bytes(sys::GGML_TYPE_I64, [3, 1, 1], row_ids);
        let new_rows = self.f32([64, 3, 1], 1.0);
        let mut mask_values = vec![0.0f32; 37 * 5];
        for (i, value) in mask_values.iter_mut().enumerate() {
            if i % 37 > 32 + i / 37 {
                *value = f32::NEG_INFINITY;
            }
        }
        let mask = self.f32_of([37, 5, 1], &mask_values);
        unsafe {
            let k16 = sys::ggml_new_tensor_3d(c, sys::GGML_TYPE_F16, 64, 37, 2);
            let k = sys::ggml_cpy(c, cache, k16);
            let scores = sys::ggml_mul_mat(c, k, q);
            self.result(scores);
            let soft = sys::ggml_soft_max_ext(c, scores, mask, 0.125, 0.0);
            self.result(soft);
            let mask16 = sys::ggml_cpy(c, mask, sys::ggml_new_tensor_2d(c, sys::GGML_TYPE_F16, 37, 5));
            self.result(sys::ggml_soft_max_ext(c, scores, mask16, 0.3, 0.0));
            let v = sys::ggml_cont(c, sys::ggml_transpose(c, k));
            self.result(sys::ggml_mul_mat(c, v, soft));
            self.result(sys::ggml_set_rows(c, half, new_rows, row_ids));
        }
        // A long context, heads of 128, the scores capped as Gemma 2 caps them.
        let cache = self.f32([128, 1_280, 1], 1.0);
        let q = self.f32([128, 2, 3], 2.0);
        unsafe {
            let k = sys::ggml_cpy(c, cache, sys::ggml_new_tensor_3d(c, sys::GGML_TYPE_F16, 128, 1_280, 1));
            let scores = sys::ggml_mul_mat(c, k, q);
            let capped = sys::ggml_tanh(c, sys::ggml_scale(c, scores, 0.02));
            let capped = sys::ggml_scale(c, capped, 50.0);
            let soft = sys::ggml_soft_max_ext(c, capped, std::ptr::null_mut(), 1.0, 0.0);
            self.result(soft);
            let v = sys::ggml_cont(c, sys::ggml_transpose(c, k));
            self.result(sys::ggml_mul_mat(c, v, soft));
        }
    }

    fn rope(&mut self) {
        let c = self.context;
        let positions = self.i32(&[0, 1, 255, 4_097, 32_767, 65_536, 131_071]);
        let factors = {
            let values: Vec<f32> = (0..32u8).map(|i| 1.0 + f32::from(i) * 0.37).collect();
            self.f32_of([32, 1, 1], &values)
        };
        for mode in [0, 2] {
            for (factors, base, scale, ext) in [
                (std::ptr::null_mut(), 10_000.0f32, 1.0f32, 0.0f32),
                (factors, 500_000.0, 1.0, 0.0),
                (std::ptr::null_mut(), 1_000_000.0, 0.25, 1.0),
            ] {
                let x = self.f32([64, 3, 7], 1.0);
                unsafe {
                    self.result(sys::ggml_rope_ext(
                        c, x, positions, factors, 64, mode, 8_192, base, scale, ext, 1.0, 32.0, 1.0,
                    ));
                }
            }
        }
    }

    #[allow(clippy::cast_precision_loss)] // the table's indices are small
    fn elementwise(&mut self) {
        let c = self.context;
        let table: Vec<f32> = (0..4_099).map(|i| (i as f32 - 2_049.0) * 0.01).collect();
        let t = self.f32_of([4_099, 1, 1], &table);
        let (a, b) = (self.f32([259, 3, 1], 3.0), self.f32([259, 3, 1], 2.0));
        let row = self.f32([259, 1, 1], 1.0);
        let positive: Vec<f32> = (0..259u16).map(|i| 0.25 + f32::from(i % 17)).collect();
        let divisor = self.f32_of([259, 1, 1], &positive);
        // Equal router scores: the order of ties counts.
        let router = {
            let values: Vec<f32> = (0..48).map(|i| [0.5f32, 0.25, 0.5, 1.0, 0.25, 0.125][i % 6]).collect();
            self.f32_of([16, 3, 1], &values)
        };
        unsafe {
            self.result(sys::ggml_silu(c, t));
            self.result(sys::ggml_gelu(c, t));
            self.result(sys::ggml_tanh(c, t));
            self.result(sys::ggml_swiglu_split(c, a, b));
            self.result(sys::ggml_geglu_split(c, a, b));
            let wide = self.f32([518, 2, 1], 4.0);
            self.result(sys::ggml_swiglu(c, wide));
            self.result(sys::ggml_geglu(c, wide));
            let normed = sys::ggml_rms_norm(c, a, 1e-5);
            self.result(sys::ggml_mul(c, normed, row));
            self.result(sys::ggml_add(c, a, row));
            self.result(sys::ggml_div(c, a, divisor));
            self.result(sys::ggml_scale(c, a, 0.088_388_35));
            self.result(sys::ggml_sum_rows(c, a));
            self.result(sys::ggml_clamp(c, a, -1.5, 1.25));
            self.result(sys::ggml_argsort(c, router, sys::GGML_SORT_ORDER_DESC));
            self.result(sys::ggml_soft_max(c, router));
        }
    }

    fn compute(mut self, kernels: Kernels, threads: i32) -> Result<Digest> {
        let failed =
            |what: &str| Error::new(ErrorKind::Engine, "profile", format!("known-answer test: {what}"));
        unsafe {
            let graph = sys::ggml_new_graph_custom(self.context, 4_096, false);
            for tensor in &self.results {
                sys::ggml_build_forward_expand(graph, *tensor);
            }
            let buffer = sys::ggml_backend_alloc_ctx_tensors_from_buft(
                self.context,
                sys::ggml_backend_cpu_buffer_type(),
            );
            if buffer.is_null() {
                return Err(failed("out of memory"));
            }
            sys::ggml_backend_buffer_clear(buffer, 0);
            for (tensor, bytes) in &self.inputs {
                sys::ggml_backend_tensor_set(*tensor, bytes.as_ptr().cast(), 0, bytes.len());
            }
            let computed = match kernels {
                Kernels::Own(isa) => computed_by_own(graph, isa, threads),
                Kernels::Reference | Kernels::Stock => computed_by_reference(graph, threads),
            };
            let mut hasher = blake3::Hasher::new();
            for tensor in std::mem::take(&mut self.results) {
                let mut bytes = vec![0u8; sys::ggml_nbytes(tensor)];
                sys::ggml_backend_tensor_get(tensor, bytes.as_mut_ptr().cast(), 0, bytes.len());
                hasher.update(&bytes);
            }
            sys::ggml_backend_buffer_free(buffer);
            computed.map_err(|why| failed(&why))?;
            Ok(*hasher.finalize().as_bytes())
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once; tensor data lives in buffers freed before.
        unsafe { sys::ggml_free(self.context) };
    }
}

/// By ggml's reference path.
///
/// # Safety
/// A valid graph in buffers of the CPU.
unsafe fn computed_by_reference(
    graph: *mut sys::ggml_cgraph,
    threads: i32,
) -> std::result::Result<(), String> {
    // SAFETY: by the contract; the backend is checked and freed.
    unsafe {
        let backend = sys::ggml_backend_cpu_init();
        if backend.is_null() {
            return Err("out of memory".into());
        }
        sys::ggml_backend_cpu_set_n_threads(backend, threads);
        sys::ggml_backend_cpu_set_use_ref(backend, true);
        let status = sys::ggml_backend_graph_compute(backend, graph);
        sys::ggml_backend_free(backend);
        if status == sys::GGML_STATUS_SUCCESS {
            Ok(())
        } else {
            Err("a graph failed".into())
        }
    }
}

/// By kernels of our own.
///
/// # Safety
/// As of [`computed_by_reference`]; this machine has `isa`.
unsafe fn computed_by_own(
    graph: *mut sys::ggml_cgraph,
    isa: Isa,
    threads: i32,
) -> std::result::Result<(), String> {
    // The crew is dropped before its pool.
    let pool = ThreadPool::new(threads).map_err(|error| error.to_string())?;
    let sharing = Arc::new(Sharing::new(threads.unsigned_abs()));
    let crew = Crew::new(pool.as_ptr(), threads, &sharing).map_err(|error| error.to_string())?;
    let lanes = Lanes::new(crew.threads());
    // SAFETY: by the contract.
    let computation = unsafe { Computation::of(graph, isa, &lanes, &|| false, false) }?;
    crew.run_all(&|lane| computation.run(lane)).map_err(|error| error.to_string())?;
    match computation.outcome() {
        Outcome::Done => Ok(()),
        Outcome::Stopped => Err("a graph was stopped".into()),
        Outcome::Failed(what) => Err(what.into()),
    }
}

/// The digest over every operation of a profile, and for ggml's kernels over the frozen functions.
fn operations(kernels: Kernels, threads: i32) -> Result<Digest> {
    let _env = FloatEnv::enter();
    let mut hasher = blake3::Hasher::new();
    let is_own = matches!(kernels, Kernels::Own(_));
    let types: Vec<sys::ggml_type> =
        WEIGHT_TYPES.iter().copied().filter(|kind| !is_own || has_kernels(*kind)).collect();
    let mut part = |build: &dyn Fn(&mut Bench)| -> Result<()> {
        let mut bench = Bench::new()?;
        build(&mut bench);
        hasher.update(&bench.compute(kernels, threads)?);
        Ok(())
    };
    part(&|bench| bench.matrices(&types))?;
    if is_own {
        part(&Bench::flash_attention)?;
    } else {
        part(&Bench::attention)?;
    }
    part(&Bench::rope)?;
    part(&Bench::elementwise)?;
    if !is_own {
        hasher.update(&frozen_functions());
    }
    Ok(*hasher.finalize().as_bytes())
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a table of small numbers
fn frozen_functions() -> Digest {
    let mut hasher = blake3::Hasher::new();
    for i in 0..2_003i32 {
        let x = f64::from(i - 1_001) * 0.017;
        for y in [
            libm::exp(x),
            libm::tanh(x),
            libm::erf(x),
            libm::expm1(x),
            libm::sin(x * 65.0),
            libm::cos(x * 65.0),
            libm::log(x.abs() + 1e-9),
            libm::log2(x.abs() + 1e-9),
            libm::pow(x.abs() + 0.5, 2.37),
        ] {
            hasher.update(&y.to_le_bytes());
        }
        let x = x as f32;
        for y in [
            libm::expf(x),
            libm::tanhf(x),
            libm::erff(x),
            libm::expm1f(x),
            libm::sinf(x * 4_096.0),
            libm::cosf(x * 4_096.0),
            libm::logf(x.abs() + 1e-9),
            libm::powf(10_000.0, x / 34.0),
        ] {
            hasher.update(&y.to_le_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

/// The digest of the bundled model's logits over 300 positions.
#[cfg(feature = "bundled")]
fn bundled_model(profile: Profile, threads: u32, ubatch: u32) -> Result<Digest> {
    let file = super::memory_file(crate::model::BUNDLED)?;
    let weights = Arc::new(super::Weights::load(&file, &mut |_| (), &AtomicBool::new(false))?);
    let vocab = super::Vocab::read(&weights, super::Split::default())?;
    let options = ContextOptions { profile, threads, stream_tokens: 512, streams: 1, ubatch };
    let mut context = Context::new(&weights, None, vocab.len(), &options, &Arc::new(AtomicBool::new(false)))?;
    let mut numbers = Numbers(300);
    let items: Vec<DecodeItem> = (0..300)
        .map(|_| {
            let token = crate::Token::try_from(numbers.next() % vocab.len().max(1) as u64).unwrap_or(0);
            DecodeItem { stream: 0, token, logits: true }
        })
        .collect();
    let mut hasher = blake3::Hasher::new();
    for chunk in items.chunks(context.batch_tokens()) {
        context.decode(chunk)?;
        for i in 0..chunk.len() {
            for logit in context.logits(i)? {
                hasher.update(&logit.to_le_bytes());
            }
        }
    }
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints what to pin when the engine, the profile's list or the bundled model changes on purpose.
    #[test]
    fn this_build_gives_the_pinned_answer() {
        super::super::start().unwrap();
        let hex = |d: Digest| d.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let of = |kernels| hex(operations(kernels, 1).unwrap());
        assert_eq!(of(Kernels::Reference), hex(profile::KNOWN_OPERATIONS), "operations");
        let of = |profile| hex(bundled_model(profile, 1, 64).unwrap());
        assert_eq!(of(Profile::Exact1), hex(profile::KNOWN_MODEL), "model");
        check(Profile::Exact1).unwrap();
    }

    /// As above; by every instruction set that is here.
    #[test]
    fn every_instruction_set_gives_the_pinned_answer() {
        super::super::start().unwrap();
        let hex = |d: Digest| d.iter().map(|b| format!("0x{b:02x}, ")).collect::<String>();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            let found = hex(operations(Kernels::Own(isa), 2).unwrap());
            println!("{isa:?} {found}");
            assert_eq!(found, hex(profile::KNOWN_OPERATIONS_2), "operations, {isa:?}");
        }
        let found = hex(bundled_model(Profile::Exact2, 1, 64).unwrap());
        assert_eq!(found, hex(profile::KNOWN_MODEL_2), "model");
        check(Profile::Exact2).unwrap();
    }

    #[test]
    fn another_answer_is_refused() {
        let error = compare("operations", [1; 32], [2; 32]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
