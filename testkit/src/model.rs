//! Random-weight models.

use crate::quantize::{Quantizer, TensorType};
use crate::tokenizer;
use crate::write::{Gguf, Tensor};
use std::io;
use std::path::Path;

/// Which architecture's metadata and tensors to write.
#[allow(missing_docs)] // names of architectures
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
    Gemma2,
    Gemma3,
    Phi3,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 6] = [
        Architecture::Llama,
        Architecture::Qwen2,
        Architecture::Qwen3,
        Architecture::Gemma2,
        Architecture::Gemma3,
        Architecture::Phi3,
    ];

    /// The value of `general.architecture`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Qwen2 => "qwen2",
            Architecture::Qwen3 => "qwen3",
            Architecture::Gemma2 => "gemma2",
            Architecture::Gemma3 => "gemma3",
            Architecture::Phi3 => "phi3",
        }
    }
}

/// Frequency factors, one for each pair of a head's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeFactors {
    /// None.
    None,
    /// One list, as Llama 3 has (Llama only).
    One,
    /// Long and short ones, with this original context (Phi-3 only).
    LongShort(u32),
}

/// The shape of a model with random weights.
///
/// Weights have deviation 1 / sqrt(inputs), so that activations stay near 1 and logits spread
/// over a few units: neither flat nor one-hot.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpec {
    /// Architecture.
    pub architecture: Architecture,
    /// Number of layers.
    pub layers: u32,
    /// Width of the residual stream, a multiple of the type's block.
    pub embedding: u32,
    /// Query heads.
    pub heads: u32,
    /// Width of one head; `None`: `embedding / heads`.
    pub head_width: Option<u32>,
    /// Key and value heads.
    pub heads_kv: u32,
    /// Width of the feed-forward network, of one expert in a mixture.
    pub feed_forward: u32,
    /// Tokens, at least 259.
    pub vocabulary: u32,
    /// Context length in the metadata.
    pub context: u32,
    /// Experts and experts in use per token (Llama only).
    pub experts: Option<(u32, u32)>,
    /// Whether output and input embeddings are one tensor (always so for Gemma 2).
    pub tied_embeddings: bool,
    /// Sliding window (Gemma only).
    pub sliding_window: Option<u32>,
    /// Every how manieth layer attends to everything; `None`: what the architecture does (Gemma only).
    pub sliding_pattern: Option<u32>,
    /// Base of the rotary position embedding.
    pub rope_base: f32,
    /// Factors of the rotary position embedding's frequencies.
    pub rope_factors: RopeFactors,
    /// Type of the matrices; norms are F32. Where a row holds no whole block: see
    /// [`TensorType::for_columns`].
    pub tensor_type: TensorType,
    /// Who rounds the weights.
    pub quantizer: Quantizer,
    /// Seed of the weights.
    pub seed: u64,
}

impl ModelSpec {
    /// Below half a megabyte: for mutation tests. Its widths hold no whole K-quant block.
    #[must_use]
    pub fn nano() -> Self {
        ModelSpec {
            architecture: Architecture::Llama,
            layers: 2,
            embedding: 64,
            heads: 2,
            head_width: None,
            heads_kv: 1,
            feed_forward: 128,
            vocabulary: 320,
            context: 512,
            experts: None,
            tied_embeddings: false,
            sliding_window: None,
            sliding_pattern: None,
            rope_base: 10_000.0,
            rope_factors: RopeFactors::None,
            tensor_type: TensorType::Q8_0,
            quantizer: Quantizer::Own,
            seed: 1,
        }
    }

    /// About 2 M weights, heads of width 64, every type possible.
    #[must_use]
    pub fn tiny() -> Self {
        ModelSpec {
            layers: 3,
            embedding: 256,
            heads: 4,
            heads_kv: 2,
            feed_forward: 512,
            vocabulary: 512,
            context: 2048,
            ..Self::nano()
        }
    }

    /// About 125 M weights in a 12-layer Llama shape with grouped queries.
    #[must_use]
    pub fn m120() -> Self {
        ModelSpec {
            layers: 12,
            embedding: 768,
            heads: 12,
            heads_kv: 4,
            feed_forward: 2048,
            vocabulary: 32_000,
            context: 8192,
            ..Self::nano()
        }
    }

    /// The shape of `SmolLM2` 135M: 134.5 M weights, rows of 576.
    #[must_use]
    pub fn m135() -> Self {
        ModelSpec {
            layers: 30,
            embedding: 576,
            heads: 9,
            heads_kv: 3,
            feed_forward: 1536,
            vocabulary: 49_152,
            context: 8192,
            tied_embeddings: true,
            rope_base: 100_000.0,
            ..Self::nano()
        }
    }

    /// The shape of Qwen2.5 0.5B: 494 M weights, a vocabulary of 151,936.
    #[must_use]
    pub fn qwen2_5_0_5b() -> Self {
        ModelSpec {
            architecture: Architecture::Qwen2,
            layers: 24,
            embedding: 896,
            heads: 14,
            heads_kv: 2,
            feed_forward: 4864,
            vocabulary: 151_936,
            context: 32_768,
            tied_embeddings: true,
            rope_base: 1_000_000.0,
            ..Self::nano()
        }
    }

    /// The shape of Llama 3.2 1B: 1,236 M weights, a vocabulary of 128,256.
    #[must_use]
    pub fn llama3_2_1b() -> Self {
        ModelSpec {
            layers: 16,
            embedding: 2048,
            heads: 32,
            heads_kv: 8,
            feed_forward: 8192,
            vocabulary: 128_256,
            context: 131_072,
            tied_embeddings: true,
            rope_base: 500_000.0,
            rope_factors: RopeFactors::One,
            ..Self::nano()
        }
    }

    /// Mixtral-style: four experts, two in use.
    #[must_use]
    pub fn moe_tiny() -> Self {
        ModelSpec { layers: 2, feed_forward: 256, experts: Some((4, 2)), ..Self::tiny() }
    }

    /// The tiny shape in another architecture.
    #[must_use]
    pub fn tiny_of(architecture: Architecture) -> Self {
        let gemma = matches!(architecture, Architecture::Gemma2 | Architecture::Gemma3);
        ModelSpec {
            architecture,
            layers: if architecture == Architecture::Gemma3 { 6 } else { 3 },
            tied_embeddings: gemma,
            sliding_window: gemma.then_some(128),
            rope_factors: if architecture == Architecture::Phi3 {
                RopeFactors::LongShort(2048)
            } else {
                RopeFactors::None
            },
            ..Self::tiny()
        }
    }

    /// Rounded by ggml's own quantizer.
    #[cfg(feature = "ggml")]
    #[must_use]
    pub fn with_ggml(self) -> Self {
        ModelSpec { quantizer: Quantizer::Ggml, ..self }
    }

    /// The same model with matrices of another type.
    #[must_use]
    pub fn with_type(self, tensor_type: TensorType) -> Self {
        ModelSpec { tensor_type, ..self }
    }

    /// The file, to be edited or written.
    #[must_use]
    pub fn to_gguf(&self) -> Gguf {
        let mut gguf = Gguf { quantizer: self.quantizer, ..Gguf::default() };
        self.add_metadata(&mut gguf);
        tokenizer::add(&mut gguf, self.vocabulary);
        self.add_tensors(&mut gguf);
        gguf
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_gguf().to_bytes()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        self.to_gguf().write_to(path)
    }

    /// Width of one head.
    #[must_use]
    pub fn head(&self) -> u32 {
        self.head_width.unwrap_or(self.embedding / self.heads)
    }

    fn add_metadata(&self, gguf: &mut Gguf) {
        let name = self.architecture.name();
        gguf.set("general.architecture", name);
        gguf.set("general.type", "model");
        gguf.set("general.name", "random weights");
        gguf.set("general.alignment", 32);
        let mut set = |key: &str, value: u32| gguf.set(format!("{name}.{key}"), value);
        set("block_count", self.layers);
        set("context_length", self.context);
        set("embedding_length", self.embedding);
        set("feed_forward_length", self.feed_forward);
        set("attention.head_count", self.heads);
        set("attention.head_count_kv", self.heads_kv);
        set("attention.key_length", self.head());
        set("attention.value_length", self.head());
        set("rope.dimension_count", self.head());
        if let Some((experts, used)) = self.experts {
            set("expert_count", experts);
            set("expert_used_count", used);
        }
        if let Some(window) = self.sliding_window {
            set("attention.sliding_window", window);
        }
        if let Some(pattern) = self.sliding_pattern {
            set("attention.sliding_window_pattern", pattern);
        }
        if let RopeFactors::LongShort(original) = self.rope_factors {
            set("rope.scaling.original_context_length", original);
        }
        let mut set = |key: &str, value: f32| gguf.set(format!("{name}.{key}"), value);
        set("rope.freq_base", self.rope_base);
        set("attention.layer_norm_rms_epsilon", 1e-5);
        if self.architecture == Architecture::Gemma2 {
            set("attn_logit_softcapping", 50.0);
            set("final_logit_softcapping", 30.0);
        }
    }

    fn add_tensors(&self, gguf: &mut Gguf) {
        use Architecture::{Gemma2, Gemma3, Llama, Phi3, Qwen2, Qwen3};
        let arch = self.architecture;
        let (e, ff, v) =
            (u64::from(self.embedding), u64::from(self.feed_forward), u64::from(self.vocabulary));
        let (head, q, kv) = (
            u64::from(self.head()),
            u64::from(self.heads * self.head()),
            u64::from(self.heads_kv * self.head()),
        );
        let mut add = |name: String, dims: &[u64], tensor_type, mean, deviation| {
            // Every tensor has a stream of its own: shapes may change without moving the others.
            let seed = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ fnv(&name);
            let tensor_type: TensorType = tensor_type;
            let tensor_type = tensor_type.for_columns(dims[0]);
            gguf.tensors.push(Tensor { name, dims: dims.to_vec(), tensor_type, mean, deviation, seed });
        };
        #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
        let scale = |inputs: u64| 1.0 / (inputs as f32).sqrt();
        let tied = self.tied_embeddings || arch == Gemma2;
        // As output, three times 1 / sqrt(inputs): logits of deviation 3.
        let embedding = if tied { 3.0 * scale(e) } else { 1.0 };
        add("token_embd.weight".into(), &[e, v], self.tensor_type, 0.0, embedding);
        if !tied {
            add("output.weight".into(), &[e, v], self.tensor_type, 0.0, 3.0 * scale(e));
        }
        // Gemma's norms are stored with their "1 +" added, like everybody else's.
        add("output_norm.weight".into(), &[e], TensorType::F32, 1.0, 0.02);
        // Factors from 1 up, as models have them that were trained on and on to longer contexts.
        let factors: &[&str] = match self.rope_factors {
            RopeFactors::None => &[],
            RopeFactors::One => &["rope_freqs.weight"],
            RopeFactors::LongShort(_) => &["rope_factors_long.weight", "rope_factors_short.weight"],
        };
        for name in factors {
            let mean = if name.contains("long") { 4.0 } else { 1.25 };
            add((*name).into(), &[head / 2], TensorType::F32, mean, 0.05);
        }
        for i in 0..self.layers {
            let mut vector = |part: &str, n: u64, mean: f32, deviation: f32| {
                add(format!("blk.{i}.{part}"), &[n], TensorType::F32, mean, deviation);
            };
            vector("attn_norm.weight", e, 1.0, 0.02);
            vector("ffn_norm.weight", e, 1.0, 0.02);
            match arch {
                Qwen2 => {
                    vector("attn_q.bias", q, 0.0, 0.1);
                    vector("attn_k.bias", kv, 0.0, 0.1);
                    vector("attn_v.bias", kv, 0.0, 0.1);
                }
                Qwen3 | Gemma3 => {
                    vector("attn_q_norm.weight", head, 1.0, 0.02);
                    vector("attn_k_norm.weight", head, 1.0, 0.02);
                }
                Llama | Gemma2 | Phi3 => {}
            }
            if matches!(arch, Gemma2 | Gemma3) {
                vector("post_attention_norm.weight", e, 1.0, 0.02);
                vector("post_ffw_norm.weight", e, 1.0, 0.02);
            }
            let mut matrix = |part: &str, dims: &[u64]| {
                add(format!("blk.{i}.{part}.weight"), dims, self.tensor_type, 0.0, scale(dims[0]));
            };
            if arch == Phi3 {
                matrix("attn_qkv", &[e, q + 2 * kv]);
            } else {
                matrix("attn_q", &[e, q]);
                matrix("attn_k", &[e, kv]);
                matrix("attn_v", &[e, kv]);
            }
            matrix("attn_output", &[q, e]);
            if let Some((experts, _)) = self.experts {
                let n = u64::from(experts);
                matrix("ffn_gate_exps", &[e, ff, n]);
                matrix("ffn_up_exps", &[e, ff, n]);
                matrix("ffn_down_exps", &[ff, e, n]);
                // Routers are kept in F32: their rounding decides which experts run.
                add(format!("blk.{i}.ffn_gate_inp.weight"), &[e, n], TensorType::F32, 0.0, scale(e));
            } else if arch == Phi3 {
                matrix("ffn_up", &[e, 2 * ff]);
                matrix("ffn_down", &[ff, e]);
            } else {
                matrix("ffn_gate", &[e, ff]);
                matrix("ffn_up", &[e, ff]);
                matrix("ffn_down", &[ff, e]);
            }
        }
    }
}

/// FNV-1a, 64 bits.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
